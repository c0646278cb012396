// Client-side caching: what clients that track are told of, in all modes; and caches that are never stale, whatever threads
// write.
#include "engine/tracking.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>

#include "engine/database_impl.hpp"
#include "tests/base/temporary_directory.hpp"
#include "tests/engine/session_fixture.hpp"

namespace trefoil {

namespace {

using Texts = std::vector<std::string>;

std::string joined(const std::vector<std::string>& keys) {
  std::string text;
  for (const std::string& key : keys) {
    text += (text.empty() ? "" : " ") + key;
  }
  return text.empty() ? "everything" : text;
}

// As REQUIRE, from any thread.
void mustBe(bool holds) {
  if (!holds) {
    throw std::runtime_error("it does not hold");
  }
}

// A session that speaks RESP3, and what it is told: the keys of each message.
class Client {
 public:
  explicit Client(const SessionFixture& fixture, std::string_view tracking = {}) : session(fixture.connect()) {
    run("HELLO 3");
    if (!tracking.empty()) {
      mustBe(run("CLIENT TRACKING ON " + std::string(tracking == "default" ? "" : tracking)) == "OK");
    }
  }
  std::string run(std::string_view line) const { return runOn(*session, line); }
  [[nodiscard]] Texts heard() const {
    Texts all;
    for (;;) {
      const Result<MessagePointer> message = session->takeMessage();
      mustBe(message.ok());
      if (*message == nullptr) {
        return all;
      }
      const auto* const one = dynamic_cast<const InvalidationMessage*>(message->get());
      all.push_back(one == nullptr
                        ? "broken"
                        : (one->form() == InvalidationMessage::Form::kChannel ? "channel: " : "") + joined(one->keys()));
    }
  }
  // Until something comes.
  [[nodiscard]] Texts awaited() const {
    for (int i = 0; i < 6000; ++i) {
      if (Texts all = heard(); !all.empty()) {
        return all;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return {};
  }
  [[nodiscard]] std::string number() const { return std::to_string(session->id()); }

  std::unique_ptr<Session> session;
};

}  // namespace

TEST_CASE("who has read a key is told of its next change", "[engine][tracking]") {
  const SessionFixture fixture;
  const Client a(fixture, "default");
  const Client b(fixture, "default");
  const Client other(fixture);
  a.run("GET k");  // there is none yet
  b.run("MGET l k");
  other.run("GET k");
  fixture.run("SET k 1");
  fixture.run("SET k 2");
  CHECK(a.heard() == Texts{"k"});
  CHECK(b.heard() == Texts{"k"});
  CHECK(other.heard().empty());
  a.run("EXISTS k");
  fixture.run("SELECT 3");  // keys are known by their names
  fixture.run("MSET k 1 l 1 m 1");
  CHECK(a.heard() == Texts{"k"});
  CHECK(b.heard() == Texts{"l"});
  a.run("SET k 1");  // a write is no read, and one's own are told of, too
  a.run("GET k");
  CHECK(a.heard().empty());
  a.run("SET k 2");
  CHECK(a.heard() == Texts{"k"});
  a.run("GET k");
  CHECK(a.run("CLIENT TRACKING OFF") == "OK");
  fixture.run("SET k 3");
  CHECK(a.heard().empty());
}

TEST_CASE("modes of tracking", "[engine][tracking]") {
  const SessionFixture fixture;
  const auto changes = [&] { fixture.run("MSET a 1 b 1 c 1 d 1"); };
  {
    const Client client(fixture, "OPTIN");
    client.run("GET a");
    client.run("CLIENT CACHING YES");
    client.run("GET b");
    client.run("GET c");
    changes();
    CHECK(client.heard() == Texts{"b"});
    client.run("CLIENT CACHING YES");
    for (const auto* const line : {"MULTI", "GET a", "GET b", "EXEC", "GET c"}) {
      client.run(line);
    }
    changes();
    CHECK(client.heard() == Texts{"a", "b"});
  }
  {
    const Client client(fixture, "OPTOUT NOLOOP");
    client.run("GET a");
    client.run("CLIENT CACHING NO");
    client.run("GET b");
    client.run("GET c");
    client.run("SET a 1");
    changes();
    CHECK(client.heard() == Texts{"c"});
  }
  {
    const Client client(fixture, "BCAST PREFIX b PREFIX x");
    const Client own(fixture, "BCAST NOLOOP");
    changes();
    fixture.run("MULTI");
    fixture.run("SET x2 1");
    fixture.run("SET b 1");
    fixture.run("SET x1 1");
    fixture.run("EXEC");
    CHECK(client.heard() == Texts{"b", "b", "x1 x2"});
    CHECK(own.heard() == Texts{"a b c d", "b x1 x2"});
    own.run("SET x 1");
    CHECK(own.heard().empty());
    CHECK(client.heard() == Texts{"x"});
    CHECK(fixture.run("INFO stats").find("tracking_total_prefixes:3") != std::string::npos);
  }
  CHECK(fixture.run("INFO stats").find("tracking_total_prefixes:0") != std::string::npos);
  CHECK(fixture.run("INFO clients").find("tracking_clients:0") != std::string::npos);
}

TEST_CASE("whatever changes a key is told of", "[engine][tracking]") {
  const SessionFixture fixture;
  const Client client(fixture, "default");
  const Client everything(fixture, "BCAST NOLOOP");
  const auto told = [&](const std::vector<std::string>& lines) {
    client.run("MGET k l");
    for (const std::string& line : lines) {
      fixture.run(line);
    }
    return client.heard();
  };
  CHECK(told({"SQL BEGIN", "SET k 1", "SET l 1"}).empty());
  CHECK(told({"SQL COMMIT"}) == Texts{"k", "l"});
  CHECK(told({"SQL BEGIN", "SET k 1", "SQL ROLLBACK"}).empty());
  CHECK(told({"MULTI", "SET k 2", "DEL l"}).empty());
  CHECK(told({"EXEC"}) == Texts{"k", "l"});
  CHECK(told({"MULTI", "SET k 2", "SQL \"CREATE TABLE t (a INTEGER)\"", "EXEC"}) == Texts{"k"});
  CHECK(told({"EXPIRE k 100"}) == Texts{"k"});
  CHECK(told({"RENAME k l"}) == Texts{"k", "l"});
  CHECK(told({"FLUSHALL"}) == Texts{"everything"});
  CHECK(told({"SET m 1", "FLUSHDB"}) == Texts{"everything"});
  CHECK(told({"SET m 1", "DEL k"}).empty());
  static_cast<void>(everything.heard());
  client.run("SET k 1 PX 1");
  client.run("GET k");
  CHECK(client.awaited() == Texts{"k"});  // expired
  everything.run("SET own 1 PX 1");
  Texts all;
  while (std::find(all.begin(), all.end(), "own") == all.end()) {  // its end is not its own doing
    const Texts more = everything.awaited();
    REQUIRE(!more.empty());
    all.insert(all.end(), more.begin(), more.end());
  }
  std::sort(all.begin(), all.end());
  CHECK(all == Texts{"k", "k", "own"});
}

TEST_CASE("a key that is evicted is told of, also to who writes", "[engine][tracking]") {
  const SessionFixture fixture;
  const Client client(fixture, "NOLOOP");
  client.run("SET k 1");
  client.run("GET k");
  CHECK(fixture.run("CONFIG SET maxmemory-policy allkeys-random") == "OK");
  CHECK(fixture.run("CONFIG SET maxmemory 1") == "OK");
  client.run("SET l 1");
  CHECK(client.awaited() == Texts{"k"});
  CHECK(fixture.run("CONFIG SET maxmemory 0") == "OK");
}

// Of its snapshot, and of what may be rolled back: a cache must not keep it.
TEST_CASE("what is read inside BEGIN is told of as changed at once", "[engine][tracking]") {
  const SessionFixture fixture;
  const Client client(fixture, "default");
  fixture.run("SET k 1");
  client.run("SQL BEGIN");
  client.run("GET l");
  fixture.run("SET k 2");
  CHECK(client.run("GET k") == "\"1\"");
  client.run("SET m 1");
  CHECK(client.run("GET m") == "\"1\"");
  client.run("SQL ROLLBACK");
  CHECK(client.heard() == Texts{"l", "k", "m"});
  client.run("MULTI");
  client.run("GET k");
  client.run("SQL \"SELECT 1\"");
  client.run("EXEC");
  CHECK(client.heard() == Texts{"k"});
}

TEST_CASE("invalidations go where they are redirected to", "[engine][tracking]") {
  const SessionFixture fixture;
  auto target = std::make_unique<Client>(fixture);
  const Client client(fixture, "REDIRECT " + target->number());
  const auto told = [&] {
    client.run("GET k");
    fixture.run("INCR k");
    return target->heard();
  };
  CHECK(told() == Texts{"k"});
  CHECK(client.heard().empty());
  target->run("HELLO 2");
  CHECK(told().empty());
  target->run("SUBSCRIBE x");
  CHECK(told() == Texts{"channel: k"});
  fixture.run("FLUSHALL");
  CHECK(target->heard() == Texts{"channel: everything"});
  CHECK(client.run("CLIENT LIST").find("flags=t ") != std::string::npos);
  target.reset();
  client.run("GET k");
  fixture.run("INCR k");
  CHECK(client.heard() == Texts{"broken"});
  CHECK(client.run("CLIENT INFO").find("flags=tR ") != std::string::npos);
  CHECK(client.run("RESET") == "RESET");
  CHECK(client.run("CLIENT GETREDIR") == "(integer) -1");
  CHECK(client.run("CLIENT INFO").find("flags=N ") != std::string::npos);
}

TEST_CASE("so many keys are remembered and no more", "[engine][tracking]") {
  const SessionFixture fixture;
  const std::int64_t before = MemoryAccount::used(MemoryLeaf::kClients);
  {
    const Client client(fixture, "default");
    CHECK(fixture.run("CONFIG SET tracking-table-max-keys 100") == "OK");
    for (int i = 0; i < 1000; ++i) {
      client.run("GET k" + std::to_string(i));
    }
    CHECK(fixture.database->impl().tracking().figures().keys == 100);
    Texts told = client.heard();
    CHECK(told.size() == 900);
    for (int i = 0; i < 1000; ++i) {
      fixture.run("SET k" + std::to_string(i) + " 1");
    }
    const Texts others = client.heard();
    CHECK(others.size() == 100);
    told.insert(told.end(), others.begin(), others.end());
    std::sort(told.begin(), told.end());
    CHECK(std::unique(told.begin(), told.end()) == told.end());
    client.run("MGET a b c");
  }
  CHECK(fixture.database->impl().tracking().figures().keys == 0);
  CHECK(fixture.run("CONFIG SET tracking-table-max-keys 1000000") == "OK");
  // Those who are gone leave the keys that others have read.
  const Client stays(fixture, "default");
  for (int i = 0; i < 1000; ++i) {
    const Client goes(fixture, "default");
    goes.run("GET k");
  }
  CHECK(fixture.database->impl().tracking().figures().items <= 32);
  fixture.run("SET k 1");
  CHECK(fixture.database->impl().tracking().figures().items == 0);
  CHECK(MemoryAccount::used(MemoryLeaf::kClients) - before < 100'000);
}

namespace {

constexpr int kKeys = 12;

// A key's newest change: odd ones set it to their number, even ones remove it.
struct Truth {
  std::atomic<std::int64_t> begun{0};
  std::atomic<std::int64_t> answered{0};
};

// Writes keys of its own, each of which nobody else writes.
class Writer {
 public:
  Writer(const SessionFixture& fixture, std::array<Truth, kKeys>& truth, int number, int writers)
      : session_(fixture.connect()), truth_(truth), number_(number), writers_(writers), random_(static_cast<unsigned>(number)) {}

  void write() {
    const int keys = 1 + static_cast<int>(random_() % 3);
    std::map<int, std::int64_t> versions;
    for (int i = 0; i < keys; ++i) {
      const int key = number_ + writers_ * static_cast<int>(random_() % (kKeys / static_cast<unsigned>(writers_)));
      if (!versions.contains(key)) {
        versions[key] = ++truth_[static_cast<std::size_t>(key)].begun;
      }
    }
    const auto how = random_() % 3;
    const bool as_block = versions.size() > 1 || how != 0;
    if (as_block) {
      run(how == 1 ? "MULTI" : "SQL BEGIN");
    }
    for (const auto& [key, version] : versions) {
      run(version % 2 == 0 ? "DEL k" + std::to_string(key) : "SET k" + std::to_string(key) + " " + std::to_string(version));
    }
    if (as_block) {
      const std::string answer = run(how == 1 ? "EXEC" : "SQL COMMIT");
      mustBe(answer.find("(error)") == std::string::npos);
    }
    for (const auto& [key, version] : versions) {
      truth_[static_cast<std::size_t>(key)].answered = version;
    }
  }

 private:
  std::string run(const std::string& line) { return runOn(*session_, line); }

  const std::unique_ptr<Session> session_;
  std::array<Truth, kKeys>& truth_;
  const int number_;
  const int writers_;
  std::mt19937 random_;
};

// A cache as a client keeps it.
class Cache {
 public:
  Cache(const SessionFixture& fixture, std::array<Truth, kKeys>& truth, std::string_view mode, unsigned seed)
      : client_(fixture, mode), truth_(truth), opt_in_(mode == "OPTIN"), random_(seed) {}

  // Looks a key up, and reads it if it is not there. Returns whether it was stale.
  bool look() {
    const int key = static_cast<int>(random_() % kKeys);
    const std::int64_t answered = truth_[static_cast<std::size_t>(key)].answered;
    applyMessages();
    if (const auto found = newest_.find(key); found != newest_.end()) {
      ++hits;
      if (found->second < answered) {
        newest_.erase(found);
        return true;
      }
      if (random_() % 8 != 0) {
        return false;
      }
    }
    read(key);
    return false;
  }
  // When nobody writes any more.
  bool isStale() {
    applyMessages();
    return std::any_of(newest_.begin(), newest_.end(),
                       [&](const auto& one) { return one.second < truth_[static_cast<std::size_t>(one.first)].answered; });
  }
  int hits = 0;

 private:
  void applyMessages() {
    for (const std::string& told : client_.heard()) {
      if (told == "everything") {
        newest_.clear();
      }
      for (int key = 0; key < kKeys; ++key) {
        const std::string name = "k" + std::to_string(key);
        if ((" " + told + " ").find(" " + name + " ") != std::string::npos) {
          newest_.erase(key);
        }
      }
    }
  }
  void read(int key) {
    const std::string get = "GET k" + std::to_string(key);
    const auto how = random_() % 3;
    if (how == 2) {
      client_.run("SQL BEGIN");
    }
    if (opt_in_) {
      client_.run("CLIENT CACHING YES");
    }
    if (how == 1) {
      client_.run("MULTI");
    }
    std::string answer = client_.run(get);
    if (how != 0) {
      const std::string end = client_.run(how == 1 ? "EXEC" : "SQL COMMIT");
      answer = how == 1 ? end : answer;
    }
    // What was not there may have been removed by the newest removal that had begun.
    const std::int64_t begun = truth_[static_cast<std::size_t>(key)].begun;
    const std::size_t quote = answer.find('"');
    newest_[key] = quote == std::string::npos ? begun : std::stoll(answer.substr(quote + 1));
  }

  const Client client_;
  std::array<Truth, kKeys>& truth_;
  const bool opt_in_;
  std::mt19937 random_;
  std::map<int, std::int64_t> newest_;  // at most this change is what the cache shows
};

void neverStale(const SessionFixture& fixture) {
  constexpr int kWriters = 3;
  constexpr std::array<std::string_view, 4> kModes = {"default", "OPTIN", "BCAST", "NOLOOP"};
  constexpr int kRounds = 500;
  constexpr int kHits = 300;
  std::array<Truth, kKeys> truth;
  std::atomic<int> writing{kWriters};
  std::atomic<int> unfinished{static_cast<int>(kModes.size())};
  std::atomic<int> stale{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kWriters; ++i) {
    threads.emplace_back([&, i] {
      Writer writer(fixture, truth, i, kWriters);
      for (int round = 0; round < kRounds || unfinished > 0; ++round) {
        writer.write();
      }
      --writing;
    });
  }
  unsigned seed = 0;
  for (const std::string_view mode : kModes) {
    threads.emplace_back([&, mode, number = ++seed] {
      Cache cache(fixture, truth, mode, number);
      while (writing > 0) {
        const bool had_enough = cache.hits >= kHits;
        stale += cache.look() ? 1 : 0;
        unfinished -= !had_enough && cache.hits >= kHits ? 1 : 0;
      }
      stale += cache.isStale() ? 1 : 0;
    });
  }
  // Others come and go, and so do followers of the commits.
  threads.emplace_back([&] {
    while (writing > 0) {
      const Client client(fixture, "BCAST PREFIX k1");
      client.run("GET k1");
    }
  });
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(stale == 0);
}

}  // namespace

TEST_CASE("a cache that hears of changes is never stale", "[engine][tracking]") {
  const SessionFixture fixture;
  neverStale(fixture);
}

TEST_CASE("a cache that hears of changes is never stale, with a log", "[engine][tracking]") {
  const testing::TemporaryDirectory directory;
  const SessionFixture fixture(directory.path());
  neverStale(fixture);
}

}  // namespace trefoil
