// Commits as those see them who follow them: in order, each once, from a snapshot on, whatever threads commit meanwhile. Whoever
// makes a copy of what they say has the same database.
#include "txn/commit_order.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "engine/database_impl.hpp"
#include "tests/base/temporary_directory.hpp"
#include "tests/engine/random_work.hpp"
#include "tests/engine/session_fixture.hpp"
#include "txn/commit_locks.hpp"

namespace trefoil {

namespace {

// A second database, made of the commits of the first.
class Follower final : public txn::CommitObserver {
 public:
  explicit Follower(Database& leader) : leader_(leader.impl().manager().committer()), following_(leader_.follow(*this)) {
    next_ = following_.sequence;
  }
  ~Follower() override { leader_.unfollow(*this); }

  void onCommit(const txn::Committed& commit) override {
    in_order = in_order && commit.sequence == next_ && (commit.end == 0 || commit.lsn >= end_) && !is_called_.exchange(true);
    ++next_;
    end_ = commit.end;
    txn::Manager& manager = copy.database->impl().manager();
    const txn::AllLocks all(manager);
    EffectBuffer effects;
    effects.putRaw(commit.effects);
    REQUIRE(manager.committer().tryCommit(effects));
    is_called_ = false;
  }
  [[nodiscard]] std::uint64_t told() const { return next_ - following_.sequence; }

  SessionFixture copy;
  bool in_order = true;

 private:
  txn::Committer& leader_;
  std::uint64_t next_ = 0;
  Lsn end_ = 0;
  std::atomic<bool> is_called_{false};
  txn::Committer::Following following_;
};

void followAtWork(const std::string& directory, int threads, int each) {
  SessionFixture fixture(directory);
  Follower follower(*fixture.database);
  fixture.sql(kTableOfWork);
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] {
      const std::unique_ptr<Session> session = fixture.connect();
      std::mt19937 random(static_cast<unsigned>(i) + 1);
      for (int step = 0; step < each; ++step) {
        workAtRandom(*session, random, threads == 1 ? kKindsOfWork - 1 : kKindsOfWork);
        if (threads == 1) {
          CHECK(fixture.run("DIGEST") == follower.copy.run("DIGEST"));
        }
      }
    });
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
  fixture.run("DEL e0 e1 e2 e3 e4 e5 e6 e7 e8 e9");  // whether their time has passed is the clock's affair
  CHECK(fixture.run("DIGEST") == follower.copy.run("DIGEST"));
  CHECK(follower.in_order);
  CHECK(follower.told() > 1);
}

}  // namespace

TEST_CASE("whoever follows the commits has the same database after each", "[engine][order]") {
  followAtWork("", 1, 250);
}

TEST_CASE("the order of commits is that of the log, whoever commits", "[engine][order][threads]") {
  followAtWork("", 4, 300);
  const testing::TemporaryDirectory directory;
  followAtWork(directory.path(), 4, 300);
}

TEST_CASE("observers come and go while others commit", "[engine][order][threads]") {
  SessionFixture fixture;
  std::atomic<bool> over{false};
  std::vector<std::thread> workers;
  for (int i = 0; i < 3; ++i) {
    workers.emplace_back([&, i] {
      const std::unique_ptr<Session> session = fixture.connect();
      for (int step = 0; !over; ++step) {
        runOn(*session, "SET k" + std::to_string(i) + " " + std::to_string(step));
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    struct Counter final : txn::CommitObserver {
      void onCommit(const txn::Committed& commit) override { is_right = is_right && commit.sequence == next++; }
      std::uint64_t next = 0;
      bool is_right = true;
    } counter;
    txn::Committer& committer = fixture.database->impl().manager().committer();
    {
      // Of what comes before it knows its first number, nothing is looked at.
      const txn::AllLocks none_commits(fixture.database->impl().manager());
      counter.next = committer.follow(counter).sequence;
    }
    std::this_thread::yield();
    committer.unfollow(counter);
    CHECK(counter.is_right);
  }
  over = true;
  for (std::thread& worker : workers) {
    worker.join();
  }
}

}  // namespace trefoil
