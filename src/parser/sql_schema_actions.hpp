// Actions of CREATE, DROP and ALTER.
#pragma once

#include "parser/sql_common_actions.hpp"
#include "parser/sql_schema_grammar.hpp"

namespace trefoil::parser {

template <typename Rule>
struct schema_action : common_action<Rule> {};

// ---------------------------------------------------------------------------------------------------------------- common parts

template <>
struct schema_action<rules::absence_condition> {
  static void apply0(State& state) { state.condition = true; }
};
template <>
struct schema_action<rules::exists_condition> {
  static void apply0(State& state) { state.condition = true; }
};
template <>
struct schema_action<rules::restrict_word> {
  static void apply0(State& state) { state.behavior = ast::DropBehavior::kRestrict; }
};
template <>
struct schema_action<rules::cascade_word> {
  static void apply0(State& state) { state.behavior = ast::DropBehavior::kCascade; }
};

// ----------------------------------------------------------------------------------------------------------------- constraints

template <ast::ReferentialAction Action>
struct sets_referential_action {
  static void apply0(State& state) { state.referential_action = Action; }
};
// clang-format off
template <> struct schema_action<rules::action_no_action>   : sets_referential_action<ast::ReferentialAction::kNoAction> {};
template <> struct schema_action<rules::action_restrict>    : sets_referential_action<ast::ReferentialAction::kRestrict> {};
template <> struct schema_action<rules::action_cascade>     : sets_referential_action<ast::ReferentialAction::kCascade> {};
template <> struct schema_action<rules::action_set_null>    : sets_referential_action<ast::ReferentialAction::kSetNull> {};
template <> struct schema_action<rules::action_set_default> : sets_referential_action<ast::ReferentialAction::kSetDefault> {};
// clang-format on
template <>
struct schema_action<rules::on_delete> {
  static void apply0(State& state) { state.constraint->on_delete = state.referential_action; }
};
template <>
struct schema_action<rules::on_update> {
  static void apply0(State& state) { state.constraint->on_update = state.referential_action; }
};
template <>
struct schema_action<rules::referenced_table> {
  static void apply0(State& state) { state.constraint->referenced_table = state.target; }
};
template <>
struct schema_action<rules::referenced_columns> {
  static void apply0(State& state) { state.constraint->referenced_columns = state.names; }
};
template <>
struct schema_action<rules::constraint_columns> {
  static void apply0(State& state) { state.constraint->columns = state.names; }
};
template <>
struct schema_action<rules::constraint_prefix> {
  static void apply0(State& state) { state.constraint->name = state.name; }
};

template <ast::ConstraintKind Kind>
struct sets_constraint_kind {
  static void apply0(State& state) { state.constraint->kind = Kind; }
};
template <ast::ConstraintKind Kind>
struct sets_constraint_expression {
  static void apply0(State& state) {
    state.constraint->kind = Kind;
    state.constraint->expression = state.expression;
  }
};
// clang-format off
template <> struct schema_action<rules::not_null>      : sets_constraint_kind<ast::ConstraintKind::kNotNull> {};
template <> struct schema_action<rules::nullable>      : sets_constraint_kind<ast::ConstraintKind::kNull> {};
template <> struct schema_action<rules::primary_key>   : sets_constraint_kind<ast::ConstraintKind::kPrimaryKey> {};
template <> struct schema_action<rules::unique>        : sets_constraint_kind<ast::ConstraintKind::kUnique> {};
template <> struct schema_action<rules::references>    : sets_constraint_kind<ast::ConstraintKind::kForeignKey> {};
template <> struct schema_action<rules::default_value> : sets_constraint_expression<ast::ConstraintKind::kDefault> {};
template <> struct schema_action<rules::check>         : sets_constraint_expression<ast::ConstraintKind::kCheck> {};
// clang-format on

struct begins_constraint {
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
struct schema_action<rules::column_constraint>
    : builds<schema_action<rules::column_constraint>, ast::Constraint, &State::constraint> {
  static bool begins(const TokenInput& in) { return begins_constraint::begins(in); }
  static ast::Constraint* make(const TokenInput& in, State& state) { return begins_constraint::make(in, state); }
  static void done(State& state, ast::Constraint* node) { state.column.constraints.push(state.arena, *node); }
};
template <>
struct schema_action<rules::table_constraint>
    : builds<schema_action<rules::table_constraint>, ast::Constraint, &State::constraint> {
  static bool begins(const TokenInput& in) { return begins_constraint::begins(in); }
  static ast::Constraint* make(const TokenInput& in, State& state) { return begins_constraint::make(in, state); }
  static void done(State& state, ast::Constraint* node) { state.create_table->constraints.push(state.arena, *node); }
};

// -------------------------------------------------------------------------------------------------------------------- CREATE

template <>
struct schema_action<rules::defined_column> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.column = {state.nameAt(in.begin()), {}, {}};
  }
};
template <>
struct schema_action<rules::column_type> {
  static void apply0(State& state) { state.column.type = state.type; }
};
template <>
struct schema_action<rules::table_column> {
  static void apply0(State& state) { state.create_table->columns.push(state.arena, state.column); }
};

template <>
struct schema_action<rules::temporary> {
  static void apply0(State& state) { state.temporary = true; }
};

// CREATE TABLE's name is gone from State::target once a REFERENCES was read: taken at the opening parenthesis, as is the
// condition.
template <>
struct schema_action<rules::create_table> : builds<schema_action<rules::create_table>, ast::CreateTable, &State::create_table> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kTable>(in); }
  static void done(State& state, ast::CreateTable* node) {
    node->temporary = state.temporary;
    state.statement = node;
  }
};
template <>
struct schema_action<rules::elements_open> {
  static void apply0(State& state) {
    state.create_table->name = state.target;
    state.create_table->if_not_exists = state.condition;
  }
};

template <>
struct schema_action<rules::create_index> : builds<schema_action<rules::create_index>, ast::CreateIndex, &State::create_index> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kUnique, TokenKind::kIndex>(in); }
  static void done(State& state, ast::CreateIndex* node) {
    node->if_not_exists = state.condition;
    node->table = state.target;
    state.statement = node;
  }
};
template <>
struct schema_action<rules::unique_index> {
  static void apply0(State& state) { state.create_index->unique = true; }
};
template <>
struct schema_action<rules::created_index> {
  static void apply0(State& state) { state.create_index->name = state.name; }
};
template <>
struct schema_action<rules::index_method> {
  static void apply0(State& state) { state.create_index->method = state.name; }
};
template <>
struct schema_action<rules::index_column> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto* column = state.arena.make<ast::Column>(state.positionOf(in.begin()));
    column->name = state.nameAt(in.begin());
    state.expression = column;
  }
};
template <>
struct schema_action<rules::index_element_begin> {
  static void apply0(State& state) {
    state.create_index->elements.push(state.arena, {state.expression, {}, false, ast::NullsOrder::kUnspecified});
    state.order = {};
  }
};
template <>
struct schema_action<rules::operator_class> {
  static void apply0(State& state) { state.create_index->elements.back().operator_class = state.name; }
};
template <>
struct schema_action<rules::index_element> {
  static void apply0(State& state) {
    ast::IndexElement& element = state.create_index->elements.back();
    element.descending = state.order.descending;
    element.nulls = state.order.nulls;
  }
};
template <>
struct schema_action<rules::option_name> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.create_index->options.push(state.arena, {state.nameAt(in.begin()), nullptr});
  }
};
template <>
struct schema_action<rules::option_value> {
  static void apply0(State& state) { state.create_index->options.back().value = state.expression; }
};
template <>
struct schema_action<rules::index_where> {
  static void apply0(State& state) { state.create_index->where = state.expression; }
};

template <>
struct schema_action<rules::create_view> : builds<schema_action<rules::create_view>, ast::CreateView, &State::create_view> {
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
struct schema_action<rules::or_replace> {
  static void apply0(State& state) { state.create_view->or_replace = true; }
};
template <>
struct schema_action<rules::view_columns> {
  static void apply0(State& state) { state.create_view->columns = state.names; }
};

// ----------------------------------------------------------------------------------------------------------------- DROP, ALTER

template <>
struct schema_action<rules::drop> : builds<schema_action<rules::drop>, ast::Drop, &State::drop> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kDrop>(in); }
  static void done(State& state, ast::Drop* node) {
    node->if_exists = state.condition;
    node->behavior = state.behavior;
    state.statement = node;
  }
};
template <ast::DropKind Kind>
struct sets_dropped_kind {
  static void apply0(State& state) { state.drop->object = Kind; }
};
// clang-format off
template <> struct schema_action<rules::drop_table> : sets_dropped_kind<ast::DropKind::kTable> {};
template <> struct schema_action<rules::drop_index> : sets_dropped_kind<ast::DropKind::kIndex> {};
template <> struct schema_action<rules::drop_view>  : sets_dropped_kind<ast::DropKind::kView> {};
// clang-format on
template <>
struct schema_action<rules::dropped_name> {
  static void apply0(State& state) { state.drop->names.push(state.arena, state.target); }
};

template <>
struct schema_action<rules::alter_table> : builds<schema_action<rules::alter_table>, ast::AlterTable, &State::alter_table> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kAlter>(in); }
  static void done(State& state, ast::AlterTable* node) {
    node->behavior = state.behavior;
    state.statement = node;
  }
};
template <>
struct schema_action<rules::altered_table> {
  static void apply0(State& state) {
    state.alter_table->table = state.target;
    state.alter_table->if_exists = state.condition;
    state.condition = false;
  }
};
template <>
struct schema_action<rules::rename_table> {
  static void apply0(State& state) {
    state.alter_table->action = ast::AlterTableKind::kRename;
    state.alter_table->new_name = state.name;
  }
};
template <>
struct schema_action<rules::renamed_column> {
  static void apply0(State& state) { state.alter_table->column = state.name; }
};
template <>
struct schema_action<rules::rename_column> {
  static void apply0(State& state) {
    state.alter_table->action = ast::AlterTableKind::kRenameColumn;
    state.alter_table->new_name = state.name;
  }
};
template <>
struct schema_action<rules::alter_add> {
  static void apply0(State& state) {
    state.alter_table->action = ast::AlterTableKind::kAddColumn;
    state.alter_table->definition = state.column;
    state.alter_table->column_condition = state.condition;
  }
};
template <>
struct schema_action<rules::dropped_column> {
  static void apply0(State& state) { state.alter_table->column = state.name; }
};
template <>
struct schema_action<rules::alter_drop> {
  static void apply0(State& state) {
    state.alter_table->action = ast::AlterTableKind::kDropColumn;
    state.alter_table->column_condition = state.condition;
  }
};

}  // namespace trefoil::parser
