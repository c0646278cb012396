// CREATE TABLE, CREATE INDEX, DROP, ALTER TABLE RENAME, TRUNCATE: checked here as far as the catalog alone allows, done by the
// View when the plan runs.
#include "parser/ast_printer.hpp"
#include "sql/bind/statements.hpp"
#include "sql/storage/view.hpp"
#include "vector/hnsw.hpp"

namespace trefoil::sql {
namespace {

Error duplicateRelation(std::string_view name, std::uint32_t position) {
  return Error(ErrorCode::kDuplicateObject, "relation \"" + std::string(name) + "\" already exists").at(position);
}

Error unsupported(std::string what, std::uint32_t position) {
  return Error(ErrorCode::kUnsupported, std::move(what)).at(position);
}

// A name made of parts, shortened to PostgreSQL's 63 bytes and made different from the names in use.
template <typename IsTaken>
std::string makeName(const std::string& stem, std::string_view suffix, IsTaken&& is_taken) {
  for (int number = 0;; ++number) {
    const std::string tail = "_" + std::string(suffix) + (number == 0 ? "" : std::to_string(number));
    std::string name = stem.substr(0, kMaxNameBytes - std::min(tail.size(), kMaxNameBytes)) + tail;
    if (!is_taken(name)) {
      return name;
    }
  }
}

class TableBinder {
 public:
  TableBinder(Binder& binder, const ast::CreateTable& create) : binder_(binder), create_(create) {}

  Result<TableSchema> bind() {
    schema_.name = create_.name.name.text;
    if (schema_.name.size() > kMaxNameBytes) {
      return Error(ErrorCode::kLimit, "table name is too long").at(create_.name.name.position);
    }
    for (const ast::ColumnDefinition& column : create_.columns) {
      TREFOIL_TRY(addColumn(column));
    }
    for (const ast::ColumnDefinition& column : create_.columns) {
      TREFOIL_TRY(checkConstraints(column));
      for (const ast::Constraint& constraint : column.constraints) {
        TREFOIL_TRY(addConstraint(constraint, &column));
      }
    }
    for (const ast::Constraint& constraint : create_.constraints) {
      TREFOIL_TRY(addConstraint(constraint, nullptr));
    }
    // The primary key comes first.
    std::stable_partition(schema_.indexes.begin(), schema_.indexes.end(), [](const IndexDefinition& i) { return i.primary; });
    TREFOIL_ASSIGN(const auto checks, bindChecks(binder_, schema_));
    return std::move(schema_);
  }

 private:
  Status addColumn(const ast::ColumnDefinition& column) {
    if (schema_.findColumn(column.name.text)) {
      return Error(ErrorCode::kDuplicateObject, "column \"" + std::string(column.name.text) + "\" specified more than once")
          .at(column.name.position);
    }
    if (schema_.columns.size() >= kMaxColumns) {
      return Error(ErrorCode::kLimit, "tables can have at most " + std::to_string(kMaxColumns) + " columns")
          .at(column.name.position);
    }
    ColumnDefinition definition;
    definition.name = column.name.text;
    const std::vector<std::int64_t> modifiers(column.type.modifiers.begin(), column.type.modifiers.end());
    auto type = resolveTypeName(column.type.name.text, modifiers);
    if (!type.ok()) {
      return std::move(type).error().at(column.type.name.position);
    }
    if (type.value().is(TypeId::kVector) && type.value().modifier == 0) {
      return Error(ErrorCode::kInvalid, "a vector column needs its number of dimensions")
          .withHint("Write vector(n), with n between 1 and 16000.")
          .at(column.type.name.position);
    }
    definition.type = type.value();
    schema_.columns.push_back(std::move(definition));
    return {};
  }

  // Two defaults, or NULL beside NOT NULL.
  Status checkConstraints(const ast::ColumnDefinition& column) const {
    const auto of_column = "for column \"" + std::string(column.name.text) + "\" of table \"" + schema_.name + "\"";
    const ast::Constraint* value = nullptr;
    const ast::Constraint* null = nullptr;
    for (const ast::Constraint& constraint : column.constraints) {
      using enum ast::ConstraintKind;
      if (constraint.kind == kDefault) {
        if (std::exchange(value, &constraint) != nullptr) {
          return Error(ErrorCode::kSyntax, "multiple default values specified " + of_column).at(constraint.position);
        }
      } else if (constraint.kind == kNull || constraint.kind == kNotNull || constraint.kind == kPrimaryKey) {
        const ast::Constraint* const before = std::exchange(null, &constraint);
        if (before != nullptr && (before->kind == kNull) != (constraint.kind == kNull)) {
          return Error(ErrorCode::kSyntax, "conflicting NULL/NOT NULL declarations " + of_column).at(constraint.position);
        }
      }
    }
    return {};
  }

  Status addConstraint(const ast::Constraint& constraint, const ast::ColumnDefinition* of_column) {
    ColumnDefinition* column = of_column == nullptr ? nullptr : &schema_.columns[*schema_.findColumn(of_column->name.text)];
    switch (constraint.kind) {
      case ast::ConstraintKind::kNotNull:
        column->not_null = true;
        return {};
      case ast::ConstraintKind::kNull:
        return {};
      case ast::ConstraintKind::kDefault: {
        column->default_text = parser::toSql(*constraint.expression);
        auto bound = bindDefault(binder_, *column);
        if (!bound.ok()) {
          return std::move(bound).error().at(constraint.position);
        }
        return {};
      }
      case ast::ConstraintKind::kCheck:
        return addCheck(constraint);
      case ast::ConstraintKind::kPrimaryKey:
      case ast::ConstraintKind::kUnique:
        return addKey(constraint, of_column);
      case ast::ConstraintKind::kForeignKey:
        return unsupported("foreign keys are not supported", constraint.position);
    }
    return {};
  }

  Status addCheck(const ast::Constraint& constraint) {
    const auto taken = [&](const std::string& name) { return hasConstraint(name); };
    CheckDefinition check;
    check.name = constraint.name.text;
    check.expression_text = parser::toSqlOfOneTable(*constraint.expression);
    // Bound once to complain with a position of this statement.
    Frame frame;
    Scope scope;
    scope.frame = &frame;
    scope.tables.push_back({schema_.name, {}});
    for (std::uint32_t i = 0; i < schema_.columns.size(); ++i) {
      scope.tables[0].columns.push_back({i, schema_.columns[i].name, schema_.columns[i].type});
    }
    const Binder::FixedLiterals fixed(binder_);
    TREFOIL_ASSIGN(const ExpressionPtr condition,
                   binder_.bindCondition(*constraint.expression, {.scope = &scope, .clause = "CHECK"}));
    if (hasSubquery(*condition)) {
      return unsupported("cannot use subquery in check constraint", constraint.position);
    }
    if (check.name.empty()) {  // after the one column that it is about, if it is one
      std::vector<ColumnId> columns;
      collectColumns(*condition, columns);
      const bool one =
          !columns.empty() && std::all_of(columns.begin(), columns.end(), [&](ColumnId id) { return id == columns[0]; });
      check.name = makeName(schema_.name + (one ? "_" + schema_.columns[columns[0]].name : ""), "check", taken);
    } else if (taken(check.name)) {
      return constraintExists(check.name).at(constraint.position);
    }
    schema_.checks.push_back(std::move(check));
    return {};
  }

  [[nodiscard]] bool hasConstraint(std::string_view name) const {
    return schema_.findIndex(name).has_value() ||
           std::any_of(schema_.checks.begin(), schema_.checks.end(), [&](const CheckDefinition& c) { return c.name == name; });
  }
  [[nodiscard]] Error constraintExists(const std::string& name) const {
    return {ErrorCode::kDuplicateObject, "constraint \"" + name + "\" for relation \"" + schema_.name + "\" already exists"};
  }

  Status addKey(const ast::Constraint& constraint, const ast::ColumnDefinition* of_column) {
    IndexDefinition index;
    index.unique = true;
    index.is_constraint = true;
    index.primary = constraint.kind == ast::ConstraintKind::kPrimaryKey;
    if (index.primary && schema_.indexes.end() != std::find_if(schema_.indexes.begin(), schema_.indexes.end(),
                                                               [](const auto& i) { return i.primary; })) {
      return Error(ErrorCode::kInvalid, "multiple primary keys for table \"" + schema_.name + "\" are not allowed")
          .at(constraint.position);
    }
    std::vector<ast::Name> names(constraint.columns.begin(), constraint.columns.end());
    if (of_column != nullptr) {
      names.assign(1, of_column->name);
    }
    std::string stem = schema_.name;
    for (const ast::Name& name : names) {
      const auto column = schema_.findColumn(name.text);
      if (!column) {
        return Error(ErrorCode::kUndefinedColumn, "column \"" + std::string(name.text) + "\" named in key does not exist")
            .at(name.position);
      }
      TREFOIL_TRY(checkIndexable(schema_.columns[*column], name.position));
      if (std::find(index.columns.begin(), index.columns.end(), *column) != index.columns.end()) {
        return Error(ErrorCode::kDuplicateObject, "column \"" + std::string(name.text) + "\" appears twice in " +
                                                      (index.primary ? "primary key" : "unique") + " constraint")
            .at(name.position);
      }
      if (index.primary) {
        schema_.columns[*column].not_null = true;
      } else {
        stem += "_" + std::string(name.text);
      }
      index.columns.push_back(*column);
    }
    index.name = constraint.name.text;
    if (index.name.empty()) {
      index.name = makeName(stem, index.primary ? "pkey" : "key", [&](const std::string& name) {
        return schema_.findIndex(name).has_value() || binder_.view().findIndex(name).has_value();
      });
    } else if (hasConstraint(index.name)) {
      return constraintExists(index.name).at(constraint.position);
    }
    schema_.indexes.push_back(std::move(index));
    return {};
  }

 public:
  static Status checkIndexable(const ColumnDefinition& column, std::uint32_t position) {
    if (!isComparable(column.type) || column.type.is(TypeId::kVector)) {
      return Error(ErrorCode::kUndefinedObject, "data type " + sqlTypeName(column.type.withoutModifier()) +
                                                    " has no default operator class for access method \"btree\"")
          .at(position);
    }
    return {};
  }

 private:
  Binder& binder_;
  const ast::CreateTable& create_;
  TableSchema schema_;
};

Status bindCreateTable(Binder& binder, const ast::CreateTable& create, PlanParts& parts) {
  if (create.temporary) {
    return unsupported("temporary tables are not supported", create.position);
  }
  TREFOIL_TRY(Binder::checkSchemaName(create.name));
  if (binder.view().findTable(create.name.name.text) != nullptr) {
    if (!create.if_not_exists) {
      return duplicateRelation(create.name.name.text, create.name.name.position);
    }
    parts.schema_change = [](View&) { return Status(); };
    return {};
  }
  TREFOIL_ASSIGN(TableSchema schema, TableBinder(binder, create).bind());
  parts.schema_change = [schema = std::move(schema)](View& view) -> Status {
    TREFOIL_ASSIGN(const TableId id, view.createTable(schema));
    (void)id;
    return {};
  };
  return {};
}

// The name of the index that is to be made. False: IF NOT EXISTS, and it does.
Result<bool> nameIndex(Binder& binder, const ast::CreateIndex& create, const std::string& stem, std::string& name) {
  const auto taken = [&](std::string_view wanted) {
    return binder.view().findIndex(wanted).has_value() || binder.view().findTable(wanted) != nullptr;
  };
  name = create.name.text;
  if (name.empty()) {
    name = makeName(stem, "idx", taken);
  } else if (taken(name)) {
    if (!create.if_not_exists) {
      return duplicateRelation(name, create.name.position);
    }
    return false;
  }
  return true;
}

Result<std::uint32_t> indexedColumn(const TableSchema& schema, const ast::IndexElement& element) {
  if (!element.expression->is<ast::Column>()) {
    return unsupported("indexes on expressions are not supported", element.expression->position);
  }
  const auto& name = element.expression->as<ast::Column>();
  const auto column = schema.findColumn(name.name.text);
  if (!column) {
    return Error(ErrorCode::kUndefinedColumn, "column \"" + std::string(name.name.text) + "\" does not exist").at(name.position);
  }
  return *column;
}

// ---- USING hnsw, with pgvector's operator classes, options and texts

Result<std::uint32_t> integerOption(const ast::Option& option) {
  const ast::Expression* value = option.value;
  bool negative = false;
  while (value->is<ast::Unary>()) {
    negative ^= value->as<ast::Unary>().op == ast::UnaryOperator::kNegate;
    value = value->as<ast::Unary>().operand;
  }
  const std::string name(option.name.text);
  const auto* literal = value->is<ast::Literal>() ? &value->as<ast::Literal>() : nullptr;
  if (literal == nullptr || literal->literal_kind != ast::LiteralKind::kInteger) {
    return Error(ErrorCode::kInvalid,
                 "invalid value for integer option \"" + name + "\": " + (literal == nullptr ? "" : parser::toSql(*option.value)))
        .at(option.value->position);
  }
  if (negative || literal->integer > INT32_MAX) {
    const bool is_m = name == "m";
    return Error(ErrorCode::kInvalid, "value " + parser::toSql(*option.value) + " out of bounds for option \"" + name + "\"")
        .withDetail("Valid values are between \"" + std::to_string(is_m ? vector::kMinHnswM : vector::kMinEfConstruction) +
                    "\" and \"" + std::to_string(is_m ? vector::kMaxHnswM : vector::kMaxEfConstruction) + "\".")
        .at(option.value->position);
  }
  return static_cast<std::uint32_t>(literal->integer);
}

Status readOptions(const ast::CreateIndex& create, VectorIndexDefinition& index) {
  const vector::HnswOptions defaults;
  index.m = static_cast<std::uint32_t>(defaults.m);
  index.ef_construction = static_cast<std::uint32_t>(defaults.ef_construction);
  std::vector<std::string_view> seen;
  for (const ast::Option& option : create.options) {
    if (option.name.text != "m" && option.name.text != "ef_construction") {
      return Error(ErrorCode::kInvalid, "unrecognized parameter \"" + std::string(option.name.text) + "\"")
          .at(option.name.position);
    }
    if (std::find(seen.begin(), seen.end(), option.name.text) != seen.end()) {
      return Error(ErrorCode::kInvalid, "parameter \"" + std::string(option.name.text) + "\" specified more than once")
          .at(option.name.position);
    }
    seen.push_back(option.name.text);
    TREFOIL_ASSIGN((option.name.text == "m" ? index.m : index.ef_construction), integerOption(option));
  }
  if (Status checked = vector::checkHnswOptions({.m = index.m, .ef_construction = index.ef_construction}); !checked.ok()) {
    return std::move(checked).error().at(create.options.empty() ? create.position : create.options[0].name.position);
  }
  return {};
}

Status bindCreateVectorIndex(Binder& binder, const ast::CreateIndex& create, const TableSchema& schema, PlanParts& parts) {
  const ast::IndexElement& element = create.elements[0];
  if (create.unique) {
    return unsupported("access method \"hnsw\" does not support unique indexes", create.position);
  }
  if (create.elements.size() > 1) {
    return unsupported("access method \"hnsw\" does not support multicolumn indexes", create.elements[1].expression->position);
  }
  if (element.descending) {
    return unsupported("access method \"hnsw\" does not support ASC/DESC options", element.expression->position);
  }
  if (element.nulls != ast::NullsOrder::kUnspecified) {
    return unsupported("access method \"hnsw\" does not support NULLS FIRST/LAST options", element.expression->position);
  }
  VectorIndexDefinition index;
  TREFOIL_ASSIGN(index.column, indexedColumn(schema, element));
  const std::string type = sqlTypeName(schema.columns[index.column].type.withoutModifier());
  if (element.operator_class.empty()) {
    return Error(ErrorCode::kUndefinedObject, "data type " + type + " has no default operator class for access method \"hnsw\"")
        .withHint("You must specify an operator class for the index or define a default operator class for the data type.")
        .at(element.expression->position);
  }
  const auto metric = metricOf(element.operator_class.text);
  if (!metric) {
    return Error(ErrorCode::kUndefinedObject,
                 "operator class \"" + std::string(element.operator_class.text) + "\" does not exist for access method \"hnsw\"")
        .at(element.operator_class.position);
  }
  if (schema.columns[index.column].type.id != TypeId::kVector) {
    return Error(ErrorCode::kDatatypeMismatch,
                 "operator class \"" + std::string(element.operator_class.text) + "\" does not accept data type " + type)
        .at(element.operator_class.position);
  }
  index.metric = *metric;
  TREFOIL_TRY(readOptions(create, index));
  TREFOIL_ASSIGN(const bool is_new, nameIndex(binder, create, schema.name + "_" + schema.columns[index.column].name, index.name));
  if (!is_new) {
    parts.schema_change = [](View&) { return Status(); };
    return {};
  }
  parts.make_vector_index = [table = schema.id, index = std::move(index)](View& view) -> Result<NewVectorIndex> {
    TREFOIL_ASSIGN(const IndexId id, view.createVectorIndex(table, index));
    return NewVectorIndex{table, id};
  };
  return {};
}

// All columns are kept ascending, as an index is read from either end; DESC is for speed alone. NULLs lie at one end.
Status checkIndexOrder(const ast::IndexElement& element) {
  const bool nulls_first = element.nulls == ast::NullsOrder::kFirst;
  if (element.nulls != ast::NullsOrder::kUnspecified && nulls_first != element.descending) {
    return unsupported(std::string("NULLS ") + (nulls_first ? "FIRST" : "LAST") + " is not supported in " +
                           (element.descending ? "a descending" : "an ascending") + " index",
                       element.expression->position);
  }
  return {};
}

Status bindCreateIndex(Binder& binder, const ast::CreateIndex& create, PlanParts& parts) {
  TREFOIL_ASSIGN(const SchemaPointer schema, binder.findTable(create.table));
  binder.useTable(schema->id, true);
  const bool is_hnsw = create.method.text == "hnsw";
  if (!create.method.empty() && create.method.text != "btree" && !is_hnsw) {
    return Error(ErrorCode::kUndefinedObject, "access method \"" + std::string(create.method.text) + "\" does not exist")
        .at(create.method.position);
  }
  if (create.where != nullptr) {
    return unsupported("partial indexes are not supported", create.where->position);
  }
  if (is_hnsw) {
    return bindCreateVectorIndex(binder, create, *schema, parts);
  }
  if (!create.options.empty()) {
    return Error(ErrorCode::kInvalid, "unrecognized parameter \"" + std::string(create.options[0].name.text) + "\"")
        .at(create.options[0].name.position);
  }
  IndexDefinition index;
  index.unique = create.unique;
  std::string stem = schema->name;
  for (const ast::IndexElement& element : create.elements) {
    TREFOIL_TRY(checkIndexOrder(element));
    if (!element.operator_class.empty()) {
      return Error(ErrorCode::kUndefinedObject, "operator class \"" + std::string(element.operator_class.text) +
                                                    "\" does not exist for access method \"btree\"")
          .at(element.operator_class.position);
    }
    TREFOIL_ASSIGN(const std::uint32_t column, indexedColumn(*schema, element));
    TREFOIL_TRY(TableBinder::checkIndexable(schema->columns[column], element.expression->position));
    stem += "_" + schema->columns[column].name;
    index.columns.push_back(column);
  }
  if (index.columns.size() > kMaxIndexColumns) {
    return Error(ErrorCode::kLimit, "cannot use more than " + std::to_string(kMaxIndexColumns) + " columns in an index")
        .at(create.position);
  }
  TREFOIL_ASSIGN(const bool is_new, nameIndex(binder, create, stem, index.name));
  if (!is_new) {
    parts.schema_change = [](View&) { return Status(); };
    return {};
  }
  parts.create_index = NewIndex{schema->id, std::move(index)};
  return {};
}

Error requiredIndex(const std::string& index, const std::string& table) {
  const std::string constraint = "constraint " + index + " on table " + table;
  return Error(ErrorCode::kInvalid, "cannot drop index " + index + " because " + constraint + " requires it")
      .withHint("You can drop " + constraint + " instead.");
}

Status bindDrop(Binder& binder, const ast::Drop& drop, PlanParts& parts) {
  std::vector<TableId> tables;
  std::vector<std::pair<TableId, IndexId>> indexes;
  for (const ast::QualifiedName& name : drop.names) {
    if (Status known = Binder::checkSchemaName(name); !known.ok()) {
      if (drop.if_exists) {
        continue;
      }
      return known;
    }
    const std::string text(name.name.text);
    if (drop.object == ast::DropKind::kTable) {
      const SchemaPointer schema = binder.view().findTable(text);
      if (schema != nullptr) {
        binder.useTable(schema->id, true);
        if (std::find(tables.begin(), tables.end(), schema->id) == tables.end()) {
          tables.push_back(schema->id);
        }
      } else if (!drop.if_exists) {
        if (binder.view().findIndex(text)) {
          return Error(ErrorCode::kWrongType, "\"" + text + "\" is not a table")
              .withHint("Use DROP INDEX to remove an index.")
              .at(name.name.position);
        }
        return Error(ErrorCode::kUndefinedTable, "table \"" + text + "\" does not exist").at(name.name.position);
      }
    } else if (drop.object == ast::DropKind::kIndex) {
      const auto found = binder.view().findIndex(text);
      if (found) {
        if (found->is_constraint) {
          return requiredIndex(text, found->table->name).at(name.name.position);
        }
        binder.useTable(found->table->id, true);
        const std::pair<TableId, IndexId> dropped(found->table->id, found->index);
        if (std::find(indexes.begin(), indexes.end(), dropped) == indexes.end()) {
          indexes.push_back(dropped);
        }
      } else if (!drop.if_exists) {
        if (binder.view().findTable(text) != nullptr) {
          return Error(ErrorCode::kWrongType, "\"" + text + "\" is not an index")
              .withHint("Use DROP TABLE to remove a table.")
              .at(name.name.position);
        }
        return Error(ErrorCode::kUndefinedObject, "index \"" + text + "\" does not exist").at(name.name.position);
      }
    } else {
      if (!drop.if_exists) {
        return Error(ErrorCode::kUndefinedTable, "view \"" + text + "\" does not exist").at(name.name.position);
      }
    }
  }
  parts.schema_change = [tables, indexes](View& view) -> Status {
    for (const TableId table : tables) {
      TREFOIL_TRY(view.dropTable(table));
    }
    for (const auto& [table, index] : indexes) {
      TREFOIL_TRY(view.dropIndex(table, index));
    }
    return {};
  };
  return {};
}

Status bindAlter(Binder& binder, const ast::AlterTable& alter, PlanParts& parts) {
  if (alter.action != ast::AlterTableKind::kRename) {
    return unsupported("this form of ALTER TABLE is not supported", alter.position);
  }
  if (alter.if_exists && binder.view().findTable(alter.table.name.text) == nullptr) {
    parts.schema_change = [](View&) { return Status(); };
    return {};
  }
  TREFOIL_ASSIGN(const SchemaPointer schema, binder.findTable(alter.table));
  binder.useTable(schema->id, true);
  if (binder.view().findTable(alter.new_name.text) != nullptr) {
    return duplicateRelation(alter.new_name.text, alter.new_name.position);
  }
  parts.schema_change = [table = schema->id, name = std::string(alter.new_name.text)](View& view) {
    return view.renameTable(table, name);
  };
  return {};
}

Status bindTruncate(Binder& binder, const ast::Truncate& truncate, PlanParts& parts) {
  std::vector<TableId> tables;
  for (const ast::QualifiedName& name : truncate.tables) {
    TREFOIL_ASSIGN(const SchemaPointer schema, binder.findTable(name));
    binder.useTable(schema->id, true);
    tables.push_back(schema->id);
  }
  parts.schema_change = [tables](View& view) -> Status {
    for (const TableId table : tables) {
      TREFOIL_TRY(view.truncate(table));
    }
    return {};
  };
  return {};
}

}  // namespace

Status bindSchemaChange(Binder& binder, const ast::Statement& statement, PlanParts& parts, std::string_view& tag) {
  binder.forbidParameters();
  switch (statement.kind) {
    case ast::StatementKind::kCreateTable:
      tag = "CREATE TABLE";
      return bindCreateTable(binder, statement.as<ast::CreateTable>(), parts);
    case ast::StatementKind::kCreateIndex:
      tag = "CREATE INDEX";
      return bindCreateIndex(binder, statement.as<ast::CreateIndex>(), parts);
    case ast::StatementKind::kDrop: {
      const auto& drop = statement.as<ast::Drop>();
      tag = drop.object == ast::DropKind::kTable   ? "DROP TABLE"
            : drop.object == ast::DropKind::kIndex ? "DROP INDEX"
                                                   : "DROP VIEW";
      return bindDrop(binder, drop, parts);
    }
    case ast::StatementKind::kAlterTable:
      tag = "ALTER TABLE";
      return bindAlter(binder, statement.as<ast::AlterTable>(), parts);
    case ast::StatementKind::kTruncate:
      tag = "TRUNCATE TABLE";
      return bindTruncate(binder, statement.as<ast::Truncate>(), parts);
    case ast::StatementKind::kCreateView:
      return unsupported("views are not supported", statement.position);
    default:
      return unsupported("this statement is not SQL's to plan", statement.position);
  }
}

}  // namespace trefoil::sql
