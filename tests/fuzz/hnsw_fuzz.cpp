// Any bytes as an index on disk: refused or read, never a crash, and what is read keeps the invariants and answers. The input is
// cut into chunks (two bytes of length before each), and their checksums are put right, so that what is behind them is reached.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/crc32c.hpp"
#include "vector/hnsw.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trefoil;
  using namespace trefoil::vector;
  static Versions versions;
  static const std::shared_ptr<VectorArena> arena = [] {
    auto made = std::make_shared<VectorArena>(4);
    for (int i = 0; i < 16; ++i) {
      const float x = static_cast<float>(i);
      (void)made->insert(std::vector<float>{x, 1, -x, 0.5F * x}, WriteContext::live(versions, 1));
    }
    return made;
  }();
  std::vector<std::string> chunks;
  while (size >= 2) {
    const std::size_t length = std::min<std::size_t>(size - 2, data[0] | data[1] << 8);
    std::string chunk(reinterpret_cast<const char*>(data) + 2, length);
    const std::uint32_t checksum = crc32c(chunk);
    chunk.append(reinterpret_cast<const char*>(&checksum), sizeof(checksum));
    chunks.push_back(std::move(chunk));
    data += 2 + length;
    size -= 2 + length;
  }
  std::size_t next = 0;
  const Result<std::unique_ptr<HnswIndex>> index = HnswIndex::read(
      arena, [&]() -> Result<std::string_view> { return next < chunks.size() ? std::string_view(chunks[next++]) : ""; },
      [](std::uint64_t row) { return row < 16 ? Slot{static_cast<std::uint32_t>(row)} : kNoSlot; });
  if (!index.ok()) {
    return index.error().code == ErrorCode::kCorruption ? 0 : (std::abort(), 0);
  }
  index.value()->verify();
  const std::vector<float> query{1, 2, 3, 4};
  if (index.value()->search({.query = query, .k = 3}).value().nearest.size() > 3) {
    std::abort();
  }
  return 0;
}
