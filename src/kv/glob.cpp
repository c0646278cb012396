#include "kv/glob.hpp"

#include <utility>

namespace trefoil::kv {

namespace {

// Matches one character against the class that begins behind '['; `at` moves behind the class. As Redis: an unclosed class ends
// with the pattern, and "]" closes even as the first character.
bool matchesClass(std::string_view pattern, std::size_t& at, unsigned char c) {
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) {
    ++at;
  }
  bool found = false;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      ++at;
      found = found || static_cast<unsigned char>(pattern[at]) == c;
      ++at;
    } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      auto low = static_cast<unsigned char>(pattern[at]);
      auto high = static_cast<unsigned char>(pattern[at + 2]);
      if (low > high) {
        std::swap(low, high);
      }
      found = found || (low <= c && c <= high);
      at += 3;
    } else {
      found = found || static_cast<unsigned char>(pattern[at]) == c;
      ++at;
    }
  }
  if (at < pattern.size()) {
    ++at;  // ]
  }
  return found != negated;
}

// Matches one pattern item that is not *, against one character.
bool matchesOne(std::string_view pattern, std::size_t& at, char c) {
  switch (pattern[at]) {
    case '?':
      ++at;
      return true;
    case '[':
      ++at;
      return matchesClass(pattern, at, static_cast<unsigned char>(c));
    case '\\':
      if (at + 1 < pattern.size()) {
        ++at;
      }
      [[fallthrough]];
    default:
      return pattern[at++] == c;
  }
}

}  // namespace

bool globMatches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t after_star = std::string_view::npos;  // where to go on after the last *
  std::size_t star_text = 0;                        // what that * has taken so far ends here
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      star_text = t;
      continue;
    }
    if (p < pattern.size() && matchesOne(pattern, p, text[t])) {
      ++t;
      continue;
    }
    if (after_star == std::string_view::npos) {
      return false;
    }
    p = after_star;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') {
    ++p;
  }
  return p == pattern.size();
}

}  // namespace trefoil::kv
