// HnswIndex against exact search: recall, snapshots, filters, persistence.
#include "vector/hnsw.hpp"

#include <set>

#include <catch2/catch.hpp>

#include "random_vectors.hpp"

namespace trefoil::vector {

using namespace testing;

TEST_CASE("options are refused with pgvector's texts", "[vector][hnsw]") {
  CHECK(checkHnswOptions({}).ok());
  CHECK(checkHnswOptions({.m = 100, .ef_construction = 1000}).ok());
  CHECK(checkHnswOptions({.m = 1}).error().message == "value 1 out of bounds for option \"m\"");
  CHECK(checkHnswOptions({.m = 101}).error().detail == "Valid values are between \"2\" and \"100\".");
  CHECK(checkHnswOptions({.m = SIZE_MAX, .ef_construction = 1000}).error().code == ErrorCode::kInvalid);
  CHECK(checkHnswOptions({.ef_construction = 3}).error().message == "value 3 out of bounds for option \"ef_construction\"");
  CHECK(checkHnswOptions({.ef_construction = 1001}).error().detail == "Valid values are between \"4\" and \"1000\".");
  CHECK(checkHnswOptions({.m = 16, .ef_construction = 31}).error().message ==
        "ef_construction must be greater than or equal to 2 * m");
  CHECK(checkEfSearch(1).ok());
  CHECK(checkEfSearch(1000).ok());
  CHECK(checkEfSearch(0).error().message == "0 is outside the valid range for parameter \"hnsw.ef_search\" (1 .. 1000)");
  CHECK_FALSE(checkEfSearch(1001).ok());
  CHECK_FALSE(checkEfSearch(-5).ok());
}

TEST_CASE("a snapshot sees the entries of its instant", "[vector][hnsw]") {
  Versions versions;
  const auto arena = std::make_shared<VectorArena>(4);
  HnswIndex index(arena, {});
  const WriteContext context = WriteContext::live(versions, 1);
  const Slot first = arena->insert(std::vector<float>{1, 0, 0, 0}, context);
  const Slot second = arena->insert(std::vector<float>{0, 1, 0, 0}, context);
  CHECK(index.insert(7, first, 10));
  CHECK_FALSE(index.insert(7, first, 10));  // told twice
  CHECK(index.insert(7, second, 20));       // an update
  CHECK(index.markDead(7, 30));
  CHECK_FALSE(index.markDead(7, 30));
  CHECK(index.liveEntries() == 0);
  CHECK(index.deadEntries() == 2);
  const std::vector<float> query{1, 0, 0, 0};
  const auto distances = [&](Lsn snapshot) {
    std::vector<double> found;
    const HnswAnswer answer = index.search({.query = query, .snapshot = snapshot}).value();
    for (const Neighbour& neighbour : answer.nearest) {
      CHECK(neighbour.row == 7);
      found.push_back(neighbour.distance);
    }
    return found;
  };
  CHECK(distances(10).empty());  // a change at 10 is not visible to snapshot 10
  CHECK(distances(11) == std::vector<double>{0});
  CHECK(distances(20) == std::vector<double>{0});
  CHECK(distances(21) == std::vector<double>{1});
  CHECK(distances(30) == std::vector<double>{1});
  CHECK(distances(31).empty());
  CHECK(distances(kLatest).empty());
  CHECK(index.purge(20, 4096, true).remaining == 2);
  CHECK(distances(20) == std::vector<double>{0});
  CHECK(index.purge(30, 4096, true).remaining == 1);
  CHECK(distances(30) == std::vector<double>{1});
  CHECK(index.purge(kNoSnapshot, 4096, true).remaining == 0);
  CHECK(index.deadEntries() == 0);
  index.verify();
}

}  // namespace trefoil::vector
