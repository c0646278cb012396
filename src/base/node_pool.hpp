// NodePool: fixed blocks of 1 KB, 64-byte aligned, for tree nodes.
//
// Blocks are cut from 2 MB slabs that ask for a huge page: a random descent through a large tree otherwise pays a TLB miss on top
// of every cache miss. A thread keeps a few free blocks of its own and exchanges them with the common list in batches, so the
// common lock is taken once in kBatch calls. Slabs are not given back to the system; their blocks are used again. Under a
// sanitizer every block is an allocation of its own, so that a use after free is seen. Thread safety: all functions; a block may
// be freed by another thread than the one that allocated it.
#pragma once

#include <cstddef>

namespace trefoil::node_pool {

inline constexpr std::size_t kBlockBytes = 1024;

void* allocate();
void release(void* block);

}  // namespace trefoil::node_pool
