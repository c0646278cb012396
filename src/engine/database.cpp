#include "engine/database.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <new>
#include <utility>

#include "aof/log.hpp"
#include "base/logging.hpp"
#include "base/memory_reserve.hpp"
#include "base/query_memory.hpp"
#include "engine/catalog_functions.hpp"
#include "engine/database_impl.hpp"
#include "engine/digest.hpp"
#include "engine/kv_tables.hpp"
#include "engine/session_functions.hpp"
#include "engine/session_impl.hpp"
#include "txn/index_following.hpp"

namespace trefoil {

namespace {

constexpr auto kBackgroundInterval = std::chrono::milliseconds(100);
// Changes of vectors gather so long before the indexes follow them.
constexpr auto kFollowInterval = std::chrono::milliseconds(10);
constexpr unsigned kSweepsToThorough = 10;  // so often all that snapshots keep of keys is looked at: once a second
constexpr std::size_t kSweepBudget = 2000;  // entries with deadlines looked at in one go
// While many of them have expired, it goes on for so much of each interval: a quarter, as in Redis (expire.c).
constexpr std::int64_t kSweepMicros = 25'000;
// A checkpoint that failed is tried again after a pause, which doubles each time up to the longest: the disk may be full of it.
// One that is to bring a failed log back is awaited by everybody who writes.
constexpr std::int64_t kFirstPauseMicros = 50'000;
constexpr std::int64_t kLongestPauseMicros = 30'000'000;
constexpr std::int64_t kLongestPauseOfFailedLogMicros = 500'000;

aof::SyncPolicy policyOf(const Settings& settings) {
  switch (settings.choice<FsyncPolicy>(Setting::kAppendFsync)) {
    case FsyncPolicy::kAlways:
      return aof::SyncPolicy::kAlways;
    case FsyncPolicy::kEverySecond:
      return aof::SyncPolicy::kEverySecond;
    case FsyncPolicy::kNo:
      return aof::SyncPolicy::kNo;
  }
  return aof::SyncPolicy::kEverySecond;
}

}  // namespace

// ------------------------------------------------------------------------------------------------------------ Database::Impl

Database::Impl::Impl(Database& self_in, Settings& settings, std::unique_ptr<Settings> own_settings, Env& env,
                     std::unique_ptr<txn::Manager> manager, std::unique_ptr<Following> following)
    : self(self_in),
      started_at_us(env.nowMicros()),
      own_settings_(std::move(own_settings)),
      settings_(settings),
      env_(env),
      manager_(std::move(manager)),
      following_(std::move(following)),
      pool_(static_cast<std::size_t>(settings.integer(Setting::kSlowLaneThreads))),
      half_of_memory_(machineMemory() / 2),
      output_limits_(settings),
      memory_at_start_(MemoryAccount::used()) {
  addCatalogFunctions(table_functions_);
  addDigestFunction(table_functions_);
  addSessionFunctions(table_functions_, *this);
  registerKvTables(table_functions_);
  fsync_observer_ = settings_.observe(Setting::kAppendFsync, [this] {
    if (manager_->log() != nullptr) {
      manager_->log()->setPolicy(policyOf(settings_));
    }
  });
  keyspace_events_.emplace(settings_, manager_->committer(), pubsub_);
  feeder_.emplace(settings_, *manager_, env_);
  pause_.onEnd([this] {
    forEachSession([](Session::Impl& session) {
      if (session.waiter.isPostponed()) {
        session.waiter.end(WaitEnd::kGoOn);
      }
    });
  });
  for (const Setting setting : {Setting::kMaxMemoryPolicy, Setting::kLfuLogFactor, Setting::kLfuDecayTime}) {
    eviction_observers_.push_back(settings_.observe(setting, [this] { followEvictionSettings(); }));
  }
  followEvictionSettings();
  memory_reserve::install();
  sweeper_ = std::thread([this] { repeat(&Impl::sweep, sweep_wake_); });
  checkpointer_ = std::thread([this] { repeat(&Impl::checkpointIfNeeded, checkpoint_wake_); });
  follower_ = std::thread([this] { followLoop(); });
}

Database::Impl::~Impl() {
  if (const Status closed = close(); !closed.ok()) {
    logWarning("closing the log: {}", closed.error().message);
  }
}

Status Database::Impl::close() {
  if (!sweeper_.joinable()) {
    return {};
  }
  TREFOIL_ASSERT(sessions_.empty());
  settings_.stopObserving(fsync_observer_);
  for (const std::uint64_t observer : eviction_observers_) {
    settings_.stopObserving(observer);
  }
  pool_.drain();
  {
    const std::lock_guard lock(background_mutex_);
    stopping_ = true;
  }
  sweep_wake_.notify_all();
  checkpoint_wake_.notify_all();
  follow_wake_.notify_all();
  manager_->sql().followSignal().raise();
  sweeper_.join();
  checkpointer_.join();
  follower_.join();
  following_.reset();
  keyspace_events_.reset();
  feeder_.reset();
  return manager_->log() == nullptr ? Status() : manager_->log()->close();
}

void Database::Impl::addSession(Session::Impl& session) {
  const std::lock_guard lock(sessions_mutex_);
  sessions_.emplace(session.id, &session);
}

void Database::Impl::removeSession(std::uint64_t id) {
  const std::lock_guard lock(sessions_mutex_);
  const auto found = sessions_.find(id);
  found->second->facts.addOperations(ended_operations_);
  found->second->facts.addLookups(ended_lookups_);
  sessions_.erase(found);
}

void Database::Impl::forEachSession(const std::function<void(Session::Impl&)>& visit) {
  const std::lock_guard lock(sessions_mutex_);
  for (const auto& [id, session] : sessions_) {
    visit(*session);
  }
}

void Database::Impl::visitSession(std::uint64_t id, const std::function<void(Session::Impl&)>& visit) {
  const std::lock_guard lock(sessions_mutex_);
  if (const auto found = sessions_.find(id); found != sessions_.end()) {
    visit(*found->second);
  }
}

Session::Impl* Database::Impl::session(std::uint64_t id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second;
}

std::size_t Database::Impl::sessionCount() {
  const std::lock_guard lock(sessions_mutex_);
  return sessions_.size();
}

OperationCounts Database::Impl::operations() {
  const std::lock_guard lock(sessions_mutex_);
  OperationCounts counts = ended_operations_;
  for (const auto& [id, session] : sessions_) {
    session->facts.addOperations(counts);
  }
  return counts;
}

LookupCounts Database::Impl::lookups() {
  const std::lock_guard lock(sessions_mutex_);
  LookupCounts counts = ended_lookups_;
  for (const auto& [id, session] : sessions_) {
    session->facts.addLookups(counts);
  }
  return counts;
}

Status Database::Impl::requestCheckpoint() {
  if (!isPersistent()) {
    return Error(ErrorCode::kInvalid, "there is no data directory: this database lives in memory only");
  }
  if (checkpoint_running_.load() || checkpoint_wanted_.exchange(true)) {
    return Error(ErrorCode::kInvalid, "Background append only file rewriting already in progress");
  }
  checkpoint_wake_.notify_all();
  return {};
}

Status Database::Impl::checkpoint() {
  const std::lock_guard lock(checkpoint_mutex_);
  checkpoint_running_.store(true);
  const std::int64_t begin = env_.monotonicMicros();
  Status status = guardMemory([&] { return manager_->checkpoints().write(); });
  checkpoint_running_.store(false);
  const std::int64_t duration_us = env_.monotonicMicros() - begin;
  const std::string failure = status.ok() ? "" : status.error().message;
  bool is_new = false;
  {
    const std::lock_guard outcome_lock(checkpoint_outcome_mutex_);
    is_new = std::exchange(checkpoint_failure_, failure) != failure;
    if (status.ok()) {
      ++checkpoint_figures_.written;
      checkpoint_figures_.last_duration_us = duration_us;
    } else {
      ++checkpoint_figures_.failed;
    }
  }
  if (status.ok()) {
    logNotice("checkpoint written in {} ms", duration_us / 1000);
  } else if (is_new) {
    logWarning("checkpoint failed: {}", failure);
  }
  return status;
}

std::string Database::Impl::checkpointFailure() {
  const std::lock_guard lock(checkpoint_outcome_mutex_);
  return checkpoint_failure_;
}

Database::Impl::CheckpointFigures Database::Impl::checkpointFigures() {
  const std::lock_guard lock(checkpoint_outcome_mutex_);
  return checkpoint_figures_;
}

std::int64_t Database::Impl::queryMemory() const {
  const std::int64_t set = settings_.integer(Setting::kQueryMemory);
  return set != 0 ? set : half_of_memory_;
}

void Database::Impl::onShutdown(std::function<void()> callback) {
  const std::lock_guard lock(shutdown_mutex_);
  shutdown_callback_ = std::move(callback);
}

void Database::Impl::requestShutdown() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(shutdown_mutex_);
    callback = shutdown_callback_;
  }
  if (callback) {
    callback();
  }
}

void Database::Impl::repeat(void (Impl::*step)(), std::condition_variable& wake) {
  std::unique_lock lock(background_mutex_);
  while (!stopping_) {
    wake.wait_for(lock, kBackgroundInterval);
    if (stopping_) {
      return;
    }
    lock.unlock();
    const Status done = guardMemory([&]() -> Status {
      (this->*step)();
      return {};
    });
    if (!done.ok()) {
      logWarning("in the background: {}: {}", done.error().message, done.error().detail);
    }
    lock.lock();
  }
}

void Database::Impl::followLoop() {
  std::unique_lock lock(background_mutex_);
  while (!stopping_) {
    lock.unlock();
    bool follow = false;
    bool purge = true;
    try {
      follow = txn::followVectorIndexes(manager_->committer(), manager_->sql());
      purge = manager_->sql().purgeVectorIndexes();
    } catch (const std::bad_alloc&) {
      follow = false;  // what it was about to take in is still noted, or not built yet: it is tried again in a moment
    }
    if (!follow && !purge) {
      manager_->sql().followSignal().await();
    }
    lock.lock();
    if (!follow && !stopping_) {
      follow_wake_.wait_for(lock, kFollowInterval);
    }
  }
}

void Database::Impl::sweep() {
  evictClients();
  peakMemory();
  const std::int64_t until = env_.monotonicMicros() + kSweepMicros;
  const bool paused = pause_.isOn() && pause_.state(env_.monotonicMicros()).scope != ClientPause::Scope::kNone;
  if (!paused) {
    evictInBackground();
  }
  // A follower's keys go when the other one's do.
  while (!paused && following_ == nullptr && manager_->expiry().sweep(env_.now(), kSweepBudget) > kSweepBudget / 4 &&
         env_.monotonicMicros() < until) {
  }
  manager_->kv().purgeShadows(++sweeps_ % kSweepsToThorough == 0);
  memory_reserve::refill();
}

void Database::Impl::checkpointIfNeeded() {
  aof::Log* log = manager_->log();
  if (log == nullptr) {
    return;
  }
  const auto threshold = static_cast<std::uint64_t>(settings_.integer(Setting::kCheckpointLogSize));
  const bool grown = threshold != 0 && log->bytesSinceCheckpoint() >= threshold;
  // A failed log comes back through a checkpoint from memory; without one, writes stay refused.
  const bool failed = log->state() == aof::LogState::kFailed;
  const bool due = (grown || failed) && env_.monotonicMicros() >= checkpoint_again_at_;
  if (!checkpoint_wanted_.exchange(false) && !due) {
    return;
  }
  if (checkpoint().ok()) {
    checkpoint_pause_us_ = 0;
    return;
  }
  const std::int64_t longest = failed ? kLongestPauseOfFailedLogMicros : kLongestPauseMicros;
  checkpoint_pause_us_ = std::clamp(2 * checkpoint_pause_us_, kFirstPauseMicros, longest);
  checkpoint_again_at_ = env_.monotonicMicros() + checkpoint_pause_us_;
}

// ------------------------------------------------------------------------------------------------------------------ Database

Result<std::unique_ptr<Database>> Database::open(const OpenOptions& options) {
  std::unique_ptr<Settings> own_settings = options.settings == nullptr ? std::make_unique<Settings>() : nullptr;
  Settings& settings = own_settings != nullptr ? *own_settings : *options.settings;
  Env& env = options.env != nullptr ? *options.env : Env::system();

  txn::ManagerOptions manager_options;
  manager_options.directory = options.directory;
  manager_options.env = &env;
  manager_options.log.policy = policyOf(settings);
  manager_options.log.ring_bytes = std::bit_floor(static_cast<std::size_t>(settings.integer(Setting::kLogBufferSize)));
  manager_options.log.segment_bytes = static_cast<std::uint64_t>(settings.integer(Setting::kLogSegmentSize));
  manager_options.log.backlog_bytes = static_cast<std::uint64_t>(settings.integer(Setting::kLogBacklog));
  manager_options.kv.databases = static_cast<int>(settings.integer(Setting::kDatabases));
  TREFOIL_ASSIGN(std::unique_ptr<txn::Manager> manager, txn::Manager::open(manager_options));
  const aof::RecoveryReport& report = manager->recoveryReport();
  if (report.records != 0) {
    logNotice("replayed {} records from {} log segments", report.records, report.segments);
  }
  if (report.dropped_bytes != 0) {
    logWarning("dropped {} bytes of a torn log tail: {}", report.dropped_bytes, report.dropped_reason);
  }

  std::unique_ptr<Database> database(new Database());
  database->impl_ = std::make_unique<Impl>(*database, settings, std::move(own_settings), env, std::move(manager));
  return database;
}

Result<std::unique_ptr<Database>> Database::openFollower(Database& leader) {
  auto settings = std::make_unique<Settings>();
  txn::ManagerOptions options;
  options.env = &leader.env();
  options.kv.databases = leader.impl().manager().kv().databases();
  TREFOIL_ASSIGN(std::unique_ptr<txn::Manager> manager, txn::Manager::open(options));
  manager->committer().setFollowsAnother();
  TREFOIL_ASSIGN(std::unique_ptr<txn::Follower> follower, txn::Follower::begin(leader.impl().manager(), *manager));
  auto following = std::make_unique<Following>(*leader.impl().manager().log(), std::move(follower));
  std::unique_ptr<Database> database(new Database());
  Settings& used = *settings;
  database->impl_ =
      std::make_unique<Impl>(*database, used, std::move(settings), leader.env(), std::move(manager), std::move(following));
  return database;
}

Status Database::catchUp(std::chrono::steady_clock::time_point deadline) {
  if (impl_->following() == nullptr) {
    return Error(ErrorCode::kUnsupported, "this database follows no other one");
  }
  return impl_->following()->catchUp(deadline);
}

Lsn Database::followedLsn() const {
  return impl_->following() == nullptr ? 0 : impl_->following()->lsn();
}

Database::Database() = default;
Database::~Database() = default;

std::unique_ptr<Session> Database::connect() {
  return std::unique_ptr<Session>(new Session(*this));
}

Result<std::uint64_t> Database::submit(std::function<void()> work, SlowLane lane) {
  return impl_->pool().submit(std::move(work), lane, static_cast<std::size_t>(settings().integer(Setting::kSlowLaneQueue)));
}

bool Database::withdraw(std::uint64_t ticket) {
  return impl_->pool().withdraw(ticket);
}

Lsn Database::reachedLsn() const {
  const aof::Log* log = impl_->manager().log();
  return log == nullptr ? UINT64_MAX : log->reachedLsn();
}

Reach Database::reach(Lsn fence) {
  aof::Log* log = impl_->manager().log();
  return log == nullptr ? Reach::kDone : log->reach(fence);
}

Status Database::hopeOf(Lsn fence) const {
  aof::Log* log = impl_->manager().log();
  if (log == nullptr || log->reachedLsn() >= fence || !log->stalled()) {
    return {};
  }
  return Error(ErrorCode::kUnknownOutcome,
               "the disk is full or has failed: whether the change that this would answer or tell of is stored is not known");
}

std::uint64_t Database::onLogMoved(std::function<void()> callback) {
  aof::Log* log = impl_->manager().log();
  return log == nullptr ? 0 : log->onDurable(std::move(callback));
}

void Database::removeOnLogMoved(std::uint64_t handle) {
  if (aof::Log* log = impl_->manager().log(); log != nullptr) {
    log->removeListener(handle);
  }
}

Status Database::checkpoint() {
  return impl_->checkpoint();
}

Status Database::close() {
  return impl_->close();
}

Settings& Database::settings() {
  return impl_->settings();
}

const OutputLimits& Database::outputLimits() const {
  return impl_->outputLimits();
}

Env& Database::env() {
  return impl_->env();
}

std::vector<std::string> Database::catalogNames() const {
  sql::Store& store = impl_->manager().sql();
  EffectBuffer none;
  const SharedGuard catalog(store.catalogGate());
  std::vector<std::string> names;
  for (const sql::SchemaPointer& schema : sql::View(store, none).tables()) {
    names.push_back(schema->name);
    for (const sql::ColumnDefinition& column : schema->columns) {
      names.push_back(column.name);
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void Database::onShutdown(std::function<void()> callback) {
  impl_->onShutdown(std::move(callback));
}

}  // namespace trefoil
