#include "bench/peers/vector_peers.hpp"

#ifdef TREFOIL_HAVE_HNSWLIB
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#include <hnswlib/hnswlib.h>
#pragma GCC diagnostic pop
#endif

namespace trefoil::bench {

#ifdef TREFOIL_HAVE_HNSWLIB

struct HnswlibIndex::Impl {
  Impl(std::size_t dimension, std::size_t capacity, std::size_t m, std::size_t ef_construction)
      : space(dimension), index(&space, capacity, m, ef_construction) {}
  hnswlib::InnerProductSpace space;
  hnswlib::HierarchicalNSW<float> index;
};

bool HnswlibIndex::available() {
  return true;
}

HnswlibIndex::HnswlibIndex(std::size_t dimension, std::size_t capacity, std::size_t m, std::size_t ef_construction)
    : impl_(std::make_unique<Impl>(dimension, capacity, m, ef_construction)) {}

HnswlibIndex::~HnswlibIndex() = default;

void HnswlibIndex::insert(const float* values, std::size_t label) {
  impl_->index.addPoint(values, label);
}

void HnswlibIndex::setEf(std::size_t ef) {
  impl_->index.setEf(ef);
}

void HnswlibIndex::search(const float* query, std::size_t k, std::vector<std::uint64_t>& labels) const {
  auto found = impl_->index.searchKnn(query, k);
  labels.clear();
  for (; !found.empty(); found.pop()) {
    labels.push_back(found.top().second);
  }
}

std::size_t HnswlibIndex::memoryBytes() const {
  const auto& index = impl_->index;
  std::size_t bytes = index.cur_element_count * index.size_data_per_element_;
  for (std::size_t i = 0; i < index.cur_element_count; ++i) {
    bytes += static_cast<std::size_t>(index.element_levels_[i]) * index.size_links_per_element_ + sizeof(void*);
  }
  return bytes;
}

#else

struct HnswlibIndex::Impl {};
bool HnswlibIndex::available() {
  return false;
}
HnswlibIndex::HnswlibIndex(std::size_t, std::size_t, std::size_t, std::size_t) {}
HnswlibIndex::~HnswlibIndex() = default;
void HnswlibIndex::insert(const float*, std::size_t) {}
void HnswlibIndex::setEf(std::size_t) {}
void HnswlibIndex::search(const float*, std::size_t, std::vector<std::uint64_t>&) const {}
std::size_t HnswlibIndex::memoryBytes() const {
  return 0;
}

#endif

}  // namespace trefoil::bench
