// SlabList: blocks of one size, 64-byte aligned, cut from 2 MB slabs that ask for a huge page. Random access to a large structure
// pays a TLB miss on top of every cache miss otherwise (measured: a third of a look-up in a tree of 160 MB).
//
//
//   slab, on a 2 MB boundary:   [ Slab: its free blocks, how many are out ][ block ][ block ] …
//
// A slab all of whose blocks have come back is given back to the allocator, but for one. Blocks are used again last freed first.
// Thread safety: none; SharedSlabList adds a lock, node_pool.hpp a lock and stocks of its own for each thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

namespace trefoil {

class SlabList {
 public:
  // `block_bytes` is a multiple of 64, at most 1 MB.
  explicit SlabList(std::size_t block_bytes);
  SlabList(const SlabList&) = delete;
  SlabList& operator=(const SlabList&) = delete;
  // All blocks have come back.
  ~SlabList();

  void* take();
  void give(void* block);

 private:
  struct FreeBlock {
    FreeBlock* next;
  };
  // The head of a slab.
  struct alignas(64) Slab {
    Slab* next;       // in the list of those with a free block
    Slab* previous;   //
    FreeBlock* free;  // that have come back
    std::size_t cut;  // blocks that have ever been taken
    std::size_t out;  // blocks that are taken
  };
  void link(Slab* slab);
  void unlink(Slab* slab);
  Slab* newSlab();
  [[nodiscard]] bool isFull(const Slab& slab) const { return slab.free == nullptr && slab.cut == blocks_; }

  const std::size_t block_bytes_;
  const std::size_t blocks_;  // of a slab
  Slab* open_ = nullptr;      // the first slab with a free block
};

// The same for any thread. Under a sanitizer every block is an allocation of its own, so that a use after free is seen.
// An instance is never destroyed: what it cut may be freed while the process ends.
class SharedSlabList {
 public:
  explicit SharedSlabList(std::size_t block_bytes) : block_bytes_(block_bytes), list_(block_bytes) {}
  void* allocate();
  void release(void* block);

 private:
  const std::size_t block_bytes_;
  std::mutex mutex_;
  SlabList list_;
};

// Whether blocks are pooled at all (not under a sanitizer).
bool slabsArePooled();

}  // namespace trefoil
