// Statement: what every front end turns its bytes into, and the only thing that Session::execute takes.
#pragma once

#include <span>
#include <string_view>

#include "base/request_block.hpp"
#include "base/value.hpp"
#include "engine/reply.hpp"

namespace trefoil {

// A view into the front end's buffers; they outlive the call. Exactly one of `args` and `sql` is set.
struct Statement {
  std::span<const std::string_view> args;  // a command: RESP frame, inline command or a line of the shell
  std::string_view sql;                    // one SQL statement, with or without its ';'
  std::span<const Datum> parameters;       // for $1 … or ? in `sql`
  TableForm table_form = TableForm::kRowsOnly;
  // An offered one: if the statement makes the argument in it a key's value, it may take the block. Null: it may not.
  RequestBlock* block = nullptr;
};

}  // namespace trefoil
