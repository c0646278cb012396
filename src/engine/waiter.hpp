// Waiter: one statement of a session that waits. A session has one, used again for each of its waits.
//
//          begin()              arm()                          Session::finishWait()
//   idle ─────────▶ waits ─────────────────▶ over, woken ─────────────────────────────▶ idle
//                     │  ▲ release()            ▲
//             claim() ▼  │                      │ finish()
//                   claimed ────────────────────┘
//
// How it ends is decided once: whoever claims it does, and all others come too late. That is a commit that has made one of its
// keys ready (serve(), on the committing thread), or end(): its deadline, CLIENT UNBLOCK, the end of a CLIENT PAUSE, a client
// that has hung up. An end that comes while somebody has claimed it counts if that one finds nothing to take.
//
// Its owner, an event loop or whoever calls Session::execute(), is woken when it is over and not before it has said that it is
// ready for that (arm()): until then it may still be on its way out of the statement that waits. From begin() on the session's
// thread touches nothing but arm(), end() and the questions, until it is over.
//
// Thread safety: end(), waits() and isPostponed() from any thread for as long as the session lives; begin(), arm(), reset() and
// what finishes it by its owner.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "base/types.hpp"
#include "engine/reply_tree.hpp"
#include "engine/wait.hpp"
#include "kv/waiting.hpp"

namespace trefoil {

class Session;

class Waiter final : public kv::KeyWaiter {
 public:
  explicit Waiter(Session& session) : session_(session) {}

  // It waits from now on. `command` and `args` are those of the call that waits, and are kept. With the locks of its keys.
  void begin(const Wait& wait, int command, std::span<const std::string_view> args, int db);
  // It waits for `until_us` on the monotonic clock, or to be told to go on: then its statement is begun again.
  void beginPostponed(std::int64_t until_us);

  [[nodiscard]] bool waits() const { return (state_.load(std::memory_order_acquire) & kWaits) != 0; }
  [[nodiscard]] bool isPostponed() const { return waits() && command_ == kPostponed; }
  [[nodiscard]] bool isOver() const { return (state_.load(std::memory_order_acquire) & kOver) != 0; }
  [[nodiscard]] std::int64_t deadlineUs() const { return deadline_us_; }  // INT64_MAX: none

  // Ends it. False if it does not wait (any more).
  bool end(WaitEnd how);
  // `wake` is called once it is over, perhaps at once; by whoever ends it.
  void arm(std::function<void()> wake);

  // How it ended, once it is over.
  struct Ending {
    WaitEnd end = WaitEnd::kServed;
    std::optional<Error> error;
    ReplyTree answer;
    Lsn fence = 0;
  };
  [[nodiscard]] const Ending& ending() const { return ending_; }
  [[nodiscard]] const Wait& wait() const { return wait_; }
  [[nodiscard]] int command() const { return command_; }
  // It has left the queues, and its ending is of no use any more.
  void reset();

  Outcome serve(const kv::Key& key, bool alone) override;

 private:
  // Bits of state_.
  enum : std::uint32_t { kWaits = 1, kClaimed = 2, kOver = 4, kArmed = 8, kEndWanted = 16, kEndShift = 8 };
  static constexpr int kPostponed = -2;

  bool claim();
  void release();
  void finish();
  void join();
  [[nodiscard]] std::vector<kv::PartitionId> partitions() const;
  Outcome take(const kv::Key& key);
  void takeOnWorker(const kv::Key& key);
  void takeOrJoin();
  bool takeAsTransaction();

  Session& session_;
  std::atomic<std::uint32_t> state_{0};
  int command_ = -1;
  int db_ = 0;
  std::vector<std::string> words_;
  std::vector<std::string_view> args_;
  std::vector<kv::Key> keys_;         // that it waits for: those that it takes something from
  std::optional<kv::Key> pushes_to_;  // what it puts that into
  Wait wait_;
  std::int64_t deadline_us_ = INT64_MAX;
  Ending ending_;
  std::function<void()> wake_;
};

}  // namespace trefoil
