#include "kv/store.hpp"

#include <algorithm>
#include <array>

#include "base/lock_order.hpp"
#include "base/memory_reserve.hpp"
#include "base/query_memory.hpp"
#include "kv/change.hpp"
#include "kv/partition.hpp"
#include "kv/prepared_effects.hpp"
#include "kv/private_value.hpp"
#include "kv/ready_keys.hpp"
#include "kv/reaper.hpp"
#include "kv/stable_pool.hpp"
#include "kv/value_type.hpp"

namespace trefoil::kv {

namespace {

// What an event loop applies of what is owed: bytes of effects, a third of a millisecond or so.
constexpr std::size_t kSoonPaid = std::size_t{64} << 10;

// What an entry counts in its partition's account: its block, and its trees if they are its own.
std::int64_t bytesOf(const Entry& entry, bool with_trees) {
  return static_cast<std::int64_t>(with_trees ? bytesOf(entry) : entry.allocatedBytes());
}

}  // namespace

Store::Store(Versions& versions, const StoreOptions& options)
    : versions_(versions),
      options_(options),
      pool_(std::make_unique<StablePool>()),
      reaper_(std::make_unique<Reaper>(directoryContext())),
      partitions_(std::make_unique<Partition[]>(static_cast<std::size_t>(options.databases) * kPartitions)),
      debts_(std::make_unique<std::atomic<const PartitionDebt*>[]>(static_cast<std::size_t>(options.databases) * kPartitions)) {
  TREFOIL_ASSERT(options.databases > 0);
  MemoryAccount::add(MemoryLeaf::kKeys,
                     static_cast<std::int64_t>(static_cast<std::size_t>(options.databases) * kPartitions * sizeof(Partition)));
}

Store::~Store() {
  const std::size_t count = static_cast<std::size_t>(options_.databases) * kPartitions;
  std::vector<std::unique_ptr<Directory>> whole;
  for (std::uint32_t id = 0; id < count; ++id) {
    emptyPartition(partitions_[id], whole);
  }
  reaper_->free(std::move(whole));
  MemoryAccount::add(MemoryLeaf::kKeys, -static_cast<std::int64_t>(count * sizeof(Partition)));
}

Partition& Store::partitionAt(PartitionId id) const {
  return partitions_[id.value];
}

DirectoryContext Store::directoryContext() const {
  return {options_.hash_seed, *pool_};
}

// Each step for all keys before the next one, which looks at what this one has asked for.
void Store::prefetch(int db, std::span<const std::uint64_t> hashes) const {
  std::array<const std::uint64_t*, kMaxPrefetch> buckets;
  const std::size_t count = hashes.size();
  TREFOIL_DEBUG_ASSERT(count <= kMaxPrefetch);
  const auto directory = [&](std::size_t i) -> const Directory& { return partitionAt(partition(db, hashes[i])).directory; };
  for (std::size_t i = 0; i < count; ++i) {
    __builtin_prefetch(&partitionAt(partition(db, hashes[i])), 1);
  }
  for (std::size_t i = 0; i < count; ++i) {
    directory(i).prefetchDirectory(hashes[i]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    buckets[i] = directory(i).prefetchBucket(hashes[i]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (buckets[i] != nullptr) {
      Directory::prefetchEntry(buckets[i], hashes[i]);
    }
  }
}

// ----------------------------------------------------------------------------------------------------------------------- locks

void Store::lock(PartitionId id) const {
  LockOrder::take(LockRank::kPartition, id.value);
  if (partitionAt(id).lock.lock() == PartitionLock::Grant::kOwing) [[unlikely]] {
    const_cast<Store*>(this)->pay(id);  // no change: all that look see it done
  }
}
void Store::unlock(PartitionId id) const {
  LockOrder::leave(LockRank::kPartition, id.value);
  partitionAt(id).lock.unlock();
}

void Store::lock(std::span<const PartitionId> sorted) {
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    LockOrder::take(LockRank::kPartition, sorted[i].value);
    if (partitionAt(sorted[i]).lock.lock() == PartitionLock::Grant::kOwing) [[unlikely]] {
      pay(sorted[i]);
    }
  }
}

bool Store::lockSoon(std::span<const PartitionId> sorted) {
  std::size_t owed = 0;
  for (const PartitionId& id : sorted) {
    const PartitionLock::Grant grant = partitionAt(id).lock.lockSoon();
    if (grant == PartitionLock::Grant::kClean || takeOwing(id, grant, owed)) [[likely]] {
      LockOrder::take(LockRank::kPartition, id.value);
    } else {
      unlock(sorted.first(static_cast<std::size_t>(&id - sorted.data())));
      return false;
    }
  }
  return true;
}

// Pays what is owed to a partition that was locked, unless it becomes too much; `owed` is what was paid for others. False: the
// lock is not held.
[[gnu::noinline]] bool Store::takeOwing(PartitionId id, PartitionLock::Grant grant, std::size_t& owed) {
  if (grant != PartitionLock::Grant::kOwing) {
    return false;
  }
  owed += debts_[id.value].load(std::memory_order_relaxed)->bytes;
  if (owed > kSoonPaid) {
    partitionAt(id).lock.unlockOwing();
    return false;
  }
  pay(id);
  return true;
}

void Store::unlock(std::span<const PartitionId> sorted) const {
  for (const PartitionId id : sorted) {
    unlock(id);
  }
}

void Store::lockAll(int db) const {
  for (std::uint32_t i = 0; i < kPartitions; ++i) {
    lock(PartitionId{(static_cast<std::uint32_t>(db) << kPartitionBits) | i});
  }
}

void Store::unlockAll(int db) const {
  for (std::uint32_t i = 0; i < kPartitions; ++i) {
    unlock(PartitionId{(static_cast<std::uint32_t>(db) << kPartitionBits) | i});
  }
}

// ----------------------------------------------------------------------------------------------------------------------- apply

// The old entry, on its way to being changed or replaced; collects what becomes of the memory account.
struct Store::Apply final : Discarder {
  Apply(Store& store_in, Partition& partition_in, const WriteContext& context_in, std::uint64_t hash_in)
      : store(store_in), partition(partition_in), context(context_in), hash(hash_in) {}

  [[nodiscard]] int db() const { return static_cast<int>((&partition - store.partitions_.get()) >> kPartitionBits); }

  [[nodiscard]] bool snapshotOpen() const { return context.writable_from != kNoSnapshot; }
  // Whether a snapshot sees what the live store has for the key.
  [[nodiscard]] bool isSeen(std::string_view key) const {
    return snapshotOpen() && (partition.shadow == nullptr || !partition.shadow->diedSince(hash, key, context.writable_from));
  }

  void addShadow(Entry* entry, bool absent, bool owns_trees) {
    if (partition.shadow == nullptr) {
      partition.shadow = std::make_unique<ShadowMap>();
    }
    partition.shadow->add(hash, {context.stamp, entry, absent, owns_trees});
    store.snapshot_bytes_.fetch_add(bytesOf(*entry, owns_trees), std::memory_order_relaxed);
  }

  // The entry in the slot for changing in place: itself, or a copy if a snapshot sees it; nullptr if it is to be replaced as a
  // whole and has gone to the shadow map. One that is replaced as a whole keeps its block as it is, or is discarded.
  Entry* writable(Entry* old, bool replaced_whole) {
    if (replaced_whole && !snapshotOpen()) [[likely]] {
      return rewritten = old;
    }
    return writableSeen(old, replaced_whole);
  }
  [[gnu::noinline]] Entry* writableSeen(Entry* old, bool replaced_whole) {
    if (!isSeen(old->key())) {
      if (replaced_whole) {
        return rewritten = old;
      }
      bytes -= bytesOf(*old, true);
      return old;
    }
    if (replaced_whole) {
      addShadow(old, false, true);
      return nullptr;
    }
    Entry* copy = copyOf(*old);
    bytes += bytesOf(*old, false) - bytesOf(*old, true);
    addShadow(old, false, !old->isLarge());
    return copy;
  }

  // The entry in the slot will be replaced by one that was made beforehand, and may share its nodes.
  void supersede(Entry* old, bool nodes_live_on) {
    if (isSeen(old->key())) {
      bytes += nodes_live_on ? bytesOf(*old, false) - bytesOf(*old, true) : 0;
      addShadow(old, false, !nodes_live_on);
      return;
    }
    bytes -= bytesOf(*old, true);
    if (nodes_live_on) {
      Reaper::freeShared(old);
    } else {
      discard(old);
    }
  }

  // Nothing is there, and what comes is not for the eyes of a snapshot.
  void noteAbsence(std::string_view key) {
    if (!isSeen(key)) {
      return;
    }
    Entry* marker = Entry::allocate(ObjectType::kString, Encoding::kRaw, key, kNever, 0);
    bytes += bytesOf(*marker, true);
    addShadow(marker, true, true);
  }

  // An older version may share nodes with the trees of this one: then they must outlive its snapshot.
  void discard(Entry* entry) override {
    if (entry == rewritten) {
      rewritten = nullptr;
      bytes -= bytesOf(*entry, true);
    }
    if (snapshotOpen() && entry->isLarge()) {
      bytes += bytesOf(*entry, true);
      addShadow(entry, false, true);
    } else {
      store.reaper_->free(entry);
    }
  }

  // The end of a change: `slot` is the key's, if it had one, and `entry` what the key holds now, if anything. One that was
  // rewritten within its block is where it was, and counted.
  void put(const Directory::Slot& slot, std::string_view key, Entry* entry) {
    if (entry == nullptr || entry != rewritten) {
      place(slot, entry);
    }
    if (partition.interest != nullptr) [[unlikely]] {
      tell(key, entry);
    }
  }
  [[gnu::noinline]] void place(const Directory::Slot& slot, Entry* entry) {
    if (entry != nullptr) {
      bytes += bytesOf(*entry, true);
      if (slot) {
        partition.directory.replace(slot, hash, entry);
      } else {
        partition.directory.insert(store.directoryContext(), hash, entry);
      }
    } else if (slot) {
      partition.directory.erase(store.directoryContext(), hash, slot);
    }
    partition.addBytes(bytes);
  }
  [[gnu::noinline]] void tell(std::string_view key, const Entry* entry) const {
    if (partition.interest->keyChanged(hash, key) && entry != nullptr) {
      ReadyKeys::mine().note(db(), hash, key);
    }
  }

  // The key is new, or was changed without a look at it.
  [[gnu::noinline]] void noteAccess(std::string_view key, bool is_new) {
    const Directory::Slot slot = partition.directory.find(hash, key);
    if (!slot) {
      return;
    }
    const AccessTracker& accesses = store.accesses_;
    partition.directory.setAccess(store.directoryContext(), hash, slot,
                                  is_new ? accesses.created() : accesses.used(partition.directory.access(hash, slot)));
  }

  Store& store;
  Partition& partition;
  const WriteContext& context;
  std::uint64_t hash;
  Entry* rewritten = nullptr;  // counted in `bytes` only if it is discarded
  std::int64_t bytes = 0;
};

Status Store::apply(std::uint8_t kind, EffectReader& reader, const WriteContext& context, PreparedStrings* prepared) {
  EffectHead head;
  TREFOIL_TRY(readHead(kind, reader, options_.databases, head));
  if (head.kind == EffectKind::kFlush) {
    flush(head.db, context);
    return {};
  }
  const std::uint64_t key_hash = hash(head.key);
  Partition& partition = partitionAt(Store::partition(head.db, key_hash));
  TREFOIL_DEBUG_ASSERT(loading_ || partition.lock.isLocked());
  if (partition.shadow != nullptr) [[unlikely]] {
    purge(partition);
  }
  Apply change(*this, partition, context, key_hash);
  const Directory::Slot slot = partition.directory.find(key_hash, head.key);
  Entry* entry = nullptr;
  if (slot) {
    entry = change.writable(slot.entry(), replacesWhole(head.kind));
  } else if (head.kind != EffectKind::kRemove) {
    change.noteAbsence(head.key);
  }
  Status status =
      changeEntry(head.kind, reader, head.key, entry, {context, options_.packed, options_.hash_seed, change, prepared});
  change.put(slot, head.key, entry);
  if (accesses_.isOn()) [[unlikely]] {
    if (!slot || replacesWhole(head.kind)) {
      change.noteAccess(head.key, !slot);
    }
  }
  if (entry == nullptr) [[unlikely]] {
    countRemoval(reader.cause());
  }
  return status;
}

void Store::countRemoval(Cause cause) {
  if (loading_) {
    return;  // it was counted when it happened
  }
  if (cause == Cause::kExpired) {
    expired_keys_.fetch_add(1, std::memory_order_relaxed);
  } else if (cause == Cause::kEvicted) {
    evicted_keys_.fetch_add(1, std::memory_order_relaxed);
  }
}

// What the transaction's copy was made of is what the slot holds, which was validated: so nodes that both have are not freed.
void Store::adopt(const Key& key, PrivateValue* value, const WriteContext& context) {
  Partition& partition = partitionAt(key);
  purge(partition);
  Apply change(*this, partition, context, key.hash);
  const Directory::Slot slot = partition.directory.find(key.hash, key.bytes);
  Entry* entry = value == nullptr ? nullptr : value->adopt(versions_, context.stamp);
  if (slot) {
    change.supersede(slot.entry(), value != nullptr && value->shares());
  } else if (entry != nullptr) {
    change.noteAbsence(key.bytes);
  }
  change.put(slot, key.bytes, entry);
  if (accesses_.isOn() && !slot) {
    change.noteAccess(key.bytes, true);
  }
}

void Store::flush(int db, const WriteContext& context) {
  Flushed flushed;
  for (std::uint32_t i = 0; i < kPartitions; ++i) {
    flushPartition(partitionAt({(static_cast<std::uint32_t>(db) << kPartitionBits) | i}), context, flushed);
  }
  reaper_->free(std::move(flushed.entries));
  reaper_->free(std::move(flushed.directories));
}

void Store::flushPartition(Partition& partition, const WriteContext& context, Flushed& flushed) {
  TREFOIL_DEBUG_ASSERT(partition.lock.isLocked());
  if (partition.interest != nullptr) {
    partition.interest->forEachWatched([&](std::uint64_t key_hash, std::string_view key) {
      if (partition.directory.find(key_hash, key)) {
        partition.interest->keyChanged(key_hash, key);
      }
    });
  }
  if (context.writable_from == kNoSnapshot) {
    emptyPartition(partition, flushed.directories);
  } else {
    shadowPartition(partition, context, flushed.entries);
  }
}

// Empties a partition, of which no snapshot sees anything, in no time.
void Store::emptyPartition(Partition& partition, std::vector<std::unique_ptr<Directory>>& whole) {
  purge(partition);
  if (partition.directory.size() > 0) {
    partition.addBytes(-partition.bytes.load(std::memory_order_relaxed));
    whole.push_back(partition.directory.detach());
  }
}

// Empties a partition: what a snapshot sees goes to the shadow map, the rest to `dead`.
void Store::shadowPartition(Partition& partition, const WriteContext& context, std::vector<Entry*>& dead) {
  for (std::uint64_t from = 0; partition.directory.size() > 0;) {
    const Directory::Range range = partition.directory.walk(from, SIZE_MAX, [&](Entry& entry) {
      Apply change(*this, partition, context, hash(entry.key()));
      if (Entry* unseen = change.writable(&entry, true); unseen != nullptr) {
        if (unseen->isLarge()) {
          change.discard(unseen);
        } else {
          change.bytes -= bytesOf(*unseen, true);
          dead.push_back(unseen);
        }
      }
      partition.addBytes(change.bytes);
    });
    if (range.at_end) {
      break;
    }
    from = range.next;
  }
  partition.directory.clear(directoryContext());
}

void Store::purge(Partition& partition, bool thorough) {
  if (partition.shadow == nullptr) {
    return;
  }
  const auto release = [&](const ShadowMap::Version& version) {
    const std::int64_t bytes = bytesOf(*version.entry, version.owns_trees);
    partition.addBytes(-bytes);
    snapshot_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    if (version.owns_trees) {
      reaper_->free(version.entry);
    } else {
      Reaper::freeShared(version.entry);
    }
  };
  // Under the lock: what is added later is younger than a snapshot opened now.
  partition.shadow->purge(versions_.oldestSnapshot(), release);
  if (thorough) {
    partition.shadow->purgeUnseen(versions_.newestSnapshot(), release);
  }
  if (partition.shadow->empty()) {
    partition.shadow.reset();
  }
}

void Store::purgeShadows(bool thorough) {
  const std::uint32_t count = static_cast<std::uint32_t>(options_.databases) * kPartitions;
  for (PartitionId id{0}; id.value < count; ++id.value) {
    lock(id);
    purge(partitionAt(id), thorough);
    unlock(id);
  }
}

// ------------------------------------------------------------------------------------------------------------------ what is owed

void Store::owe(PreparedEffects& effects, const WriteContext& context) {
  effects.context_ = context;
  for (const PartitionDebt& debt : effects.debts_) {
    TREFOIL_DEBUG_ASSERT(partitionAt(debt.partition).lock.isLocked());
    debts_[debt.partition.value].store(&debt, std::memory_order_release);
  }
}

void Store::unlockOwing(std::span<const PartitionId> sorted) {
  for (const PartitionId id : sorted) {
    LockOrder::leave(LockRank::kPartition, id.value);
    PartitionLock& lock = partitionAt(id).lock;
    if (debts_[id.value].load(std::memory_order_relaxed) != nullptr) {
      lock.unlockOwing();
    } else {
      lock.unlock();
    }
  }
}

void Store::settle(const PreparedEffects& effects) {
  for (const PartitionDebt& debt : effects.debts_) {
    const PartitionHold lock(*this, debt.partition);
    Partition& partition = partitionAt(debt.partition);
    if (partition.interest != nullptr) [[unlikely]] {
      ReadyKeys::mine().takeFromDebt(*partition.interest);
      dropIdleInterest(partition);
    }
  }
}

// With the lock held. The effects are in the log, and not those of the statement that comes upon them.
void Store::pay(PartitionId id) {
  const QueryMemory::Scope not_the_statements(nullptr);
  memory_reserve::mustNotFail([&] {
    const std::size_t ready_before = ReadyKeys::mine().keys.size();
    apply(*debts_[id.value].load(std::memory_order_relaxed));
    debts_[id.value].store(nullptr, std::memory_order_release);
    if (InterestTable* const interest = partitionAt(id).interest.get(); interest != nullptr) {
      ReadyKeys::mine().leaveToDebtor(ready_before, *interest);
    }
  });
}

void Store::apply(PreparedEffects& effects, const WriteContext& context) {
  effects.context_ = context;
  for (const PartitionDebt& debt : effects.debts_) {
    apply(debt);
  }
}

void Store::apply(const PartitionDebt& debt) {
  PreparedEffects& commit = *debt.commit;
  Flushed flushed;
  for (std::size_t i = debt.begin; i < debt.end; ++i) {
    const std::uint64_t what = commit.tasks_[i].what;
    if (what == PreparedEffects::kFlush) {
      flushPartition(partitionAt(debt.partition), commit.context_, flushed);
    } else if (what < PreparedEffects::kAdoption) {
      EffectReader reader = EffectReader::ofStaged(commit.effects_.substr(what - PreparedEffects::kEffect));
      const std::uint8_t kind = reader.getKind();
      const Status applied = apply(kind, reader, commit.context_, &commit.strings_);
      TREFOIL_ASSERT(applied.ok());
    } else {
      const auto& [key, value] = commit.adoptions_[what - PreparedEffects::kAdoption];
      adopt(key, value, commit.context_);
    }
  }
  reaper_->free(std::move(flushed.entries));
  reaper_->free(std::move(flushed.directories));
}

bool Store::isOwed(int db) const {
  const auto* const debts = &debts_[static_cast<std::size_t>(db) << kPartitionBits];
  return std::any_of(debts, debts + kPartitions,
                     [](const auto& debt) { return debt.load(std::memory_order_acquire) != nullptr; });
}

// ----------------------------------------------------------------------------------------------------------------------- reads

const Entry* Store::find(const Key& key, bool is_use) const {
  if (is_use && accesses_.isOn()) [[unlikely]] {
    return findForUse(key);
  }
  const Partition& partition = partitionAt(key);
  TREFOIL_DEBUG_ASSERT(partition.lock.isLocked());
  const Directory::Slot slot = partition.directory.find(key.hash, key.bytes);
  return slot ? slot.entry() : nullptr;
}

// A function of its own, so that nobody else's way to a key is longer for it.
[[gnu::noinline]] const Entry* Store::findForUse(const Key& key) const {
  Partition& partition = partitionAt(key);
  TREFOIL_DEBUG_ASSERT(partition.lock.isLocked());
  const Directory::Slot slot = partition.directory.find(key.hash, key.bytes);
  if (!slot) {
    return nullptr;
  }
  const std::uint32_t before = partition.directory.access(key.hash, slot);
  partition.directory.setAccess(directoryContext(), key.hash, slot, accesses_.used(before));
  return slot.entry();
}

const Entry* Store::findAt(const Key& key, Lsn snapshot, bool is_use) const {
  Partition& partition = partitionAt(key);
  const PartitionHold lock(*this, Store::partition(key));
  if (partition.shadow != nullptr) {
    if (const auto found = partition.shadow->find(key.hash, key.bytes, snapshot); found.decided) {
      return found.entry;
    }
  }
  return find(key, is_use);
}

std::uint32_t Store::accessOf(const Key& key, bool locked) const {
  const Partition& partition = partitionAt(key);
  const PartitionHold lock(*this, Store::partition(key), !locked);
  const Directory::Slot slot = partition.directory.find(key.hash, key.bytes);
  return slot ? partition.directory.access(key.hash, slot) : accesses_.created();
}

std::size_t Store::sample(int db, std::uint64_t random, std::size_t wanted, bool with_deadline, bool waits,
                          const SampleVisitor& visitor) {
  for (std::uint32_t i = 0; i < kPartitions; ++i) {
    const std::uint64_t from = random + (std::uint64_t{i} << (64 - kPartitionBits));
    const PartitionId id = partition(db, from);
    const Directory& directory = partitionAt(id).directory;
    if ((with_deadline ? directory.deadlines() : directory.size()) == 0) {
      continue;
    }
    const PartitionLocks lock(*this, {&id, 1}, waits);
    return lock.held() ? directory.sample(from, wanted, with_deadline, visitor) : 0;
  }
  return 0;
}

bool Store::changedSince(int db, std::uint64_t key_hash, Lsn snapshot) const {
  const Partition& partition = partitionAt(Store::partition(db, key_hash));
  TREFOIL_DEBUG_ASSERT(partition.lock.isLocked());
  return partition.shadow != nullptr && partition.shadow->anyDiedSince(key_hash, snapshot);
}

bool Store::isSeen(const Key& key) const {
  const Lsn newest = versions_.newestSnapshot();
  const Partition& partition = partitionAt(key);
  TREFOIL_DEBUG_ASSERT(partition.lock.isLocked());
  return newest != kNoSnapshot && (partition.shadow == nullptr || !partition.shadow->diedSince(key.hash, key.bytes, newest));
}

bool Store::anyChangedSince(PartitionId id, Lsn snapshot, const KeyTest& is_meant) const {
  const Partition& partition = partitionAt(id);
  TREFOIL_DEBUG_ASSERT(partition.lock.isLocked());
  bool changed = false;
  if (partition.shadow != nullptr) {
    partition.shadow->visitDiedSince(
        snapshot, [&](std::uint64_t hash, const Entry& entry) { changed = changed || is_meant(hash, entry.key()); });
  }
  return changed;
}

bool Store::isExpired(const Key& key, UnixMs now) const {
  const Entry* entry = find(key);
  return entry != nullptr && entry->deadline().passed(now);
}

std::size_t Store::size(int db) const {
  std::size_t size = 0;
  for (std::uint32_t i = 0; i < kPartitions; ++i) {
    size += partitionAt({(static_cast<std::uint32_t>(db) << kPartitionBits) | i}).directory.size();
  }
  return size;
}

std::size_t Store::sizeWithDeadline(int db) const {
  std::size_t size = 0;
  for (std::uint32_t i = 0; i < kPartitions; ++i) {
    size += partitionAt({(static_cast<std::uint32_t>(db) << kPartitionBits) | i}).directory.deadlines();
  }
  return size;
}

std::size_t Store::memoryBytes() const {
  std::int64_t bytes = 0;
  const std::size_t count = static_cast<std::size_t>(options_.databases) * kPartitions;
  for (std::size_t i = 0; i < count; ++i) {
    bytes += partitions_[i].bytes.load(std::memory_order_relaxed);
  }
  return static_cast<std::size_t>(std::max<std::int64_t>(bytes, 0)) + pool_->bytesInUse() + count * sizeof(Partition);
}

std::size_t Store::directoryBytes() const {
  return pool_->bytesInUse();
}

// ----------------------------------------------------------------------------------------------------------------------- watch

void Store::watch(const Key& key, WatchFlag& flag) {
  Partition& partition = partitionAt(key);
  const PartitionHold lock(*this, Store::partition(key));
  if (partition.interest == nullptr) {
    partition.interest = std::make_unique<InterestTable>();
  }
  partition.interest->add(key.hash, key.bytes, flag);
}

void Store::unwatch(const Key& key, WatchFlag& flag) {
  Partition& partition = partitionAt(key);
  const PartitionHold lock(*this, Store::partition(key));
  if (partition.interest != nullptr) {
    partition.interest->remove(key.hash, key.bytes, flag);
    dropIdleInterest(partition);
  }
}

void Store::dropIdleInterest(Partition& partition) {
  if (partition.interest->empty()) {
    partition.interest.reset();
  }
}

void Store::drainReaper() {
  reaper_->drain();
}

void Store::verify() const {
  const std::uint32_t count = static_cast<std::uint32_t>(options_.databases) * kPartitions;
  for (std::uint32_t id = 0; id < count; ++id) {
    const Partition& partition = partitions_[id];
    partition.directory.verify(directoryContext(), id % kPartitions);
    std::int64_t bytes = 0;
    const auto check = [&](const Entry& entry) {
      bytes += bytesOf(entry, true);
      if (entry.isLarge()) {
        typeOf(entry).verify(entry);
      }
    };
    for (std::uint64_t from = std::uint64_t{id % kPartitions} << (64 - kPartitionBits);;) {
      const Directory::Range range = partition.directory.walk(from, SIZE_MAX, check);
      if (range.at_end) {
        break;
      }
      from = range.next;
    }
    if (partition.shadow == nullptr) {
      TREFOIL_ASSERT(bytes == partition.bytes.load(std::memory_order_relaxed));
    }
  }
}

}  // namespace trefoil::kv
