#include "vector/arena.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>

#include <sys/mman.h>

#include "base/assert.hpp"
#include "base/memory_account.hpp"
#include "base/memory_reserve.hpp"
#include "vector/distance.hpp"
#include "vector/kernels.hpp"

namespace trefoil::vector {

namespace {

constexpr std::size_t kFloatsPerLine = VectorArena::kSlotAlignment / sizeof(float);
constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t roundUp(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

// Aligned memory, not zeroed. Large pieces ask for huge pages: a scan of a large arena is bound by memory, and by its page walks.
template <typename T>
T* allocate(std::size_t count) {
  const std::size_t bytes = roundUp(count * sizeof(T), VectorArena::kSlotAlignment);
  const bool large = bytes >= 4 * kHugePage;
  void* memory =
      memory_reserve::allocateAligned(large ? kHugePage : VectorArena::kSlotAlignment, large ? roundUp(bytes, kHugePage) : bytes);
  if (large) {
    (void)madvise(memory, bytes, MADV_HUGEPAGE);  // a wish only
  }
  return static_cast<T*>(memory);
}

}  // namespace

VectorArena::VectorArena(std::size_t dimension) : dimension_(dimension), stride_(roundUp(dimension, kFloatsPerLine)) {
  TREFOIL_ASSERT(dimension >= 1 && dimension <= kMaxDimension);
}

VectorArena::~VectorArena() {
  MemoryAccount::add(MemoryLeaf::kVectors, -static_cast<std::int64_t>(high_water_ * slotBytes()));
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
  const auto* const header = static_cast<Header*>(stamped);
  const Segment& segment = *header->segment;
  const std::scoped_lock lock(segment.arena->mutex_);
  segment.arena->free_.push_back(Slot{segment.first_slot + static_cast<std::uint32_t>(header - segment.headers)});
}

Slot VectorArena::takeSlot() {
  const std::scoped_lock lock(mutex_);
  if (!free_.empty()) {
    const Slot slot = free_.back();
    free_.pop_back();
    return slot;
  }
  TREFOIL_ASSERT(high_water_ < static_cast<std::uint32_t>(kNoSlot));
  const Slot slot{high_water_};
  const Place place = placeOf(slot);
  if (place.index == 0) {
    addSegment(place.segment, slot);
  }
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
  return high_water_ * slotBytes() + free_.capacity() * sizeof(Slot);
}

std::size_t VectorArena::liveSlots() const {
  const std::scoped_lock lock(mutex_);
  return high_water_ - free_.size();
}

void VectorArena::verify() const {
  const std::scoped_lock lock(mutex_);
  std::vector<bool> is_free(high_water_, false);
  for (const Slot slot : free_) {
    const auto number = static_cast<std::uint32_t>(slot);
    TREFOIL_ASSERT(number < high_water_);
    TREFOIL_ASSERT(!is_free[number]);
    is_free[number] = true;
  }
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
