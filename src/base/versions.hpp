// Versions: which snapshots are open, and what waits in limbo until they are closed. One per database.
//
// Everything that a snapshot can reach (tree node, column chunk, key bytes) is a Stamped object: it carries the LSN at which it
// was born. A change at lsn is visible to snapshot r exactly if lsn < r. Hence the two rules of the whole house:
//
//   in place   an object may be changed in place if born >= newestSnapshot(): no open snapshot can see it.
//   limbo      an object that was born at b and replaced at d is seen by the snapshots r with b < r <= d. It is freed at once
//              if none of them is open, else it hangs on the newest of them; when that one closes it moves on to the next
//              older one that sees it, or is freed.
//
//        b            r1        r2        d          r3
//   -----+------------+---------+---------+----------+---->  lsn        hangs on r2, then on r1, never on r3
//
// The order of freeing. What is born at 0 stands for a whole (a dropped table and all that it leads to): it outlives its parts,
// and is large. A snapshot that sees a part sees its whole, so the whole is dead at the same release or later. A release frees
// the dead parts before it leaves the mutex; wholes go to the reaper, behind all that it was handed before. So does a limbo of
// many objects, unsorted, so that nobody waits for a walk through it: there a few at a time are freed or put where they hang now,
// which no snapshot opened since can see. A whole among them goes to the reaper's end: the snapshots that saw it are closed, so
// all that they held of its parts lies before it.
//
// Who writes does so inside the database's gate, and a snapshot is registered with the gate held exclusively: so newestSnapshot()
// can only fall during a write, which is harmless (one copy too many).
//
// A transaction changes private copies: the same code with another WriteContext. Its new objects carry a stamp with the top bit
// set, so that they count as writable for itself and for nobody else, and are listed in PrivateNodes together with the shared
// objects that they replace. The end is drop() (free the new ones) or adopt() (give the new ones the record's lsn) and then, when
// the locks are gone, drop() (retire the replaced ones).
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <unordered_set>
#include <vector>

#include "base/assert.hpp"
#include "base/types.hpp"

namespace trefoil {

// First base (or first member) of everything that carries a birth stamp.
struct Stamped {
  Lsn born;
};

// Frees an object and nothing that it points to.
using FreeFunction = void (*)(Stamped*);

inline constexpr Lsn kPrivateStamp = Lsn{1} << 63;  // | number of the transaction
inline constexpr Lsn kDeadStamp = ~Lsn{0};          // a private object that its own transaction has replaced again

class Versions {
 public:
  Versions() = default;
  Versions(const Versions&) = delete;
  Versions& operator=(const Versions&) = delete;
  // All snapshots must be closed.
  ~Versions();

  // The largest open snapshot, kNoSnapshot if none. Read inside the gate.
  [[nodiscard]] Lsn newestSnapshot() const { return newest_.load(std::memory_order_acquire); }
  // The smallest open snapshot, kNoSnapshot if none.
  [[nodiscard]] Lsn oldestSnapshot() const { return oldest_.load(std::memory_order_acquire); }

  // With the gate held exclusively. `snapshot` is the log's end: > 0, not below any earlier one. The same number may be
  // registered several times; each needs its release.
  void registerSnapshot(Lsn snapshot);
  // At any time, by any thread. What nobody sees any more is freed before it returns, or if it is much, soon.
  void releaseSnapshot(Lsn snapshot);

  // `object` was replaced or removed by the change at `died`; frees it now or later.
  void retire(Stamped* object, FreeFunction free, Lsn died);

  // Objects in limbo. For tests and INFO.
  [[nodiscard]] std::size_t limboSize() const;

 private:
  struct Retired {
    Stamped* object;
    FreeFunction free;
  };
  using Limbo = std::vector<Retired>;
  struct Snapshot {
    std::uint32_t holders = 0;
    Limbo limbo;
  };

  Limbo sort(std::span<const Retired> limbo, Lsn closed);
  void sortBehindTheScenes(const Limbo& limbo, Lsn closed);
  static void freeAll(const Limbo& dead);

  std::atomic<Lsn> newest_{kNoSnapshot};
  std::atomic<Lsn> oldest_{kNoSnapshot};
  mutable std::mutex mutex_;
  std::map<Lsn, Snapshot> snapshots_;
};

// What a transaction's private copies are made of. Thread safety: none; the transaction owns it.
class PrivateNodes {
 public:
  PrivateNodes() = default;
  PrivateNodes(const PrivateNodes&) = delete;
  PrivateNodes& operator=(const PrivateNodes&) = delete;
  ~PrivateNodes() { drop(); }

  // ROLLBACK: frees all private objects; the shared ones were never touched. After adopt(): retires what was replaced. That takes
  // time for each object, so it is best done without a lock. Structures that own what objects point to must still be there.
  void drop();
  // Before adopt(), without a lock: gives all objects made so far their birth stamp, so that adopt() need not touch each of them.
  // `stamp` is a snapshot that the transaction holds open: an earlier birth than the true one costs a copy, or a moment in limbo.
  // What is changed after this is copied again.
  void seal(Lsn stamp);
  // COMMIT by putting the private roots in place: the record's lsn becomes the birth stamp of what is not sealed. Under the
  // exclusive locks of the stores concerned, inside the gate.
  void adopt(Versions& versions, Lsn lsn);

  // The private copy has moved to a later version of the shared structure: of what it had replaced, some is to be forgotten.
  // `gone` is not in the later version (so others have retired it), `kept` is in both, and the private copy has it again; of that
  // only what was replaced before `kept_below` (replacedCount() of that time). In force when it is settled: settle() or drop().
  // Addresses of `gone` must not be used again until then.
  struct Forgotten {
    std::unordered_set<const Stamped*> gone;
    std::unordered_set<const Stamped*> kept;
    std::size_t kept_below = 0;
  };
  void forget(Forgotten forgotten) {
    TREFOIL_ASSERT(forgotten_.gone.empty() && forgotten_.kept.empty());
    forgotten_ = std::move(forgotten);
  }
  void settle();

  [[nodiscard]] bool empty() const { return created_.empty() && sealed_.empty() && replaced_.empty(); }
  [[nodiscard]] std::size_t createdCount() const { return created_.size(); }
  [[nodiscard]] std::size_t replacedCount() const { return replaced_.size(); }

 private:
  friend struct WriteContext;
  struct Entry {
    Stamped* object;
    FreeFunction free;
  };
  std::vector<Entry> created_;
  std::vector<Entry> sealed_;
  std::vector<Entry> replaced_;
  Forgotten forgotten_;
  Versions* adopted_by_ = nullptr;
  Lsn adopted_at_ = 0;
};

// How a structure may change its objects. Passed to every writing function; it says nothing about who holds which lock.
struct WriteContext {
  Lsn stamp = 0;                          // birth stamp of new objects
  Lsn writable_from = 0;                  // objects born at or after this are changed in place
  Versions* versions = nullptr;           // live: takes what is replaced
  PrivateNodes* private_nodes = nullptr;  // private: lists what is new and what is replaced

  // Changes the live store. Inside the gate.
  static WriteContext live(Versions& versions, Lsn lsn) { return {lsn, versions.newestSnapshot(), &versions, nullptr}; }
  // Changes a private copy of transaction number `transaction`.
  static WriteContext privateCopy(PrivateNodes& nodes, std::uint64_t transaction) {
    return {kPrivateStamp | transaction, kPrivateStamp | transaction, nullptr, &nodes};
  }

  [[nodiscard]] bool isPrivate() const { return private_nodes != nullptr; }
  [[nodiscard]] bool isWritable(const Stamped& object) const { return object.born >= writable_from; }

  // Stamps a new object.
  void created(Stamped& object, FreeFunction free) const {
    object.born = stamp;
    if (private_nodes != nullptr) {
      private_nodes->created_.push_back({&object, free});
    }
  }
  // `object` is no longer part of the structure that is being written.
  void retire(Stamped& object, FreeFunction free) const {
    if (private_nodes == nullptr) {
      if (isWritable(object)) {
        free(&object);
      } else {
        versions->retire(&object, free, stamp);
      }
    } else if (object.born == stamp) {
      object.born = kDeadStamp;  // stays listed, freed with the transaction
    } else {
      private_nodes->replaced_.push_back({&object, free});
    }
  }
};

}  // namespace trefoil
