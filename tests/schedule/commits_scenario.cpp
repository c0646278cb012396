#include "tests/schedule/commits_scenario.hpp"

#include <array>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/database_impl.hpp"
#include "tests/base/temporary_directory.hpp"
#include "tests/engine/session_fixture.hpp"
#include "tests/schedule/broken_rules.hpp"
#include "tests/schedule/scheduler.hpp"
#include "tests/schedule/stepping_env.hpp"

namespace trefoil::schedule {
namespace {

constexpr std::size_t kMostWriters = 3;
constexpr const char* kEnd = "end";

// What one writer does, one after the other.
enum class Work : std::uint8_t {
  kThreeModels,  // a, b and the row count together
  kTwoKeys,      // c and d do, in EXEC
  kOwnKey,       // what it holds only grows
  kLargePair,    // two keys of the writer get the same long value, in parts
  kElement,      // for the waiters
  kRow,
  kPolicy,  // appendfsync changes
};

// What the seed says.
struct Course {
  explicit Course(std::uint64_t seed);
  std::mt19937_64 random;
  std::string policy;
  std::string backlog;
  std::string checkpoint_log_size;
  SmallLog log;
  std::vector<std::vector<Work>> writers;
  std::uint64_t waiters;
  std::uint64_t checkpoints;
  std::uint64_t readings;
  std::uint64_t images;

 private:
  std::uint64_t draw(std::uint64_t below) { return random() % below; }
  template <typename Value, std::size_t kCount>
  Value oneOf(const std::array<Value, kCount>& values) {
    return values[draw(kCount)];
  }
};

Course::Course(std::uint64_t seed) : random(seed) {
  policy = oneOf(std::array{"always", "everysec", "no"});
  backlog = oneOf(std::array{"0", "20kb", "64mb"});
  checkpoint_log_size = oneOf(std::array{"0", "20kb"});
  log.ring_bytes = oneOf(std::array{std::size_t{16} << 10, std::size_t{64} << 10, std::size_t{256} << 10});
  log.segment_bytes = oneOf(std::array{std::uint64_t{1} << 10, std::uint64_t{4} << 10, std::uint64_t{32} << 10});
  writers.resize(2 + draw(kMostWriters - 1));
  for (std::vector<Work>& works : writers) {
    for (std::uint64_t left = 3 + draw(6); left > 0; --left) {
      works.push_back(static_cast<Work>(draw(draw(4) == 0 ? 7 : 6)));
    }
  }
  waiters = 1 + draw(2);
  checkpoints = draw(4);
  readings = 2 + draw(4);
  images = draw(3);
}

[[nodiscard]] bool isError(const std::string& answer) {
  return answer.starts_with("(error)");
}

std::string run(Session& session, const std::string& line) {
  std::string answer = runOn(session, line);
  if (isError(answer) && answer.find("CONFLICT") == std::string::npos) {
    fail(line.substr(0, 60) + ": " + answer);
  }
  return answer;
}

std::string runSql(Session& session, const std::string& line) {
  std::string answer = runSqlOn(session, line);
  if (isError(answer) && answer.find("CONFLICT") == std::string::npos) {
    fail(line + ": " + answer);
  }
  return answer;
}

void must(const Status& status, const char* what) {
  if (!status.ok()) {
    fail(std::string(what) + ": " + status.error().message);
  }
}

void must(bool holds, const std::string& what) {
  if (!holds) {
    fail(what);
  }
}

std::uint64_t numberIn(const std::string& answer) {
  std::uint64_t number = 0;
  for (const char digit : answer) {
    number = digit >= '0' && digit <= '9' ? number * 10 + static_cast<std::uint64_t>(digit - '0') : number;
  }
  return number;
}

// Numbers that only grow.
struct Counts {
  std::uint64_t all = 0;  // a, b, and the row
  std::uint64_t two = 0;  // c and d
  std::uint64_t rows = 0;
  std::array<std::uint64_t, kMostWriters> own{};
  std::array<std::uint64_t, kMostWriters> large{};

  void mustNotBeBelow(const Counts& other, const char* what) const {
    bool holds = all >= other.all && two >= other.two && rows >= other.rows;
    for (std::size_t i = 0; i < kMostWriters; ++i) {
      holds = holds && own[i] >= other.own[i] && large[i] >= other.large[i];
    }
    must(holds, std::string(what) + ": " + text() + " below " + other.text());
  }
  [[nodiscard]] std::string text() const {
    std::string text = std::to_string(all) + " " + std::to_string(two) + " " + std::to_string(rows);
    for (std::size_t i = 0; i < kMostWriters; ++i) {
      text += " " + std::to_string(own[i]) + "/" + std::to_string(large[i]);
    }
    return text;
  }
};

// What a snapshot says, whose parts must agree.
Counts read(Session& session, const char* who) {
  run(session, "BEGIN");
  Counts counts;
  const std::string name = who;
  counts.all = numberIn(run(session, "GET a"));
  must(numberIn(run(session, "GET b")) == counts.all, name + ": half of a transaction is in two keys");
  must(numberIn(runSql(session, "SELECT n FROM t WHERE id = 1")) == counts.all,
       name + ": half of a transaction is in keys and rows");
  counts.two = numberIn(run(session, "GET c"));
  must(numberIn(run(session, "GET d")) == counts.two, name + ": half of an EXEC");
  counts.rows = numberIn(runSql(session, "SELECT count(*) FROM u"));
  for (std::size_t i = 0; i < kMostWriters; ++i) {
    const std::string number = std::to_string(i);
    counts.own[i] = numberIn(run(session, "GET own" + number));
    const std::string large = run(session, "GET large" + number);
    must(run(session, "GET same" + number) == large, name + ": half of a large transaction");
    counts.large[i] = numberIn(large.substr(0, large.find('x')));
  }
  run(session, "COMMIT");
  return counts;
}

// Is told of each commit once, in order.
class Observer final : public txn::CommitObserver {
 public:
  explicit Observer(txn::Committer& committer)
      : committer_(committer), following_(committer.follow(*this)), next_(following_.sequence) {}
  ~Observer() override { committer_.unfollow(*this); }
  void onCommit(const txn::Committed& commit) override {
    must(!is_called_, "an observer is told of two commits at a time");
    is_called_ = true;
    must(commit.sequence == expected_ || expected_ == 0, "an observer has missed a commit, or heard of one twice");
    must(commit.lsn >= end_, "an observer is told of commits in another order than the log's");
    step("an observer listens");
    expected_ = commit.sequence + 1;
    end_ = commit.end;
    is_called_ = false;
  }

 private:
  bool is_called_ = false;
  std::uint64_t expected_ = 0;
  Lsn end_ = 0;
  txn::Committer& committer_;
  txn::Committer::Following following_;
  std::uint64_t next_;
};

class Play {
 public:
  explicit Play(std::uint64_t seed) : course_(seed), env_(Env::system(), seed) { makeLogsSmall(course_.log); }
  void run();

 private:
  std::unique_ptr<Database> open(const std::string& directory);
  void write(std::size_t writer);
  void writeOne(Session& session, std::size_t writer, Work work, std::uint64_t number);
  void commit(Session& session, const std::vector<std::string>& lines, const char* row);
  void take(std::size_t waiter);
  void readAgainAndAgain(Database& database, const char* who);
  void checkpoint();
  void takeImages(const std::string& from, const std::string& to);
  void checkElements();

  struct Image {
    std::string directory;
    Counts acknowledged;
  };

  Course course_;
  SteppingEnv env_;
  Settings settings_;
  std::unique_ptr<Database> database_;
  Counts acknowledged_;
  std::vector<std::string> pushed_;
  std::vector<std::vector<std::string>> taken_;
  std::vector<Image> images_;
};

std::unique_ptr<Database> Play::open(const std::string& directory) {
  auto opened = Database::open({.directory = directory, .settings = &settings_, .env = &env_});
  if (!opened.ok()) {
    fail("opening " + directory + ": " + opened.error().message);
  }
  return std::move(opened).value();
}

// One after the other in a transaction, which is tried until it is committed.
void Play::commit(Session& session, const std::vector<std::string>& lines, const char* row) {
  std::string answer;
  do {
    schedule::run(session, "BEGIN");
    for (const std::string& line : lines) {
      schedule::run(session, line);
    }
    if (row != nullptr) {
      runSql(session, row);
    }
    answer = schedule::run(session, "COMMIT");
  } while (isError(answer));
}

void Play::writeOne(Session& session, std::size_t writer, Work work, std::uint64_t number) {
  const std::string mine = std::to_string(writer);
  Counts more;
  switch (work) {
    case Work::kThreeModels:
      commit(session, {"INCR a", "INCR b"}, "UPDATE t SET n = n + 1 WHERE id = 1");
      must(session.awaitFence(), "a commit");
      ++acknowledged_.all;
      break;
    case Work::kTwoKeys:
      schedule::run(session, "MULTI");
      schedule::run(session, "INCR c");
      schedule::run(session, "INCR d");
      schedule::run(session, "EXEC");
      must(session.awaitFence(), "EXEC");
      ++acknowledged_.two;
      break;
    case Work::kOwnKey:
      schedule::run(session, "SET own" + mine + " " + std::to_string(number));
      must(session.awaitFence(), "SET");
      acknowledged_.own[writer] = number;
      break;
    case Work::kLargePair: {
      const std::string value = std::to_string(number) + std::string(5000 + 977 * number, 'x');
      commit(session, {"SET large" + mine + " " + value, "SET same" + mine + " " + value}, nullptr);
      must(session.awaitFence(), "a large commit");
      acknowledged_.large[writer] = number;
      break;
    }
    case Work::kElement: {
      const std::string element = mine + ":" + std::to_string(100 + number);
      pushed_.push_back(element);
      schedule::run(session, "RPUSH q " + element);
      break;
    }
    case Work::kRow:
      runSql(session, "INSERT INTO u VALUES (" + mine + std::to_string(100 + number) + ")");
      must(session.awaitFence(), "INSERT");
      ++acknowledged_.rows;
      break;
    case Work::kPolicy:
      schedule::run(session, std::string("CONFIG SET appendfsync ") + (number % 2 == 0 ? "always" : "everysec"));
      break;
  }
}

void Play::write(std::size_t writer) {
  const std::unique_ptr<Session> session = database_->connect();
  std::uint64_t number = 0;
  for (const Work work : course_.writers[writer]) {
    writeOne(*session, writer, work, ++number);
  }
}

void Play::take(std::size_t waiter) {
  const std::unique_ptr<Session> session = database_->connect();
  for (;;) {
    std::string answer = schedule::run(*session, "BLPOP q 0");
    if (answer.find(kEnd) != std::string::npos) {
      return;
    }
    taken_[waiter].push_back(answer);
  }
}

void Play::readAgainAndAgain(Database& database, const char* who) {
  const std::unique_ptr<Session> session = database.connect();
  Counts before;
  for (std::uint64_t i = 0; i < course_.readings; ++i) {
    const Counts now = read(*session, who);
    now.mustNotBeBelow(before, who);
    before = now;
  }
}

void Play::checkpoint() {
  for (std::uint64_t i = 0; i < course_.checkpoints; ++i) {
    must(database_->checkpoint(), "a checkpoint");
  }
}

// What a process would leave that is killed at such a step.
void Play::takeImages(const std::string& from, const std::string& to) {
  for (std::uint64_t i = 0; i < course_.images; ++i) {
    for (std::uint64_t left = course_.random() % 400; left > 0; --left) {
      step("before an image is taken");
    }
    const std::string directory = to + "/" + std::to_string(i);
    std::filesystem::copy(from, directory, std::filesystem::copy_options::recursive);
    images_.push_back({directory, acknowledged_});
  }
}

// Each was taken once, and by each waiter in the order in which its writer has pushed them.
void Play::checkElements() {
  std::vector<std::string> all;
  for (const std::vector<std::string>& taken : taken_) {
    std::map<char, std::uint64_t> last;
    for (const std::string& answer : taken) {
      const std::size_t colon = answer.find(':');
      must(colon != std::string::npos, "BLPOP: " + answer);
      const std::uint64_t number = numberIn(answer.substr(colon));
      must(number > last[answer[colon - 1]], "elements come in another order than they were pushed in");
      last[answer[colon - 1]] = number;
      all.push_back(answer.substr(colon - 1, 1) + ":" + std::to_string(number));
    }
  }
  std::ranges::sort(all);
  std::ranges::sort(pushed_);
  must(all == pushed_, "elements were lost, or taken twice");
}

void Play::run() {
  const testing::MemoryDirectory directory;
  const testing::MemoryDirectory images;
  const std::string data = directory / "data";
  const std::array<std::pair<const char*, std::string>, 4> settings = {{{"appendfsync", course_.policy},
                                                                        {"log-backlog", course_.backlog},
                                                                        {"checkpoint-log-size", course_.checkpoint_log_size},
                                                                        {"slow-lane-threads", "1"}}};
  for (const auto& [name, value] : settings) {
    must(settings_.set(name, value, Settings::Source::kCommandLine), name);
  }
  database_ = open(data);
  std::unique_ptr<Session> session = database_->connect();
  runSql(*session, "CREATE TABLE t (id INT PRIMARY KEY, n INT)");
  runSql(*session, "CREATE TABLE u (id INT PRIMARY KEY)");
  runSql(*session, "INSERT INTO t VALUES (1, 0)");
  must(session->awaitFence(), "the tables");

  std::vector<std::thread> writers;
  std::vector<std::thread> waiters;
  std::vector<std::thread> others;
  taken_.resize(course_.waiters);
  for (std::size_t i = 0; i < course_.waiters; ++i) {
    waiters.emplace_back([this, i] { take(i); });
  }
  for (std::size_t i = 0; i < course_.writers.size(); ++i) {
    writers.emplace_back([this, i] { write(i); });
  }
  others.emplace_back([this] { checkpoint(); });
  others.emplace_back([this] { readAgainAndAgain(*database_, "a snapshot"); });
  others.emplace_back([&] { takeImages(data, images.path()); });
  auto opened = Database::openFollower(*database_);
  std::unique_ptr<Database> follower;
  if (opened.ok()) {
    follower = std::move(opened).value();
    others.emplace_back([&] { readAgainAndAgain(*follower, "the follower"); });
  } else {
    fail("following: " + opened.error().message);
  }
  {
    const Observer observer(database_->impl().manager().committer());
    for (std::thread& writer : writers) {
      writer.join();
    }
  }
  for (std::size_t i = 0; i < course_.waiters; ++i) {
    schedule::run(*session, std::string("RPUSH q ") + kEnd);
  }
  for (std::vector<std::thread>* threads : {&waiters, &others}) {
    for (std::thread& thread : *threads) {
      thread.join();
    }
  }
  checkElements();
  const Counts counts = read(*session, "the end");
  counts.mustNotBeBelow(acknowledged_, "the end");
  acknowledged_.mustNotBeBelow(counts, "acknowledged");
  const std::string digest = schedule::run(*session, "DIGEST");
  must(session->awaitFence(), "the end");
  const Status caught_up = follower->catchUp(std::chrono::steady_clock::now() + std::chrono::hours(1));
  if (caught_up.ok()) {
    must(schedule::run(*follower->connect(), "DIGEST") == digest, "the follower holds something else");
  } else {
    must(caught_up.error().code == ErrorCode::kOutOfRange && course_.backlog != "64mb",
         "following: " + caught_up.error().message);
  }
  follower.reset();
  session.reset();
  must(database_->close(), "closing");
  database_.reset();

  database_ = open(data);
  must(schedule::run(*database_->connect(), "DIGEST") == digest, "what was opened again is something else");
  database_.reset();
  for (const Image& image : images_) {
    database_ = open(image.directory);
    read(*database_->connect(), "after a kill").mustNotBeBelow(image.acknowledged, "after a kill");
    database_.reset();
  }
}

}  // namespace

void commitsAndFollowers(std::uint64_t seed) {
  Play(seed).run();
}

}  // namespace trefoil::schedule
