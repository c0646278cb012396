#include "tests/base/fault_env.hpp"

#include <catch2/catch.hpp>

#include "tests/base/temporary_directory.hpp"

namespace trefoil::testing {
namespace {

std::string contentOf(Env& env, const std::string& path) {
  auto file = env.open(path, Env::OpenMode::kRead);
  REQUIRE(file.ok());
  std::string bytes(file.value()->size().value(), '\0');
  REQUIRE(file.value()->read(0, bytes).value() == bytes.size());
  return bytes;
}

void crashAndRestart(FaultEnv& env) {
  env.crash();
  env.restart();
}

TEST_CASE("a crash forgets unsynced bytes, and unsynced names") {
  const TemporaryDirectory directory;
  FaultEnv env(Env::system());
  const std::string path = directory / "log";
  auto file = env.open(path, Env::OpenMode::kCreateNew).value();
  REQUIRE(file->write(0, "synced").ok());
  REQUIRE(file->sync().ok());

  SECTION("the name was never synced: no file") {
    crashAndRestart(env);
    CHECK_FALSE(env.exists(path));
  }
  SECTION("both synced: the bytes up to the sync") {
    REQUIRE(env.syncDirectory(directory.path() + "/").ok());
    REQUIRE(file->write(3, "lost for good").ok());
    REQUIRE(file->truncate(4).ok());
    CHECK(contentOf(env, path) == "synl");
    crashAndRestart(env);
    CHECK(contentOf(env, path) == "synced");
    CHECK_FALSE(file->write(0, "x").ok());  // a file of the dead process
    CHECK(env.open(path, Env::OpenMode::kReadWrite).value()->write(0, "x").ok());
  }
  SECTION("a failed sync loses what it should have synced, whatever a later sync says") {
    REQUIRE(env.syncDirectory(directory.path()).ok());
    REQUIRE(file->write(0, "doubt").ok());
    env.failAt(1, {.kinds = kSync});
    CHECK_FALSE(file->sync().ok());
    CHECK(env.fired());
    CHECK(file->sync().ok());
    CHECK(contentOf(env, path) == "doubtd");
    crashAndRestart(env);
    CHECK(contentOf(env, path) == "synced");
  }
  SECTION("nothing works between crash and restart") {
    env.crash();
    CHECK_FALSE(env.open(path, Env::OpenMode::kReplace).ok());
    CHECK_FALSE(env.rename(path, path + "2").ok());
    CHECK_FALSE(env.lock(directory / "LOCK").ok());
  }
}

TEST_CASE("renames and removals come back until the directory is synced") {
  const TemporaryDirectory directory;
  FaultEnv env(Env::system());
  const std::string current = directory / "MANIFEST";
  const std::string next = directory / "MANIFEST.next";
  // There before the FaultEnv: durable.
  REQUIRE(Env::system().open(current, Env::OpenMode::kCreateNew).value()->write(0, "old").ok());
  auto file = env.open(next, Env::OpenMode::kCreateNew).value();
  REQUIRE(file->write(0, "new").ok());
  REQUIRE(file->sync().ok());
  REQUIRE(env.rename(next, current).ok());
  CHECK(contentOf(env, current) == "new");

  SECTION("not synced") {
    crashAndRestart(env);
    CHECK(contentOf(env, current) == "old");
    CHECK_FALSE(env.exists(next));
  }
  SECTION("synced") {
    REQUIRE(env.syncDirectory(directory.path()).ok());
    crashAndRestart(env);
    CHECK(contentOf(env, current) == "new");
    CHECK_FALSE(env.exists(next));
    REQUIRE(env.remove(current).ok());
    CHECK_FALSE(env.exists(current));
    crashAndRestart(env);
    CHECK(contentOf(env, current) == "new");
    REQUIRE(env.remove(current).ok());
    REQUIRE(env.syncDirectory(directory.path()).ok());
    crashAndRestart(env);
    CHECK_FALSE(env.exists(current));
  }
}

TEST_CASE("the nth call fails, once or from then on") {
  const TemporaryDirectory directory;
  FaultEnv env(Env::system());
  auto file = env.open(directory / "file", Env::OpenMode::kCreateNew).value();
  const auto write = [&] { return file->write(file->size().value(), "abcd"); };

  SECTION("once") {
    env.failAt(3, {.kinds = kWrite, .fault = Fault::kNoSpace});
    CHECK(write().ok());
    CHECK(file->sync().ok());
    CHECK(write().ok());
    CHECK_FALSE(env.fired());
    const Status third = write();
    REQUIRE(!third.ok());
    CHECK(third.error().code == ErrorCode::kIo);
    CHECK(third.error().system_errno == ENOSPC);
    CHECK(write().ok());
    CHECK(file->size().value() == 12);
    CHECK(env.calls(kWrite) == 4);
    CHECK(env.calls(kWrite | kSync) == 5);
  }
  SECTION("from then on, until cleared") {
    env.failAt(2, {.kinds = kWrite | kSync, .persistent = true});
    CHECK(write().ok());
    CHECK_FALSE(write().ok());
    CHECK_FALSE(file->sync().ok());
    CHECK_FALSE(write().ok());
    env.clearFault();
    CHECK(write().ok());
  }
  SECTION("a short write leaves its first half") {
    env.failAt(1, {.kinds = kWrite, .fault = Fault::kShortWrite});
    CHECK_FALSE(write().ok());
    CHECK(contentOf(env, directory / "file") == "ab");
  }
  SECTION("only on some paths") {
    env.failAt(1, {.path_contains = "other"});
    CHECK(write().ok());
    CHECK_FALSE(env.open(directory / "other", Env::OpenMode::kCreateNew).ok());
  }
}

TEST_CASE("a crash with a seed keeps some unsynced writes, never changes synced bytes, and repeats itself") {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    std::string seen[2];
    for (std::string& result : seen) {
      const TemporaryDirectory directory;
      FaultEnv env(Env::system());
      const std::string path = directory / "file";
      auto file = env.open(path, Env::OpenMode::kCreateNew).value();
      REQUIRE(file->write(0, "base").ok());
      REQUIRE(file->sync().ok());
      REQUIRE(env.syncDirectory(directory.path()).ok());
      for (std::uint64_t i = 0; i < 4; ++i) {
        REQUIRE(file->write(4 + 4 * i, std::string(4, static_cast<char>('a' + i))).ok());
      }
      env.crash(seed);
      env.restart();
      result = contentOf(env, path);
      CHECK(result.substr(0, 4) == "base");
      for (std::size_t i = 4; i < result.size(); ++i) {
        CHECK((result[i] == '\0' || result[i] == static_cast<char>('a' + (i - 4) / 4)));
      }
    }
    CHECK(seen[0] == seen[1]);
    outcomes.insert(seen[0]);
  }
  CHECK(outcomes.size() > 10);
}

TEST_CASE("the clock can be stopped and the random bytes chosen") {
  FaultEnv env(Env::system());
  env.setNow(5'000'000);
  env.advance(1500);
  CHECK(env.nowMicros() == 5'001'500);
  CHECK(env.now() == UnixMs{5001});
  std::string a(16, '\0');
  std::string b(16, '\0');
  env.seedRandom(7);
  env.randomBytes(a);
  env.seedRandom(7);
  env.randomBytes(b);
  CHECK(a == b);
}

}  // namespace
}  // namespace trefoil::testing
