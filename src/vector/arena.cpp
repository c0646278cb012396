#include "vector/arena.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include <sys/mman.h>

#include "base/assert.hpp"
#include "base/memory_account.hpp"
#include "base/memory_reserve.hpp"
#include "vector/distance.hpp"
#include "vector/kernels.hpp"

namespace trefoil::vector {

namespace {

constexpr std::size_t kFloatsPerLine = VectorArena::kSlotAlignment / sizeof(float);
constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kGroupBytes = kHugePage;

std::size_t roundUp(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

// Aligned memory, not zeroed. Large pieces ask for huge pages: a scan of a large arena is bound by memory, and by its page walks.
template <typename T>
T* allocate(std::size_t count) {
  const std::size_t bytes = roundUp(count * sizeof(T), VectorArena::kSlotAlignment);
  const bool large = bytes >= 4 * kHugePage;
  const std::size_t alignment = large ? kHugePage : bytes >= kPage ? kPage : VectorArena::kSlotAlignment;
  void* memory = memory_reserve::allocateAligned(alignment, roundUp(bytes, alignment));
  if (large) {
    (void)madvise(memory, bytes, MADV_HUGEPAGE);  // a wish only
  }
  return static_cast<T*>(memory);
}

}  // namespace

VectorArena::VectorArena(std::size_t dimension)
    : dimension_(dimension),
      stride_(roundUp(dimension, kFloatsPerLine)),
      group_slots_(std::max<std::size_t>(kFirstSegment, std::bit_floor(kGroupBytes / floatBytes()))) {
  TREFOIL_ASSERT(dimension >= 1 && dimension <= kMaxDimension);
}

VectorArena::~VectorArena() {
  MemoryAccount::add(MemoryLeaf::kVectors, -static_cast<std::int64_t>(high_water_ * slotBytes() - away_slots_ * floatBytes()));
  for (std::atomic<Segment*>& entry : segments_) {
    if (Segment* segment = entry.load(std::memory_order_relaxed)) {
      std::free(segment->floats);
      std::free(segment->norms);
      std::free(segment->headers);
      delete segment;
    }
  }
}

Slot VectorArena::insert(std::span<const float> values, const WriteContext& context) {
  TREFOIL_ASSERT(values.size() == dimension_);
  const Slot slot = takeSlot();
  // The copy is made outside the mutex: nobody else knows the slot yet.
  const Place place = placeOf(slot);
  Segment* const segment = segments_[place.segment].load(std::memory_order_acquire);
  float* const floats = segment->floats + place.index * stride_;
  std::memcpy(floats, values.data(), dimension_ * sizeof(float));
  std::fill(floats + dimension_, floats + stride_, 0.0F);
  segment->norms[place.index] = kernels().dot(floats, floats, stride_);
  Header& header = segment->headers[place.index];
  header.segment = segment;
  context.created(header, freeSlot);
  return slot;
}

void VectorArena::retire(Slot slot, const WriteContext& context) {
  context.retire(headerOf(slot), freeSlot);
}

void VectorArena::freeSlot(Stamped* stamped) {
  auto* const header = static_cast<Header*>(stamped);
  const Segment& segment = *header->segment;
  VectorArena& arena = *segment.arena;
  const std::scoped_lock lock(arena.mutex_);
  arena.putFree(Slot{segment.first_slot + static_cast<std::uint32_t>(header - segment.headers)}, *header);
}

void VectorArena::putFree(Slot slot, Header& header) {
  const std::size_t number = groupOf(slot);
  const auto group = groups_[number];
  header.next_free = std::exchange(group->first_free, slot);
  ++free_;
  if (++group->free == 1) {
    open_.splice(open_.begin(), full_, group);
  }
  if (group->free == group->used && number != 0) {
    giveBack(number);
  }
}

void VectorArena::giveBack(std::size_t number) {
  const Slot first{static_cast<std::uint32_t>(number * group_slots_ - kFirstSegment)};
  (void)madvise(const_cast<float*>(floatsOf(first)), group_slots_ * floatBytes(), MADV_DONTNEED);
  const auto group = groups_[number];
  away_.splice(away_.begin(), open_, group);
  away_slots_ += group->used;
  MemoryAccount::add(MemoryLeaf::kVectors, -static_cast<std::int64_t>(group->used * floatBytes()));
}

Slot VectorArena::takeSlot() {
  const std::scoped_lock lock(mutex_);
  if (open_.empty() && !away_.empty()) {
    const std::uint32_t slots = away_.front().used;
    away_slots_ -= slots;
    MemoryAccount::add(MemoryLeaf::kVectors, static_cast<std::int64_t>(slots * floatBytes()));
    open_.splice(open_.begin(), away_, away_.begin());
  }
  return open_.empty() ? takeFresh() : takeFree();
}

Slot VectorArena::takeFree() {
  Group& group = open_.front();
  const Slot slot = group.first_free;
  group.first_free = headerOf(slot).next_free;
  --free_;
  if (--group.free == 0) {
    full_.splice(full_.begin(), open_, open_.begin());
  }
  return slot;
}

Slot VectorArena::takeFresh() {
  TREFOIL_ASSERT(high_water_ < static_cast<std::uint32_t>(kNoSlot));
  const Slot slot{high_water_};
  const Place place = placeOf(slot);
  if (place.index == 0 && segments_[place.segment].load(std::memory_order_relaxed) == nullptr) {
    addSegment(place.segment, slot);
  }
  while (groupOf(slot) >= groups_.size()) {
    Groups fresh(1);
    groups_.push_back(fresh.begin());
    full_.splice(full_.begin(), fresh);
  }
  ++groups_[groupOf(slot)]->used;
  ++high_water_;
  MemoryAccount::add(MemoryLeaf::kVectors, static_cast<std::int64_t>(slotBytes()));
  return slot;
}

void VectorArena::addSegment(std::size_t segment, Slot first) {
  const std::size_t slots = std::size_t{kFirstSegment} << segment;
  auto* const fresh = new Segment{this, static_cast<std::uint32_t>(first), allocate<float>(slots * stride_),
                                  allocate<float>(slots), allocate<Header>(slots)};
  segments_[segment].store(fresh, std::memory_order_release);
}

VectorArena::Run VectorArena::runFrom(Slot slot) const {
  const Place place = placeOf(slot);
  const Segment* const segment = segments_[place.segment].load(std::memory_order_acquire);
  return {segment->floats + place.index * stride_, segment->norms + place.index,
          (std::size_t{kFirstSegment} << place.segment) - place.index};
}

std::size_t VectorArena::memoryBytes() const {
  const std::scoped_lock lock(mutex_);
  return high_water_ * slotBytes() - away_slots_ * floatBytes() + groups_.size() * sizeof(Group);
}

std::size_t VectorArena::liveSlots() const {
  const std::scoped_lock lock(mutex_);
  return high_water_ - free_;
}

void VectorArena::verify() const {
  const std::scoped_lock lock(mutex_);
  std::vector<bool> is_free(high_water_, false);
  std::size_t free = 0;
  std::size_t away = 0;
  const auto check = [&](const Groups& list) {
    for (const Group& group : list) {
      std::uint32_t chained = 0;
      for (Slot slot = group.first_free; slot != kNoSlot; slot = headerOf(slot).next_free) {
        const auto number = static_cast<std::uint32_t>(slot);
        TREFOIL_ASSERT(number < high_water_ && &*groups_[groupOf(slot)] == &group);
        TREFOIL_ASSERT(!is_free[number]);
        is_free[number] = true;
        ++chained;
      }
      TREFOIL_ASSERT(chained == group.free);
      TREFOIL_ASSERT((group.free == 0) == (&list == &full_));
      TREFOIL_ASSERT(&list != &away_ || group.free == group.used);
      free += group.free;
      away += &list == &away_ ? group.used : 0;
    }
  };
  check(full_);
  check(open_);
  check(away_);
  TREFOIL_ASSERT(free == free_ && away == away_slots_);
  for (std::uint32_t number = 0; number < high_water_; ++number) {
    if (is_free[number]) {
      continue;
    }
    const float* const floats = floatsOf(Slot{number});
    TREFOIL_ASSERT(reinterpret_cast<std::uintptr_t>(floats) % kSlotAlignment == 0);
    TREFOIL_ASSERT(std::all_of(floats + dimension_, floats + stride_, [](float pad) { return pad == 0; }));
    TREFOIL_ASSERT(squaredNorm(Slot{number}) == kernels().dot(floats, floats, dimension_));
  }
}

}  // namespace trefoil::vector
