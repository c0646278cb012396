// What happens at maxmemory: keys make room, if `maxmemory-policy` says so (txn/eviction.hpp); otherwise, or if there are none,
// commands that need memory are refused.
//
// A command that finds no room makes some, and runs, also if its slice of time was not enough: the sweeper's thread does the
// rest. A statement inside BEGIN, and COMMIT, leave all of it to that thread: a transaction does not itself remove keys that it
// has read.
#include <algorithm>
#include <vector>

#include "base/logging.hpp"
#include "base/memory_account.hpp"
#include "base/memory_reserve.hpp"
#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"

namespace trefoil {

namespace {

// As in Redis by default (evict.c, maxmemory-eviction-tenacity).
constexpr std::int64_t kEvictionMicros = 500;
// Of the background thread, before it looks whether it is to end; and how many of these before it goes on with its other work.
constexpr std::int64_t kBackgroundMicros = 10'000;
constexpr int kBackgroundSlices = 10;

Error memoryIsFull() {
  return {ErrorCode::kOutOfMemory, "command not allowed when used memory > 'maxmemory'."};
}

}  // namespace

txn::Eviction::Rules Database::Impl::evictionRules() const {
  return {.policy = settings_.choice<txn::EvictionPolicy>(Setting::kMaxMemoryPolicy),
          .limit = settings_.integer(Setting::kMaxMemory),
          .samples = static_cast<std::size_t>(settings_.integer(Setting::kMaxMemorySamples))};
}

void Database::Impl::followEvictionSettings() {
  kv::AccessTracker& accesses = manager_->kv().accesses();
  accesses.setFrequencyRules(settings_.integer(Setting::kLfuLogFactor), settings_.integer(Setting::kLfuDecayTime));
  if (const kv::Tracking wanted = txn::trackingFor(evictionRules().policy); wanted != accesses.tracking()) {
    accesses.begin(wanted, env_.now());
  }
}

Status Database::Impl::checkMemory(Evicts evicts) {
  const std::int64_t limit = settings_.integer(Setting::kMaxMemory);
  if (limit != 0 && MemoryAccount::roughly() > limit) [[unlikely]] {
    TREFOIL_TRY(makeRoom(evicts));
  }
  if (!memory_reserve::isWhole()) [[unlikely]] {
    return Error(ErrorCode::kOutOfMemory, "command not allowed while the system refuses memory.");
  }
  return {};
}

Status Database::Impl::makeRoom(Evicts evicts) {
  const txn::Eviction::Rules rules = evictionRules();
  if (rules.policy == txn::EvictionPolicy::kNone) {
    return memoryIsFull();
  }
  if (pause_.isOn() && pause_.state(env_.monotonicMicros()).scope != ClientPause::Scope::kNone) {
    return {};  // CLIENT PAUSE: nothing is to change
  }
  using Outcome = txn::Eviction::Outcome;
  const Outcome outcome = evicts == Evicts::kLeavesIt
                              ? background_outcome_.load(std::memory_order_relaxed)
                              : manager_->eviction().makeRoom(rules, env_, kEvictionMicros, evicts == Evicts::kMayWait);
  if (outcome == Outcome::kNothing) {
    return memoryIsFull();
  }
  if (outcome == Outcome::kRunning || evicts == Evicts::kLeavesIt) {
    sweep_wake_.notify_all();
  }
  return {};
}

// What keys take can be had, too, if any of them may go.
std::int64_t Database::Impl::growthLimit() const {
  const std::int64_t limit = settings_.integer(Setting::kMaxMemory);
  if (limit == 0) {
    return 0;
  }
  const txn::EvictionPolicy policy = evictionRules().policy;
  const bool any_key = policy >= txn::EvictionPolicy::kAllKeysLru && policy != txn::EvictionPolicy::kNone;
  const std::int64_t keys = any_key ? MemoryAccount::roughly(MemoryLeaf::kKeys) : 0;
  return limit > INT64_MAX - keys ? limit : limit + keys;
}

std::int64_t Database::Impl::peakMemory() {
  const std::int64_t used = MemoryAccount::used();
  std::int64_t peak = peak_memory_.load(std::memory_order_relaxed);
  while (used > peak && !peak_memory_.compare_exchange_weak(peak, used, std::memory_order_relaxed)) {
  }
  return std::max(used, peak);
}

void Database::Impl::evictInBackground() {
  const txn::Eviction::Rules rules = evictionRules();
  txn::Eviction::Outcome outcome = txn::Eviction::Outcome::kEnough;
  if (rules.limit != 0 && rules.policy != txn::EvictionPolicy::kNone) {
    outcome = txn::Eviction::Outcome::kRunning;
    for (int i = 0; i < kBackgroundSlices && outcome == txn::Eviction::Outcome::kRunning; ++i) {
      outcome = manager_->eviction().makeRoom(rules, env_, kBackgroundMicros, true);
    }
  }
  background_outcome_.store(outcome, std::memory_order_relaxed);
}

// --- Clients ---------------------------------------------------------------------------------------------------------------

// https://redis.io/docs/latest/develop/reference/clients/#client-eviction
std::int64_t Database::Impl::clientLimit() const {
  constexpr std::int64_t kLeast = 128 << 10;
  const std::int64_t set = settings_.integer(Setting::kMaxMemoryClients);
  const std::int64_t bytes = set < 0 ? settings_.integer(Setting::kMaxMemory) / 100 * -set : set;
  return bytes == 0 ? 0 : std::max(bytes, kLeast);
}

void Database::Impl::noteClientMemory(std::int64_t difference) {
  const std::int64_t buffers = client_buffers_.fetch_add(difference, std::memory_order_relaxed) + difference;
  if (difference > 0 && settings_.integer(Setting::kMaxMemoryClients) != 0 && buffers > clientLimit()) [[unlikely]] {
    sweep_wake_.notify_all();
  }
}

// From the largest on. A connection that is being closed gives its buffers back soon, and does not count any more.
void Database::Impl::evictClients() {
  const std::int64_t limit = clientLimit();
  if (limit == 0) {
    return;
  }
  struct Client {
    std::int64_t bytes;
    Session::Impl* session;
  };
  std::vector<Client> clients;
  std::int64_t sum = 0;
  const std::lock_guard lock(sessions_mutex_);
  for (const auto& [id, session] : sessions_) {
    if (session->facts.on_kill && !session->facts.is_being_evicted) {
      const auto bytes = static_cast<std::int64_t>(session->memory());
      sum += bytes;
      if (session->facts.may_be_evicted && session->memory() > sizeof(Session::Impl)) {  // closing an idle one would free nothing
        clients.push_back({bytes, session});
      }
    }
  }
  std::sort(clients.begin(), clients.end(), [](const Client& a, const Client& b) { return a.bytes > b.bytes; });
  for (const Client& client : clients) {
    if (sum <= limit) {
      break;
    }
    logVerbose("a client is closed, as all have more than maxmemory-clients: {}", describeClient(*client.session));
    client.session->facts.is_being_evicted = true;
    client.session->kill();
    sum -= client.bytes;
    evicted_clients_.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace trefoil
