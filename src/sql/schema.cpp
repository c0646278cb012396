#include "sql/schema.hpp"

namespace trefoil::sql {

std::optional<std::uint32_t> TableSchema::findColumn(std::string_view column) const {
  for (std::uint32_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == column) {
      return i;
    }
  }
  return std::nullopt;
}

std::optional<std::uint32_t> TableSchema::findIndex(std::string_view index) const {
  for (std::uint32_t i = 0; i < indexes.size(); ++i) {
    if (indexes[i].name == index) {
      return i;
    }
  }
  return std::nullopt;
}

std::optional<std::uint32_t> TableSchema::findIndex(IndexId index) const {
  for (std::uint32_t i = 0; i < indexes.size(); ++i) {
    if (indexes[i].id == index) {
      return i;
    }
  }
  return std::nullopt;
}

std::string TableSchema::columnList(const IndexDefinition& index) const {
  std::string list = "(";
  for (std::size_t i = 0; i < index.columns.size(); ++i) {
    list += (i == 0 ? "" : ", ") + columns[index.columns[i]].name;
  }
  return list + ")";
}

}  // namespace trefoil::sql
