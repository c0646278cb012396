// Clustered vectors in an arena, exact answers about them, and recall: what the tests of the index share.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "random_vectors.hpp"
#include "vector/hnsw.hpp"

namespace trefoil::vector::testing {

// Rows around centres, with a spread that falls with the dimension. Row i's vector is slots[i].
struct ClusteredVectors {
  ClusteredVectors(std::size_t rows, std::size_t dimension_in, std::uint64_t seed = 1, float offset = 0)
      : dimension(dimension_in), arena(std::make_shared<VectorArena>(dimension_in)), random(seed), offset_(offset) {
    for (std::size_t i = 0; i < std::max<std::size_t>(1, rows / 100); ++i) {
      centres_.push_back(spread(1));
    }
    for (std::size_t i = 0; i < rows; ++i) {
      add(draw());
    }
  }

  std::vector<float> draw() {
    const std::vector<float>& centre = centres_[random() % centres_.size()];
    std::vector<float> values = spread(0.6F);
    for (std::size_t i = 0; i < dimension; ++i) {
      values[i] += centre[i] + offset_;
    }
    return values;
  }
  Slot add(const std::vector<float>& values) {
    slots.push_back(arena->insert(values, WriteContext::live(versions, 1)));
    return slots.back();
  }
  [[nodiscard]] std::vector<HnswEntry> entries(Lsn born = 1) const {
    std::vector<HnswEntry> all;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      all.push_back({i, slots[i], born});
    }
    return all;
  }
  // The k nearest of the rows that `counts` lets pass.
  template <typename Counts>
  std::vector<Neighbour> nearest(Metric metric, std::span<const float> query, std::size_t k, const Counts& counts) const {
    const PreparedQuery prepared = PreparedQuery::make(*arena, {metric, query, k}).value();
    TopK best(k);
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (counts(i)) {
        best.offer({i, prepared.distanceTo(*arena, slots[i])});
      }
    }
    return best.take();
  }
  [[nodiscard]] std::vector<Neighbour> nearest(Metric metric, std::span<const float> query, std::size_t k) const {
    return nearest(metric, query, k, [](std::size_t) { return true; });
  }

  std::size_t dimension;
  Versions versions;
  std::shared_ptr<VectorArena> arena;
  std::vector<Slot> slots;
  std::mt19937_64 random;

 private:
  std::vector<float> spread(float size) {
    std::vector<float> values = randomVector(random, dimension, size);
    for (std::size_t i = 0; i < dimension; ++i) {
      values[i] /= std::sqrt(1 + static_cast<float>(i));
    }
    return values;
  }
  float offset_;
  std::vector<std::vector<float>> centres_;
};

// How many of the truth are in the answer: by distance, so that ties count whichever row they are.
inline std::size_t hits(const std::vector<Neighbour>& truth, const std::vector<Neighbour>& answer) {
  std::size_t count = 0;
  for (const Neighbour& neighbour : answer) {
    count += !truth.empty() && !(neighbour.distance > truth.back().distance) ? 1 : 0;
  }
  return std::min(count, truth.size());
}

inline std::vector<std::string> written(const HnswIndex& index, Lsn snapshot = kLatest) {
  std::vector<std::string> chunks;
  const Status status = index.write(snapshot, [&](std::string_view chunk) {
    chunks.emplace_back(chunk);
    return Status{};
  });
  return status.ok() ? chunks : std::vector<std::string>{};
}

inline HnswIndex::ChunkSource sourceOf(const std::vector<std::string>& chunks) {
  return [&chunks, next = std::size_t{0}]() mutable -> Result<std::string_view> {
    return next < chunks.size() ? std::string_view(chunks[next++]) : std::string_view();
  };
}

}  // namespace trefoil::vector::testing
