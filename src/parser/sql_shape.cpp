// See sql_shape.hpp. The loop jumps by a token's first byte; nothing in it allocates unless a literal needs unescaping.
#include "parser/sql_shape.hpp"

#include <charconv>
#include <cstring>

#include "parser/sql_literals.hpp"
#include "parser/sql_parser.hpp"
#include "parser/sql_tokens.hpp"
#include "parser/utf8.hpp"

namespace trefoil::parser {
namespace {

// What a byte can begin.
enum class Start : std::uint8_t {
  kNone,  // no token
  kSpace,
  kWord,
  kPrefix,  // e, E, x, X: a word, or a string's prefix
  kDigit,
  kDot,
  kQuote,
  kNameQuote,
  kDollar,
  kQuestion,
  kBracket,
  kSemicolon,
  kMinus,     // - -> ->> --
  kSlash,     // / /*
  kOperator,  // may be one or several characters
  kSingle,
};

constexpr std::array<Start, 256> makeStarts() {
  std::array<Start, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    const auto classes = kCharacterClasses[c];
    if ((classes & kSpaceClass) != 0) {
      table[c] = Start::kSpace;
    }
    if ((classes & kIdentifierFirstClass) != 0) {
      table[c] = Start::kWord;
    }
    if ((classes & kDigitClass) != 0) {
      table[c] = Start::kDigit;
    }
  }
  for (const char c : std::string_view("eExX")) {
    table[static_cast<std::uint8_t>(c)] = Start::kPrefix;
  }
  for (const char c : std::string_view("(),+*%^=")) {
    table[static_cast<std::uint8_t>(c)] = Start::kSingle;
  }
  for (const char c : std::string_view("<>!|:")) {
    table[static_cast<std::uint8_t>(c)] = Start::kOperator;
  }
  table['.'] = Start::kDot;
  table['\''] = Start::kQuote;
  table['"'] = Start::kNameQuote;
  table['$'] = Start::kDollar;
  table['?'] = Start::kQuestion;
  table['['] = Start::kBracket;
  table[';'] = Start::kSemicolon;
  table['-'] = Start::kMinus;
  table['/'] = Start::kSlash;
  return table;
}
constexpr std::array<Start, 256> kStarts = makeStarts();

// The byte in lower case if it can go on a word, otherwise 0.
constexpr std::array<char, 256> makeFolds() {
  std::array<char, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    if ((kCharacterClasses[c] & kIdentifierRestClass) != 0) {
      table[c] = toLowerAscii(static_cast<char>(c));
    }
  }
  return table;
}
constexpr std::array<char, 256> kFolds = makeFolds();

Start startOf(char c) {
  return kStarts[static_cast<std::uint8_t>(c)];
}
char foldOf(char c) {
  return kFolds[static_cast<std::uint8_t>(c)];
}
bool isDigit(char c) {
  return c >= '0' && c <= '9';
}
bool isSign(char c) {
  return c == '+' || c == '-';
}

// wyhash's mixing step (Wang Yi, public domain): 64 x 64 bits multiplied, both halves folded.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Reads up to 7 bytes beyond the text: the buffer has room for that, zeroed by the caller.
std::uint64_t hashText(const char* text, std::size_t size) {
  constexpr std::uint64_t kFirst = 0xa0761d6478bd642full;
  constexpr std::uint64_t kSecond = 0xe7037ed1a0b428dbull;
  std::uint64_t hash = kFirst ^ size;
  for (std::size_t at = 0; at < size; at += 16) {
    std::uint64_t low;
    std::uint64_t high;
    std::memcpy(&low, text + at, 8);
    std::memcpy(&high, text + at + 8, 8);
    hash = mix(low ^ kSecond, high ^ hash);
  }
  return mix(hash, kSecond);
}

}  // namespace

// One scan. Cursors are local to it so that they live in registers.
class ShapeScanner::Run {
 public:
  Run(ShapeScanner& scanner, std::string_view text)
      : scanner_(scanner), begin_(text.data()), at_(begin_), end_(begin_ + text.size()), out_(scanner.buffer_.get()) {}

  ShapeState run() {
    const char* statement_end = scanAll();
    scanner_.size_ = static_cast<std::size_t>(statement_end - begin_);
    scanner_.consumed_ = scanner_.size_ + (at_ != statement_end ? 1 : 0);
    if (unfinished_) {
      return ShapeState::kUnfinished;
    }
    if (bad_ || scanner_.size_ > kMaxStatementBytes || findInvalidUtf8({begin_, scanner_.size_}) != std::string_view::npos) {
      return ShapeState::kUncacheable;
    }
    char* const buffer = scanner_.buffer_.get();
    std::memset(out_, 0, 16);
    scanner_.shape_ = {buffer, static_cast<std::size_t>(out_ - buffer)};
    scanner_.hash_ = hashText(buffer, scanner_.shape_.size());
    return ShapeState::kReady;
  }

 private:
  static constexpr std::size_t kRoomPerToken = 160;  // no token but a word writes more than a few bytes
  static constexpr std::size_t kLongestWord = 128;   // and a word this long is not worth caching
  friend class ShapeScanner;

  // Returns the statement's end; at_ is one further if a ';' ended it.
  const char* scanAll() {
    while (at_ != end_) {
      const Start start = startOf(*at_);
      if (start == Start::kSpace) {
        ++at_;
        continue;
      }
      if (out_ > limit()) [[unlikely]] {
        bad_ = true;
        out_ = scanner_.buffer_.get();
      }
      switch (start) {
        case Start::kWord:
          word();
          break;
        case Start::kSingle:
          put(*at_++);
          break;
        case Start::kDigit:
          number();
          break;
        case Start::kQuote:
          string(at_, false);
          break;
        case Start::kSemicolon:
          ++at_;
          return at_ - 1;
        case Start::kDot:
          if (at_ + 1 != end_ && isDigit(at_[1])) {
            decimal(at_);
          } else {
            put(*at_++);
          }
          break;
        default:
          rarer(start);
          break;
      }
    }
    return at_;
  }

  void rarer(Start start) {
    const char next = at_ + 1 != end_ ? at_[1] : '\0';
    switch (start) {
      case Start::kPrefix:
        if (next != '\'') {
          word();
        } else if (toLowerAscii(*at_) == 'e') {
          string(at_, true);
        } else {
          blob();
        }
        break;
      case Start::kMinus:
        if (next == '-') {
          lineComment();
        } else {
          operatorToken();
        }
        break;
      case Start::kSlash:
        if (next == '*') {
          blockComment();
        } else {
          put(*at_++);
        }
        break;
      case Start::kOperator:
        operatorToken();
        break;
      case Start::kNameQuote:
        quotedName();
        break;
      case Start::kDollar:
        numberedParameter();
        break;
      case Start::kQuestion:
        nextParameter();
        break;
      case Start::kBracket:
        vector();
        break;
      default:  // no token begins so; what follows may still be a statement's end
        bad_ = true;
        ++at_;
        break;
    }
  }

  // ------------------------------------------------------------------------------------------------------------------ output

  [[nodiscard]] char* limit() const { return scanner_.buffer_.get() + kMaxShapeBytes; }
  void put(char c) {
    out_[0] = c;
    out_[1] = ' ';
    out_ += 2;
    ++scanner_.token_count_;
  }
  void put(std::string_view token) {
    std::memcpy(out_, token.data(), token.size());
    out_[token.size()] = ' ';
    out_ += token.size() + 1;
    ++scanner_.token_count_;
  }
  void putLiteral(const char* from, char literal_class, const Datum& value) {
    out_[0] = '#';
    out_[1] = literal_class;
    out_[2] = ' ';
    out_ += 3;
    ++scanner_.token_count_;
    const std::size_t index = scanner_.literal_count_;
    if (index == kMaxLiterals) [[unlikely]] {
      bad_ = true;
      return;
    }
    scanner_.literals_[index] = value;
    scanner_.positions_[index] = static_cast<std::uint32_t>(from - begin_);
    scanner_.literal_count_ = index + 1;
  }

  // ------------------------------------------------------------------------------------------------------------------- words

  void word() {
    const char* at = at_;
    char* out = out_;
    char* const out_limit = out + kLongestWord;
    for (char folded; at != end_ && (folded = foldOf(*at)) != 0; ++at) {
      *out++ = folded;
      if (out == out_limit) [[unlikely]] {
        bad_ = true;
        out = out_;
      }
    }
    *out++ = ' ';
    out_ = out;
    at_ = at;
    ++scanner_.token_count_;
  }

  void quotedName() {
    const char* close = closingQuote(at_ + 1, '"', false);
    if (close == nullptr) {
      return;
    }
    const std::string_view token(at_, static_cast<std::size_t>(close + 1 - at_));
    at_ = close + 1;
    if (token.size() == 2 || token.size() > kLongestWord) {
      bad_ = true;
      ++scanner_.token_count_;
      return;
    }
    put(token);
  }

  // ----------------------------------------------------------------------------------------------------------------- strings

  // The quote that ends what was opened before `from`; doubled ones (and escaped ones) do not. nullptr: there is none.
  const char* closingQuote(const char* from, char quote, bool escapes) {
    for (const char* at = from; at < end_; ++at) {
      if (*at == quote) {
        if (at + 1 == end_ || at[1] != quote) {
          return at;
        }
        ++at;
      } else if (*at == '\\' && escapes) {
        ++at;
      }
    }
    return unfinished();
  }
  const char* unfinished() {
    unfinished_ = true;
    ++scanner_.token_count_;
    at_ = end_;
    return nullptr;
  }

  void string(const char* from, bool escapes) {
    const char* const open = escapes ? from + 1 : from;
    const char* at = open + 1;
    if (!escapes) {  // the common string has no quote inside
      while (at != end_ && *at != '\'') {
        ++at;
      }
      if (at != end_ && (at + 1 == end_ || at[1] != '\'')) {
        at_ = at + 1;
        return putLiteral(from, 's', Datum::text({open + 1, static_cast<std::size_t>(at - open - 1)}));
      }
    }
    const char* close = closingQuote(at, '\'', escapes);
    if (close == nullptr) {
      return;
    }
    at_ = close + 1;
    std::string_view value;
    if (!decodeString({from, static_cast<std::size_t>(at_ - from)}, scanner_.arena_, value).ok()) {
      bad_ = true;
    }
    putLiteral(from, 's', Datum::text(value));
  }

  void blob() {
    const char* const from = at_;
    const char* at = at_ + 2;
    while (at != end_ && isOfClass(*at, kHexClass)) {
      ++at;
    }
    if (at == end_) {
      unfinished();
      return;
    }
    if (*at != '\'') {  // no blob; read on as a string, so as not to mistake its inside for tokens
      bad_ = true;
      const char* close = closingQuote(at, '\'', false);
      at_ = close == nullptr ? end_ : close + 1;
      return;
    }
    at_ = at + 1;
    std::string_view value;
    if (!decodeBlob({from, static_cast<std::size_t>(at_ - from)}, scanner_.arena_, value).ok()) {
      bad_ = true;
    }
    putLiteral(from, 'b', Datum::blob(value));
  }

  // ----------------------------------------------------------------------------------------------------------------- numbers

  void number() {
    const char* const from = at_;
    const char* at = from;
    std::uint64_t value = 0;
    while (at != end_ && isDigit(*at)) {
      value = value * 10 + static_cast<std::uint64_t>(*at - '0');
      ++at;
    }
    if (at != end_ && (*at == '.' || *at == 'e' || *at == 'E')) {
      return decimal(from);
    }
    const auto digits = static_cast<std::size_t>(at - from);
    at_ = at;
    checkNumberEnd();
    if (digits <= 18) [[likely]] {
      return putLiteral(from, 'i', Datum::integer(static_cast<std::int64_t>(value)));
    }
    if (const auto exact = decodeInteger({from, digits})) {
      return putLiteral(from, 'i', Datum::integer(*exact));
    }
    putReal(from);
  }

  void skipDigits() {
    while (at_ != end_ && isDigit(*at_)) {
      ++at_;
    }
  }
  // An exponent needs a digit; without one the e is no part of the number (and then an error).
  void skipExponent() {
    if (at_ == end_ || (*at_ != 'e' && *at_ != 'E')) {
      return;
    }
    const char* digit = at_ + 1;
    if (digit != end_ && isSign(*digit)) {
      ++digit;
    }
    if (digit != end_ && isDigit(*digit)) {
      at_ = digit;
      skipDigits();
    }
  }
  void decimal(const char* from) {
    at_ = from;
    skipDigits();
    if (at_ != end_ && *at_ == '.') {
      ++at_;
      skipDigits();
    }
    skipExponent();
    checkNumberEnd();
    putReal(from);
  }
  void putReal(const char* from) {
    double value = 0;
    const auto [end, error] = std::from_chars(from, at_, value);
    if (error != std::errc{} || end != at_) {
      bad_ = true;  // out of range: the binder will say it better
    }
    putLiteral(from, 'd', Datum::real(value));
  }
  void checkNumberEnd() {
    if (at_ != end_ && isOfClass(*at_, kIdentifierFirstClass)) {
      skipJunk();  // 12abc
    }
  }
  // Letters that belong to no token of their own. They are one with what is before them, so that the e of 1e'…' is no prefix.
  void skipJunk() {
    bad_ = true;
    while (at_ != end_ && isOfClass(at_[-1], kIdentifierRestClass) && isOfClass(*at_, kIdentifierRestClass)) {
      ++at_;
    }
  }

  // [1, -2.5]: reads ahead to see that it is one, then decodes it.
  void vector() {
    const char* const from = at_;
    ++at_;
    for (;;) {
      skipSpaces();
      if (at_ != end_ && isSign(*at_)) {
        ++at_;
      }
      const char* const digits = at_;
      skipDigits();
      const bool whole = at_ != digits;
      if (at_ != end_ && *at_ == '.') {
        ++at_;
        const char* const fraction = at_;
        skipDigits();
        if (!whole && at_ == fraction) {
          return noVector(from);
        }
      } else if (!whole) {
        return noVector(from);
      }
      skipExponent();
      skipSpaces();
      if (at_ == end_ || (*at_ != ',' && *at_ != ']')) {
        return noVector(from);
      }
      if (*at_++ == ']') {
        break;
      }
    }
    std::span<const float> value;
    if (!decodeVector({from, static_cast<std::size_t>(at_ - from)}, scanner_.arena_, value).ok()) {
      bad_ = true;
    }
    putLiteral(from, 'v', Datum::vector(value));
  }
  void noVector(const char* from) {
    bad_ = true;
    at_ = from + 1;
    ++scanner_.token_count_;
  }
  void skipSpaces() {
    while (at_ != end_ && isOfClass(*at_, kSpaceClass)) {
      ++at_;
    }
  }

  // -------------------------------------------------------------------------------------------------------------- parameters

  void numberedParameter() {
    const char* const from = at_++;
    skipDigits();
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(from + 1, at_, number);
    const bool junk = at_ != end_ && isOfClass(*at_, kIdentifierRestClass);
    if (error != std::errc{} || number == 0 || number > kMaxParameterNumber || junk || has_next_parameters_) {
      skipJunk();
      ++scanner_.token_count_;
      return;
    }
    has_numbered_parameters_ = true;
    put("$" + std::to_string(number));
  }
  void nextParameter() {
    bad_ = bad_ || has_numbered_parameters_;
    has_next_parameters_ = true;
    put(*at_++);
  }

  // ------------------------------------------------------------------------------------------------- operators and comments

  void operatorToken() {
    const auto left = static_cast<std::size_t>(end_ - at_);
    const std::string_view rest(at_, left < 3 ? left : 3);
    for (const std::string_view known : {"->>", "<=>", "<->", "<#>"}) {
      if (rest == known) {
        at_ += 3;
        return put(known);
      }
    }
    for (const std::string_view known : {"::", "<=", "<>", ">=", "||", "->", "!="}) {
      if (rest.substr(0, 2) == known) {
        at_ += 2;
        return put(known == "!=" ? "<>" : known);
      }
    }
    const char c = *at_++;
    bad_ = bad_ || c == '!' || c == '|' || c == ':';
    put(c);
  }

  void lineComment() {
    const void* newline = std::memchr(at_, '\n', static_cast<std::size_t>(end_ - at_));
    at_ = newline == nullptr ? end_ : static_cast<const char*>(newline) + 1;
  }

  void blockComment() {
    std::size_t depth = 1;
    for (at_ += 2; end_ - at_ >= 2;) {
      if (at_[0] == '*' && at_[1] == '/') {
        at_ += 2;
        if (--depth == 0) {
          return;
        }
      } else if (at_[0] == '/' && at_[1] == '*') {
        at_ += 2;
        ++depth;
      } else {
        ++at_;
      }
    }
    unfinished();
  }

  ShapeScanner& scanner_;
  const char* const begin_;
  const char* at_;
  const char* const end_;
  char* out_;
  bool bad_ = false;
  bool unfinished_ = false;
  bool has_numbered_parameters_ = false;
  bool has_next_parameters_ = false;
};

ShapeState ShapeScanner::scan(std::string_view text) {
  static_assert(Run::kRoomPerToken >= Run::kLongestWord + 32, "a word, its separator and the hash's zeros");
  if (buffer_ == nullptr) {
    buffer_ = std::make_unique_for_overwrite<char[]>(kMaxShapeBytes + Run::kRoomPerToken);
    literals_ = std::make_unique_for_overwrite<Datum[]>(kMaxLiterals);
    positions_ = std::make_unique_for_overwrite<std::uint32_t[]>(kMaxLiterals);
  }
  literal_count_ = 0;
  arena_.reset();
  shape_ = {};
  hash_ = 0;
  token_count_ = 0;
  return Run(*this, text).run();
}

}  // namespace trefoil::parser
