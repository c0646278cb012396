#include "engine/feeder.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/logging.hpp"
#include "base/query_memory.hpp"
#include "sql/storage/view.hpp"

namespace trefoil {

namespace {

// A feed whose client is slow is looked at again so soon.
constexpr auto kFullPause = std::chrono::milliseconds(2);

FeedTables tablesAt(txn::Manager& manager, const txn::Snapshot& snapshot) {
  EffectBuffer none;
  return FeedTables(sql::View(manager.sql(), none, snapshot.lsn(), sql::View::kReadOnly).tables());
}

}  // namespace

Feeder::Feeder(Settings& settings, txn::Manager& manager, Env& env) : settings_(settings), manager_(manager), env_(env) {
  const auto follow = [this] {
    const std::lock_guard lock(mutex_);
    const auto bytes = static_cast<std::uint64_t>(settings_.integer(Setting::kLogBacklog));
    if (manager_.log() != nullptr) {
      manager_.log()->setBacklog(bytes);
    } else if (backlog_ != nullptr) {
      backlog_->keep(bytes);
    }
    manager_.committer().setLogsOldValues(wants_old_values_ || settings_.flag(Setting::kLogOldValues));
  };
  settings_observers_ = {settings_.observe(Setting::kLogBacklog, follow), settings_.observe(Setting::kLogOldValues, follow)};
  follow();
}

Feeder::~Feeder() {
  for (const std::uint64_t observer : settings_observers_) {
    settings_.stopObserving(observer);
  }
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
  if (listener_ != 0) {
    manager_.log()->removeOnReached(listener_);
  }
}

// With mutex_.
txn::CommitBacklog& Feeder::backlog() {
  if (backlog_ == nullptr) {
    std::uint32_t opening = 0;
    env_.randomBytes({reinterpret_cast<char*>(&opening), sizeof opening});
    backlog_ = std::make_unique<txn::CommitBacklog>(
        manager_.committer(), opening, static_cast<std::uint64_t>(settings_.integer(Setting::kLogBacklog)), [this] { wake(); });
  }
  return *backlog_;
}

// The tables are those of a snapshot; the commits between the position and that say what they were before.
Result<Feeder::Begun> Feeder::begin(std::optional<std::string_view> from, FeedFilter filter, std::shared_ptr<Outbox> outbox,
                                    const StatementControl& control) {
  if (filter.values) {
    const std::lock_guard lock(mutex_);
    wants_old_values_ = true;
    manager_.committer().setLogsOldValues(true);
  }
  aof::Log* const log = manager_.log();
  std::optional<aof::LogPosition> position;
  if (from) {
    TREFOIL_ASSIGN(position, aof::LogPosition::parse(*from));
  }
  std::unique_ptr<txn::CommitSource> source;
  std::unique_ptr<txn::CommitSource> past;  // the same place, to be read up to the snapshot
  txn::Snapshot snapshot;
  if (log != nullptr) {
    std::unique_ptr<aof::LogTail> tail;
    if (position) {
      TREFOIL_ASSIGN(tail, aof::LogTail::at(*log, *position));
      TREFOIL_ASSIGN(std::unique_ptr<aof::LogTail> again, aof::LogTail::at(*log, *position));
      past = std::make_unique<txn::LogSource>(std::move(again));
      snapshot = manager_.openSnapshot();
      TREFOIL_TRY(log->waitReached(snapshot.lsn()));
    } else {
      tail = aof::LogTail::atEnd(*log);
      snapshot = manager_.openSnapshot();
      tail->passOver(snapshot.lsn());
    }
    source = std::make_unique<txn::LogSource>(std::move(tail));
  } else {
    const std::lock_guard lock(mutex_);
    txn::CommitBacklog::Beginning now = backlog().begin();
    snapshot = std::move(now.snapshot);
    source = std::move(now.source);
    if (position) {
      TREFOIL_ASSIGN(source, backlog().at(*position));
      TREFOIL_ASSIGN(past, backlog().at(*position));
    }
  }
  FeedTables tables = tablesAt(manager_, snapshot);
  for (bool more = past != nullptr; more;) {
    TREFOIL_TRY(control.checkStopped());
    txn::CommitSource::Commit commit;
    TREFOIL_ASSIGN(more, past->next(commit));
    more = more && commit.lsn < snapshot.lsn();
    if (more) {
      TREFOIL_TRY(tables.note(commit.effects, commit.has_causes));
    }
  }
  tables.takeBack();
  Begun begun;
  begun.position = source->position().text();
  begun.fence = log != nullptr && !position ? snapshot.lsn() : 0;
  begun.feed = std::make_shared<Feed>(std::move(source), std::move(tables), std::move(filter), std::move(outbox));
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    feeds_.push_back(begun.feed);
    count_.store(feeds_.size(), std::memory_order_relaxed);
    is_first = !thread_.joinable();
    if (is_first) {
      thread_ = std::thread([this] { run(); });
    }
  }
  if (is_first && log != nullptr) {
    listener_ =
        log->onReached([this] { wake(); });  // without the mutex: the log's listeners have one, under which wake() is called
  }
  wake();
  return begun;
}

void Feeder::end(const std::shared_ptr<Feed>& feed) {
  feed->stop();
  const std::lock_guard lock(mutex_);
  std::erase(feeds_, feed);
  count_.store(feeds_.size(), std::memory_order_relaxed);
}

void Feeder::wake() {
  if (!woken_.exchange(true, std::memory_order_acq_rel)) {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  }
}

void Feeder::run() {
  for (bool any_full = false;;) {
    {
      std::unique_lock lock(mutex_);
      const auto ready = [this] { return stopping_ || woken_.load(std::memory_order_acquire); };
      any_full ? static_cast<void>(wake_.wait_for(lock, kFullPause, ready)) : wake_.wait(lock, ready);
      if (stopping_) {
        return;
      }
    }
    woken_.store(false, std::memory_order_seq_cst);
    while (stepAll(any_full)) {
    }
  }
}

// One step of each. Whether some have more to tell.
bool Feeder::stepAll(bool& any_full) {
  std::vector<std::shared_ptr<Feed>> feeds;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      return false;
    }
    feeds = feeds_;
  }
  any_full = false;
  bool more = false;
  for (const std::shared_ptr<Feed>& feed : feeds) {
    Feed::Step step = Feed::Step::kEnded;
    const Status stepped = guardMemory([&]() -> Status {
      step = feed->step();
      return {};
    });
    if (!stepped.ok()) {
      logWarning("a feed has ended: {}", stepped.error().message);
    }
    more = more || step == Feed::Step::kMore;
    any_full = any_full || step == Feed::Step::kFull;
    if (step == Feed::Step::kEnded) {
      end(feed);
    }
  }
  return more;
}

}  // namespace trefoil
