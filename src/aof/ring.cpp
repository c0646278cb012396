#include "aof/ring.hpp"

#include <sched.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.hpp"

namespace trefoil::aof {
namespace {

constexpr std::size_t kSmallPayloadLimit = std::size_t{64} << 10;

// One small record of each writer must fit into the slack.
std::size_t smallPayload(std::size_t slack, std::size_t writers) {
  const std::size_t share = slack / writers;
  return share <= kRecordHeaderBytes + kRecordAlignment
             ? 0
             : std::min(kSmallPayloadLimit, share - kRecordHeaderBytes - kRecordAlignment);
}

}  // namespace

Ring::Ring(const Options& options)
    : capacity_(options.capacity),
      mask_(options.capacity - 1),
      slack_(options.capacity / 4),
      small_payload_bytes_(smallPayload(slack_, kMaxWriters)),
      // An eighth of the ring: four large writers find room at once, and a record never waits for one that could not fit at all.
      max_payload_bytes_(std::min(kMaxPayloadBytes, options.capacity / 8)),
      epoch_(options.epoch),
      salt_(options.salt),
      data_(static_cast<char*>(std::calloc(1, options.capacity))),  // NOLINT: zero pages, taken only when they are used
      tail_(options.start),
      released_(options.start),
      limit_(options.capacity - slack_) {
  TREFOIL_ASSERT(std::has_single_bit(capacity_) && capacity_ >= kMinCapacity);
  TREFOIL_ASSERT(options.start % kRecordAlignment == 0);
  TREFOIL_ASSERT(data_ != nullptr);
}

bool Ring::tryTakeCredit(std::size_t bytes) {
  const Lsn large = large_credit_.fetch_add(bytes, std::memory_order_acq_rel) + bytes;
  const Lsn released = released_.load(std::memory_order_acquire);
  if (tail_.load(std::memory_order_acquire) + large - released < limit_.load(std::memory_order_relaxed)) {
    return true;
  }
  returnCredit(bytes);
  return false;
}

void Ring::copyIn(Lsn at, std::string_view bytes) {
  const std::size_t offset = at & mask_;
  const std::size_t first = std::min(bytes.size(), capacity_ - offset);
  std::memcpy(data_.get() + offset, bytes.data(), first);
  if (first < bytes.size()) {
    std::memcpy(data_.get(), bytes.data() + first, bytes.size() - first);
  }
}

Lsn Ring::append(RecordKind kind, std::string_view prefix, std::string_view payload, std::uint32_t crc) {
  const std::size_t length = prefix.size() + payload.size();
  TREFOIL_ASSERT(length > 0 && length <= max_payload_bytes_ + sizeof(PartPrefix));
  const std::size_t size = recordBytes(length);
  const Lsn lsn = tail_.fetch_add(size, std::memory_order_seq_cst);
  const Lsn end = lsn + size;
  if (end - released_.load(std::memory_order_acquire) > capacity_) [[unlikely]] {
    waitForRoom(end);
  }
  const std::uint64_t kind_word = recordKindWord(epoch_, kind, kRecordVersion);
  const std::uint64_t record_crc = recordCrc(lsn, kind_word, crc, salt_);
  wordAt(lsn + offsetof(RecordHeader, lsn)) = lsn;
  wordAt(lsn + offsetof(RecordHeader, epoch)) = kind_word;
  if (!prefix.empty()) {
    copyIn(lsn + kRecordHeaderBytes, prefix);
  }
  copyIn(lsn + kRecordHeaderBytes + prefix.size(), payload);
  std::atomic_ref(wordAt(lsn)).store(length | record_crc << 32, std::memory_order_release);
  // Either this load sees that the flusher is about to sleep, or its look at tail_ after wakeAt() sees our fetch_add.
  Lsn wake_at = wake_at_.load(std::memory_order_seq_cst);
  if (end > wake_at && wake_at_.compare_exchange_strong(wake_at, kNoWake, std::memory_order_seq_cst)) [[unlikely]] {
    sleeper_.wake();
  }
  return lsn;
}

// More threads than kMaxWriters appended large "small" records at the same moment: wait for the flusher, as overwriting what it
// has not written yet would be worse than anything.
void Ring::waitForRoom(Lsn end) const {
  while (end - released_.load(std::memory_order_acquire) > capacity_) {
    ::sched_yield();
  }
}

std::size_t Ring::completeRecordAt(Lsn lsn) const {
  const auto length = static_cast<std::uint32_t>(std::atomic_ref(wordAt(lsn)).load(std::memory_order_acquire));
  return length == 0 ? 0 : recordBytes(length);
}

void Ring::copyPayload(Lsn lsn, std::string& payload) const {
  const auto length = static_cast<std::uint32_t>(std::atomic_ref(wordAt(lsn)).load(std::memory_order_acquire));
  const Lsn begin = lsn + kRecordHeaderBytes;
  payload.clear();
  while (payload.size() < length) {
    payload += bytes(begin + payload.size(), begin + length);
  }
}

std::string_view Ring::bytes(Lsn from, Lsn to) const {
  const std::size_t offset = from & mask_;
  return {data_.get() + offset, std::min<std::size_t>(to - from, capacity_ - offset)};
}

void Ring::release(Lsn to) {
  Lsn from = released_.load(std::memory_order_relaxed);
  TREFOIL_ASSERT(from <= to && to - from <= capacity_);
  while (from < to) {
    const std::string_view stretch = bytes(from, to);
    std::memset(data_.get() + (from & mask_), 0, stretch.size());
    from += stretch.size();
  }
  released_.store(to, std::memory_order_release);
}

}  // namespace trefoil::aof
