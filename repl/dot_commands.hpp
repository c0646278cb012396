// The shell's own commands: lines that begin with a dot.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "repl/backend.hpp"

namespace trefoil::repl {

class Runner;

struct DotCommand {
  std::string_view name;
  std::string_view arguments;
  std::string_view help;
};
std::span<const DotCommand> dotCommands();

class DotCommands {
 public:
  explicit DotCommands(Runner& runner) : runner_(runner) {}
  // Runs one line such as ".mode csv".
  std::optional<Failure> run(std::string_view line);

 private:
  std::optional<Failure> help();
  std::optional<Failure> mode(std::string_view argument);
  std::optional<Failure> read(std::string_view argument);
  std::optional<Failure> schema(std::string_view argument);
  std::optional<Failure> tables(std::string_view argument);
  std::optional<Failure> timer(std::string_view argument);

  Runner& runner_;
};

}  // namespace trefoil::repl
