// TransactionBlock: BEGIN … COMMIT of a session: its transaction and what goes with it, the session's own settings and the
// messages that it has said inside.
//
// Thread safety: none; the session's.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "base/status.hpp"
#include "engine/session.hpp"
#include "parser/ast.hpp"
#include "txn/transaction.hpp"

namespace trefoil {

class TransactionBlock {
 public:
  explicit TransactionBlock(Session::Impl& session) : session_(session) {}

  // Null outside.
  [[nodiscard]] txn::Transaction* transaction() const { return transaction_.get(); }
  [[nodiscard]] bool isOpen() const { return transaction_ != nullptr; }
  [[nodiscard]] bool isReadOnly() const { return read_only_; }

  // BEGIN, COMMIT, ROLLBACK, savepoints, SET TRANSACTION. Returns the command tag.
  Result<std::string_view> control(const ast::Transaction& statement);
  // What a statement needed (kDenyOom, kWrite), and COMMIT needs once more.
  void need(std::uint32_t needs) { needs_ |= needs; }
  [[nodiscard]] std::uint32_t needs() const { return needs_; }
  [[nodiscard]] static Error readOnlyError(std::string_view statement);

  // Rolls back without a word: RESET, or the session's end.
  void abandon() { transaction_.reset(); }
  // Rolls back what has been idle for idle-in-transaction-session-timeout; the next statement is told so, once.
  void endIdle();
  [[nodiscard]] bool tellEndedIdle() { return std::exchange(ended_idle_, false); }
  // Back to a mark of a transaction, this one or another, as after any statement that failed. That stages again what is left: if
  // it finds no memory for that, it is rolled back, and this throws.
  void undo(txn::Transaction& target, std::size_t mark, const Error& why);

 private:
  Result<std::string_view> begin(const ast::Transaction& statement);
  Result<std::string_view> commit();
  Result<std::string_view> end();
  Result<std::string_view> rollback();

  Session::Impl& session_;
  std::unique_ptr<txn::Transaction> transaction_;
  bool read_only_ = false;
  bool ended_idle_ = false;
  std::uint32_t needs_ = 0;
};

}  // namespace trefoil
