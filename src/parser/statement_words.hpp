// The words that open a statement of SQL: how front ends tell one from a command of the key-value side.
#pragma once

#include <cstdint>
#include <string_view>

namespace trefoil::parser {

enum class StatementWord : std::uint8_t {
  kNone,
  kStatement,
  kTransaction,  // BEGIN, COMMIT …: short, so that a line without ';' may be a whole statement
};

// In any case. Some of them (SET, COPY, RESET, CHECKPOINT, SELECT) are commands, too; whose they are is the caller's rule.
StatementWord statementWord(std::string_view word);

}  // namespace trefoil::parser
