#include "base/node_pool.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <mutex>
#include <new>

#include "base/assert.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TREFOIL_POOL_OFF 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define TREFOIL_POOL_OFF 1
#endif
#endif

namespace trefoil::node_pool {

#ifdef TREFOIL_POOL_OFF

void* allocate() {
  return ::operator new (kBlockBytes, std::align_val_t{64});
}
void release(void* block) {
  ::operator delete (block, std::align_val_t{64});
}

#else

namespace {

constexpr std::size_t kSlabBytes = std::size_t{2} << 20;
constexpr std::size_t kBatch = 32;  // blocks that move between a thread and the common list at once

struct FreeBlock {
  FreeBlock* next;
};

// The blocks that no thread holds.
struct Common {
  std::mutex mutex;
  FreeBlock* free = nullptr;
  char* slab = nullptr;  // the newest slab: what is not yet cut
  char* slab_end = nullptr;

  FreeBlock* take() {
    if (free != nullptr) {
      FreeBlock* block = free;
      free = block->next;
      return block;
    }
    if (slab == slab_end) {
      slab = static_cast<char*>(std::aligned_alloc(kSlabBytes, kSlabBytes));
      if (slab == nullptr) {
        throw std::bad_alloc();
      }
      (void)madvise(slab, kSlabBytes, MADV_HUGEPAGE);  // advice: refused, it only costs speed
      slab_end = slab + kSlabBytes;
    }
    auto* block = reinterpret_cast<FreeBlock*>(slab);
    slab += kBlockBytes;
    return block;
  }
};

// Never destroyed: threads and static objects may free blocks while the process ends.
Common& common() {
  static Common& instance = *new Common;
  return instance;
}

struct Magazine {
  FreeBlock* free = nullptr;
  std::size_t count = 0;

  ~Magazine() { giveBack(count); }

  void giveBack(std::size_t blocks) {
    if (blocks == 0) {
      return;
    }
    Common& all = common();
    const std::lock_guard lock(all.mutex);
    for (; blocks > 0; --blocks, --count) {
      FreeBlock* block = free;
      free = block->next;
      block->next = all.free;
      all.free = block;
    }
  }
  void fill() {
    Common& all = common();
    const std::lock_guard lock(all.mutex);
    // The last one taken is handed out first: take them all, then link in order of address for a fresh slab.
    FreeBlock* batch[kBatch];
    for (FreeBlock*& block : batch) {
      block = all.take();
    }
    for (std::size_t i = kBatch; i-- > 0;) {
      batch[i]->next = free;
      free = batch[i];
    }
    count += kBatch;
  }
};

Magazine& magazine() {
  thread_local Magazine instance;
  return instance;
}

}  // namespace

void* allocate() {
  Magazine& mine = magazine();
  if (mine.free == nullptr) {
    mine.fill();
  }
  FreeBlock* block = mine.free;
  mine.free = block->next;
  --mine.count;
  return block;
}

void release(void* block) {
  TREFOIL_DEBUG_ASSERT(block != nullptr);
  Magazine& mine = magazine();
  auto* freed = static_cast<FreeBlock*>(block);
  freed->next = mine.free;
  mine.free = freed;
  if (++mine.count >= 2 * kBatch) {
    mine.giveBack(kBatch);
  }
}

#endif

}  // namespace trefoil::node_pool
