#include "kv/directory.hpp"

#include <algorithm>
#include <bit>
#include <memory>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace trefoil::kv {

struct Directory::Resident {
  std::uint64_t hash;
  const Entry* entry;
  std::uint32_t access;
};

// A bit for each slot of a bucket with this tag and distance, side by side as in a slot. With the partition's lock held.
inline std::uint32_t Directory::matchingSlots(const std::uint64_t* bucket, std::uint64_t wanted) {
#if defined(__SSE2__)
  const auto* const pairs = reinterpret_cast<const __m128i*>(bucket);
  const auto upper = [&](int i) { return _mm_srli_epi64(_mm_load_si128(pairs + i), kDistanceShift); };
  // Eight words of 64 bits become eight of 16. They have 15 bits, so none is negative, and narrowing changes nothing.
  const __m128i narrow = _mm_packs_epi32(_mm_packs_epi32(upper(0), upper(1)), _mm_packs_epi32(upper(2), upper(3)));
  const __m128i equal = _mm_cmpeq_epi16(narrow, _mm_set1_epi16(static_cast<short>(wanted)));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128())));
#else
  std::uint32_t matching = 0;
  for (unsigned s = 0; s < kSlotsPerBucket; ++s) {
    matching |= (load(bucket + s) >> kDistanceShift == wanted ? 1U : 0U) << s;
  }
  return matching;
#endif
}

Directory::Segment Directory::segmentFor(std::uint64_t hash) const {
  const std::uint64_t* word = wordFor(hash);
  TREFOIL_DEBUG_ASSERT(word != nullptr);
  return segmentOf(load(word));
}

// The key's slot in a bucket; nullptr: it is not there.
[[gnu::always_inline]] inline std::uint64_t* Directory::slotIn(std::uint64_t* bucket, std::uint64_t wanted,
                                                               std::string_view key) {
  for (std::uint32_t left = matchingSlots(bucket, wanted); left != 0; left &= left - 1) {
    std::uint64_t* const at = bucket + std::countr_zero(left);
    const std::uint64_t slot = load(at);
    if (slot != 0 && reinterpret_cast<const Entry*>(slot & kPointerMask)->hasKey(key)) {
      return at;
    }
  }
  return nullptr;
}

Directory::Slot Directory::find(std::uint64_t hash, std::string_view key) const {
  const std::uint64_t* word = wordFor(hash);
  if (word == nullptr) {
    return {};
  }
  const Segment segment = segmentOf(load(word));
  std::uint64_t* const home = segment.bucket(segment.home(hash));
  std::uint64_t* const found = slotIn(home, (hash & kTagMask) << 3, key);
  if (found != nullptr || load(home + kSlotsPerBucket - 1) == 0) [[likely]] {
    return {found};
  }
  return findAwayFromHome(segment, hash, key);
}

// In the buckets behind a full one.
[[gnu::noinline]] Directory::Slot Directory::findAwayFromHome(const Segment& segment, std::uint64_t hash, std::string_view key) {
  const std::uint32_t buckets = segment.buckets();
  std::uint32_t index = segment.home(hash);
  std::uint64_t wanted = (hash & kTagMask) << 3;
  for (unsigned distance = 1; distance <= kMaxDistance && distance < buckets; ++distance) {
    index = index + 1 == buckets ? 0 : index + 1;
    std::uint64_t* const bucket = segment.bucket(index);
    std::uint64_t* const found = slotIn(bucket, ++wanted, key);
    if (found != nullptr || load(bucket + kSlotsPerBucket - 1) == 0) {
      return {found};
    }
  }
  return {};
}

// Puts the entry into the first bucket with room, from its home on, and returns its slot. nullptr if there is none near enough.
std::uint64_t* Directory::place(const Segment& segment, std::uint64_t hash, const Entry* entry) {
  const std::uint32_t buckets = segment.buckets();
  std::uint32_t index = segment.home(hash);
  for (unsigned distance = 0; distance <= kMaxDistance && distance < buckets; ++distance) {
    std::uint64_t* bucket = segment.bucket(index);
    if (load(bucket + kSlotsPerBucket - 1) == 0) {
      unsigned s = 0;
      while (load(bucket + s) != 0) {
        ++s;
      }
      store(bucket + s, slotWord(hash, distance, entry));
      return bucket + s;
    }
    index = index + 1 == buckets ? 0 : index + 1;
  }
  return nullptr;
}

Directory::Slot Directory::insert(const DirectoryContext& context, std::uint64_t hash, Entry* entry) {
  TREFOIL_DEBUG_ASSERT(!find(hash, entry->key()));
  if (root_.load(std::memory_order_relaxed) == 0) {
    std::uint64_t* words = context.pool.allocate(StablePool::Kind::kDirectory, directoryBytes(0));
    Segment segment{nullptr, 0, 0};
    segment.block = context.pool.allocate(StablePool::Kind::kSegment, segment.bytes());
    store(words, segment.word());
    root_.store(reinterpret_cast<std::uint64_t>(words), std::memory_order_release);
  }
  while (true) {
    const Segment segment = segmentFor(hash);
    const std::uint64_t room = std::uint64_t{segment.buckets()} * kSlotsPerBucket * 9 / 10;
    std::uint64_t* const placed = segment.count() < room ? place(segment, hash, entry) : nullptr;
    if (placed != nullptr) {
      addToCounts(segment, 1, entry->hasDeadline() ? 1 : 0);
      return {placed};
    }
    grow(context, hash);
  }
}

// A slot's content goes to another place, or (from == to) away. There it is `word`.
void Directory::moveSlot(const Segment& segment, std::uint64_t* from, std::uint64_t* to, std::uint64_t word) {
  store(to, word);
  store(from, 0);
  if (std::atomic<std::uint32_t>* const access = segment.access(from); access != nullptr) {
    segment.access(to)->store(access->load(std::memory_order_relaxed), std::memory_order_relaxed);
    access->store(0, std::memory_order_relaxed);
  }
}

std::uint32_t Directory::access(std::uint64_t hash, Slot slot) const {
  const std::atomic<std::uint32_t>* const word = segmentFor(hash).access(slot.word);
  return word == nullptr ? 0 : word->load(std::memory_order_relaxed);
}

void Directory::setAccess(const DirectoryContext& context, std::uint64_t hash, Slot slot, std::uint32_t word) {
  const Segment segment = segmentFor(hash);
  std::atomic<std::uint32_t>* at = segment.access(slot.word);
  if (at == nullptr) {
    makeAccess(context, segment);
    at = segment.access(slot.word);
  }
  at->store(word, std::memory_order_relaxed);
}

void Directory::makeAccess(const DirectoryContext& context, const Segment& segment) {
  std::uint64_t* const block = context.pool.allocate(StablePool::Kind::kAccess, segment.accessBytes());
  auto* const words = reinterpret_cast<std::atomic<std::uint32_t>*>(block);
  std::uninitialized_value_construct_n(words, segment.accessBytes() / sizeof(*words));
  store(segment.block + kAccessWord, reinterpret_cast<std::uint64_t>(block));
}

// Gives the segment's memory back.
void Directory::release(const DirectoryContext& context, const Segment& segment) {
  if (const std::uint64_t access = load(segment.block + kAccessWord); access != 0) {
    context.pool.release(StablePool::Kind::kAccess, segment.accessBytes(), reinterpret_cast<std::uint64_t*>(access));
  }
  context.pool.release(StablePool::Kind::kSegment, segment.bytes(), segment.block);
}

void Directory::replace(Slot slot, std::uint64_t hash, Entry* entry) {
  const std::uint64_t before = load(slot.word);
  const bool had = (before & kDeadlineBit) != 0;
  store(slot.word, slotWord(hash, distanceOf(before), entry));
  if (had != entry->hasDeadline()) {
    addToCounts(segmentFor(hash), 0, had ? -1 : 1);
  }
}

void Directory::erase(const DirectoryContext& context, std::uint64_t hash, Slot slot) {
  const Segment segment = segmentFor(hash);
  const std::uint64_t word = load(slot.word);
  addToCounts(segment, -1, (word & kDeadlineBit) != 0 ? -1 : 0);
  if (size() == 0 && bitsOf(root_.load(std::memory_order_relaxed)) > 0) {
    clear(context);  // a partition that was once full; a small one keeps its segment
    return;
  }
  const auto offset = static_cast<std::uint32_t>(slot.word - segment.block);
  const std::uint32_t index = offset / kSlotsPerBucket - 1;
  std::uint64_t* bucket = segment.bucket(index);
  const bool was_full = load(bucket + kSlotsPerBucket - 1) != 0;
  unsigned last = kSlotsPerBucket - 1;
  while (load(bucket + last) == 0) {
    --last;
  }
  moveSlot(segment, bucket + last, slot.word, load(bucket + last));
  if (was_full) {
    closeGap(segment, index);
  }
}

// `bucket` was full and now has room for one: moves a slot back that went past it, and so on.
void Directory::closeGap(const Segment& segment, std::uint32_t bucket) {
  const std::uint32_t buckets = segment.buckets();
  std::uint32_t gap = bucket;
  for (unsigned ahead = 1; ahead <= kMaxDistance && ahead < buckets; ++ahead) {
    std::uint64_t* from = segment.bucket((gap + ahead) % buckets);
    const bool full = load(from + kSlotsPerBucket - 1) != 0;
    for (unsigned s = 0; s < kSlotsPerBucket; ++s) {
      const std::uint64_t slot = load(from + s);
      if (slot == 0 || distanceOf(slot) < ahead) {
        continue;
      }
      unsigned last = kSlotsPerBucket - 1;
      while (load(from + last) == 0) {
        --last;
      }
      moveSlot(segment, from + s, segment.bucket(gap) + kSlotsPerBucket - 1, slot - (std::uint64_t{ahead} << kDistanceShift));
      if (last != s) {
        moveSlot(segment, from + last, from + s, load(from + last));
      }
      if (!full) {
        return;
      }
      gap = (gap + ahead) % buckets;  // the gap has moved there
      ahead = 0;
      break;
    }
    if (ahead != 0 && !full) {
      return;  // whatever lies beyond did not pass through here
    }
  }
}

// A segment with all of `count` residents, of the smallest class from `size_class` on that takes them.
Directory::Segment Directory::build(const DirectoryContext& context, const Resident* first, std::size_t count, unsigned depth,
                                    unsigned size_class) {
  for (;; ++size_class) {
    TREFOIL_ASSERT(size_class < kClasses);
    Segment segment{nullptr, depth, size_class};
    segment.block = context.pool.allocate(StablePool::Kind::kSegment, segment.bytes());
    std::size_t placed = 0;
    for (; placed < count; ++placed) {
      const Resident& resident = first[placed];
      std::uint64_t* const slot = place(segment, resident.hash, resident.entry);
      if (slot == nullptr) {
        break;
      }
      segment.deadlines() += resident.entry->hasDeadline() ? 1 : 0;
      if (resident.access != 0) {
        if (segment.access(slot) == nullptr) {
          makeAccess(context, segment);
        }
        segment.access(slot)->store(resident.access, std::memory_order_relaxed);
      }
    }
    if (placed == count) {
      segment.count() = count;
      return segment;
    }
    release(context, segment);
  }
}

void Directory::grow(const DirectoryContext& context, std::uint64_t hash) {
  const Segment old = segmentFor(hash);
  std::vector<Resident> residents;
  residents.reserve(old.count());
  for (std::uint32_t b = 0; b < old.buckets(); ++b) {
    for (unsigned s = 0; s < kSlotsPerBucket; ++s) {
      if (const std::uint64_t slot = load(old.bucket(b) + s); slot != 0) {
        const auto* entry = reinterpret_cast<const Entry*>(slot & kPointerMask);
        __builtin_prefetch(entry);
        const std::atomic<std::uint32_t>* const access = old.access(old.bucket(b) + s);
        residents.push_back({0, entry, access == nullptr ? 0 : access->load(std::memory_order_relaxed)});
      }
    }
  }
  for (Resident& resident : residents) {
    resident.hash = hashBytes(resident.entry->key(), context.hash_seed);
  }
  if (old.size_class < kSplitClass || old.depth == kMaxDepth) {
    setWords(build(context, residents.data(), residents.size(), old.depth, old.size_class + 1), hash);
  } else {
    if (bitsOf(root_.load(std::memory_order_relaxed)) == old.depth) {
      doubleDirectory(context);
    }
    const std::uint64_t splitter = std::uint64_t{1} << (63 - kPartitionShift - old.depth);
    const auto middle =
        std::partition(residents.begin(), residents.end(), [&](const Resident& r) { return (r.hash & splitter) == 0; });
    const auto low = static_cast<std::size_t>(middle - residents.begin());
    setWords(build(context, residents.data(), low, old.depth + 1, kAfterSplitClass), hash & ~splitter);
    setWords(build(context, residents.data() + low, residents.size() - low, old.depth + 1, kAfterSplitClass), hash | splitter);
  }
  release(context, old);
}

// Makes all words of the prefix that `hash` and `segment.depth` name refer to the segment.
void Directory::setWords(const Segment& segment, std::uint64_t hash) {
  const std::uint64_t root = root_.load(std::memory_order_relaxed);
  const unsigned bits = bitsOf(root);
  TREFOIL_ASSERT(segment.depth <= bits);
  const std::uint64_t count = std::uint64_t{1} << (bits - segment.depth);
  const std::uint64_t first = indexOf(hash, bits) & ~(count - 1);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::atomic_ref<std::uint64_t>(wordsOf(root)[first + i]).store(segment.word(), std::memory_order_release);
  }
}

void Directory::doubleDirectory(const DirectoryContext& context) {
  const std::uint64_t root = root_.load(std::memory_order_relaxed);
  const unsigned bits = bitsOf(root);
  std::uint64_t* words = context.pool.allocate(StablePool::Kind::kDirectory, directoryBytes(bits + 1));
  for (std::uint64_t i = 0; i < std::uint64_t{2} << bits; ++i) {
    store(words + i, load(wordsOf(root) + i / 2));
  }
  root_.store(reinterpret_cast<std::uint64_t>(words) | (std::uint64_t{bits + 1} << 56), std::memory_order_release);
  context.pool.release(StablePool::Kind::kDirectory, directoryBytes(bits), wordsOf(root));
}

std::unique_ptr<Directory> Directory::detach() {
  auto whole = std::make_unique<Directory>();
  whole->root_.store(root_.exchange(0, std::memory_order_relaxed), std::memory_order_relaxed);
  whole->size_.store(size_.exchange(0, std::memory_order_relaxed), std::memory_order_relaxed);
  whole->deadlines_.store(deadlines_.exchange(0, std::memory_order_relaxed), std::memory_order_relaxed);
  return whole;
}

void Directory::clear(const DirectoryContext& context) {
  const std::uint64_t root = root_.exchange(0, std::memory_order_relaxed);
  size_.store(0, std::memory_order_relaxed);
  deadlines_.store(0, std::memory_order_relaxed);
  if (root == 0) {
    return;
  }
  const unsigned bits = bitsOf(root);
  for (std::uint64_t i = 0; i < std::uint64_t{1} << bits;) {
    const Segment segment = segmentOf(load(wordsOf(root) + i));
    release(context, segment);
    i += std::uint64_t{1} << (bits - segment.depth);
  }
  context.pool.release(StablePool::Kind::kDirectory, directoryBytes(bits), wordsOf(root));
}

std::uint64_t Directory::lowestHash(const Segment& segment, std::uint64_t hash, std::uint32_t bucket) {
  const unsigned shift = kPartitionShift + segment.depth;
  const std::uint64_t prefix = hash >> (64 - shift) << (64 - shift);
  // The least x with (x * buckets) >> 64 == bucket, rounded up to a multiple of the shift's unit.
  const auto x =
      static_cast<std::uint64_t>(((static_cast<hash_detail::Uint128>(bucket) << 64) + segment.buckets() - 1) / segment.buckets());
  return prefix + (x >> shift) + ((x & ((std::uint64_t{1} << shift) - 1)) != 0 ? 1 : 0);
}

const Entry* Directory::at(std::size_t rank) const {
  const std::uint64_t root = root_.load(std::memory_order_acquire);
  const unsigned bits = root == 0 ? 0 : bitsOf(root);
  for (std::uint64_t index = 0; root != 0 && index < std::uint64_t{1} << bits;) {
    const Segment segment = segmentOf(load(wordsOf(root) + index));
    index += std::uint64_t{1} << (bits - segment.depth);
    if (rank >= segment.count()) {
      rank -= segment.count();
      continue;
    }
    for (const std::uint64_t* slot = segment.bucket(0);; ++slot) {
      if (load(slot) != 0 && rank-- == 0) {
        return reinterpret_cast<Entry*>(load(slot) & kPointerMask);
      }
    }
  }
  return nullptr;
}

Directory::Range Directory::rangeFrom(const Segment& segment, std::uint64_t hash, std::uint32_t first, std::uint32_t end) {
  const std::uint64_t low = lowestHash(segment, hash, first);
  if (end < segment.buckets()) {
    return {low, lowestHash(segment, hash, end), false};
  }
  const unsigned shift = kPartitionShift + segment.depth;
  const std::uint64_t next = (hash >> (64 - shift) << (64 - shift)) + (std::uint64_t{1} << (64 - shift));
  return {low, next, next << kPartitionShift == 0};  // the next segment, or the next partition
}

void Directory::verify(const DirectoryContext& context, std::uint64_t partition) const {
  const std::uint64_t root = root_.load(std::memory_order_relaxed);
  if (root == 0) {
    TREFOIL_ASSERT(size() == 0 && deadlines() == 0);
    return;
  }
  const unsigned bits = bitsOf(root);
  std::uint64_t entries = 0;
  std::uint64_t with_deadline = 0;
  for (std::uint64_t i = 0; i < std::uint64_t{1} << bits;) {
    const Segment segment = segmentOf(load(wordsOf(root) + i));
    const std::uint64_t span = std::uint64_t{1} << (bits - segment.depth);
    TREFOIL_ASSERT(segment.depth <= bits && i % span == 0);
    for (std::uint64_t j = i; j < i + span; ++j) {
      TREFOIL_ASSERT(load(wordsOf(root) + j) == segment.word());
    }
    const std::uint64_t prefix = (partition << (64 - kPartitionShift)) | (bits == 0 ? 0 : (i << (64 - bits)) >> kPartitionShift);
    verifySegment(context, segment, prefix);
    entries += segment.count();
    with_deadline += segment.deadlines();
    i += span;
  }
  TREFOIL_ASSERT(entries == size() && with_deadline == deadlines());
}

void Directory::verifySegment(const DirectoryContext& context, const Segment& segment, std::uint64_t prefix) const {
  std::uint64_t entries = 0;
  std::uint64_t with_deadline = 0;
  const unsigned shift = kPartitionShift + segment.depth;
  for (std::uint32_t b = 0; b < segment.buckets(); ++b) {
    bool ended = false;
    for (unsigned s = 0; s < kSlotsPerBucket; ++s) {
      const std::uint64_t slot = load(segment.bucket(b) + s);
      ended = ended || slot == 0;
      TREFOIL_ASSERT((slot == 0) == ended);
      if (slot == 0) {
        const std::atomic<std::uint32_t>* const access = segment.access(segment.bucket(b) + s);
        TREFOIL_ASSERT(access == nullptr || access->load(std::memory_order_relaxed) == 0);
        continue;
      }
      const auto* entry = reinterpret_cast<const Entry*>(slot & kPointerMask);
      const std::uint64_t hash = hashBytes(entry->key(), context.hash_seed);
      const unsigned distance = distanceOf(slot);
      TREFOIL_ASSERT(slot == slotWord(hash, distance, entry));
      TREFOIL_ASSERT(hash >> (64 - shift) == prefix >> (64 - shift));
      TREFOIL_ASSERT((segment.home(hash) + distance) % segment.buckets() == b);
      for (unsigned d = 0; d < distance; ++d) {
        TREFOIL_ASSERT(load(segment.bucket((segment.home(hash) + d) % segment.buckets()) + kSlotsPerBucket - 1) != 0);
      }
      TREFOIL_ASSERT(find(hash, entry->key()).word == segment.bucket(b) + s);
      ++entries;
      with_deadline += entry->hasDeadline() ? 1 : 0;
    }
  }
  TREFOIL_ASSERT(entries == segment.count() && with_deadline == segment.deadlines());
}

}  // namespace trefoil::kv
