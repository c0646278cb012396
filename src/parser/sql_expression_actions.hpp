// Actions of the expression grammar: how an expression's nodes are made.
#pragma once

#include "parser/sql_common_actions.hpp"
#include "parser/sql_expression_grammar.hpp"

namespace trefoil::parser {

template <typename Rule>
struct ExpressionAction : CommonAction<Rule> {};

// Makes a Node at the first token of what matched and leaves it in State::expression.
template <typename Node, typename ActionInput>
Node* leaf(const ActionInput& in, State& state) {
  Node* node = state.arena.make<Node>(state.positionOf(in.begin()));
  state.expression = node;
  return node;
}

// ------------------------------------------------------------------------------------------------------------------- literals

template <ast::LiteralKind Kind, int Value>
struct MakesConstant {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto* literal = leaf<ast::Literal>(in, state);
    literal->literal_kind = Kind;
    literal->integer = Value;
  }
};
template <>
struct ExpressionAction<rules::null_literal> : MakesConstant<ast::LiteralKind::kNull, 0> {};
template <>
struct ExpressionAction<rules::true_literal> : MakesConstant<ast::LiteralKind::kBoolean, 1> {};
template <>
struct ExpressionAction<rules::false_literal> : MakesConstant<ast::LiteralKind::kBoolean, 0> {};

// Decodes the literal token at `current` (sql_expressions.cpp).
ast::Literal* makeLiteral(State& state, const char* current);

struct MakesLiteral {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.expression = makeLiteral(state, in.begin());
  }
};
template <>
struct ExpressionAction<rules::integer_literal> : MakesLiteral {};
template <>
struct ExpressionAction<rules::decimal_literal> : MakesLiteral {};
template <>
struct ExpressionAction<rules::string_literal> : MakesLiteral {};
template <>
struct ExpressionAction<rules::blob_literal> : MakesLiteral {};
template <>
struct ExpressionAction<rules::vector_literal> : MakesLiteral {};

template <>
struct ExpressionAction<rules::parameter> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    leaf<ast::Parameter>(in, state)->number = state.tokenAt(in.begin()).number;
  }
};

template <>
struct ExpressionAction<rules::current_moment> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    leaf<ast::Call>(in, state)->name = state.nameAt(in.begin());
  }
};

template <>
struct ExpressionAction<rules::typed_literal> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    ast::Expression* const operand = state.expression;
    auto* cast = leaf<ast::Cast>(in, state);
    cast->syntax = ast::CastSyntax::kTypedLiteral;
    cast->operand = operand;
    cast->type = state.type;
    state.grow(cast, operand);
  }
};

// -------------------------------------------------------------------------------------------------------------------- columns

template <>
struct ExpressionAction<rules::column_first> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    leaf<ast::Column>(in, state)->name = state.nameAt(in.begin());
  }
};
template <>
struct ExpressionAction<rules::column_second> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto& column = state.expression->as<ast::Column>();
    column.table = column.name;
    column.name = state.nameAt(in.begin());
  }
};
// t.* is accepted here as an operand and refused in sql_expressions.cpp wherever it is not a whole item of a select list.
template <>
struct ExpressionAction<rules::table_star> {
  static void apply0(State& state) {
    const auto& column = state.expression->as<ast::Column>();
    auto* star = state.arena.make<ast::Star>(column.position);
    star->table = column.name;
    state.expression = star;
  }
};

// ----------------------------------------------------------------------------------------------------------------- subqueries

struct MakesSubquery {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto* subquery = leaf<ast::Subquery>(in, state);
    subquery->query = state.query;
    state.grow(subquery, state.query);
  }
};
template <>
struct ExpressionAction<rules::subquery> : MakesSubquery {};
template <>
struct ExpressionAction<rules::query_rest> : MakesSubquery {};
template <>
struct ExpressionAction<rules::exists> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto* exists = leaf<ast::Exists>(in, state);
    exists->query = state.query;
    state.grow(exists, state.query);
  }
};

// ----------------------------------------------------------------------------------------------------------- CASE, CAST, calls

template <>
struct ExpressionAction<rules::case_expression>
    : Builds<ExpressionAction<rules::case_expression>, ast::Case, &State::case_expression> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kCase>(in); }

  static void done(State& state, ast::Case* node) { state.expression = node; }
};
template <>
struct ExpressionAction<rules::case_operand> {
  static void apply0(State& state) {
    state.case_expression->operand = state.expression;
    state.grow(state.case_expression, state.expression);
  }
};
template <>
struct ExpressionAction<rules::case_condition> {
  static void apply0(State& state) {
    state.case_expression->branches.push(state.arena, {state.expression, nullptr});
    state.grow(state.case_expression, state.expression);
  }
};
template <>
struct ExpressionAction<rules::case_result> {
  static void apply0(State& state) {
    state.case_expression->branches.back().result = state.expression;
    state.grow(state.case_expression, state.expression);
  }
};
template <>
struct ExpressionAction<rules::case_otherwise> {
  static void apply0(State& state) {
    state.case_expression->otherwise = state.expression;
    state.grow(state.case_expression, state.expression);
  }
};

template <>
struct ExpressionAction<rules::cast_expression> : Builds<ExpressionAction<rules::cast_expression>, ast::Cast, &State::cast> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kCast>(in); }

  static void done(State& state, ast::Cast* node) {
    node->type = state.type;
    state.expression = node;
  }
};
template <>
struct ExpressionAction<rules::cast_operand> {
  static void apply0(State& state) {
    state.cast->operand = state.expression;
    state.grow(state.cast, state.expression);
  }
};
template <>
struct ExpressionAction<rules::cast_colons> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto* cast = leaf<ast::Cast>(in, state);
    cast->syntax = ast::CastSyntax::kColons;
    cast->operand = state.operand;
    cast->type = state.type;
    state.grow(cast, cast->operand);
  }
};

template <>
struct ExpressionAction<rules::call> : Builds<ExpressionAction<rules::call>, ast::Call, &State::call> {
  static bool begins(const TokenInput& in) {
    return in.size() > 1 && static_cast<TokenKind>(in.peek_uint8(1)) == TokenKind::kOpen;
  }

  static void done(State& state, ast::Call* node) { state.expression = node; }
};
template <>
struct ExpressionAction<rules::function_word> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.call->name = state.nameAt(in.begin());
  }
};
template <>
struct ExpressionAction<rules::star_argument> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.call->arguments.push(state.arena, state.arena.make<ast::Star>(state.positionOf(in.begin())));
  }
};
template <>
struct ExpressionAction<rules::distinct_arguments> {
  static void apply0(State& state) { state.call->distinct = true; }
};
template <>
struct ExpressionAction<rules::argument> {
  static void apply0(State& state) {
    state.call->arguments.push(state.arena, state.expression);
    state.grow(state.call, state.expression);
  }
};
template <>
struct ExpressionAction<rules::filter_condition> {
  static void apply0(State& state) {
    state.call->filter = state.expression;
    state.grow(state.call, state.expression);
  }
};

// ----------------------------------------------------------------------------------------------------------------- predicates

// A predicate's node takes its left side from State::operand, and NOT before it from State::negated, as soon as it begins.
template <typename Derived, typename Node, Node* State::*Current>
struct BuildsPredicate : Builds<Derived, Node, Current> {
  static void begin(State& state) {
    Node* const node = state.*Current;
    node->operand = state.operand;
    node->negated = state.negated;
    state.grow(node, node->operand);
  }
  static void done(State& state, Node* node) { state.expression = node; }
};

template <>
struct ExpressionAction<rules::is_test> : BuildsPredicate<ExpressionAction<rules::is_test>, ast::IsTest, &State::is_test> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kIs>(in); }
};
template <>
struct ExpressionAction<rules::is_not> {
  static void apply0(State& state) { state.is_test->negated = true; }
};
template <>
struct ExpressionAction<rules::is_null> {
  static void apply0(State& state) { state.is_test->test = ast::IsTestKind::kNull; }
};
template <>
struct ExpressionAction<rules::is_true> {
  static void apply0(State& state) { state.is_test->test = ast::IsTestKind::kTrue; }
};
template <>
struct ExpressionAction<rules::is_false> {
  static void apply0(State& state) { state.is_test->test = ast::IsTestKind::kFalse; }
};
template <>
struct ExpressionAction<rules::is_unknown> {
  static void apply0(State& state) { state.is_test->test = ast::IsTestKind::kUnknown; }
};
template <bool Negated>
struct MakesNullTest {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto* test = leaf<ast::IsTest>(in, state);
    test->operand = state.operand;
    test->negated = Negated;
    state.grow(test, test->operand);
  }
};
template <>
struct ExpressionAction<rules::is_null_word> : MakesNullTest<false> {};
template <>
struct ExpressionAction<rules::is_not_null_word> : MakesNullTest<true> {};

template <>
struct ExpressionAction<rules::is_distinct> : Builds<ExpressionAction<rules::is_distinct>, ast::Binary, &State::is_distinct> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kIs>(in); }

  static void begin(State& state) {
    state.is_distinct->op = ast::BinaryOperator::kIsDistinctFrom;
    state.is_distinct->left = state.operand;
    state.grow(state.is_distinct, state.operand);
  }
  static void done(State& state, ast::Binary* node) { state.expression = node; }
};
template <>
struct ExpressionAction<rules::distinct_not> {
  static void apply0(State& state) { state.is_distinct->op = ast::BinaryOperator::kIsNotDistinctFrom; }
};
template <>
struct ExpressionAction<rules::distinct_operand> {
  static void apply0(State& state) {
    state.is_distinct->right = state.expression;
    state.grow(state.is_distinct, state.expression);
  }
};

template <>
struct ExpressionAction<rules::between> : BuildsPredicate<ExpressionAction<rules::between>, ast::Between, &State::between> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kBetween>(in); }
};
template <>
struct ExpressionAction<rules::between_low> {
  static void apply0(State& state) {
    state.between->low = state.expression;
    state.grow(state.between, state.expression);
  }
};
template <>
struct ExpressionAction<rules::between_high> {
  static void apply0(State& state) {
    state.between->high = state.expression;
    state.grow(state.between, state.expression);
  }
};

template <>
struct ExpressionAction<rules::in_query> : BuildsPredicate<ExpressionAction<rules::in_query>, ast::InQuery, &State::in_query> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kIn>(in); }

  static void done(State& state, ast::InQuery* node) {
    node->query = state.query;
    state.grow(node, node->query);
    state.expression = node;
  }
};
template <>
struct ExpressionAction<rules::in_table> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto* table = state.arena.make<ast::NamedTable>(state.positionOf(in.begin() + 1));
    table->name = state.qualified_name;
    auto* select = state.arena.make<ast::Select>(table->position);
    select->items.push(state.arena, {state.arena.make<ast::Star>(table->position), {}});
    select->from.push(state.arena, table);
    state.grow(select, table);
    auto* node = leaf<ast::InQuery>(in, state);
    node->negated = state.negated;
    node->operand = state.operand;
    node->query = select;
    state.grow(node, node->operand);
    state.grow(node, node->query);
  }
};
template <>
struct ExpressionAction<rules::in_list> : BuildsPredicate<ExpressionAction<rules::in_list>, ast::InList, &State::in_list> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kIn>(in); }

  // IN ((SELECT …)) is IN (SELECT …), as in PostgreSQL: more parentheses around a query change nothing.
  static void done(State& state, ast::InList* node) {
    state.expression = node;
    if (node->items.size() == 1 && node->items[0]->is<ast::Subquery>()) {
      auto* query = state.arena.make<ast::InQuery>(node->position);
      query->negated = node->negated;
      query->operand = node->operand;
      query->query = node->items[0]->as<ast::Subquery>().query;
      query->height = node->height;
      state.expression = query;
    }
  }
};
template <>
struct ExpressionAction<rules::in_item> {
  static void apply0(State& state) {
    state.in_list->items.push(state.arena, state.expression);
    state.grow(state.in_list, state.expression);
  }
};

template <>
struct ExpressionAction<rules::like> : BuildsPredicate<ExpressionAction<rules::like>, ast::Like, &State::like> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kLike, TokenKind::kIlike>(in); }
};
template <>
struct ExpressionAction<rules::ilike_word> {
  static void apply0(State& state) { state.like->case_insensitive = true; }
};
template <>
struct ExpressionAction<rules::like_pattern> {
  static void apply0(State& state) {
    state.like->pattern = state.expression;
    state.grow(state.like, state.expression);
  }
};
template <>
struct ExpressionAction<rules::like_escape> {
  static void apply0(State& state) {
    state.like->escape = state.expression;
    state.grow(state.like, state.expression);
  }
};

}  // namespace trefoil::parser
