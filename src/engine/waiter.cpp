#include "engine/waiter.hpp"

#include <algorithm>
#include <utility>

#include "base/memory_reserve.hpp"
#include "base/query_memory.hpp"
#include "engine/command.hpp"
#include "engine/command_meta.hpp"
#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"
#include "kv/entry.hpp"
#include "kv/view.hpp"
#include "txn/transaction.hpp"

namespace trefoil {

namespace {

// A waiter that takes more than this is served by a worker, not under the locks of whoever has made its key ready.
constexpr std::size_t kQuickSteps = 1000;

// What a command takes something from.
kv::ObjectType typeOf(int command) {
  const CommandGroup group = kCommands[static_cast<std::size_t>(command)].group;
  return group == CommandGroup::kSortedSet ? kv::ObjectType::kSortedSet : kv::ObjectType::kList;
}

}  // namespace

void Waiter::begin(const Wait& wait, int command, std::span<const std::string_view> args, int db) {
  Database::Impl& database = session_.impl().database;
  wait_ = wait;
  command_ = command;
  db_ = db;
  deadline_us_ = wait.timeout_ms == 0 ? INT64_MAX : database.env().monotonicMicros() + wait.timeout_ms * 1000;
  words_.assign(args.begin(), args.end());
  args_.assign(words_.begin(), words_.end());
  keys_.clear();  // of one for which there was no memory
  pushes_to_ = std::nullopt;
  forEachKey(kCommands[static_cast<std::size_t>(command)], args_, [&](std::size_t index, std::uint16_t flags) {
    const kv::Key key = database.manager().kv().key(db, args_[index]);
    if ((flags & kKeyDelete) != 0) {
      keys_.push_back(key);
    } else {
      pushes_to_ = key;
    }
  });
  database.countWaiter(1);
  state_.store(kWaits, std::memory_order_release);
  join();
}

// In all queues or in none: who is in some only would be served and never hear of it.
void Waiter::join() {
  if (!keys_.empty()) {
    memory_reserve::mustNotFail([&] { session_.impl().database.manager().kv().await(keys_, *this); });
  }
}

void Waiter::beginPostponed(std::int64_t until_us) {
  command_ = kPostponed;
  deadline_us_ = until_us;
  session_.impl().database.countWaiter(1);
  state_.store(kWaits, std::memory_order_release);
}

void Waiter::reset() {
  TREFOIL_ASSERT(isOver());
  session_.impl().database.manager().kv().stopWaiting(*this);
  state_.store(0, std::memory_order_release);
  words_ = {};
  keys_ = {};
  pushes_to_ = std::nullopt;
  args_ = {};
  ending_ = {};
  wake_ = {};
  session_.impl().database.countWaiter(-1);
}

bool Waiter::claim() {
  std::uint32_t state = state_.load(std::memory_order_acquire);
  while ((state & kWaits) != 0 && (state & kClaimed) == 0) {
    if (state_.compare_exchange_weak(state, state | kClaimed, std::memory_order_acq_rel)) {
      return true;
    }
  }
  return false;
}

// Nothing was taken: it waits on, unless it was to end meanwhile.
void Waiter::release() {
  std::uint32_t state = state_.load(std::memory_order_acquire);
  do {
    if ((state & kEndWanted) != 0) {
      ending_.end = static_cast<WaitEnd>(state >> kEndShift);
      return finish();
    }
  } while (!state_.compare_exchange_weak(state, state & ~kClaimed, std::memory_order_acq_rel));
}

bool Waiter::end(WaitEnd how) {
  std::uint32_t state = state_.load(std::memory_order_acquire);
  for (;;) {
    if ((state & kWaits) == 0 || (state & (kOver | kEndWanted)) != 0) {
      return false;
    }
    const bool claimed = (state & kClaimed) != 0;
    const std::uint32_t next = claimed ? state | kEndWanted | static_cast<std::uint32_t>(how) << kEndShift : state | kClaimed;
    if (state_.compare_exchange_weak(state, next, std::memory_order_acq_rel)) {
      if (!claimed) {
        ending_.end = how;
        finish();
      }
      return true;
    }
  }
}

// By whoever has claimed it. The owner may be anywhere from here on.
void Waiter::finish() {
  if ((state_.fetch_or(kOver, std::memory_order_acq_rel) & kArmed) != 0) {
    wake_();
  }
}

void Waiter::arm(std::function<void()> wake) {
  wake_ = std::move(wake);
  if ((state_.fetch_or(kArmed, std::memory_order_acq_rel) & kOver) != 0) {
    wake_();
  }
}

kv::KeyWaiter::Outcome Waiter::serve(const kv::Key& key, bool alone) {
  if (!claim()) {
    return Outcome::kOver;
  }
  kv::Store& store = session_.impl().database.manager().kv();
  if (store.find(key)->type() != typeOf(command_)) {
    release();
    return Outcome::kNotYet;
  }
  std::optional<kv::PartitionId> aside;
  if (pushes_to_) {
    const kv::PartitionId destination = kv::Store::partition(*pushes_to_);
    if (destination != kv::Store::partition(key)) {
      if (!store.lockAside(destination, alone)) {
        release();
        return Outcome::kLater;
      }
      aside = destination;
    }
  }
  const Outcome outcome = take(key);
  if (aside) {
    store.unlockAside(*aside);
  }
  return outcome;
}

// Under the locks. As a statement on the live store does (txn/live.hpp), but for a record that there is no room for just now.
kv::KeyWaiter::Outcome Waiter::take(const kv::Key& key) {
  Database::Impl& database = session_.impl().database;
  txn::Manager& manager = database.manager();
  const QueryMemory::Scope not_the_statements(nullptr);
  const txn::Author author(session_.id());
  const UnixMs now = database.env().now();
  EffectBuffer effects;
  kv::View view = kv::View::live(manager.kv(), effects, now);
  view.limitWork(kQuickSteps);
  view.countWholeCollections(false);
  std::optional<Wait> nothing;
  CommandCall call{args_, view, ending_.answer, session_, now, db_, &nothing, &key.bytes};
  Status status = guardMemory([&] { return handlerOf(command_)(call); });
  if (nothing) {
    release();
    return Outcome::kNotYet;
  }
  if (!status.ok() && !view.gaveWay()) {
    ending_.error = std::move(status).error();
    finish();
    return Outcome::kServed;
  }
  const std::optional<Lsn> end = view.gaveWay() ? std::nullopt : manager.committer().tryCommit(effects);
  if (!end) {
    ending_.answer.clear();
    memory_reserve::mustNotFail([&] { takeOnWorker(key); });
    return Outcome::kByOther;
  }
  ending_.fence = *end;
  finish();
  return Outcome::kServed;
}

// It stays claimed, and has left the queue of this key; if others have taken what was there, it goes to the queues' ends.
void Waiter::takeOnWorker(const kv::Key& key) {
  Database::Impl& database = session_.impl().database;
  const auto work = [this, &database, ready = std::string(key.bytes), db = key.db] {
    takeOrJoin();
    kv::Store& store = database.manager().kv();
    store.serveKey(store.key(db, ready));
  };
  const auto limit = static_cast<std::size_t>(database.settings().integer(Setting::kSlowLaneQueue));
  if (const auto submitted = database.pool().submit(work, SlowLane::kSystem, limit); !submitted.ok()) {
    ending_.error = submitted.error();
    finish();
  }
}

void Waiter::takeOrJoin() {
  Database::Impl& database = session_.impl().database;
  kv::Store& store = database.manager().kv();
  while (!takeAsTransaction()) {
    store.stopWaiting(*this);
    const std::vector<kv::PartitionId> partitions = this->partitions();
    const kv::PartitionLocks locks(store, partitions);
    const UnixMs now = database.env().now();
    const auto is_there = [&](const kv::Key& one) {
      const kv::Entry* const entry = store.find(one);
      return entry != nullptr && !entry->deadline().passed(now) && entry->type() == typeOf(command_);
    };
    if (std::none_of(keys_.begin(), keys_.end(), is_there)) {
      join();
      return release();
    }
  }
  finish();
}

// False: there was nothing.
bool Waiter::takeAsTransaction() {
  Database::Impl& database = session_.impl().database;
  const txn::Author author(session_.id());
  std::optional<Wait> nothing;
  const UnixMs now = database.env().now();
  const auto take_from = [&](txn::Transaction& own) {
    nothing.reset();
    ending_.answer.clear();
    CommandCall call{args_, own.kv(), ending_.answer, session_, now, db_, &nothing};
    return guardMemory([&] { return handlerOf(command_)(call); });
  };
  const Result<Lsn> committed = guardMemory([&] { return txn::runTransaction(database.manager(), now, take_from); });
  if (!committed.ok()) {
    ending_.error = committed.error();
  } else {
    ending_.fence = *committed;
  }
  return !nothing;
}

std::vector<kv::PartitionId> Waiter::partitions() const {
  std::vector<kv::PartitionId> partitions;
  for (const kv::Key& key : keys_) {
    partitions.push_back(kv::Store::partition(key));
  }
  std::sort(partitions.begin(), partitions.end());
  partitions.erase(std::unique(partitions.begin(), partitions.end()), partitions.end());
  return partitions;
}

}  // namespace trefoil
