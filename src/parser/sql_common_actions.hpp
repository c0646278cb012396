// Actions of the rules that all translation units of the grammar share: names, types, sort directions.
#pragma once

#include "parser/sql_literals.hpp"
#include "parser/sql_state.hpp"

namespace trefoil::parser {

template <typename Rule>
struct CommonAction : pegtl::nothing<Rule> {};

// Leaves the name in State::name.
struct TakesName {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.name = state.nameAt(in.begin());
  }
};

// clang-format off
template <> struct CommonAction<rules::name>            : TakesName {};
template <> struct CommonAction<rules::label>           : TakesName {};
template <> struct CommonAction<rules::column_name>     : TakesName {};
template <> struct CommonAction<rules::index_name>      : TakesName {};
template <> struct CommonAction<rules::constraint_name> : TakesName {};
template <> struct CommonAction<rules::setting_name>    : TakesName {};
template <> struct CommonAction<rules::savepoint_name>  : TakesName {};
template <> struct CommonAction<rules::alias_name>      : TakesName {};
template <> struct CommonAction<rules::bare_alias>      : TakesName {};
template <> struct CommonAction<rules::bare_label>      : TakesName {};
template <> struct CommonAction<rules::new_name>        : TakesName {};
// clang-format on

template <>
struct CommonAction<rules::qualified_first> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.qualified_name = {{}, state.nameAt(in.begin())};
  }
};
template <>
struct CommonAction<rules::qualified_second> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    state.qualified_name = {state.qualified_name.name, state.nameAt(in.begin())};
  }
};

template <>
struct CommonAction<rules::names_open> {
  static void apply0(State& state) { state.names = {}; }
};
template <>
struct CommonAction<rules::listed_name> {
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
struct CommonAction<rules::type_word> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    beginType(in, state, {});
  }
};
template <>
struct CommonAction<rules::timestamp_word> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    beginType(in, state, "timestamp");
  }
};
template <>
struct CommonAction<rules::time_word> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    beginType(in, state, "time");
  }
};
template <>
struct CommonAction<rules::double_precision> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    beginType(in, state, "double precision");
  }
};
template <>
struct CommonAction<rules::character_varying> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, State& state) {
    beginType(in, state, "character varying");
  }
};
template <>
struct CommonAction<rules::with_zone> {
  static void apply0(State& state) {
    state.type.name.text = state.type.name.text == "time" ? "time with time zone" : "timestamp with time zone";
  }
};
template <>
struct CommonAction<rules::type_modifier> {
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
struct CommonAction<rules::table_target> {
  static void apply0(State& state) { state.target = state.qualified_name; }
};

// A bare word as a value is a string: SET appendfsync = always.
template <>
struct CommonAction<rules::setting_word> {
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
struct CommonAction<rules::descending> {
  static void apply0(State& state) { state.order.descending = true; }
};
template <>
struct CommonAction<rules::nulls_first> {
  static void apply0(State& state) { state.order.nulls = ast::NullsOrder::kFirst; }
};
template <>
struct CommonAction<rules::nulls_last> {
  static void apply0(State& state) { state.order.nulls = ast::NullsOrder::kLast; }
};

}  // namespace trefoil::parser
