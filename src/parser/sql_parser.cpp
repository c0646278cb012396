// One SQL statement: bounds, tokens, grammar, and what the user reads when it fails. PEGTL's exceptions end here.
#include "parser/sql_parser.hpp"

#include <algorithm>

#include "parser/sql_messages.hpp"
#include "parser/sql_statement_actions.hpp"
#include "parser/utf8.hpp"

namespace trefoil::parser {
namespace {

// Damerau-Levenshtein distance 1: one letter wrong, missing, too many, or two neighbours exchanged.
bool oneTypoApart(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) {
    std::swap(a, b);
  }
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin());
  const auto from = static_cast<std::size_t>(in_a - a.begin());
  if (a.size() + 1 == b.size()) {
    return a.substr(from) == b.substr(from + 1);
  }
  if (a.size() != b.size() || from == a.size()) {
    return false;
  }
  if (a.substr(from + 1) == b.substr(from + 1)) {
    return true;
  }
  return from + 1 < a.size() && a[from] == b[from + 1] && a[from + 1] == b[from] && a.substr(from + 2) == b.substr(from + 2);
}

// `Perhaps you meant FROM.` where the token at `index`, or the one before it (SELECT 1 FORM t fails at t), is nearly a keyword.
std::string keywordHint(const State& state, std::size_t index) {
  for (const std::size_t candidate : {index, index - 1}) {
    if (candidate >= state.list.tokens.size() || static_cast<TokenKind>(state.list.kinds[candidate]) != TokenKind::kIdentifier) {
      continue;
    }
    const std::string_view spelling = state.spelling(state.list.tokens[candidate]);
    std::string word(spelling);
    std::transform(word.begin(), word.end(), word.begin(), toLowerAscii);
    constexpr std::size_t kShort = 4;  // nearly everything is one letter away from something short
    if (word.size() < kShort) {
      continue;
    }
    for (const Keyword& keyword : kKeywords) {
      if (keyword.text.size() >= kShort && oneTypoApart(word, keyword.text)) {
        return "Perhaps you meant " + std::string(tokenSpelling(keyword.kind)) + " instead of \"" + std::string(spelling) + "\".";
      }
    }
  }
  return {};
}

// Checks what the grammar takes for granted, and copies the text to where it lives as long as the tree.
Status prepare(std::string_view text, ParsedStatement& parsed) {
  if (text.size() > kMaxStatementBytes) {
    return Error(ErrorCode::kLimit, "statement is too long: at most " + std::to_string(kMaxStatementBytes) + " bytes");
  }
  if (const std::size_t invalid = findInvalidUtf8(text); invalid != std::string_view::npos) {
    constexpr char kDigits[] = "0123456789abcdef";
    const auto byte = static_cast<std::uint8_t>(text[invalid]);
    return Error(ErrorCode::kInvalidText,
                 std::string("invalid byte sequence for encoding \"UTF8\": 0x") + kDigits[byte >> 4] + kDigits[byte & 15])
        .at(invalid);
  }
  parsed.text = parsed.arena.copy(text);
  return {};
}

template <typename Rule>
Status run(State& state) {
  TokenInput in(state.list.kinds.data(), state.list.kinds.data() + state.list.kinds.size(), "");
  try {
    const bool matched = pegtl::parse<Rule, StatementAction, SqlControl>(in, state);
    TREFOIL_ASSERT(matched);  // all that can fail raises
  } catch (ParseFailure& failure) {
    return std::move(failure.error);
  }
  return {};
}

}  // namespace

ast::Name State::nameAt(const char* current) {
  const Token& token = tokenAt(current);
  return {decodeIdentifier(spelling(token), arena), token.begin};
}

void State::failTooHigh(ast::Position position) {
  failAt(position, ErrorCode::kLimit, "statement is too complex",
         "Expressions, joins and queries may be at most " + std::to_string(kMaxTreeHeight) + " levels high.");
}

DepthGuard::DepthGuard(State& state, const TokenInput& in) : state_(state) {
  if (++state_.depth > kMaxNestingDepth) {
    failAt(state.positionOf(in.current()), ErrorCode::kLimit, "statement is nested too deeply",
           "At most " + std::to_string(kMaxNestingDepth) + " levels of parentheses and subqueries are possible.");
  }
}

void failAt(ast::Position position, ErrorCode code, std::string message, std::string detail) {
  throw ParseFailure{Error(code, std::move(message)).withDetail(std::move(detail)).at(position)};
}

void failAtToken(const State& state, std::size_t token_index, std::string detail) {
  const bool at_end = token_index >= state.list.tokens.size();
  const std::size_t position = at_end ? state.text.size() : state.list.tokens[token_index].begin;
  const std::string_view spelling = at_end ? std::string_view() : state.spelling(state.list.tokens[token_index]);
  throw ParseFailure{Error(ErrorCode::kSyntax, atOrNear("syntax error", spelling))
                         .withDetail(std::move(detail))
                         .withHint(keywordHint(state, token_index))
                         .at(position)};
}

void raiseExpected(const TokenInput& in, const State& state, const char* message, const TokenKind* due) {
  std::string detail;
  if (message != nullptr) {
    detail = message;
  } else if (due != nullptr && *due != TokenKind::kCount) {
    detail = "Expected ";
    for (const TokenKind* kind = due; *kind != TokenKind::kCount; ++kind) {
      const bool last = kind[1] == TokenKind::kCount;
      const bool quoted = !isKeyword(*kind) && *kind > TokenKind::kParameter;
      detail += kind == due ? "" : (last ? " or " : ", ");
      detail += quoted ? "\"" : "";
      detail += tokenSpelling(*kind);
      detail += quoted ? "\"" : "";
    }
    detail += '.';
  }
  failAtToken(state, state.indexOf(in.current()), std::move(detail));
}

Result<std::unique_ptr<ParsedStatement>> parseSql(std::string_view text) {
  auto parsed = std::make_unique<ParsedStatement>();
  TREFOIL_TRY(prepare(text, *parsed));
  TREFOIL_ASSIGN(const TokenList list, tokenizeSql(parsed->text));
  State state(*parsed, list);
  TREFOIL_TRY(run<rules::statement>(state));
  parsed->statement = state.statement;
  parsed->literal_count = list.literal_count;
  parsed->parameter_count = list.parameter_count;
  return parsed;
}

Result<ParsedExpression> parseSqlExpression(std::string_view text) {
  ParsedExpression result{std::make_unique<ParsedStatement>(), nullptr};
  TREFOIL_TRY(prepare(text, *result.owner));
  TREFOIL_ASSIGN(const TokenList list, tokenizeSql(result.owner->text));
  State state(*result.owner, list);
  TREFOIL_TRY(run<rules::lone_expression>(state));
  result.owner->literal_count = list.literal_count;
  result.owner->parameter_count = list.parameter_count;
  result.expression = state.expression;
  return result;
}

}  // namespace trefoil::parser
