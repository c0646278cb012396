// The tokens of SQL: their kinds, the classes of the bytes they are made of, and the table of keywords.
//
// Shared by the two that cut text into tokens: the grammar's tokeniser (sql_tokenizer.hpp, from PEGTL rules) and the hand-written
// shape scanner (sql_shape.hpp). tests/parser/sql_shape_test.cpp proves that they cut alike.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace trefoil::parser {

// One byte each: the SQL grammar proper is a grammar over strings of these.
enum class TokenKind : std::uint8_t {
  kIdentifier,  // name or "name"
  kInteger,     // 42, and digits beyond int64 as well
  kDecimal,     // 1.5, .5, 1e9
  kString,      // 'text', E'text\n'
  kBlob,        // x'00ff'
  kVector,      // [1, -2.5]
  kParameter,   // $1 or ?
  kOpen,        // (
  kClose,       // )
  kComma,
  kDot,
  kSemicolon,
  kCastColons,  // ::
  kPlus,
  kMinus,
  kStar,
  kSlash,
  kPercent,
  kCaret,
  kEqual,
  kNotEqual,  // <> and !=
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kConcatenate,      // ||
  kArrow,            // ->
  kLongArrow,        // ->>
  kL2Distance,       // <->
  kCosineDistance,   // <=>
  kNegativeProduct,  // <#>
#define KEYWORD(kind, text, category) kind,
#include "parser/sql_keywords.def"
#undef KEYWORD
  kCount,
};

enum class KeywordCategory : std::uint8_t { kReserved, kFunctionName, kColumnName, kUnreserved };

struct Keyword {
  std::string_view text;  // lower case
  TokenKind kind;
  KeywordCategory category;
};

inline constexpr auto kKeywords = std::to_array<Keyword>({
#define KEYWORD(kind, text, category) {text, TokenKind::kind, KeywordCategory::category},
#include "parser/sql_keywords.def"
#undef KEYWORD
});
inline constexpr TokenKind kFirstKeyword = kKeywords.front().kind;
inline constexpr std::size_t kMaxKeywordLength = 17;  // current_timestamp

constexpr TokenKind firstOfCategory(KeywordCategory category) {
  for (const Keyword& keyword : kKeywords) {
    if (keyword.category == category) {
      return keyword.kind;
    }
  }
  return TokenKind::kCount;
}

constexpr bool keywordsWellFormed() {
  for (std::size_t i = 0; i < kKeywords.size(); ++i) {
    if (kKeywords[i].text.size() > kMaxKeywordLength ||
        static_cast<std::size_t>(kKeywords[i].kind) != static_cast<std::size_t>(kFirstKeyword) + i) {
      return false;
    }
    if (i > 0 && kKeywords[i].category < kKeywords[i - 1].category) {
      return false;
    }
    if (i > 0 && kKeywords[i].category == kKeywords[i - 1].category && kKeywords[i].text <= kKeywords[i - 1].text) {
      return false;
    }
  }
  return true;
}
static_assert(keywordsWellFormed(), "sql_keywords.def: sorted within its category, categories in order, no word too long");
static_assert(static_cast<int>(TokenKind::kCount) < 256);

// The keyword that `word` is in any case, or nullptr.
const Keyword* findKeyword(std::string_view word);
// How the token is written, for messages: "SELECT", "(", "a name" …
std::string_view tokenSpelling(TokenKind kind);
// The words of one token kind's category.
constexpr bool isKeyword(TokenKind kind) {
  return kind >= kFirstKeyword;
}
constexpr const Keyword& keywordOf(TokenKind kind) {
  return kKeywords[static_cast<std::size_t>(kind) - static_cast<std::size_t>(kFirstKeyword)];
}

// Classes of bytes. Bytes from 0x80 up are parts of names, as in PostgreSQL: UTF-8 is checked for the whole text.
enum CharacterClass : std::uint8_t {
  kSpaceClass = 1,            // what separates tokens: space \t \n \v \f \r
  kDigitClass = 2,            //
  kIdentifierFirstClass = 4,  // letters, _, 0x80…
  kIdentifierRestClass = 8,   // and digits, $
  kHexClass = 16,
};

constexpr std::array<std::uint8_t, 256> makeCharacterClasses() {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool digit = c >= '0' && c <= '9';
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    std::uint8_t bits = 0;
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      bits |= kSpaceClass;
    }
    if (digit) {
      bits |= kDigitClass;
    }
    if (letter || c == '_' || c >= 0x80) {
      bits |= kIdentifierFirstClass;
    }
    if (letter || c == '_' || c >= 0x80 || digit || c == '$') {
      bits |= kIdentifierRestClass;
    }
    if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
      bits |= kHexClass;
    }
    table[c] = bits;
  }
  return table;
}
inline constexpr std::array<std::uint8_t, 256> kCharacterClasses = makeCharacterClasses();

constexpr bool isOfClass(char c, std::uint8_t classes) {
  return (kCharacterClasses[static_cast<std::uint8_t>(c)] & classes) != 0;
}
// ASCII only: names fold without regard to locale.
constexpr char toLowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

// One token of a statement.
struct Token {
  std::uint32_t begin = 0;  // byte offsets in the text
  std::uint32_t end = 0;
  std::uint32_t number = 0;  // a literal's index among the literals; a parameter's number
};

}  // namespace trefoil::parser
