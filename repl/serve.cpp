#include "repl/serve.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "base/logging.hpp"
#include "engine/database.hpp"
#include "net/loading_door.hpp"
#include "net/server.hpp"
#include "repl/fail.hpp"

namespace trefoil::repl {
namespace {

// The signals that end the server, blocked in this thread and in all that it starts: sigwait receives them.
sigset_t blockStopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

}  // namespace

int serve(Settings& settings) {
  const sigset_t stop_signals = blockStopSignals();
  if (const Status logging = openLog(settings.choice<LogLevel>(Setting::kLogLevel), settings.text(Setting::kLogFile));
      !logging.ok()) {
    return fail(logging.error());
  }
  const std::uint64_t level =
      settings.observe(Setting::kLogLevel, [&settings] { setLogLevel(settings.choice<LogLevel>(Setting::kLogLevel)); });
  OpenOptions open;
  open.directory = settings.text(Setting::kDir);
  open.settings = &settings;
  Result<std::unique_ptr<net::LoadingDoor>> door = net::LoadingDoor::open(settings);
  if (!door.ok()) {
    return fail(door.error());
  }
  Result<std::unique_ptr<Database>> database = Database::open(open);
  if (!database.ok()) {
    return fail(database.error());
  }
  (*database)->onShutdown([] { ::kill(::getpid(), SIGTERM); });
  int signal = 0;
  {
    Result<std::unique_ptr<net::Server>> server =
        net::Server::start(**database, *door == nullptr ? std::vector<net::Listener>() : (*door)->close());
    if (!server.ok()) {
      return fail(server.error());
    }
    sigwait(&stop_signals, &signal);
    logNotice("Stopping: {}", signal == SIGINT ? "interrupted" : "asked to");
    (*server)->requestStop();
    (*server)->wait();
  }
  const Status closed = (*database)->close();
  database->reset();
  settings.stopObserving(level);
  if (!closed.ok()) {
    logWarning("Stopped, but {}", closed.error().message);
    return 1;
  }
  logNotice("Stopped");
  return 0;
}

}  // namespace trefoil::repl
