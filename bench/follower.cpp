// A follower under full write load: how far behind it is, in records and in time, while writers do nothing but write.
//
//   bench_follower [seconds] [writers] [appendfsync]
//
// Writers are embedded sessions that send batches of 64 SETs of 64 bytes to 100,000 keys and bring the log there behind each, as
// an event loop does; every tenth batch is a transaction on a row. The follower (Database::openFollower) and a feed (FEED) read
// the log's tail meanwhile. Lag in time: for how long the log has been where the follower is by now.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/database.hpp"
#include "engine/database_impl.hpp"
#include "engine/reply_tree.hpp"
#include "engine/session.hpp"

using namespace trefoil;  // NOLINT: a program

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kBatch = 64;
constexpr int kKeys = 100'000;

void write(Database& database, int writer, const std::atomic<bool>& over, std::atomic<std::uint64_t>& written) {
  const std::unique_ptr<Session> session = database.connect();
  std::vector<std::string> keys(kBatch);
  const std::string value(64, static_cast<char>('a' + writer));
  std::uint64_t random = static_cast<std::uint64_t>(writer) + 1;
  for (std::uint64_t round = 0; !over; ++round) {
    ReplyTree reply;
    if (round % 10 == 0) {
      session->execute({.args = {}, .sql = "UPDATE t SET n = n + 1 WHERE id = " + std::to_string(writer), .parameters = {}},
                       reply);
    }
    for (int i = 0; i < kBatch; ++i) {
      random = random * 6364136223846793005U + 1442695040888963407U;
      keys[static_cast<std::size_t>(i)] = "key:" + std::to_string((random >> 33) % kKeys);
      const std::vector<std::string_view> args = {"SET", keys[static_cast<std::size_t>(i)], value};
      session->execute({.args = args, .sql = {}, .parameters = {}}, reply);
    }
    while (database.reach(session->fence()) != Reach::kDone) {
      std::this_thread::yield();
    }
    written.fetch_add(kBatch, std::memory_order_relaxed);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::stoi(argv[1]) : 10;
  const int writers = argc > 2 ? std::stoi(argv[2]) : 1;
  Settings settings;
  if (const Status set = settings.set("appendfsync", argc > 3 ? argv[3] : "everysec", Settings::Source::kCommandLine);
      !set.ok()) {
    std::fprintf(stderr, "%s\n", set.error().message.c_str());
    return 1;
  }
  const std::string directory = (std::filesystem::temp_directory_path() / "trefoil-bench-follower").string();
  std::filesystem::remove_all(directory);
  {
    auto leader = Database::open({.directory = directory, .settings = &settings}).value();
    const std::unique_ptr<Session> session = leader->connect();
    ReplyTree reply;
    session->execute({.args = {}, .sql = "CREATE TABLE t (id INT PRIMARY KEY, n INT)", .parameters = {}}, reply);
    session->execute({.args = {}, .sql = "INSERT INTO t SELECT i, 0 FROM generate_series(0, 15) AS s(i)", .parameters = {}},
                     reply);
    auto follower = Database::openFollower(*leader).value();
    const std::unique_ptr<Session> listener = leader->connect();
    const std::vector<std::string_view> feed = {"FEED"};
    listener->execute({.args = feed, .sql = {}, .parameters = {}}, reply);

    std::atomic<bool> over{false};
    std::atomic<std::uint64_t> written{0};
    std::atomic<std::uint64_t> told{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < writers; ++i) {
      threads.emplace_back([&, i] { write(*leader, i, over, written); });
    }
    std::thread listening([&] {
      while (!over) {
        const auto message = listener->awaitMessage(Clock::now() + std::chrono::milliseconds(100));
        told.fetch_add(message.ok() && *message != nullptr ? 1 : 0, std::memory_order_relaxed);
      }
    });

    struct Sample {
      Clock::time_point at;
      Lsn reached;
    };
    std::deque<Sample> samples;
    std::vector<double> lags_ms;
    std::vector<double> lags_bytes;
    const Clock::time_point end = Clock::now() + std::chrono::seconds(seconds);
    while (Clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      const Clock::time_point now = Clock::now();
      samples.push_back({now, leader->reachedLsn()});
      const Lsn followed = follower->followedLsn();
      while (samples.size() > 1 && samples[1].reached <= followed) {
        samples.pop_front();
      }
      const bool is_behind = samples.back().reached > followed;
      lags_ms.push_back(is_behind ? std::chrono::duration<double, std::milli>(now - samples.front().at).count() : 0);
      lags_bytes.push_back(is_behind ? static_cast<double>(samples.back().reached - followed) : 0);
    }
    over = true;
    for (std::thread& thread : threads) {
      thread.join();
    }
    listening.join();
    const Clock::time_point stopped = Clock::now();
    if (const Status caught_up = follower->catchUp(Clock::now() + std::chrono::seconds(60)); !caught_up.ok()) {
      std::fprintf(stderr, "%s\n", caught_up.error().message.c_str());
      return 1;
    }
    const double rest = std::chrono::duration<double, std::milli>(Clock::now() - stopped).count();
    std::sort(lags_ms.begin(), lags_ms.end());
    std::sort(lags_bytes.begin(), lags_bytes.end());
    std::printf("written           %10.0f SET/s by %d writers\n", static_cast<double>(written) / seconds, writers);
    std::printf("told by the feed  %10.0f commits/s\n", static_cast<double>(told) / seconds);
    std::printf(
        "follower's lag    median %.1f ms, 99 %% %.1f ms, worst %.1f ms (%.1f MB); caught up %.1f ms after the last write\n",
        lags_ms[lags_ms.size() / 2], lags_ms[lags_ms.size() * 99 / 100], lags_ms.back(), lags_bytes.back() / 1e6, rest);
  }
  std::filesystem::remove_all(directory);
  return 0;
}
