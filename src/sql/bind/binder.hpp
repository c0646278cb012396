// The binder: names to columns, words to types, calls to functions; syntax tree to plan nodes. One object for one statement.
//
//   Scope       what names mean at one place: the tables of one FROM, in order
//   Frame       one execution unit: the statement itself, or one subquery in an expression. A name that is not in the scope is
//               looked up around the frame; what is found there becomes a slot that the enclosing row fills for each run
//               (a capture)
//   ExpressionContext   which aggregates may stand in an expression, and where it stands, for messages
//
// Every column of every table reference, projection and aggregate gets an id of its own (ColumnId). Expressions keep ids until
// finishPlan (planner.hpp). Types follow PostgreSQL: strict; only untyped literals and parameters take their type from the
// context.
//
// Files: expressions.cpp, operators.cpp, calls.cpp (functions, aggregates), types.cpp (conversions), queries.cpp (SELECT & co.),
// from.cpp (FROM), changes.cpp (INSERT, UPDATE, DELETE), schema.cpp (DDL).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parser/ast.hpp"
#include "sql/bind/bind.hpp"
#include "sql/expressions/expression.hpp"
#include "sql/plan/nodes.hpp"
#include "sql/plan/planner.hpp"
#include "sql/storage/schema.hpp"
#include "sql/types/sql_type.hpp"

namespace trefoil::sql {

struct ScopeColumn {
  ColumnId id = 0;
  std::string name;
  SqlType type;
  bool hidden = false;  // merged away by USING: only t.name finds it
};

struct ScopeTable {
  std::string name;  // alias, or the table's name; empty for an unnamed subquery
  std::vector<ScopeColumn> columns;
};

struct Scope;

// A value of an enclosing row that this frame's plan needs.
struct Capture {
  ExpressionPtr value;  // in terms of the enclosing scope
  std::uint32_t slot = 0;
};

struct Frame {
  const Scope* enclosing = nullptr;  // null for the statement itself
  std::vector<Capture> captures;
};

// A WITH query, planned once where it is defined. What refers to it reads the rows that it answered; at the end of the query
// that it belongs to, one that is referred to once takes the place of its reference (settleCommonTables).
struct CommonTableScope {
  const ast::CommonTable* table = nullptr;
  CommonTableScope* outer = nullptr;  // those defined before and around it
  const Frame* frame = nullptr;       // of the definition
  PlanNodePtr plan;
  std::vector<ScopeColumn> columns;  // with the ids of the plan's output
  bool is_volatile = false;          // another run may answer something else
  int height = 0;                    // 1 more than that of the highest WITH query that it refers to
  std::size_t references = 0;
  bool each_row = false;  // a subquery that runs for each row refers to it
  std::uint32_t slot = 0;
};

struct Scope {
  Frame* frame = nullptr;
  std::vector<ScopeTable> tables;
  CommonTableScope* common_tables = nullptr;
};

// A planned query and what its columns are called.
struct BoundQuery {
  PlanNodePtr root;
  std::vector<ColumnInfo> columns;  // as root->output
};

// Aggregates of one SELECT, as they are met.
struct AggregateList {
  std::vector<AggregateCall> calls;
  std::vector<ColumnId> ids;
};

struct ExpressionContext {
  const Scope* scope = nullptr;
  AggregateList* aggregates = nullptr;  // null: none are allowed here
  const char* clause = "WHERE";         // for "aggregate functions are not allowed in WHERE"
  bool inside_aggregate = false;
};

// Items of a select list, keys of GROUP BY and of ORDER BY, different aggregates of one SELECT; as many as in PostgreSQL.
inline constexpr std::size_t kMaxListItems = 1664;
Error tooManyItems(std::uint32_t position);

class Binder {
 public:
  Binder(const parser::ParsedStatement& statement, const BindContext& context);

  // Queries.
  // With `keep_unknown`, untyped output columns stay untyped: UNION and INSERT know better than text.
  Result<BoundQuery> bindQuery(const ast::Query& query, Frame& frame, CommonTableScope* common_tables, bool keep_unknown = false);

  // Expressions.
  Result<ExpressionPtr> bindExpression(const ast::Expression& expression, const ExpressionContext& context);
  // A boolean one, for `clause`: "argument of WHERE must be type boolean, not type integer".
  Result<ExpressionPtr> bindCondition(const ast::Expression& expression, const ExpressionContext& context);
  // Gives an expression a type by implicit conversion; `what` words the error: returns null if there is no such conversion.
  Result<ExpressionPtr> coerce(ExpressionPtr expression, const SqlType& type);
  // As an assignment to a column: also narrows, and checks lengths.
  Result<ExpressionPtr> coerceForColumn(ExpressionPtr expression, std::string_view column, const SqlType& type);
  // What is still untyped becomes text.
  Result<ExpressionPtr> settleType(ExpressionPtr expression);
  Result<ExpressionPtr> castTo(ExpressionPtr expression, const SqlType& type, std::uint32_t position);

  // Gives a query's columns these types, by implicit conversion.
  Status convertOutput(BoundQuery& query, std::span<const SqlType> types);
  // Gives column `index` of a query bound with keep_unknown its type, where the value stands; one that has a type keeps it.
  Status settleOutput(BoundQuery& query, std::size_t index, const SqlType& type);

  // Statements that change data; the nodes that read are planned as queries.
  struct BoundTable {
    SchemaPointer schema;
    Scope scope;
    PlanNodePtr scan;  // with the row id as its last column
    ColumnId row_id = 0;
  };
  Result<BoundTable> bindTarget(const ast::QualifiedName& name, const ast::Name& alias, Frame& frame, bool with_row_id);
  Result<SchemaPointer> findTable(const ast::QualifiedName& name);
  // `schema "x" does not exist`: there is none but public.
  static Status checkSchemaName(const ast::QualifiedName& name);
  struct BoundList {
    std::vector<ExpressionPtr> expressions;
    std::vector<ColumnInfo> columns;
  };
  Result<BoundList> bindSelectList(const ast::List<ast::SelectItem>& items, const ExpressionContext& context,
                                   bool keep_unknown = false);
  // FROM: the inputs to join, and the conditions of inner joins.
  Status bindFrom(const ast::List<ast::TableReference*>& from, Scope& scope, JoinInputs& inputs);
  Result<CommonTableScope*> bindCommonTables(const ast::List<ast::CommonTable>& tables, bool recursive, Frame& frame,
                                             CommonTableScope* outer);
  // To be called with the plan in which the last `count` of `tables` are referred to, once all of it is bound.
  void settleCommonTables(CommonTableScope* tables, std::size_t count, PlanNodePtr& root);

  ColumnId newColumn() { return next_column_++; }
  [[nodiscard]] std::uint32_t outerSlots() const { return next_slot_; }
  [[nodiscard]] std::uint32_t commonTables() const { return next_common_table_; }
  [[nodiscard]] const std::vector<SqlType>& parameterTypes() const { return parameter_types_; }
  [[nodiscard]] const std::vector<bool>& literalIsParameter() const { return literal_is_parameter_; }
  [[nodiscard]] const std::vector<TableUse>& tables() const { return tables_; }
  [[nodiscard]] bool usesTableFunctions() const { return table_functions_; }
  [[nodiscard]] std::size_t sources() const { return sources_; }
  [[nodiscard]] View& view() { return context_.view; }
  void useTable(TableId table, bool writes);
  // Types that no context has given: text.
  void settleParameters();
  // Expressions that are stored in the catalog have no parameters.
  void forbidParameters() { no_parameters_ = true; }
  // Literals bound while this lives are part of the plan.
  class FixedLiterals {
   public:
    explicit FixedLiterals(Binder& binder, bool active = true) : binder_(binder), active_(active) {
      binder_.fixed_literals_ += active ? 1 : 0;
    }
    ~FixedLiterals() { binder_.fixed_literals_ -= active_ ? 1 : 0; }
    FixedLiterals(const FixedLiterals&) = delete;
    FixedLiterals& operator=(const FixedLiterals&) = delete;

   private:
    Binder& binder_;
    bool active_;
  };

 private:
  friend class SelectBinder;  // queries.cpp: one SELECT

  // expressions.cpp
  Result<ExpressionPtr> bindLiteral(const ast::Literal& literal);
  Result<ExpressionPtr> bindParameter(const ast::Parameter& parameter);
  Result<ExpressionPtr> findColumn(const Scope& scope, const ast::Column& column);
  Result<ExpressionPtr> bindIsTest(const ast::IsTest& test, const ExpressionContext& context);
  Result<ExpressionPtr> bindBetween(const ast::Between& between, const ExpressionContext& context);
  Result<ExpressionPtr> bindInList(const ast::InList& list, const ExpressionContext& context);
  Result<ExpressionPtr> bindLike(const ast::Like& like, const ExpressionContext& context);
  Result<ExpressionPtr> bindCase(const ast::Case& node, const ExpressionContext& context);
  Result<ExpressionPtr> bindCast(const ast::Cast& cast, const ExpressionContext& context);
  // A call of a function that has one row of one column, as a scalar subquery.
  Result<ExpressionPtr> bindFunctionValue(const ast::Call& call, const ExpressionContext& context);
  static void setSubquery(Expression& expression, PlanNodePtr root, Frame& frame);
  Result<ExpressionPtr> bindSubquery(const ast::Expression& node, const ast::Query& query, SubqueryKind kind, bool negated,
                                     const ast::Expression* operand, const ExpressionContext& context);

  // operators.cpp
  // One of $1 … $n, not a literal that was made a parameter.
  [[nodiscard]] bool isStatementParameter(const Expression& expression) const;
  Result<ExpressionPtr> bindUnary(const ast::Unary& unary, const ExpressionContext& context);
  Result<ExpressionPtr> bindBinary(const ast::Binary& binary, const ExpressionContext& context);
  Result<ExpressionPtr> bindLogic(const ast::Binary& binary, const ExpressionContext& context);
  Result<ExpressionPtr> makeOperator(std::string_view name, ExpressionPtr left, ExpressionPtr right, std::uint32_t position);
  Result<ExpressionPtr> makeComparison(std::string_view name, ExpressionPtr left, ExpressionPtr right, std::uint32_t position);
  Result<ExpressionPtr> makeFunctionCall(std::string_view name, std::vector<ExpressionPtr> arguments, std::uint32_t position);
  Result<ExpressionPtr> applyFunction(const Function& function, std::vector<ExpressionPtr> arguments, std::uint32_t position);
  Result<ExpressionPtr> addInterval(ExpressionPtr timestamp, std::string_view interval, bool subtract, std::uint32_t position);

  // types.cpp
  // Makes all of one type: "CASE types text and integer cannot be matched".
  Status unify(std::span<ExpressionPtr* const> expressions, const char* what);
  Status setParameterType(Expression& parameter, const SqlType& type);

  // calls.cpp
  Result<ExpressionPtr> bindCall(const ast::Call& call, const ExpressionContext& context);
  Result<ExpressionPtr> bindAggregate(const ast::Call& call, const ExpressionContext& context);
  Result<ExpressionPtr> bindSpecialCall(const ast::Call& call, const ExpressionContext& context, bool& handled);

  // from.cpp
  Status bindReference(const ast::TableReference& reference, Scope& scope, JoinInputs& inputs);
  Result<PlanNodePtr> bindNamedTable(const ast::NamedTable& table, Scope& scope);
  Result<PlanNodePtr> bindSubqueryTable(const ast::TableReference& reference, const ast::Query& query, std::string_view name,
                                        Scope& scope, CommonTableScope* common_tables);
  Status bindJoin(const ast::Join& join, Scope& scope, JoinInputs& inputs);
  Result<PlanNodePtr> bindFunctionTable(const ast::FunctionTable& table, Scope& scope);
  struct MergedColumn {
    ColumnId id;
    std::string name;
    ExpressionPtr value;
  };
  Status bindUsing(const ast::Join& join, Scope& scope, std::size_t left_from, std::size_t right_from,
                   std::vector<ExpressionPtr>& conditions, std::vector<MergedColumn>& merged);
  static PlanNodePtr addMergedColumns(PlanNodePtr join, std::vector<MergedColumn> merged);
  Status addTable(Scope& scope, ScopeTable table, std::uint32_t position);
  Result<PlanNodePtr> bindCommonReference(const ast::NamedTable& reference, CommonTableScope& common, Scope& scope);
  Status renameColumns(const ast::TableReference& reference, ScopeTable& table);
  PlanNodePtr makeScan(const SchemaPointer& schema, ScopeTable& table);

  // queries.cpp
  // Without its WITH.
  Result<BoundQuery> bindQueryBody(const ast::Query& query, Frame& frame, CommonTableScope* common_tables, bool keep_unknown);
  Result<BoundQuery> bindValues(const ast::Values& values, Frame& frame, CommonTableScope* common_tables, bool keep_unknown);
  Result<BoundQuery> bindSetOperation(const ast::SetOperation& operation, Frame& frame, CommonTableScope* common_tables);
  Status bindLimit(const ast::Query& query, const Scope& scope, ExpressionPtr& limit, ExpressionPtr& offset);
  // ORDER BY and LIMIT over a query whose output columns are all there is to sort by.
  Status orderByOutput(const ast::Query& query, Frame& frame, BoundQuery& bound);
  Result<ExpressionPtr> bindOutputKey(const ast::Expression& expression, const Scope& scope, bool columns_only);

  const parser::ParsedStatement& statement_;
  const BindContext& context_;
  ColumnId next_column_ = 1;
  std::uint32_t next_slot_ = 0;
  std::vector<SqlType> parameter_types_;
  std::vector<bool> literal_is_parameter_;
  std::vector<TableUse> tables_;
  bool table_functions_ = false;
  std::size_t sources_ = 0;
  bool no_parameters_ = false;
  int fixed_literals_ = 0;
  int depth_ = 0;            // of queries within queries
  std::size_t planned_ = 0;  // queries so far
  std::size_t volatile_calls_ = 0;
  std::uint32_t next_common_table_ = 0;
  int common_height_ = 0;  // of the highest WITH query that the one being bound refers to
  std::vector<std::unique_ptr<CommonTableScope>> common_table_scopes_;
  ByteArena bytes_;
};

// "operator does not exist: text + integer"; "function f(text) does not exist".
Error noSuchOperator(std::string_view name, const SqlType& left, const SqlType& right, std::uint32_t position);
Error noSuchFunction(std::string_view name, std::span<const ExpressionPtr> arguments, std::uint32_t position);
// "function f(unknown) is not unique".
Error ambiguousFunction(std::string_view name, std::span<const ExpressionPtr> arguments, std::uint32_t position);

}  // namespace trefoil::sql
