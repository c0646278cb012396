// The tokens of SQL as grammar rules over bytes: structure only. What a token becomes is in sql_tokenizer.cpp.
//
// White space and comments stand between tokens; every rule below `token` is exactly one token and eats nothing around it. Where
// PostgreSQL would take any run of operator characters for one operator, we know our operators and take the longest of them.
#pragma once

// NOLINTBEGIN(readability-identifier-naming): rules are named as in PEGTL itself

#include <tao/pegtl.hpp>
#include <tao/pegtl/contrib/analyze_traits.hpp>

#include "parser/sql_tokens.hpp"

namespace trefoil::parser::lexical {

namespace pegtl = tao::pegtl;
using namespace pegtl::ascii;  // NOLINT: the rules read as a grammar
using pegtl::any, pegtl::at, pegtl::eof, pegtl::eolf, pegtl::if_must, pegtl::must, pegtl::not_at, pegtl::opt, pegtl::plus,
    pegtl::seq, pegtl::sor, pegtl::star, pegtl::until;

// One byte of the given classes: the table that the shape scanner uses, too.
template <std::uint8_t Classes>
struct of_class {
  using rule_t = of_class;
  using subs_t = pegtl::empty_list;
  template <typename ParseInput>
  static bool match(ParseInput& in) {
    if (in.empty() || !isOfClass(in.peek_char(), Classes)) {
      return false;
    }
    in.bump();
    return true;
  }
};

// The inside of a block comment up to its last */, with comments nested to any depth: counted, as recursion would need a bound.
struct block_comment_rest {
  using rule_t = block_comment_rest;
  using subs_t = pegtl::empty_list;
  template <typename ParseInput>
  static bool match(ParseInput& in) {
    for (std::size_t depth = 1; in.size() >= 2;) {
      const char first = in.peek_char(0);
      const char second = in.peek_char(1);
      if (first == '*' && second == '/') {
        in.bump(2);
        if (--depth == 0) {
          return true;
        }
      } else if (first == '/' && second == '*') {
        in.bump(2);
        ++depth;
      } else {
        in.bump();
      }
    }
    return false;
  }
};

// clang-format off
struct space_character    : of_class< kSpaceClass > {};
struct digit_character    : of_class< kDigitClass > {};
struct hex_character      : of_class< kHexClass > {};
struct name_first         : of_class< kIdentifierFirstClass > {};
struct name_rest          : of_class< kIdentifierRestClass > {};

struct line_comment       : seq< two< '-' >, until< eolf > > {};
struct block_comment      : if_must< string< '/', '*' >, block_comment_rest > {};
struct skip               : star< sor< space_character, line_comment, block_comment > > {};

struct identifier         : seq< name_first, star< name_rest > > {};
struct name_character     : sor< two< '"' >, not_one< '"' > > {};
struct closing_name_quote : one< '"' > {};
struct quoted_identifier  : seq< one< '"' >, must< star< name_character >, closing_name_quote > > {};

struct string_character   : sor< two< '\'' >, not_one< '\'' > > {};
struct closing_quote      : one< '\'' > {};
struct plain_string       : seq< one< '\'' >, must< star< string_character >, closing_quote > > {};
struct escape_character   : sor< seq< one< '\\' >, any >, two< '\'' >, not_one< '\'', '\\' > > {};
struct escape_string      : seq< one< 'e', 'E' >, one< '\'' >, must< star< escape_character >, closing_quote > > {};
struct closing_blob_quote : one< '\'' > {};
struct blob               : seq< one< 'x', 'X' >, one< '\'' >, must< star< hex_character >, closing_blob_quote > > {};

struct digits             : plus< digit_character > {};
struct exponent           : seq< one< 'e', 'E' >, opt< one< '+', '-' > >, digits > {};
struct fraction           : seq< one< '.' >, star< digit_character > > {};
struct bare_fraction      : seq< one< '.' >, digits > {};
struct number_end         : not_at< name_first > {};
struct decimal            : seq< sor< seq< digits, sor< seq< fraction, opt< exponent > >, exponent > >,
                                      seq< bare_fraction, opt< exponent > > >, must< number_end > > {};
struct integer            : seq< digits, must< number_end > > {};

struct element            : seq< opt< one< '+', '-' > >, sor< seq< digits, opt< fraction > >, bare_fraction >, opt< exponent > > {};
struct next_element       : seq< star< space_character >, element, star< space_character > > {};
struct closing_bracket    : one< ']' > {};
struct vector             : seq< one< '[' >, must< next_element, star< one< ',' >, must< next_element > >, closing_bracket > > {};

struct parameter_end      : not_at< name_rest > {};
struct numbered_parameter : seq< one< '$' >, digits, must< parameter_end > > {};
struct next_parameter     : one< '?' > {};

struct cast_colons        : string< ':', ':' > {};
struct not_equal          : sor< string< '<', '>' >, string< '!', '=' > > {};
struct cosine_distance    : string< '<', '=', '>' > {};
struct l2_distance        : string< '<', '-', '>' > {};
struct negative_product   : string< '<', '#', '>' > {};
struct less_equal         : string< '<', '=' > {};
struct greater_equal      : string< '>', '=' > {};
struct concatenate        : string< '|', '|' > {};
struct long_arrow         : string< '-', '>', '>' > {};
struct arrow              : string< '-', '>' > {};
struct punctuation        : one< '(', ')', ',', ';', '+', '*', '%', '^', '=' > {};  // begin nothing longer
struct single             : one< '.', '-', '/', '<', '>' > {};
struct operator_token     : sor< cast_colons, cosine_distance, l2_distance, negative_product, not_equal, less_equal, greater_equal,
                                 concatenate, long_arrow, arrow, single > {};

struct token              : sor< punctuation, escape_string, blob, identifier, decimal, integer, plain_string, operator_token,
                                 quoted_identifier, numbered_parameter, next_parameter, vector > {};
struct end_of_text        : eof {};
struct text               : seq< skip, star< token, skip >, must< end_of_text > > {};
// clang-format on

}  // namespace trefoil::parser::lexical

namespace tao::pegtl {

template <typename Name, std::uint8_t Classes>
struct analyze_traits<Name, trefoil::parser::lexical::of_class<Classes>> : analyze_any_traits<> {};
template <typename Name>
struct analyze_traits<Name, trefoil::parser::lexical::block_comment_rest> : analyze_any_traits<> {};

}  // namespace tao::pegtl

// NOLINTEND(readability-identifier-naming)
