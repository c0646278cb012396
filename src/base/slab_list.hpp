// SlabList: blocks of one size, 64-byte aligned, cut from 2 MB slabs that ask for a huge page. Random access to a large structure
// pays a TLB miss on top of every cache miss otherwise (measured: a third of a look-up in a tree of 160 MB).
//
// Slabs are not given back to the system; their blocks are used again, last freed first.
// Thread safety: none; SharedSlabList adds a lock, node_pool.hpp a lock and stocks of its own for each thread.
#pragma once

#include <cstddef>
#include <mutex>

namespace trefoil {

class SlabList {
 public:
  // `block_bytes` is a multiple of 64, at most 1 MB.
  explicit SlabList(std::size_t block_bytes);
  SlabList(const SlabList&) = delete;
  SlabList& operator=(const SlabList&) = delete;

  void* take();
  void give(void* block) {
    auto* freed = static_cast<FreeBlock*>(block);
    freed->next = free_;
    free_ = freed;
  }

 private:
  struct FreeBlock {
    FreeBlock* next;
  };
  const std::size_t block_bytes_;
  FreeBlock* free_ = nullptr;
  char* slab_ = nullptr;  // the newest slab: what is not yet cut
  std::size_t left_ = 0;  // blocks in it
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
