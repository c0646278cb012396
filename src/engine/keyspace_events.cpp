#include "engine/keyspace_events.hpp"

#include <functional>
#include <string>
#include <utility>

#include "base/cause.hpp"
#include "base/event_classes.hpp"
#include "kv/effects.hpp"
#include "sql/storage/effects.hpp"
#include "txn/effects.hpp"

namespace trefoil {

namespace {

// By the numbers of causes.def, where the events of a type stand together.
std::uint32_t classOf(Cause cause) {
  switch (cause) {
    case Cause::kExpired:
      return kEventExpired;
    case Cause::kEvicted:
      return kEventEvicted;
    case Cause::kSortStore:
      return kEventList;
    default:
      break;
  }
  struct Range {
    Cause last;
    std::uint32_t event_class;
  };
  constexpr Range kRanges[] = {
      {Cause::kNone, 0},
      {Cause::kIncrByFloat, kEventString},
      {Cause::kRestore, kEventGeneric},
      {Cause::kFlushDb, 0},  // tells nobody
      {Cause::kLTrim, kEventList},
      {Cause::kHDel, kEventHash},
      {Cause::kSDiffStore, kEventSet},
      {Cause::kZRangeStore, kEventSortedSet},
  };
  for (const Range& range : kRanges) {
    if (cause <= range.last) {
      return range.event_class;
    }
  }
  return 0;
}

}  // namespace

KeyspaceEvents::KeyspaceEvents(Settings& settings, txn::Committer& committer, PubSub& pubsub)
    : settings_(settings), committer_(committer), pubsub_(pubsub) {
  settings_observer_ = settings_.observe(Setting::kKeyspaceEvents, [this] { follow(); });
  follow();
}

KeyspaceEvents::~KeyspaceEvents() {
  settings_.stopObserving(settings_observer_);
  if (follows_) {
    committer_.unfollow(*this);
  }
}

void KeyspaceEvents::follow() {
  const std::lock_guard lock(mutex_);
  const auto classes = static_cast<std::uint32_t>(settings_.integer(Setting::kKeyspaceEvents));
  const bool tells = (classes & (kEventsOfKeyspace | kEventsOfKeyevent)) != 0;
  classes_.store(tells ? classes : 0, std::memory_order_relaxed);
  tells_misses_.store(tells && (classes & kEventKeyMiss) != 0, std::memory_order_relaxed);
  committer_.tellNewKeys(tells && (classes & kEventNew) != 0);
  if (tells != follows_) {
    follows_ = tells;
    if (tells) {
      (void)committer_.follow(*this);
    } else {
      committer_.unfollow(*this);
    }
  }
}

// In Redis's order: a key is new before anything else is told of it, also before another has been renamed to it.
void KeyspaceEvents::onCommit(const txn::Committed& commit) {
  std::size_t position = 0;    // among the effects on keys
  std::function<void()> left;  // what tells that a key has become another one
  const auto tell_effect = [&](std::uint8_t kind, EffectReader& reader) -> Status {
    const Cause cause = reader.cause();
    EffectReader head = reader;
    TREFOIL_TRY(kv::skipEffect(kind, reader));
    const bool is_new = position < commit.new_keys.size() && commit.new_keys[position];
    ++position;
    const auto db = static_cast<int>(head.getVarint());
    const std::uint32_t event_class = classOf(cause);
    if (event_class == 0 || cause == Cause::kNone) {
      return {};
    }
    const std::string_view key = head.getString();
    if (is_new) {
      tell(kEventNew, "new", db, key, commit.end);
    }
    if (const auto other = std::exchange(left, nullptr); other) {
      other();
    }
    const auto tell_it = [this, event_class, cause, db, key, end = commit.end] {
      tell(event_class, causeName(cause), db, key, end);
    };
    if (cause == Cause::kRenameFrom || cause == Cause::kMoveFrom) {
      left = tell_it;
      return {};
    }
    tell_it();
    if (cause == Cause::kSetExpire) {
      tell(kEventGeneric, causeName(Cause::kExpire), db, key, commit.end);
    }
    return {};
  };
  const Status told = txn::forEachEffect(EffectReader(commit.effects), tell_effect, sql::skipEffect);
  TREFOIL_ASSERT(told.ok());
}

void KeyspaceEvents::tellMiss(int db, std::string_view key, Lsn fence) {
  tell(kEventKeyMiss, "keymiss", db, key, fence);
}

void KeyspaceEvents::tell(std::uint32_t event_class, std::string_view event, int db, std::string_view key, Lsn fence) {
  const std::uint32_t classes = classes_.load(std::memory_order_relaxed);
  if ((classes & event_class) == 0) {
    return;
  }
  const std::string at = "@" + std::to_string(db) + "__:";
  const auto publish = [&](std::string_view channel, std::string_view payload) {
    (void)pubsub_.publish(Topic::kChannel, channel, payload, fence, PubSub::Where::kMayTakeLong);
  };
  if ((classes & kEventsOfKeyspace) != 0) {
    publish("__keyspace" + at + std::string(key), event);
  }
  if ((classes & kEventsOfKeyevent) != 0) {
    publish("__keyevent" + at + std::string(event), key);
  }
}

}  // namespace trefoil
