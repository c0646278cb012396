// PersistentMap against std::map, with old versions kept.
#include "base/persistent_map.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>

using namespace trefoil;

TEST_CASE("every version of a persistent map stays what it was") {
  using Map = PersistentMap<std::string, int>;
  using Model = std::map<std::string, int>;
  std::mt19937_64 random(GENERATE(1U, 2U));
  std::vector<std::pair<Map, Model>> versions = {{}};
  for (int i = 0; i < 2000; ++i) {
    auto [map, model] = versions[versions.size() - 1 - random() % std::min<std::size_t>(versions.size(), 3)];
    const std::string key = "key " + std::to_string(random() % 300);
    if (random() % 3 == 0) {
      map = map.without(key);
      model.erase(key);
    } else {
      map = map.with(key, i);
      model.insert_or_assign(key, i);
    }
    versions.emplace_back(std::move(map), std::move(model));
  }
  for (const auto& [map, model] : versions) {
    REQUIRE(map.size() == model.size());
    REQUIRE(map.empty() == model.empty());
    auto expected = model.begin();
    for (const auto& [key, value] : map) {
      REQUIRE((expected != model.end() && key == expected->first && value == expected->second));
      ++expected;
    }
    for (int k = 0; k < 300; k += 7) {
      const std::string key = "key " + std::to_string(k);
      const auto there = model.find(key);
      const int* found = map.find(std::string_view(key));
      REQUIRE((found == nullptr) == (there == model.end()));
      REQUIRE((found == nullptr || *found == there->second));
      REQUIRE(map.contains(key) == model.contains(key));
    }
  }
}

TEST_CASE("a persistent map filled in order is not deep") {
  PersistentMap<int, int> map;
  for (int i = 0; i < 100000; ++i) {
    map = map.with(i, -i);
  }
  int expected = 0;
  for (const auto& [key, value] : map) {
    REQUIRE(key == expected);
    REQUIRE(value == -expected);
    ++expected;
  }
  REQUIRE(expected == 100000);
}
