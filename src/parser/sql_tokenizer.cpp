#include "parser/sql_tokenizer.hpp"

#include <charconv>

#include "parser/sql_parser.hpp"
#include "parser/sql_token_grammar.hpp"

namespace trefoil::parser {
namespace {

using namespace lexical;  // NOLINT: the rules of the one grammar this file is about
using TextInput = pegtl::memory_input<pegtl::tracking_mode::lazy, pegtl::eol::lf, const char*>;

// ------------------------------------------------------------------------------------------------------------------ messages

// Where a token was begun and cannot be ended. `whole_token`: the problem is told of the text from the token's first byte on.
struct LexicalMessage {
  const char* problem = nullptr;
  const char* detail = nullptr;
  bool from_token_start = true;
};

template <typename Rule>
inline constexpr LexicalMessage kLexicalMessage{};
template <>
inline constexpr LexicalMessage kLexicalMessage<block_comment_rest>{"unterminated /* comment", "A comment ends with */."};
template <>
inline constexpr LexicalMessage kLexicalMessage<closing_name_quote>{"unterminated quoted identifier",
                                                                    "A quoted name ends with \"."};
template <>
inline constexpr LexicalMessage kLexicalMessage<closing_quote>{"unterminated quoted string", "A string ends with '."};
template <>
inline constexpr LexicalMessage kLexicalMessage<closing_blob_quote>{"invalid hexadecimal string",
                                                                    "A blob is x'…' with pairs of the digits 0-9, a-f."};
template <>
inline constexpr LexicalMessage kLexicalMessage<number_end>{"trailing junk after numeric literal", nullptr};
template <>
inline constexpr LexicalMessage kLexicalMessage<parameter_end>{"trailing junk after parameter", nullptr};
template <>
inline constexpr LexicalMessage kLexicalMessage<next_element>{"syntax error",
                                                              "A vector element must be a number, as in [1, -2.5].", false};
template <>
inline constexpr LexicalMessage kLexicalMessage<closing_bracket>{"syntax error", "Expected ',' or ']' in a vector.", false};
template <>
inline constexpr LexicalMessage kLexicalMessage<end_of_text>{"syntax error", "No token of SQL begins with this character.",
                                                             false};

struct LexicalFailure {
  std::size_t position;  // of the byte that does not fit
  LexicalMessage message;
};

// --------------------------------------------------------------------------------------------------------------------- actions

struct TokenBuilder {
  const char* text_begin = nullptr;
  TokenList list;
  std::size_t last_begin = 0;  // where the token or comment begins that is being read
  std::string parameter_error;
  std::size_t parameter_position = 0;

  template <typename ActionInput>
  Token& push(const ActionInput& in, TokenKind kind) {
    const auto begin = static_cast<std::uint32_t>(in.begin() - text_begin);
    list.kinds.push_back(static_cast<char>(kind));
    return list.tokens.emplace_back(Token{begin, static_cast<std::uint32_t>(in.end() - text_begin), 0});
  }
};

template <TokenKind Kind>
struct Pushes {
  template <typename ActionInput>
  static void apply(const ActionInput& in, TokenBuilder& builder) {
    builder.push(in, Kind);
  }
};

template <TokenKind Kind>
struct PushesLiteral {
  template <typename ActionInput>
  static void apply(const ActionInput& in, TokenBuilder& builder) {
    builder.push(in, Kind).number = builder.list.literal_count++;
  }
};

template <typename Rule>
struct TokenAction : pegtl::nothing<Rule> {};

template <>
struct TokenAction<identifier> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, TokenBuilder& builder) {
    const Keyword* keyword = findKeyword(in.string_view());
    builder.push(in, keyword == nullptr ? TokenKind::kIdentifier : keyword->kind);
  }
};
// clang-format off
template <> struct TokenAction<quoted_identifier> : Pushes<TokenKind::kIdentifier> {};
template <> struct TokenAction<integer>           : PushesLiteral<TokenKind::kInteger> {};
template <> struct TokenAction<decimal>           : PushesLiteral<TokenKind::kDecimal> {};
template <> struct TokenAction<plain_string>      : PushesLiteral<TokenKind::kString> {};
template <> struct TokenAction<escape_string>     : PushesLiteral<TokenKind::kString> {};
template <> struct TokenAction<blob>              : PushesLiteral<TokenKind::kBlob> {};
template <> struct TokenAction<vector>            : PushesLiteral<TokenKind::kVector> {};
template <> struct TokenAction<cast_colons>       : Pushes<TokenKind::kCastColons> {};
template <> struct TokenAction<not_equal>         : Pushes<TokenKind::kNotEqual> {};
template <> struct TokenAction<cosine_distance>   : Pushes<TokenKind::kCosineDistance> {};
template <> struct TokenAction<l2_distance>       : Pushes<TokenKind::kL2Distance> {};
template <> struct TokenAction<negative_product>  : Pushes<TokenKind::kNegativeProduct> {};
template <> struct TokenAction<less_equal>        : Pushes<TokenKind::kLessEqual> {};
template <> struct TokenAction<greater_equal>     : Pushes<TokenKind::kGreaterEqual> {};
template <> struct TokenAction<concatenate>       : Pushes<TokenKind::kConcatenate> {};
template <> struct TokenAction<long_arrow>        : Pushes<TokenKind::kLongArrow> {};
template <> struct TokenAction<arrow>             : Pushes<TokenKind::kArrow> {};
// clang-format on

TokenKind singleKind(char c) {
  switch (c) {
    case '(':
      return TokenKind::kOpen;
    case ')':
      return TokenKind::kClose;
    case ',':
      return TokenKind::kComma;
    case '.':
      return TokenKind::kDot;
    case ';':
      return TokenKind::kSemicolon;
    case '+':
      return TokenKind::kPlus;
    case '-':
      return TokenKind::kMinus;
    case '*':
      return TokenKind::kStar;
    case '/':
      return TokenKind::kSlash;
    case '%':
      return TokenKind::kPercent;
    case '^':
      return TokenKind::kCaret;
    case '=':
      return TokenKind::kEqual;
    case '<':
      return TokenKind::kLess;
    default:
      TREFOIL_ASSERT(c == '>');
      return TokenKind::kGreater;
  }
}

struct PushesSingle {
  template <typename ActionInput>
  static void apply(const ActionInput& in, TokenBuilder& builder) {
    builder.push(in, singleKind(in.peek_char()));
  }
};
template <>
struct TokenAction<punctuation> : PushesSingle {};
template <>
struct TokenAction<single> : PushesSingle {};

template <>
struct TokenAction<numbered_parameter> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, TokenBuilder& builder) {
    Token& token = builder.push(in, TokenKind::kParameter);
    const char* end = in.end();
    const auto [after, error] = std::from_chars(in.begin() + 1, end, token.number);
    if (error != std::errc{} || token.number == 0 || token.number > kMaxParameterNumber) {
      builder.parameter_error = "there is no parameter " + std::string(in.string_view());
      builder.parameter_position = token.begin;
      token.number = 1;
    }
    const bool mixed = builder.list.parameter_count > 0 && !builder.list.has_numbered_parameters;
    if (mixed) {
      builder.parameter_error = "$n and ? cannot be mixed in one statement";
      builder.parameter_position = token.begin;
    }
    builder.list.has_numbered_parameters = true;
    builder.list.parameter_count = std::max(builder.list.parameter_count, token.number);
  }
};

template <>
struct TokenAction<next_parameter> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, TokenBuilder& builder) {
    Token& token = builder.push(in, TokenKind::kParameter);
    if (builder.list.has_numbered_parameters) {
      builder.parameter_error = "$n and ? cannot be mixed in one statement";
      builder.parameter_position = token.begin;
    } else if (builder.list.parameter_count == kMaxParameterNumber) {
      builder.parameter_error = "too many parameters";
      builder.parameter_position = token.begin;
    } else {
      ++builder.list.parameter_count;
    }
    token.number = builder.list.parameter_count;
  }
};

// Notes where tokens and comments begin, and turns the failure of a rule that has a message into a LexicalFailure.
template <typename Rule>
struct TokenControl : pegtl::normal<Rule> {
  template <typename ParseInput>
  static void start(const ParseInput& in, TokenBuilder& builder) {
    if constexpr (std::is_same_v<Rule, token> || std::is_same_v<Rule, block_comment>) {
      builder.last_begin = in.byte();
    }
  }
  template <typename ParseInput>
  [[noreturn]] static void raise(const ParseInput& in, TokenBuilder& builder) {
    constexpr LexicalMessage kMessage = kLexicalMessage<Rule>;
    throw LexicalFailure{kMessage.from_token_start ? builder.last_begin : in.byte(), kMessage};
  }
};

// The piece of `text` to show for an error at `position`: a word, or a character; a quoted thing up to where we cut it.
std::string_view offendingText(std::string_view text, std::size_t position, const LexicalMessage& message) {
  std::string_view rest = text.substr(position);
  if (message.from_token_start) {
    if (isOfClass(rest.front(), kDigitClass) || rest.front() == '$' || rest.front() == '.') {
      std::size_t length = 1;
      while (length < rest.size() && (isOfClass(rest[length], kIdentifierRestClass) || rest[length] == '.')) {
        ++length;
      }
      return rest.substr(0, length);
    }
    return rest;
  }
  if (rest.empty()) {
    return rest;
  }
  std::size_t length = 1;
  if (isOfClass(rest.front(), kIdentifierFirstClass)) {
    while (length < rest.size() && isOfClass(rest[length], kIdentifierRestClass)) {
      ++length;
    }
  }
  return rest.substr(0, length);
}

// A quoted name must name something.
std::optional<std::size_t> findEmptyName(std::string_view text, const TokenList& list) {
  for (std::size_t i = 0; i < list.tokens.size(); ++i) {
    const Token& token = list.tokens[i];
    if (token.end - token.begin == 2 && text[token.begin] == '"') {
      return token.begin;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string atOrNear(std::string_view problem, std::string_view token) {
  constexpr std::size_t kMostShown = 60;
  std::string message(problem);
  if (token.empty()) {
    return message + " at end of input";
  }
  message += " at or near \"";
  if (token.size() > kMostShown) {
    std::size_t cut = kMostShown;
    while (cut > 0 && (static_cast<unsigned char>(token[cut]) & 0xC0) == 0x80) {
      --cut;  // not in the middle of a character
    }
    message.append(token.substr(0, cut)).append("…");
  } else {
    message.append(token);
  }
  return message + '"';
}

Result<TokenList> tokenizeSql(std::string_view text) {
  TREFOIL_ASSERT(text.size() <= kMaxStatementBytes);
  TokenBuilder builder;
  builder.text_begin = text.data();
  builder.list.tokens.reserve(text.size() / 5 + 8);
  builder.list.kinds.reserve(text.size() / 5 + 8);
  TextInput in(text.data(), text.data() + text.size(), "");
  try {
    const bool matched = pegtl::parse<lexical::text, TokenAction, TokenControl>(in, builder);
    TREFOIL_ASSERT(matched);  // all that can fail raises
  } catch (const LexicalFailure& failure) {
    Error error(ErrorCode::kSyntax, atOrNear(failure.message.problem, offendingText(text, failure.position, failure.message)));
    if (failure.message.detail != nullptr) {
      error.detail = failure.message.detail;
    }
    return std::move(error).at(failure.position);
  }
  if (const auto position = findEmptyName(text, builder.list)) {
    return Error(ErrorCode::kSyntax, "zero-length delimited identifier at or near \"\"\"\"").at(*position);
  }
  if (!builder.parameter_error.empty()) {
    return Error(ErrorCode::kSyntax, std::move(builder.parameter_error)).at(builder.parameter_position);
  }
  return std::move(builder.list);
}

}  // namespace trefoil::parser
