// A line is cut into arguments or its quotes are unbalanced; arguments that are quoted again come back as they were.
#include <cstdint>

#include "base/assert.hpp"
#include "parser/command_line.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto arguments = trefoil::parser::splitCommandLine(line);
  if (!arguments.ok()) {
    TREFOIL_ASSERT(arguments.error().position.has_value() && *arguments.error().position < size);
    return 0;
  }
  std::string quoted;
  for (const std::string& argument : arguments.value()) {
    quoted += trefoil::parser::quoteArgument(argument) + ' ';
  }
  const auto again = trefoil::parser::splitCommandLine(quoted);
  TREFOIL_ASSERT(again.ok() && again.value() == arguments.value());
  return 0;
}
