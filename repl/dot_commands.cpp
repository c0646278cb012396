#include "repl/dot_commands.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "repl/runner.hpp"

namespace trefoil::repl {
namespace {

constexpr int kMaxReadDepth = 16;

constexpr auto kDotCommands = std::to_array<DotCommand>({
    {".help", "", "Shows this list."},
    {".mode", "[table|raw|csv|json]", "Shows or changes how answers look."},
    {".quit", "", "Leaves the shell."},
    {".read", "FILE", "Runs a script."},
    {".schema", "[TABLE]", "Shows CREATE statements."},
    {".tables", "[PATTERN]", "Lists tables; the pattern is LIKE's."},
    {".timer", "on|off", "Shows how long each statement takes."},
});

Failure failure(std::string message) {
  return Failure{std::move(message), "", "", std::nullopt, false};
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char byte : text) {
    out += byte;
    if (byte == '\'') {
      out += byte;
    }
  }
  return out + "'";
}

}  // namespace

std::span<const DotCommand> dotCommands() {
  return kDotCommands;
}

std::optional<Failure> DotCommands::run(std::string_view line) {
  const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view name = line.substr(0, end);
  const std::size_t begin = std::min(line.find_first_not_of(" \t", end), line.size());
  std::string_view argument = line.substr(begin);
  if (argument.size() >= 2 && (argument.front() == '"' || argument.front() == '\'') && argument.back() == argument.front()) {
    argument = argument.substr(1, argument.size() - 2);
  }
  if (name == ".help") {
    return help();
  }
  if (name == ".mode") {
    return mode(argument);
  }
  if (name == ".quit" || name == ".exit") {
    runner_.stop_ = true;
    return std::nullopt;
  }
  if (name == ".read") {
    return read(argument);
  }
  if (name == ".schema") {
    return schema(argument);
  }
  if (name == ".tables") {
    return tables(argument);
  }
  if (name == ".timer") {
    return timer(argument);
  }
  return failure("unknown command " + std::string(name) + "; .help lists what there is");
}

std::optional<Failure> DotCommands::help() {
  std::string out;
  for (const DotCommand& command : kDotCommands) {
    std::string usage = std::string(command.name) + " " + std::string(command.arguments);
    usage.resize(std::max<std::size_t>(usage.size(), 28), ' ');
    out += usage + " " + std::string(command.help) + "\n";
  }
  out +=
      "SQL statements end with ';'. A line that begins with any other command (SET, GET, ZADD …) is one for the key-value side;\n"
      "Tab completes, and shows a command's arguments behind its name.\n";
  runner_.answers_.output().write(out);
  return std::nullopt;
}

std::optional<Failure> DotCommands::mode(std::string_view argument) {
  if (argument.empty()) {
    runner_.answers_.output().write(std::string(modeName(runner_.answers_.mode())) + "\n");
    return std::nullopt;
  }
  const std::optional<Mode> mode = modeByName(argument);
  if (!mode) {
    return failure("no such mode '" + std::string(argument) + "': table, raw, csv or json");
  }
  runner_.answers_.setMode(*mode);
  return std::nullopt;
}

std::optional<Failure> DotCommands::timer(std::string_view argument) {
  if (argument != "on" && argument != "off") {
    return failure(".timer takes on or off");
  }
  runner_.timer_ = argument == "on";
  return std::nullopt;
}

std::optional<Failure> DotCommands::tables(std::string_view argument) {
  std::string sql = "SELECT name FROM trefoil_tables()";
  if (!argument.empty()) {
    sql += " WHERE name LIKE " + quoted(argument);
  }
  return runner_.backend_.runSql(sql + " ORDER BY name", runner_.answers_);
}

std::optional<Failure> DotCommands::schema(std::string_view argument) {
  std::string sql = "SELECT definition FROM trefoil_schema()";
  if (!argument.empty()) {
    sql += " WHERE table_name = " + quoted(argument);
  }
  // Definitions have several lines, which only the raw mode leaves as they are.
  const Mode mode = runner_.answers_.mode();
  if (mode == Mode::kTable) {
    runner_.answers_.setMode(Mode::kRaw);
  }
  std::optional<Failure> failed = runner_.backend_.runSql(sql + " ORDER BY ordinal", runner_.answers_);
  runner_.answers_.setMode(mode);
  return failed;
}

std::optional<Failure> DotCommands::read(std::string_view argument) {
  if (argument.empty()) {
    return failure(".read needs a file name");
  }
  if (runner_.depth_ == kMaxReadDepth) {
    return failure("scripts read each other too deeply");
  }
  const std::string path(argument);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return failure(path + ": " + std::strerror(errno));
  }
  ++runner_.depth_;
  const bool ok = runner_.runFile(file, path);
  --runner_.depth_;
  runner_.interrupted_ = runner_.interrupted_ && runner_.depth_ > 0;
  ::close(file);
  return ok ? std::nullopt : std::optional(failure(""));
}

}  // namespace trefoil::repl
