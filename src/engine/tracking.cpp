#include "engine/tracking.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/cause.hpp"
#include "base/settings.hpp"
#include "engine/database_impl.hpp"
#include "engine/message.hpp"
#include "engine/session_impl.hpp"
#include "kv/effects.hpp"
#include "sql/storage/effects.hpp"
#include "txn/effects.hpp"

namespace trefoil {

namespace {

// What an entry of a table takes besides its name and its clients.
constexpr std::size_t kEntryBytes = 96;
// Before a key's readers become more than this, and twice as many …, those are dropped who do not track any more.
constexpr std::size_t kManyReaders = 16;
// One call of trim() forgets no more.
constexpr std::size_t kTrimmedAtOnce = 1000;

std::size_t bytesOf(std::string_view name, const std::vector<std::uint64_t>& clients) {
  return kEntryBytes + name.size() + clients.capacity() * sizeof(std::uint64_t);
}

// False: it was there.
bool insertSorted(std::vector<std::uint64_t>& clients, std::uint64_t client) {
  const auto place = std::lower_bound(clients.begin(), clients.end(), client);
  if (place != clients.end() && *place == client) {
    return false;
  }
  clients.insert(place, client);
  return true;
}

}  // namespace

// One invalidation for any number of clients: a message for each of the two forms that it is sent in, made when it is needed.
class Tracking::Invalidation {
 public:
  // Of keys; of none: of everything.
  explicit Invalidation(std::vector<std::string_view> keys) : keys_(std::move(keys)) {}

  const MessagePointer& as(InvalidationMessage::Form form) {
    MessagePointer& message = messages_[static_cast<std::size_t>(form)];
    if (message == nullptr) {
      message = std::make_shared<const InvalidationMessage>(form, keys_);
    }
    return message;
  }

 private:
  const std::vector<std::string_view> keys_;
  std::array<MessagePointer, 2> messages_;
};

// --- Who tracks --------------------------------------------------------------------------------------------------------------

void Tracking::add(std::uint64_t client) {
  const std::lock_guard follow(follow_mutex_);
  bool is_first = false;
  {
    const std::lock_guard lock(clients_mutex_);
    is_first = clients_.empty();
    clients_.insert(client);
  }
  if (is_first) {
    (void)database_.manager().committer().follow(*this);
  }
}

void Tracking::remove(std::uint64_t client) {
  const std::lock_guard follow(follow_mutex_);
  bool was_last = false;
  {
    const std::lock_guard lock(clients_mutex_);
    clients_.erase(client);
    was_last = clients_.empty();
  }
  if (was_last) {
    database_.manager().committer().unfollow(*this);
    forgetAll();
  }
}

void Tracking::addPrefix(std::string_view prefix, std::uint64_t client) {
  const std::lock_guard lock(prefixes_mutex_);
  ClientsByName& same_length = prefixes_[prefix.size()];
  auto found = same_length.find(prefix);
  if (found == same_length.end()) {
    found = same_length.emplace(prefix, Clients()).first;
    prefix_count_.fetch_add(1, std::memory_order_relaxed);
    prefixes_charge_.set(prefixes_charge_.bytes() + bytesOf(prefix, found->second));
  }
  const std::size_t before = bytesOf(prefix, found->second);
  insertSorted(found->second, client);
  prefixes_charge_.set(prefixes_charge_.bytes() + bytesOf(prefix, found->second) - before);
}

void Tracking::removePrefix(std::string_view prefix, std::uint64_t client) {
  const std::lock_guard lock(prefixes_mutex_);
  const auto same_length = prefixes_.find(prefix.size());
  if (same_length == prefixes_.end()) {
    return;
  }
  const auto found = same_length->second.find(prefix);
  if (found == same_length->second.end()) {
    return;
  }
  std::erase(found->second, client);
  if (!found->second.empty()) {
    return;
  }
  prefixes_charge_.set(prefixes_charge_.bytes() - bytesOf(prefix, found->second));
  prefix_count_.fetch_sub(1, std::memory_order_relaxed);
  same_length->second.erase(found);
  if (same_length->second.empty()) {
    prefixes_.erase(same_length);
  }
}

// --- What was read -----------------------------------------------------------------------------------------------------------

void Tracking::remember(std::string_view key, std::uint64_t client) {
  Shard& shard = shardOf(key);
  const std::lock_guard lock(shard.lock);
  auto found = shard.readers.find(key);
  if (found == shard.readers.end()) {
    found = shard.readers.emplace(key, Clients()).first;
    keys_.fetch_add(1, std::memory_order_relaxed);
    shard.charge.set(shard.charge.bytes() + bytesOf(key, found->second));
  }
  Clients& readers = found->second;
  const std::size_t before = bytesOf(key, readers);
  if (readers.size() >= kManyReaders && readers.size() == readers.capacity()) {
    shard.items -= dropStrangers(readers);
  }
  shard.items += insertSorted(readers, client) ? 1 : 0;
  shard.charge.set(shard.charge.bytes() + bytesOf(key, readers) - before);
}

// Those who do not track. Returns how many.
std::size_t Tracking::dropStrangers(Clients& readers) {
  const std::lock_guard lock(clients_mutex_);
  return std::erase_if(readers, [&](std::uint64_t client) { return !clients_.contains(client); });
}

// With the shard's lock.
Tracking::Clients Tracking::take(Shard& shard, ClientsByName::iterator place) {
  shard.charge.set(shard.charge.bytes() - bytesOf(place->first, place->second));
  Clients readers = std::move(place->second);
  shard.readers.erase(place);
  shard.items -= readers.size();
  keys_.fetch_sub(1, std::memory_order_relaxed);
  return readers;
}

void Tracking::trim() {
  const auto most = static_cast<std::size_t>(database_.settings().integer(Setting::kTrackingTableMaxKeys));
  for (std::size_t i = 0; i < kTrimmedAtOnce && most != 0 && keys_.load(std::memory_order_relaxed) > most; ++i) {
    std::string key;
    Clients readers;
    for (std::size_t looked_at = 0; looked_at < kShards && readers.empty(); ++looked_at) {
      Shard& shard = shards_[next_trimmed_.fetch_add(1, std::memory_order_relaxed) % kShards];
      const std::lock_guard lock(shard.lock);
      if (!shard.readers.empty()) {
        key = shard.readers.begin()->first;
        readers = take(shard, shard.readers.begin());
      }
    }
    Invalidation invalidation({key});
    const std::lock_guard lock(database_.sessionsMutex());
    for (const std::uint64_t reader : readers) {
      tell(reader, invalidation, 0);
    }
  }
}

void Tracking::forgetAll() {
  for (Shard& shard : shards_) {
    ClientsByName forgotten;  // its end may take a while: behind the lock
    const std::lock_guard lock(shard.lock);
    forgotten.swap(shard.readers);
    keys_.fetch_sub(forgotten.size(), std::memory_order_relaxed);
    shard.items = 0;
    shard.charge.set(0);
  }
}

// --- What has changed ----------------------------------------------------------------------------------------------------------

void Tracking::onCommit(const txn::Committed& commit) {
  std::vector<Change> changes;  // to be broadcast
  bool flushed = false;
  const auto note_effect = [&](std::uint8_t kind, EffectReader& reader) -> Status {
    const Cause cause = reader.cause();
    EffectReader head = reader;
    TREFOIL_TRY(kv::skipEffect(kind, reader));
    if (kind == static_cast<std::uint8_t>(kv::EffectKind::kFlush)) {
      if (!std::exchange(flushed, true)) {
        everythingChanged(commit.end);
      }
      return {};
    }
    static_cast<void>(head.getVarint());  // the database
    const std::string_view key = head.getString();
    const bool by_author = cause != Cause::kExpired && cause != Cause::kEvicted;
    keyChanged(key, by_author ? commit.author : 0, commit.end);
    if (prefix_count_.load(std::memory_order_relaxed) != 0) {
      changes.push_back({key, by_author});
    }
    return {};
  };
  const Status noted = txn::forEachEffect(EffectReader(commit.effects), note_effect, sql::skipEffect);
  TREFOIL_ASSERT(noted.ok());
  if (!changes.empty()) {
    broadcast(changes, commit.author, commit.end);
  }
}

void Tracking::keyChanged(std::string_view key, std::uint64_t author, Lsn fence) {
  Clients readers;
  {
    Shard& shard = shardOf(key);
    const std::lock_guard lock(shard.lock);
    const auto found = shard.readers.find(key);
    if (found == shard.readers.end()) {
      return;
    }
    readers = take(shard, found);
  }
  Invalidation invalidation({key});
  const std::lock_guard lock(database_.sessionsMutex());
  for (const std::uint64_t reader : readers) {
    const Session::Impl* const session = database_.session(reader);
    if (session != nullptr && !session->messages.tracking.is(ClientTracking::kBroadcast) &&
        !(session->messages.tracking.is(ClientTracking::kNoLoop) && reader == author)) {
      tell(reader, invalidation, fence);
    }
  }
}

// All are told, whether they have read anything or not.
void Tracking::everythingChanged(Lsn fence) {
  forgetAll();
  Clients all;
  {
    const std::lock_guard lock(clients_mutex_);
    all.assign(clients_.begin(), clients_.end());
  }
  Invalidation invalidation({});
  const std::lock_guard lock(database_.sessionsMutex());
  for (const std::uint64_t client : all) {
    tell(client, invalidation, fence);
  }
}

// One message for each prefix, with its keys sorted.
void Tracking::broadcast(std::vector<Change>& changes, std::uint64_t author, Lsn fence) {
  std::sort(changes.begin(), changes.end(),
            [](const Change& a, const Change& b) { return a.key != b.key ? a.key < b.key : a.by_author < b.by_author; });
  struct Told {
    const Clients* clients;
    std::vector<std::string_view> keys;
    std::vector<std::string_view> keys_of_others;  // those that the author has not changed
  };
  const std::lock_guard lock(prefixes_mutex_);
  std::map<std::string_view, Told> told;
  for (const Change& change : changes) {
    for (const auto& [length, same_length] : prefixes_) {
      if (length > change.key.size()) {
        break;
      }
      const auto found = same_length.find(change.key.substr(0, length));
      if (found == same_length.end()) {
        continue;
      }
      Told& one = told[found->first];
      one.clients = &found->second;
      if (one.keys.empty() || one.keys.back() != change.key) {
        one.keys.push_back(change.key);
        if (!change.by_author) {
          one.keys_of_others.push_back(change.key);
        }
      }
    }
  }
  const std::lock_guard sessions(database_.sessionsMutex());
  for (auto& [prefix, one] : told) {
    Invalidation invalidation(std::move(one.keys));
    std::optional<Invalidation> of_others;
    if (!one.keys_of_others.empty()) {
      of_others.emplace(std::move(one.keys_of_others));
    }
    for (const std::uint64_t client : *one.clients) {
      const Session::Impl* const session = database_.session(client);
      if (client != author || session == nullptr || !session->messages.tracking.is(ClientTracking::kNoLoop)) {
        tell(client, invalidation, fence);
      } else if (of_others) {
        tell(client, *of_others, fence);
      }
    }
  }
}

void Tracking::disclaim(std::string_view key, std::uint64_t client) {
  Invalidation invalidation({key});
  const std::lock_guard lock(database_.sessionsMutex());
  tell(client, invalidation, 0);
}

// With the sessions' mutex. As in Redis (tracking.c, sendTrackingMessage): RESP2 has no messages but a subscriber's.
void Tracking::tell(std::uint64_t client, Invalidation& invalidation, Lsn fence) {
  using Form = InvalidationMessage::Form;
  Session::Impl* const session = database_.session(client);
  if (session == nullptr || !session->messages.tracking.is(ClientTracking::kOn)) {
    return;
  }
  const std::uint64_t redirect = session->messages.tracking.redirect.load(std::memory_order_relaxed);
  Session::Impl* const target = redirect == 0 ? session : database_.session(redirect);
  if (target == nullptr || target->messages.outbox->isClosed()) {
    session->messages.tracking.set(ClientTracking::kBrokenRedirect, true);
    if (session->protocol >= 3) {
      session->messages.outbox->post(std::make_shared<const BrokenRedirection>(redirect), fence);
    }
  } else if (target->protocol >= 3) {
    target->messages.outbox->post(invalidation.as(Form::kPush), fence);
  } else if (redirect != 0 && target->messages.isSubscriber()) {
    target->messages.outbox->post(invalidation.as(Form::kChannel), fence);
  }
}

Tracking::Figures Tracking::figures() {
  Figures figures;
  {
    const std::lock_guard lock(clients_mutex_);
    figures.clients = clients_.size();
  }
  figures.prefixes = prefix_count_.load(std::memory_order_relaxed);
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.lock);
    figures.keys += shard.readers.size();
    figures.items += shard.items;
  }
  return figures;
}

}  // namespace trefoil
