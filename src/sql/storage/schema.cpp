#include "sql/storage/schema.hpp"

namespace trefoil::sql {

namespace {

// By Metric.
constexpr std::string_view kOperatorClasses[] = {"vector_cosine_ops", "vector_l2_ops", "vector_ip_ops"};

}  // namespace

std::string_view operatorClass(vector::Metric metric) {
  return kOperatorClasses[static_cast<std::size_t>(metric)];
}

std::optional<vector::Metric> metricOf(std::string_view operator_class) {
  for (std::size_t i = 0; i < std::size(kOperatorClasses); ++i) {
    if (kOperatorClasses[i] == operator_class) {
      return static_cast<vector::Metric>(i);
    }
  }
  return std::nullopt;
}

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

std::optional<std::uint32_t> TableSchema::findVectorIndex(IndexId index) const {
  for (std::uint32_t i = 0; i < vector_indexes.size(); ++i) {
    if (vector_indexes[i].id == index) {
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

std::string TableSchema::rowText(std::span<const Datum> row) const {
  constexpr std::size_t kMostOfValue = 64;
  std::string text = "(";
  for (std::size_t i = 0; i < row.size(); ++i) {
    text += (i == 0 ? "" : ", ") + shortText(columns[i].type, row[i], kMostOfValue);
  }
  return text + ")";
}

}  // namespace trefoil::sql
