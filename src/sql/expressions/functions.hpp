// The functions and operators of SQL: what they are called, which types they take, and the kernel that computes a chunk.
//
// An operator is a function whose name is its symbol ("+", "=", "||"). Overloads are resolved by PostgreSQL's rules
// (https://www.postgresql.org/docs/15/typeconv-func.html and typeconv-oper.html).
//
// A kernel computes `result` at the positions in `rows`. What it reads is charged to the statement's meter before it is called;
// one that makes much out of little, or takes more than linear time, charges the rest itself, and fails when it may not go on.
// Unless the function says otherwise, NULL arguments give NULL and are none of its business (see NullPolicy).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/statement_control.hpp"
#include "base/status.hpp"
#include "sql/expressions/expression.hpp"
#include "sql/types/byte_arena.hpp"
#include "sql/types/chunk.hpp"
#include "sql/types/sql_type.hpp"

namespace trefoil::sql {

struct ExecContext;
class CommonTable;

// What expressions see of the statement that is running. One per thread.
struct EvalContext {
  std::span<const Datum> parameters;        // of the types the plan says
  std::vector<Datum> outer;                 // values of enclosing queries' rows, by slot
  std::vector<CommonTable*> common_tables;  // WITH queries that are running, by slot
  std::int64_t now_us = 0;                  // what now() answers, microseconds since 1970 UTC
  ExecContext* execution = nullptr;
  WorkMeter meter;
  std::uint64_t random_state = 0;
};

struct KernelCall {
  const Expression& expression;
  std::span<const Column> arguments;
  Rows rows;
  ColumnBuffer& result;
  ByteArena& bytes;  // for results that need room; lives as long as the result
  EvalContext& context;
};

using Kernel = Status (*)(const KernelCall& call);
// Writes the positions among `rows` for which the comparison holds, ascending, and answers how many. `out` may be rows.selection.
// NULLs are taken care of by the caller.
using SelectKernel = std::uint32_t (*)(std::span<const Column> arguments, const Rows& rows, std::uint16_t* out);

enum class NullPolicy : std::uint8_t {
  kSkip,     // strict; sees only rows without NULL arguments
  kIgnore,   // strict; cannot fail and may as well compute on whatever lies under a NULL
  kRetry,    // strict; as kIgnore, but if it fails it is run again as kSkip, to see whether a NULL was to blame
  kHandles,  // not strict: gets all rows and writes the result's null bits
};

struct Function {
  std::string_view name;
  std::vector<SqlType> parameters;
  SqlType result;
  Kernel kernel = nullptr;
  NullPolicy nulls = NullPolicy::kSkip;
  bool makes_nulls = false;  // a strict one that may answer NULL anyway
  bool variadic = false;     // the last parameter may repeat
  bool is_volatile = false;
  SelectKernel select = nullptr;
};

// All overloads of a name; empty if there is no such function.
std::span<const Function* const> findFunctions(std::string_view name);

// What a call means: the one function that fits best; or none, because none fits or because several fit equally well.
struct Resolution {
  const Function* function = nullptr;
  bool is_ambiguous = false;
};
// For arguments of these types (unknown() for untyped ones).
Resolution resolveFunction(std::string_view name, std::span<const SqlType> arguments);
// The same for a binary operator: if one side is untyped, it is first taken to be of the other's type.
Resolution resolveOperator(std::string_view name, const SqlType& left, const SqlType& right);

// The exact overload; asserts that it exists. For calls the planner makes itself.
const Function& builtinFunction(std::string_view name, std::span<const SqlType> arguments);

// The function that converts by a cast (of whichever context), or null if there is none. Modifiers are not its business, nor are
// conversions that are no work (isBinaryCoercible).
const Function* castFunction(const SqlType& from, const SqlType& to);

// Each file of functions/ lists its part here.
std::vector<Function> arithmeticFunctions();
std::vector<Function> comparisonFunctions();
std::vector<Function> mathFunctions();
std::vector<Function> stringFunctions();
std::vector<Function> dateTimeFunctions();
std::vector<Function> jsonFunctions();
std::vector<Function> vectorFunctions();
std::vector<Function> castFunctions();

}  // namespace trefoil::sql
