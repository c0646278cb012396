#include "kv/view.hpp"

#include <algorithm>

#include "base/glob.hpp"
#include "kv/change.hpp"
#include "kv/collection.hpp"
#include "kv/prepared_effects.hpp"
#include "kv/private_value.hpp"
#include "kv/value_type.hpp"
#include "kv/view_state.hpp"

namespace trefoil::kv {

namespace {

// Steps, for all that may be owed to a database.
constexpr std::size_t kMuchOwed = std::size_t{1} << 20;
// What takes long to apply to a key: effects of so many bytes, or any to a string of so many.
constexpr std::size_t kHeavyEffects = std::size_t{16} << 10;
constexpr std::size_t kHeavyString = std::size_t{256} << 10;
// How many keys are many to be validated one by one.
constexpr std::size_t kManyKeys = 1000;

}  // namespace

void View::Dropper::operator()(Overlay* overlay) const {
  delete overlay;
}
void View::Dropper::operator()(ReadSet* reads) const {
  delete reads;
}

void View::forget() {
  if (overlay_ != nullptr) {
    for (std::size_t i = 0; i < touched_count_; ++i) {
      delete touchedAt(i).copy;
    }
    overlay_.reset();
  }
  touched_count_ = 0;
}

View::Overlay& View::overlay() {
  if (overlay_ == nullptr) {
    overlay_.reset(new Overlay);
  }
  return *overlay_;
}

// ---------------------------------------------------------------------------------------------------------------- touched keys

View::Touched& View::touchedAt(std::size_t index) {
  return index < kInlineTouched ? inline_touched_[index] : overlay_->more[index - kInlineTouched];
}

View::Touched* View::touchedKey(int db, std::uint64_t hash, std::string_view key) {
  const auto is_it = [&](const Touched& touched) { return touched.hash == hash && touched.db == db && keyOf(touched) == key; };
  if (touched_count_ <= kInlineTouched) {
    for (std::size_t i = 0; i < touched_count_; ++i) {
      if (is_it(inline_touched_[i])) {
        return &inline_touched_[i];
      }
    }
    return nullptr;
  }
  for (auto [it, end] = overlay_->by_hash.equal_range(hash); it != end; ++it) {
    if (Touched& touched = touchedAt(it->second); is_it(touched)) {
      return &touched;
    }
  }
  return nullptr;
}

void View::noteNextEffect(const Touched& fresh) {
  Touched* touched = touchedKey(fresh.db, fresh.hash, keyOf(fresh));
  if (touched == nullptr) {
    if (touched_count_ < kInlineTouched) {
      inline_touched_[touched_count_] = fresh;
    } else {
      Overlay& all = overlay();
      if (touched_count_ == kInlineTouched) {
        for (std::size_t i = 0; i < kInlineTouched; ++i) {
          all.by_hash.emplace(inline_touched_[i].hash, i);
        }
      }
      all.by_hash.emplace(fresh.hash, touched_count_);
      all.more.push_back(fresh);
    }
    ++touched_count_;
    return;
  }
  if (!touched->is_copied && touched->end == fresh.begin) {
    touched->end = fresh.end;
    return;
  }
  copyOf(*touched);
  applyStaged(*touched, fresh.begin, fresh.end);
}

// The private copy of a touched key, made and brought up to date if need be.
const Entry* View::copyOf(Touched& touched) {
  if (!touched.is_copied) {
    overlay();  // forget() looks for copies where there is one
    if (!replacesWhole(static_cast<EffectKind>(effects_.bytes()[touched.begin]))) {
      if (const Entry* entry = base(touched.db, touched.hash, keyOf(touched), true); entry != nullptr) {
        const bool appends = static_cast<EffectKind>(effects_.bytes()[touched.begin]) == EffectKind::kAppend;
        touched.copy = new PrivateValue(*entry, appends ? touched.end - touched.begin + roomToGrow(entry->valueSize()) : 0);
      }
    }
    touched.is_copied = true;
    applyStaged(touched, touched.begin, touched.end);
  }
  return touched.copy == nullptr ? nullptr : touched.copy->entry();
}

void View::applyStaged(Touched& touched, std::size_t begin, std::size_t end) {
  if (touched.copy == nullptr) {
    touched.copy = new PrivateValue;
  }
  EffectReader reader = EffectReader::ofStaged(effects_.bytes().substr(begin, end - begin));
  while (!reader.done()) {
    EffectHead head;
    const std::uint8_t kind = reader.getKind();
    Status status = readHead(kind, reader, store_.databases(), head);
    TREFOIL_ASSERT(status.ok() && head.key == keyOf(touched));
    status = touched.copy->change(head.kind, reader, head.key, store_.packedLimits(), store_.hashSeed());
    TREFOIL_ASSERT(status.ok());
  }
}

// ----------------------------------------------------------------------------------------------------------------------- reads

// What the store holds, be it expired: where an untouched key is read.
const Entry* View::base(int db, std::uint64_t hash, std::string_view key, bool is_read) {
  if (overlay_ != nullptr && !overlay_->flushed.empty() && overlay_->flushed[static_cast<std::size_t>(db)]) {
    return nullptr;
  }
  const Key wanted{key, hash, db};
  if (mode_ != Mode::kSnapshot) {
    return store_.find(wanted, notes_uses_);
  }
  const Entry* entry = store_.findAt(wanted, snapshot_, notes_uses_ && is_read);
  if (is_read) {
    if (reads_ == nullptr) {
      reads_.reset(new ReadSet);
    }
    reads_->add(store_, db, hash);
    if (unexpired(entry) != nullptr) {
      reads_->first_deadline = std::min(reads_->first_deadline, entry->deadline());
    }
  }
  return entry;
}

const Entry* View::lookUp(const Key& key) {
  if (touched_count_ > 0) {
    if (Touched* touched = touchedKey(key.db, key.hash, key.bytes); touched != nullptr) {
      return copyOf(*touched);
    }
  }
  return base(key.db, key.hash, key.bytes, true);
}

const Entry* View::find(const Key& key) {
  // A live view that has written nothing sees what the store holds.
  const bool is_plain = mode_ == Mode::kLive && touched_count_ == 0 && overlay_ == nullptr;
  const Entry* const entry = unexpired(is_plain ? store_.find(key, notes_uses_) : lookUp(key));
  if (lookups_ != nullptr) {
    std::atomic<std::uint64_t>& count = lookups_->counts[entry != nullptr ? 1 : 0];
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  return entry;
}

const Entry* View::current(const Key& key) {
  const Entry* entry = lookUp(key);
  if (entry != nullptr && entry->deadline().passed(now_)) {
    stageRemoval(key, Cause::kExpired);
    return nullptr;
  }
  return entry;
}

Status View::require(ObjectType type, const Entry* entry) const {
  if (entry != nullptr && entry->type() != type) {
    return Error(ErrorCode::kWrongType, "Operation against a key holding the wrong kind of value");
  }
  return {};
}

Status View::openCollection(ObjectType type, const Entry* entry) {
  TREFOIL_TRY(require(type, entry));
  return counts_whole_ ? spendOn(entry) : Status();
}

Status View::spendOn(const Entry* entry) {
  if (entry == nullptr) {
    return {};
  }
  return spend(typeOf(*entry).steps(*entry));
}

Status View::spendOnBlock(const Key& key, const Entry* entry, std::size_t size, bool moves) {
  if (entry == nullptr || entry->isLarge() || entry->valueSize() < kHeavyString) {
    return {};
  }
  const bool copies = moves || size > entry->valueCapacity() || (mode_ == Mode::kLive && store_.isSeen(key));
  return copies ? spend(entry->valueSize() / kStepBytes) : Status();
}

Status View::spendMore() {
  if (control_ != nullptr) {
    steps_left_ = kStepsBetweenLooks;
    return control_->checkStopped();
  }
  gave_way_ = true;
  return Error(ErrorCode::kBusy, "this takes too long here");
}

Result<StringHandle> View::string(const Key& key) {
  const Entry* entry = find(key);
  TREFOIL_TRY(require(ObjectType::kString, entry));
  return StringHandle(entry);
}
Result<ListHandle> View::list(const Key& key) {
  const Entry* entry = find(key);
  TREFOIL_TRY(openCollection(ObjectType::kList, entry));
  return ListHandle(entry);
}
Result<HashHandle> View::hash(const Key& key) {
  const Entry* entry = find(key);
  TREFOIL_TRY(openCollection(ObjectType::kHash, entry));
  return HashHandle(entry);
}
Result<SetHandle> View::set(const Key& key) {
  const Entry* entry = find(key);
  TREFOIL_TRY(openCollection(ObjectType::kSet, entry));
  return SetHandle(entry);
}
Result<SortedSetHandle> View::sortedSet(const Key& key) {
  const Entry* entry = find(key);
  TREFOIL_TRY(openCollection(ObjectType::kSortedSet, entry));
  return SortedSetHandle(entry);
}

// ------------------------------------------------------------------------------------------------------------------ whole walks

// An entry that a walk over the store has met, as this view sees it.
void View::visitOverlaid(int db, const Entry& entry, const Store::EntryVisitor& visitor) {
  const Entry* seen = &entry;
  if (touched_count_ > 0) {
    if (Touched* touched = touchedKey(db, store_.hash(entry.key()), entry.key()); touched != nullptr) {
      seen = copyOf(*touched);
    }
  }
  if (unexpired(seen) != nullptr) {
    visitor(*seen);
  }
}

// Keys that only this view has.
void View::visitCreated(int db, const Store::EntryVisitor& visitor) {
  for (std::size_t i = 0; i < touched_count_; ++i) {
    Touched& touched = touchedAt(i);
    if (touched.db == db && unexpired(copyOf(touched)) != nullptr && base(db, touched.hash, keyOf(touched), false) == nullptr) {
      visitor(*touched.copy->entry());
    }
  }
}

std::uint64_t View::scan(int db, std::uint64_t cursor, std::size_t budget, const Store::EntryVisitor& visitor) {
  if (cursor == 0 && touched_count_ > 0) {
    visitCreated(db, visitor);
  }
  if (overlay_ != nullptr && !overlay_->flushed.empty() && overlay_->flushed[static_cast<std::size_t>(db)]) {
    return 0;
  }
  if (mode_ != Mode::kSnapshot) {
    return store_.visit(db, cursor, budget, kNoSnapshot, mode_ == Mode::kLocked,
                        [&](const Entry& entry) { visitOverlaid(db, entry, visitor); });
  }
  // The visitor is called without the lock: it may look up keys, and the snapshot keeps the entries.
  std::vector<const Entry*> entries;
  const std::uint64_t next =
      store_.visit(db, cursor, budget, snapshot_, false, [&](const Entry& entry) { entries.push_back(&entry); });
  for (const Entry* entry : entries) {
    visitOverlaid(db, *entry, visitor);
  }
  return next;
}

Status View::forEachKey(int db, std::string_view pattern, const Store::EntryVisitor& visitor) {
  if (const std::optional<std::string> name = globLiteral(pattern)) {
    const Key wanted = key(db, *name);
    const PartitionHold lock(store_, Store::partition(wanted), mode_ == Mode::kLive);
    if (const Entry* entry = find(wanted); entry != nullptr) {
      visitor(*entry);
    }
    return {};
  }
  const auto between = [this](std::size_t visited) { return spend(visited); };
  const Store::EntryVisitor matching = [&](const Entry& entry) {
    if (globMatch(pattern, entry.key())) {
      visitor(entry);
    }
  };
  visitCreated(db, matching);
  if (overlay_ != nullptr && !overlay_->flushed.empty() && overlay_->flushed[static_cast<std::size_t>(db)]) {
    return {};
  }
  if (mode_ != Mode::kSnapshot) {
    return store_.visitAll(
        db, kNoSnapshot, mode_ == Mode::kLocked, [&](const Entry& entry) { visitOverlaid(db, entry, matching); }, between);
  }
  if (reads_ == nullptr) {
    reads_.reset(new ReadSet);
  }
  reads_->patterns.push_back({db, std::string(pattern)});
  std::vector<const Entry*> entries;
  const auto collect = [&](const Entry& entry) {
    if (globMatch(pattern, entry.key())) {
      entries.push_back(&entry);
    }
  };
  TREFOIL_TRY(store_.visitAll(db, snapshot_, false, collect, between));
  for (const Entry* entry : entries) {
    TREFOIL_TRY(goOn());
    if (unexpired(entry) != nullptr) {
      reads_->first_deadline = std::min(reads_->first_deadline, entry->deadline());
    }
    visitOverlaid(db, *entry, visitor);
  }
  return {};
}

Result<std::size_t> View::databaseSize(int db) {
  const bool is_owed = mode_ == Mode::kLive && store_.isOwed(db);
  if (mode_ != Mode::kSnapshot && touched_count_ == 0 && overlay_ == nullptr && !is_owed) {
    return store_.size(db);
  }
  if (control_ == nullptr) {
    TREFOIL_TRY(spend(is_owed ? kMuchOwed : store_.size(db)));
  }
  std::size_t size = 0;
  TREFOIL_TRY(forEachKey(db, "*", [&](const Entry&) { ++size; }));
  return size;
}

// Draws from all keys that there are, until one is drawn that this view sees: each is as likely as any other. What is expired or
// newer than the snapshot is drawn in vain, and where there is little else, all keys are looked at instead.
std::optional<std::string> View::randomKey(int db, const std::function<std::uint64_t()>& random) {
  constexpr int kTries = 100;
  std::vector<std::string> created;
  visitCreated(db, [&](const Entry& entry) { created.emplace_back(entry.key()); });
  const bool is_flushed = overlay_ != nullptr && !overlay_->flushed.empty() && overlay_->flushed[static_cast<std::size_t>(db)];
  std::optional<std::string> name;
  const auto take = [&](const Entry& entry) { name = entry.key(); };
  for (int i = 0; i < kTries && !name; ++i) {
    const std::size_t stored = is_flushed ? 0 : store_.size(db);
    if (stored + created.size() == 0) {
      return std::nullopt;
    }
    const std::size_t rank = random() % (stored + created.size());
    if (rank >= stored) {
      return std::move(created[rank - stored]);
    }
    if (mode_ != Mode::kSnapshot) {
      store_.visitAt(db, rank, mode_ == Mode::kLocked, [&](const Entry& entry) { visitOverlaid(db, entry, take); });
    } else if (store_.visitAt(db, rank, false, take)) {
      const std::string drawn = *std::exchange(name, std::nullopt);
      if (const Entry* seen = base(db, store_.hash(drawn), drawn, false); seen != nullptr) {
        visitOverlaid(db, *seen, take);
      }
    }
  }
  if (name) {
    return name;
  }
  constexpr std::size_t kStep = 256;
  std::size_t seen = 0;
  std::uint64_t cursor = 0;
  do {
    cursor = scan(db, cursor, kStep, [&](const Entry& entry) {
      if (random() % ++seen == 0) {
        take(entry);
      }
    });
  } while (cursor != 0);
  return name;
}

// ---------------------------------------------------------------------------------------------------------------------- for txn

bool View::hasWrites() const {
  return touched_count_ > 0 || (overlay_ != nullptr && !overlay_->flushed.empty());
}

View::Footprint View::footprint() const {
  Footprint footprint;
  const auto add_database = [](std::vector<PartitionId>& ids, int db) {
    for (std::uint32_t i = 0; i < kPartitions; ++i) {
      ids.push_back({(static_cast<std::uint32_t>(db) << kPartitionBits) | i});
    }
  };
  const auto sort_unique = [](std::vector<PartitionId>& ids) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  };
  for (std::size_t i = 0; i < touched_count_; ++i) {
    const Touched& touched = const_cast<View*>(this)->touchedAt(i);
    footprint.written.push_back(Store::partition(touched.db, touched.hash));
  }
  if (overlay_ != nullptr) {
    for (std::size_t db = 0; db < overlay_->flushed.size(); ++db) {
      if (overlay_->flushed[db]) {
        add_database(footprint.written, static_cast<int>(db));
      }
    }
  }
  sort_unique(footprint.written);
  if (reads_ != nullptr) {
    reads_->forEachPartition([&](PartitionId id) { footprint.read.push_back(id); });
    for (const auto& pattern : reads_->patterns) {
      add_database(footprint.read, pattern.db);
    }
    sort_unique(footprint.read);
    std::erase_if(footprint.read,
                  [&](PartitionId id) { return std::binary_search(footprint.written.begin(), footprint.written.end(), id); });
  }
  return footprint;
}

// Few keys are looked up among what has changed; of many, what has changed is looked up among them.
bool View::keysUnchanged() const {
  const auto& keys = reads_->keys;
  if (keys.size() <= kManyKeys) {
    return std::none_of(keys.begin(), keys.end(),
                        [&](const auto& key) { return store_.changedSince(key.db, key.hash, snapshot_); });
  }
  bool changed = false;
  reads_->forEachPartition([&](PartitionId id) {
    const int db = static_cast<int>(id.value >> kPartitionBits);
    const auto is_read = [&](std::uint64_t hash, std::string_view) { return keys.contains({db, hash}); };
    changed = changed || store_.anyChangedSince(id, snapshot_, is_read);
  });
  return !changed;
}

bool View::patternsUnchanged() const {
  for (const auto& pattern : reads_->patterns) {
    const auto matches = [&](std::uint64_t, std::string_view key) { return globMatch(pattern.glob, key); };
    for (std::uint32_t i = 0; i < kPartitions; ++i) {
      if (store_.anyChangedSince({(static_cast<std::uint32_t>(pattern.db) << kPartitionBits) | i}, snapshot_, matches)) {
        return false;
      }
    }
  }
  return true;
}

bool View::validate(UnixMs now) const {
  if (reads_ == nullptr) {
    return true;
  }
  if (reads_->first_deadline.passed(now)) {
    return false;  // a key that was seen is gone by now
  }
  return keysUnchanged() && patternsUnchanged();
}

// Whether the store had better not work these effects out under a lock.
bool View::isHeavy(const Touched& touched) {
  const auto first = static_cast<EffectKind>(effects_.bytes()[touched.begin]);
  if (first == EffectKind::kSet || first == EffectKind::kSetWithDeadline) {
    return false;  // PreparedStrings have it
  }
  if (touched.end - touched.begin >= kHeavyEffects) {
    return true;
  }
  if (first == EffectKind::kSetRange) {
    EffectReader reader = EffectReader::ofStaged(effects_.bytes().substr(touched.begin, touched.end - touched.begin));
    EffectHead head;
    const Status status = readHead(reader.getKind(), reader, store_.databases(), head);
    TREFOIL_ASSERT(status.ok());
    if (reader.getVarint() >= kHeavyString) {
      return true;
    }
  }
  const Entry* entry = first == EffectKind::kRemove ? nullptr : base(touched.db, touched.hash, keyOf(touched), true);
  return entry != nullptr && (entry->isLarge() || entry->valueSize() >= kHeavyString);
}

void View::prepare(PreparedEffects& prepared) {
  for (std::size_t i = 0; i < touched_count_; ++i) {
    Touched& touched = touchedAt(i);
    const Key key{keyOf(touched), touched.hash, touched.db};
    if (mode_ == Mode::kSnapshot && !touched.is_copied && isHeavy(touched)) {
      copyOf(touched);
    }
    if (!touched.is_copied) {
      prepared.add(key, effects_.bytes(), touched.begin, touched.end);
      continue;
    }
    if (mode_ == Mode::kSnapshot && touched.copy != nullptr) {
      touched.copy->seal(snapshot_);
    }
    prepared.add(key, touched.copy);
  }
  if (overlay_ != nullptr) {
    for (std::size_t db = 0; db < overlay_->flushed.size(); ++db) {
      if (overlay_->flushed[db]) {
        prepared.addFlush(static_cast<int>(db));
      }
    }
  }
  prepared.group();
}

void View::restage(std::size_t begin, std::size_t end) {
  EffectReader reader = EffectReader::ofStaged(effects_.bytes().substr(begin, end - begin));
  const std::uint8_t kind = reader.getKind();
  EffectHead head;
  const Status status = readHead(kind, reader, store_.databases(), head);
  TREFOIL_ASSERT(status.ok());
  if (head.kind == EffectKind::kFlush) {
    noteFlush(head.db);
    return;
  }
  const auto key_at = static_cast<std::size_t>(head.key.data() - effects_.bytes().data());
  noteEffect(head.db, store_.hash(head.key), key_at, head.key.size(), begin, end);
}

// Every key of the database is absent now, the touched ones too.
void View::noteFlush(int db) {
  Overlay& all = overlay();
  all.flushed.resize(static_cast<std::size_t>(store_.databases()));
  all.flushed[static_cast<std::size_t>(db)] = true;
  for (std::size_t i = 0; i < touched_count_; ++i) {
    Touched& touched = touchedAt(i);
    if (touched.db == db) {
      delete std::exchange(touched.copy, nullptr);
      touched.is_copied = true;
    }
  }
}

}  // namespace trefoil::kv
