#include "base/logging.hpp"

#include <signal.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "tests/base/temporary_directory.hpp"

namespace trefoil {
namespace {

using Catch::Contains;

std::string readFile(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Whatever a test did to the process's log, afterwards it is as at the start.
struct RestoredLog {
  ~RestoredLog() { CHECK(openLog(LogLevel::kWarning, "").ok()); }
};

TEST_CASE("the log writes the levels that are on, one line each") {
  const testing::TemporaryDirectory directory;
  const RestoredLog restored;
  const std::string path = directory / "trefoil.log";
  REQUIRE(openLog(LogLevel::kNotice, path).ok());
  CHECK(logs(LogLevel::kNotice));
  CHECK_FALSE(logs(LogLevel::kVerbose));
  logDebug("not this {}", 1);
  logVerbose("nor this");
  logNotice("port {}", 6379);
  logWarning("line\nbreak and {}", std::string("\x1b[31m\xC2\x9B"));
  setLogLevel(LogLevel::kDebug);
  logDebug("now {}", "this");
  setLogLevel(LogLevel::kNothing);
  logWarning("silence");
  CHECK_FALSE(logs(LogLevel::kNothing));

  const std::string text = readFile(path);
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  CHECK_THAT(text, Contains("[notice] port 6379\n") && Contains("[warning] line\\nbreak and \\x1b[31m\\u009b\n"));
  CHECK_THAT(text, Contains("[debug] now this\n") && !Contains("nor this") && !Contains("silence"));
}

TEST_CASE("a log file that cannot be opened is an error, and the log goes on where it was") {
  const testing::TemporaryDirectory directory;
  const RestoredLog restored;
  const std::string path = directory / "first.log";
  REQUIRE(openLog(LogLevel::kNotice, path).ok());
  const std::string taken = directory / "first.log/below";
  const Status status = openLog(LogLevel::kNotice, taken);
  REQUIRE(!status.ok());
  CHECK(status.error().code == ErrorCode::kIo);
  CHECK_THAT(status.error().message, Contains(taken));
  logNotice("still here");
  CHECK_THAT(readFile(path), Contains("still here"));
}

TEST_CASE("what a full disk does not take is written when there is room") {
  const testing::TemporaryDirectory directory;
  const RestoredLog restored;
  const std::string path = directory / "server.log";
  REQUIRE(openLog(LogLevel::kNotice, path).ok());
  logNotice("before");
  // The process may not write files longer than this one: as good as a full disk.
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto ignored = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{.rlim_cur = readFile(path).size() + 10, .rlim_max = before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &full) == 0);
  logNotice("the disk is full");
  logNotice("and stays so");
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  ::signal(SIGXFSZ, ignored);
  CHECK_THAT(readFile(path), !Contains("the disk is full"));
  logNotice("after");
  const std::string text = readFile(path);
  CHECK(std::count(text.begin(), text.end(), '\n') == 4);
  CHECK(text.find("the disk is full\n") < text.find("and stays so\n"));
  CHECK(text.find("and stays so\n") < text.find("after\n"));
}

TEST_CASE("threads may log while the log is opened elsewhere") {
  const testing::TemporaryDirectory directory;
  const RestoredLog restored;
  REQUIRE(openLog(LogLevel::kNotice, directory / "0.log").ok());
  constexpr int kLines = 500;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < kLines; ++i) {
        logNotice("line");
      }
    });
  }
  for (int file = 1; file <= 5; ++file) {
    CHECK(openLog(LogLevel::kNotice, directory / std::to_string(file) + ".log").ok());
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::ptrdiff_t lines = 0;
  for (int file = 0; file <= 5; ++file) {
    const std::string text = readFile(directory / std::to_string(file) + ".log");
    lines += std::count(text.begin(), text.end(), '\n');
  }
  CHECK(lines == 3 * kLines);
}

}  // namespace
}  // namespace trefoil
