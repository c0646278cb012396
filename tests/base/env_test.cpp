#include "base/env.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstring>

#include "tests/base/temporary_directory.hpp"

namespace trefoil {
namespace {

using Catch::Contains;
using testing::TemporaryDirectory;

std::string contentOf(File& file) {
  std::string bytes(file.size().value(), '\0');
  REQUIRE(file.read(0, bytes).value() == bytes.size());
  return bytes;
}

TEST_CASE("a file gives back what was written, at its offset") {
  const TemporaryDirectory directory;
  Env& env = Env::system();
  const std::string path = directory / "file";
  {
    auto file = env.open(path, Env::OpenMode::kCreateNew);
    REQUIRE(file.ok());
    CHECK((*file)->write(0, "hello world").ok());
    CHECK((*file)->write(6, "there").ok());
    CHECK((*file)->write(13, "!").ok());
    CHECK((*file)->sync().ok());
  }
  auto file = env.open(path, Env::OpenMode::kReadWrite);
  REQUIRE(file.ok());
  CHECK(contentOf(**file) == std::string("hello there\0\0!", 14));
  char buffer[8];
  CHECK((*file)->read(10, buffer).value() == 4);
  CHECK((*file)->read(100, buffer).value() == 0);
  CHECK((*file)->truncate(5).ok());
  CHECK(contentOf(**file) == "hello");
  CHECK((*env.open(path, Env::OpenMode::kReplace))->size().value() == 0);
}

TEST_CASE("errors name the path, the reason and the errno") {
  const TemporaryDirectory directory;
  Env& env = Env::system();
  const std::string missing = directory / "missing";
  const auto check = [](const auto& result, const std::string& path, int code) {
    REQUIRE(!result.ok());
    CHECK(result.error().code == ErrorCode::kIo);
    CHECK(result.error().system_errno == code);
    CHECK_THAT(result.error().message, Contains("'" + path + "': " + std::strerror(code)));
  };
  check(env.open(missing, Env::OpenMode::kRead), missing, ENOENT);
  check(env.open(missing, Env::OpenMode::kReadWrite), missing, ENOENT);
  check(env.remove(missing), missing, ENOENT);
  check(env.rename(missing, directory / "other"), missing, ENOENT);
  check(env.list(missing), missing, ENOENT);
  check(env.syncDirectory(missing), missing, ENOENT);

  const std::string taken = directory / "taken";
  REQUIRE(env.open(taken, Env::OpenMode::kCreateNew).ok());
  check(env.open(taken, Env::OpenMode::kCreateNew), taken, EEXIST);
  check(env.createDirectory(taken), taken, EEXIST);
  check(env.createDirectory(taken + "/below"), taken, EEXIST);
  std::string deep = directory.path();
  for (int i = 0; i < 100'000; ++i) {
    deep += "/d";
  }
  check(env.createDirectory(deep), deep, ENAMETOOLONG);

  auto read_only = env.open(taken, Env::OpenMode::kRead);
  check((*read_only)->write(0, "x"), taken, EBADF);
  auto full = env.open("/dev/full", Env::OpenMode::kReadWrite);
  check((*full)->write(0, "x"), "/dev/full", ENOSPC);
}

TEST_CASE("directories: created with parents, listed in order, renamed over and removed from") {
  const TemporaryDirectory directory;
  Env& env = Env::system();
  const std::string below = directory / "a//b/c/";
  REQUIRE(env.createDirectory(below).ok());
  CHECK(env.createDirectory(below).ok());
  for (const char* name : {"two", "one", "three"}) {
    CHECK(env.open(below + name, Env::OpenMode::kCreateNew).value()->write(0, name).ok());
  }
  CHECK(env.list(below).value() == std::vector<std::string>{"one", "three", "two"});
  CHECK(env.rename(below + "one", below + "two").ok());
  CHECK(contentOf(**env.open(below + "two", Env::OpenMode::kRead)) == "one");
  CHECK(env.remove(below + "three").ok());
  CHECK_FALSE(env.exists(below + "three"));
  CHECK(env.list(below).value() == std::vector<std::string>{"two"});
  CHECK(env.syncDirectory(below).ok());
}

TEST_CASE("a lock keeps others out until it is let go, and says who holds it") {
  const TemporaryDirectory directory;
  Env& env = Env::system();
  auto lock = env.lock(directory / "LOCK");
  REQUIRE(lock.ok());
  const auto second = env.lock(directory / "LOCK");
  REQUIRE(!second.ok());
  CHECK(second.error().code == ErrorCode::kBusy);
  CHECK_THAT(second.error().message, Contains("locked by process " + std::to_string(::getpid())));
  REQUIRE(env.remove(directory / "LOCK").ok());  // by hand
  CHECK(env.lock(directory / "LOCK").error().code == ErrorCode::kBusy);
  *lock = nullptr;
  CHECK(env.lock(directory / "LOCK").ok());
}

TEST_CASE("what is made is its owner's alone") {
  const TemporaryDirectory directory;
  Env& env = Env::system();
  const auto mode_of = [](const std::string& path) {
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 0777;
  };
  REQUIRE(env.createDirectory(directory / "parent/own").ok());
  CHECK(mode_of(directory / "parent/own") == 0700);
  REQUIRE(env.open(directory / "new", Env::OpenMode::kCreateNew).ok());
  CHECK(mode_of(directory / "new") == 0600);
  REQUIRE(::chmod((directory / "new").c_str(), 0644) == 0);
  REQUIRE(env.open(directory / "new", Env::OpenMode::kReadWrite).ok());
  CHECK(mode_of(directory / "new") == 0644);  // somebody wanted it so
  REQUIRE(env.open(directory / "new", Env::OpenMode::kReplace).ok());
  CHECK(mode_of(directory / "new") == 0600);
  REQUIRE(env.lock(directory / "LOCK").ok());
  CHECK(mode_of(directory / "LOCK") == 0600);
}

TEST_CASE("what lies in a file's place is not followed, and other names of a file keep what they have") {
  const TemporaryDirectory directory;
  Env& env = Env::system();
  const std::string victim = directory / "victim";
  const std::string link = directory / "link";
  const auto victims_content = [&] { return contentOf(**env.open(victim, Env::OpenMode::kRead)); };
  REQUIRE((*env.open(victim, Env::OpenMode::kCreateNew))->write(0, "precious").ok());
  SECTION("a symbolic link") {
    REQUIRE(::symlink(victim.c_str(), link.c_str()) == 0);
    for (const Env::OpenMode mode :
         {Env::OpenMode::kRead, Env::OpenMode::kReadWrite, Env::OpenMode::kCreateNew, Env::OpenMode::kReplace}) {
      const auto opened = env.open(link, mode);
      REQUIRE(!opened.ok());
      CHECK_THAT(opened.error().message, Contains("'" + link + "' is a symbolic link"));
    }
    const auto locked = env.lock(link);
    REQUIRE(!locked.ok());
    CHECK_THAT(locked.error().message, Contains("is a symbolic link"));
    CHECK(contentOf(**env.open(link, Env::OpenMode::kReadThroughLink)) == "precious");
    REQUIRE(env.rename(victim, directory / "renamed").ok());
    CHECK(env.exists(link));  // though it leads nowhere
    CHECK(env.remove(link).ok());
    CHECK(!env.exists(link));
  }
  SECTION("a hard link") {
    REQUIRE(::link(victim.c_str(), link.c_str()) == 0);
    CHECK((*env.open(victim, Env::OpenMode::kRead))->hasOtherNames());
    CHECK_THAT(env.lock(link).error().message, Contains("is not a file of ours"));
    CHECK(victims_content() == "precious");
    REQUIRE((*env.open(link, Env::OpenMode::kReplace))->write(0, "new").ok());
    CHECK(victims_content() == "precious");
    CHECK(!(*env.open(victim, Env::OpenMode::kRead))->hasOtherNames());
  }
  SECTION("a pipe") {
    REQUIRE(::mkfifo(link.c_str(), 0600) == 0);
    const auto opened = env.open(link, Env::OpenMode::kRead);  // and does not wait for somebody to write to it
    char buffer[8];
    CHECK((!opened.ok() || !(*opened)->read(0, buffer).ok()));
    CHECK_THAT(env.lock(link).error().message, Contains("is not a file of ours"));
  }
}

TEST_CASE("calls are restarted when signals interrupt them") {
  const TemporaryDirectory directory;
  // No SA_RESTART: the timer interrupts whatever blocks.
  struct sigaction action {};
  action.sa_handler = [](int) {};
  struct sigaction before {};
  REQUIRE(::sigaction(SIGALRM, &action, &before) == 0);
  const itimerval fast{.it_interval = {.tv_sec = 0, .tv_usec = 200}, .it_value = {.tv_sec = 0, .tv_usec = 200}};
  REQUIRE(::setitimer(ITIMER_REAL, &fast, nullptr) == 0);
  bool all_ok = true;
  const std::string block(1 << 20, 'x');
  {
    auto file = Env::system().open(directory / "file", Env::OpenMode::kCreateNew);
    for (std::uint64_t i = 0; i < 20 && all_ok; ++i) {
      all_ok = (*file)->write(i * block.size(), block).ok() && (*file)->sync().ok();
    }
  }
  const itimerval off{};
  ::setitimer(ITIMER_REAL, &off, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
  CHECK(all_ok);
}

TEST_CASE("clocks and randomness") {
  Env& env = Env::system();
  const std::int64_t start = env.monotonicMicros();
  CHECK(env.now().value > 1'600'000'000'000);
  CHECK(env.nowMicros() / 1'000'000 - env.now().value / 1000 <= 1);
  CHECK(env.monotonicMicros() >= start);
  std::string a(1000, '\0');
  std::string b(1000, '\0');
  env.randomBytes(a);
  env.randomBytes(b);
  CHECK(a != b);
}

}  // namespace
}  // namespace trefoil
