#include "parser/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace trefoil::parser {
namespace {

bool continues(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<std::uint8_t>(text[at]) & 0xC0) == 0x80;
}

// Length of the well-formed sequence that begins at `at` with a byte from 0x80 up; 0 if there is none.
std::size_t sequenceLength(std::string_view text, std::size_t at) {
  const auto first = static_cast<std::uint8_t>(text[at]);
  if (first < 0xC2 || !continues(text, at + 1)) {
    return 0;
  }
  const auto second = static_cast<std::uint8_t>(text[at + 1]);
  if (first < 0xE0) {
    return 2;
  }
  if (!continues(text, at + 2)) {
    return 0;
  }
  if (first < 0xF0) {
    const bool overlong = first == 0xE0 && second < 0xA0;
    const bool surrogate = first == 0xED && second >= 0xA0;
    return overlong || surrogate ? 0 : 3;
  }
  if (first > 0xF4 || !continues(text, at + 3)) {
    return 0;
  }
  const bool overlong = first == 0xF0 && second < 0x90;
  const bool too_large = first == 0xF4 && second >= 0x90;
  return overlong || too_large ? 0 : 4;
}

}  // namespace

std::size_t findInvalidUtf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    // Eight bytes of ASCII at a time: none has its high bit set, and none is zero (subtracting one from each borrows only there).
    while (at + 8 <= text.size()) {
      std::uint64_t word;
      std::memcpy(&word, text.data() + at, 8);
      if (((word | (word - 0x0101010101010101u)) & 0x8080808080808080u) != 0) {
        break;
      }
      at += 8;
    }
    if (at == text.size()) {
      break;
    }
    const auto byte = static_cast<std::uint8_t>(text[at]);
    if (byte == 0) {
      return at;
    }
    if (byte < 0x80) {
      ++at;
      continue;
    }
    const std::size_t length = sequenceLength(text, at);
    if (length == 0) {
      return at;
    }
    at += length;
  }
  return std::string_view::npos;
}

std::size_t encodeUtf8(std::uint32_t code_point, char* to) {
  if (code_point < 0x80) {
    to[0] = static_cast<char>(code_point);
    return 1;
  }
  if (code_point < 0x800) {
    to[0] = static_cast<char>(0xC0 | (code_point >> 6));
    to[1] = static_cast<char>(0x80 | (code_point & 0x3F));
    return 2;
  }
  if (code_point < 0x10000) {
    to[0] = static_cast<char>(0xE0 | (code_point >> 12));
    to[1] = static_cast<char>(0x80 | ((code_point >> 6) & 0x3F));
    to[2] = static_cast<char>(0x80 | (code_point & 0x3F));
    return 3;
  }
  to[0] = static_cast<char>(0xF0 | (code_point >> 18));
  to[1] = static_cast<char>(0x80 | ((code_point >> 12) & 0x3F));
  to[2] = static_cast<char>(0x80 | ((code_point >> 6) & 0x3F));
  to[3] = static_cast<char>(0x80 | (code_point & 0x3F));
  return 4;
}

}  // namespace trefoil::parser
