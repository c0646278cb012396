// CommitSource: where whoever follows at his own pace has the commits from, one by one in order: the log's tail or, in a database
// without a log, the newest commits, which are kept in memory for it.
//
// Thread safety: of a source none; its database may be used by anybody meanwhile. CommitBacklog: all functions.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "aof/log_tail.hpp"
#include "base/memory_account.hpp"
#include "base/status.hpp"
#include "txn/commit.hpp"

namespace trefoil::txn {

class CommitSource {
 public:
  struct Commit {
    Lsn lsn = 0;               // below that of a snapshot that holds it, and of no other
    std::string_view effects;  // valid until the next call
    bool has_causes = true;
  };

  CommitSource() = default;
  CommitSource(const CommitSource&) = delete;
  CommitSource& operator=(const CommitSource&) = delete;
  virtual ~CommitSource() = default;

  // True: a commit; false: there is no more for now. kOutOfRange: it has been dropped.
  virtual Result<bool> next(Commit& commit) = 0;
  // Behind the commit that next() gave last.
  [[nodiscard]] virtual aof::LogPosition position() const = 0;
};

class LogSource final : public CommitSource {
 public:
  explicit LogSource(std::unique_ptr<aof::LogTail> tail) : tail_(std::move(tail)) {}
  Result<bool> next(Commit& commit) override;
  [[nodiscard]] aof::LogPosition position() const override { return tail_->position(); }
  [[nodiscard]] aof::LogTail& tail() { return *tail_; }

 private:
  const std::unique_ptr<aof::LogTail> tail_;
  std::string settled_;
};

// The newest commits of a database without a log. Follows them from its beginning on; without anybody who wants them there is no
// need for one. A place in it looks like one in a log: the number of the commit, by eights.
class CommitBacklog final : public CommitObserver {
 public:
  // Keeps about `bytes` of effects. `listener` is called behind each commit; it must be quick.
  CommitBacklog(Committer& committer, std::uint32_t opening, std::uint64_t bytes, std::function<void()> listener);
  ~CommitBacklog() override;

  void keep(std::uint64_t bytes);
  void onCommit(const Committed& commit) override;

  // Begins behind everything that a snapshot holds which is taken by the same call; or at a place.
  struct Beginning {
    Snapshot snapshot;
    std::unique_ptr<CommitSource> source;
  };
  [[nodiscard]] Beginning begin();
  // Errors as aof::LogTail::at().
  Result<std::unique_ptr<CommitSource>> at(const aof::LogPosition& position);

 private:
  class Source;
  struct Kept {
    Lsn lsn;
    std::string effects;
  };
  [[nodiscard]] aof::LogPosition positionOf(std::uint64_t sequence) const;
  Result<bool> read(std::uint64_t sequence, Lsn& lsn, std::string& effects);

  Committer& committer_;
  const std::uint32_t opening_;
  const std::function<void()> listener_;
  std::mutex mutex_;  // guards:
  std::deque<Kept> kept_;
  std::uint64_t first_ = 0;  // sequence number of the oldest that is kept, or of the next one
  std::uint64_t bytes_ = 0;
  std::uint64_t most_bytes_;
  MemoryCharge charge_{MemoryLeaf::kTransactions};
};

}  // namespace trefoil::txn
