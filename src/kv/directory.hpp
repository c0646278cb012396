// Directory: the keys of one partition. An extendible hash table whose segments are small enough to grow and split in
// microseconds.
//
//   root word    [ bits of the directory : 8 |        ][ pointer : 48 ]
//   directory    2^bits words: [ depth : 8 | class : 8 ][ pointer to segment : 48 ]     by the hash bits below the partition's
//   segment      header line | bucket 0 | bucket 1 | …                               a bucket is one cache line of 8 slots
//   header line  count, slots with a deadline, pointer to the accesses or null
//   slot         [ tag : 12 | distance : 3 | has deadline : 1 ][ pointer to Entry : 48 ]     0: empty
//   accesses     four bytes for each slot (access.hpp); a segment has them once one of its keys was used while somebody tracks
//
// Of a hash, read from the top: 8 bits chose the partition, `depth` bits the segment (several words of the directory may refer to
// one segment), the following ones, scaled to the number of buckets, the home bucket. So home buckets are in hash order, and a
// position in hash order, once reached by a walk, means the same after any growth or split. The tag is the lowest 12 bits.
//
// A full bucket overflows into the next ones, at most 7 further; the slot's distance says how far from home it lies. A look-up
// compares tag and distance at once and stops at the first bucket that is not full; removal closes the gap by moving an
// overflowed slot back. A segment that is 90 % full grows by half (32 to 48 buckets), and when full again splits into two of 32
// buckets: the load stays between 0.6 and 0.9, and no operation ever moves more than one segment's slots. New partitions start
// with 1 bucket.
//
// Invariants (verify()):
//  1. In a bucket the empty slots come last.
//  2. A slot at distance d > 0 has d full buckets before it, from its home on.
//  3. What is known of accesses goes with its slot; an empty one has 0.
//  4. Tag, deadline bit and place agree with the entry; a segment's counts agree with its slots; no key is there twice.
//
// Thread safety: the partition's lock, except for prefetch(), which only hints; slots and words are written atomically for its
// sake, and their memory comes from a StablePool.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/assert.hpp"
#include "kv/entry.hpp"
#include "kv/key_hash.hpp"
#include "kv/stable_pool.hpp"

namespace trefoil::kv {

// What all directories of a store share.
struct DirectoryContext {
  std::uint64_t hash_seed;
  StablePool& pool;
};

class Directory {
 public:
  // A place in the table; valid until the next insert or erase.
  struct Slot {
    std::uint64_t* word = nullptr;
    explicit operator bool() const { return word != nullptr; }
    [[nodiscard]] Entry* entry() const { return reinterpret_cast<Entry*>(load(word) & kPointerMask); }
  };

  // Hashes whose keys a walk step has met: [low, low of the next step), or to the partition's end.
  struct Range {
    std::uint64_t low;
    std::uint64_t next;
    bool at_end;  // `next` means nothing: the partition is through
  };

  Directory() = default;
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  [[nodiscard]] Slot find(std::uint64_t hash, std::string_view key) const;
  // The entry number `rank` in the order of segments; nullptr if there are fewer. Looks at each segment's count before it.
  [[nodiscard]] const Entry* at(std::size_t rank) const;
  // The key must be absent. The slot owns the entry from now on.
  Slot insert(const DirectoryContext& context, std::uint64_t hash, Entry* entry);
  // Puts another entry of the same key in place; the old one is the caller's.
  void replace(Slot slot, std::uint64_t hash, Entry* entry);
  // The entry is the caller's.
  void erase(const DirectoryContext& context, std::uint64_t hash, Slot slot);
  // What is known of how the key in this slot is used: a word of access.hpp.
  [[nodiscard]] std::uint32_t access(std::uint64_t hash, Slot slot) const;
  void setAccess(const DirectoryContext& context, std::uint64_t hash, Slot slot, std::uint32_t word);
  // All of it, in no time; what stays behind is empty.
  [[nodiscard]] std::unique_ptr<Directory> detach();
  // Gives the memory back; the entries were dealt with before.
  void clear(const DirectoryContext& context);

  // Visits the entries at home in some buckets from `from` on, of one segment; `slots` says how many slots that is, about.
  template <typename Visitor>
  Range walk(std::uint64_t from, std::size_t slots, Visitor&& visitor) const;
  // Visits every slot that has a deadline in the segment of `hash` and tells the segment's end like walk().
  template <typename Visitor>
  Range walkDeadlines(std::uint64_t hash, Visitor&& visitor) const;

  // Visits about `wanted` entries with their words of access, from the home of `hash` on; only those with a deadline, if so
  // asked. Where there are few it gives up after some segments: then the next hash may have more luck. Returns how many were
  // visited.
  template <typename Visitor>
  std::size_t sample(std::uint64_t hash, std::size_t wanted, bool with_deadline, Visitor&& visitor) const;

  [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t deadlines() const { return deadlines_.load(std::memory_order_relaxed); }

  // Without the lock; the stages of Store::prefetch. The second finds the bucket (nullptr: there is none), for the third.
  void prefetchDirectory(std::uint64_t hash) const {
    if (const std::uint64_t* word = wordFor(hash); word != nullptr) {
      __builtin_prefetch(word);
    }
  }
  [[nodiscard]] const std::uint64_t* prefetchBucket(std::uint64_t hash) const {
    const std::uint64_t* const word = wordFor(hash);
    const std::uint64_t reference =
        word == nullptr ? 0 : std::atomic_ref(*const_cast<std::uint64_t*>(word)).load(std::memory_order_acquire);
    if (reference == 0) {
      return nullptr;  // a recycled directory may be blank
    }
    const Segment segment = segmentOf(reference);
    const std::uint64_t* const bucket = segment.bucket(segment.home(hash));
    __builtin_prefetch(bucket);
    return bucket;
  }
  static void prefetchEntry(const std::uint64_t* bucket, std::uint64_t hash) {
    const std::uint64_t wanted = (hash & kTagMask) << 3;
    for (unsigned s = 0; s < kSlotsPerBucket; ++s) {
      const std::uint64_t slot = load(bucket + s);
      if (slot >> kDistanceShift == wanted && slot != 0) {
        const std::uint64_t entry = slot & kPointerMask;                // a number: what it points to may be gone already
        __builtin_prefetch(reinterpret_cast<const void*>(entry - 8));   // the allocator's size word and the header
        __builtin_prefetch(reinterpret_cast<const void*>(entry + 56));  // the value,
        __builtin_prefetch(reinterpret_cast<const void*>(entry + 96));  // and the next size word, where malloc_usable_size looks
        return;
      }
    }
    if (load(bucket + kSlotsPerBucket - 1) != 0) {
      __builtin_prefetch(bucket + kSlotsPerBucket);  // it is full: the key may lie in the next one
    }
  }

  void verify(const DirectoryContext& context, std::uint64_t partition) const;

 private:
  static constexpr unsigned kPartitionShift = 8;
  static constexpr unsigned kSlotsPerBucket = 8;
  static constexpr unsigned kMaxDistance = 7;
  static constexpr unsigned kMaxDepth = 30;
  static constexpr unsigned kAccessWord = 2;        // of the header line
  static constexpr unsigned kSampledSegments = 64;  // some microseconds
  static constexpr std::uint64_t kPointerMask = (std::uint64_t{1} << 48) - 1;
  static constexpr std::uint64_t kDeadlineBit = std::uint64_t{1} << 48;
  static constexpr unsigned kDistanceShift = 49;
  static constexpr unsigned kTagShift = 52;
  static constexpr std::uint64_t kTagMask = 0xFFF;
  // Buckets by class. The last ones are for a segment that cannot split any more, which no set of keys reaches in practice.
  static constexpr std::uint32_t kBuckets[] = {1, 2, 4, 8, 16, 32, 48, 96, 192, 384, 768, 1536};
  static constexpr unsigned kSplitClass = 6;  // a segment of this class splits
  static constexpr unsigned kAfterSplitClass = 5;
  static constexpr unsigned kClasses = sizeof(kBuckets) / sizeof(kBuckets[0]);

  struct Segment {
    std::uint64_t* block = nullptr;  // header line, then buckets
    unsigned depth = 0;
    unsigned size_class = 0;

    [[nodiscard]] std::uint32_t buckets() const { return kBuckets[size_class]; }
    [[nodiscard]] std::uint64_t* bucket(std::uint32_t index) const { return block + (index + 1) * kSlotsPerBucket; }
    [[nodiscard]] std::uint64_t& count() const { return block[0]; }
    [[nodiscard]] std::uint64_t& deadlines() const { return block[1]; }
    [[nodiscard]] std::size_t bytes() const { return (std::size_t{buckets()} + 1) * 64; }
    // The word of a slot; nullptr if the segment has none.
    [[nodiscard]] std::atomic<std::uint32_t>* access(const std::uint64_t* slot) const {
      auto* words = reinterpret_cast<std::atomic<std::uint32_t>*>(load(block + kAccessWord));
      return words == nullptr ? nullptr : words + (slot - block - kSlotsPerBucket);
    }
    [[nodiscard]] std::size_t accessBytes() const { return std::max<std::size_t>(64, std::size_t{buckets()} * 32); }
    [[nodiscard]] std::uint32_t home(std::uint64_t hash) const {
      return static_cast<std::uint32_t>((static_cast<hash_detail::Uint128>(hash << (kPartitionShift + depth)) * buckets()) >> 64);
    }
    [[nodiscard]] std::uint64_t word() const {
      return reinterpret_cast<std::uint64_t>(block) | (std::uint64_t{size_class} << 48) | (std::uint64_t{depth} << 56);
    }
  };

  static std::uint64_t load(const std::uint64_t* word) {
    return std::atomic_ref<std::uint64_t>(*const_cast<std::uint64_t*>(word)).load(std::memory_order_relaxed);
  }
  static void store(std::uint64_t* word, std::uint64_t value) {
    std::atomic_ref<std::uint64_t>(*word).store(value, std::memory_order_relaxed);
  }
  static Segment segmentOf(std::uint64_t word) {
    return {reinterpret_cast<std::uint64_t*>(word & kPointerMask), static_cast<unsigned>(word >> 56),
            static_cast<unsigned>((word >> 48) & 0xFF)};
  }
  static std::uint64_t slotWord(std::uint64_t hash, unsigned distance, const Entry* entry) {
    return ((hash & kTagMask) << kTagShift) | (std::uint64_t{distance} << kDistanceShift) |
           (entry->hasDeadline() ? kDeadlineBit : 0) | reinterpret_cast<std::uint64_t>(entry);
  }
  static unsigned distanceOf(std::uint64_t slot) { return static_cast<unsigned>(slot >> kDistanceShift) & kMaxDistance; }

  static unsigned bitsOf(std::uint64_t root) { return static_cast<unsigned>(root >> 56); }
  static std::uint64_t* wordsOf(std::uint64_t root) { return reinterpret_cast<std::uint64_t*>(root & kPointerMask); }
  static std::size_t directoryBytes(unsigned bits) { return std::max<std::size_t>(64, std::size_t{8} << bits); }
  static std::uint64_t indexOf(std::uint64_t hash, unsigned bits) {
    return bits == 0 ? 0 : (hash << kPartitionShift) >> (64 - bits);
  }
  // The word for `hash`; nullptr while the partition is empty.
  [[nodiscard]] std::uint64_t* wordFor(std::uint64_t hash) const {
    const std::uint64_t root = root_.load(std::memory_order_acquire);
    return root == 0 ? nullptr : wordsOf(root) + indexOf(hash, bitsOf(root));
  }
  [[nodiscard]] Segment segmentFor(std::uint64_t hash) const;
  // The lowest hash at home in `bucket` of the segment in which `hash` lies.
  static std::uint64_t lowestHash(const Segment& segment, std::uint64_t hash, std::uint32_t bucket);
  static Range rangeFrom(const Segment& segment, std::uint64_t hash, std::uint32_t first, std::uint32_t end);

  static std::uint32_t matchingSlots(const std::uint64_t* bucket, std::uint64_t wanted);
  static std::uint64_t* slotIn(std::uint64_t* bucket, std::uint64_t wanted, std::string_view key);
  static Slot findAwayFromHome(const Segment& segment, std::uint64_t hash, std::string_view key);
  static std::uint64_t* place(const Segment& segment, std::uint64_t hash, const Entry* entry);
  static void moveSlot(const Segment& segment, std::uint64_t* from, std::uint64_t* to, std::uint64_t word);
  static void makeAccess(const DirectoryContext& context, const Segment& segment);
  static void release(const DirectoryContext& context, const Segment& segment);
  static void closeGap(const Segment& segment, std::uint32_t bucket);
  void setWords(const Segment& segment, std::uint64_t hash);
  void grow(const DirectoryContext& context, std::uint64_t hash);
  void doubleDirectory(const DirectoryContext& context);
  struct Resident;
  static Segment build(const DirectoryContext& context, const Resident* first, std::size_t count, unsigned depth,
                       unsigned size_class);
  void verifySegment(const DirectoryContext& context, const Segment& segment, std::uint64_t prefix) const;

  void addToCounts(const Segment& segment, std::int64_t entries, std::int64_t deadlines) {
    segment.count() += static_cast<std::uint64_t>(entries);
    segment.deadlines() += static_cast<std::uint64_t>(deadlines);
    size_.store(size_.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(entries), std::memory_order_relaxed);
    deadlines_.store(deadlines_.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(deadlines),
                     std::memory_order_relaxed);
  }

  std::atomic<std::uint64_t> root_{0};
  std::atomic<std::uint64_t> size_{0};  // written under the lock, read by anybody
  std::atomic<std::uint64_t> deadlines_{0};
};

template <typename Visitor>
Directory::Range Directory::walk(std::uint64_t from, std::size_t slots, Visitor&& visitor) const {
  const std::uint64_t* word = wordFor(from);
  if (word == nullptr) {
    return {from >> (64 - kPartitionShift) << (64 - kPartitionShift), 0, true};
  }
  const Segment segment = segmentOf(load(word));
  const std::uint32_t buckets = segment.buckets();
  const std::uint32_t first = segment.home(from);
  const auto wanted = static_cast<std::uint32_t>(std::clamp<std::size_t>(slots / 6, 1, buckets));
  const std::uint32_t end = std::min(first + wanted, buckets);
  for (std::uint32_t i = 0; i < std::min(buckets, end - first + kMaxDistance); ++i) {
    const std::uint32_t index = (first + i) % buckets;
    const std::uint64_t* bucket = segment.bucket(index);
    for (unsigned s = 0; s < kSlotsPerBucket; ++s) {
      __builtin_prefetch(reinterpret_cast<const char*>(load(bucket + s) & kPointerMask));  // all at once; for 0 it does nothing
    }
    for (unsigned s = 0; s < kSlotsPerBucket; ++s) {
      const std::uint64_t slot = load(bucket + s);
      if (slot == 0) {
        break;
      }
      const std::uint32_t home = (index + buckets - distanceOf(slot) % buckets) % buckets;
      if (home >= first && home < end) {
        visitor(*reinterpret_cast<Entry*>(slot & kPointerMask));
      }
    }
    if (i >= end - first && load(bucket + kSlotsPerBucket - 1) == 0) {
      break;  // not full: nothing from before lies beyond it
    }
  }
  return rangeFrom(segment, from, first, end);
}

template <typename Visitor>
std::size_t Directory::sample(std::uint64_t hash, std::size_t wanted, bool with_deadline, Visitor&& visitor) const {
  std::size_t visited = 0;
  if (wordFor(hash) == nullptr) {
    return 0;
  }
  const std::uint64_t* first_block = nullptr;
  for (unsigned i = 0; i < kSampledSegments && visited < wanted; ++i) {
    const Segment segment = segmentFor(hash);
    if (segment.block == first_block) {
      break;  // all have been looked at
    }
    first_block = i == 0 ? segment.block : first_block;
    const std::uint32_t buckets = segment.buckets();
    const std::uint32_t first = segment.home(hash);
    const bool any = (with_deadline ? segment.deadlines() : segment.count()) > 0;
    for (std::uint32_t b = 0; any && b < buckets && visited < wanted; ++b) {
      const std::uint64_t* bucket = segment.bucket((first + b) % buckets);
      for (unsigned s = 0; s < kSlotsPerBucket && load(bucket + s) != 0; ++s) {
        const std::uint64_t slot = load(bucket + s);
        if (with_deadline && (slot & kDeadlineBit) == 0) {
          continue;
        }
        const std::atomic<std::uint32_t>* const access = segment.access(bucket + s);
        visitor(*reinterpret_cast<const Entry*>(slot & kPointerMask),
                access == nullptr ? 0 : access->load(std::memory_order_relaxed));
        ++visited;
      }
    }
    const Range range = rangeFrom(segment, hash, 0, buckets);
    hash = range.at_end ? hash >> (64 - kPartitionShift) << (64 - kPartitionShift) : range.next;
  }
  return visited;
}

template <typename Visitor>
Directory::Range Directory::walkDeadlines(std::uint64_t hash, Visitor&& visitor) const {
  const std::uint64_t* word = wordFor(hash);
  if (word == nullptr || deadlines() == 0) {
    return {hash, 0, true};
  }
  const Segment segment = segmentOf(load(word));
  for (std::uint32_t index = 0; segment.deadlines() > 0 && index < segment.buckets(); ++index) {
    const std::uint64_t* bucket = segment.bucket(index);
    for (unsigned s = 0; s < kSlotsPerBucket; ++s) {
      const std::uint64_t slot = load(bucket + s);
      if ((slot & kDeadlineBit) != 0) {
        visitor(*reinterpret_cast<Entry*>(slot & kPointerMask));
      }
    }
  }
  return rangeFrom(segment, hash, 0, segment.buckets());
}

}  // namespace trefoil::kv
