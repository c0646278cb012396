// AnswerFence: what an answer waits for before it leaves (Session::fence()).
//
//   what it has done   the record that its statement has appended: in the file, under `always` on disk
//   what it tells      under `always` nothing that is not on disk. Whatever tells of data (a value, nil, an error, a conflict)
//   waits
//                      for the log's end; what does not (PING, QUEUED, BEGIN, INFO, a write that was refused) waits for nothing
//
// A log that refuses writes may stay at its end for as long as the disk is full, and reads must not wait so long for nothing.
// What is in memory and not on disk is a bounded stretch of records then, so they are looked at: an answer waits only if it may
// tell of one of them (txn/doubt.hpp). Looking comes after the statement has run: what it has seen is on disk by now, or in
// doubt.
//
// Thread safety: none; the session's.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/types.hpp"
#include "engine/database.hpp"

namespace trefoil {

namespace parser {
class ParsedStatement;
}  // namespace parser

namespace sql {
class Plan;
}  // namespace sql

namespace txn {
class Doubt;
class Transaction;
}  // namespace txn

struct QueuedStatement;

class AnswerFence {
 public:
  explicit AnswerFence(Database::Impl& database) : database_(database) {}

  // A statement begins.
  void beginStatement() { refused_ = false; }
  // It is answered with a refusal, as the log takes no writes: that tells nothing else.
  void noteRefusal() { refused_ = true; }
  // It has committed a record that ends there.
  void noteCommit(Lsn end) { committed_ = std::max(committed_, end); }
  // Its answer tells of data.
  void noteTelling() { tells_ = true; }

  // Behind a statement that was not queued: what it was, and the transaction block that it ran in, if there is one (null).
  void noteCommand(int command, std::span<const std::string_view> args, const txn::Transaction* block);
  // `plan`, or `own` of a statement of the engine itself; neither if it failed before.
  void noteSql(const sql::Plan* plan, const parser::ParsedStatement* own, const txn::Transaction* block);
  // EXEC's.
  void noteQueue(std::span<const QueuedStatement> queue);

  // Behind a call's statements.
  void close();
  // Of the last call.
  [[nodiscard]] Lsn latest() const { return latest_; }
  // The highest of all calls since somebody asked for it.
  [[nodiscard]] Lsn takeAwaited() { return std::exchange(awaited_, 0); }
  // Of a message that tells what the session has done until now.
  [[nodiscard]] Lsn ofMessages() const { return std::max(committed_, awaited_); }

 private:
  [[nodiscard]] bool looksForTelling() const;
  [[nodiscard]] std::shared_ptr<const txn::Doubt> doubt() const;
  [[nodiscard]] std::optional<bool> tellsAnyway(const txn::Doubt* doubt, const txn::Transaction* block) const;
  [[nodiscard]] bool commandTells(int command, std::span<const std::string_view> args, const txn::Transaction* block) const;
  [[nodiscard]] bool sqlTells(const sql::Plan* plan, const txn::Transaction* block) const;

  Database::Impl& database_;
  Lsn latest_ = 0;
  Lsn awaited_ = 0;
  Lsn committed_ = 0;     // behind the newest record of the running call's statements
  bool tells_ = false;    // one of their answers tells of data
  bool refused_ = false;  // the running statement
};

}  // namespace trefoil
