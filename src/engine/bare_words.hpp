// SQL as bare words: what a client sends who types a statement without quotes around it (redis-cli> SELECT name FROM t).
//
// Clients cut at blanks and take quotes away, so a statement does not arrive as it was typed. The words are put together again
// with one blank between them, and one that is empty or has blanks in it, which only quotes can have held together, becomes a
// text where a value must stand:
//
//   behind an operator or a word such as LIKE or THEN      WHERE name = "Ann Smith"
//   behind a '(' or ',' within parentheses                 VALUES ( 1, "it is so" )
//
// Anywhere else it may as well have been an identifier or a piece of SQL, and the statement is refused rather than given a
// meaning by chance. What begins with a quote or a parenthesis is SQL itself: "(1, 'a b')", quoted for the shell's sake.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/status.hpp"

namespace trefoil {

// Whether the words are SQL's and no command's. SELECT is both: with one or two plain words behind it and nothing else, it is
// Redis's switch of the database (SELECT 3, and SELECT abc or SELECT 0 x, which it refuses).
bool areSql(std::span<const std::string_view> words);

// The statement that they make. kSyntax for a word whose meaning only quotes could tell.
Result<std::string> sqlFromWords(std::span<const std::string_view> words);

}  // namespace trefoil
