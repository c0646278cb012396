// Database: the whole engine in one object. Open it, connect sessions to it, destroy it.
//
//   auto database = trefoil::Database::open({.directory = "data"});
//   auto session = (*database)->connect();
//   auto rows = session->execute("SELECT name FROM users WHERE id = $1", {{Datum::integer(7)}});
//
// Thread safety: all functions; each session by one thread at a time. Destruction: all sessions first; waits for running work,
// makes everything durable and releases the directory.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/env.hpp"
#include "base/settings.hpp"
#include "base/status.hpp"
#include "base/types.hpp"
#include "engine/session.hpp"
#include "engine/slow_lane.hpp"

namespace trefoil {

class OutputLimits;

struct OpenOptions {
  std::string directory;         // empty: in memory only, nothing is logged
  Settings* settings = nullptr;  // null: defaults; must outlive the database
  Env* env = nullptr;            // null: Env::system()
};

class Database {
 public:
  // Opens or creates. Recovers first: what was acknowledged is there. kBusy if another process holds the directory, kCorruption
  // with file, offset and what to do if its bytes are damaged below the synced mark.
  static Result<std::unique_ptr<Database>> open(const OpenOptions& options);
  // A database in memory that holds what `leader` does, which has a directory and outlives it: commit by commit, in order, as
  // soon as the leader's log has it. It answers reads, and refuses writes (READONLY). The leader does not wait for it: if it
  // falls behind by more than log-backlog, or the leader's disk fails, it stays where it is, and catchUp() says so.
  static Result<std::unique_ptr<Database>> openFollower(Database& leader);
  // Of a follower: returns when it holds everything that the leader's log has reached by now. kTimeout, or why it follows no
  // longer.
  Status catchUp(std::chrono::steady_clock::time_point deadline);
  // It holds the leader's commits below this position of its log.
  [[nodiscard]] Lsn followedLsn() const;

  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  std::unique_ptr<Session> connect();

  // The slow lanes: runs `work` on a worker. kBusy when the lane's queue is full; nothing was queued then. The ticket is for
  // withdraw(), which answers whether it had not begun and never will.
  Result<std::uint64_t> submit(std::function<void()> work, SlowLane lane);
  bool withdraw(std::uint64_t ticket);

  // Answers below this may leave (Session::fence()). Without a directory UINT64_MAX.
  [[nodiscard]] Lsn reachedLsn() const;
  // Brings the log there, on this thread: one write, and under appendfsync always one sync, for everything that waits. Does
  // nothing while the disk refuses.
  Reach reach(Lsn fence);
  // For output that waits at `fence` and will never leave: kUnknownOutcome after the disk failed below it. OK while there is
  // hope.
  [[nodiscard]] Status hopeOf(Lsn fence) const;
  // Called whenever the log has moved or has failed, by the thread that noticed; must only signal (an eventfd, a condition).
  // Returns a handle.
  std::uint64_t onLogMoved(std::function<void()> callback);
  void removeOnLogMoved(std::uint64_t handle);

  // Writes a checkpoint and returns when it is complete.
  Status checkpoint();

  // What destruction does, for who wants to know whether everything is on disk now: kUnknownOutcome says what may be lost, kIo
  // that nothing is. All sessions are gone before; only destruction may follow.
  Status close();

  [[nodiscard]] Settings& settings();
  [[nodiscard]] const OutputLimits& outputLimits() const;
  [[nodiscard]] Env& env();

  // Names for completion in the shell: tables, their columns, indexes.
  [[nodiscard]] std::vector<std::string> catalogNames() const;

  // SHUTDOWN was called; servers look at it, and `onShutdown` is called once, from the session's thread.
  void onShutdown(std::function<void()> callback);

  class Impl;  // engine's own; see database_impl.hpp
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  Database();
  std::unique_ptr<Impl> impl_;
};

}  // namespace trefoil
