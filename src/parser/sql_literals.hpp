// What a literal token means: the one place where digits, quotes, escapes and brackets become values.
//
// Both the grammar's actions and the shape scanner decode with these, so a cached statement sees the values that a parsed one
// does. Each takes a token that the token rules let through; what can still be wrong with it (a number too large for float, an
// escape that is no character) is a LiteralError with the place inside the token.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "parser/arena.hpp"

namespace trefoil::parser {

struct LiteralError {
  const char* message = nullptr;  // null: no error
  std::size_t offset = 0;         // in the token
  [[nodiscard]] bool ok() const { return message == nullptr; }
};

// Digits only. nullopt beyond std::int64_t.
std::optional<std::int64_t> decodeInteger(std::string_view digits);

// 'text' or E'text', with the quotes. A view into `token` where nothing needs replacing, into the arena otherwise.
LiteralError decodeString(std::string_view token, Arena& arena, std::string_view& out);

// x'00ff', with prefix and quotes.
LiteralError decodeBlob(std::string_view token, Arena& arena, std::string_view& out);

// [1, -2.5, 3e4], with the brackets.
LiteralError decodeVector(std::string_view token, Arena& arena, std::span<const float>& out);

// name or "name": folded to lower case, or without its quotes.
std::string_view decodeIdentifier(std::string_view token, Arena& arena);

}  // namespace trefoil::parser
