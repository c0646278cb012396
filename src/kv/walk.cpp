// Walks over the whole store: SCAN and KEYS, checkpoints, the sweeper of expired keys.
#include <vector>

#include "kv/partition.hpp"
#include "kv/store.hpp"
#include "kv/value_effects.hpp"

namespace trefoil::kv {

namespace {

// A cursor is the upper 48 bits of a hash: a walk step ends between two buckets, and a bucket spans more than the lower 16.
constexpr unsigned kCursorShift = 16;
constexpr std::uint64_t cursorOf(std::uint64_t hash) {
  return (hash >> kCursorShift) + ((hash & ((std::uint64_t{1} << kCursorShift) - 1)) != 0 ? 1 : 0);
}

// Of one step of a whole walk: its lock is held for some microseconds.
constexpr std::size_t kStepEntries = 256;

}  // namespace

Store::WalkStep Store::walkStep(int db, std::uint64_t from, std::size_t budget, Lsn snapshot, bool locked, bool exact,
                                std::size_t& visited, const EntryVisitor& visitor) const {
  const PartitionId id = partition(db, from);
  Partition& here = partitionAt(id);
  TREFOIL_DEBUG_ASSERT(!locked || here.lock.isLocked());
  Directory::Range range{from, 0, true};
  const bool is_owed = debts_[id.value].load(std::memory_order_acquire) != nullptr;
  if (snapshot != kNoSnapshot || here.directory.size() > 0 || is_owed) {
    const PartitionHold lock(*this, id, !locked);
    const ShadowMap* shadow = snapshot != kNoSnapshot ? here.shadow.get() : nullptr;
    const auto visit_one = [&](const Entry& entry) {
      ++visited;
      visitor(entry);
    };
    range = here.directory.walk(from, budget, [&](const Entry& entry) {
      if (exact || shadow != nullptr) {
        const std::uint64_t key_hash = hash(entry.key());
        if ((exact && key_hash < from) || (shadow != nullptr && shadow->diedSince(key_hash, entry.key(), snapshot))) {
          return;
        }
      }
      visit_one(entry);
    });
    if (shadow != nullptr) {
      shadow->visit(exact ? std::max(from, range.low) : range.low, range.next, range.at_end, snapshot, visit_one);
    }
  }
  if (!range.at_end) {
    return {range.next, false};
  }
  const std::uint32_t next_partition = (id.value + 1) % kPartitions;
  return {std::uint64_t{next_partition} << (64 - kPartitionBits), next_partition == 0};
}

std::uint64_t Store::visit(int db, std::uint64_t cursor, std::size_t budget, Lsn snapshot, bool locked,
                           const EntryVisitor& visitor) const {
  if (cursor >= std::uint64_t{1} << (64 - kCursorShift)) {
    return 0;  // not one of ours
  }
  std::size_t visited = 0;
  std::uint64_t from = cursor << kCursorShift;
  while (visited < budget) {
    const WalkStep step = walkStep(db, from, budget - visited, snapshot, locked, false, visited, visitor);
    if (step.at_end) {
      return 0;
    }
    from = step.next;
  }
  return cursorOf(from);
}

Status Store::visitAll(int db, Lsn snapshot, bool locked, const EntryVisitor& visitor, const BetweenSteps& between) const {
  WalkStep step{0, false};
  do {
    std::size_t visited = 0;
    step = walkStep(db, step.next, kStepEntries, snapshot, locked, true, visited, visitor);
    if (between) {
      TREFOIL_TRY(between(visited));
    }
  } while (!step.at_end);
  return {};
}

bool Store::visitAt(int db, std::size_t rank, bool locked, const EntryVisitor& visitor) const {
  for (std::uint64_t i = 0; i < kPartitions; ++i) {
    const PartitionId id = partition(db, i << (64 - kPartitionBits));
    const Partition& here = partitionAt(id);
    if (const std::size_t size = here.directory.size(); rank >= size) {
      rank -= size;
      continue;
    }
    const PartitionHold lock(*this, id, !locked);
    const Entry* const entry = here.directory.at(rank);
    if (entry != nullptr) {
      visitor(*entry);
    }
    return entry != nullptr;
  }
  return false;
}

Status Store::capture(Lsn snapshot, const CaptureSink& sink) const {
  constexpr std::size_t kPortionBytes = std::size_t{64} << 10;
  EffectBuffer effects;
  std::vector<const Entry*> entries;
  for (int db = 0; db < options_.databases; ++db) {
    WalkStep step{0, false};
    do {
      entries.clear();
      std::size_t visited = 0;
      step = walkStep(db, step.next, kStepEntries, snapshot, false, true, visited,
                      [&](const Entry& entry) { entries.push_back(&entry); });
      for (const Entry* entry : entries) {  // without a lock: what the snapshot sees does not change
        ValueEffects value(*entry, db, entry->key());
        while (value.writeNext(effects)) {
          if (effects.size() >= kPortionBytes) {
            TREFOIL_TRY(sink(effects.bytes()));
            effects.clear();
          }
        }
      }
    } while (!step.at_end);
  }
  if (!effects.empty()) {
    TREFOIL_TRY(sink(effects.bytes()));
  }
  return {};
}

SweepResult Store::sweepExpired(UnixMs now, std::size_t budget) {
  constexpr std::size_t kSample = 20;  // as Redis: below a quarter of a sample is not worth going on
  SweepResult result;
  std::size_t sampled = 0;
  std::size_t stale = 0;
  const std::uint64_t partitions = static_cast<std::uint64_t>(options_.databases) * kPartitions;
  for (std::uint64_t passed = 0; passed <= partitions && result.examined < budget;) {
    const PartitionId id = partition(sweep_db_, sweep_hash_);
    const Partition& here = partitionAt(id);
    Directory::Range range{0, 0, true};
    if (here.directory.deadlines() > 0) {
      const PartitionHold lock(*this, id);
      range = here.directory.walkDeadlines(sweep_hash_, [&](const Entry& entry) {
        ++sampled;
        ++result.examined;
        if (entry.deadline().passed(now)) {
          ++stale;
          result.expired.push_back({sweep_db_, std::string(entry.key())});
        }
      });
    }
    if (!range.at_end) {
      sweep_hash_ = range.next;
    } else {
      ++passed;
      sweep_hash_ = ((sweep_hash_ >> (64 - kPartitionBits)) + 1) << (64 - kPartitionBits);  // wraps to the first one
      sweep_db_ = sweep_hash_ == 0 ? (sweep_db_ + 1) % options_.databases : sweep_db_;
    }
    if (sampled >= kSample) {
      if (stale * 4 < sampled) {
        break;
      }
      sampled = 0;
      stale = 0;
    }
  }
  return result;
}

}  // namespace trefoil::kv
