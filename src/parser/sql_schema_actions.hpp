// Actions of CREATE, DROP and ALTER.
#pragma once

#include "parser/sql_common_actions.hpp"
#include "parser/sql_schema_grammar.hpp"

namespace trefoil::parser {

template <typename Rule>
struct SchemaAction : CommonAction<Rule> {};

// ---------------------------------------------------------------------------------------------------------------- common parts

template <>
struct SchemaAction<rules::absence_condition> {
  static void apply0(State& state) { state.condition = true; }
};
template <>
struct SchemaAction<rules::exists_condition> {
  static void apply0(State& state) { state.condition = true; }
};
template <>
struct SchemaAction<rules::restrict_word> {
  static void apply0(State& state) { state.behavior = ast::DropBehavior::kRestrict; }
};
template <>
struct SchemaAction<rules::cascade_word> {
  static void apply0(State& state) { state.behavior = ast::DropBehavior::kCascade; }
};

// ----------------------------------------------------------------------------------------------------------------- constraints

template <ast::ReferentialAction Action>
struct SetsReferentialAction {
  static void apply0(State& state) { state.referential_action = Action; }
};
// clang-format off
template <> struct SchemaAction<rules::action_no_action>   : SetsReferentialAction<ast::ReferentialAction::kNoAction> {};
template <> struct SchemaAction<rules::action_restrict>    : SetsReferentialAction<ast::ReferentialAction::kRestrict> {};
template <> struct SchemaAction<rules::action_cascade>     : SetsReferentialAction<ast::ReferentialAction::kCascade> {};
template <> struct SchemaAction<rules::action_set_null>    : SetsReferentialAction<ast::ReferentialAction::kSetNull> {};
template <> struct SchemaAction<rules::action_set_default> : SetsReferentialAction<ast::ReferentialAction::kSetDefault> {};
// clang-format on
template <>
struct SchemaAction<rules::on_delete> {
  static void apply0(State& state) { state.constraint->on_delete = state.referential_action; }
};
template <>
struct SchemaAction<rules::on_update> {
  static void apply0(State& state) { state.constraint->on_update = state.referential_action; }
};
template <>
struct SchemaAction<rules::referenced_table> {
  static void apply0(State& state) { state.constraint->referenced_table = state.target; }
};
template <>
struct SchemaAction<rules::referenced_columns> {
  static void apply0(State& state) { state.constraint->referenced_columns = state.names; }
};
template <>
struct SchemaAction<rules::constraint_columns> {
  static void apply0(State& state) { state.constraint->columns = state.names; }
};
template <>
struct SchemaAction<rules::constraint_prefix> {
  static void apply0(State& state) { state.constraint->name = state.name; }
};

template <ast::ConstraintKind Kind>
struct SetsConstraintKind {
  static void apply0(State& state) { state.constraint->kind = Kind; }
};
template <ast::ConstraintKind Kind>
struct SetsConstraintExpression {
  static void apply0(State& state) {
    state.constraint->kind = Kind;
    state.constraint->expression = state.expression;
  }
};
// clang-format off
template <> struct SchemaAction<rules::not_null>      : SetsConstraintKind<ast::ConstraintKind::kNotNull> {};
template <> struct SchemaAction<rules::nullable>      : SetsConstraintKind<ast::ConstraintKind::kNull> {};
template <> struct SchemaAction<rules::primary_key>   : SetsConstraintKind<ast::ConstraintKind::kPrimaryKey> {};
template <> struct SchemaAction<rules::unique>        : SetsConstraintKind<ast::ConstraintKind::kUnique> {};
template <> struct SchemaAction<rules::references>    : SetsConstraintKind<ast::ConstraintKind::kForeignKey> {};
template <> struct SchemaAction<rules::default_value> : SetsConstraintExpression<ast::ConstraintKind::kDefault> {};
template <> struct SchemaAction<rules::check>         : SetsConstraintExpression<ast::ConstraintKind::kCheck> {};
// clang-format on

struct BeginsConstraint {
  static bool begins(const TokenInput& in) {
    using enum TokenKind;
    return atToken<kConstraint, kNot, kNull, kPrimary, kUnique, kDefault, kCheck, kReferences, kForeign>(in);
  }
  static ast::Constraint* make(const TokenInput& in, State& state) {
    auto* constraint = state.arena.make<ast::Constraint>();
    constraint->position = state.positionOf(in.current());
    return constraint;
  }
};
template <>
struct SchemaAction<rules::column_constraint>
    : Builds<SchemaAction<rules::column_constraint>, ast::Constraint, &State::constraint> {
  static bool begins(const TokenInput& in) { return BeginsConstraint::begins(in); }
  static ast::Constraint* make(const TokenInput& in, State& state) { return BeginsConstraint::make(in, state); }
  static void done(State& state, ast::Constraint* node) { state.column.constraints.push(state.arena, *node); }
};
template <>
struct SchemaAction<rules::table_constraint>
    : Builds<SchemaAction<rules::table_constraint>, ast::Constraint, &State::constraint> {
  static bool begins(const TokenInput& in) { return BeginsConstraint::begins(in); }
  static ast::Constraint* make(const TokenInput& in, State& state) { return BeginsConstraint::make(in, state); }
  static void done(State& state, ast::Constraint* node) { state.create_table->constraints.push(state.arena, *node); }
};

// -------------------------------------------------------------------------------------------------------------------- CREATE

template <>
struct SchemaAction<rules::defined_column> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.column = {state.nameAt(in.begin()), {}, {}};
  }
};
template <>
struct SchemaAction<rules::column_type> {
  static void apply0(State& state) { state.column.type = state.type; }
};
template <>
struct SchemaAction<rules::table_column> {
  static void apply0(State& state) { state.create_table->columns.push(state.arena, state.column); }
};

template <>
struct SchemaAction<rules::temporary> {
  static void apply0(State& state) { state.temporary = true; }
};

// CREATE TABLE's name is gone from State::target once a REFERENCES was read: taken at the opening parenthesis, as is the
// condition.
template <>
struct SchemaAction<rules::create_table> : Builds<SchemaAction<rules::create_table>, ast::CreateTable, &State::create_table> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kTable>(in); }
  static void done(State& state, ast::CreateTable* node) {
    node->temporary = state.temporary;
    state.statement = node;
  }
};
template <>
struct SchemaAction<rules::elements_open> {
  static void apply0(State& state) {
    state.create_table->name = state.target;
    state.create_table->if_not_exists = state.condition;
  }
};

template <>
struct SchemaAction<rules::create_index> : Builds<SchemaAction<rules::create_index>, ast::CreateIndex, &State::create_index> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kUnique, TokenKind::kIndex>(in); }
  static void done(State& state, ast::CreateIndex* node) {
    node->if_not_exists = state.condition;
    node->table = state.target;
    state.statement = node;
  }
};
template <>
struct SchemaAction<rules::unique_index> {
  static void apply0(State& state) { state.create_index->unique = true; }
};
struct TakesIndexName {
  static void apply0(State& state) { state.create_index->name = state.name; }
};
template <>
struct SchemaAction<rules::created_index> : TakesIndexName {};
template <>
struct SchemaAction<rules::conditional_name> : TakesIndexName {};
template <>
struct SchemaAction<rules::concurrently> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    failAt(state.positionOf(in.begin()), ErrorCode::kUnsupported, "CREATE INDEX CONCURRENTLY is not supported");
  }
};
template <>
struct SchemaAction<rules::index_method> {
  static void apply0(State& state) { state.create_index->method = state.name; }
};
template <>
struct SchemaAction<rules::index_column> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto* column = state.arena.make<ast::Column>(state.positionOf(in.begin()));
    column->name = state.nameAt(in.begin());
    state.expression = column;
  }
};
template <>
struct SchemaAction<rules::index_element_begin> {
  static void apply0(State& state) {
    state.create_index->elements.push(state.arena, {state.expression, {}, false, ast::NullsOrder::kUnspecified});
    state.order = {};
  }
};
template <>
struct SchemaAction<rules::operator_class> {
  static void apply0(State& state) { state.create_index->elements.back().operator_class = state.name; }
};
template <>
struct SchemaAction<rules::index_element> {
  static void apply0(State& state) {
    ast::IndexElement& element = state.create_index->elements.back();
    element.descending = state.order.descending;
    element.nulls = state.order.nulls;
  }
};
template <>
struct SchemaAction<rules::option_name> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.create_index->options.push(state.arena, {state.nameAt(in.begin()), nullptr});
  }
};
template <>
struct SchemaAction<rules::option_value> {
  static void apply0(State& state) { state.create_index->options.back().value = state.expression; }
};
template <>
struct SchemaAction<rules::index_where> {
  static void apply0(State& state) { state.create_index->where = state.expression; }
};

template <>
struct SchemaAction<rules::create_view> : Builds<SchemaAction<rules::create_view>, ast::CreateView, &State::create_view> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kOr, TokenKind::kView>(in); }
  static void done(State& state, ast::CreateView* node) {
    node->if_not_exists = state.condition;
    node->name = state.target;
    node->query = state.query;
    node->temporary = state.temporary;
    state.statement = node;
  }
};
template <>
struct SchemaAction<rules::or_replace> {
  static void apply0(State& state) { state.create_view->or_replace = true; }
};
template <>
struct SchemaAction<rules::view_columns> {
  static void apply0(State& state) { state.create_view->columns = state.names; }
};

// ----------------------------------------------------------------------------------------------------------------- DROP, ALTER

template <>
struct SchemaAction<rules::drop> : Builds<SchemaAction<rules::drop>, ast::Drop, &State::drop> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kDrop>(in); }
  static void done(State& state, ast::Drop* node) {
    node->if_exists = state.condition;
    node->behavior = state.behavior;
    state.statement = node;
  }
};
template <ast::DropKind Kind>
struct SetsDroppedKind {
  static void apply0(State& state) { state.drop->object = Kind; }
};
// clang-format off
template <> struct SchemaAction<rules::drop_table> : SetsDroppedKind<ast::DropKind::kTable> {};
template <> struct SchemaAction<rules::drop_index> : SetsDroppedKind<ast::DropKind::kIndex> {};
template <> struct SchemaAction<rules::drop_view>  : SetsDroppedKind<ast::DropKind::kView> {};
// clang-format on
template <>
struct SchemaAction<rules::dropped_name> {
  static void apply0(State& state) { state.drop->names.push(state.arena, state.target); }
};

template <>
struct SchemaAction<rules::alter_table> : Builds<SchemaAction<rules::alter_table>, ast::AlterTable, &State::alter_table> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kAlter>(in); }
  static void done(State& state, ast::AlterTable* node) {
    node->behavior = state.behavior;
    state.statement = node;
  }
};
template <>
struct SchemaAction<rules::altered_table> {
  static void apply0(State& state) {
    state.alter_table->table = state.target;
    state.alter_table->if_exists = state.condition;
    state.condition = false;
  }
};
template <>
struct SchemaAction<rules::rename_table> {
  static void apply0(State& state) {
    state.alter_table->action = ast::AlterTableKind::kRename;
    state.alter_table->new_name = state.name;
  }
};
template <>
struct SchemaAction<rules::renamed_column> {
  static void apply0(State& state) { state.alter_table->column = state.name; }
};
template <>
struct SchemaAction<rules::rename_column> {
  static void apply0(State& state) {
    state.alter_table->action = ast::AlterTableKind::kRenameColumn;
    state.alter_table->new_name = state.name;
  }
};
template <>
struct SchemaAction<rules::alter_add> {
  static void apply0(State& state) {
    state.alter_table->action = ast::AlterTableKind::kAddColumn;
    state.alter_table->definition = state.column;
    state.alter_table->column_condition = state.condition;
  }
};
template <>
struct SchemaAction<rules::dropped_column> {
  static void apply0(State& state) { state.alter_table->column = state.name; }
};
template <>
struct SchemaAction<rules::alter_drop> {
  static void apply0(State& state) {
    state.alter_table->action = ast::AlterTableKind::kDropColumn;
    state.alter_table->column_condition = state.condition;
  }
};

}  // namespace trefoil::parser
