// Statements that wait: who is served, with what, in which order, and that nothing is lost or served twice. Meant for the tsan
// build, too.
#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "engine/database_impl.hpp"
#include "tests/base/temporary_directory.hpp"
#include "tests/engine/session_fixture.hpp"

namespace trefoil {

namespace {

// A session that waits without a thread, as an event loop's does.
class Waiting {
 public:
  explicit Waiting(Database& database) : session_(database.connect()) {}

  // Answers the reply if there is one at once; "" if it waits.
  std::string begin(std::string_view line) {
    words_ = *parser::splitCommandLine(line);
    args_.assign(words_.begin(), words_.end());
    return go();
  }
  // The answer, which is there or about to be.
  std::string answer() {
    {
      std::unique_lock lock(mutex_);
      over_.wait(lock, [this] { return is_over_; });
    }
    is_over_ = false;
    reply_.clear();
    if (!session_->finishWait(reply_)) {
      const std::string text = go();
      return text.empty() ? answer() : text;
    }
    return reply_.values().empty() ? "nothing" : reply_.last().describe();
  }
  bool isOver() {
    const std::lock_guard lock(mutex_);
    return is_over_;
  }
  Session& session() { return *session_; }

 private:
  std::string go() {
    reply_.clear();
    session_->executeOrWait({.args = args_, .sql = {}, .parameters = {}}, reply_);
    if (!session_->waits()) {
      return reply_.last().describe();
    }
    session_->onWaitOver([this] {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
      over_.notify_one();
    });
    return "";
  }

  std::unique_ptr<Session> session_;
  std::vector<std::string> words_;
  std::vector<std::string_view> args_;
  ReplyTree reply_;
  std::mutex mutex_;
  std::condition_variable over_;
  bool is_over_ = false;
};

std::string times(std::size_t count, const std::string& text) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) {
    all += text;
  }
  return all;
}

}  // namespace

TEST_CASE("a command that waits is served by whatever makes its key ready", "[engine][waiting]") {
  struct Case {
    std::string_view setup;  // lines
    std::string_view waits;
    std::vector<std::string> then;  // lines; SQL if in capitals and with a ';' at its end
    std::string_view answer;
    std::string_view left;  // of LRANGE k 0 -1, or of ZRANGE
  };
  const std::vector<Case> cases = {
      {"", "BLPOP k 0", {"RPUSH k a b"}, R"(["k", "a"])", R"(["b"])"},
      {"", "BRPOP j k 0", {"RPUSH k a b"}, R"(["k", "b"])", R"(["a"])"},
      {"", "BLMPOP 0 2 j k LEFT COUNT 2", {"RPUSH k a b c"}, R"(["k", ["a", "b"]])", R"(["c"])"},
      {"", "BLMOVE s k LEFT RIGHT 0", {"RPUSH s a"}, R"("a")", R"(["a"])"},
      {"RPUSH k z", "BRPOPLPUSH s k 0", {"RPUSH s a b"}, R"("b")", R"(["b", "z"])"},
      {"", "BRPOPLPUSH k k 0", {"RPUSH k a b"}, R"("b")", R"(["b", "a"])"},
      {"RPUSH s a", "BLPOP k 0", {"RENAME s k"}, R"(["k", "a"])", "[]"},
      {"RPUSH s a", "BLPOP k 0", {"COPY s k"}, R"(["k", "a"])", "[]"},
      {"RPUSH s a", "BLPOP k 0", {"LMOVE s k LEFT LEFT"}, R"(["k", "a"])", "[]"},
      {"", "BLPOP k 0", {"MULTI", "RPUSH k a", "RPUSH k b", "EXEC"}, R"(["k", "a"])", R"(["b"])"},
      {"", "BLPOP k 0", {"MULTI", "RPUSH k a", "DEL k", "RPUSH k c", "EXEC"}, R"(["k", "c"])", "[]"},
      {"", "BLPOP k 0", {"BEGIN", "RPUSH k a", "COMMIT"}, R"(["k", "a"])", "[]"},
      {"", "BLPOP k 0", {"BEGIN", "RPUSH k a", "ROLLBACK", "RPUSH k b"}, R"(["k", "b"])", "[]"},
      {"", "BLPOP k 0", {"SET k v", "DEL k", "ZADD k 1 m", "DEL k", "RPUSH k a"}, R"(["k", "a"])", "[]"},
  };
  for (const Case& one : cases) {
    SessionFixture fixture;
    INFO(one.waits << " / " << one.then.front());
    for (std::size_t at = 0; at < one.setup.size();) {
      const std::size_t end = std::min(one.setup.find('\n', at), one.setup.size());
      fixture.run(one.setup.substr(at, end - at));
      at = end + 1;
    }
    Waiting waiting(*fixture.database);
    REQUIRE(waiting.begin(one.waits).empty());
    CHECK_FALSE(waiting.isOver());
    for (const std::string& line : one.then) {
      const std::string answer = fixture.run(line);
      CHECK_FALSE(answer.starts_with("(error)"));
    }
    CHECK(waiting.isOver());  // before whoever has made it ready was answered
    CHECK(waiting.answer() == one.answer);
    CHECK(fixture.run("LRANGE k 0 -1") == one.left);
    CHECK(fixture.database->impl().waiterCount() == 0);
    CHECK_FALSE(fixture.database->impl().manager().kv().hasWaiters());
  }
}

TEST_CASE("members of sorted sets are waited for", "[engine][waiting]") {
  SessionFixture fixture;
  Waiting lowest(*fixture.database);
  Waiting highest(*fixture.database);
  Waiting several(*fixture.database);
  REQUIRE(lowest.begin("BZPOPMIN z 0").empty());
  REQUIRE(highest.begin("BZPOPMAX y z 0").empty());
  REQUIRE(several.begin("BZMPOP 0 1 z MIN COUNT 5").empty());
  fixture.run("ZADD z 1 a 2 b 3 c 4 d");
  CHECK(lowest.answer() == R"(["z", "a", (double) 1])");
  CHECK(highest.answer() == R"(["z", "d", (double) 4])");
  CHECK(several.answer() == R"(["z", [["b", (double) 2], ["c", (double) 3]]])");
  CHECK(fixture.run("EXISTS z") == "(integer) 0");
}

TEST_CASE("who waits longest is served first, and nobody comes in between", "[engine][waiting]") {
  SessionFixture fixture;
  std::vector<std::unique_ptr<Waiting>> waiting;
  for (int i = 0; i < 100; ++i) {
    waiting.push_back(std::make_unique<Waiting>(*fixture.database));
    REQUIRE(waiting.back()->begin(i % 2 == 0 ? "BLPOP a b 0" : "BLPOP b a 0").empty());
  }
  fixture.run("ZADD b 1 m");  // nothing for them, and no reason to forget their order
  fixture.run("DEL b");
  for (int i = 0; i < 50; ++i) {
    fixture.run("RPUSH " + std::string(i % 3 == 0 ? "a" : "b") + " " + std::to_string(i));
    CHECK(fixture.run("LLEN a") == "(integer) 0");
    CHECK(waiting[static_cast<std::size_t>(i)]->answer().ends_with("\"" + std::to_string(i) + "\"]"));
  }
  std::string push = "RPUSH a";
  for (int i = 50; i < 100; ++i) {
    push += " " + std::to_string(i);
  }
  fixture.run(push);
  for (int i = 50; i < 100; ++i) {
    CHECK(waiting[static_cast<std::size_t>(i)]->answer() == R"(["a", ")" + std::to_string(i) + "\"]");
  }
}

TEST_CASE("what a served command moves on serves those who wait for that", "[engine][waiting]") {
  SessionFixture fixture;
  constexpr int kChain = 300;
  std::vector<std::unique_ptr<Waiting>> chain;
  for (int i = 0; i < kChain; ++i) {
    chain.push_back(std::make_unique<Waiting>(*fixture.database));
    REQUIRE(chain.back()->begin("BLMOVE l" + std::to_string(i) + " l" + std::to_string(i + 1) + " LEFT RIGHT 0").empty());
  }
  fixture.run("RPUSH l0 v");
  for (const auto& one : chain) {
    CHECK(one->isOver());
    CHECK(one->answer() == "\"v\"");
  }
  CHECK(fixture.run("LRANGE l" + std::to_string(kChain) + " 0 -1") == R"(["v"])");
}

TEST_CASE("a served command may fail, and takes nothing", "[engine][waiting]") {
  SessionFixture fixture;
  Waiting waiting(*fixture.database);
  REQUIRE(waiting.begin("BLMOVE s d LEFT LEFT 0").empty());
  fixture.run("SET d text");
  fixture.run("RPUSH s a");
  CHECK(waiting.answer().starts_with("(error) WRONGTYPE"));
  CHECK(fixture.run("LRANGE s 0 -1") == R"(["a"])");
}

TEST_CASE("waits end by time, by CLIENT UNBLOCK and by who waits", "[engine][waiting]") {
  SessionFixture fixture;
  Waiting waiting(*fixture.database);
  const std::string id = std::to_string(waiting.session().id());
  REQUIRE(waiting.begin("BLPOP k 100").empty());
  CHECK(waiting.session().waitDeadline() > fixture.database->env().monotonicMicros());
  CHECK(fixture.run("CLIENT UNBLOCK " + id) == "(integer) 1");
  CHECK(fixture.run("CLIENT UNBLOCK " + id) == "(integer) 0");
  CHECK(waiting.answer() == "(nil)");
  REQUIRE(waiting.begin("BLPOP k 0").empty());
  CHECK(waiting.session().waitDeadline() == INT64_MAX);
  CHECK(fixture.run("CLIENT UNBLOCK " + id + " ERROR") == "(integer) 1");
  CHECK(waiting.answer() == "(error) UNBLOCKED client unblocked via CLIENT UNBLOCK");
  REQUIRE(waiting.begin("BLMOVE k l LEFT LEFT 0.001").empty());
  CHECK(waiting.session().endWait(WaitEnd::kTimeout));
  CHECK_FALSE(waiting.session().endWait(WaitEnd::kTimeout));
  CHECK(waiting.answer() == "(nil)");
  REQUIRE(waiting.begin("WAIT 1 10").empty());
  CHECK(waiting.session().endWait(WaitEnd::kTimeout));
  CHECK(waiting.answer() == "(integer) 0");
  REQUIRE(waiting.begin("BLPOP k 0").empty());
  CHECK(waiting.session().endWait(WaitEnd::kGone));
  CHECK(waiting.answer() == "nothing");
  fixture.run("RPUSH k a");
  CHECK(fixture.run("LRANGE k 0 -1") == R"(["a"])");
  CHECK(fixture.run("CLIENT UNBLOCK " + id) == "(integer) 0");
}

TEST_CASE("a session that goes while it waits leaves nothing behind", "[engine][waiting]") {
  SessionFixture fixture;
  {
    Waiting waiting(*fixture.database);
    REQUIRE(waiting.begin("BLPOP k k j 0").empty());
    CHECK(fixture.run("CLIENT LIST").find("flags=b ") != std::string::npos);
    CHECK(waiting.session().endWait(WaitEnd::kGone));
  }
  fixture.run("RPUSH k a");
  CHECK(fixture.run("LLEN k") == "(integer) 1");
  CHECK(fixture.database->impl().waiterCount() == 0);
}

TEST_CASE("in MULTI and BEGIN nothing waits", "[engine][waiting]") {
  SessionFixture fixture;
  for (const char* line : {"MULTI", "BLPOP k 0", "BLMOVE k l LEFT LEFT 0", "BZPOPMIN k 0", "BLMPOP 0 1 k LEFT", "WAIT 1 0"}) {
    fixture.run(line);
  }
  CHECK(fixture.run("EXEC") == "[(nil), (nil), (nil), (nil), (integer) 0]");
  fixture.run("BEGIN");
  CHECK(fixture.run("BLPOP k 0") == "(nil)");
  fixture.run("RPUSH k a");
  CHECK(fixture.run("BLPOP k 0") == R"(["k", "a"])");
  CHECK(fixture.run("WAIT 3 0") == "(integer) 0");
  fixture.run("ROLLBACK");
}

TEST_CASE("execute() waits by itself, and can be told not to", "[engine][waiting]") {
  SessionFixture fixture;
  CHECK(fixture.run("BLPOP k 0.01") == "(nil)");
  const std::unique_ptr<Session> other = fixture.connect();
  std::atomic<bool> ended{false};
  std::thread pushes([&] {
    while (fixture.database->impl().waiterCount() == 0) {
      std::this_thread::yield();
    }
    runOn(*other, "RPUSH k a");
    while (!ended) {
      fixture.session->cancel();  // what is asked of one statement is forgotten at the next one's beginning
      std::this_thread::yield();
    }
  });
  CHECK(fixture.run("BLPOP k 0") == R"(["k", "a"])");
  CHECK(fixture.run("BLPOP k 0") == "(error) ERR canceling statement due to user request");
  ended = true;
  pushes.join();
}

TEST_CASE("a value too large for the locks is taken all the same", "[engine][waiting]") {
  const testing::TemporaryDirectory directory;
  const std::string large = times(std::size_t{3} << 20, "x");
  {
    SessionFixture fixture(directory.path());
    Waiting moves(*fixture.database);
    Waiting pops(*fixture.database);
    REQUIRE(moves.begin("BLMOVE s d LEFT LEFT 0").empty());
    REQUIRE(pops.begin("BLPOP s 0").empty());
    fixture.run("RPUSH s " + large + " small");
    CHECK(moves.answer() == "\"" + large + "\"");
    CHECK(pops.answer() == R"(["s", "small"])");
    CHECK(fixture.run("LLEN s") == "(integer) 0");
  }
  SessionFixture again(directory.path());
  CHECK(again.run("LRANGE d 0 -1") == "[\"" + large + "\"]");
  CHECK(again.run("EXISTS s") == "(integer) 0");
}

TEST_CASE("a large transaction serves whoever waits for one of its keys", "[engine][waiting]") {
  SessionFixture fixture;
  std::vector<std::unique_ptr<Waiting>> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(std::make_unique<Waiting>(*fixture.database));
    REQUIRE(waiting.back()->begin("BLPOP l" + std::to_string(i * 100) + " 0").empty());
  }
  fixture.run("BEGIN");
  const std::string value = times(1000, "v");
  for (int i = 0; i < 2000; ++i) {
    fixture.run("RPUSH l" + std::to_string(i) + " " + value);
  }
  fixture.run("COMMIT");
  for (const auto& one : waiting) {
    CHECK(one->isOver());
    CHECK(one->answer().ends_with(value + "\"]"));
  }
}

TEST_CASE("CLIENT PAUSE keeps statements from beginning", "[engine][waiting]") {
  SessionFixture fixture;
  Waiting reads(*fixture.database);
  Waiting writes(*fixture.database);
  fixture.sql("CREATE TABLE t (a INT PRIMARY KEY)");
  CHECK(fixture.run("CLIENT PAUSE 100000 WRITE") == "OK");
  CHECK(reads.begin("GET k") == "(nil)");
  CHECK(reads.begin("SELECT count(*) FROM t") == "[[(integer) 0]]");
  REQUIRE(writes.begin("SET k v").empty());
  CHECK(writes.session().isPostponed());
  CHECK(fixture.run("CLIENT UNBLOCK " + std::to_string(writes.session().id())) == "(integer) 0");
  Waiting inserts(*fixture.database);
  REQUIRE(inserts.begin("INSERT INTO t VALUES (1)").empty());
  Waiting executes(*fixture.database);
  CHECK(executes.begin("MULTI") == "OK");
  CHECK(executes.begin("GET k") == "QUEUED");
  CHECK(executes.begin("EXEC") == "[(nil)]");
  CHECK(fixture.run("CLIENT PAUSE 10 ALL") == "OK");  // no shorter, but of all
  REQUIRE(reads.begin("PING").empty());
  fixture.database->impl().pause().end();
  CHECK(writes.answer() == "OK");
  CHECK(inserts.answer() == "(integer) 1");
  CHECK(reads.answer() == "PONG");
  CHECK(fixture.run("CLIENT PAUSE 0") == "OK");
  CHECK(fixture.run("GET k") == "\"v\"");
}

// Producers and consumers over few keys, with waits that end by time, by others and by nobody being there any more.
TEST_CASE("nothing is lost and nothing is served twice", "[engine][waiting][threads]") {
  const testing::TemporaryDirectory directory;
  SessionFixture fixture(directory.path());
  constexpr int kProducers = 3;
  constexpr int kConsumers = 4;
  constexpr int kEach = 400;
  std::mutex mutex;
  std::map<std::string, int> seen;
  std::map<int, int> newest;  // of a producer, as it was taken from its own list
  std::atomic<int> wrong{0};
  std::atomic<bool> produced{false};
  std::vector<std::thread> threads;
  for (int p = 0; p < kProducers; ++p) {
    threads.emplace_back([&, p] {
      const std::unique_ptr<Session> session = fixture.connect();
      for (int i = 0; i < kEach; ++i) {
        const std::string value = std::to_string(p) + ":" + std::to_string(i);
        const std::string key = "l" + std::to_string(i % 3);
        if (i % 5 == 0) {
          runOn(*session, "MULTI");
          runOn(*session, "RPUSH " + key + " " + value);
          runOn(*session, "EXEC");
        } else if (i % 7 == 0) {
          for (;;) {
            runOn(*session, "BEGIN");
            runOn(*session, "RPUSH " + key + " " + value);
            if (!runOn(*session, "COMMIT").starts_with("(error)")) {
              break;
            }
          }
        } else {
          runOn(*session, "RPUSH " + std::string(i % 11 == 0 ? "m" : key) + " " + value);
        }
      }
    });
  }
  for (int c = 0; c < kConsumers; ++c) {
    threads.emplace_back([&, c] {
      Waiting waiting(*fixture.database);
      for (int round = 0;; ++round) {
        const bool moves = c == 0 && round % 2 == 0;
        std::string answer = waiting.begin(moves            ? "BLMOVE m l1 LEFT RIGHT 1"
                                           : round % 2 == 0 ? "BLPOP l0 l1 l2 1"
                                                            : "BRPOP l2 l1 l0 1");
        if (answer.empty()) {
          if (produced || round % 3 == 0) {
            waiting.session().endWait(round % 2 == 0 ? WaitEnd::kTimeout : WaitEnd::kUnblocked);
          } else {
            // Whoever produces is quicker, or else the last of them ends it below.
            while (!waiting.isOver() && !produced) {
              std::this_thread::yield();
            }
            waiting.session().endWait(WaitEnd::kTimeout);
          }
          answer = waiting.answer();
        }
        if (answer.starts_with("[")) {
          const std::lock_guard lock(mutex);
          wrong += ++seen[answer.substr(answer.find(", ") + 2)] != 1;
        } else if (produced && !moves) {
          return;
        }
      }
    });
  }
  for (int p = 0; p < kProducers; ++p) {
    threads[static_cast<std::size_t>(p)].join();
  }
  while (fixture.run("LMOVE m l0 LEFT LEFT") != "(nil)") {
  }
  produced = true;
  for (std::size_t i = kProducers; i < threads.size(); ++i) {
    threads[i].join();
  }
  std::size_t left = 0;
  for (const char* key : {"l0", "l1", "l2", "m"}) {
    while (!fixture.run("LPOP " + std::string(key)).starts_with("(nil)")) {
      ++left;
    }
  }
  CHECK(wrong == 0);
  CHECK(seen.size() + left == std::size_t{kProducers} * kEach);
  CHECK(fixture.database->impl().waiterCount() == 0);
}

}  // namespace trefoil
