// VectorArena: where the vectors of one column live.
//
// A vector never changes: an update writes a new slot and retires the old one. A table's column chunk holds 4-byte slot numbers,
// which stay valid until the slot is released.
//
//   slot number    segment = position of its highest bit (after adding kFirstSegment), index = the bits below
//   segment s      kFirstSegment << s slots, allocated once, never moved, in three arrays:
//
//     floats       | slot 0: dimension floats, zeros up to stride | slot 1 … |      stride: a multiple of 16 floats (64 bytes)
//     norms        | |v|^2 of slot 0 | of slot 1 | …                                float32, by the kernel that sums dots
//     headers      | born, segment | …                                              the birth stamp of base/versions.hpp
//
// The floats are exactly those that were inserted, so SELECT returns them to the last bit; cosine stays as cheap as a dot product
// because the squared norm of every slot lies in its own dense array, and the zeros behind a vector let the kernels run without a
// tail. A segment's pages are touched only as slots are used, so doubling costs address space and no memory.
//
// A slot lives and dies like a tree node: insert stamps it, retire leaves it to the limbo until no open snapshot can see it (or
// to the transaction that staged it), and then it is used again. So the arena must outlive the snapshots and transactions that
// use it.
//
// Slots are kept in groups whose floats take a megabyte or two; free ones are chained through their headers, so that releasing
// one allocates nothing. When all of a group are free, the memory of its floats goes back to the system, and whoever still
// reads there reads zeros; groups that have lost only some are filled up before such a one is taken again.
//
// Invariants (checked by verify()):
//  1. A slot below the high-water mark is in its group's chain at most once; all others are live or wait in limbo.
//  2. A group is in full_ without a free slot, in away_ if its floats were given back, and in open_ otherwise.
//  3. A live slot's padding is zero and its stored squared norm is that of its floats.
//
// Thread safety: insert and retire may be called concurrently; at() and the segment views by any number of readers, for
// slots that they learnt of through the table's own publication (root swap, lock or snapshot).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <span>
#include <vector>

#include "base/versions.hpp"

namespace trefoil::vector {

// A vector's place in its arena.
enum class Slot : std::uint32_t {};
inline constexpr Slot kNoSlot{UINT32_MAX};  // a NULL in a vector column

class VectorArena {
 public:
  static constexpr std::size_t kSlotAlignment = 64;

  // `dimension` is that of the column: 1 … kMaxDimension.
  explicit VectorArena(std::size_t dimension);
  VectorArena(const VectorArena&) = delete;
  VectorArena& operator=(const VectorArena&) = delete;
  ~VectorArena();

  [[nodiscard]] std::size_t dimension() const { return dimension_; }
  // Floats from one slot to the next within a run: the dimension rounded up to whole 64-byte lines.
  [[nodiscard]] std::size_t stride() const { return stride_; }

  // Stores a copy. The caller has checked dimension and elements (distance.hpp). Uses released slots first, else the one after
  // the last, so that rows inserted together are scanned together.
  Slot insert(std::span<const float> values, const WriteContext& context);
  // The row that held the slot was deleted or got another vector. The slot is used again once nobody can see it.
  void retire(Slot slot, const WriteContext& context);

  // What retire() gives to the limbo in the slot's place.
  [[nodiscard]] const Stamped* stampOf(Slot slot) const { return &headerOf(slot); }

  [[nodiscard]] std::span<const float> at(Slot slot) const { return {floatsOf(slot), dimension_}; }
  [[nodiscard]] float squaredNorm(Slot slot) const {
    const Place place = placeOf(slot);
    return segments_[place.segment].load(std::memory_order_acquire)->norms[place.index];
  }

  // Slots that lie one behind the other in memory: the unit that one-against-many kernels take.
  struct Run {
    const float* floats;         // 64-byte aligned, stride() apart
    const float* squared_norms;  // dense
    std::size_t size;            // slots from the asked one to the end of its segment
  };
  [[nodiscard]] Run runFrom(Slot slot) const;

  // Bytes of memory behind all slots ever used, less what was given back.
  [[nodiscard]] std::size_t memoryBytes() const;
  [[nodiscard]] std::size_t liveSlots() const;  // inserted and not released; those in limbo count

  // Checks the invariants; for tests. Asserts on failure.
  void verify() const;

 private:
  static constexpr std::uint32_t kFirstSegment = 64;  // slots; a power of two
  static constexpr std::size_t kSegments = 26;        // 64 * (2^26 - 1) slots: more than 4 thousand million

  struct Segment;
  struct Header : Stamped {
    union {
      Segment* segment;  // from a header to its slot: what limbo hands back is the header
      Slot next_free;    // of a free slot: the next one of its group, or kNoSlot
    };
  };
  struct Segment {
    VectorArena* arena;
    std::uint32_t first_slot;
    float* floats;
    float* norms;
    Header* headers;
  };
  struct Group {
    std::uint32_t used = 0;  // slots below the high-water mark
    std::uint32_t free = 0;
    Slot first_free = kNoSlot;
  };
  using Groups = std::list<Group>;  // lists, to be moved from one to another without allocating
  struct Place {
    std::uint32_t segment;
    std::uint32_t index;
  };
  static Place placeOf(Slot slot) {
    const std::uint64_t shifted = static_cast<std::uint64_t>(slot) + kFirstSegment;
    const auto top = static_cast<std::uint32_t>(63 - __builtin_clzll(shifted));
    return {top - 6, static_cast<std::uint32_t>(shifted - (std::uint64_t{1} << top))};
  }
  [[nodiscard]] const float* floatsOf(Slot slot) const {
    const Place place = placeOf(slot);
    return segments_[place.segment].load(std::memory_order_acquire)->floats + place.index * stride_;
  }
  [[nodiscard]] Header& headerOf(Slot slot) const {
    const Place place = placeOf(slot);
    return segments_[place.segment].load(std::memory_order_acquire)->headers[place.index];
  }
  static void freeSlot(Stamped* header);
  // Group 0 has all segments that are smaller than a group; its floats are never given back.
  [[nodiscard]] std::size_t groupOf(Slot slot) const { return (static_cast<std::size_t>(slot) + kFirstSegment) / group_slots_; }
  Slot takeSlot();
  Slot takeFree();
  Slot takeFresh();
  void putFree(Slot slot, Header& header);
  void giveBack(std::size_t group);
  void addSegment(std::size_t segment, Slot first);

  [[nodiscard]] std::size_t floatBytes() const { return stride_ * sizeof(float); }
  // Of floats, norm and header.
  [[nodiscard]] std::size_t slotBytes() const { return floatBytes() + sizeof(float) + sizeof(Header); }

  const std::size_t dimension_;
  const std::size_t stride_;
  const std::size_t group_slots_;  // a power of two
  std::array<std::atomic<Segment*>, kSegments> segments_{};
  mutable std::mutex mutex_;      // guards the rest
  std::uint32_t high_water_ = 0;  // slots below have been used
  std::size_t free_ = 0;
  std::size_t away_slots_ = 0;  // used slots of the groups in away_
  Groups full_;
  Groups open_;
  Groups away_;
  std::vector<Groups::iterator> groups_;  // by number
};

}  // namespace trefoil::vector
