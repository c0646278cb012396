// Packed: a small collection's elements side by side within its entry (Encoding::kPacked).
//
//   value    := count u16, element * count
//   element  := list, set   text
//               hash        text text                field, value: in order of first insertion
//               sorted set  score f64, text          in order of (score, member)
//   text     := length varint, bytes
//
// Looking something up is a scan of a few cache lines; PackedLimits says when a collection becomes Large. The bytes are ours, so
// nothing here checks them.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/assert.hpp"
#include "kv/entry.hpp"

namespace trefoil::kv {

// One element of any collection: the parts that its type does not have are empty.
struct Element {
  std::string_view member;  // a list's element, a hash's field, a set's or sorted set's member
  std::string_view value;   // of a hash's field
  double score = 0;         // of a sorted set's member
};

namespace packed {

inline constexpr std::size_t kHeaderBytes = 2;
inline constexpr std::size_t kMaxElements = UINT16_MAX;

inline std::size_t count(std::string_view value) {
  std::uint16_t count = 0;
  std::memcpy(&count, value.data(), sizeof(count));
  return count;
}
inline void setCount(char* value, std::size_t count) {
  TREFOIL_DEBUG_ASSERT(count <= kMaxElements);
  const auto stored = static_cast<std::uint16_t>(count);
  std::memcpy(value, &stored, sizeof(stored));
}

inline std::string_view readText(const char*& at) {
  std::size_t size = static_cast<unsigned char>(*at++);
  if (size >= 0x80) [[unlikely]] {
    size &= 0x7F;
    for (unsigned shift = 7;; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at++);
      size |= static_cast<std::size_t>(byte & 0x7F) << shift;
      if (byte < 0x80) {
        break;
      }
    }
  }
  const std::string_view text(at, size);
  at += size;
  return text;
}

// The element at `at`, which moves on behind it.
inline Element read(ObjectType type, const char*& at) {
  Element element;
  if (type == ObjectType::kSortedSet) {
    std::memcpy(&element.score, at, sizeof(double));
    at += sizeof(double);
  }
  element.member = readText(at);
  if (type == ObjectType::kHash) {
    element.value = readText(at);
  }
  return element;
}

// Appends an element's bytes.
void write(ObjectType type, const Element& element, std::string& out);

// A packed entry without elements.
Entry* create(ObjectType type, std::string_view key, Deadline deadline);

// Replaces `removed` bytes at `offset` of the value by `inserted`, and adds to the count.
void splice(Entry*& entry, std::size_t offset, std::size_t removed, std::string_view inserted, std::ptrdiff_t more_elements);

// Offset in the value of the element number `index`; of the end, for index == count.
std::size_t offsetOf(const Entry& entry, std::size_t index);

// The element with this member.
struct Place {
  std::size_t offset = 0;  // in the value
  std::size_t size = 0;    // of the element's bytes; 0: not found
  std::size_t index = 0;   // of the element, or the count
  Element element;
  explicit operator bool() const { return size != 0; }
};
Place find(const Entry& entry, std::string_view member);

}  // namespace packed

}  // namespace trefoil::kv
