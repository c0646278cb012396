#include "bench/peers/vector_peers.hpp"

#ifdef TREFOIL_HAVE_FAISS
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#include <faiss/IndexFlat.h>
#include <omp.h>
#pragma GCC diagnostic pop
#endif

namespace trefoil::bench {

#ifdef TREFOIL_HAVE_FAISS

struct FaissFlat::Impl {
  explicit Impl(std::size_t dimension) : index(static_cast<faiss::Index::idx_t>(dimension)) {}
  faiss::IndexFlatIP index;
};

bool FaissFlat::available() {
  return true;
}

FaissFlat::FaissFlat(std::size_t dimension, const float* rows, std::size_t count) : impl_(std::make_unique<Impl>(dimension)) {
  omp_set_num_threads(1);
  impl_->index.add(static_cast<faiss::Index::idx_t>(count), rows);
}

FaissFlat::~FaissFlat() = default;

void FaissFlat::search(const float* queries, std::size_t count, std::size_t k, std::int64_t* labels) const {
  std::vector<float> distances(count * k);
  impl_->index.search(static_cast<faiss::Index::idx_t>(count), queries, static_cast<faiss::Index::idx_t>(k), distances.data(),
                      labels);
}

#else

struct FaissFlat::Impl {};
bool FaissFlat::available() {
  return false;
}
FaissFlat::FaissFlat(std::size_t, const float*, std::size_t) {}
FaissFlat::~FaissFlat() = default;
void FaissFlat::search(const float*, std::size_t, std::size_t, std::int64_t*) const {}

#endif

}  // namespace trefoil::bench
