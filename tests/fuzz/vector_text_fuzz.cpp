// Any bytes as a vector's text: no crash, no out-of-bounds read, and whatever is accepted prints and reads back to the same bits.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "vector/distance.hpp"
#include "vector/text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trefoil::vector;
  std::vector<float> values;
  if (!parseVector({reinterpret_cast<const char*>(data), size}, values).ok()) {
    return 0;
  }
  std::string printed;
  std::vector<float> back;
  printVector(values, printed);
  if (!checkElements(values).ok() || !parseVector(printed, back).ok() || back.size() != values.size() ||
      std::memcmp(back.data(), values.data(), values.size() * sizeof(float)) != 0) {
    std::abort();
  }
  return 0;
}
