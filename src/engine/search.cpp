#include "engine/search.hpp"

#include <algorithm>

#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"
#include "parser/ast_printer.hpp"

namespace trefoil {

namespace {

std::string_view distanceOperator(const sql::TableSchema& schema, std::uint32_t column) {
  constexpr std::string_view kOperators[] = {"<=>", "<->", "<#>"};  // by Metric
  const auto index = std::find_if(schema.vector_indexes.begin(), schema.vector_indexes.end(),
                                  [&](const sql::VectorIndexDefinition& i) { return i.column == column; });
  return kOperators[static_cast<std::size_t>(index == schema.vector_indexes.end() ? vector::Metric::kCosine : index->metric)];
}

Result<std::string> searchText(const sql::TableSchema& schema, std::string_view column_name) {
  const auto column = schema.findColumn(column_name);
  if (!column) {
    return Error(ErrorCode::kUndefinedColumn, "column \"" + std::string(column_name) + "\" does not exist");
  }
  if (schema.columns[*column].type.storage() != Type::kVector) {
    return Error(ErrorCode::kDatatypeMismatch, "column \"" + std::string(column_name) + "\" is of type " +
                                                   sql::sqlTypeName(schema.columns[*column].type) + ", not vector");
  }
  const std::string distance =
      parser::quoteIdentifier(column_name) + " " + std::string(distanceOperator(schema, *column)) + " $1";
  std::string text = "SELECT ";
  for (const sql::ColumnDefinition& definition : schema.columns) {
    if (definition.type.storage() != Type::kVector) {
      text += parser::quoteIdentifier(definition.name) + ", ";
    }
  }
  return text + distance + " AS distance FROM " + parser::quoteIdentifier(schema.name) + " ORDER BY " + distance + " LIMIT $2";
}

}  // namespace

Result<std::string> searchStatement(Session::Impl& session, std::span<const std::string_view> args) {
  const auto find = [&](sql::View& view) { return view.findTable(args[1]); };
  sql::SchemaPointer schema;
  if (txn::Transaction* current = session.sql.currentTransaction(); current != nullptr) {
    schema = find(current->sql());
  } else {
    sql::Store& store = session.database.manager().sql();
    EffectBuffer none;
    const SharedGuard catalog(store.catalogGate());
    sql::View view(store, none);
    schema = find(view);
  }
  if (schema == nullptr) {
    return Error(ErrorCode::kUndefinedTable, "relation \"" + std::string(args[1]) + "\" does not exist");
  }
  return searchText(*schema, args[2]);
}

}  // namespace trefoil
