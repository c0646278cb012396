// Syntax tree back to SQL text: for EXPLAIN, .schema and stored CHECK, DEFAULT and index expressions.
//
// The text is normalised (upper-case keywords, names quoted only where they must be, parentheses only where precedence asks for
// them, every cast as ::) and parses to a tree that prints the same. Printing does not recurse deeper than the parser let the
// tree become.
#pragma once

#include <string>
#include <string_view>

#include "parser/ast.hpp"

namespace trefoil::parser {

std::string toSql(const ast::Statement& statement);
std::string toSql(const ast::Query& query);
std::string toSql(const ast::Expression& expression);
// Of an expression over one table, which may get another name: columns are written without it.
std::string toSqlOfOneTable(const ast::Expression& expression);
std::string toSql(const ast::TypeName& type);
std::string toSql(const ast::ColumnDefinition& column);
std::string toSql(const ast::Constraint& constraint);

// `name` as it must be written to mean exactly itself: user, "User", "select", "a""b".
std::string quoteIdentifier(std::string_view name);
// 'it''s'
std::string quoteLiteral(std::string_view text);

}  // namespace trefoil::parser
