// The shape scanner, the splitter and the parser agree on every text: where a statement ends, what its tokens are, and how many
// literals it has.
#include <cstdint>

#include "base/assert.hpp"
#include "parser/sql_parser.hpp"
#include "parser/sql_shape.hpp"
#include "parser/sql_tokenizer.hpp"
#include "parser/statement_splitter.hpp"
#include "parser/utf8.hpp"

namespace {

using trefoil::parser::ShapeScanner;
using trefoil::parser::ShapeState;
using trefoil::parser::StatementSplitter;

void check(ShapeScanner& scanner, std::string_view text) {
  const ShapeState state = scanner.scan(text);
  const std::string_view statement = text.substr(0, scanner.size());
  StatementSplitter splitter;
  TREFOIL_ASSERT(splitter.feed(text) == scanner.consumed());
  TREFOIL_ASSERT(splitter.complete() == scanner.terminated());
  if (trefoil::parser::findInvalidUtf8(statement) != std::string_view::npos) {
    TREFOIL_ASSERT(state != ShapeState::kReady);
    return;
  }
  const auto tokens = trefoil::parser::tokenizeSql(statement);
  if (state == ShapeState::kReady) {
    TREFOIL_ASSERT(tokens.ok());
    TREFOIL_ASSERT(tokens.value().literal_count == scanner.literals().size());
    for (const std::uint32_t position : scanner.positions()) {
      TREFOIL_ASSERT(position < statement.size());
    }
  } else if (trefoil::parser::parseSql(statement).ok()) {
    // The grammar takes it, so only its size or a number's can have kept it from the cache.
    TREFOIL_ASSERT(state == ShapeState::kUncacheable);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static ShapeScanner scanner;  // reused, as in a session
  std::string_view text(reinterpret_cast<const char*>(data), size);
  while (!text.empty()) {
    check(scanner, text);
    scanner.scan(text);
    text.remove_prefix(scanner.consumed());
  }
  return 0;
}
