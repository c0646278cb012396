// UTF-8: validation and counting of characters.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace trefoil::sql {

inline constexpr std::size_t kValidUtf8 = SIZE_MAX;

// The offset of the first byte that is not part of valid UTF-8 (NUL counts as invalid, as in PostgreSQL), or kValidUtf8.
std::size_t findInvalidUtf8(std::string_view text);

// Whether a byte begins a character, in valid UTF-8.
inline bool isCharacterStart(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
}

// Bytes of the character that begins with `byte`, in valid UTF-8.
inline std::size_t characterBytes(char byte) {
  const auto lead = static_cast<unsigned char>(byte);
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

// Characters in valid UTF-8.
inline std::size_t countCharacters(std::string_view text) {
  std::size_t count = 0;
  for (const char byte : text) {
    count += isCharacterStart(byte) ? 1 : 0;
  }
  return count;
}

// The byte offset of character number `index` (from 0), or text.size() if there are fewer.
inline std::size_t characterOffset(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  while (index > 0 && at < text.size()) {
    at += characterBytes(text[at]);
    --index;
  }
  return at < text.size() ? at : text.size();
}

}  // namespace trefoil::sql
