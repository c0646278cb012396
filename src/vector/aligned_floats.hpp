// A buffer of floats on a 64-byte boundary, zeroed: what kernels take as a padded query.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace trefoil::vector {

class AlignedFloats {
 public:
  AlignedFloats() = default;
  explicit AlignedFloats(std::size_t size) : floats_(new (std::align_val_t{64}) float[size]()), size_(size) {}

  [[nodiscard]] float* data() { return floats_.get(); }
  [[nodiscard]] const float* data() const { return floats_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(float* floats) const { ::operator delete[](floats, std::align_val_t{64}); }
  };
  std::unique_ptr<float[], Free> floats_;
  std::size_t size_ = 0;
};

}  // namespace trefoil::vector
