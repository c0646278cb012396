// The SQL grammar, common part: rules over tokens that every translation unit of the grammar uses. Structure only.
//
// The input is the string of token kinds that the tokeniser made (one byte per token), so a rule reads like the syntax diagrams
// of the manual: no white space, no letter case, and one token of lookahead decides nearly everywhere. Where it does not, an at<>
// looks at most three tokens ahead. Nothing that built a node is ever tried a second time: once a rule has consumed its first
// token it matches or raises (if_must, must), so parsing is linear in the number of tokens.
//
//   sql_expression_grammar   sql_query_grammar   sql_dml_grammar   sql_ddl_grammar      each with its own translation unit,
//                         joined by the plain functions of sql_state.hpp                 so that none compiles for long
#pragma once

// NOLINTBEGIN(readability-identifier-naming): rules are named as in PEGTL itself

#include <tao/pegtl.hpp>
#include <tao/pegtl/contrib/analyze_traits.hpp>

#include "parser/sql_tokens.hpp"

namespace trefoil::parser {

namespace pegtl = tao::pegtl;
// Reads the kinds; current() - begin() is the index of a token.
using TokenInput = pegtl::memory_input<pegtl::tracking_mode::lazy, pegtl::eol::lf, const char*>;

struct State;
bool matchExpression(TokenInput& in, State& state);
bool matchItemExpression(TokenInput& in, State& state);
bool matchRestrictedExpression(TokenInput& in, State& state);
bool matchCall(TokenInput& in, State& state);
bool matchQuery(TokenInput& in, State& state);
bool matchQueryContinuation(TokenInput& in, State& state);
bool matchWithClause(TokenInput& in, State& state);
bool matchTableReferences(TokenInput& in, State& state);
bool matchSelectList(TokenInput& in, State& state);
bool matchDataStatement(TokenInput& in, State& state);
bool matchSchemaStatement(TokenInput& in, State& state);

namespace rules {

using pegtl::at, pegtl::eof, pegtl::if_must, pegtl::must, pegtl::not_at, pegtl::opt, pegtl::plus, pegtl::seq, pegtl::sor,
    pegtl::star, pegtl::success;
using enum TokenKind;

// One token of the given kinds.
template <TokenKind... Kinds>
struct token {
  using rule_t = token;
  using subs_t = pegtl::empty_list;
  static bool match(TokenInput& in) {
    if (in.empty()) {
      return false;
    }
    const auto kind = static_cast<TokenKind>(in.peek_uint8());
    if (!((kind == Kinds) || ...)) {
      return false;
    }
    in.bump();
    return true;
  }
};

// One token that may serve as a name: an identifier or a keyword of a category from the given ones on.
template <KeywordCategory... Categories>
struct name_token {
  using rule_t = name_token;
  using subs_t = pegtl::empty_list;
  static bool match(TokenInput& in) {
    if (in.empty()) {
      return false;
    }
    const auto kind = static_cast<TokenKind>(in.peek_uint8());
    const bool is_name = kind == kIdentifier || (isKeyword(kind) && ((keywordOf(kind).category == Categories) || ...));
    if (is_name) {
      in.bump();
    }
    return is_name;
  }
};

// A part of the grammar that lives in another translation unit.
template <bool (*Function)(TokenInput&, State&)>
struct elsewhere {
  using rule_t = elsewhere;
  using subs_t = pegtl::empty_list;
  template <pegtl::apply_mode A, pegtl::rewind_mode, template <typename...> class, template <typename...> class>
  static bool match(TokenInput& in, State& state) {
    static_assert(A == pegtl::apply_mode::action, "what Builds nodes does not belong into a lookahead");
    return Function(in, state);
  }
};

// clang-format off
struct expression            : elsewhere< matchExpression > {};
struct item_expression       : elsewhere< matchItemExpression > {};        // t.* as well
struct restricted_expression : elsewhere< matchRestrictedExpression > {};  // no comparison, AND, OR, NOT, IS, IN … outside parentheses
struct query                 : elsewhere< matchQuery > {};
struct table_references      : elsewhere< matchTableReferences > {};
struct select_list           : elsewhere< matchSelectList > {};

struct query_first           : at< sor< token< kSelect, kWith >, seq< token< kValues >, token< kOpen > > > > {};
struct query_goes_on         : at< token< kUnion, kIntersect, kExcept, kOrder, kLimit, kOffset > > {};

template< typename Rule >
struct comma_list            : seq< Rule, star< if_must< token< kComma >, Rule > > > {};
template< typename Rule >
struct in_parentheses        : if_must< token< kOpen >, Rule, token< kClose > > {};

using unquoted = KeywordCategory;
struct name                  : name_token< unquoted::kUnreserved, unquoted::kColumnName > {};
struct label                 : name_token< unquoted::kUnreserved, unquoted::kColumnName, unquoted::kFunctionName, unquoted::kReserved > {};
// A select item's name without AS: any word but those that could go on with the expression or the statement (PostgreSQL's
// AS-only labels).
struct bare_label            : seq< not_at< token< kArray, kAs, kChar, kCharacter, kCreate, kExcept, kFetch, kFilter, kFor, kFrom, kGrant,
                                                   kGroup, kHaving, kIntersect, kInto, kIsNull, kLimit, kNotNull, kOffset, kOn, kOrder,
                                                   kOverlaps, kPrecision, kReturning, kTo, kUnion, kVarying, kWhere, kWindow, kWith,
                                                   kWithout > >, label > {};
struct bare_alias            : seq< not_at< token< kSet > >, name_token< unquoted::kUnreserved > > {};

// The same names under names of their own: where one of these is due, nothing else is possible, so they carry a message.
struct column_name           : name {};
struct index_name            : name {};
struct constraint_name       : name {};
struct setting_name          : name {};
struct savepoint_name        : name {};
struct alias_name            : label {};
struct new_name              : name {};

struct qualified_first       : name {};
struct qualified_second      : name {};
struct qualified_name        : seq< qualified_first, opt< if_must< token< kDot >, qualified_second > > > {};
struct table_target          : seq< qualified_name > {};

struct names_open            : token< kOpen > {};
struct listed_name           : name {};
struct name_list             : if_must< names_open, comma_list< listed_name >, token< kClose > > {};

struct type_modifier         : token< kInteger > {};
struct type_modifiers        : opt< in_parentheses< comma_list< type_modifier > > > {};
struct type_word             : name_token< unquoted::kUnreserved, unquoted::kFunctionName > {};
struct double_precision      : seq< token< kDouble >, token< kPrecision > > {};
struct character_varying     : seq< token< kCharacter, kChar >, token< kVarying > > {};
struct with_zone             : if_must< token< kWith >, token< kTime >, token< kZone > > {};
struct without_zone          : if_must< token< kWithout >, token< kTime >, token< kZone > > {};
struct timestamp_word        : token< kTimestamp > {};
struct time_word             : token< kTime > {};
struct zoned_type            : seq< sor< timestamp_word, time_word >, type_modifiers, opt< sor< with_zone, without_zone > > > {};
struct plain_type            : seq< sor< double_precision, character_varying, type_word >, type_modifiers > {};
struct type_name             : sor< zoned_type, plain_type > {};

struct setting_word          : label {};
struct setting_literal       : seq< at< token< kInteger, kDecimal, kString, kMinus, kPlus > >, restricted_expression > {};
struct setting_value         : sor< setting_literal, setting_word > {};

struct descending            : token< kDesc > {};
struct nulls_first           : token< kFirst > {};
struct nulls_last            : token< kLast > {};
struct nulls_place           : sor< nulls_first, nulls_last > {};
struct sort_direction        : seq< opt< sor< token< kAsc >, descending > >, opt< if_must< token< kNulls >, nulls_place > > > {};
// clang-format on

}  // namespace rules
}  // namespace trefoil::parser

namespace tao::pegtl {

template <typename Name, trefoil::parser::TokenKind... Kinds>
struct analyze_traits<Name, trefoil::parser::rules::token<Kinds...>> : analyze_any_traits<> {};
template <typename Name, trefoil::parser::KeywordCategory... Categories>
struct analyze_traits<Name, trefoil::parser::rules::name_token<Categories...>> : analyze_any_traits<> {};
template <typename Name, bool (*Function)(trefoil::parser::TokenInput&, trefoil::parser::State&)>
struct analyze_traits<Name, trefoil::parser::rules::elsewhere<Function>> : analyze_any_traits<> {};

}  // namespace tao::pegtl

// NOLINTEND(readability-identifier-naming)
