#include "parser/sql_tokens.hpp"

namespace trefoil::parser {
namespace {

// Open addressing over a power of two, at most a third full; built at compile time.
constexpr std::size_t kSlots = 1024;
static_assert(kKeywords.size() * 3 < kSlots);

constexpr std::size_t slotOf(std::string_view lower) {
  std::uint32_t hash = 2166136261u;
  for (const char c : lower) {
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619u;
  }
  return (hash ^ (hash >> 15)) % kSlots;
}

constexpr std::array<std::uint8_t, kSlots> makeSlots() {
  std::array<std::uint8_t, kSlots> slots{};  // 0: empty; otherwise index in kKeywords + 1
  for (std::size_t i = 0; i < kKeywords.size(); ++i) {
    std::size_t slot = slotOf(kKeywords[i].text);
    while (slots[slot] != 0) {
      slot = (slot + 1) % kSlots;
    }
    slots[slot] = static_cast<std::uint8_t>(i + 1);
  }
  return slots;
}
constexpr std::array<std::uint8_t, kSlots> kKeywordSlots = makeSlots();

constexpr std::array<std::string_view, static_cast<std::size_t>(kFirstKeyword)> kSpellings = {
    "a name", "a number", "a number", "a string", "a blob", "a vector", "a parameter", "(",   ")",   ",",  ".",
    ";",      "::",       "+",        "-",        "*",      "/",        "%",           "^",   "=",   "<>", "<",
    "<=",     ">",        ">=",       "||",       "->",     "->>",      "<->",         "<=>", "<#>",
};
static_assert(!kSpellings.back().empty());

struct UpperCase {
  char text[kKeywords.size()][kMaxKeywordLength + 1] = {};
};
constexpr UpperCase makeUpperCase() {
  UpperCase upper;
  for (std::size_t i = 0; i < kKeywords.size(); ++i) {
    for (std::size_t j = 0; j < kKeywords[i].text.size(); ++j) {
      const char c = kKeywords[i].text[j];
      upper.text[i][j] = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    }
  }
  return upper;
}
constexpr UpperCase kUpperCase = makeUpperCase();

}  // namespace

const Keyword* findKeyword(std::string_view word) {
  if (word.size() > kMaxKeywordLength) {
    return nullptr;
  }
  char buffer[kMaxKeywordLength];
  for (std::size_t i = 0; i < word.size(); ++i) {
    buffer[i] = toLowerAscii(word[i]);
  }
  const std::string_view lower(buffer, word.size());
  for (std::size_t slot = slotOf(lower); kKeywordSlots[slot] != 0; slot = (slot + 1) % kSlots) {
    const Keyword& keyword = kKeywords[kKeywordSlots[slot] - 1];
    if (keyword.text == lower) {
      return &keyword;
    }
  }
  return nullptr;
}

std::string_view tokenSpelling(TokenKind kind) {
  if (isKeyword(kind)) {
    const std::size_t index = static_cast<std::size_t>(kind) - static_cast<std::size_t>(kFirstKeyword);
    return {kUpperCase.text[index], kKeywords[index].text.size()};
  }
  return kSpellings[static_cast<std::size_t>(kind)];
}

}  // namespace trefoil::parser
