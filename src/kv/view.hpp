// View: what a command handler sees of the keyspace. It reads the store and stages effects; it never changes the store.
//
// One code for three situations, told apart only by where an untouched key is read:
//
//   live      one autocommit statement; the partitions of its keys are locked by the caller, from before the first read until
//             after apply. Walks over all keys (SCAN, KEYS) take their own short locks.
//   locked    EXEC: several commands, one ChangeSet; all locks of all its commands are held throughout. Also for one statement
//             that holds all locks of a database (FLUSHDB): walks take no locks
//   snapshot  inside BEGIN: reads an open snapshot without locks, and records what was read for validation at COMMIT
//
// A key's first effect is only staged. When the same view comes back to a key that it has written, it makes a private copy (small
// values by memcpy, trees in O(1) by their root), brings it up to date with the staged effects, and from there on changes it with
// every further effect by the same code that Store::apply uses (change.hpp). So a handler always sees its own writes, and the
// common statement, which touches a key once, copies nothing and allocates nothing. At COMMIT the copies take the place of what
// they were made of (private_value.hpp), and large values that were touched once are copied for that before any lock (prepare()).
//
// An expired key is absent; the first write of such a key stages its removal before anything else.
//
// Handlers check everything before their first write. Thread safety: none; a statement or a transaction owns its view.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/effect_buffer.hpp"
#include "base/statement_control.hpp"
#include "base/status.hpp"
#include "base/types.hpp"
#include "kv/effects.hpp"
#include "kv/entry.hpp"
#include "kv/store.hpp"

namespace trefoil::kv {

class PreparedEffects;
class PrivateValue;
class StringHandle;
class ListHandle;
class HashHandle;
class SetHandle;
class SortedSetHandle;

struct FieldValue {
  std::string_view field;
  std::string_view value;
};

struct ScoredMember {
  double score;
  std::string_view member;
};

class View {
 public:
  // `effects` outlives the view; other floors may append to it between our effects.
  static View live(Store& store, EffectBuffer& effects, UnixMs now) { return {store, effects, now, Mode::kLive, kNoSnapshot}; }
  static View locked(Store& store, EffectBuffer& effects, UnixMs now) {
    return {store, effects, now, Mode::kLocked, kNoSnapshot};
  }
  static View snapshot(Store& store, EffectBuffer& effects, UnixMs now, Lsn snapshot) {
    return {store, effects, now, Mode::kSnapshot, snapshot};
  }
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View() {
    if (overlay_ != nullptr) [[unlikely]] {
      forget();
    }
  }

  [[nodiscard]] UnixMs now() const { return now_; }
  [[nodiscard]] Key key(int db, std::string_view bytes) const { return store_.key(db, bytes); }
  [[nodiscard]] Store& store() const { return store_; }

  // --- Reads. Handles and entries are valid until the next write of the same key and as long as the view's locks or snapshot.

  // nullptr if absent or expired.
  const Entry* find(const Key& key);
  // The same, and it does not count as a use of the key, for what is to be evicted.
  const Entry* peek(const Key& key) {
    const bool before = std::exchange(notes_uses_, false);
    const Entry* const entry = find(key);
    notes_uses_ = before;
    return entry;
  }
  // From now on nothing does: CLIENT NO-TOUCH.
  void noteUses(bool note) { notes_uses_ = note; }
  // From now on each find() is counted there, by whether the key was there; null: nowhere. Written by the view's thread alone.
  struct Lookups {
    std::array<std::atomic<std::uint64_t>, 2> counts{};  // missed, found
  };
  void countLookups(Lookups* lookups) { lookups_ = lookups; }
  // What is known of how a key is used (access.hpp).
  [[nodiscard]] std::uint32_t accessOf(const Key& key) const { return store_.accessOf(key, mode_ != Mode::kSnapshot); }
  bool exists(const Key& key) { return find(key) != nullptr; }
  // An empty handle if absent; kWrongType with Redis's text if the key holds another type.
  Result<StringHandle> string(const Key& key);
  Result<ListHandle> list(const Key& key);
  Result<HashHandle> hash(const Key& key);
  Result<SetHandle> set(const Key& key);
  Result<SortedSetHandle> sortedSet(const Key& key);

  // Keys of the database as this view sees it. An error: it is not to go on, as below.
  Result<std::size_t> databaseSize(int db);
  // One step of SCAN: visits entries (absent and expired ones left out) and returns the next cursor, 0 at the end. Makes no read
  // set: SCAN and RANDOMKEY promise what Redis promises.
  std::uint64_t scan(int db, std::uint64_t cursor, std::size_t budget, const Store::EntryVisitor& visitor);
  // All keys that match; the pattern becomes part of the read set. One without wildcards is looked up. An error: as above.
  Status forEachKey(int db, std::string_view pattern, const Store::EntryVisitor& visitor);
  // A key, each with the same chance. `random` supplies 64 random bits.
  std::optional<std::string> randomKey(int db, const std::function<std::uint64_t()>& random);

  // --- Writes. The key must be absent or of the right type, which the handler has checked. Each stages what really changes and
  // returns it; nothing is staged if nothing changes. But append(), setDeadline() and listTrim() of a key that is there always
  // are a change, as in Redis: whoever watches the key is told.

  // Strings. A large value that is lent to the effects (EffectBuffer::borrowFrom) is not copied.
  void setString(const Key& key, std::string_view value, Deadline deadline = kNever);
  std::size_t append(const Key& key, std::string_view bytes);                        // the new length
  std::size_t setRange(const Key& key, std::size_t offset, std::string_view bytes);  // the new length
  // Any type
  bool remove(const Key& key);                          // whether it was there
  bool setDeadline(const Key& key, Deadline deadline);  // whether the key is there; kNever removes the deadline
  // With deadline, over whatever `to` holds, of which nothing is told; `from` exists, is not `to`.
  void copyValue(const Key& from, const Key& to, Cause cause);
  // The same, and `from` is gone: which is told first, as Redis does.
  void moveValue(const Key& from, const Key& to, Cause gone, Cause come);
  bool removeIfExpired(const Key& key);  // the sweeper's: whether a removal was staged
  void flush(int db);
  // Lists. Positions are within bounds.
  std::size_t listPush(const Key& key, ListSide side, std::span<const std::string_view> values);  // the new length
  void listPop(const Key& key, ListSide side, std::size_t count);                                 // count <= length
  void listSet(const Key& key, std::size_t index, std::string_view value);
  void listInsert(const Key& key, std::size_t index, std::string_view value);
  void listErase(const Key& key, std::size_t index, std::size_t count);
  void listTrim(const Key& key, std::size_t start, std::size_t count);
  // Hashes
  std::size_t hashSet(const Key& key, std::span<const FieldValue> pairs);            // fields that are new
  std::size_t hashRemove(const Key& key, std::span<const std::string_view> fields);  // fields that were there
  // Sets
  std::size_t setAdd(const Key& key, std::span<const std::string_view> members);     // members that are new
  std::size_t setRemove(const Key& key, std::span<const std::string_view> members);  // members that were there
  // Sorted sets. Scores are not NaN.
  std::size_t sortedSetPut(const Key& key, std::span<const ScoredMember> members);  // members that are new
  std::size_t sortedSetRemove(const Key& key, std::span<const std::string_view> members);

  // As long as it lives, what is written comes of `cause`, where a handler means something else than the write itself says: an
  // INCR sets a string.
  class Because {
   public:
    Because(View& view, Cause cause) : view_(view) { view.because_ = cause; }
    Because(const Because&) = delete;
    Because& operator=(const Because&) = delete;
    ~Because() { view_.because_.reset(); }

   private:
    View& view_;
  };

  // --- For a thread that others wait for, and for one that may go on for long.

  // From now on steps are counted (an element, or kStepBytes of a string), and what would go beyond `steps` gives way: what the
  // handler is answered then is an error that nobody sees, gaveWay() is true, and the command is to be run again elsewhere.
  void limitWork(std::size_t steps) {
    control_ = nullptr;
    steps_left_ = steps;
    gave_way_ = false;
  }
  // Instead: the control is asked now and then, and if somebody wants the statement to end, the error is its answer.
  void heed(StatementControl& control) {
    limitWork(kStepsBetweenLooks);
    control_ = &control;
  }
  // Whether opening a collection counts as walking through all of it. Otherwise handlers say what they do with it.
  void countWholeCollections(bool count) { counts_whole_ = count; }
  Status spend(std::size_t steps) {
    if (steps > steps_left_) [[unlikely]] {
      return spendMore();
    }
    steps_left_ -= steps;
    return {};
  }
  // In a loop over what was spent before, or is a step for sure only where nobody waits.
  Status goOn() { return control_ == nullptr ? Status() : spend(1); }
  // For all of a value.
  Status spendOn(const Entry* entry);
  // For a change of a string, or of its deadline, that may have to copy its block: because `size` bytes of value do not fit,
  // because it `moves`, or because a snapshot sees it.
  Status spendOnBlock(const Key& key, const Entry* entry, std::size_t size, bool moves = false);
  [[nodiscard]] bool gaveWay() const { return gave_way_; }
  static constexpr std::size_t kStepBytes = 256;
  static constexpr std::size_t kStepsBetweenLooks = 10'000;  // a millisecond or so

  // --- For txn.

  // Partitions of the keys written, and of those read (for a snapshot view; all of a database after forEachKey). Ascending,
  // without repeats, and what is written is not listed as read.
  struct Footprint {
    std::vector<PartitionId> written;
    std::vector<PartitionId> read;
  };
  [[nodiscard]] Footprint footprint() const;
  [[nodiscard]] bool hasWrites() const;
  // Snapshot view: whether everything that was read is the same in the live store. With the footprint's locks held; `now` is the
  // commit's clock: a deadline that passed since the snapshot is a change.
  [[nodiscard]] bool validate(UnixMs now) const;
  // Before the locks of a commit: how the effects will be applied. A snapshot view works out there what takes long, such as
  // changes of large values, which may add to what was read. The view outlives `prepared`.
  void prepare(PreparedEffects& prepared);

  // After the effect buffer was truncated (a failed statement, ROLLBACK TO): forget(), then restage() each kv effect that is
  // left, in order; it lies in the buffer at [begin, end), kind byte included. What was read stays read.
  void forget();
  void restage(std::size_t begin, std::size_t end);

 private:
  enum class Mode : std::uint8_t { kLive, kLocked, kSnapshot };
  // A key that was written.
  struct Touched {
    std::uint64_t hash;
    std::size_t key_at;  // its bytes in the effect buffer
    std::size_t key_size;
    std::size_t begin;  // its staged effects that the copy does not have yet: side by side in the buffer, up to `end`
    std::size_t end;
    PrivateValue* copy;  // if is_copied: what the effects have made of the key; nullptr: it is absent
    int db;
    bool is_copied;
  };
  struct Overlay;  // what views need that copy keys or write many
  struct ReadSet;  // what a snapshot view has read
  class Staging;   // one effect being written
  static constexpr std::size_t kInlineTouched = 4;

  View(Store& store, EffectBuffer& effects, UnixMs now, Mode mode, Lsn snapshot)
      : store_(store), effects_(effects), now_(now), snapshot_(snapshot), mode_(mode) {
    TREFOIL_DEBUG_ASSERT((mode == Mode::kSnapshot) == (snapshot != kNoSnapshot));
    store.accesses().setNow(now);
  }

  Overlay& overlay();
  Touched* touchedKey(int db, std::uint64_t hash, std::string_view key);
  Touched& touchedAt(std::size_t index);
  // The effect at [begin, end) of the buffer is the next one of this key. Most views write one key once.
  void noteEffect(int db, std::uint64_t hash, std::size_t key_at, std::size_t key_size, std::size_t begin, std::size_t end) {
    const Touched fresh{hash, key_at, key_size, begin, end, nullptr, db, false};
    if (touched_count_ == 0) [[likely]] {
      inline_touched_[touched_count_++] = fresh;
    } else {
      noteNextEffect(fresh);
    }
  }
  void noteNextEffect(const Touched& fresh);
  std::string_view keyOf(const Touched& touched) const { return effects_.bytes().substr(touched.key_at, touched.key_size); }
  const Entry* copyOf(Touched& touched);
  [[nodiscard]] bool isHeavy(const Touched& touched);
  [[nodiscard]] bool keysUnchanged() const;
  [[nodiscard]] bool patternsUnchanged() const;
  void applyStaged(Touched& touched, std::size_t begin, std::size_t end);
  const Entry* base(int db, std::uint64_t hash, std::string_view key, bool is_read);
  const Entry* unexpired(const Entry* entry) const {
    return entry != nullptr && !entry->deadline().passed(now_) ? entry : nullptr;
  }
  // The entry, expired or not.
  const Entry* lookUp(const Key& key);
  // The entry for a write; if it is expired, stages its removal and answers nullptr.
  const Entry* current(const Key& key);
  Status require(ObjectType type, const Entry* entry) const;
  Status openCollection(ObjectType type, const Entry* entry);
  Status spendMore();
  [[nodiscard]] Cause causeOr(Cause natural) const { return because_.value_or(natural); }
  void stageRemoval(const Key& key, Cause cause);
  void noteFlush(int db);
  void stageMembers(const Key& key, EffectKind kind, Cause natural, std::span<const std::string_view> members);
  std::size_t removeMembers(const Key& key, EffectKind kind, Cause natural, std::span<const std::string_view> members);
  void stageListRange(const Key& key, EffectKind kind, Cause natural, std::size_t first, std::size_t second);
  void visitOverlaid(int db, const Entry& entry, const Store::EntryVisitor& visitor);
  void visitCreated(int db, const Store::EntryVisitor& visitor);

  Store& store_;
  EffectBuffer& effects_;
  UnixMs now_;
  Lsn snapshot_;
  Mode mode_;
  std::optional<Cause> because_;
  bool counts_whole_ = false;
  bool gave_way_ = false;
  bool notes_uses_ = true;
  Lookups* lookups_ = nullptr;
  std::size_t steps_left_ = SIZE_MAX;
  StatementControl* control_ = nullptr;
  std::size_t touched_count_ = 0;
  std::array<Touched, kInlineTouched> inline_touched_;  // the first ones; the others are in the overlay
  // So that who only makes a view and lets it go again need not know these types.
  struct Dropper {
    void operator()(Overlay* overlay) const;
    void operator()(ReadSet* reads) const;
  };
  std::unique_ptr<Overlay, Dropper> overlay_;
  std::unique_ptr<ReadSet, Dropper> reads_;
};

}  // namespace trefoil::kv
