#include "tests/schedule/commits_scenario.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "aof/log_tail.hpp"
#include "engine/database_impl.hpp"
#include "tests/base/fault_env.hpp"
#include "tests/base/temporary_directory.hpp"
#include "tests/engine/session_fixture.hpp"
#include "tests/schedule/broken_rules.hpp"
#include "tests/schedule/scheduler.hpp"
#include "tests/schedule/stepping_env.hpp"

namespace trefoil::schedule {
namespace {

constexpr std::size_t kMostWriters = 3;
constexpr std::size_t kKeys = 16;  // of an MSET
constexpr const char* kEnd = "end";
constexpr std::chrono::milliseconds kPause(20);

// What one writer does, one after the other.
enum class Work : std::uint8_t {
  kThreeModels,  // a, b and the row count together
  kTwoKeys,      // c and d do, in EXEC
  kOwnKey,       // what it holds only grows
  kLargePair,    // two keys of the writer get the same long value, in parts
  kElement,      // for the waiters
  kRow,
  kManyKeys,  // all get the same value
  kRows,      // an UPDATE of several rows that counts in each of them
  kWatched,   // a key counts by WATCH and EXEC
  kSkew,      // x or y, but only if both are 0
  kPolicy,    // appendfsync changes
};

// What the seed says.
struct Course {
  Course(std::uint64_t seed, bool disk_fails);
  std::uint64_t draw(std::uint64_t below) { return random() % below; }
  template <typename Value, std::size_t kCount>
  Value oneOf(const std::array<Value, kCount>& values) {
    return values[draw(kCount)];
  }

  std::mt19937_64 random;
  bool disk_fails;
  std::array<std::pair<const char*, std::string>, 6> settings;
  bool keeps_log = false;
  SmallLog log;
  std::vector<std::vector<Work>> writers;
  std::uint64_t waiters = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t readings = 0;
  std::uint64_t images = 0;
  bool moves_elements = false;  // from one list to another, where the waiters are
};

Course::Course(std::uint64_t seed, bool disk_fails_in) : random(seed), disk_fails(disk_fails_in) {
  const std::string backlog = oneOf(std::array{"0", "20kb", "64mb"});
  keeps_log = backlog == "64mb";
  settings = {{{"databases", "1"},
               {"slow-lane-threads", "1"},
               {"appendfsync", oneOf(std::array{"always", "everysec", "no"})},
               {"log-backlog", backlog},
               {"log-old-values", oneOf(std::array{"no", "no", "yes"})},
               {"checkpoint-log-size", oneOf(std::array{"0", "20kb"})}}};
  log.ring_bytes = oneOf(std::array{std::size_t{16} << 10, std::size_t{64} << 10, std::size_t{256} << 10});
  log.segment_bytes = oneOf(std::array{std::uint64_t{1} << 10, std::uint64_t{4} << 10, std::uint64_t{32} << 10});
  writers.resize(2 + draw(kMostWriters - 1));
  for (std::vector<Work>& works : writers) {
    for (std::uint64_t left = 3 + draw(6); left > 0; --left) {
      works.push_back(static_cast<Work>(draw(draw(8) == 0 ? 11 : 10)));
    }
  }
  waiters = 1 + draw(2);
  checkpoints = draw(4);
  readings = 2 + draw(4);
  images = draw(4);
  moves_elements = draw(2) == 0;
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

[[nodiscard]] bool isError(const std::string& answer) {
  return answer.starts_with("(error)");
}

// A statement that cannot be refused.
std::string ask(Session& session, const std::string& line) {
  std::string answer = runOn(session, line);
  must(!isError(answer), line + ": " + answer);
  return answer;
}

std::string askSql(Session& session, const std::string& line) {
  std::string answer = runSqlOn(session, line);
  must(!isError(answer), line + ": " + answer);
  return answer;
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
  std::uint64_t updates = 0;
  std::uint64_t watched = 0;
  std::array<std::uint64_t, kMostWriters> own{};
  std::array<std::uint64_t, kMostWriters> large{};

  void mustNotBeBelow(const Counts& other, const char* what) const {
    bool holds =
        all >= other.all && two >= other.two && rows >= other.rows && updates >= other.updates && watched >= other.watched;
    for (std::size_t i = 0; i < kMostWriters; ++i) {
      holds = holds && own[i] >= other.own[i] && large[i] >= other.large[i];
    }
    must(holds, std::string(what) + ": " + text() + " below " + other.text());
  }
  [[nodiscard]] std::string text() const {
    std::string text = std::to_string(all) + " " + std::to_string(two) + " " + std::to_string(rows) + " " +
                       std::to_string(updates) + " " + std::to_string(watched);
    for (std::size_t i = 0; i < kMostWriters; ++i) {
      text += " " + std::to_string(own[i]) + "/" + std::to_string(large[i]);
    }
    return text;
  }
};

// What a snapshot says, whose parts must agree.
Counts read(Session& session, const std::string& who) {
  ask(session, "BEGIN");
  Counts counts;
  counts.all = numberIn(ask(session, "GET a"));
  must(numberIn(ask(session, "GET b")) == counts.all, who + ": half of a transaction is in two keys");
  must(numberIn(askSql(session, "SELECT n FROM t WHERE id = 1")) == counts.all,
       who + ": half of a transaction is in keys and rows");
  counts.two = numberIn(ask(session, "GET c"));
  must(numberIn(ask(session, "GET d")) == counts.two, who + ": half of an EXEC");
  counts.watched = numberIn(ask(session, "GET w"));
  const std::string first = ask(session, "GET m0");
  for (std::size_t i = 1; i < kKeys; ++i) {
    must(ask(session, "GET m" + std::to_string(i)) == first, who + ": a part of an MSET");
  }
  must(numberIn(ask(session, "GET x")) + numberIn(ask(session, "GET y")) < 2, who + ": two transactions that exclude each other");
  counts.updates = numberIn(askSql(session, "SELECT n FROM t WHERE id = 2"));
  must(numberIn(askSql(session, "SELECT n FROM t WHERE id = 3")) == counts.updates, who + ": half of an UPDATE");
  counts.rows = numberIn(askSql(session, "SELECT count(*) FROM u"));
  for (std::size_t i = 0; i < kMostWriters; ++i) {
    const std::string number = std::to_string(i);
    counts.own[i] = numberIn(ask(session, "GET own" + number));
    const std::string large = ask(session, "GET large" + number);
    must(ask(session, "GET same" + number) == large, who + ": half of a large transaction");
    counts.large[i] = numberIn(large.substr(0, large.find('x')));
  }
  ask(session, "COMMIT");
  return counts;
}

void verify(Database& database) {
  database.impl().manager().kv().verify();
  database.impl().manager().sql().verify();
}

// The LSNs of commits, from a place in the log on.
struct Heard {
  Lsn from = 0;
  std::vector<Lsn> lsns;

  // Both have heard the same of what both could hear.
  void mustAgreeWith(const Heard& other) const {
    const Lsn both = std::max(from, other.from);
    must(behind(both) == other.behind(both), "an observer and the log's tail do not tell of the same commits");
  }

 private:
  [[nodiscard]] std::vector<Lsn> behind(Lsn begin) const { return {std::ranges::lower_bound(lsns, begin), lsns.end()}; }
};

// Is told of each commit once, in order.
class Observer final : public txn::CommitObserver {
 public:
  explicit Observer(txn::Committer& committer) : committer_(committer) {
    const txn::Committer::Following following = committer.follow(*this);
    must(expected_ == 0 || first_ == following.sequence, "an observer's first commit is not the one behind its snapshot");
    heard_.from = following.snapshot.lsn();
  }
  ~Observer() override {
    committer_.unfollow(*this);
    is_gone_ = true;
    step("an observer has gone");
  }
  void onCommit(const txn::Committed& commit) override {
    must(!is_gone_, "an observer that has gone is told of a commit");
    must(!is_called_, "an observer is told of two commits at a time");
    is_called_ = true;
    must(commit.sequence == expected_ || expected_ == 0, "an observer has missed a commit, or heard of one twice");
    must(heard_.lsns.empty() || commit.lsn > heard_.lsns.back(), "an observer hears of commits in another order than the log's");
    first_ = expected_ == 0 ? commit.sequence : first_;
    expected_ = commit.sequence + 1;
    heard_.lsns.push_back(commit.lsn);
    step("an observer listens");
    is_called_ = false;
  }
  [[nodiscard]] const Heard& heard() const { return heard_; }

 private:
  bool is_called_ = false;
  bool is_gone_ = false;
  std::uint64_t first_ = 0;
  std::uint64_t expected_ = 0;
  Heard heard_;
  txn::Committer& committer_;
};

class Play {
 public:
  Play(std::uint64_t seed, bool disk_fails) : course_(seed, disk_fails), disk_(Env::system()), env_(disk_, seed) {
    makeLogsSmall(course_.log);
  }
  void run();

 private:
  std::unique_ptr<Database> open(const std::string& directory);
  [[nodiscard]] txn::Manager& manager() { return database_->impl().manager(); }
  void passSteps(std::uint64_t most) {
    for (std::uint64_t left = course_.draw(most); left > 0; --left) {
      step("waits for its moment");
    }
  }
  [[nodiscard]] bool isDone(const std::string& line, const std::string& answer) const;
  void insist(Session& session, const std::string& line) const;
  void commit(Session& session, const std::vector<std::string>& lines, const char* row) const;
  void exec(Session& session, const std::vector<std::string>& lines) const;
  void countWatched(Session& session) const;
  void setUnlessOther(Session& session, const std::string& key) const;
  void write(std::size_t writer);
  void writeOne(Session& session, std::size_t writer, Work work, std::uint64_t number);
  template <typename Note>
  void promise(Session& session, Note&& note);
  void move();
  void take(std::size_t waiter);
  void readAgainAndAgain(Database& database, const char* who) const;
  void writeCheckpoints();
  void observeNowAndThen();
  void readTail();
  void breakDisk();
  void takeImages();
  void awaitGoodLog();
  void checkElements();
  void checkImage(std::size_t number);

  // What is there after a killed process, or a power cut, at some step.
  struct Image {
    std::string directory;
    const char* name;
    Counts promised;
  };

  Course course_;
  testing::FaultEnv disk_;
  SteppingEnv env_;
  Settings settings_;
  const testing::MemoryDirectory directory_;
  const std::string data_ = directory_ / "data";
  std::unique_ptr<Database> database_;
  Counts made_;     // in memory,
  Counts written_;  // in the log's file,
  Counts durable_;  // on disk
  std::vector<std::string> pushed_;
  std::vector<std::vector<std::string>> taken_;
  std::vector<Image> images_;
  Heard tail_;
  bool tail_is_lost_ = false;
  bool all_is_said_ = false;  // no commit will come
};

std::unique_ptr<Database> Play::open(const std::string& directory) {
  auto opened = Database::open({.directory = directory, .settings = &settings_, .env = &env_});
  if (!opened.ok()) {
    fail("opening " + directory + ": " + opened.error().message);
  }
  return std::move(opened).value();
}

// False if the statement was refused, so that nothing has happened: it is to be tried again.
bool Play::isDone(const std::string& line, const std::string& answer) const {
  if (!isError(answer)) {
    return true;
  }
  if (answer.find("CONFLICT") == std::string::npos) {
    must(course_.disk_fails && !answer.ends_with("refused: "), line.substr(0, 60) + ": " + answer);
    std::this_thread::sleep_for(kPause);
  }
  return false;
}

void Play::insist(Session& session, const std::string& line) const {
  while (!isDone(line, runOn(session, line))) {
  }
}

void Play::commit(Session& session, const std::vector<std::string>& lines, const char* row) const {
  for (bool committed = false; !committed;) {
    ask(session, "BEGIN");
    bool staged = true;
    for (const std::string& line : lines) {
      staged = staged && isDone(line, runOn(session, line));
    }
    staged = staged && (row == nullptr || isDone(row, runSqlOn(session, row)));
    committed = staged && isDone("COMMIT", runOn(session, "COMMIT"));
    if (!staged) {
      runOn(session, "ROLLBACK");
    }
  }
}

void Play::exec(Session& session, const std::vector<std::string>& lines) const {
  std::string answer;
  do {
    ask(session, "MULTI");
    for (const std::string& line : lines) {
      runOn(session, line);
    }
    answer = runOn(session, "EXEC");
  } while (!isDone("EXEC", answer));
  must(answer.find("error") == std::string::npos, "EXEC: " + answer);
}

// Notes how far the last change has come.
template <typename Note>
void Play::promise(Session& session, Note&& note) {
  note(made_);
  const Lsn fence = session.fence();
  const Status written = session.awaitFence();
  if (written.ok()) {
    note(written_);
  } else {
    must(course_.disk_fails, "a change: " + written.error().message);
  }
  if (manager().log()->durableLsn() >= fence) {
    note(durable_);
  }
}

void Play::countWatched(Session& session) const {
  std::string answer;
  do {
    ask(session, "WATCH w");
    const std::uint64_t before = numberIn(ask(session, "GET w"));
    ask(session, "MULTI");
    runOn(session, "SET w " + std::to_string(before + 1));
    answer = runOn(session, "EXEC");
  } while (!isDone("EXEC", answer) || answer == "(nil)");
}

// Sets it, if neither is, and takes it back.
void Play::setUnlessOther(Session& session, const std::string& key) const {
  ask(session, "BEGIN");
  const bool free = numberIn(ask(session, "GET x")) == 0 && numberIn(ask(session, "GET y")) == 0;
  if (free) {
    runOn(session, "SET " + key + " 1");
  }
  if (isDone("COMMIT", runOn(session, "COMMIT")) && free) {
    insist(session, "SET " + key + " 0");
  }
}

void Play::writeOne(Session& session, std::size_t writer, Work work, std::uint64_t number) {
  const std::string mine = std::to_string(writer);
  switch (work) {
    case Work::kThreeModels:
      commit(session, {"INCR a", "INCR b"}, "UPDATE t SET n = n + 1 WHERE id = 1");
      promise(session, [](Counts& counts) { ++counts.all; });
      break;
    case Work::kTwoKeys:
      exec(session, {"INCR c", "INCR d"});
      promise(session, [](Counts& counts) { ++counts.two; });
      break;
    case Work::kOwnKey:
      insist(session, "SET own" + mine + " " + std::to_string(number));
      promise(session, [&](Counts& counts) { counts.own[writer] = number; });
      break;
    case Work::kLargePair: {
      const std::string value = std::to_string(number) + std::string(number % 4 == 3 ? 70'000 : 5000 + 977 * number, 'x');
      commit(session, {"SET large" + mine + " " + value, "SET same" + mine + " " + value}, nullptr);
      promise(session, [&](Counts& counts) { counts.large[writer] = number; });
      break;
    }
    case Work::kElement: {
      const std::string element = mine + ":" + std::to_string(100 + number);
      pushed_.push_back(element);
      insist(session, "RPUSH q " + element);
      break;
    }
    case Work::kRow: {
      const std::string insert = "INSERT INTO u VALUES (" + mine + std::to_string(100 + number) + ")";
      while (!isDone(insert, runSqlOn(session, insert))) {
      }
      promise(session, [](Counts& counts) { ++counts.rows; });
      break;
    }
    case Work::kManyKeys: {
      std::string line = "MSET";
      const std::string value = std::to_string(writer * 1000 + number) + std::string(number % 2 == 0 ? 10 : 5000, 'x');
      for (std::size_t i = 0; i < kKeys; ++i) {
        line += " m" + std::to_string(i) + " " + value;
      }
      number % 3 == 0 ? insist(session, line) : commit(session, {line}, nullptr);
      promise(session, [](Counts&) {});
      break;
    }
    case Work::kRows: {
      const std::string update = "UPDATE t SET n = n + 1 WHERE id >= 2";
      while (!isDone(update, runSqlOn(session, update))) {
      }
      promise(session, [](Counts& counts) { ++counts.updates; });
      break;
    }
    case Work::kWatched:
      countWatched(session);
      promise(session, [](Counts& counts) { ++counts.watched; });
      break;
    case Work::kSkew:
      setUnlessOther(session, writer % 2 == 0 ? "x" : "y");
      break;
    case Work::kPolicy:
      ask(session, std::string("CONFIG SET appendfsync ") + (number % 2 == 0 ? "always" : "everysec"));
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

// From where they are pushed to where the waiters are.
void Play::move() {
  const std::unique_ptr<Session> session = database_->connect();
  for (std::uint64_t ends = 0; ends < course_.waiters;) {
    const std::string answer = runOn(*session, "BLMOVE q p LEFT RIGHT 0");
    if (isDone("BLMOVE", answer)) {
      ends += answer.find(kEnd) != std::string::npos ? 1 : 0;
    }
  }
}

void Play::take(std::size_t waiter) {
  const std::unique_ptr<Session> session = database_->connect();
  for (;;) {
    const std::string answer = runOn(*session, course_.moves_elements ? "BLPOP p 0" : "BLPOP q 0");
    if (!isDone("BLPOP", answer)) {
      continue;
    }
    if (answer.find(kEnd) != std::string::npos) {
      return;
    }
    taken_[waiter].push_back(answer);
  }
}

void Play::readAgainAndAgain(Database& database, const char* who) const {
  const std::unique_ptr<Session> session = database.connect();
  Counts before;
  for (std::uint64_t i = 0; i < course_.readings; ++i) {
    const Counts now = read(*session, who);
    now.mustNotBeBelow(before, who);
    before = now;
  }
}

void Play::writeCheckpoints() {
  for (std::uint64_t i = 0; i < course_.checkpoints; ++i) {
    const Status written = database_->checkpoint();
    must(written.ok() || course_.disk_fails, "a checkpoint: " + (written.ok() ? "" : written.error().message));
  }
}

void Play::observeNowAndThen() {
  for (std::uint64_t i = 0; i < course_.readings; ++i) {
    const Observer observer(manager().committer());
    passSteps(100);
  }
}

// By one tail after the other, each going on where the last one was.
void Play::readTail() {
  aof::Log& log = *manager().log();
  std::unique_ptr<aof::LogTail> tail = aof::LogTail::atEnd(log);
  tail_.from = tail->position().lsn;
  const auto lost = [&](const Error& error) {
    must(error.code == ErrorCode::kOutOfRange && (course_.disk_fails || !course_.keeps_log), "the log's tail: " + error.message);
    tail_is_lost_ = true;
  };
  aof::LogRecord record;
  for (;;) {
    const bool last_look = all_is_said_;
    const Result<bool> found = tail->next(record);
    if (!found.ok()) {
      return lost(found.error());
    }
    if (*found) {
      must(tail_.lsns.empty() || record.lsn > tail_.lsns.back(), "the log's tail tells of a commit twice");
      tail_.lsns.push_back(record.lsn);
    } else if (last_look) {
      return;
    } else {
      std::this_thread::sleep_for(kPause);
    }
    if (course_.draw(4) == 0) {
      auto next = aof::LogTail::at(log, tail->position());
      if (!next.ok()) {
        return lost(next.error());
      }
      tail = std::move(next).value();
    }
  }
}

// The disk is full, or fails a call or all of them, for a while.
void Play::breakDisk() {
  using testing::Fault;
  for (std::uint64_t left = 1 + course_.draw(3); left > 0; --left) {
    passSteps(300);
    const bool persistent = course_.draw(2) == 0;
    disk_.failAt(1 + course_.draw(6),
                 {.kinds = course_.oneOf(std::array{testing::kSync, testing::kWrite, testing::kSyncDirectory,
                                                    testing::kRename | testing::kRemove, testing::kAnyChange}),
                  .fault = course_.oneOf(std::array{Fault::kIoError, Fault::kNoSpace, Fault::kShortWrite}),
                  .persistent = persistent,
                  .path_contains = {}});
    passSteps(600);
    disk_.clearFault();
  }
}

void Play::takeImages() {
  for (std::uint64_t i = 0; i < course_.images; ++i) {
    passSteps(500);
    const std::string directory = directory_ / std::to_string(i);
    if (course_.draw(2) == 0) {
      images_.push_back({directory, "after a kill", written_});
      std::filesystem::copy(data_, directory, std::filesystem::copy_options::recursive);
      continue;
    }
    images_.push_back({directory, "after a power cut", durable_});
    std::filesystem::create_directory(directory);
    for (const auto& [path, bytes] : disk_.afterPowerCut(course_.random())) {
      std::ofstream(directory / std::filesystem::path(path).filename(), std::ios::binary) << bytes;
    }
  }
}

// Until it takes writes, and what it has taken is in its file.
void Play::awaitGoodLog() {
  aof::Log& log = *manager().log();
  for (;;) {
    while (log.state() != aof::LogState::kOk) {
      must(course_.disk_fails, "the log has failed on a good disk");
      std::this_thread::sleep_for(kPause);
    }
    if (const Status written = log.waitReached(log.end()); written.ok()) {
      return;
    }
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

void Play::checkImage(std::size_t number) {
  const Image& image = images_[number];
  database_ = open(image.directory);
  read(*database_->connect(), image.name).mustNotBeBelow(image.promised, image.name);
  database_.reset();
}

void Play::run() {
  for (const auto& [name, value] : course_.settings) {
    must(settings_.set(name, value, Settings::Source::kCommandLine), name);
  }
  database_ = open(data_);
  std::unique_ptr<Session> session = database_->connect();
  askSql(*session, "CREATE TABLE t (id INT PRIMARY KEY, n INT)");
  askSql(*session, "CREATE TABLE u (id INT PRIMARY KEY)");
  askSql(*session, "INSERT INTO t VALUES (1, 0), (2, 0), (3, 0)");
  must(manager().log()->waitDurable(manager().log()->end()), "the tables");

  std::vector<std::thread> writers;
  std::vector<std::thread> waiters;
  std::vector<std::thread> others;
  taken_.resize(course_.waiters);
  for (std::size_t i = 0; i < course_.waiters; ++i) {
    waiters.emplace_back([this, i] { take(i); });
  }
  if (course_.moves_elements) {
    waiters.emplace_back([this] { move(); });
  }
  for (std::size_t i = 0; i < course_.writers.size(); ++i) {
    writers.emplace_back([this, i] { write(i); });
  }
  others.emplace_back([this] { writeCheckpoints(); });
  others.emplace_back([this] { readAgainAndAgain(*database_, "a snapshot"); });
  others.emplace_back([this] { observeNowAndThen(); });
  others.emplace_back([this] { takeImages(); });
  std::thread tail([this] { readTail(); });
  if (course_.disk_fails) {
    others.emplace_back([this] { breakDisk(); });
  }
  std::optional<Observer> observer(std::in_place, manager().committer());
  std::unique_ptr<Database> follower;
  if (auto opened = Database::openFollower(*database_); opened.ok()) {
    follower = std::move(opened).value();
    others.emplace_back([&] { readAgainAndAgain(*follower, "the follower"); });
  } else {
    fail("following: " + opened.error().message);
  }

  for (std::thread& writer : writers) {
    writer.join();
  }
  for (std::size_t i = 0; i < course_.waiters; ++i) {
    insist(*session, std::string("RPUSH q ") + kEnd);
  }
  for (std::vector<std::thread>* threads : {&waiters, &others}) {
    for (std::thread& thread : *threads) {
      thread.join();
    }
  }
  awaitGoodLog();
  all_is_said_ = true;
  tail.join();
  if (!tail_is_lost_) {
    tail_.mustAgreeWith(observer->heard());
  }
  observer.reset();
  checkElements();
  const Counts counts = read(*session, "the end");
  counts.mustNotBeBelow(made_, "the end");
  made_.mustNotBeBelow(counts, "what was made");
  const std::string digest = ask(*session, "DIGEST");
  if (const Status caught_up = follower->catchUp(std::chrono::steady_clock::now() + std::chrono::hours(1)); caught_up.ok()) {
    must(ask(*follower->connect(), "DIGEST") == digest, "the follower holds something else");
    verify(*follower);
  } else {
    must(caught_up.error().code == ErrorCode::kOutOfRange && (course_.disk_fails || !course_.keeps_log),
         "following: " + caught_up.error().message);
  }
  verify(*database_);
  follower.reset();
  session.reset();
  must(database_->close(), "closing");
  database_.reset();

  database_ = open(data_);
  must(ask(*database_->connect(), "DIGEST") == digest, "what was opened again is something else");
  database_.reset();
  for (std::size_t i = 0; i < images_.size(); ++i) {
    checkImage(i);
  }
}

}  // namespace

void commitsAndFollowers(std::uint64_t seed) {
  Play(seed, false).run();
}

void commitsOnABadDisk(std::uint64_t seed) {
  Play(seed, true).run();
}

}  // namespace trefoil::schedule
