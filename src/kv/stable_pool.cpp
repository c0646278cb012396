#include "kv/stable_pool.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/assert.hpp"
#include "base/memory_account.hpp"
#include "base/memory_reserve.hpp"

namespace trefoil::kv {

StablePool::~StablePool() {
  MemoryAccount::add(MemoryLeaf::kKeys, -static_cast<std::int64_t>(bytesInUse()));
  for (const auto& [address, chunk] : chunks_) {
    std::free(address);
  }
}

std::uint64_t* StablePool::allocate(Kind kind, std::size_t bytes) {
  TREFOIL_ASSERT(bytes > 0 && bytes % 64 == 0);
  const std::lock_guard lock(mutex_);
  in_use_.fetch_add(bytes, std::memory_order_relaxed);
  MemoryAccount::add(MemoryLeaf::kKeys, static_cast<std::int64_t>(bytes));
  Class& size_class = classes_[{kind, bytes}];
  if (!size_class.free.empty()) {
    std::uint64_t* block = size_class.free.back();
    size_class.free.pop_back();
    chunkOf(block).second.in_use += bytes;
    for (std::size_t i = 0; i < bytes / 8; ++i) {  // atomically, word by word: somebody may be looking
      std::atomic_ref<std::uint64_t>(block[i]).store(0, std::memory_order_relaxed);
    }
    return block;
  }
  if (size_class.bump_left < bytes) {
    addChunk(size_class, bytes);
  }
  auto* block = reinterpret_cast<std::uint64_t*>(size_class.bump);
  size_class.bump += bytes;
  size_class.bump_left -= bytes;
  chunkOf(block).second.in_use += bytes;
  return block;
}

// A class that has grown to half a megabyte goes on in huge pages: a look-up then spares a TLB miss on top of the cache miss.
void StablePool::addChunk(Class& size_class, std::size_t bytes) {
  const bool huge = size_class.bytes >= kHugeFrom;
  const std::size_t wanted = huge ? kHugePage : size_class.bytes == 0 ? kFirstChunkBytes : kChunkBytes;
  const std::size_t chunk_bytes = std::max(wanted, (bytes + wanted - 1) / wanted * wanted);
  void* chunk = memory_reserve::allocateAligned(huge ? kHugePage : 64, chunk_bytes);
  if (huge) {
    madvise(chunk, chunk_bytes, MADV_HUGEPAGE);  // a wish: what comes of it does not matter
  }
  std::memset(chunk, 0, chunk_bytes);
  chunks_.emplace(static_cast<char*>(chunk), Chunk{chunk_bytes, 0});
  size_class.bytes += chunk_bytes;
  size_class.bump = static_cast<char*>(chunk);
  size_class.bump_left = chunk_bytes;
}

void StablePool::release(Kind kind, std::size_t bytes, std::uint64_t* block) {
  const std::lock_guard lock(mutex_);
  in_use_.fetch_sub(bytes, std::memory_order_relaxed);
  MemoryAccount::add(MemoryLeaf::kKeys, -static_cast<std::int64_t>(bytes));
  classes_[{kind, bytes}].free.push_back(block);
  auto& [address, chunk] = chunkOf(block);
  chunk.in_use -= bytes;
  if (chunk.in_use == 0 && chunk.bytes >= kChunkBytes) {
    // What is not a whole page of the chunk may be a neighbour's.
    const auto begin = (reinterpret_cast<std::uintptr_t>(address) + kPage - 1) & ~(kPage - 1);
    const auto end = (reinterpret_cast<std::uintptr_t>(address) + chunk.bytes) & ~(kPage - 1);
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);  // the pages are zeros when they are touched again
  }
}

std::map<char*, StablePool::Chunk>::value_type& StablePool::chunkOf(void* block) {
  return *std::prev(chunks_.upper_bound(static_cast<char*>(block)));
}

}  // namespace trefoil::kv
