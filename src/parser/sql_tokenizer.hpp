// SQL text to tokens, by the rules of sql_token_grammar.hpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "parser/sql_tokens.hpp"

namespace trefoil::parser {

// The tokens of a text: `kinds` has one byte per token (a TokenKind), which is the input of the SQL grammar, and `tokens` says
// for each of them where it stands.
struct TokenList {
  std::string kinds;
  std::vector<Token> tokens;
  std::uint32_t literal_count = 0;
  std::uint32_t parameter_count = 0;  // the highest number
  bool has_numbered_parameters = false;
};

// `text` is at most kMaxStatementBytes of valid UTF-8. Errors have PostgreSQL's wording and the position.
Result<TokenList> tokenizeSql(std::string_view text);

// `syntax error at or near "FORM"`: PostgreSQL's wording for trouble with a token; a very long one is cut.
std::string atOrNear(std::string_view problem, std::string_view token);

}  // namespace trefoil::parser
