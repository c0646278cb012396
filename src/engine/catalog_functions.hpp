// The catalog as tables, for the shell's .tables, .schema and completion and for anybody who asks over the network:
//
//   trefoil_tables()    name, columns, indexes
//   trefoil_columns()   table_name, ordinal, column_name, type, not_null, default_text
//   trefoil_indexes()   table_name, index_name, columns, is_unique, is_primary
//   trefoil_schema()    ordinal, table_name, definition: CREATE statements that make the same catalog again
//
// They show what the asking statement sees: inside BEGIN its own DDL too.
#pragma once

#include <string>
#include <vector>

#include "sql/expressions/table_function.hpp"
#include "sql/storage/schema.hpp"

namespace trefoil {

void addCatalogFunctions(sql::TableFunctions& functions);

// The CREATE statements of a table and its indexes.
std::vector<std::string> definitionsOf(const sql::TableSchema& schema);

}  // namespace trefoil
