#include "parser/arena.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "parser/ast.hpp"

namespace trefoil::parser {

TEST_CASE("What an arena hands out is aligned, separate and stays", "[arena]") {
  const unsigned seed = 11;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  Arena arena;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::pair<char*, std::size_t>> parts;
    for (int i = 0; i < 300; ++i) {
      const std::size_t alignment = std::size_t{1} << (random() % 5);
      const std::size_t size = random() % 50 == 0 ? random() % 500000 : random() % 200;
      char* bytes = static_cast<char*>(arena.allocate(size, alignment));
      REQUIRE(reinterpret_cast<std::uintptr_t>(bytes) % alignment == 0);
      std::memset(bytes, i & 255, size);
      parts.emplace_back(bytes, size);
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      for (std::size_t j = 0; j < parts[i].second; j += 1 + parts[i].second / 16) {
        REQUIRE(static_cast<unsigned char>(parts[i].first[j]) == (i & 255));
      }
    }
    arena.reset();
    CHECK(arena.capacity() <= Arena::kLargestBlock);
  }
}

TEST_CASE("A reused arena stops asking for memory", "[arena]") {
  Arena arena;
  for (int i = 0; i < 10; ++i) {
    arena.allocate(1000, 8);
  }
  arena.reset();
  const std::size_t kept = arena.capacity();
  CHECK(kept > 0);
  arena.allocate(1000, 8);
  CHECK(arena.capacity() == kept);
}

TEST_CASE("A list keeps its order as it grows", "[arena]") {
  Arena arena;
  ast::List<int> list;
  CHECK(list.empty());
  for (int i = 0; i < 1000; ++i) {
    list.push(arena, i);
  }
  REQUIRE(list.size() == 1000);
  int expected = 0;
  for (const int value : list) {
    REQUIRE(value == expected++);
  }
  CHECK(list.front() == 0);
  CHECK(list.back() == 999);
}

}  // namespace trefoil::parser
