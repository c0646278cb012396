#include "base/slab_list.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

#include "base/assert.hpp"
#include "base/memory_reserve.hpp"

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

SlabList::SlabList(std::size_t block_bytes) : block_bytes_(block_bytes), blocks_((kSlabBytes - sizeof(Slab)) / block_bytes) {
  TREFOIL_ASSERT(block_bytes % 64 == 0 && block_bytes > 0 && blocks_ > 0);
}

SlabList::~SlabList() {
  TREFOIL_ASSERT(open_ == nullptr || (open_->out == 0 && open_->next == nullptr));
  std::free(open_);
}

void SlabList::link(Slab* slab) {
  slab->previous = nullptr;
  slab->next = open_;
  if (open_ != nullptr) {
    open_->previous = slab;
  }
  open_ = slab;
}

void SlabList::unlink(Slab* slab) {
  (slab->previous == nullptr ? open_ : slab->previous->next) = slab->next;
  if (slab->next != nullptr) {
    slab->next->previous = slab->previous;
  }
}

SlabList::Slab* SlabList::newSlab() {
  void* const memory = memory_reserve::allocateAligned(kSlabBytes, kSlabBytes);
  (void)madvise(memory, kSlabBytes, MADV_HUGEPAGE);  // advice: refused, it only costs speed
  return new (memory) Slab{};
}

void* SlabList::take() {
  if (open_ == nullptr) {
    link(newSlab());
  }
  Slab* const slab = open_;
  void* block = slab->free;
  if (block != nullptr) {
    slab->free = slab->free->next;
  } else {
    block = reinterpret_cast<char*>(slab + 1) + slab->cut++ * block_bytes_;
  }
  ++slab->out;
  if (isFull(*slab)) {
    unlink(slab);
  }
  return block;
}

void SlabList::give(void* block) {
  auto* const slab = reinterpret_cast<Slab*>(reinterpret_cast<std::uintptr_t>(block) & ~(kSlabBytes - 1));
  if (isFull(*slab)) {
    link(slab);
  }
  auto* const freed = static_cast<FreeBlock*>(block);
  freed->next = slab->free;
  slab->free = freed;
  if (--slab->out == 0 && (slab->next != nullptr || slab->previous != nullptr)) {
    unlink(slab);
    std::free(slab);
  }
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
