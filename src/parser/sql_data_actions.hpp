// Actions of INSERT, UPDATE, DELETE, TRUNCATE. These do not nest, so the parts they share have one place each in the State.
#pragma once

#include "parser/sql_common_actions.hpp"
#include "parser/sql_data_grammar.hpp"

namespace trefoil::parser {

template <typename Rule>
struct DataAction : CommonAction<Rule> {};

template <>
struct DataAction<rules::assignment_target> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.assignments.push(state.arena, {state.nameAt(in.begin()), nullptr});
  }
};
template <>
struct DataAction<rules::assignment_default> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.expression = state.arena.make<ast::Default>(state.positionOf(in.begin()));
  }
};
template <>
struct DataAction<rules::assignment_value> {
  static void apply0(State& state) { state.assignments.back().value = state.expression; }
};
template <>
struct DataAction<rules::data_where> {
  static void apply0(State& state) { state.where = state.expression; }
};
template <>
struct DataAction<rules::returning> {
  static void apply0(State& state) { state.returning = state.select_list; }
};
struct TakesAlias {
  static void apply0(State& state) { state.target_alias = state.name; }
};
template <>
struct DataAction<rules::target_alias> : TakesAlias {};
template <>
struct DataAction<rules::insert_alias> : TakesAlias {};
struct TakesTables {
  static void apply0(State& state) { state.target_tables = state.tables; }
};
template <>
struct DataAction<rules::update_from> : TakesTables {};
template <>
struct DataAction<rules::delete_using> : TakesTables {};

template <>
struct DataAction<rules::insert> : Builds<DataAction<rules::insert>, ast::Insert, &State::insert> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kInsert>(in); }
  static void done(State& state, ast::Insert* node) {
    node->table = state.target;
    node->alias = state.target_alias;
    node->returning = state.returning;
    state.statement = node;
  }
};
template <>
struct DataAction<rules::insert_columns> {
  static void apply0(State& state) { state.insert->columns = state.names; }
};
template <>
struct DataAction<rules::insert_query> {
  static void apply0(State& state) { state.insert->source = state.query; }
};
template <>
struct DataAction<rules::conflict_word> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.insert->on_conflict = state.arena.make<ast::OnConflict>();
    state.insert->on_conflict->position = state.positionOf(in.begin() - 1);  // ON
  }
};
template <>
struct DataAction<rules::conflict_columns> {
  static void apply0(State& state) { state.insert->on_conflict->columns = state.names; }
};
template <>
struct DataAction<rules::conflict_where> {
  static void apply0(State& state) { state.insert->on_conflict->where = state.expression; }
};
template <>
struct DataAction<rules::conflict_update> {
  static void apply0(State& state) {
    state.insert->on_conflict->do_update = true;
    state.insert->on_conflict->assignments = state.assignments;
  }
};

template <>
struct DataAction<rules::update> : Builds<DataAction<rules::update>, ast::Update, &State::update> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kUpdate>(in); }
  static void done(State& state, ast::Update* node) {
    node->table = state.target;
    node->alias = state.target_alias;
    node->assignments = state.assignments;
    node->from = state.target_tables;
    node->where = state.where;
    node->returning = state.returning;
    state.statement = node;
  }
};
template <>
struct DataAction<rules::delete_rows> : Builds<DataAction<rules::delete_rows>, ast::Delete, &State::delete_rows> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kDelete>(in); }
  static void done(State& state, ast::Delete* node) {
    node->table = state.target;
    node->alias = state.target_alias;
    node->from = state.target_tables;
    node->where = state.where;
    node->returning = state.returning;
    state.statement = node;
  }
};
template <>
struct DataAction<rules::truncate> : Builds<DataAction<rules::truncate>, ast::Truncate, &State::truncate> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kTruncate>(in); }
  static void done(State& state, ast::Truncate* node) { state.statement = node; }
};
template <>
struct DataAction<rules::truncated_table> {
  static void apply0(State& state) { state.truncate->tables.push(state.arena, state.target); }
};

}  // namespace trefoil::parser
