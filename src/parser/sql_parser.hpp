// SQL text to syntax tree: the only face of the SQL grammar.
#pragma once

#include <memory>
#include <string_view>

#include "base/status.hpp"
#include "parser/ast.hpp"

namespace trefoil::parser {

// Bounds on one statement, so that hostile text costs neither stack nor unbounded memory.
inline constexpr std::size_t kMaxStatementBytes = std::size_t{1} << 30;
inline constexpr std::size_t kMaxNestingDepth = 200;  // parentheses, subqueries, chains of prefix operators
inline constexpr std::size_t kMaxTreeHeight = 1000;   // a + b + c + … grows to the left without nesting
inline constexpr std::uint32_t kMaxParameterNumber = 65535;

// Parses exactly one statement with an optional closing ';'; comments and white space may surround it. The tree owns a copy of
// the text. Errors are kSyntax with PostgreSQL's wording (`syntax error at or near "FORM"`), the byte position, and a detail that
// says what was expected there; kLimit for a statement past the bounds above.
Result<std::unique_ptr<ParsedStatement>> parseSql(std::string_view text);

// Parses one expression, as stored for CHECK, DEFAULT and partial indexes (see ast_printer.hpp).
struct ParsedExpression {
  std::unique_ptr<ParsedStatement> owner;  // holds text and nodes; its `statement` is null
  ast::Expression* expression = nullptr;
};
Result<ParsedExpression> parseSqlExpression(std::string_view text);

}  // namespace trefoil::parser
