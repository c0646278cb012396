// Expressions: structure only.
//
// Operands (`primary`) are ordinary rules. Operators are a table of precedences, PostgreSQL's (manual 4.1.6), which the loop in
// sql_expressions.cpp climbs; what follows an operand as a predicate (IS, BETWEEN, IN, LIKE, ::) is a rule again, tried by the
// loop at its place in the table.
#pragma once

// NOLINTBEGIN(readability-identifier-naming): rules are named as in PEGTL itself

#include "parser/ast.hpp"
#include "parser/sql_grammar.hpp"

namespace trefoil::parser {

enum class Precedence : std::uint8_t {
  kNone,  // not an operator
  kOr,
  kAnd,
  kNot,  // prefix
  kIs,
  kComparison,  // does not associate: a < b < c is an error
  kPredicate,   // BETWEEN, IN, LIKE
  kOther,       // ||, ->, <=> …
  kAdditive,
  kMultiplicative,
  kPower,
  kSign,  // prefix
  kCast,  // ::
};

struct OperatorInfo {
  Precedence precedence = Precedence::kNone;
  bool is_predicate = false;  // a rule of its own instead of `op`
  ast::BinaryOperator op = ast::BinaryOperator::kOr;
};

constexpr std::array<OperatorInfo, static_cast<std::size_t>(TokenKind::kCount)> makeOperators() {
  std::array<OperatorInfo, static_cast<std::size_t>(TokenKind::kCount)> table{};
  const auto binary = [&table](TokenKind kind, Precedence precedence, ast::BinaryOperator op) {
    table[static_cast<std::size_t>(kind)] = {precedence, false, op};
  };
  const auto predicate = [&table](TokenKind kind, Precedence precedence) {
    table[static_cast<std::size_t>(kind)] = {precedence, true, {}};
  };
  using enum TokenKind;
  using Op = ast::BinaryOperator;
  binary(kOr, Precedence::kOr, Op::kOr);
  binary(kAnd, Precedence::kAnd, Op::kAnd);
  predicate(kIs, Precedence::kIs);
  predicate(kIsNull, Precedence::kIs);
  predicate(kNotNull, Precedence::kIs);
  binary(kEqual, Precedence::kComparison, Op::kEqual);
  binary(kNotEqual, Precedence::kComparison, Op::kNotEqual);
  binary(kLess, Precedence::kComparison, Op::kLess);
  binary(kLessEqual, Precedence::kComparison, Op::kLessEqual);
  binary(kGreater, Precedence::kComparison, Op::kGreater);
  binary(kGreaterEqual, Precedence::kComparison, Op::kGreaterEqual);
  predicate(kBetween, Precedence::kPredicate);
  predicate(kIn, Precedence::kPredicate);
  predicate(kLike, Precedence::kPredicate);
  predicate(kIlike, Precedence::kPredicate);
  binary(kConcatenate, Precedence::kOther, Op::kConcatenate);
  binary(kArrow, Precedence::kOther, Op::kJsonGet);
  binary(kLongArrow, Precedence::kOther, Op::kJsonGetText);
  binary(kL2Distance, Precedence::kOther, Op::kL2Distance);
  binary(kCosineDistance, Precedence::kOther, Op::kCosineDistance);
  binary(kNegativeProduct, Precedence::kOther, Op::kNegativeProduct);
  binary(kPlus, Precedence::kAdditive, Op::kAdd);
  binary(kMinus, Precedence::kAdditive, Op::kSubtract);
  binary(kStar, Precedence::kMultiplicative, Op::kMultiply);
  binary(kSlash, Precedence::kMultiplicative, Op::kDivide);
  binary(kPercent, Precedence::kMultiplicative, Op::kModulo);
  binary(kCaret, Precedence::kPower, Op::kPower);
  predicate(kCastColons, Precedence::kCast);
  return table;
}
inline constexpr auto kOperators = makeOperators();

// True if State::expression is nothing but a subquery in parentheses, whose query is then in State::query: what follows may still
// make it the first operand of a UNION.
bool isBareSubquery(TokenInput& in, State& state);
// What IS DISTINCT FROM compares with: all that binds more tightly, comparisons too.
bool matchDistinctOperand(TokenInput& in, State& state);

namespace rules {
// clang-format off

struct null_literal          : token< kNull > {};
struct true_literal          : token< kTrue > {};
struct false_literal         : token< kFalse > {};
struct integer_literal       : token< kInteger > {};
struct decimal_literal       : token< kDecimal > {};
struct string_literal        : token< kString > {};
struct blob_literal          : token< kBlob > {};
struct vector_literal        : token< kVector > {};
struct parameter             : token< kParameter > {};
struct current_moment        : token< kCurrentDate, kCurrentTime, kCurrentTimestamp, kLocalTimestamp > {};

struct query_rest            : seq< query_goes_on, elsewhere< isBareSubquery >, elsewhere< matchQueryContinuation > > {};
struct subquery              : seq< query_first, query > {};
struct inner_expression      : seq< expression, opt< query_rest > > {};
struct parenthesised         : if_must< token< kOpen >, sor< subquery, inner_expression >, token< kClose > > {};
struct exists                : seq< at< token< kExists >, token< kOpen > >, token< kExists >, in_parentheses< query > > {};

struct case_operand          : seq< not_at< token< kWhen > >, expression > {};
struct case_start            : at< token< kWhen > > {};
struct case_condition        : seq< expression > {};
struct case_result           : seq< expression > {};
struct case_branch           : if_must< token< kWhen >, case_condition, token< kThen >, case_result > {};
struct case_otherwise        : seq< expression > {};
struct case_expression       : if_must< token< kCase >, opt< case_operand >, case_start, plus< case_branch >,
                                        opt< if_must< token< kElse >, case_otherwise > >, token< kEnd > > {};

struct cast_operand          : seq< expression > {};
struct cast_expression       : if_must< token< kCast >, token< kOpen >, cast_operand, token< kAs >, type_name, token< kClose > > {};

struct function_word         : name_token< unquoted::kUnreserved, unquoted::kFunctionName > {};
struct star_argument         : token< kStar > {};
struct distinct_arguments    : token< kDistinct > {};
struct argument              : seq< expression > {};
struct some_arguments        : seq< opt< sor< distinct_arguments, token< kAll > > >, comma_list< argument > > {};
struct arguments             : sor< star_argument, at< token< kClose > >, some_arguments > {};
struct filter_condition      : seq< expression > {};
struct filter                : seq< at< token< kFilter >, token< kOpen > >, token< kFilter >, token< kOpen >,
                                    must< token< kWhere >, filter_condition, token< kClose > > > {};
struct call                  : seq< at< function_word, token< kOpen > >, function_word, in_parentheses< arguments >, opt< filter > > {};

struct literal_zone          : seq< at< token< kWith, kWithout >, token< kTime > >, sor< with_zone, without_zone > > {};
struct zoned_literal_type    : seq< sor< timestamp_word, time_word >, opt< literal_zone > > {};
struct literal_type          : sor< double_precision, zoned_literal_type, type_word > {};
struct typed_literal         : seq< at< literal_type, token< kString > >, literal_type, string_literal > {};

struct column_first          : name {};
struct column_second         : label {};
struct table_star            : token< kStar > {};
struct dotted_column         : sor< column_second, table_star > {};
struct column                : seq< column_first, opt< if_must< token< kDot >, dotted_column > > > {};

struct primary               : sor< integer_literal, string_literal, parameter, call, typed_literal, exists, column, parenthesised, null_literal,
                                    decimal_literal, true_literal, false_literal, case_expression, cast_expression,
                                    current_moment, blob_literal, vector_literal > {};

struct is_not                : token< kNot > {};
struct is_null               : token< kNull > {};
struct is_true               : token< kTrue > {};
struct is_false              : token< kFalse > {};
struct is_unknown            : token< kUnknown > {};
struct distinct_from         : sor< is_null, is_true, is_false, is_unknown > {};
struct is_test               : if_must< token< kIs >, opt< is_not >, distinct_from > {};
struct is_null_word          : token< kIsNull > {};
struct is_not_null_word      : token< kNotNull > {};
struct distinct_not          : token< kNot > {};
struct distinct_operand      : elsewhere< matchDistinctOperand > {};
struct is_distinct           : seq< at< token< kIs >, opt< token< kNot > >, token< kDistinct > >, token< kIs >, opt< distinct_not >,
                                    token< kDistinct >, must< token< kFrom >, distinct_operand > > {};

struct between_low           : seq< restricted_expression > {};
struct between_high          : seq< restricted_expression > {};
struct between               : if_must< token< kBetween >, between_low, token< kAnd >, between_high > {};

struct in_query              : seq< at< token< kIn >, token< kOpen >, query_first >, token< kIn >, in_parentheses< query > > {};
struct in_item               : seq< expression, opt< query_rest > > {};
struct in_items              : comma_list< in_item > {};
struct in_list               : if_must< token< kIn >, in_parentheses< in_items > > {};

struct in_table              : seq< at< token< kIn >, name >, token< kIn >, qualified_name > {};  // SQLite's: IN (SELECT * FROM table)

struct like_word             : token< kLike > {};
struct ilike_word            : token< kIlike > {};
struct like_pattern          : seq< restricted_expression > {};
struct like_escape           : seq< restricted_expression > {};
struct like                  : if_must< sor< like_word, ilike_word >, like_pattern, opt< if_must< token< kEscape >, like_escape > > > {};

struct cast_colons           : if_must< token< kCastColons >, type_name > {};

struct predicate             : sor< is_distinct, is_test, is_null_word, is_not_null_word, between, in_query, in_table, in_list, like, cast_colons > {};

// clang-format on
}  // namespace rules
}  // namespace trefoil::parser

// NOLINTEND(readability-identifier-naming)
