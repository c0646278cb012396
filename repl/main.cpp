// `trefoil`: see options.hpp for its forms.
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "base/settings.hpp"
#include "engine/check_directory.hpp"
#include "engine/database.hpp"
#include "repl/allocator.hpp"
#include "repl/answers.hpp"
#include "repl/backend.hpp"
#include "repl/fail.hpp"
#include "repl/interrupt.hpp"
#include "repl/options.hpp"
#include "repl/resp_client.hpp"
#include "repl/runner.hpp"
#include "repl/serve.hpp"
#include "repl/shell.hpp"

namespace trefoil::repl {
namespace {

bool isInteractive(const Options& options) {
  return options.statements.empty() && ::isatty(STDIN_FILENO) != 0;
}

// The shell, a script, or -c: the same for an embedded database and a server.
int converse(Backend& backend, const Options& options, const std::string& name) {
  const bool interactive = isInteractive(options);
  const Mode mode = options.mode.value_or(::isatty(STDOUT_FILENO) != 0 ? Mode::kTable : Mode::kRaw);
  Output output(STDOUT_FILENO);
  output.setGate([&backend] { return backend.awaitFence(); });
  Answers answers(output, mode, interactive);
  Runner runner(backend, answers, options.continue_on_error);
  if (interactive) {
    runShell(backend, runner, name);
    return signalToLeave() == 0 ? 0 : 128 + signalToLeave();
  }
  bool ok = true;
  if (options.statements.empty()) {
    ok = runner.runFile(STDIN_FILENO, "stdin");
  }
  for (const std::string& statement : options.statements) {
    if (ok || options.continue_on_error) {
      ok = runner.runText(statement, "-c") && ok;
    }
  }
  return ok ? 0 : 1;
}

// What a person would like to know before the first statement.
void sayWhereDataLives(const std::string& directory, bool is_new) {
  if (directory.empty()) {
    writeError("NOTICE: this database lives in memory and ends with the shell; trefoil DIR opens a durable one\n");
  } else if (is_new) {
    writeError("NOTICE: '" + directory + "' is a new database\n");
  }
}

int runEmbedded(Settings& settings, const Options& options) {
  OpenOptions open;
  open.directory = settings.text(Setting::kDir);
  open.settings = &settings;
  const bool is_new = !open.directory.empty() && !Env::system().exists(open.directory);
  Result<std::unique_ptr<Database>> database = Database::open(open);
  if (!database.ok()) {
    return fail(database.error());
  }
  if (isInteractive(options)) {
    sayWhereDataLives(open.directory, is_new);
  }
  const int code = converse(*embeddedBackend(**database), options, "trefoil");
  if (const Status closed = (*database)->close(); !closed.ok()) {
    return fail(closed.error());
  }
  return code;
}

int runConnected(const Options& options) {
  auto client = std::make_unique<RespClient>(options.target);
  if (const Status status = client->connect(); !status.ok()) {
    return fail(status.error());
  }
  const std::unique_ptr<Backend> backend = remoteBackend(std::move(client), isInteractive(options));
  return converse(*backend, options, options.target.shown());
}

int runCheck(const Settings& settings, const Options& options) {
  const std::string directory = settings.text(Setting::kDir);
  if (directory.empty()) {
    return fail(Error(ErrorCode::kInvalid, "check needs a data directory"));
  }
  const Result<DirectoryReport> report = checkDirectory(Env::system(), directory, options.repair);
  if (!report.ok()) {
    return fail(report.error());
  }
  std::fputs(report->text.c_str(), stdout);
  return report->sound ? 0 : 1;
}

int run(int count, char** arguments) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error of write, not the end of the database
  Settings settings;
  int exit_code = 0;
  const std::optional<Options> options = parseOptions(count, arguments, settings, exit_code);
  if (!options) {
    return exit_code;
  }
  switch (options->action) {
    case Action::kServe:
      return serve(settings);
    case Action::kConnect:
      return runConnected(*options);
    case Action::kCheck:
      return runCheck(settings, *options);
    case Action::kShell:
      break;
  }
  return runEmbedded(settings, *options);
}

}  // namespace
}  // namespace trefoil::repl

int main(int count, char** arguments) {
  trefoil::repl::prepareAllocator();
  return trefoil::repl::run(count, arguments);
}
