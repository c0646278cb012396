// The vector libraries that bench_vector runs beside Trefoil, behind plain functions: their headers are compiled with flags of
// their own (-O3 -march=native), which must not reach inline functions that others use too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace trefoil::bench {

// hnswlib over unit vectors by inner product, which is how cosine is done with it.
class HnswlibIndex {
 public:
  static bool available();
  HnswlibIndex(std::size_t dimension, std::size_t capacity, std::size_t m, std::size_t ef_construction);
  ~HnswlibIndex();
  HnswlibIndex(const HnswlibIndex&) = delete;
  HnswlibIndex& operator=(const HnswlibIndex&) = delete;

  void insert(const float* values, std::size_t label);  // thread-safe
  void setEf(std::size_t ef);
  // Labels, in no order.
  void search(const float* query, std::size_t k, std::vector<std::uint64_t>& labels) const;
  [[nodiscard]] std::size_t memoryBytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// IndexFlatIP.
class FaissFlat {
 public:
  static bool available();
  FaissFlat(std::size_t dimension, const float* rows, std::size_t count);
  ~FaissFlat();
  FaissFlat(const FaissFlat&) = delete;
  FaissFlat& operator=(const FaissFlat&) = delete;
  // By inner product, on one thread.
  void search(const float* queries, std::size_t count, std::size_t k, std::int64_t* labels) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trefoil::bench
