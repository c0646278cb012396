// The command line of `trefoil`.
//
//   trefoil [DIR]                    shell, or script from standard input, on an embedded database (no DIR: in memory)
//   trefoil [DIR] -c STATEMENTS      runs them
//   trefoil serve [DIR]              serves it
//   trefoil connect URL              the shell on a server; also connect --socket PATH
//   trefoil check DIR [--repair]     verifies a data directory
//   trefoil help [SUBCOMMAND]        also --help; trefoil version, also --version
//
// Which words may be a DIR that does not exist yet: directory_argument.hpp.
// Every setting of the table (base/settings.def) is an option of the forms that open a database.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/settings.hpp"
#include "repl/printer.hpp"
#include "repl/target.hpp"

namespace trefoil::repl {

enum class Action { kShell, kServe, kConnect, kCheck };

struct Options {
  Action action = Action::kShell;
  Target target;                        // connect
  std::vector<std::string> statements;  // -c
  std::optional<Mode> mode;
  bool continue_on_error = false;
  bool repair = false;
  std::string config_file;
};

// Fills `settings` from the configuration file, the environment and the command line. Returns nothing, with `exit_code` set, when
// there is nothing to run: help and version were printed, or an error.
std::optional<Options> parseOptions(int count, char** arguments, Settings& settings, int& exit_code);

}  // namespace trefoil::repl
