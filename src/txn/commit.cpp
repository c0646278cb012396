#include "txn/commit.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/cause.hpp"
#include "kv/effects.hpp"
#include "sql/storage/effects.hpp"
#include "sql/storage/store.hpp"
#include "txn/effects.hpp"
#include "txn/old_values.hpp"

namespace trefoil::txn {

namespace {

// Then nothing has expired: a key is there until its removal says otherwise.
constexpr UnixMs kLongAgo{};

// All of them; `joined` is the room for those that are in pieces.
std::string_view bytesOf(const EffectBuffer& effects, std::string& joined) {
  if (!effects.borrows()) {
    return effects.bytes();
  }
  for (const std::string_view piece : effects.pieces()) {
    joined += piece;
  }
  return joined;
}

}  // namespace

Error Committer::refusalOfFollower() {
  return Error(ErrorCode::kReadOnly, "READONLY You can't write against a read only replica.");
}

Snapshot Committer::openSnapshot() {
  const ExclusiveGuard alone(gate_);
  return snapshotHere();
}

// With the gate held exclusively.
Snapshot Committer::snapshotHere() {
  const Lsn lsn = log_ != nullptr ? log_->end() : memory_lsn_.fetch_add(1, std::memory_order_relaxed) + 1;
  versions_.registerSnapshot(lsn);
  return {versions_, lsn};
}

Committer::Following Committer::follow(CommitObserver& observer) {
  const ExclusiveGuard alone(gate_);
  const std::uint64_t sequence = order_.attach(observer);
  return {snapshotHere(), sequence};
}

Committer::Following Committer::placeInOrder() {
  const ExclusiveGuard alone(gate_);
  return {snapshotHere(), order_.nextSequence()};
}

aof::Appended Committer::appendInOrder(aof::PreparedCommit& prepared, CommitOrder::Place& place, const EffectBuffer& effects) {
  std::vector<bool> new_keys;
  if (tells_new_keys_.load(std::memory_order_relaxed)) {
    std::string joined;
    new_keys = newKeys(bytesOf(effects, joined));
  }
  aof::Appended appended;
  place = order_.append([&] { return append(prepared); }, appended, std::move(new_keys));
  return appended;
}

// Before the effects are applied, with the locks of all their keys. What removes a key as a part of something bigger (cause
// kNone) is of interest only where Redis removes it, too, and does not overwrite it.
std::vector<bool> Committer::newKeys(std::string_view effects) const {
  enum class State : std::uint8_t { kThere, kReplaced, kGone };
  std::map<std::pair<int, std::string_view>, State> states;
  std::set<int> flushed;
  std::vector<bool> new_keys;
  const auto note_effect = [&](std::uint8_t kind, EffectReader& reader) -> Status {
    const auto what = static_cast<kv::EffectKind>(kind);
    const Cause cause = reader.cause();
    EffectReader head = reader;
    TREFOIL_TRY(kv::skipEffect(kind, reader));
    new_keys.push_back(false);
    const auto db = static_cast<int>(head.getVarint());
    if (what == kv::EffectKind::kFlush) {
      std::erase_if(states, [&](const auto& one) { return one.first.first == db; });
      flushed.insert(db);
      return {};
    }
    const std::string_view key = head.getString();
    const auto [place, is_first] = states.try_emplace({db, key}, State::kGone);
    State& state = place->second;
    if (is_first && !flushed.contains(db) && kv_.find(kv_.key(db, key)) != nullptr) {
      state = State::kThere;
    }
    if (what == kv::EffectKind::kRemove) {
      state = cause == Cause::kNone && state == State::kThere ? State::kReplaced : State::kGone;
    } else {
      const bool is_moved = cause == Cause::kRenameTo || cause == Cause::kMoveTo || cause == Cause::kCopyTo;
      new_keys.back() = state == State::kGone || (state == State::kReplaced && is_moved);
      state = State::kThere;
    }
    return {};
  };
  const Status noted = forEachEffect(EffectReader(effects), note_effect, sql::skipEffect);
  TREFOIL_ASSERT(noted.ok());
  return new_keys;
}

// What was logged ahead and is superseded by the record itself was never changed (sql/storage/effects.hpp).
void Committer::complete(CommitOrder::Place place, const EffectBuffer& effects) {
  std::string joined;
  std::string settled;
  const Result<std::string_view> what = sql::settleRevisions(bytesOf(effects, joined), true, settled);
  TREFOIL_ASSERT(what.ok());
  order_.applied(place, *what);
}

void Committer::setLogsOldValues(bool log) {
  logs_old_values_.store(log, std::memory_order_relaxed);
  sql_.setLogsOldValues(log);
}

std::optional<Lsn> Committer::tryCommit(const EffectBuffer& effects) {
  TREFOIL_ASSERT(!effects.empty() && !effects.borrows());
  if (!logsOldValues()) [[likely]] {
    return tryCommitAll(effects);
  }
  EffectBuffer with_old;
  with_old.putRaw(effects.bytes());
  EffectBuffer scratch;
  kv::View before = kv::View::locked(kv_, scratch, kLongAgo);
  appendOldValues(with_old, before, scratch);
  return tryCommitAll(with_old);
}

std::optional<Lsn> Committer::tryCommitAll(const EffectBuffer& effects) {
  aof::PreparedCommit prepared;
  if (log_ != nullptr && !log_->tryPrepare(effects.bytes(), prepared)) {
    return std::nullopt;
  }
  return commit(prepared, effects, [&](const WriteContext& context) {
    const Status applied = apply(EffectReader(effects.bytes()), context, {});
    TREFOIL_ASSERT(applied.ok());
  });
}

Status Committer::apply(const EffectReader& effects, const WriteContext& context, const Since& since) {
  return forEachEffect(
      effects,
      [&](std::uint8_t kind, EffectReader& reader) {
        return context.stamp >= since.kv ? kv_.apply(kind, reader, context) : kv::skipEffect(kind, reader);
      },
      [&](std::uint8_t kind, EffectReader& reader) {
        return context.stamp >= since.sql ? sql_.apply(kind, reader, context) : sql::skipEffect(kind, reader);
      });
}

std::shared_ptr<const Doubt> Committer::doubt() {
  const std::lock_guard lock(doubt_mutex_);
  if (doubt_ == nullptr || doubt_range_ != log_->inDoubt()) {
    const auto doubt = std::make_shared<Doubt>();
    const auto add = [&](aof::RecordKind kind, std::string_view payload) { doubt->addRecord(kind, payload, kv_); };
    if (const std::optional<aof::Log::InDoubt> range = log_->visitInDoubt(add); range) {
      doubt_range_ = *range;
    } else {
      doubt->addEverything();
      doubt_range_ = {};  // look again
    }
    doubt_ = doubt;
  }
  return doubt_;
}

}  // namespace trefoil::txn
