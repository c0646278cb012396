// A pattern is a row of one-byte tests with stars between. After a mismatch only the last star need take one more byte: what an
// earlier star might do differently, the last one can do as well. So there is no recursion and no exponential case.
#include "base/glob.hpp"

#include <cstddef>

namespace trefoil {
namespace {

unsigned char folded(char c, bool ignore_case) {
  return static_cast<unsigned char>(ignore_case && c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

// Matches `c` against the set that begins at pattern[at] (after its '['), and moves `at` behind its ']'.
bool setMatches(std::string_view pattern, std::size_t& at, char c, bool ignore_case) {
  const unsigned char byte = folded(c, ignore_case);
  const bool negated = at < pattern.size() && pattern[at] == '^';
  at += negated ? 1 : 0;
  bool found = false;
  for (; at < pattern.size() && pattern[at] != ']'; ++at) {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      ++at;
      found |= folded(pattern[at], ignore_case) == byte;
    } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      unsigned char low = folded(pattern[at], ignore_case);
      unsigned char high = folded(pattern[at + 2], ignore_case);
      if (low > high) {
        const unsigned char swapped = low;
        low = high;
        high = swapped;
      }
      found |= low <= byte && byte <= high;
      at += 2;
    } else {
      found |= folded(pattern[at], ignore_case) == byte;
    }
  }
  at += at < pattern.size() ? 1 : 0;
  return found != negated;
}

// Matches `c` against the one-byte test at pattern[at], which is no star, and moves `at` behind it.
bool oneMatches(std::string_view pattern, std::size_t& at, char c, bool ignore_case) {
  const char test = pattern[at++];
  if (test == '?') {
    return true;
  }
  if (test == '[') {
    return setMatches(pattern, at, c, ignore_case);
  }
  const char literal = test == '\\' && at < pattern.size() ? pattern[at++] : test;
  return folded(literal, ignore_case) == folded(c, ignore_case);
}

}  // namespace

bool globMatch(std::string_view pattern, std::string_view text, bool ignore_case) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t in_pattern = 0;
  std::size_t in_text = 0;
  std::size_t after_star = kNone;  // where the pattern goes on after the last star
  std::size_t star_end = 0;        // how far in the text that star reaches
  while (in_text < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      after_star = ++in_pattern;
      star_end = in_text;
    } else if (std::size_t next = in_pattern;
               in_pattern < pattern.size() && oneMatches(pattern, next, text[in_text], ignore_case)) {
      in_pattern = next;
      ++in_text;
    } else if (after_star != kNone) {
      in_pattern = after_star;
      in_text = ++star_end;
    } else {
      return false;
    }
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
    ++in_pattern;
  }
  return in_pattern == pattern.size();
}

std::optional<std::string> globLiteral(std::string_view pattern) {
  std::string literal;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] == '*' || pattern[at] == '?' || pattern[at] == '[') {
      return std::nullopt;
    }
    at += pattern[at] == '\\' && at + 1 < pattern.size() ? 1 : 0;
    literal += pattern[at];
  }
  return literal;
}

}  // namespace trefoil
