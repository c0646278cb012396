#include "vector/arena.hpp"

#include <atomic>
#include <cstring>
#include <map>
#include <set>
#include <thread>

#include <catch2/catch.hpp>

#include "random_vectors.hpp"

namespace trefoil::vector {

using namespace testing;

namespace {

std::vector<float> stored(const VectorArena& arena, Slot slot) {
  const std::span<const float> floats = arena.at(slot);
  return {floats.begin(), floats.end()};
}

}  // namespace

TEST_CASE("a slot gives back the floats that went in, bit by bit", "[vector][arena]") {
  Versions versions;
  std::mt19937_64 random(1);
  for (const std::size_t dimension : {1U, 3U, 16U, 17U, 128U, 1000U}) {
    VectorArena arena(dimension);
    CHECK(arena.stride() % 16 == 0);
    CHECK(arena.stride() >= dimension);
    std::vector<std::vector<float>> expected;
    std::vector<Slot> slots;
    for (int i = 0; i < 300; ++i) {
      expected.push_back(randomVector(random, dimension));
      expected.back()[0] = i % 2 == 0 ? -0.0F : 1e-45F;
      slots.push_back(arena.insert(expected.back(), WriteContext::live(versions, 1)));
    }
    for (std::size_t i = 0; i < slots.size(); ++i) {
      CHECK(std::memcmp(arena.at(slots[i]).data(), expected[i].data(), dimension * sizeof(float)) == 0);
      CHECK(arena.at(slots[i]).size() == dimension);
      CHECK(arena.squaredNorm(slots[i]) == Approx(referenceDot(expected[i], expected[i])).margin(1e-40));
    }
    CHECK(arena.liveSlots() == 300);
    arena.verify();
  }
}

TEST_CASE("rows inserted together lie side by side, within a segment", "[vector][arena]") {
  Versions versions;
  VectorArena arena(20);
  std::vector<Slot> slots;
  for (int i = 0; i < 1000; ++i) {
    slots.push_back(arena.insert(std::vector<float>(20, static_cast<float>(i)), WriteContext::live(versions, 1)));
  }
  for (std::size_t i = 0; i < slots.size();) {
    const VectorArena::Run run = arena.runFrom(slots[i]);
    REQUIRE(run.size > 0);
    for (std::size_t j = 0; j < run.size && i + j < slots.size(); ++j) {
      REQUIRE(static_cast<std::uint32_t>(slots[i + j]) == static_cast<std::uint32_t>(slots[i]) + j);
      REQUIRE(run.floats + j * arena.stride() == arena.at(slots[i + j]).data());
      REQUIRE(run.squared_norms[j] == arena.squaredNorm(slots[i + j]));
    }
    i += run.size;
  }
}

TEST_CASE("a retired slot is used again once no snapshot can see it", "[vector][arena]") {
  Versions versions;
  VectorArena arena(4);
  const std::vector<float> old_value{1, 2, 3, 4};
  const Slot old_slot = arena.insert(old_value, WriteContext::live(versions, 10));
  versions.registerSnapshot(20);
  arena.retire(old_slot, WriteContext::live(versions, 30));
  CHECK(arena.liveSlots() == 1);  // in limbo
  const Slot other = arena.insert(std::vector<float>{5, 6, 7, 8}, WriteContext::live(versions, 31));
  CHECK(other != old_slot);
  CHECK(stored(arena, old_slot) == old_value);  // the snapshot still reads it
  versions.releaseSnapshot(20);
  CHECK(arena.liveSlots() == 1);
  CHECK(arena.insert(old_value, WriteContext::live(versions, 40)) == old_slot);
  arena.verify();
}

TEST_CASE("a transaction's slots: dropped with it, or the record's at commit", "[vector][arena]") {
  Versions versions;
  VectorArena arena(2);
  const std::vector<float> value{1, 2};
  const Slot shared = arena.insert(value, WriteContext::live(versions, 5));
  {
    PrivateNodes nodes;
    const WriteContext context = WriteContext::privateCopy(nodes, 1);
    arena.insert(value, context);
    const Slot replaced = arena.insert(value, context);
    arena.retire(replaced, context);
    arena.retire(shared, context);
    CHECK(arena.liveSlots() == 3);
  }  // rolled back
  CHECK(arena.liveSlots() == 1);
  CHECK(stored(arena, shared) == value);

  versions.registerSnapshot(8);
  PrivateNodes nodes;
  const WriteContext context = WriteContext::privateCopy(nodes, 2);
  const Slot fresh = arena.insert(value, context);
  arena.retire(shared, context);
  nodes.adopt(versions, 9);
  nodes.drop();
  CHECK(arena.liveSlots() == 2);  // the snapshot at 8 still sees `shared`
  versions.releaseSnapshot(8);
  CHECK(arena.liveSlots() == 1);
  CHECK(stored(arena, fresh) == value);
  arena.verify();
}

TEST_CASE("random inserts, retirements and snapshots: the arena against a map", "[vector][arena]") {
  constexpr std::uint64_t kSeed = 42;
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  Versions versions;
  VectorArena arena(7);
  using Contents = std::map<std::uint32_t, std::vector<float>>;
  Contents live;
  std::map<Lsn, Contents> snapshots;  // what each open snapshot must still find
  Lsn lsn = 1;
  for (int step = 0; step < 4000; ++step) {
    ++lsn;
    const auto choice = random() % 100;
    if (choice < 50 || live.empty()) {
      const std::vector<float> value = randomVector(random, 7);
      const Slot slot = arena.insert(value, WriteContext::live(versions, lsn));
      REQUIRE(live.emplace(static_cast<std::uint32_t>(slot), value).second);
      for (const auto& [at, contents] : snapshots) {
        REQUIRE(contents.count(static_cast<std::uint32_t>(slot)) == 0);  // nobody's slot was taken away
      }
    } else if (choice < 90) {
      auto victim = std::next(live.begin(), static_cast<std::ptrdiff_t>(random() % live.size()));
      arena.retire(Slot{victim->first}, WriteContext::live(versions, lsn));
      live.erase(victim);
    } else if (choice < 95 && snapshots.size() < 4) {
      versions.registerSnapshot(lsn);
      snapshots.emplace(lsn, live);
    } else if (!snapshots.empty()) {
      const auto closing = std::next(snapshots.begin(), static_cast<std::ptrdiff_t>(random() % snapshots.size()));
      for (const auto& [slot, value] : closing->second) {
        REQUIRE(stored(arena, Slot{slot}) == value);
      }
      versions.releaseSnapshot(closing->first);
      snapshots.erase(closing);
    }
    if (step % 100 == 0) {
      arena.verify();
    }
  }
  for (const auto& [at, contents] : snapshots) {
    versions.releaseSnapshot(at);
  }
  for (const auto& [slot, value] : live) {
    REQUIRE(stored(arena, Slot{slot}) == value);
  }
  CHECK(arena.liveSlots() == live.size());
  CHECK(versions.limboSize() == 0);
  arena.verify();
}

TEST_CASE("the memory of groups that lose all of their vectors is given back, and taken again", "[vector][arena]") {
  Versions versions;
  const std::size_t dimension = GENERATE(16U, 100U, 1536U, 8000U);
  VectorArena arena(dimension);
  const std::size_t count = (std::size_t{12} << 20) / (arena.stride() * sizeof(float));
  const auto value = [&](std::size_t i) { return std::vector<float>(dimension, static_cast<float>(i % 1000 + 1)); };
  std::vector<Slot> slots;
  const auto fill = [&] {
    for (std::size_t i = slots.size(); i < count; ++i) {
      slots.push_back(arena.insert(value(i), WriteContext::live(versions, 1)));
    }
  };
  fill();
  const std::size_t full = arena.memoryBytes();
  for (int round = 0; round < 3; ++round) {
    for (const Slot slot : slots) {
      arena.retire(slot, WriteContext::live(versions, 2));
    }
    slots.clear();
    arena.verify();
    CHECK(arena.liveSlots() == 0);
    CHECK(arena.memoryBytes() < full / 2);  // the smallest segments stay, and what lies beside the floats
    fill();
    arena.verify();
    CHECK(arena.memoryBytes() == full);
    for (std::size_t i = 0; i < count; ++i) {
      REQUIRE(stored(arena, slots[i]) == value(i));
    }
    CHECK(std::set<Slot>(slots.begin(), slots.end()).size() == count);
  }
}

TEST_CASE("many threads insert and retire, and read what others published", "[vector][arena]") {
  Versions versions;
  VectorArena arena(8);
  constexpr std::uint32_t kThreads = 4;
  constexpr std::uint32_t kEach = 3000;
  std::vector<std::atomic<std::uint32_t>> published(kThreads * kEach);
  std::atomic<std::uint64_t> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint32_t i = 0; i < kEach; ++i) {
        const std::vector<float> value(8, static_cast<float>(t * kEach + i + 1));
        const Slot slot = arena.insert(value, WriteContext::live(versions, 1));
        if (i % 3 == 2) {
          arena.retire(slot, WriteContext::live(versions, 2));
        } else {
          published[t * kEach + i].store(static_cast<std::uint32_t>(slot) + 1, std::memory_order_release);
        }
        const std::uint32_t other = (t * kEach + i * 7) % (kThreads * kEach);
        if (const std::uint32_t number = published[other].load(std::memory_order_acquire); number != 0) {
          wrong += arena.at(Slot{number - 1})[7] != static_cast<float>(other + 1) ? 1 : 0;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(wrong == 0);
  CHECK(arena.liveSlots() == kThreads * kEach * 2 / 3);
  arena.verify();
}

TEST_CASE("memory is accounted, and reused", "[vector][arena]") {
  Versions versions;
  VectorArena arena(128);
  CHECK(arena.memoryBytes() == 0);
  const std::vector<float> value(128, 1.0F);
  std::vector<Slot> slots;
  for (int i = 0; i < 1000; ++i) {
    slots.push_back(arena.insert(value, WriteContext::live(versions, 1)));
  }
  const std::size_t full = arena.memoryBytes();
  CHECK(full >= 1000 * 128 * sizeof(float));
  CHECK(full <= 1000 * (128 * sizeof(float) + 32));
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = 0; i < slots.size(); i += 2) {
      arena.retire(slots[i], WriteContext::live(versions, 2));
    }
    for (std::size_t i = 0; i < slots.size(); i += 2) {
      slots[i] = arena.insert(value, WriteContext::live(versions, 3));
    }
  }
  CHECK(arena.memoryBytes() <= full + 8192);
  CHECK(std::set<Slot>(slots.begin(), slots.end()).size() == slots.size());
}

}  // namespace trefoil::vector
