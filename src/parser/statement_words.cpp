#include "parser/statement_words.hpp"

#include <algorithm>
#include <array>

#include "base/ascii_case.hpp"

namespace trefoil::parser {
namespace {

struct Entry {
  std::string_view word;
  bool transaction;
};

constexpr auto kWords = std::to_array<Entry>({
    {"ABORT", true},    {"ALTER", false},  {"ANALYZE", false}, {"BEGIN", true},   {"CHECKPOINT", false}, {"COMMENT", false},
    {"COMMIT", true},   {"COPY", false},   {"CREATE", false},  {"DELETE", false}, {"DROP", false},       {"END", true},
    {"EXPLAIN", false}, {"INSERT", false}, {"RELEASE", true},  {"RESET", false},  {"ROLLBACK", true},    {"SAVEPOINT", true},
    {"SELECT", false},  {"SET", false},    {"SHOW", false},    {"START", true},   {"TABLE", false},      {"TRUNCATE", false},
    {"UPDATE", false},  {"VACUUM", false}, {"VALUES", false},  {"WITH", false},
});
static_assert(std::is_sorted(kWords.begin(), kWords.end(), [](const Entry& a, const Entry& b) { return a.word < b.word; }));

constexpr std::size_t kLongestWord = 10;

}  // namespace

StatementWord statementWord(std::string_view word) {
  std::array<char, kLongestWord> upper{};
  if (word.size() > upper.size()) {
    return StatementWord::kNone;
  }
  std::transform(word.begin(), word.end(), upper.begin(), [](char c) { return upperCase(c); });
  const std::string_view name(upper.data(), word.size());
  const auto* const found = std::lower_bound(kWords.begin(), kWords.end(), name,
                                             [](const Entry& entry, std::string_view value) { return entry.word < value; });
  if (found == kWords.end() || found->word != name) {
    return StatementWord::kNone;
  }
  return found->transaction ? StatementWord::kTransaction : StatementWord::kStatement;
}

}  // namespace trefoil::parser
