// Entry: a key, its deadline and its value in one block of memory.
//
//   off 0        1       2          4            8
//       +--------+-------+----------+------------+----------+----------+-------------+-----------+------+-----------------
//       | type   | flags | key size | value size | deadline | key size | value place | key bytes | gap  | value
//       | u4, u4 | u8    | u16      | u32        | i64 *    | u32 **   | u32 **      |           | **   |
//       +--------+-------+----------+------------+----------+----------+-------------+-----------+------+-----------------
//        *  only if flagged kHasDeadline
//        ** only if flagged kLongHead: for a key of 64 kB and more, and for a value that lay in the block before it was an
//        entry's.
//           The place is counted from offset 8.
//
// The first byte is the type (low half) and the encoding (high half). The value is, by encoding:
//   kRaw     a string's bytes
//   kInteger a string that is a canonical 64-bit decimal number: 8 bytes
//   kPacked  a small collection: count u16, elements side by side (packed.hpp)
//   kLarge   8 bytes: the pointer to what the type has outside; of a collection its trees, a Large (large.hpp)
//
// So a key of 16 and a value of 32 bytes take 56 bytes: exactly malloc's 64-byte block. Room behind the value is what
// malloc_usable_size says; a value that still fits is rewritten in place.
//
// Ownership: who holds the pointer owns the block (a slot of the keyspace, the shadow map, a view's private copy).
// Thread safety: none here; a live entry is read and written under its partition's lock, one that a snapshot sees never changes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/assert.hpp"
#include "base/types.hpp"

namespace trefoil::kv {

// The number of a ValueType (value_type.hpp).
enum class ObjectType : std::uint8_t { kString = 0, kList = 1, kHash = 2, kSet = 3, kSortedSet = 4 };
enum class Encoding : std::uint8_t { kRaw = 0, kInteger = 1, kPacked = 2, kLarge = 3 };

class Large;

// Whether texts of one size are the same. Keys are often of 8 to 16 bytes: two words, which may overlap, and no call.
inline bool isSame(std::string_view a, std::string_view b) {
  const std::size_t size = a.size();
  if (size < 8 || size > 16) {
    return std::memcmp(a.data(), b.data(), size) == 0;
  }
  const auto differs = [&](std::size_t at) {
    std::uint64_t words[2];
    std::memcpy(&words[0], a.data() + at, 8);
    std::memcpy(&words[1], b.data() + at, 8);
    return words[0] ^ words[1];
  };
  return (differs(0) | differs(size - 8)) == 0;
}

// memcpy, to which an empty text may not even be a null pointer.
inline void copyBytes(char* to, std::string_view bytes) {
  if (!bytes.empty()) {
    std::memcpy(to, bytes.data(), bytes.size());
  }
}

class Entry {
 public:
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  // A block with room for `value_size` bytes of value (not written) and at least `slack` more.
  static Entry* allocate(ObjectType type, Encoding encoding, std::string_view key, Deadline deadline, std::size_t value_size,
                         std::size_t slack = 0);
  // A string's entry in `block`, a block of malloc's in which the string lies already: its head goes to the block's start, and
  // the key, which lies elsewhere. nullptr, and nothing has happened: there is no room for them in front of the value, or the
  // block is too large for it. The caller owns the block as before.
  static Entry* around(std::string_view value, void* block, std::string_view key, Deadline deadline);
  // Frees the block alone; a Large that it points to is the caller's business.
  static void free(Entry* entry);
  // The same entry with room for `value_size` bytes, its old bytes kept as far as they fit; `slack` more if it has to move.
  static Entry* resizeValue(Entry* entry, std::size_t value_size, std::size_t slack);
  // Whether a block with room for `capacity` bytes is too large for `size` of them: more than half is waste.
  static constexpr bool isWasteful(std::size_t capacity, std::size_t size) { return capacity > 2 * size + 64; }
  // The same entry, in a smaller block if this one is wasteful.
  static Entry* giveBackRoom(Entry* entry);
  // The same entry with another deadline or none. Moves unless it had a deadline and still has one.
  static Entry* withDeadline(Entry* entry, Deadline deadline);
  // A block with the same content, and room for `slack` bytes more; a Large is shared.
  static Entry* clone(const Entry& entry, std::size_t slack = 0);

  [[nodiscard]] ObjectType type() const { return static_cast<ObjectType>(type_encoding_ & 0x0F); }
  [[nodiscard]] Encoding encoding() const { return static_cast<Encoding>(type_encoding_ >> 4); }
  [[nodiscard]] bool isLarge() const { return encoding() == Encoding::kLarge; }
  [[nodiscard]] bool hasDeadline() const { return (flags_ & kHasDeadline) != 0; }
  [[nodiscard]] Deadline deadline() const {
    Deadline deadline;
    if (hasDeadline()) {
      std::memcpy(&deadline.unix_ms, bytes(), sizeof(std::int64_t));
    }
    return deadline;
  }
  [[nodiscard]] std::string_view key() const { return {bytes() + keyOffset(), keySize()}; }
  [[nodiscard]] bool hasKey(std::string_view wanted) const { return keySize() == wanted.size() && isSame(key(), wanted); }
  [[nodiscard]] std::string_view value() const { return {bytes() + valueOffset(), value_size_}; }
  [[nodiscard]] char* valueBytes() { return bytes() + valueOffset(); }
  [[nodiscard]] std::size_t valueSize() const { return value_size_; }
  [[nodiscard]] std::int64_t integer() const {
    TREFOIL_DEBUG_ASSERT(encoding() == Encoding::kInteger);
    std::int64_t number = 0;
    std::memcpy(&number, bytes() + valueOffset(), sizeof(number));
    return number;
  }
  void setLarge(Large* large) {
    setValueSize(sizeof(large));
    std::memcpy(valueBytes(), static_cast<const void*>(&large), sizeof(large));
  }
  [[nodiscard]] Large* large() const {
    TREFOIL_DEBUG_ASSERT(isLarge());
    Large* large = nullptr;
    std::memcpy(static_cast<void*>(&large), bytes() + valueOffset(), sizeof(large));
    return large;
  }

  // Bytes of value that fit into this block.
  [[nodiscard]] std::size_t valueCapacity() const;
  // The block's size as the allocator sees it, for the memory account.
  [[nodiscard]] std::size_t allocatedBytes() const;

  // Another deadline for one that has one, or none for one that has none.
  void setDeadline(Deadline deadline) {
    TREFOIL_DEBUG_ASSERT(hasDeadline() == !deadline.never());
    if (!deadline.never()) {
      std::memcpy(bytes(), &deadline.unix_ms, sizeof(std::int64_t));
    }
  }
  // Within the capacity. The bytes are the caller's to write.
  void setValueSize(std::size_t size) {
    TREFOIL_DEBUG_ASSERT(size <= valueCapacity());
    value_size_ = static_cast<std::uint32_t>(size);
  }
  void setTypeAndEncoding(ObjectType type, Encoding encoding) { type_encoding_ = pack(type, encoding); }

 private:
  static constexpr std::uint8_t kHasDeadline = 1;
  static constexpr std::uint8_t kLongHead = 2;

  Entry() = default;
  static constexpr std::uint8_t pack(ObjectType type, Encoding encoding) {
    return static_cast<std::uint8_t>(static_cast<unsigned>(type) | (static_cast<unsigned>(encoding) << 4));
  }
  // What is in front of the key.
  static std::size_t headBytes(Deadline deadline, bool is_long) {
    return sizeof(Entry) + (deadline.never() ? 0U : 8U) + (is_long ? 8U : 0U);
  }
  // An entry at `memory`, but for its value, which begins `gap` bytes behind the key.
  static Entry* write(void* memory, ObjectType type, Encoding encoding, std::string_view key, Deadline deadline,
                      std::size_t value_size, bool is_long, std::size_t gap);
  [[nodiscard]] bool hasLongHead() const { return (flags_ & kLongHead) != 0; }
  [[nodiscard]] std::size_t keyOffset() const { return (hasDeadline() ? 8U : 0U) + (hasLongHead() ? 8U : 0U); }
  // Both only if it has a long head.
  [[nodiscard]] std::uint32_t longKeySize() const { return numberAt(keyOffset() - 8); }
  [[nodiscard]] std::uint32_t valuePlace() const { return numberAt(keyOffset() - 4); }
  [[nodiscard]] std::uint32_t numberAt(std::size_t offset) const {
    std::uint32_t number = 0;
    std::memcpy(&number, bytes() + offset, sizeof(number));
    return number;
  }
  [[nodiscard]] std::size_t keySize() const {
    if (hasLongHead()) [[unlikely]] {
      return longKeySize();
    }
    return key_size_;
  }
  [[nodiscard]] std::size_t valueOffset() const {
    if (hasLongHead()) [[unlikely]] {
      return valuePlace();
    }
    return (hasDeadline() ? 8U : 0U) + key_size_;
  }
  [[nodiscard]] char* bytes() { return reinterpret_cast<char*>(this) + sizeof(Entry); }
  [[nodiscard]] const char* bytes() const { return reinterpret_cast<const char*>(this) + sizeof(Entry); }

  std::uint8_t type_encoding_;
  std::uint8_t flags_;
  std::uint16_t key_size_;
  std::uint32_t value_size_;
};
static_assert(sizeof(Entry) == 8);

}  // namespace trefoil::kv
