// Random life of a log against a list of payloads: appends, waits, policy switches, checkpoints, failing calls, power cuts,
// closings; and somebody who follows it by its tail, and goes on where he was after each of these. The state that checkpoints
// capture is the number of payloads, so that "what recovery finds" is: the captured count, and the payloads from there on. After
// each crash: everything promised is there, and what is there is a prefix of what was appended. The follower is given each
// payload once, in order, none that a crash has taken; or an error that says that its place is gone.
#include <catch2/catch.hpp>
#include <random>

#include "aof/log_tail.hpp"
#include "tests/aof/log_fixture.hpp"
#include "tests/base/fault_env.hpp"
#include "tests/base/temporary_directory.hpp"

namespace trefoil::aof {
namespace {

using namespace testing;  // NOLINT: the fixture
using trefoil::testing::Fault;
using trefoil::testing::FaultEnv;
using trefoil::testing::kAnyChange;
using trefoil::testing::MemoryDirectory;

class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed) { reopen(); }
  ~Model() {
    tail_.reset();
    log_.reset();
  }
  // What the follower has been given in all, and how often its place was gone.
  struct Followed {
    std::size_t given = 0;
    std::size_t lost = 0;
  };
  [[nodiscard]] Followed followed() const { return followed_; }

  void step() {
    const std::uint64_t dice = random_() % 120;
    if (dice >= 100) {
      follow();
    } else if (dice < 60) {
      append();
    } else if (dice < 75) {
      wait();
    } else if (dice < 80) {
      log_->setPolicy(static_cast<SyncPolicy>(random_() % 3));
    } else if (dice < 86) {
      checkpoint();
    } else if (dice < 92) {
      fault();
    } else if (dice < 97) {
      crash();
    } else {
      close();
    }
  }

 private:
  void append() {
    const std::uint64_t dice = random_() % 20;
    const std::size_t size = dice == 0 ? random_() % 40'000 : dice < 4 ? random_() % 3'000 : random_() % 100;
    const std::string payload = numbered(payloads_.size(), size);
    PreparedCommit prepared;
    if (!log_->prepare(payload, prepared).ok()) {
      CHECK(log_->state() != LogState::kClosed);
      return;
    }
    if (random_() % 20 == 0) {
      return;  // validation failed: the credit goes back, and any parts count for nothing
    }
    last_end_ = log_->append(prepared).end;
    payloads_.push_back(payload);
  }

  void wait() {
    env_.clearFault();  // or a disk that stays full would be waited for
    if (log_->waitDurable(last_end_).ok()) {
      promised_ = payloads_.size();
    }
  }

  void checkpoint() {
    env_.clearFault();
    auto writer = CheckpointWriter::begin(*log_);
    REQUIRE(writer.ok());
    // Two units, captured at different moments.
    REQUIRE(captureCount(**writer, 1).ok());
    append();
    REQUIRE(captureCount(**writer, 2).ok());
    if (random_() % 4 == 0) {
      fault();
    }
    if ((*writer)->finish(3).ok()) {
      promised_ = std::max(promised_, captured_);
    } else {
      env_.clearFault();
    }
  }

  Status captureCount(CheckpointWriter& writer, std::uint64_t id) {
    captured_ = payloads_.size();
    TREFOIL_TRY(writer.beginUnit({.id = id, .kind = 1, .lsn = log_->end()}));
    TREFOIL_TRY(writer.write(std::to_string(captured_)));
    return writer.endUnit();
  }

  // Some of what there is, now and then all.
  void follow() {
    if (random_() % 8 == 0) {
      rejoin();
    }
    env_.clearFault();
    LogRecord record;
    for (std::size_t most = random_() % 60; most > 0; --most) {
      const Result<bool> found = tail_->next(record);
      if (!found.ok()) {
        INFO(found.error().message);
        REQUIRE(found.error().code == ErrorCode::kOutOfRange);
        beginToFollow();
        return;
      }
      if (!*found) {
        return;
      }
      REQUIRE(seen_ < payloads_.size());
      REQUIRE(record.payload == payloads_[seen_]);
      ++seen_;
      ++followed_.given;
      position_ = tail_->position();
    }
  }
  void beginToFollow() {
    ++followed_.lost;
    tail_ = LogTail::atEnd(*log_);
    position_ = tail_->position();
    seen_ = payloads_.size();
  }
  void rejoin() {
    const Result<LogPosition> read = LogPosition::parse(position_.text());
    REQUIRE(read.ok());
    REQUIRE((*read == position_ || position_.isFirst()));
    Result<std::unique_ptr<LogTail>> tail = LogTail::at(*log_, *read);
    if (!tail.ok()) {
      INFO(tail.error().message);
      REQUIRE(tail.error().code == ErrorCode::kOutOfRange);
      beginToFollow();
      return;
    }
    REQUIRE(seen_ <= payloads_.size());
    tail_ = std::move(tail).value();
  }

  void fault() {
    const Fault fault = std::array{Fault::kIoError, Fault::kNoSpace, Fault::kShortWrite}[random_() % 3];
    env_.failAt(1 + random_() % 6, {.kinds = kAnyChange, .fault = fault});
  }

  void close() {
    env_.clearFault();
    tail_.reset();
    if (log_->close().ok()) {
      promised_ = payloads_.size();
    }
    log_.reset();
    reopen();
  }

  void crash() {
    if (random_() % 2 == 0) {
      env_.crash();
    } else {
      env_.crash(random_());
    }
    tail_.reset();
    log_.reset();
    env_.restart();
    reopen();
  }

  void reopen() {
    const LogOptions options{.policy = static_cast<SyncPolicy>(random_() % 3),
                             .ring_bytes = 16384,
                             .segment_bytes = 20'000,
                             .backlog_bytes = backlog_};
    auto recovery = Recovery::open(env_, directory_.path(), options);
    REQUIRE(recovery.ok());
    std::size_t counts[2] = {0, 0};  // the two units'
    Lsn lsns[2] = {0, 0};
    if (const CheckpointReader* reader = (*recovery)->checkpoint(); reader != nullptr) {
      for (int i = 0; i < 2; ++i) {
        lsns[i] = reader->units()[i].lsn;
        REQUIRE(reader
                    ->read(reader->units()[i],
                           [&](std::string_view chunk) {
                             counts[i] = std::stoul(std::string(chunk));
                             return Status();
                           })
                    .ok());
      }
    }
    LogRecord record;
    while (true) {
      const auto found = (*recovery)->next(record);
      REQUIRE(found.ok());
      if (!found.value()) {
        break;
      }
      for (int i = 0; i < 2; ++i) {
        if (record.lsn >= lsns[i]) {
          REQUIRE(counts[i] < payloads_.size());
          REQUIRE(record.payload == payloads_[counts[i]]);
          ++counts[i];
        }
      }
    }
    auto log = (*recovery)->finish();
    REQUIRE(log.ok());
    log_ = std::move(log).value();
    CHECK(counts[0] == counts[1]);
    REQUIRE(counts[0] >= promised_);
    payloads_.resize(counts[0]);
    promised_ = payloads_.size();  // what was found is on disk
    last_end_ = log_->end();
    CHECK(log_->durableLsn() == log_->end());
    rejoin();
  }

  std::mt19937_64 random_;
  MemoryDirectory directory_;
  FaultEnv env_{Env::system()};
  std::unique_ptr<Log> log_;
  std::vector<std::string> payloads_;
  std::size_t promised_ = 0;
  std::size_t captured_ = 0;
  Lsn last_end_ = 0;
  const std::uint64_t backlog_ = random_() % 2 * 50'000;
  std::unique_ptr<LogTail> tail_;
  LogPosition position_;
  std::size_t seen_ = 0;
  Followed followed_;
};

TEST_CASE("Random appends, waits, checkpoints, failures and crashes: what was promised is found, and always a prefix") {
  Model::Followed followed;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    INFO("seed " << seed);
    Model model(seed);
    for (int i = 0; i < 180; ++i) {
      model.step();
    }
    followed.given += model.followed().given;
    followed.lost += model.followed().lost;
  }
  CHECK(followed.given > 500);
  CHECK(followed.lost > 5);
}

}  // namespace
}  // namespace trefoil::aof
