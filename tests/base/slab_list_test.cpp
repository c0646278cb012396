// Slabs and the node pool: blocks are aligned, apart from each other, and may be freed by any thread.
#include "base/slab_list.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "base/node_pool.hpp"

using namespace trefoil;

namespace {

// Whether nobody else has written to the block since it was filled.
bool holds(const unsigned char* block, std::size_t size, unsigned char mark) {
  for (std::size_t i = 0; i < size; ++i) {
    if (block[i] != mark) {
      return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("blocks of a slab are aligned, do not overlap and are used again", "[slab]") {
  constexpr std::size_t kBytes = 16704;
  SlabList list(kBytes);
  std::vector<unsigned char*> blocks;
  for (int i = 0; i < 300; ++i) {  // more than two slabs
    auto* block = static_cast<unsigned char*>(list.take());
    REQUIRE(reinterpret_cast<std::uintptr_t>(block) % 64 == 0);
    std::memset(block, i % 251, kBytes);
    blocks.push_back(block);
  }
  for (int i = 0; i < 300; ++i) {
    REQUIRE(holds(blocks[static_cast<std::size_t>(i)], kBytes, static_cast<unsigned char>(i % 251)));
  }
  const std::set<void*> before(blocks.begin(), blocks.end());
  for (unsigned char* block : blocks) {
    list.give(block);
  }
  std::set<void*> taken;
  for (int i = 0; i < 50; ++i) {
    taken.insert(list.take());
  }
  CHECK(taken.size() == 50);
  CHECK(std::any_of(taken.begin(), taken.end(), [&](void* block) { return before.count(block) == 1; }));  // a slab is kept
  for (void* block : taken) {
    list.give(block);
  }
}

TEST_CASE("slabs whose blocks have all come back leave, the others serve on", "[slab]") {
  constexpr std::size_t kBytes = 8512;
  SlabList list(kBytes);
  std::vector<unsigned char*> blocks;
  for (int i = 0; i < 2000; ++i) {
    blocks.push_back(static_cast<unsigned char*>(list.take()));
    std::memset(blocks.back(), i % 251, kBytes);
  }
  // In each round some blocks of every slab go, others come: what stays is never touched.
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = static_cast<std::size_t>(round) % 3; i < blocks.size(); i += 3) {
      list.give(std::exchange(blocks[i], nullptr));
    }
    for (std::size_t i = static_cast<std::size_t>(round) % 3; i < blocks.size(); i += 6) {
      blocks[i] = static_cast<unsigned char*>(list.take());
      std::memset(blocks[i], static_cast<int>(i % 251), kBytes);
    }
    std::erase(blocks, nullptr);
    const std::set<unsigned char*> distinct(blocks.begin(), blocks.end());
    REQUIRE(distinct.size() == blocks.size());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      REQUIRE(holds(blocks[i], kBytes, blocks[i][0]));
      std::memset(blocks[i], static_cast<int>(i % 251), kBytes);
    }
    if (blocks.size() < 100) {
      break;
    }
  }
  for (unsigned char* block : blocks) {
    list.give(block);
  }
}

TEST_CASE("nodes allocated by one thread may be freed by another", "[slab]") {
  constexpr std::size_t kNodes = 500;
  for (int round = 0; round < 5; ++round) {
    std::vector<std::vector<unsigned char*>> taken(4);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < taken.size(); ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = 0; i < kNodes; ++i) {
          taken[t].push_back(static_cast<unsigned char*>(node_pool::allocate()));
          std::memset(taken[t].back(), static_cast<int>(t + 1), node_pool::kBlockBytes);
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    threads.clear();
    std::atomic<bool> intact{true};
    for (std::size_t t = 0; t < taken.size(); ++t) {
      threads.emplace_back([&, t] {
        const std::size_t other = (t + 1) % taken.size();
        for (unsigned char* node : taken[other]) {
          if (!holds(node, node_pool::kBlockBytes, static_cast<unsigned char>(other + 1))) {
            intact = false;
          }
          node_pool::release(node);
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    REQUIRE(intact);
  }
}
