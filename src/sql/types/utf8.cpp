#include "sql/types/utf8.hpp"

namespace trefoil::sql {
namespace {

// Bytes of the valid character at `at`, or 0. Follows the table of well-formed sequences of the Unicode Standard (3-7): no
// overlong forms, no surrogates, nothing beyond U+10FFFF.
std::size_t validCharacter(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(at);
  if (lead >= 0xC2 && lead <= 0xDF) {
    return continues(at + 1) ? 2 : 0;
  }
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return continues(at + 1, low, high) && continues(at + 2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return continues(at + 1, low, high) && continues(at + 2) && continues(at + 3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::size_t findInvalidUtf8(std::string_view text) {
  const auto is_plain = [&](std::size_t at) {  // eight bytes of ASCII without NUL
    constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
    constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    return ((word | (word - kOnes)) & kHighBits) == 0;
  };
  std::size_t at = 0;
  while (at < text.size()) {
    while (text.size() - at >= 8 && is_plain(at)) {
      at += 8;
    }
    if (at == text.size() || (at >= 8 && text.size() - at < 8 && is_plain(text.size() - 8))) {
      break;
    }
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t size = lead == 0 ? 0 : lead < 0x80 ? 1 : validCharacter(text, at);
    if (size == 0) {
      return at;
    }
    at += size;
  }
  return kValidUtf8;
}

}  // namespace trefoil::sql
