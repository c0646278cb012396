// Statements about data: queries, and INSERT, UPDATE, DELETE, TRUNCATE, each perhaps after WITH.
#include "parser/sql_data_actions.hpp"
#include "parser/sql_messages.hpp"

namespace trefoil::parser {
namespace {

bool matchDataChange(TokenInput& in, State& state) {
  return SqlControl<rules::data_change>::match<pegtl::apply_mode::action, pegtl::rewind_mode::dontcare, DataAction, SqlControl>(
      in, state);
}

bool matchQueryStatement(TokenInput& in, State& state, ast::Position position) {
  if (!matchQuery(in, state)) {
    return false;
  }
  auto* statement = state.arena.make<ast::QueryStatement>(position);
  statement->query = state.query;
  state.statement = statement;
  return true;
}

template <typename DataStatement>
void putWith(ast::Statement* statement, const ast::List<ast::CommonTable>& tables, bool recursive) {
  auto& node = statement->as<DataStatement>();
  node.common_tables = tables;
  node.recursive = recursive;
}

bool matchAfterWith(TokenInput& in, State& state) {
  const ast::Position position = state.positionOf(in.current());
  matchWithClause(in, state);
  const ast::List<ast::CommonTable> tables = state.with_tables;
  const bool recursive = state.with_recursive;
  if (matchQueryStatement(in, state, position)) {
    attachWith(state, position, tables, recursive);
    return true;
  }
  if (in.empty() || !atToken<TokenKind::kInsert, TokenKind::kUpdate, TokenKind::kDelete>(in)) {
    raiseExpected(in, state, "Expected SELECT, INSERT, UPDATE or DELETE after WITH.", nullptr);
  }
  matchDataChange(in, state);
  switch (state.statement->kind) {
    case ast::StatementKind::kInsert:
      putWith<ast::Insert>(state.statement, tables, recursive);
      break;
    case ast::StatementKind::kUpdate:
      putWith<ast::Update>(state.statement, tables, recursive);
      break;
    default:
      putWith<ast::Delete>(state.statement, tables, recursive);
      break;
  }
  return true;
}

}  // namespace

bool matchDataStatement(TokenInput& in, State& state) {
  if (in.empty()) {
    return false;
  }
  if (atToken<TokenKind::kWith>(in)) {
    return matchAfterWith(in, state);
  }
  return matchDataChange(in, state) || matchQueryStatement(in, state, state.positionOf(in.current()));
}

bool matchInsertQuery(TokenInput& in, State& state) {
  const Scoped outer(state, &State::default_depth);
  state.default_depth = state.depth + 1;  // of the query itself, but not of those inside it
  return matchQuery(in, state);
}

}  // namespace trefoil::parser
