// StablePool: memory for directories and buckets that stays readable for ever.
//
// Prefetching looks into a partition without its lock (Store::prefetch), so it may follow a pointer to a directory or a segment
// that was just replaced. It only ever hints, so outdated content does no harm; but the memory must still be there and still be
// of the same kind: a directory's words are then references to segments of some kind, and a segment has the size its reference
// says. Therefore addresses are never returned before the pool ends, and a block is used again only for its kind and size. The
// memory behind a chunk whose blocks have all come back is returned: who still looks there reads zeros.
//
// Thread safety: all functions. They are called when a segment is born, grows or splits: rarely.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

namespace trefoil::kv {

class StablePool {
 public:
  enum class Kind : std::uint8_t { kDirectory, kSegment, kAccess };

  StablePool() = default;
  StablePool(const StablePool&) = delete;
  StablePool& operator=(const StablePool&) = delete;
  ~StablePool();

  // Zeroed, aligned to 64 bytes; `bytes` is a multiple of 64.
  std::uint64_t* allocate(Kind kind, std::size_t bytes);
  void release(Kind kind, std::size_t bytes, std::uint64_t* block);
  // Bytes of all blocks in use.
  [[nodiscard]] std::size_t bytesInUse() const { return in_use_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kFirstChunkBytes = std::size_t{4} << 10;
  static constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
  static constexpr std::uintptr_t kPage = 4096;
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  static constexpr std::size_t kHugeFrom = kHugePage / 4;  // bytes of a class from which on its chunks are huge pages

  struct Class {
    std::vector<std::uint64_t*> free;
    char* bump = nullptr;
    std::size_t bump_left = 0;
    std::size_t bytes = 0;  // of all its chunks
  };

  struct Chunk {
    std::size_t bytes;
    std::size_t in_use;  // bytes of blocks that are out
  };

  void addChunk(Class& size_class, std::size_t bytes);
  std::map<char*, Chunk>::value_type& chunkOf(void* block);

  std::mutex mutex_;
  std::map<std::pair<Kind, std::size_t>, Class> classes_;
  std::map<char*, Chunk> chunks_;  // by address
  std::atomic<std::size_t> in_use_{0};
};

}  // namespace trefoil::kv
