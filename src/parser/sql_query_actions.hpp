// Actions of the query grammar.
#pragma once

#include "parser/sql_common_actions.hpp"
#include "parser/sql_query_grammar.hpp"

namespace trefoil::parser {

template <typename Rule>
struct QueryAction : CommonAction<Rule> {};

// ---------------------------------------------------------------------------------------------------------------------- SELECT

template <>
struct QueryAction<rules::star_item> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.select_items.push(state.arena, {state.arena.make<ast::Star>(state.positionOf(in.begin())), {}});
  }
};
template <>
struct QueryAction<rules::item_value> {
  static void apply0(State& state) { state.select_items.push(state.arena, {state.expression, {}}); }
};
template <>
struct QueryAction<rules::item_alias> {
  static void apply0(State& state) {
    ast::SelectItem& item = state.select_items.back();
    if (item.expression->is<ast::Star>()) {
      failAt(state.name.position, ErrorCode::kSyntax, "t.* cannot have an alias");
    }
    item.alias = state.name;
  }
};

template <>
struct QueryAction<rules::select> : Builds<QueryAction<rules::select>, ast::Select, &State::select> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kSelect>(in); }
  static void done(State& state, ast::Select* node) { state.query = node; }
};
template <>
struct QueryAction<rules::distinct> {
  static void apply0(State& state) { state.select->distinct = true; }
};
template <>
struct QueryAction<rules::select_head> {
  static void apply0(State& state) {
    state.select->items = state.select_list;
    for (const ast::SelectItem& item : state.select_list) {
      state.grow(state.select, item.expression);
    }
  }
};
template <>
struct QueryAction<rules::from_clause> {
  static void apply0(State& state) {
    state.select->from = state.tables;
    for (const ast::TableReference* table : state.tables) {
      state.grow(state.select, table);
    }
  }
};
template <>
struct QueryAction<rules::select_where> {
  static void apply0(State& state) {
    state.select->where = state.expression;
    state.grow(state.select, state.expression);
  }
};
template <>
struct QueryAction<rules::group_item> {
  static void apply0(State& state) {
    state.select->group_by.push(state.arena, state.expression);
    state.grow(state.select, state.expression);
  }
};
template <>
struct QueryAction<rules::having> {
  static void apply0(State& state) {
    state.select->having = state.expression;
    state.grow(state.select, state.expression);
  }
};

// ---------------------------------------------------------------------------------------------------------------------- VALUES

template <>
struct QueryAction<rules::values> : Builds<QueryAction<rules::values>, ast::Values, &State::values> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kValues>(in); }
  static void done(State& state, ast::Values* node) { state.query = node; }
};
template <>
struct QueryAction<rules::values_row_begin> {
  static void apply0(State& state) { state.values->rows.push(state.arena, {}); }
};
template <>
struct QueryAction<rules::values_item> {
  static void apply0(State& state) {
    state.values->rows.back().push(state.arena, state.expression);
    state.grow(state.values, state.expression);
  }
};

// -------------------------------------------------------------------------------------------------------------- set operations

template <typename Rule, ast::SetOperator Operator, TokenKind... Firsts>
struct BuildsSetOperation : Builds<QueryAction<Rule>, ast::SetOperation, &State::set_operation> {
  static bool begins(const TokenInput& in) { return atToken<Firsts...>(in); }
  static void begin(State& state) {
    state.set_operation->op = Operator;
    state.set_operation->left = state.query;
    state.grow(state.set_operation, state.query);
  }
  static void done(State& state, ast::SetOperation* node) { state.query = node; }
};
template <>
struct QueryAction<rules::intersection>
    : BuildsSetOperation<rules::intersection, ast::SetOperator::kIntersect, TokenKind::kIntersect> {};
template <>
struct QueryAction<rules::set_operation>
    : BuildsSetOperation<rules::set_operation, ast::SetOperator::kUnion, TokenKind::kUnion, TokenKind::kExcept> {};
template <>
struct QueryAction<rules::except_word> {
  static void apply0(State& state) { state.set_operation->op = ast::SetOperator::kExcept; }
};
template <>
struct QueryAction<rules::set_all> {
  static void apply0(State& state) { state.set_operation->all = true; }
};
struct TakesRightQuery {
  static void apply0(State& state) {
    state.set_operation->right = state.query;
    state.grow(state.set_operation, state.query);
  }
};
template <>
struct QueryAction<rules::intersect_right> : TakesRightQuery {};
template <>
struct QueryAction<rules::union_right> : TakesRightQuery {};

// ------------------------------------------------------------------------------------------------------ ORDER BY, LIMIT, OFFSET

// Adds to the query that was just read. A query in parentheses may have these clauses already; then there may be no second ones.
template <>
struct QueryAction<rules::ordering> : Builds<QueryAction<rules::ordering>, ast::Query, &State::ordered> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kOrder, TokenKind::kLimit, TokenKind::kOffset>(in); }
  static ast::Query* make(const TokenInput& /*in*/, State& state) { return state.query; }
  static void done(State& state, ast::Query* node) { state.query = node; }
};
[[noreturn]] void failRepeated(const State& state, const char* current, const char* clause);

template <>
struct QueryAction<rules::order_value> {
  static void apply0(State& state) { state.order = {state.expression, false, ast::NullsOrder::kUnspecified}; }
};
template <>
struct QueryAction<rules::order_item> {
  static void apply0(State& state) {
    state.ordered->order_by.push(state.arena, state.order);
    state.grow(state.ordered, state.order.expression);
  }
};
template <>
struct QueryAction<rules::order_word> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    if (!state.ordered->order_by.empty()) {
      failRepeated(state, in.begin(), "ORDER BY");
    }
  }
};
template <>
struct QueryAction<rules::limit_value> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    if (state.ordered->limit != nullptr) {
      failRepeated(state, in.begin(), "LIMIT");
    }
    state.ordered->limit = state.expression;
    state.grow(state.ordered, state.expression);
  }
};
template <>
struct QueryAction<rules::offset_value> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    if (state.ordered->offset != nullptr) {
      failRepeated(state, in.begin(), "OFFSET");
    }
    state.ordered->offset = state.expression;
    state.grow(state.ordered, state.expression);
  }
};

// ------------------------------------------------------------------------------------------------------------------------ WITH

template <>
struct QueryAction<rules::recursive> {
  static void apply0(State& state) { state.with_recursive = true; }
};
template <>
struct QueryAction<rules::common_name> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.common_tables.push(state.arena, {.name = state.nameAt(in.begin()), .columns = {}, .query = nullptr});
  }
};
template <>
struct QueryAction<rules::common_columns> {
  static void apply0(State& state) { state.common_tables.back().columns = state.names; }
};
template <>
struct QueryAction<rules::materialized> {
  static void apply0(State& state) { state.common_tables.back().materialized = ast::Materialization::kAlways; }
};
template <>
struct QueryAction<rules::not_materialized> {
  static void apply0(State& state) { state.common_tables.back().materialized = ast::Materialization::kNever; }
};
template <>
struct QueryAction<rules::common_query> {
  static void apply0(State& state) { state.common_tables.back().query = state.query; }
};

// ------------------------------------------------------------------------------------------------------------------------ FROM

template <>
struct QueryAction<rules::named_table> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto* table = state.arena.make<ast::NamedTable>(state.positionOf(in.begin()));
    table->name = state.qualified_name;
    state.table = table;
  }
};
template <>
struct QueryAction<rules::table_function> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto* table = state.arena.make<ast::FunctionTable>(state.positionOf(in.begin()));
    table->call = &state.expression->as<ast::Call>();
    state.grow(table, table->call);
    state.table = table;
  }
};
struct MakesSubqueryTable {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto* table = state.arena.make<ast::SubqueryTable>(state.positionOf(in.begin()));
    table->query = state.query;
    state.grow(table, table->query);
    state.table = table;
  }
};
template <>
struct QueryAction<rules::table_query> : MakesSubqueryTable {};
template <>
struct QueryAction<rules::table_query_rest> : MakesSubqueryTable {};
template <>
struct QueryAction<rules::table_alias_name> {
  static void apply0(State& state) {
    if (state.table->is<ast::Join>() || !state.table->alias.empty()) {
      failAt(state.name.position, ErrorCode::kUnsupported, "a join in parentheses cannot have an alias");
    }
    state.table->alias = state.name;
  }
};
template <>
struct QueryAction<rules::table_alias_columns> {
  static void apply0(State& state) { state.table->column_aliases = state.names; }
};

template <>
struct QueryAction<rules::join> : Builds<QueryAction<rules::join>, ast::Join, &State::join> {
  static bool begins(const TokenInput& in) {
    using enum TokenKind;
    return atToken<kJoin, kInner, kLeft, kRight, kFull, kCross, kNatural>(in);
  }
  static void begin(State& state) {
    state.join->left = state.table;
    state.grow(state.join, state.table);
  }
  static void done(State& state, ast::Join* node) { state.table = node; }
};
template <ast::JoinType Type>
struct SetsJoinType {
  static void apply0(State& state) { state.join->type = Type; }
};
// clang-format off
template <> struct QueryAction<rules::left_join>  : SetsJoinType<ast::JoinType::kLeft> {};
template <> struct QueryAction<rules::right_join> : SetsJoinType<ast::JoinType::kRight> {};
template <> struct QueryAction<rules::full_join>  : SetsJoinType<ast::JoinType::kFull> {};
template <> struct QueryAction<rules::cross_word> : SetsJoinType<ast::JoinType::kCross> {};
// clang-format on
template <>
struct QueryAction<rules::natural> {
  static void apply0(State& state) { state.join->natural = true; }
};
template <>
struct QueryAction<rules::joined_table> {
  static void apply0(State& state) {
    state.join->right = state.table;
    state.grow(state.join, state.table);
  }
};
template <>
struct QueryAction<rules::join_on> {
  static void apply0(State& state) {
    state.join->condition = state.expression;
    state.grow(state.join, state.expression);
  }
};
template <>
struct QueryAction<rules::join_using> {
  static void apply0(State& state) { state.join->using_columns = state.names; }
};

}  // namespace trefoil::parser
