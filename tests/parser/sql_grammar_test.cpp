// PEGTL's analysis of each grammar: no left recursion, no loop that consumes nothing.
#include <catch2/catch.hpp>
#include <tao/pegtl/contrib/analyze.hpp>

#include "parser/command_line_grammar.hpp"
#include "parser/resp_grammar.hpp"
#include "parser/sql_data_grammar.hpp"
#include "parser/sql_expression_grammar.hpp"
#include "parser/sql_query_grammar.hpp"
#include "parser/sql_schema_grammar.hpp"
#include "parser/sql_statement_grammar.hpp"
#include "parser/sql_token_grammar.hpp"

namespace tao::pegtl {
template <typename Name>
struct analyze_traits<Name, trefoil::parser::resp::bulk_bytes> : analyze_opt_traits<> {};
template <typename Name, typename Rule>
struct analyze_traits<Name, trefoil::parser::resp::counted<Rule>> : analyze_opt_traits<Rule> {};
}  // namespace tao::pegtl

namespace trefoil::parser {
namespace {

// A canary: the analysis finds a loop without progress.
struct LoopsForever : tao::pegtl::star<tao::pegtl::opt<tao::pegtl::one<'a'>>> {};

template <typename Grammar>
std::size_t problems() {
  return tao::pegtl::analyze<Grammar>(-1);
}

}  // namespace

TEST_CASE("The grammars always make progress", "[grammar]") {
  CHECK(problems<lexical::text>() == 0);
  CHECK(problems<rules::primary>() == 0);
  CHECK(problems<rules::predicate>() == 0);
  CHECK(problems<rules::query_body>() == 0);
  CHECK(problems<rules::query_continuation>() == 0);
  CHECK(problems<rules::with>() == 0);
  CHECK(problems<rules::table_reference>() == 0);
  CHECK(problems<rules::select_items>() == 0);
  CHECK(problems<rules::data_change>() == 0);
  CHECK(problems<rules::schema_change>() == 0);
  CHECK(problems<rules::statement>() == 0);
  CHECK(problems<command_line::arguments>() == 0);
  CHECK(problems<resp::request>() == 0);
}

TEST_CASE("The analysis would notice", "[grammar]") {
  CHECK(problems<LoopsForever>() != 0);
}

TEST_CASE("Every keyword is found in any case, and nothing else is", "[grammar]") {
  for (const Keyword& keyword : kKeywords) {
    std::string word(keyword.text);
    CHECK(findKeyword(word) == &keyword);
    word[0] = static_cast<char>(word[0] - 32);
    CHECK(findKeyword(word) == &keyword);
    CHECK(findKeyword(word + "x") == nullptr);
    std::string spelling(tokenSpelling(keyword.kind));
    CHECK(findKeyword(spelling) == &keyword);
  }
  CHECK(findKeyword("") == nullptr);
  CHECK(findKeyword("current_timestampp") == nullptr);
  CHECK(tokenSpelling(TokenKind::kNegativeProduct) == "<#>");
  CHECK(tokenSpelling(TokenKind::kOpen) == "(");
}

}  // namespace trefoil::parser
