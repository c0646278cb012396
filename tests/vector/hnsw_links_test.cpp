// Lists of links in words: what goes in comes out, whatever the ids, and every word that a writer leaves is a list of its own.
#include "vector/hnsw_links.hpp"

#include <random>

#include <catch2/catch.hpp>

#include "clustered_vectors.hpp"
#include "vector/hnsw_nodes.hpp"

namespace trefoil::vector {

using namespace testing;

namespace {

std::vector<NodeId> linksOf(LinkWord word) {
  std::vector<NodeId> links;
  forEachLink(word, [&](NodeId link) { links.push_back(link); });
  return links;
}

}  // namespace

TEST_CASE("links come out of their words as they went in", "[vector][hnsw]") {
  constexpr NodeId kNarrow = NodeId{1} << 21;
  const std::vector<NodeId> edges = {0, 1, kNarrow - 2, kNarrow - 1, kNarrow, kNarrow + 1, kMaxNodes - 1};
  std::mt19937_64 random(1);
  CHECK(linksOf(kNoLinks).empty());
  for (int round = 0; round < 10000; ++round) {
    std::vector<NodeId> links(1 + random() % 12);
    for (NodeId& link : links) {
      const std::uint64_t kind = random() % 3;
      link = kind == 0   ? edges[random() % edges.size()]
             : kind == 1 ? static_cast<NodeId>(random() % (kNarrow - 1))
                         : static_cast<NodeId>(random() % kMaxNodes);
    }
    std::vector<NodeId> read;
    std::size_t words = 0;
    for (std::span<const NodeId> left = links; !left.empty(); ++words) {
      LinkWord word = 0;
      const std::size_t taken = packLinks(left, word);
      REQUIRE(word != kNoLinks);
      const std::vector<NodeId> some = linksOf(word);
      REQUIRE(some.size() == taken);
      read.insert(read.end(), some.begin(), some.end());
      left = left.subspan(taken);
    }
    REQUIRE(read == links);
    REQUIRE(words <= (links.size() + 1) / 2);
  }
}

TEST_CASE("a list has room for its capacity of narrow links and for three quarters of any", "[vector][hnsw]") {
  const VectorCodes codes(Metric::kCosine, HnswCodes::kInt8, 64);
  for (std::size_t m = kMinHnswM; m <= kMaxHnswM; ++m) {
    const HnswNodes nodes(m, codes);
    for (const std::size_t level : {0U, 1U}) {
      const std::size_t capacity = nodes.capacity(level);
      CHECK(nodes.mostRead(level) >= capacity);
      CHECK(nodes.room(level, std::vector<NodeId>(capacity + 3, 7)) == capacity);
      const std::size_t wide = nodes.room(level, std::vector<NodeId>(capacity + 3, kMaxNodes - 1));
      CHECK(wide * 4 >= capacity * 3);
      CHECK(wide <= capacity);
      CHECK(nodes.room(level, {}) == 0);
    }
  }
}

// Takes half a minute and half a gigabyte: run by name.
TEST_CASE("a graph that outgrows narrow links", "[.][hnsw-wide]") {
  ClusteredVectors data(0, 4);
  constexpr std::size_t kRows = (std::size_t{1} << 21) + 200000;
  for (std::size_t i = 0; i < kRows; ++i) {
    data.add(randomVector(data.random, 4));
  }
  HnswIndex index(data.arena, {.metric = Metric::kL2, .m = 4, .ef_construction = 16});
  index.build(data.entries());
  index.verify();
  for (std::uint64_t row = 0; row < kRows; row += 9) {
    index.markDead(row, 2);
  }
  while (!index.purge(kNoSnapshot, 1U << 20).finished) {
  }
  index.verify();
  const auto recall = [&](const HnswIndex& of) {
    std::mt19937_64 random(5);
    std::size_t found = 0;
    for (int i = 0; i < 20; ++i) {
      const std::vector<float> query = randomVector(random, 4);
      const auto stays = [](std::size_t row) { return row % 9 != 0; };
      found += hits(data.nearest(Metric::kL2, query, 10, stays), of.search({.query = query, .ef_search = 200}).value().nearest);
    }
    return found;
  };
  CHECK(recall(index) >= 190);
  const std::vector<std::string> chunks = written(index);
  const auto back = HnswIndex::read(data.arena, sourceOf(chunks), [&](std::uint64_t row) { return data.slots[row]; });
  REQUIRE(back.ok());
  back.value()->verify();
  CHECK(recall(*back.value()) >= 190);
}

}  // namespace trefoil::vector
