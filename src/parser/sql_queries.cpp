// Queries: what the other parts of the grammar call, around the rules of sql_query_grammar.hpp.
#include "parser/sql_messages.hpp"
#include "parser/sql_query_actions.hpp"

namespace trefoil::parser {
namespace {

template <typename Rule>
bool matchRule(TokenInput& in, State& state) {
  return SqlControl<Rule>::template match<pegtl::apply_mode::action, pegtl::rewind_mode::dontcare, QueryAction, SqlControl>(
      in, state);
}

bool accept(TokenInput& in, TokenKind kind) {
  if (in.empty() || static_cast<TokenKind>(in.peek_uint8()) != kind) {
    return false;
  }
  in.bump();
  return true;
}

}  // namespace

bool matchWithClause(TokenInput& in, State& state) {
  ast::List<ast::CommonTable> tables;
  bool recursive = false;
  {
    const Scoped outer_tables(state, &State::common_tables);
    const Scoped outer_recursive(state, &State::with_recursive);
    if (!matchRule<rules::with>(in, state)) {
      return false;
    }
    tables = state.common_tables;
    recursive = state.with_recursive;
  }
  state.with_tables = tables;
  state.with_recursive = recursive;
  return true;
}

bool matchQuery(TokenInput& in, State& state) {
  const DepthGuard guard(state, in);
  if (in.empty() || static_cast<TokenKind>(in.peek_uint8()) != TokenKind::kWith) {
    return matchRule<rules::query_body>(in, state);
  }
  const ast::Position position = state.positionOf(in.current());
  matchWithClause(in, state);
  const ast::List<ast::CommonTable> tables = state.with_tables;
  const bool recursive = state.with_recursive;
  if (!matchRule<rules::query_body>(in, state)) {
    return false;
  }
  attachWith(state, position, tables, recursive);
  return true;
}

void attachWith(State& state, ast::Position position, const ast::List<ast::CommonTable>& tables, bool recursive) {
  if (!state.query->common_tables.empty()) {
    failAt(position, ErrorCode::kSyntax, "multiple WITH clauses not allowed");
  }
  state.query->common_tables = tables;
  state.query->recursive = recursive;
  for (const ast::CommonTable& table : tables) {
    state.grow(state.query, table.query);
  }
}

bool matchQueryContinuation(TokenInput& in, State& state) {
  const DepthGuard guard(state, in);
  return matchRule<rules::query_continuation>(in, state);
}

bool matchTableReference(TokenInput& in, State& state) {
  const DepthGuard guard(state, in);
  return matchRule<rules::table_reference>(in, state);
}

bool matchTableReferences(TokenInput& in, State& state) {
  ast::List<ast::TableReference*> tables;
  do {
    matchTableReference(in, state);
    tables.push(state.arena, state.table);
  } while (accept(in, TokenKind::kComma));
  state.tables = tables;
  return true;
}

bool matchSelectList(TokenInput& in, State& state) {
  const Scoped outer(state, &State::select_items);
  const bool matched = matchRule<rules::select_items>(in, state);
  state.select_list = state.select_items;
  return matched;
}

bool matchDefaultValue(TokenInput& in, State& state) {
  const ast::Position position = state.positionOf(in.current());
  if (state.depth != state.default_depth) {
    failAt(position, ErrorCode::kSyntax, "DEFAULT is not allowed in this context");
  }
  in.bump();
  state.expression = state.arena.make<ast::Default>(position);
  return true;
}

bool isBareSubqueryTable(TokenInput& /*in*/, State& state) {
  if (!state.table->is<ast::SubqueryTable>() || !state.table->alias.empty()) {
    return false;
  }
  state.query = state.table->as<ast::SubqueryTable>().query;
  return true;
}

void failRepeated(const State& state, const char* current, const char* clause) {
  failAt(state.positionOf(current), ErrorCode::kSyntax, std::string("multiple ") + clause + " clauses not allowed");
}

}  // namespace trefoil::parser
