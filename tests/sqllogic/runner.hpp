// Runs sqllogictest files: scripts of statements and queries with their expected results. The format is SQLite's, with what
// DuckDB added for errors:
//
//   statement ok                 query IT rowsort label-1        statement error
//   CREATE TABLE t(a int)        SELECT a, b FROM t              SELECT 1/0
//                                ----                            ----
//                                1                               division by zero    (a part of message, detail or hint)
//                                one
//
// Column letters: I integer, R real with three decimals, T text ("(empty)", non-printables as @); NULL is NULL. A value is
// converted to its letter's type. Sort modes nosort, rowsort, valuesort; "30 values hashing to <md5>"; labels; skipif/onlyif;
// halt. In our own files (dialect kTrefoil) T prints doubles and booleans as PostgreSQL does.
//
// Whoever runs a file provides a Connection: tests/sql over a bare store, tests/engine over a session.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sql/types/sql_type.hpp"

namespace trefoil::sqllogic {

struct QueryResult {
  bool ok = false;
  std::string error;                // message, and DETAIL and HINT behind it, if it failed
  std::vector<sql::SqlType> types;  // of the columns
  std::vector<std::vector<Value>> rows;
};

class Connection {
 public:
  virtual ~Connection() = default;
  virtual QueryResult execute(std::string_view sql) = 0;
};

enum class Dialect { kTrefoil, kSqlite };

struct Failure {
  std::size_t line = 0;
  std::string sql;
  std::string what;
};

struct Report {
  std::size_t records = 0;
  std::size_t skipped = 0;  // by skipif and onlyif
  std::vector<Failure> failures;
};

// Runs a script. `accept_error`, if given, may say that a failing statement or query is fine (a known difference of dialects); it
// then counts as skipped.
Report run(std::string_view script, Connection& connection, Dialect dialect,
           bool (*accept_error)(std::string_view sql, std::string_view error) = nullptr);

// The MD5 of `bytes` in hex (RFC 1321).
std::string md5(std::string_view bytes);

}  // namespace trefoil::sqllogic
