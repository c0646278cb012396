// INSERT, UPDATE, DELETE, TRUNCATE: structure only.
#pragma once

// NOLINTBEGIN(readability-identifier-naming): rules are named as in PEGTL itself

#include "parser/sql_grammar.hpp"

namespace trefoil::parser {

// The source of an INSERT, in whose rows DEFAULT is a value.
bool matchInsertQuery(TokenInput& in, State& state);

namespace rules {
// clang-format off

struct target_alias          : sor< if_must< token< kAs >, new_name >, bare_alias > {};
struct assignment_target     : name {};
struct assignment_default    : token< kDefault > {};
struct assignment_value      : sor< assignment_default, expression > {};
struct assignment            : seq< assignment_target, must< token< kEqual >, assignment_value > > {};
struct assignments           : comma_list< assignment > {};
struct data_where            : if_must< token< kWhere >, expression > {};
struct returning             : if_must< token< kReturning >, select_list > {};

struct insert_alias          : if_must< token< kAs >, new_name > {};
struct insert_columns        : seq< not_at< token< kOpen >, sor< token< kSelect, kWith, kOpen >, seq< token< kValues >, token< kOpen > > > >,
                                    name_list > {};
struct default_values        : if_must< token< kDefault >, token< kValues > > {};
struct insert_query          : seq< at< token< kSelect, kValues, kWith, kOpen > >, elsewhere< matchInsertQuery > > {};
struct insert_source         : sor< insert_query, default_values > {};
struct conflict_word         : token< kConflict > {};
struct conflict_columns      : seq< name_list > {};
struct conflict_where        : if_must< token< kWhere >, expression > {};
struct conflict_update       : if_must< token< kUpdate >, token< kSet >, assignments, opt< conflict_where > > {};
struct conflict_action       : sor< token< kNothing >, conflict_update > {};
struct on_conflict           : if_must< token< kOn >, conflict_word, opt< conflict_columns >, token< kDo >, conflict_action > {};
struct insert                : if_must< token< kInsert >, token< kInto >, table_target, opt< insert_alias >, opt< insert_columns >,
                                        insert_source, opt< on_conflict >, opt< returning > > {};

struct update_from           : if_must< token< kFrom >, table_references > {};
struct update                : if_must< token< kUpdate >, opt< token< kOnly > >, table_target, opt< target_alias >, token< kSet >, assignments,
                                        opt< update_from >, opt< data_where >, opt< returning > > {};

struct delete_using          : if_must< token< kUsing >, table_references > {};
struct delete_rows           : if_must< token< kDelete >, token< kFrom >, opt< token< kOnly > >, table_target, opt< target_alias >, opt< delete_using >,
                                        opt< data_where >, opt< returning > > {};

struct truncated_table       : seq< opt< token< kOnly > >, table_target > {};
struct truncate              : if_must< token< kTruncate >, opt< token< kTable > >, comma_list< truncated_table > > {};

struct data_change           : sor< insert, update, delete_rows, truncate > {};

// clang-format on
}  // namespace rules
}  // namespace trefoil::parser

// NOLINTEND(readability-identifier-naming)
