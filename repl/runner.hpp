// Runs statements, from a terminal or from a script, and reports what goes wrong.
//
// An error goes to stderr, after everything that was answered before it:
//
//   script.sql:3:10: syntax error at or near "FORM"
//   SELECT * FORM t
//            ^
//   DETAIL: expected FROM
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "repl/answers.hpp"
#include "repl/backend.hpp"
#include "repl/statement_reader.hpp"

namespace trefoil::repl {

class Runner {
 public:
  Runner(Backend& backend, Answers& answers, bool continue_on_error)
      : backend_(backend), answers_(answers), continue_on_error_(continue_on_error) {}

  // Runs a whole script. False if any statement failed; the first failure ends it, unless told to go on.
  bool runFile(int descriptor, const std::string& name);
  bool runText(std::string_view text, const std::string& name);

  // Runs what `reader` holds; errors are reported as being in `name` (empty: typed at a terminal, which needs no place).
  bool runAvailable(StatementReader& reader, const std::string& name);

  // .quit, QUIT, or a lost connection.
  [[nodiscard]] bool wantsStop() const { return stop_; }
  // Output nobody reads any more.
  [[nodiscard]] bool outputFailed() const { return answers_.output().failed(); }
  // Hands out what is buffered; false, with a message on stderr, if it must not be shown.
  bool flush();

 private:
  friend class DotCommands;
  bool wasInterrupted(const std::string& name);
  bool runOne(InputKind kind, const StatementReader& reader, const std::string& name);
  std::optional<Failure> runCommandLine(std::string_view line);
  void report(const Failure& failure, const StatementReader& reader, const std::string& name);

  Backend& backend_;
  Answers& answers_;
  bool continue_on_error_;
  bool timer_ = false;
  bool stop_ = false;
  bool gate_reported_ = false;
  int depth_ = 0;             // of .read within .read
  bool interrupted_ = false;  // a Ctrl-C ends the scripts that are being read
  std::vector<std::string_view> words_;
};

}  // namespace trefoil::repl
