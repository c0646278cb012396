// Codes: their lower bounds hold for every metric and kind, for ordinary vectors and for those that rotate or scale badly.
#include "vector/codes.hpp"

#include <catch2/catch.hpp>

#include "random_vectors.hpp"
#include "vector/hnsw.hpp"

namespace trefoil::vector {

using namespace testing;

namespace {

// Ordinary ones, a few that have one direction in common, sparse ones, lengths from the smallest to the largest, and zero.
std::vector<std::vector<float>> vectorsOfAllKinds(std::mt19937_64& random, std::size_t dimension) {
  std::vector<std::vector<float>> vectors;
  for (std::size_t i = 0; i < 300; ++i) {
    std::vector<float> values = randomVector(random, dimension, i % 5 == 0 ? 100.0F : 1.0F);
    if (i % 7 == 0) {
      values = vectors.empty() ? values : vectors.front();
      values[i % dimension] += 0.01F;
    } else if (i % 11 == 0) {
      std::fill(values.begin(), values.end(), 0.0F);
      values[i % dimension] = 3;
    } else if (i % 29 == 0) {
      const float scale = i % 2 == 0 ? 1e17F : 1e-17F;
      for (float& value : values) {
        value *= scale;
      }
    }
    vectors.push_back(std::move(values));
  }
  vectors.emplace_back(dimension);
  return vectors;
}

}  // namespace

TEST_CASE("no true distance is below its lower bound", "[vector][codes]") {
  std::mt19937_64 random(3);
  for (const std::size_t dimension : {1U, 3U, 16U, 40U, 128U, 300U}) {
    const std::vector<std::vector<float>> vectors = vectorsOfAllKinds(random, dimension);
    for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kInnerProduct}) {
      for (const HnswCodes kind : {HnswCodes::kInt8, HnswCodes::kFloat16, HnswCodes::kFloat32}) {
        VectorCodes codes(metric, kind, dimension);
        codes.setOrigin(vectors[1]);
        VectorCodes::Query query(codes);
        AlignedFloats memory(vectors.size() * codes.codeBytes() / sizeof(float));
        std::vector<const std::byte*> pointers;
        std::vector<float> lengths;
        std::vector<std::uint8_t> classes;
        for (const std::vector<float>& values : vectors) {
          auto* const code = reinterpret_cast<std::byte*>(memory.data()) + pointers.size() * codes.codeBytes();
          const VectorCodes::Encoded encoded = codes.encode(values, code, query);
          REQUIRE(encoded.error_class < VectorCodes::kErrorClasses);
          pointers.push_back(code);
          lengths.push_back(encoded.length);
          classes.push_back(encoded.error_class);
        }
        std::vector<float> bounds(vectors.size() + 16);
        std::size_t useful = 0;
        for (const std::vector<float>& from : vectors) {
          codes.prepare(from, query);
          codes.prepareBounds(query);
          codes.lowerBounds(query, pointers.data(), lengths.data(), classes.data(), pointers.size(), bounds.data());
          for (std::size_t i = 0; i < vectors.size(); ++i) {
            const double truth = distance(metric, from, vectors[i]);
            CAPTURE(dimension, static_cast<int>(metric), static_cast<int>(kind), i, truth, bounds[i], +classes[i]);
            if (!std::isnan(truth) && bounds[i] > codes.limit(truth)) {
              FAIL("the bound is above the distance");
            }
            useful += bounds[i] > codes.limit(truth - 0.1) ? 1 : 0;
          }
        }
        CHECK((metric != Metric::kCosine || useful * 10 > vectors.size() * vectors.size() * 8));
      }
    }
  }
}

}  // namespace trefoil::vector
