// An index written and read back; bytes that nobody wrote are refused.
#include <cstring>
#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "base/crc32c.hpp"
#include "clustered_vectors.hpp"

namespace trefoil::vector {

using namespace testing;

namespace {

std::function<Slot(std::uint64_t)> slotsOf(const ClusteredVectors& data) {
  return [&data](std::uint64_t row) { return row < data.slots.size() ? data.slots[row] : kNoSlot; };
}

}  // namespace

TEST_CASE("an index that was written and read answers as before", "[vector][hnsw]") {
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kInnerProduct}) {
    ClusteredVectors data(3000, 40);
    data.add(std::vector<float>(40));
    HnswIndex index(data.arena, {.metric = metric, .m = 8, .ef_construction = 100, .codes = HnswCodes::kFloat16});
    index.build(data.entries());
    const std::vector<std::string> chunks = written(index);
    CHECK(chunks.size() > 1);
    for (const std::string& chunk : chunks) {
      CHECK(chunk.size() <= HnswIndex::kMaxChunkBytes);
    }
    const std::unique_ptr<HnswIndex> back = HnswIndex::read(data.arena, sourceOf(chunks), slotsOf(data)).value();
    back->verify();
    CHECK(back->options().m == 8);
    CHECK(back->options().ef_construction == 100);
    CHECK(back->options().metric == metric);
    CHECK(back->options().codes == HnswCodes::kFloat16);
    CHECK(back->liveEntries() == 3001);
    CHECK(written(*back) == chunks);
    for (int i = 0; i < 20; ++i) {
      const std::vector<float> query = data.draw();
      const std::vector<Neighbour> before = index.search({.query = query}).value().nearest;
      const std::vector<Neighbour> after = back->search({.query = query, .snapshot = 1}).value().nearest;
      REQUIRE(before.size() == after.size());
      for (std::size_t j = 0; j < before.size(); ++j) {
        CHECK(before[j].row == after[j].row);
        CHECK(before[j].distance == after[j].distance);
      }
    }
    // And it lives on.
    back->insert(5000, data.add(data.draw()), 7);
    back->markDead(3, 8);
    while (!back->purge(kNoSnapshot, 1000, true).finished) {
    }
    back->verify();
  }
}

TEST_CASE("an empty index, and one of zero vectors, are written and read", "[vector][hnsw]") {
  ClusteredVectors data(0, 4);
  HnswIndex empty(data.arena, {});
  CHECK(HnswIndex::read(data.arena, sourceOf(written(empty)), slotsOf(data)).value()->liveEntries() == 0);
  data.add(std::vector<float>(4));
  HnswIndex zero(data.arena, {});
  zero.build(data.entries());
  CHECK(HnswIndex::read(data.arena, sourceOf(written(zero)), slotsOf(data)).value()->liveEntries() == 1);
}

TEST_CASE("a capture is that of its snapshot: later births are left out, later deaths undone", "[vector][hnsw]") {
  ClusteredVectors data(2000, 40);
  HnswIndex index(data.arena, {});
  index.build(data.entries(10));
  for (std::uint64_t row = 0; row < 2000; row += 2) {
    index.markDead(row, row < 1000 ? 20 : 40);
  }
  std::map<std::uint64_t, Slot> later;
  for (std::uint64_t row = 10000; row < 10500; ++row) {
    later[row] = data.add(data.draw());
    index.insert(row, later[row], 30);
  }
  const auto rows_at = [&](Lsn snapshot) {
    const std::unique_ptr<HnswIndex> back =
        HnswIndex::read(data.arena, sourceOf(written(index, snapshot)), [&](std::uint64_t row) {
          return row < 2000 ? data.slots[row] : later.at(row);
        }).value();
    back->verify();
    std::set<std::uint64_t> rows;
    const HnswAnswer answer = back->search({.query = data.draw(), .k = 10000}).value();
    for (const Neighbour& neighbour : answer.nearest) {
      rows.insert(neighbour.row);
    }
    CHECK(rows.size() == back->liveEntries());
    // Links led past what was left out.
    std::size_t found = 0;
    for (int i = 0; i < 50; ++i) {
      const std::vector<float> query = data.draw();
      found += hits(data.nearest(Metric::kCosine, query, 10, [&](std::size_t row) { return row < 2000 && rows.contains(row); }),
                    back->search({.query = query}).value().nearest);
    }
    CHECK((rows.empty() || found >= 50 * 10 * 90 / 100));
    return rows;
  };
  CHECK(rows_at(10).empty());
  CHECK(rows_at(11).size() == 2000);
  CHECK(rows_at(20).size() == 2000);
  CHECK(rows_at(21).size() == 1500);
  CHECK(rows_at(31).size() == 2000);
  CHECK(rows_at(41).size() == 1500);
  CHECK_FALSE(rows_at(31).contains(0));
  CHECK(rows_at(31).contains(1000));
}

TEST_CASE("an error of the sink or the source is handed on", "[vector][hnsw]") {
  ClusteredVectors data(3000, 40);
  HnswIndex index(data.arena, {});
  index.build(data.entries());
  int calls = 0;
  const Status status = index.write(
      kLatest, [&](std::string_view) -> Status { return ++calls == 2 ? Status(Error(ErrorCode::kIo, "disk full")) : Status(); });
  CHECK(status.error().message == "disk full");
  CHECK(HnswIndex::read(
            data.arena, []() -> Result<std::string_view> { return Error(ErrorCode::kIo, "gone"); }, slotsOf(data))
            .error()
            .message == "gone");
}

TEST_CASE("bytes that were cut, turned or mixed up are refused", "[vector][hnsw]") {
  ClusteredVectors data(200, 8);
  for (std::size_t i = 0; i < 40; ++i) {  // some are there many times
    const std::span<const float> values = data.arena->at(data.slots[i % 5]);
    data.add({values.begin(), values.end()});
  }
  HnswIndex index(data.arena, {.metric = Metric::kL2, .m = 4, .ef_construction = 10});
  index.build(data.entries());
  const std::vector<std::string> chunks = written(index);
  REQUIRE(chunks.size() == 2);
  const auto refused = [&](const std::vector<std::string>& bytes) {
    Result<std::unique_ptr<HnswIndex>> result = HnswIndex::read(data.arena, sourceOf(bytes), slotsOf(data));
    return !result.ok() && result.error().code == ErrorCode::kCorruption;
  };
  CHECK_FALSE(refused(chunks));
  CHECK(refused({}));
  CHECK(refused({chunks[0]}));
  CHECK(refused({chunks[1], chunks[0]}));
  CHECK(refused({chunks[0], chunks[0]}));
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    for (std::size_t size = 0; size < chunks[c].size(); size += 1 + size / 50) {
      std::vector<std::string> cut = chunks;
      cut[c].resize(size);
      CHECK(refused(cut));
    }
    for (std::size_t at = 0; at < chunks[c].size(); at += 1 + at / 50) {
      std::vector<std::string> turned = chunks;
      turned[c][at] = static_cast<char>(turned[c][at] ^ 1 << at % 8);
      CHECK(refused(turned));
    }
  }
  // With checksums that fit, so that what is inside is looked at: a wrong word may pass only where an index may look so.
  std::mt19937_64 random(9);
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::string> forged = chunks;
    std::string& chunk = forged[random() % 2];
    chunk[random() % (chunk.size() - 4)] = static_cast<char>(random());
    const std::uint32_t checksum = crc32c({chunk.data(), chunk.size() - 4});
    std::memcpy(chunk.data() + chunk.size() - 4, &checksum, 4);
    Result<std::unique_ptr<HnswIndex>> result = HnswIndex::read(data.arena, sourceOf(forged), slotsOf(data));
    if (result.ok()) {
      result.value()->verify();
    } else {
      CHECK(result.error().code == ErrorCode::kCorruption);
    }
  }
  // Of another column; rows that the table does not have.
  const auto other = std::make_shared<VectorArena>(9);
  CHECK(HnswIndex::read(other, sourceOf(chunks), slotsOf(data)).error().code == ErrorCode::kCorruption);
  CHECK(HnswIndex::read(data.arena, sourceOf(chunks), [](std::uint64_t) { return kNoSlot; }).error().code ==
        ErrorCode::kCorruption);
}

}  // namespace trefoil::vector
