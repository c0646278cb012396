// The command line: structure only. The quoting rules are Redis's (sdssplitargs in sds.c):
//
//   SET key "a\x00b\n" 'it\'s'      four arguments
//   key"with space"                 one: quotes may open inside an argument, but what follows the closing one must be a space
//
// In double quotes \n \r \t \b \a \xHH mean what they mean in C and a backslash before anything else disappears; in single quotes
// only \' is special.
#pragma once

// NOLINTBEGIN(readability-identifier-naming): rules are named as in PEGTL itself

#include <tao/pegtl.hpp>

namespace trefoil::parser::command_line {

namespace pegtl = tao::pegtl;
using namespace pegtl::ascii;  // NOLINT: the rules read as a grammar
using pegtl::any, pegtl::at, pegtl::eof, pegtl::if_must, pegtl::opt, pegtl::plus, pegtl::seq, pegtl::sor, pegtl::star;

// clang-format off
struct blank              : one< ' ', '\t', '\n', '\v', '\f', '\r', '\0' > {};
struct argument_end       : at< sor< eof, blank > > {};

struct hex_escape         : seq< one< '\\' >, one< 'x' >, xdigit, xdigit > {};
struct character_escape   : seq< one< '\\' >, any > {};
struct double_plain       : not_one< '"' > {};
struct double_character   : sor< hex_escape, character_escape, double_plain > {};
struct double_close       : seq< one< '"' >, argument_end > {};
struct double_quoted      : if_must< one< '"' >, star< double_character >, double_close > {};

struct quote_escape       : string< '\\', '\'' > {};
struct single_plain       : not_one< '\'' > {};
struct single_character   : sor< quote_escape, single_plain > {};
struct single_close       : seq< one< '\'' >, argument_end > {};
struct single_quoted      : if_must< one< '\'' >, star< single_character >, single_close > {};

struct bare_character     : not_one< ' ', '\t', '\n', '\r', '\0', '"', '\'' > {};
struct quoted             : sor< double_quoted, single_quoted > {};
struct argument           : sor< seq< plus< bare_character >, opt< quoted > >, quoted > {};
struct arguments          : seq< star< blank >, star< argument, star< blank > >, eof > {};
// clang-format on

}  // namespace trefoil::parser::command_line

// NOLINTEND(readability-identifier-naming)
