#include "engine/catalog_functions.hpp"

#include "engine/list_source.hpp"
#include "parser/ast_printer.hpp"
#include "sql/execution/executor.hpp"
#include "sql/storage/schema.hpp"
#include "sql/storage/view.hpp"

namespace trefoil {
namespace {

using sql::SqlType;
using sql::TableSchema;

std::string quotedColumns(const TableSchema& schema, const sql::IndexDefinition& index) {
  std::string text;
  for (const std::uint32_t column : index.columns) {
    text += (text.empty() ? "" : ", ") + parser::quoteIdentifier(schema.columns[column].name);
  }
  return text;
}

std::string createTable(const TableSchema& schema) {
  std::string text = "CREATE TABLE " + parser::quoteIdentifier(schema.name) + " (";
  const char* separator = "\n  ";
  for (const sql::ColumnDefinition& column : schema.columns) {
    text += separator + parser::quoteIdentifier(column.name) + " " + sql::sqlTypeName(column.type);
    text += column.not_null ? " NOT NULL" : "";
    text += column.default_text.empty() ? "" : " DEFAULT " + column.default_text;
    separator = ",\n  ";
  }
  for (const sql::IndexDefinition& index : schema.indexes) {
    if (index.is_constraint) {
      text += separator + ("CONSTRAINT " + parser::quoteIdentifier(index.name)) +
              (index.primary ? " PRIMARY KEY (" : " UNIQUE (") + quotedColumns(schema, index) + ")";
    }
  }
  for (const sql::CheckDefinition& check : schema.checks) {
    text += separator + ("CONSTRAINT " + parser::quoteIdentifier(check.name)) + " CHECK (" + check.expression_text + ")";
  }
  return text + "\n);";
}

std::string createIndex(const TableSchema& schema, const sql::IndexDefinition& index) {
  return std::string(index.unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ") + parser::quoteIdentifier(index.name) + " ON " +
         parser::quoteIdentifier(schema.name) + " (" + quotedColumns(schema, index) + ");";
}

std::string createIndex(const TableSchema& schema, const sql::VectorIndexDefinition& index) {
  return "CREATE INDEX " + parser::quoteIdentifier(index.name) + " ON " + parser::quoteIdentifier(schema.name) + " USING hnsw (" +
         parser::quoteIdentifier(schema.columns[index.column].name) + " " + std::string(sql::operatorClass(index.metric)) +
         ") WITH (m = " + std::to_string(index.m) + ", ef_construction = " + std::to_string(index.ef_construction) + ");";
}

using Rows = Result<std::unique_ptr<sql::RowSource>>;

Rows listTables(sql::ExecContext& context, std::span<const Datum>) {
  auto rows = std::make_unique<ListSource>(3);
  for (const sql::SchemaPointer& table : context.view.tables()) {
    rows->addText(table->name);
    rows->addInteger(static_cast<std::int64_t>(table->columns.size()));
    rows->addInteger(static_cast<std::int64_t>(table->indexes.size() + table->vector_indexes.size()));
  }
  return std::unique_ptr<sql::RowSource>(std::move(rows));
}

Rows listColumns(sql::ExecContext& context, std::span<const Datum>) {
  auto rows = std::make_unique<ListSource>(6);
  for (const sql::SchemaPointer& table : context.view.tables()) {
    std::int64_t ordinal = 0;
    for (const sql::ColumnDefinition& column : table->columns) {
      rows->addText(table->name);
      rows->addInteger(++ordinal);
      rows->addText(column.name);
      rows->addText(sql::sqlTypeName(column.type));
      rows->addBool(column.not_null);
      if (column.default_text.empty()) {
        rows->addNull();
      } else {
        rows->addText(column.default_text);
      }
    }
  }
  return std::unique_ptr<sql::RowSource>(std::move(rows));
}

Rows listIndexes(sql::ExecContext& context, std::span<const Datum>) {
  auto rows = std::make_unique<ListSource>(5);
  for (const sql::SchemaPointer& table : context.view.tables()) {
    for (const sql::IndexDefinition& index : table->indexes) {
      rows->addText(table->name);
      rows->addText(index.name);
      rows->addText(quotedColumns(*table, index));
      rows->addBool(index.unique);
      rows->addBool(index.primary);
    }
    for (const sql::VectorIndexDefinition& index : table->vector_indexes) {
      rows->addText(table->name);
      rows->addText(index.name);
      rows->addText(parser::quoteIdentifier(table->columns[index.column].name));
      rows->addBool(false);
      rows->addBool(false);
    }
  }
  return std::unique_ptr<sql::RowSource>(std::move(rows));
}

Rows listSchema(sql::ExecContext& context, std::span<const Datum>) {
  auto rows = std::make_unique<ListSource>(3);
  std::int64_t ordinal = 0;
  for (const sql::SchemaPointer& table : context.view.tables()) {
    for (std::string& definition : definitionsOf(*table)) {
      rows->addInteger(++ordinal);
      rows->addText(table->name);
      rows->addText(std::move(definition));
    }
  }
  return std::unique_ptr<sql::RowSource>(std::move(rows));
}

}  // namespace

std::vector<std::string> definitionsOf(const TableSchema& schema) {
  std::vector<std::string> definitions{createTable(schema)};
  for (const sql::IndexDefinition& index : schema.indexes) {
    if (!index.is_constraint) {
      definitions.push_back(createIndex(schema, index));
    }
  }
  for (const sql::VectorIndexDefinition& index : schema.vector_indexes) {
    definitions.push_back(createIndex(schema, index));
  }
  return definitions;
}

void addCatalogFunctions(sql::TableFunctions& functions) {
  const SqlType text = SqlType::text();
  const SqlType bigint = SqlType::bigint();
  const SqlType boolean = SqlType::boolean();
  functions.add({"trefoil_tables", {}, 0, {{"name", text}, {"columns", bigint}, {"indexes", bigint}}, listTables});
  functions.add({"trefoil_columns",
                 {},
                 0,
                 {{"table_name", text},
                  {"ordinal", bigint},
                  {"column_name", text},
                  {"type", text},
                  {"not_null", boolean},
                  {"default_text", text}},
                 listColumns});
  functions.add({"trefoil_indexes",
                 {},
                 0,
                 {{"table_name", text}, {"index_name", text}, {"columns", text}, {"is_unique", boolean}, {"is_primary", boolean}},
                 listIndexes});
  functions.add({"trefoil_schema", {}, 0, {{"ordinal", bigint}, {"table_name", text}, {"definition", text}}, listSchema});
}

}  // namespace trefoil
