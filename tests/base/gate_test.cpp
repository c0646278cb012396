// The gate: exclusion both ways, under many threads.
#include "base/gate.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

using namespace trefoil;

TEST_CASE("readers share the gate and the exclusive side waits for them", "[gate]") {
  Gate gate(4);
  const Gate::Token first = gate.enterShared();
  std::thread second([&] { const SharedGuard guard(gate); });
  second.join();  // a second reader was not kept out by the first

  std::atomic<bool> inside{false};
  std::thread exclusive([&] {
    const ExclusiveGuard guard(gate);
    inside = true;
  });
  while (!gate.isClosed()) {
    std::this_thread::yield();
  }
  REQUIRE_FALSE(inside);
  gate.leaveShared(first);
  exclusive.join();
  REQUIRE(inside);
  REQUIRE_FALSE(gate.isClosed());
}

TEST_CASE("a token may be given back by another thread", "[gate]") {
  Gate gate(8);
  const Gate::Token token = gate.enterShared();
  std::thread([&] { gate.leaveShared(token); }).join();
  const ExclusiveGuard guard(gate);  // would wait for ever if the slots did not add up
  SUCCEED();
}

TEST_CASE("nobody is inside with the exclusive side, under many threads", "[gate]") {
  for (const std::uint32_t slots : {1U, 4U, 64U}) {
    Gate gate(slots);
    std::uint64_t plain = 0;  // written exclusively, read shared: a race here is what the test (and TSan) looks for
    std::atomic<int> readers{0};
    std::atomic<bool> wrong{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        std::uint64_t seen = 0;
        for (int i = 0; i < 20000; ++i) {
          const SharedGuard guard(gate);
          readers.fetch_add(1);
          if (plain < seen) {
            wrong = true;
          }
          seen = plain;
          readers.fetch_sub(1);
        }
      });
    }
    constexpr int kExclusive = 300;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < kExclusive; ++i) {
          const ExclusiveGuard guard(gate);
          if (readers.load() != 0) {
            wrong = true;
          }
          ++plain;
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    REQUIRE_FALSE(wrong);
    REQUIRE(plain == 2 * kExclusive);
  }
}
