// How answers look: one Printer per output mode. SQL rows are pushed row by row; a command's reply comes as a whole tree.
//
//   mode    rows                                         replies of commands
//   table   aligned columns that fit the terminal        as redis-cli shows them: (integer) 1, 1) "a"
//   raw     values separated by '|', one row a line      bare values, one a line
//   csv     a header line, RFC 4180 quoting              one line of comma-separated values
//   json    an array of objects                          one JSON value a line
//
// A Printer writes to one Output; several result sets may follow each other.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/value.hpp"
#include "repl/flat_reply.hpp"
#include "repl/output.hpp"
#include "sql/types/sql_type.hpp"

namespace trefoil::repl {

enum class Mode { kTable, kRaw, kCsv, kJson };
std::optional<Mode> modeByName(std::string_view name);
std::string_view modeName(Mode mode);

struct ColumnHead {
  ColumnHead(std::string column_name, const sql::SqlType& column_type);
  std::string name;
  sql::SqlType type;
  bool number;  // aligned right
  bool text;    // of any length: may be cut to fit a terminal, which other values never are
};

class Printer {
 public:
  virtual ~Printer() = default;
  // A result set: columns, any number of rows, end. A statement that fails ends without endRows().
  virtual void columns(std::span<const ColumnHead> heads) = 0;
  virtual void row(std::span<const Datum> values) = 0;
  virtual void endRows() = 0;
  virtual void reply(const FlatReply& tree) = 0;
};

// `width` is the terminal's, 0 if the output is none: then tables are as wide as they need.
std::unique_ptr<Printer> makePrinter(Mode mode, Output& output, std::size_t width);

// The parts, one file each.
std::unique_ptr<Printer> makeTablePrinter(Output& output, std::size_t width);
std::unique_ptr<Printer> makeRawPrinter(Output& output);
std::unique_ptr<Printer> makeCsvPrinter(Output& output);
std::unique_ptr<Printer> makeJsonPrinter(Output& output);

// Appends a scalar node's bare text: bytes as they are, numbers, "true", nothing for null.
void appendScalar(std::string& out, const FlatReply& tree, const ReplyNode& node);

}  // namespace trefoil::repl
