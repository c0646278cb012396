// Actions of the statements about session and transaction.
#pragma once

#include "parser/sql_common_actions.hpp"
#include "parser/sql_statement_grammar.hpp"

namespace trefoil::parser {

template <typename Rule>
struct statement_action : common_action<Rule> {};

// ---------------------------------------------------------------------------------------------------------------- transactions

template <>
struct statement_action<rules::transaction>
    : builds<statement_action<rules::transaction>, ast::Transaction, &State::transaction> {
  static bool begins(const TokenInput& in) {
    using enum TokenKind;
    return atToken<kBegin, kStart, kCommit, kEnd, kRollback, kAbort, kSavepoint, kRelease>(in);
  }
  static void done(State& state, ast::Transaction* node) { state.statement = node; }
};
template <ast::TransactionKind Kind>
struct sets_transaction_kind {
  static void apply0(State& state) { state.transaction->action = Kind; }
};
template <ast::TransactionKind Kind>
struct sets_savepoint {
  static void apply0(State& state) {
    state.transaction->action = Kind;
    state.transaction->savepoint = state.name;
  }
};
template <ast::IsolationLevel Level>
struct sets_isolation {
  static void apply0(State& state) { state.transaction->isolation = Level; }
};
template <ast::AccessMode Mode>
struct sets_access {
  static void apply0(State& state) { state.transaction->access = Mode; }
};
// clang-format off
template <> struct statement_action<rules::commit>                : sets_transaction_kind<ast::TransactionKind::kCommit> {};
template <> struct statement_action<rules::rollback_word>         : sets_transaction_kind<ast::TransactionKind::kRollback> {};
template <> struct statement_action<rules::rollback_to>           : sets_savepoint<ast::TransactionKind::kRollbackTo> {};
template <> struct statement_action<rules::savepoint>             : sets_savepoint<ast::TransactionKind::kSavepoint> {};
template <> struct statement_action<rules::release>               : sets_savepoint<ast::TransactionKind::kRelease> {};
template <> struct statement_action<rules::level_serializable>    : sets_isolation<ast::IsolationLevel::kSerializable> {};
template <> struct statement_action<rules::level_repeatable_read> : sets_isolation<ast::IsolationLevel::kRepeatableRead> {};
template <> struct statement_action<rules::level_committed>       : sets_isolation<ast::IsolationLevel::kReadCommitted> {};
template <> struct statement_action<rules::level_uncommitted>     : sets_isolation<ast::IsolationLevel::kReadUncommitted> {};
template <> struct statement_action<rules::read_only>             : sets_access<ast::AccessMode::kReadOnly> {};
template <> struct statement_action<rules::read_write>            : sets_access<ast::AccessMode::kReadWrite> {};
// clang-format on

// -------------------------------------------------------------------------------------------------------------------- settings

// hnsw.ef_search: the parts of the name side by side, as they are written in the catalog of settings.
template <>
struct statement_action<rules::setting_part> {
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
struct statement_action<rules::set> : builds<statement_action<rules::set>, ast::Set, &State::set> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kSet>(in); }
  static void done(State& state, ast::Set* node) { state.statement = node; }
};
template <>
struct statement_action<rules::set_to> {
  static void apply0(State& state) { state.set->name = state.name; }
};
template <>
struct statement_action<rules::set_item> {
  static void apply0(State& state) { state.set->values.push(state.arena, state.expression); }
};
template <>
struct statement_action<rules::reset> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto* set = state.arena.make<ast::Set>(state.positionOf(in.begin()));
    set->name = state.name;
    state.statement = set;
  }
};
template <>
struct statement_action<rules::show_all> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.name = {"all", state.positionOf(in.begin())};
  }
};
template <>
struct statement_action<rules::show> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    auto* show = state.arena.make<ast::Show>(state.positionOf(in.begin()));
    show->name = state.name;
    state.statement = show;
  }
};
template <>
struct statement_action<rules::checkpoint> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.statement = state.arena.make<ast::Checkpoint>(state.positionOf(in.begin()));
  }
};

// --------------------------------------------------------------------------------------------------------------------- EXPLAIN

template <>
struct statement_action<rules::explain> : builds<statement_action<rules::explain>, ast::Explain, &State::explain> {
  static bool begins(const TokenInput& in) { return atToken<TokenKind::kExplain>(in); }
  static void done(State& state, ast::Explain* node) {
    node->statement = state.statement;
    state.statement = node;
  }
};
template <>
struct statement_action<rules::explain_analyze> {
  static void apply0(State& state) { state.explain->analyze = true; }
};

}  // namespace trefoil::parser
