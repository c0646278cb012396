// ExecRunner: EXEC runs what MULTI has queued as one change.
//
// It is let in or refused as a whole, by all that its queue needs. With commands on keys only: all their partitions are locked,
// they run on one `locked` view, and one record is committed. With SQL among them, or with commands on a whole database: they run
// in a Transaction, which is validated at the end and tried again after a conflict, the last time under all locks: EXEC never
// answers -CONFLICT.
//
// Thread safety: none; the session's.
#pragma once

#include <cstdint>

#include "base/status.hpp"
#include "engine/reply.hpp"
#include "engine/session.hpp"

namespace trefoil {

class EffectBuffer;
class KeyFootprint;
struct QueuedStatement;

namespace kv {
class View;
}  // namespace kv

namespace txn {
class Transaction;
}  // namespace txn

class ExecRunner {
 public:
  explicit ExecRunner(Session::Impl& session) : session_(session) {}

  // EXEC. On a loop it may give way (StatementControl::gaveUp()); MULTI is still open then.
  Status execute(Reply& reply);
  // It was ended by an exception: the queue is gone.
  void abandon();
  // Whether the queue runs now,
  [[nodiscard]] bool isRunning() const { return is_running_; }
  // and in what transaction; null: in none.
  [[nodiscard]] txn::Transaction* transaction() const { return transaction_; }

  // Whether the queue is none of an event loop's.
  [[nodiscard]] bool isSlow() const;
  // What the queue needs, of kDenyOom and kWrite and other flags of the command table.
  [[nodiscard]] std::uint32_t needs();

 private:
  Status executeQueue(Reply& reply);
  Status executeLocked(const KeyFootprint& footprint, Reply& reply);
  Status executeAsTransaction(Reply& reply);
  bool findFootprint(KeyFootprint& footprint) const;
  void runCommand(QueuedStatement& statement, kv::View& view, EffectBuffer& effects, Reply& reply);
  void runIn(txn::Transaction& own, QueuedStatement& statement, Reply& reply);
  Status runOnce(QueuedStatement& statement, Reply& reply);

  Session::Impl& session_;
  bool is_running_ = false;
  bool has_committed_ = false;
  txn::Transaction* transaction_ = nullptr;
};

}  // namespace trefoil
