// Any text is a statement or an error within the text; what prints parses again and prints the same.
#include <cstdint>

#include "base/assert.hpp"
#include "parser/ast_printer.hpp"
#include "parser/sql_parser.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = trefoil::parser::parseSql(text);
  if (!parsed.ok()) {
    TREFOIL_ASSERT(!parsed.error().message.empty());
    TREFOIL_ASSERT(!parsed.error().position || *parsed.error().position <= size);
    return 0;
  }
  const std::string printed = trefoil::parser::toSql(*parsed.value()->statement);
  const auto again = trefoil::parser::parseSql(printed);
  TREFOIL_ASSERT(again.ok());
  TREFOIL_ASSERT(trefoil::parser::toSql(*again.value()->statement) == printed);
  return 0;
}
