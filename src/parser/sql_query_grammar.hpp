// Queries: SELECT, VALUES, set operations, WITH and the FROM clause. Structure only.
#pragma once

// NOLINTBEGIN(readability-identifier-naming): rules are named as in PEGTL itself

#include "parser/sql_grammar.hpp"

namespace trefoil::parser {

// DEFAULT as a value, where an INSERT's own rows are being read; an error elsewhere.
bool matchDefaultValue(TokenInput& in, State& state);
bool matchTableReference(TokenInput& in, State& state);
// As isBareSubquery, for State::table.
bool isBareSubqueryTable(TokenInput& in, State& state);

namespace rules {
// clang-format off

// ---- SELECT

struct star_item             : token< kStar > {};
struct item_value            : seq< item_expression > {};
struct item_alias            : sor< if_must< token< kAs >, alias_name >, bare_label > {};
struct select_item           : sor< star_item, seq< item_value, opt< item_alias > > > {};
struct select_items          : comma_list< select_item > {};

struct distinct              : token< kDistinct > {};
struct select_where          : if_must< token< kWhere >, expression > {};
struct group_item            : seq< expression > {};
struct group_by              : if_must< token< kGroup >, token< kBy >, comma_list< group_item > > {};
struct having                : if_must< token< kHaving >, expression > {};
struct from_clause           : if_must< token< kFrom >, table_references > {};
struct select_head           : seq< select_list > {};
struct select                : if_must< token< kSelect >, opt< sor< distinct, token< kAll > > >, select_head, opt< from_clause >,
                                        opt< select_where >, opt< group_by >, opt< having > > {};

// ---- VALUES

struct values_default        : seq< at< token< kDefault > >, elsewhere< matchDefaultValue > > {};
struct values_item           : sor< values_default, expression > {};
struct values_row_begin      : token< kOpen > {};
struct values_row            : if_must< values_row_begin, comma_list< values_item >, token< kClose > > {};
struct values                : if_must< token< kValues >, comma_list< values_row > > {};

// ---- set operations: INTERSECT binds more tightly than UNION and EXCEPT

struct set_operand           : sor< select, values, in_parentheses< query > > {};
struct set_all               : token< kAll > {};
struct set_quantifier        : opt< sor< set_all, token< kDistinct > > > {};
struct intersect_right       : seq< set_operand > {};
struct intersection          : if_must< token< kIntersect >, set_quantifier, intersect_right > {};
struct except_word           : token< kExcept > {};
struct union_right           : seq< set_operand, star< intersection > > {};
struct set_operation         : if_must< sor< token< kUnion >, except_word >, set_quantifier, union_right > {};
struct set_operations        : seq< star< intersection >, star< set_operation > > {};

// ---- ORDER BY, LIMIT, OFFSET

struct order_value           : seq< expression > {};
struct order_item            : seq< order_value, sort_direction > {};
struct order_word            : token< kOrder > {};
struct order_by              : if_must< order_word, token< kBy >, comma_list< order_item > > {};
struct limit_all             : token< kAll > {};
struct limit_value           : seq< expression > {};
struct limit                 : if_must< token< kLimit >, sor< limit_all, limit_value > > {};
struct offset_value          : seq< expression > {};
struct offset                : if_must< token< kOffset >, offset_value > {};
struct ordering              : seq< at< token< kOrder, kLimit, kOffset > >, opt< order_by >, star< sor< limit, offset > > > {};
struct query_continuation    : seq< set_operations, opt< ordering > > {};
struct query_first_operand   : at< token< kSelect, kValues, kOpen > > {};
struct query_body            : seq< query_first_operand, set_operand, query_continuation > {};

// ---- WITH

struct common_name           : name {};
struct common_columns        : seq< name_list > {};
struct common_query          : in_parentheses< query > {};
struct materialized          : token< kMaterialized > {};
struct not_materialized      : if_must< token< kNot >, token< kMaterialized > > {};
struct common_table          : seq< common_name, opt< common_columns >, must< token< kAs > >, opt< sor< materialized, not_materialized > >,
                                    must< common_query > > {};
struct recursive             : token< kRecursive > {};
struct with                  : if_must< token< kWith >, opt< recursive >, comma_list< common_table > > {};

// ---- FROM

struct table_alias_name      : sor< if_must< token< kAs >, new_name >, bare_alias > {};
struct table_alias_columns   : seq< name_list > {};
struct table_alias           : seq< table_alias_name, opt< table_alias_columns > > {};
struct table_function        : seq< at< name, token< kOpen > >, elsewhere< matchCall > > {};
struct named_table           : seq< qualified_name > {};
struct table_query           : seq< query_first, query > {};
struct table_query_rest      : seq< query_goes_on, elsewhere< isBareSubqueryTable >, elsewhere< matchQueryContinuation > > {};
struct inner_table           : seq< elsewhere< matchTableReference >, opt< table_query_rest > > {};
struct derived_table         : if_must< token< kOpen >, sor< table_query, inner_table >, token< kClose >, opt< table_alias > > {};
struct only_table            : if_must< token< kOnly >, named_table > {};  // there is no inheritance
struct aliased_table         : seq< sor< table_function, named_table, only_table >, opt< table_alias > > {};
struct from_item             : sor< derived_table, aliased_table > {};

struct natural               : token< kNatural > {};
struct left_join             : seq< token< kLeft >, opt< token< kOuter > > > {};
struct right_join            : seq< token< kRight >, opt< token< kOuter > > > {};
struct full_join             : seq< token< kFull >, opt< token< kOuter > > > {};
struct join_type             : sor< token< kInner >, left_join, right_join, full_join > {};
struct join_word             : token< kJoin > {};
struct joined_table          : seq< from_item > {};
struct cross_word            : token< kCross > {};
struct join_on               : if_must< token< kOn >, expression > {};
struct join_using            : if_must< token< kUsing >, name_list > {};
struct join_condition        : sor< join_on, join_using > {};
struct cross_join            : if_must< cross_word, join_word, joined_table > {};
struct natural_join          : if_must< natural, opt< join_type >, join_word, joined_table > {};
struct typed_join            : if_must< join_type, join_word, joined_table, join_condition > {};
struct plain_join            : if_must< token< kJoin >, joined_table, join_condition > {};
struct join                  : sor< plain_join, typed_join, cross_join, natural_join > {};
struct table_reference       : seq< from_item, star< join > > {};

// clang-format on
}  // namespace rules
}  // namespace trefoil::parser

// NOLINTEND(readability-identifier-naming)
