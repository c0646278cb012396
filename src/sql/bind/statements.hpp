// Binding of everything that is not a query: INSERT, UPDATE, DELETE, and changes of the catalog.
#pragma once

#include "sql/bind/binder.hpp"
#include "sql/plan/parts.hpp"

namespace trefoil::sql {

// Each fills the part of `parts` that is its own, and `columns` with what RETURNING answers.
Status bindInsert(Binder& binder, const ast::Insert& insert, PlanParts& parts, std::vector<ColumnInfo>& columns);
Status bindUpdate(Binder& binder, const ast::Update& update, PlanParts& parts, std::vector<ColumnInfo>& columns);
Status bindDelete(Binder& binder, const ast::Delete& remove, PlanParts& parts, std::vector<ColumnInfo>& columns);

// CREATE TABLE, CREATE INDEX, DROP, ALTER TABLE, TRUNCATE. `tag` is the command's name for the reply.
Status bindSchemaChange(Binder& binder, const ast::Statement& statement, PlanParts& parts, std::string_view& tag);

// The CHECKs and defaults of a table, bound over its columns by position.
Result<std::vector<BoundCheck>> bindChecks(Binder& binder, const TableSchema& schema);
Result<ExpressionPtr> bindDefault(Binder& binder, const ColumnDefinition& column);

}  // namespace trefoil::sql
