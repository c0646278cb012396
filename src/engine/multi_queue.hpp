// MultiQueue: the statements between MULTI and EXEC, each with its own bytes.
// https://redis.io/docs/latest/develop/interact/transactions/
//
// Thread safety: isOpen(), count() and memory() from any thread; the rest is the session's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_account.hpp"
#include "base/status.hpp"
#include "base/value.hpp"
#include "engine/reply_tree.hpp"
#include "engine/statement.hpp"

namespace trefoil {

// What a command about the session or the server answered inside EXEC, and how it left the session.
struct SessionOutcome {
  std::optional<Error> error;
  ReplyTree answer;
  int db = 0;
  int protocol = 2;
  bool caching = false;  // CLIENT CACHING
};

struct QueuedStatement {
  int command = -1;  // as Session::Impl::commandOf() said
  std::vector<std::string> args;
  std::string sql;
  std::vector<Value> parameters;
  TableForm table_form = TableForm::kRowsOnly;
  std::optional<SessionOutcome> outcome;  // once it has run: it runs once, however often EXEC begins again

  [[nodiscard]] std::vector<std::string_view> words() const { return {args.begin(), args.end()}; }
};

class MultiQueue {
 public:
  [[nodiscard]] bool isOpen() const { return state_.load(std::memory_order_relaxed) != State::kClosed; }
  // One of them was in error: EXEC answers EXECABORT, and there is no use in keeping others.
  [[nodiscard]] bool isRefused() const { return state_.load(std::memory_order_relaxed) == State::kRefused; }

  void open() { state_.store(State::kOpen, std::memory_order_relaxed); }
  // EXEC begins: statements run again, and are not queued. What there is stays.
  void close() { state_.store(State::kClosed, std::memory_order_relaxed); }
  void refuse() { state_.store(State::kRefused, std::memory_order_relaxed); }
  // Closed, and nothing is left.
  void discard();

  // kLimit: it would have more than `most_bytes`, or too many.
  Status add(const Statement& statement, int command, std::size_t most_bytes);
  [[nodiscard]] std::span<QueuedStatement> statements() { return statements_; }
  [[nodiscard]] std::span<const QueuedStatement> statements() const { return statements_; }

  [[nodiscard]] std::size_t count() const { return count_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t memory() const { return memory_.load(std::memory_order_relaxed); }

 private:
  enum class State : std::uint8_t { kClosed, kOpen, kRefused };

  std::atomic<State> state_ = State::kClosed;
  std::vector<QueuedStatement> statements_;
  MemoryCharge charge_{MemoryLeaf::kClients};
  std::atomic<std::size_t> count_ = 0;
  std::atomic<std::size_t> memory_ = 0;
};

}  // namespace trefoil
