// Where statements' answers arrive in the shell, from an embedded database or from a server: it knows the output mode and whether
// anybody wants to hear that an INSERT went well.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "repl/flat_reply.hpp"
#include "repl/output.hpp"
#include "repl/printer.hpp"

namespace trefoil::repl {

class Answers {
 public:
  // `talkative`: completed statements without rows are confirmed ("INSERT 1"), as on a terminal; scripts stay silent.
  Answers(Output& output, Mode mode, bool talkative);

  [[nodiscard]] Mode mode() const { return mode_; }
  void setMode(Mode mode);
  [[nodiscard]] Output& output() { return output_; }

  // Around each statement. `repeatable`: it may be run again from its start, so its output stays here until it is finished. So it
  // does in the modes csv and json, whose readers shall not get half of an answer.
  void begin(bool repeatable);
  void end();
  // Forgets what the statement has answered so far, as far as it has not left.
  void takeBack();

  void columns(std::span<const ColumnHead> heads);
  void row(std::span<const Datum> values) { printer_->row(values); }
  void endRows();
  void reply(const FlatReply& reply) { printer_->reply(reply); }
  void affected(std::string_view tag, std::int64_t rows);
  void done(std::string_view tag);

 private:
  Output& output_;
  Mode mode_;
  bool talkative_;
  bool in_rows_ = false;
  std::unique_ptr<Printer> printer_;
};

// Cells across the terminal that standard output is, 0 if it is none.
std::size_t terminalWidth();

}  // namespace trefoil::repl
