// Encoded effects: the bytes of a ChangeSet, exactly as they go to the log and come back from it.
//
// kv::View and sql::View append to one EffectBuffer per statement or transaction; apply, recovery, replication and subscribers
// read it with an EffectReader. One encoding for all of them (see kv/effects.hpp and sql/storage/effects.hpp for what is in an
// effect):
//
//   item   := tag u8, payload
//   Int64  := 1, zigzag varint                     Double := 2, 8 bytes little-endian
//   String := 3, varint length, bytes              Binary := 4, varint length, bytes
//   Vector := 5, varint dimension, 4 bytes each    Null   := 0        False := 6        True := 7
//   Typed  := 8, Type u8, Int64 item               (timestamp, date)       Json := 9, varint length, bytes
//
// Small buffers (a SET, a point UPDATE) live within the object: they never touch the heap.
//
// A large string may be staged by reference. Then the buffer holds, where its item would be,
//
//   Borrowed := 255, pointer 8 bytes, 3, varint length         the bytes lie where the pointer says
//
// which nobody but a reader of staged effects follows (EffectReader::ofStaged): to all others it is no item. pieces() are the
// bytes as they go to the log.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/cause.hpp"
#include "base/status.hpp"
#include "base/value.hpp"

namespace trefoil {

// Persisted: append only, never renumber.
enum class ItemTag : std::uint8_t {
  kNull = 0,
  kInt64 = 1,
  kDouble = 2,
  kString = 3,
  kBinary = 4,
  kVector = 5,
  kFalse = 6,
  kTrue = 7,
  kTyped = 8,  // read only: an integer behind the number of a type
  kJson = 9,   // read only: a string
};

// What a borrowed string begins with. Never persisted.
inline constexpr std::uint8_t kBorrowedTag = 255;

// What putKind() puts.
inline constexpr std::size_t kEffectKindBytes = 2;

// Append-only bytes with inline room. Not copyable; moving the object is not offered, as views into it are handed out.
// Thread safety: none; one statement owns it.
class EffectBuffer {
 public:
  static constexpr std::size_t kInlineBytes = 256;
  // Shorter strings are copied at once: what a copy costs are pages that nobody has touched yet.
  static constexpr std::size_t kMinBorrowed = std::size_t{1} << 20;

  EffectBuffer() = default;
  EffectBuffer(const EffectBuffer&) = delete;
  EffectBuffer& operator=(const EffectBuffer&) = delete;
  ~EffectBuffer() {
    if (data_ != inline_) {
      release();
    }
  }

  // With borrowed strings as references, and the size of that.
  [[nodiscard]] std::string_view bytes() const { return {data_, size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  // Drops everything after `size`: ROLLBACK TO, and a statement that failed half way.
  void truncate(std::size_t size) {
    TREFOIL_ASSERT(size <= size_);
    size_ = size;
    if (loan_ != nullptr) [[unlikely]] {
      forgetBorrowed();
    }
  }
  void clear() { truncate(0); }

  // From now on putValue() may refer to these texts; none: no longer. The texts' bytes, though not the span, stay as they are for
  // as long as the buffer is read.
  void borrowFrom(std::span<const std::string_view> lent);
  [[nodiscard]] bool borrows() const { return loan_ != nullptr && !loan_->places.empty(); }
  // The bytes as they go to the log, in pieces that are not empty and that live as long as the buffer is unchanged.
  [[nodiscard]] std::vector<std::string_view> pieces() const;

  // Items, each one tag and its payload.
  void putNull() { putByte(static_cast<std::uint8_t>(ItemTag::kNull)); }
  void putBool(bool value) { putByte(static_cast<std::uint8_t>(value ? ItemTag::kTrue : ItemTag::kFalse)); }
  void putInt(std::int64_t value) {
    putByte(static_cast<std::uint8_t>(ItemTag::kInt64));
    putVarint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void putDouble(double value) {
    char* to = reserve(9);
    to[0] = static_cast<char>(ItemTag::kDouble);
    std::memcpy(to + 1, &value, 8);
    size_ += 9;
  }
  void putString(std::string_view bytes) { putBytes(ItemTag::kString, bytes); }
  // The same, but a large one is borrowed if it may be.
  void putValue(std::string_view bytes) {
    if (bytes.size() < kMinBorrowed || !tryBorrow(bytes)) [[likely]] {
      putString(bytes);
    }
  }
  void putBinary(std::string_view bytes) { putBytes(ItemTag::kBinary, bytes); }
  void putVector(std::span<const float> values);
  // Any value, by its storage.
  void putDatum(const Datum& datum);

  // What an effect begins with: its kind, and what it came of.
  void putKind(std::uint8_t kind, Cause cause) {
    char* to = reserve(kEffectKindBytes);
    to[0] = static_cast<char>(kind);
    to[1] = static_cast<char>(cause);
    size_ += kEffectKindBytes;
  }
  // The same, a number and a String: what it is about. One look at the room for all of them.
  void putHead(std::uint8_t kind, Cause cause, std::uint64_t number, std::string_view name) {
    reserve(kEffectKindBytes + 2 * kMaxVarintBytes + 1 + name.size());
    putKind(kind, cause);
    char* to = writeVarint(data_ + size_, number);
    size_ = static_cast<std::size_t>(writeString(to, ItemTag::kString, name) - data_);
  }
  // Raw parts, for effect headers.
  void putByte(std::uint8_t byte) {
    *reserve(1) = static_cast<char>(byte);
    ++size_;
  }
  void putVarint(std::uint64_t value) { size_ = static_cast<std::size_t>(writeVarint(reserve(kMaxVarintBytes), value) - data_); }
  void putRaw(std::string_view bytes) {
    if (bytes.empty()) {
      return;  // its pointer may be null, which memcpy does not take
    }
    std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }

 private:
  static constexpr std::size_t kMaxVarintBytes = 10;

  void putBytes(ItemTag tag, std::string_view bytes) {
    char* const to = reserve(1 + kMaxVarintBytes + bytes.size());
    size_ = static_cast<std::size_t>(writeString(to, tag, bytes) - data_);
  }
  // Both write where there is room, and return the end.
  static char* writeVarint(char* to, std::uint64_t value) {
    while (value >= 0x80) {
      *to++ = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    *to++ = static_cast<char>(value);
    return to;
  }
  static char* writeString(char* to, ItemTag tag, std::string_view bytes) {
    *to++ = static_cast<char>(tag);
    to = writeVarint(to, bytes.size());
    if (!bytes.empty()) {  // its pointer may be null, which memcpy does not take
      std::memcpy(to, bytes.data(), bytes.size());
    }
    return to + bytes.size();
  }
  // Room for `more` bytes at the end; the caller advances size_.
  char* reserve(std::size_t more) {
    if (capacity_ - size_ < more) [[unlikely]] {
      grow(more);
    }
    return data_ + size_;
  }
  void grow(std::size_t more);
  void release();
  bool tryBorrow(std::string_view bytes);
  void forgetBorrowed();

  struct Loan {
    std::span<const std::string_view> lent;
    std::vector<std::size_t> places;  // of what was borrowed, ascending
  };

  std::size_t size_ = 0;
  std::size_t capacity_ = kInlineBytes;
  char* data_ = inline_;
  std::unique_ptr<Loan> loan_;
  char inline_[kInlineBytes];
};

// Reads what an EffectBuffer wrote. Every get checks bounds and tags: bytes from a disk may be anything, and a reader of a
// damaged record must end with kCorruption, never outside the buffer. After a failure ok() stays false and the gets return zero
// values.
class EffectReader {
 public:
  // Effects without causes are of version 1 of log and checkpoints (aof/record_format.hpp).
  explicit EffectReader(std::string_view bytes, bool has_causes = true)
      : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()), has_causes_(has_causes) {}
  // Of (a part of) EffectBuffer::bytes(): follows what is borrowed.
  static EffectReader ofStaged(std::string_view bytes) {
    EffectReader reader(bytes);
    reader.follows_ = true;
    return reader;
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool done() const { return at_ == end_ || !ok_; }
  [[nodiscard]] std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }

  std::int64_t getInt();
  double getDouble();
  // A String item; the view lives as long as the buffer, or what was lent to it.
  std::string_view getString() {
    if (at_ != end_ && static_cast<std::uint8_t>(*at_) == static_cast<std::uint8_t>(ItemTag::kString)) [[likely]] {
      ++at_;
      return getRaw(getVarint());
    }
    return getOtherString();
  }
  std::string_view getBinary();
  bool getBool();
  // Any item. A vector's floats are copied to `scratch` when they lie unaligned; the datum views it until the next call.
  Datum getDatum(std::unique_ptr<float[]>& scratch);

  // What putKind() has put; the cause until the next one is read.
  std::uint8_t getKind() {
    const std::uint8_t kind = getByte();
    cause_ = has_causes_ ? static_cast<Cause>(getByte()) : Cause::kNone;
    return kind;
  }
  [[nodiscard]] Cause cause() const { return cause_; }
  std::uint8_t getByte() {
    if (at_ == end_) [[unlikely]] {
      return fail();
    }
    return static_cast<std::uint8_t>(*at_++);
  }
  std::uint64_t getVarint() {
    if (at_ != end_ && static_cast<std::uint8_t>(*at_) < 0x80) [[likely]] {
      return static_cast<std::uint8_t>(*at_++);
    }
    return getLongVarint();
  }
  std::string_view getRaw(std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < size) [[unlikely]] {
      fail();
      return {};
    }
    const std::string_view bytes(at_, size);
    at_ += size;
    return bytes;
  }

  // kCorruption with the offset, for use when !ok().
  [[nodiscard]] Error error() const;

 private:
  std::uint8_t fail() {
    ok_ = false;
    at_ = end_;
    return 0;
  }
  bool expect(ItemTag tag);
  std::uint64_t getLongVarint();
  std::string_view getOtherString();  // a borrowed one, or a failure
  std::string_view getBorrowed();

  const char* begin_;
  const char* at_;
  const char* end_;
  bool ok_ = true;
  bool has_causes_;
  bool follows_ = false;
  Cause cause_ = Cause::kNone;
};

}  // namespace trefoil
