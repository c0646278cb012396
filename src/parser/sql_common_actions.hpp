// Actions of the rules that all translation units of the grammar share: names, types, sort directions.
#pragma once

#include "parser/sql_literals.hpp"
#include "parser/sql_state.hpp"

namespace trefoil::parser {

template <typename Rule>
struct common_action : pegtl::nothing<Rule> {};

// Leaves the name in State::name.
struct takes_name {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.name = state.nameAt(in.begin());
  }
};

// clang-format off
template <> struct common_action<rules::name>            : takes_name {};
template <> struct common_action<rules::label>           : takes_name {};
template <> struct common_action<rules::table_name>      : takes_name {};
template <> struct common_action<rules::column_name>     : takes_name {};
template <> struct common_action<rules::index_name>      : takes_name {};
template <> struct common_action<rules::constraint_name> : takes_name {};
template <> struct common_action<rules::setting_name>    : takes_name {};
template <> struct common_action<rules::savepoint_name>  : takes_name {};
template <> struct common_action<rules::alias_name>      : takes_name {};
template <> struct common_action<rules::bare_alias>      : takes_name {};
template <> struct common_action<rules::new_name>        : takes_name {};
// clang-format on

template <>
struct common_action<rules::qualified_first> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.qualified_name = {{}, state.nameAt(in.begin())};
  }
};
template <>
struct common_action<rules::qualified_second> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.qualified_name = {state.qualified_name.name, state.nameAt(in.begin())};
  }
};

template <>
struct common_action<rules::names_open> {
  static void apply0(State& state) { state.names = {}; }
};
template <>
struct common_action<rules::listed_name> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.names.push(state.arena, state.nameAt(in.begin()));
  }
};

// The type begins: its name is `Text`, or the token's own name.
template <typename ActionInput>
void beginType(const ActionInput& in, State& state, std::string_view text) {
  state.type = {state.nameAt(in.begin()), {}};
  if (!text.empty()) {
    state.type.name.text = text;
  }
}
template <>
struct common_action<rules::type_word> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    beginType(in, state, {});
  }
};
template <>
struct common_action<rules::timestamp_word> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    beginType(in, state, "timestamp");
  }
};
template <>
struct common_action<rules::time_word> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    beginType(in, state, "time");
  }
};
template <>
struct common_action<rules::double_precision> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    beginType(in, state, "double precision");
  }
};
template <>
struct common_action<rules::character_varying> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    beginType(in, state, "character varying");
  }
};
template <>
struct common_action<rules::with_zone> {
  static void apply0(State& state) {
    state.type.name.text = state.type.name.text == "time" ? "time with time zone" : "timestamp with time zone";
  }
};
template <>
struct common_action<rules::type_modifier> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    const Token& token = state.tokenAt(in.begin());
    const auto value = decodeInteger(state.spelling(token));
    if (!value) {
      failAt(token.begin, ErrorCode::kOutOfRange, "type modifier is out of range");
    }
    state.type.modifiers.push(state.arena, *value);
  }
};

template <>
struct common_action<rules::table_target> {
  static void apply0(State& state) { state.target = state.qualified_name; }
};

// A bare word as a value is a string: SET appendfsync = always.
template <>
struct common_action<rules::setting_word> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    const ast::Name word = state.nameAt(in.begin());
    auto* literal = state.arena.make<ast::Literal>(word.position);
    literal->literal_kind = ast::LiteralKind::kString;
    literal->text = word.text;
    state.expression = literal;
  }
};

template <>
struct common_action<rules::descending> {
  static void apply0(State& state) { state.order.descending = true; }
};
template <>
struct common_action<rules::nulls_first> {
  static void apply0(State& state) { state.order.nulls = ast::NullsOrder::kFirst; }
};
template <>
struct common_action<rules::nulls_last> {
  static void apply0(State& state) { state.order.nulls = ast::NullsOrder::kLast; }
};

}  // namespace trefoil::parser
