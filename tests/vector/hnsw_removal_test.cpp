// Deaths and purges against a model; the graph stays whole and does not grow.
#include <map>

#include <catch2/catch.hpp>

#include "clustered_vectors.hpp"

namespace trefoil::vector {

using namespace testing;

namespace {

void purgeAll(HnswIndex& index, Lsn oldest = kNoSnapshot) {
  while (!index.purge(oldest, 100, true).finished) {
  }
}

}  // namespace

TEST_CASE("random inserts, updates, deletes, purges and searches agree with a model", "[vector][hnsw]") {
  for (const Metric metric : {Metric::kCosine, Metric::kL2}) {
    ClusteredVectors data(0, 33, 5);
    HnswIndex index(data.arena, {.metric = metric, .m = 8, .ef_construction = 40});
    struct Version {
      std::uint64_t row;
      std::size_t vector;  // in data.slots
      Lsn born;
      Lsn died;
    };
    std::vector<Version> versions;
    std::map<std::uint64_t, std::size_t> live;
    std::vector<Lsn> open;  // snapshots, ascending
    Lsn lsn = 1;
    std::size_t found = 0;
    std::size_t wanted = 0;
    for (int step = 0; step < 6000; ++step, ++lsn) {
      const std::uint64_t dice = data.random() % 100;
      const std::uint64_t row = data.random() % 800;
      if (dice < 60) {
        const auto known = live.find(row);
        if (known != live.end()) {
          versions[known->second].died = lsn;
        }
        data.add(data.draw());
        live[row] = versions.size();
        versions.push_back({row, data.slots.size() - 1, lsn, kLatest});
        CHECK(index.insert(row, data.slots.back(), lsn));
      } else if (dice < 85) {
        const auto known = live.find(row);
        CHECK(index.markDead(row, lsn) == (known != live.end()));
        if (known != live.end()) {
          versions[known->second].died = lsn;
          live.erase(known);
        }
      } else if (dice < 88) {
        open.push_back(lsn);
      } else if (dice < 91 && !open.empty()) {
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(data.random() % open.size()));
      } else if (dice < 96) {
        index.purge(open.empty() ? kNoSnapshot : open.front(), data.random() % 400, data.random() % 2 == 0);
      } else {
        const Lsn snapshot = open.empty() || dice == 96 ? kLatest : open[data.random() % open.size()];
        const std::vector<float> query = data.draw();
        TopK best(5);
        std::map<std::uint64_t, double> seen;
        for (const Version& version : versions) {
          if (version.born < snapshot && snapshot <= version.died) {
            const double away = distance(metric, query, data.arena->at(data.slots[version.vector]));
            best.offer({version.row, away});
            seen[version.row] = away;
          }
        }
        const std::vector<Neighbour> truth = best.take();
        const std::vector<Neighbour> nearest = index.search({.query = query, .k = 5, .snapshot = snapshot}).value().nearest;
        REQUIRE(nearest.size() == truth.size());
        for (const Neighbour& neighbour : nearest) {
          REQUIRE(seen.contains(neighbour.row));
          CHECK(neighbour.distance == seen[neighbour.row]);
        }
        found += hits(truth, nearest);
        wanted += truth.size();
      }
      if (step % 500 == 0) {
        index.verify();
        CHECK(index.liveEntries() == live.size());
      }
    }
    CAPTURE(found, wanted);
    CHECK(found * 100 >= wanted * 95);
    purgeAll(index);
    index.verify();
    CHECK(index.deadEntries() == 0);
    CHECK(index.liveEntries() == live.size());
  }
}

TEST_CASE("purging keeps entries that a snapshot sees", "[vector][hnsw]") {
  ClusteredVectors data(500, 40);
  HnswIndex index(data.arena, {});
  index.build(data.entries(1));
  for (std::uint64_t row = 0; row < 200; ++row) {
    index.markDead(row, 10 + row);
  }
  purgeAll(index, 110);  // deaths at 110 and later are seen by snapshot 110
  CHECK(index.deadEntries() == 100);
  index.verify();
  const std::vector<float> query = data.draw();
  CHECK(index.search({.query = query, .k = 1000, .snapshot = 110}).value().nearest.size() == 400);
  CHECK(index.search({.query = query, .k = 1000}).value().nearest.size() == 300);
  // Few dead entries are not worth a pass.
  CHECK(index.purge(111).finished);
  CHECK(index.deadEntries() == 100);
}

TEST_CASE("churn: neither memory grows nor recall falls", "[vector][hnsw]") {
  ClusteredVectors data(3000, 40);
  HnswIndex index(data.arena, {});
  index.build(data.entries());
  std::vector<std::vector<float>> queries;
  for (int i = 0; i < 100; ++i) {
    queries.push_back(data.draw());
  }
  const auto recall = [&] {
    std::size_t found = 0;
    for (const std::vector<float>& query : queries) {
      const HnswAnswer answer = index.search({.query = query, .ef_search = 30}).value();
      std::vector<Neighbour> mapped = answer.nearest;
      for (Neighbour& neighbour : mapped) {
        neighbour.row %= 3000;
      }
      found += hits(data.nearest(Metric::kCosine, query, 10), mapped);
    }
    return found;
  };
  const std::size_t fresh = recall();
  const HnswMemory before = index.memory();
  std::vector<std::uint64_t> row_of(3000);
  for (std::uint64_t i = 0; i < 3000; ++i) {
    row_of[i] = i;
  }
  for (Lsn round = 1; round <= 10; ++round) {
    for (std::size_t i = round % 2; i < 3000; i += 2) {
      CHECK(index.markDead(row_of[i], 100 * round));
    }
    purgeAll(index);
    index.verify();
    for (std::size_t i = round % 2; i < 3000; i += 2) {
      row_of[i] = round * 3000 + i;
      index.insert(row_of[i], data.slots[i], 100 * round + 1);
    }
  }
  CHECK(index.memory().links == before.links);
  CHECK(index.memory().codes == before.codes);
  const std::size_t churned = recall();
  CAPTURE(fresh, churned);
  CHECK(churned + 15 >= fresh);
}

TEST_CASE("everything may leave, and the graph begins anew", "[vector][hnsw]") {
  ClusteredVectors data(1000, 40);
  HnswIndex index(data.arena, {});
  for (Lsn round = 1; round <= 3; ++round) {
    index.build(data.entries(10 * round));
    for (std::uint64_t row = 0; row < 1000; ++row) {
      index.markDead(row, 10 * round + 1);
    }
    const std::vector<float> query = data.draw();
    CHECK(index.search({.query = query}).value().nearest.empty());
    CHECK(index.search({.query = query, .snapshot = 10 * round + 1}).value().nearest.size() == 10);
    purgeAll(index);
    CHECK(index.deadEntries() == 0);
    CHECK(index.search({.query = query}).value().nearest.empty());
    index.verify();
  }
  index.insert(5, data.slots[5], 100);
  index.verify();
}

TEST_CASE("a whole cluster leaves, and what is inserted in its place is found", "[vector][hnsw]") {
  ClusteredVectors data(0, 40);
  const std::vector<float> here = randomVector(data.random, 40);
  const std::vector<float> there = randomVector(data.random, 40);
  const auto near = [&](const std::vector<float>& centre) {
    std::vector<float> values = randomVector(data.random, 40, 0.1F);
    for (std::size_t i = 0; i < 40; ++i) {
      values[i] += centre[i];
    }
    return values;
  };
  for (int i = 0; i < 1500; ++i) {
    data.add(near(i < 1000 ? here : there));
  }
  HnswIndex index(data.arena, {});
  index.build(data.entries());
  for (std::uint64_t row = 0; row < 1000; ++row) {
    index.markDead(row, 10);
  }
  index.purge(kNoSnapshot, 1, true);  // has begun: they are leaving
  for (std::uint64_t row = 2000; row < 2300; ++row) {
    index.insert(row, data.add(near(here)), 20);
  }
  purgeAll(index);
  index.verify();
  for (int i = 0; i < 20; ++i) {
    const HnswAnswer answer = index.search({.query = near(here)}).value();
    REQUIRE(answer.nearest.size() == 10);
    for (const Neighbour& neighbour : answer.nearest) {
      CHECK(neighbour.row >= 2000);
    }
  }
}

TEST_CASE("an open cursor holds places back, and sees what it began with", "[vector][hnsw]") {
  ClusteredVectors data(1000, 40);
  HnswIndex index(data.arena, {});
  index.build(data.entries());
  const std::vector<float> query = data.draw();
  std::size_t seen = 0;
  {
    HnswIndex::Cursor cursor = index.open({.query = query, .snapshot = 5}).value();
    seen += cursor.next().value().size();
    for (std::uint64_t row = 0; row < 900; ++row) {
      index.markDead(row, 10);
    }
    CHECK_FALSE(index.purge(5, 100000, true).remaining == 0);  // snapshot 5 sees them
    for (std::vector<Neighbour> batch = cursor.next().value(); !batch.empty(); batch = cursor.next().value()) {
      seen += batch.size();
    }
    CHECK(seen == 1000);
    CHECK_FALSE(index.purge(kNoSnapshot, 100000, true).finished);
    CHECK(index.deadEntries() == 900);
  }
  purgeAll(index);
  CHECK(index.deadEntries() == 0);
}

}  // namespace trefoil::vector
