// What the user reads when the grammar cannot go on: one message per rule, apart from the rules.
//
// A rule with a message is a commitment point: where it is tried nothing else is possible, so its failure is the statement's. The
// message becomes the error's detail; the error itself is PostgreSQL's `syntax error at or near "…"`. A plain token that is due
// needs no entry: "Expected BY.".
#pragma once

#include "parser/sql_state.hpp"

namespace trefoil::parser {
namespace rules {

// Rules of the other headers that have a message.
struct from_item;
struct set_operand;
struct join_word;
struct values_row;
struct join_condition;
struct insert_source;
struct conflict_action;
struct assignment_target;
struct create_object;
struct temporary_object;
struct drop_object;
struct table_element;
struct column_type;
struct constraint_body;
struct alter_action;
struct statement_body;
struct end_of_statement;
struct case_start;
struct common_name;
struct isolation_level;
struct index_element;
struct referential_action;
struct explained_statement;
struct dotted_column;
struct distinct_from;
struct distinct_operand;
struct named_settings;
struct conditional_name;

template <typename Rule>
inline constexpr const char* kErrorMessage = nullptr;
// clang-format off
template <> inline constexpr auto kErrorMessage<expression>            = "Expected an expression.";
template <> inline constexpr auto kErrorMessage<restricted_expression> = "Expected an expression.";
template <> inline constexpr auto kErrorMessage<distinct_operand>      = "Expected an expression.";
template <> inline constexpr auto kErrorMessage<item_expression>       = "Expected an expression.";
template <> inline constexpr auto kErrorMessage<query>                 = "Expected a query: SELECT, VALUES or WITH.";
template <> inline constexpr auto kErrorMessage<table_references>      = "Expected a table, a function or a subquery.";
template <> inline constexpr auto kErrorMessage<column_name>           = "Expected the name of a column.";
template <> inline constexpr auto kErrorMessage<index_name>            = "Expected the name of an index.";
template <> inline constexpr auto kErrorMessage<constraint_name>       = "Expected the name of a constraint.";
template <> inline constexpr auto kErrorMessage<named_settings>        = "Expected the name of a setting, or ALL.";
template <> inline constexpr auto kErrorMessage<conditional_name>      = "Expected the name of an index.";
template <> inline constexpr auto kErrorMessage<setting_name>          = "Expected the name of a setting.";
template <> inline constexpr auto kErrorMessage<savepoint_name>        = "Expected the name of a savepoint.";
template <> inline constexpr auto kErrorMessage<alias_name>            = "Expected a name after AS.";
template <> inline constexpr auto kErrorMessage<new_name>              = "Expected the new name.";
template <> inline constexpr auto kErrorMessage<table_target>          = "Expected the name of a table, index or view.";
template <> inline constexpr auto kErrorMessage<qualified_second>      = "Expected a name after '.'.";
template <> inline constexpr auto kErrorMessage<listed_name>           = "Expected a name in the list.";
template <> inline constexpr auto kErrorMessage<type_modifier>         = "A type's modifier must be a whole number.";
template <> inline constexpr auto kErrorMessage<nulls_place>           = "Expected FIRST or LAST after NULLS.";
template <> inline constexpr auto kErrorMessage<from_item>             = "Expected a table, a function or a subquery.";
template <> inline constexpr auto kErrorMessage<set_operand>           = "Expected a query: SELECT, VALUES or a query in parentheses.";
template <> inline constexpr auto kErrorMessage<values_row>            = "Expected a row in parentheses.";
template <> inline constexpr auto kErrorMessage<join_word>             = "Expected JOIN.";
template <> inline constexpr auto kErrorMessage<join_condition>        = "Expected ON or USING after the joined table.";
template <> inline constexpr auto kErrorMessage<insert_source>         = "Expected VALUES, SELECT or DEFAULT VALUES.";
template <> inline constexpr auto kErrorMessage<conflict_action>       = "Expected NOTHING or UPDATE after DO.";
template <> inline constexpr auto kErrorMessage<assignment_target>     = "Expected the name of a column to set.";
template <> inline constexpr auto kErrorMessage<setting_value>         = "Expected a value: a number, a string or a word.";
template <> inline constexpr auto kErrorMessage<common_name>           = "Expected the name of a common table.";
template <> inline constexpr auto kErrorMessage<create_object>         = "Expected TABLE, INDEX or VIEW after CREATE.";
template <> inline constexpr auto kErrorMessage<temporary_object>      = "Expected TABLE or VIEW after TEMPORARY.";
template <> inline constexpr auto kErrorMessage<drop_object>           = "Expected TABLE, INDEX or VIEW after DROP.";
template <> inline constexpr auto kErrorMessage<table_element>         = "Expected a column's name or a table constraint.";
template <> inline constexpr auto kErrorMessage<column_type>           = "Expected the column's type.";
template <> inline constexpr auto kErrorMessage<type_name>             = "Expected the name of a type.";
template <> inline constexpr auto kErrorMessage<constraint_body>       = "Expected a constraint: PRIMARY KEY, UNIQUE, CHECK, FOREIGN KEY, NOT NULL …";
template <> inline constexpr auto kErrorMessage<alter_action>          = "Expected RENAME, ADD or DROP.";
template <> inline constexpr auto kErrorMessage<statement_body>        = "Expected a statement: SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, BEGIN …";
template <> inline constexpr auto kErrorMessage<end_of_statement>      = "Expected the end of the statement.";
template <> inline constexpr auto kErrorMessage<case_start>            = "Expected WHEN.";
template <> inline constexpr auto kErrorMessage<isolation_level>       = "Expected SERIALIZABLE, REPEATABLE READ, READ COMMITTED or READ UNCOMMITTED.";
template <> inline constexpr auto kErrorMessage<index_element>         = "Expected a column's name or an expression in parentheses.";
template <> inline constexpr auto kErrorMessage<referential_action>    = "Expected CASCADE, RESTRICT, NO ACTION, SET NULL or SET DEFAULT.";
template <> inline constexpr auto kErrorMessage<explained_statement>   = "Expected the statement to explain: SELECT, INSERT, UPDATE or DELETE.";
template <> inline constexpr auto kErrorMessage<dotted_column>         = "Expected a column's name or * after '.'.";
template <> inline constexpr auto kErrorMessage<distinct_from>         = "Expected NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM after IS.";
// clang-format on

// "Expected BY.", "Expected ASC or DESC."
template <typename Rule>
struct TokensOf {
  static constexpr TokenKind kKinds[1] = {kCount};
};
template <TokenKind... Kinds>
struct TokensOf<token<Kinds...>> {
  static constexpr TokenKind kKinds[] = {Kinds..., kCount};
};
// What begins with a token is due when the token is.
template <typename First, typename... Rest>
struct TokensOf<pegtl::internal::seq<First, Rest...>> : TokensOf<typename First::rule_t> {};
template <typename First, typename... Rest>
struct TokensOf<pegtl::internal::if_must<false, First, Rest...>> : TokensOf<typename First::rule_t> {};

}  // namespace rules

// Raises with the message `message`, or with the names of the tokens that were due (ended by kCount).
[[noreturn]] void raiseExpected(const TokenInput& in, const State& state, const char* message, const TokenKind* due);

// PEGTL's control: the failure of a rule that has a message ends the parse.
template <typename Rule>
struct SqlControl : pegtl::normal<Rule> {
  template <typename ParseInput>
  static void failure(const ParseInput& in, State& state) {
    if constexpr (rules::kErrorMessage<Rule> != nullptr) {
      raiseExpected(in, state, rules::kErrorMessage<Rule>, nullptr);
    }
  }
  template <typename ParseInput>
  [[noreturn]] static void raise(const ParseInput& in, State& state) {
    raiseExpected(in, state, rules::kErrorMessage<Rule>, rules::TokensOf<typename Rule::rule_t>::kKinds);
  }
};

}  // namespace trefoil::parser
