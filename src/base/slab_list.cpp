#include "base/slab_list.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

#include "base/assert.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TREFOIL_POOLED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define TREFOIL_POOLED 0
#endif
#endif
#ifndef TREFOIL_POOLED
#define TREFOIL_POOLED 1
#endif

namespace trefoil {

namespace {

constexpr std::size_t kSlabBytes = std::size_t{2} << 20;
constexpr std::align_val_t kAlignment{64};

}  // namespace

bool slabsArePooled() {
  return TREFOIL_POOLED != 0;
}

SlabList::SlabList(std::size_t block_bytes) : block_bytes_(block_bytes) {
  TREFOIL_ASSERT(block_bytes % 64 == 0 && block_bytes > 0 && block_bytes <= kSlabBytes / 2);
}

void* SlabList::take() {
  if (free_ != nullptr) {
    FreeBlock* block = free_;
    free_ = block->next;
    return block;
  }
  if (left_ == 0) {
    slab_ = static_cast<char*>(std::aligned_alloc(kSlabBytes, kSlabBytes));
    if (slab_ == nullptr) {
      throw std::bad_alloc();
    }
    (void)madvise(slab_, kSlabBytes, MADV_HUGEPAGE);  // advice: refused, it only costs speed
    left_ = kSlabBytes / block_bytes_;
  }
  char* block = slab_;
  slab_ += block_bytes_;
  --left_;
  return block;
}

void* SharedSlabList::allocate() {
  if (!slabsArePooled()) {
    return ::operator new(block_bytes_, kAlignment);
  }
  const std::lock_guard lock(mutex_);
  return list_.take();
}

void SharedSlabList::release(void* block) {
  if (!slabsArePooled()) {
    ::operator delete(block, kAlignment);
    return;
  }
  const std::lock_guard lock(mutex_);
  list_.give(block);
}

}  // namespace trefoil
