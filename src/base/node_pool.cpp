#include "base/node_pool.hpp"

#include <mutex>
#include <new>

#include "base/assert.hpp"
#include "base/slab_list.hpp"

namespace trefoil::node_pool {

namespace {

constexpr std::size_t kBatch = 32;  // blocks that move between a thread and the common list at once

struct FreeBlock {
  FreeBlock* next;
};

// The blocks that no thread holds. Never destroyed: threads and static objects may free blocks while the process ends.
struct Common {
  std::mutex mutex;
  SlabList blocks{kBlockBytes};
};
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
      all.blocks.give(block);
    }
  }
  void fill() {
    FreeBlock* batch[kBatch];
    {
      Common& all = common();
      const std::lock_guard lock(all.mutex);
      for (FreeBlock*& block : batch) {
        block = static_cast<FreeBlock*>(all.blocks.take());
      }
    }
    for (std::size_t i = kBatch; i-- > 0;) {  // the first one taken is used first: ascending addresses from a fresh slab
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
  if (!slabsArePooled()) {
    return ::operator new (kBlockBytes, std::align_val_t{64});
  }
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
  if (!slabsArePooled()) {
    ::operator delete (block, std::align_val_t{64});
    return;
  }
  Magazine& mine = magazine();
  auto* freed = static_cast<FreeBlock*>(block);
  freed->next = mine.free;
  mine.free = freed;
  if (++mine.count >= 2 * kBatch) {
    mine.giveBack(kBatch);
  }
}

}  // namespace trefoil::node_pool
