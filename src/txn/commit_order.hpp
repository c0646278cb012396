// CommitOrder: commits as those see them who follow them: one by one, in the order of the log, each with what it has changed.
//
//   committer, under its locks, inside the gate     append() the record and take the next place in the order, together
//                                                   apply
//                                                   applied(): the place holds the effects, and is complete
//   when its locks are let go                       deliver(): from the oldest place on, to all observers, one thread at a time;
//                                                   returns when all that was there has been delivered, by whomever
//
// So whoever has the answer to a change knows that all who follow have been told of it. The wait for others' places is short:
// they are inside the gate.
//
// As long as nobody follows, there are no places, and all of it is one load that says so. A place takes a copy of the record's
// effects: how many there are is bounded by the commits that are just being applied.
//
// Sequence numbers count the commits that were followed: without a gap, in the log's order, and without a log, too. An observer
// that is attached is told of every commit from its position on and of none before, which is also the position of a snapshot that
// is taken with it (Committer::follow).
//
// Thread safety: all functions. The mutex is taken under all other locks, and observers are called without any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aof/log.hpp"
#include "base/types.hpp"

namespace trefoil::txn {

// On whose behalf this thread commits: a client's number, or 0, the engine's own.
class Author {
 public:
  explicit Author(std::uint64_t client) : before_(std::exchange(current_, client)) {}
  ~Author() { current_ = before_; }
  Author(const Author&) = delete;
  Author& operator=(const Author&) = delete;
  [[nodiscard]] static std::uint64_t current() { return current_; }

 private:
  static inline thread_local constinit std::uint64_t current_ = 0;
  const std::uint64_t before_;
};

// One commit. Valid during the call that it is passed to.
struct Committed {
  std::uint64_t sequence = 0;
  Lsn lsn = 0;  // of its record; without a log as base/types.hpp says
  Lsn end = 0;  // behind the record: what tells of it must not leave before the log is there. 0 without a log
  std::string_view effects;
  std::uint64_t author = 0;  // whose it is
  // Of each effect on keys, in their order, whether it makes a key that was not there; empty if nobody has asked for that
  // (Committer::tellNewKeys).
  const std::vector<bool>& new_keys;
};

class CommitObserver {
 public:
  CommitObserver() = default;
  CommitObserver(const CommitObserver&) = delete;
  CommitObserver& operator=(const CommitObserver&) = delete;
  virtual ~CommitObserver() = default;
  // On the thread of some committer, one call at a time, without locks. Must be quick: committers wait for it.
  virtual void onCommit(const Committed& commit) = 0;
};

class CommitOrder {
 public:
  // Names a place until it is complete.
  using Place = std::uint64_t;

  // Whether anybody follows. Inside the gate it stays as it is.
  [[nodiscard]] bool isFollowed() const { return is_followed_.load(std::memory_order_relaxed); }

  // With the gate held exclusively: the observer is told of every commit that enters it afterwards. Returns the sequence number
  // of the first one.
  std::uint64_t attach(CommitObserver& observer);
  // Of the next place. With the gate held exclusively.
  [[nodiscard]] std::uint64_t nextSequence() {
    const std::lock_guard lock(mutex_);
    return next_sequence_;
  }
  // When it returns, the observer is not being called and will not be. Without locks, and not from within onCommit().
  void detach(CommitObserver& observer);

  // Calls `append() → Appended` and takes the next place. `new_keys`: as in Committed.
  template <typename Append>
  Place append(Append&& append, aof::Appended& appended, std::vector<bool> new_keys) {
    const std::lock_guard lock(mutex_);
    appended = append();
    places_.push_back({next_sequence_, appended, {}, Author::current(), std::move(new_keys), false});
    return next_sequence_++;
  }
  void applied(Place place, std::string_view effects);
  // Of all places that there are.
  void deliver();

 private:
  struct Pending {
    std::uint64_t sequence;
    aof::Appended appended;
    std::string effects;
    std::uint64_t author;
    std::vector<bool> new_keys;
    bool is_complete;
  };
  void deliverOldest(std::unique_lock<std::mutex>& lock);
  struct Attached {
    CommitObserver* observer;
    std::uint64_t from;  // sequence number of the first commit that it is told of
  };

  std::atomic<bool> is_followed_{false};
  std::mutex mutex_;
  std::condition_variable progress_;  // a place is complete, or delivered
  std::deque<Pending> places_;        // by sequence, without gaps
  std::uint64_t next_sequence_ = 1;
  bool delivering_ = false;            // somebody does
  std::uint64_t delivered_up_to_ = 0;  // the number of the one whose delivery has ended last
  std::vector<Attached> observers_;
};

}  // namespace trefoil::txn
