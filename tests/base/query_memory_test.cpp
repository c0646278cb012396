#include "base/query_memory.hpp"

#include <thread>

#include <catch2/catch.hpp>

#include "base/parallel.hpp"

namespace trefoil {

TEST_CASE("the account adds up over threads, whether they live or have ended", "[base][memory]") {
  const std::int64_t before = MemoryAccount::used(MemoryLeaf::kPlans);
  MemoryAccount::add(MemoryLeaf::kPlans, 10);
  CHECK(MemoryAccount::used(MemoryLeaf::kPlans) == before + 10);
  std::thread([] {
    for (int i = 0; i < 1000; ++i) {
      MemoryAccount::add(MemoryLeaf::kPlans, 1000);
    }
    MemoryAccount::add(MemoryLeaf::kPlans, -7);
  }).join();
  CHECK(MemoryAccount::used(MemoryLeaf::kPlans) == before + 10 + 1'000'000 - 7);
  MemoryAccount::add(MemoryLeaf::kPlans, -10 - 1'000'000 + 7);
  CHECK(MemoryAccount::used(MemoryLeaf::kPlans) == before);
}

TEST_CASE("a statement that is over its limit ends, and its memory is given back", "[base][memory]") {
  const std::int64_t before = MemoryAccount::used(MemoryLeaf::kQueries);
  {
    QueryMemory memory(1 << 20, 0, false);
    const QueryMemory::Scope scope(&memory);
    CountedVector<char> fits(900'000);
    CHECK(memory.used() >= 900'000);
    CHECK(MemoryAccount::used(MemoryLeaf::kQueries) >= before + 900'000);
    const Status refused = guardMemory([]() -> Status {
      CountedVector<char> too_large(300'000);
      return {};
    });
    REQUIRE(!refused.ok());
    CHECK(refused.error().code == ErrorCode::kOutOfMemory);
    CHECK(refused.error().message == "out of memory");
    CHECK(refused.error().detail.find("one statement may hold 1024 kB") != std::string::npos);
    CHECK(refused.error().hint.find("query-memory") != std::string::npos);
    CHECK(memory.used() < 1 << 20);
    fits = CountedVector<char>();
    CHECK(guardMemory([]() -> Status {
            CountedVector<char> fits_now(900'000);
            return {};
          }).ok());
  }
  CHECK(MemoryAccount::used(MemoryLeaf::kQueries) == before);
}

TEST_CASE("threads that help a statement add to its memory, and their failure is its own", "[base][memory]") {
  QueryMemory memory(64 << 20, 0, false);
  const QueryMemory::Scope scope(&memory);
  std::vector<CountedVector<char>> kept(100);
  const Status refused = guardMemory([&]() -> Status {
    parallelFor(kept.size(), [&](std::size_t i, std::size_t) { kept[i].resize(1 << 20); });
    return {};
  });
  REQUIRE(!refused.ok());
  CHECK(refused.error().code == ErrorCode::kOutOfMemory);
  kept.clear();
  CHECK(memory.used() < 4 << 20);
}

TEST_CASE("at the database's limit a statement may still look, and not collect", "[base][memory]") {
  QueryMemory memory(0, 1, false);
  const QueryMemory::Scope scope(&memory);
  CHECK(guardMemory([]() -> Status {
          CountedVector<char> small(500'000);
          QueryMemory::admitGrowth();
          return {};
        }).ok());
  const Status refused = guardMemory([]() -> Status {
    CountedVector<char> large(2'000'000);
    return {};
  });
  REQUIRE(!refused.ok());
  CHECK(refused.error().hint.find("maxmemory") != std::string::npos);
}

TEST_CASE("what grows the database ends at its limit", "[base][memory]") {
  MemoryCharge charge(MemoryLeaf::kRows);
  charge.set(1 << 20);
  QueryMemory memory(0, 1, true);
  const QueryMemory::Scope scope(&memory);
  CHECK_THROWS_AS(QueryMemory::admitGrowth(), std::bad_alloc);
  const QueryMemory::Scope none(nullptr);
  CHECK_NOTHROW(QueryMemory::admitGrowth());
}

}  // namespace trefoil
