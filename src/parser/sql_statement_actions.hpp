// Actions of the statements about session and transaction.
#pragma once

#include "parser/sql_common_actions.hpp"
#include "parser/sql_statement_grammar.hpp"

namespace trefoil::parser {

template <typename Rule>
struct StatementAction : CommonAction<Rule> {};

// ---------------------------------------------------------------------------------------------------------------- transactions

template <>
struct StatementAction<rules::transaction> : Builds<StatementAction<rules::transaction>, ast::Transaction, &State::transaction> {
  static bool begins(const TokenInput& in) {
    using enum TokenKind;
    return atToken<kBegin, kStart, kCommit, kEnd, kRollback, kAbort, kSavepoint, kRelease, kSet>(in);
  }
  static void done(State& state, ast::Transaction* node) { state.statement = node; }
};
template <ast::TransactionKind Kind>
struct SetsTransactionKind {
  static void apply0(State& state) { state.transaction->action = Kind; }
};
template <ast::TransactionKind Kind>
struct SetsSavepoint {
  static void apply0(State& state) {
    state.transaction->action = Kind;
    state.transaction->savepoint = state.name;
  }
};
template <ast::IsolationLevel Level>
struct SetsIsolation {
  static void apply0(State& state) { state.transaction->isolation = Level; }
};
template <ast::AccessMode Mode>
struct SetsAccess {
  static void apply0(State& state) { state.transaction->access = Mode; }
};
// clang-format off
template <> struct StatementAction<rules::commit>                : SetsTransactionKind<ast::TransactionKind::kCommit> {};
template <> struct StatementAction<rules::rollback_word>         : SetsTransactionKind<ast::TransactionKind::kRollback> {};
template <> struct StatementAction<rules::rollback_to>           : SetsSavepoint<ast::TransactionKind::kRollbackTo> {};
template <> struct StatementAction<rules::savepoint>             : SetsSavepoint<ast::TransactionKind::kSavepoint> {};
template <> struct StatementAction<rules::release>               : SetsSavepoint<ast::TransactionKind::kRelease> {};
template <> struct StatementAction<rules::set_transaction>       : SetsTransactionKind<ast::TransactionKind::kSetModes> {};
template <> struct StatementAction<rules::level_serializable>    : SetsIsolation<ast::IsolationLevel::kSerializable> {};
template <> struct StatementAction<rules::level_repeatable_read> : SetsIsolation<ast::IsolationLevel::kRepeatableRead> {};
template <> struct StatementAction<rules::level_committed>       : SetsIsolation<ast::IsolationLevel::kReadCommitted> {};
template <> struct StatementAction<rules::level_uncommitted>     : SetsIsolation<ast::IsolationLevel::kReadUncommitted> {};
template <> struct StatementAction<rules::read_only>             : SetsAccess<ast::AccessMode::kReadOnly> {};
template <> struct StatementAction<rules::read_write>            : SetsAccess<ast::AccessMode::kReadWrite> {};
// clang-format on

// -------------------------------------------------------------------------------------------------------------------- settings

// hnsw.ef_search: the parts of the name side by side, as they are written in the catalog of settings.
template <>
struct StatementAction<rules::setting_part> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    const ast::Name part = state.nameAt(in.begin());
    char* joined = state.arena.makeArray<char>(state.name.text.size() + 1 + part.text.size());
    std::memcpy(joined, state.name.text.data(), state.name.text.size());
    joined[state.name.text.size()] = '.';
    std::memcpy(joined + state.name.text.size() + 1, part.text.data(), part.text.size());
    state.name.text = {joined, state.name.text.size() + 1 + part.text.size()};
  }
};
template <>
struct StatementAction<rules::set> : Builds<StatementAction<rules::set>, ast::Set, &State::set> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kSet>(in); }
  static void done(State& state, ast::Set* node) { state.statement = node; }
};
template <>
struct StatementAction<rules::set_local> {
  static void apply0(State& state) { state.set->local = true; }
};
template <>
struct StatementAction<rules::set_to> {
  static void apply0(State& state) { state.set->name = state.name; }
};
template <>
struct StatementAction<rules::set_item> {
  static void apply0(State& state) { state.set->values.push(state.arena, state.expression); }
};
template <>
struct StatementAction<rules::reset> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto* set = state.arena.make<ast::Set>(state.positionOf(in.begin()));
    set->name = state.name;
    state.statement = set;
  }
};
template <>
struct StatementAction<rules::all_settings> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.name = {"all", state.positionOf(in.begin())};
  }
};
template <>
struct StatementAction<rules::show> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto* show = state.arena.make<ast::Show>(state.positionOf(in.begin()));
    show->name = state.name;
    state.statement = show;
  }
};
template <>
struct StatementAction<rules::checkpoint> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.statement = state.arena.make<ast::Checkpoint>(state.positionOf(in.begin()));
  }
};

// --------------------------------------------------------------------------------------------------------------------- EXPLAIN

template <>
struct StatementAction<rules::explain> : Builds<StatementAction<rules::explain>, ast::Explain, &State::explain> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kExplain>(in); }
  static void done(State& state, ast::Explain* node) {
    node->statement = state.statement;
    state.statement = node;
  }
};
template <>
struct StatementAction<rules::explain_analyze> {
  static void apply0(State& state) { state.explain->analyze = true; }
};

}  // namespace trefoil::parser
