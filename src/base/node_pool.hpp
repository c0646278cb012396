// Node pool: blocks of 1 KB for tree nodes, from slabs (slab_list.hpp).
//
// A thread keeps a few free blocks of its own and exchanges them with the common list in batches, so the common lock is taken
// once in kBatch calls. Thread safety: all functions; a block may be freed by another thread than the one that allocated it.
#pragma once

#include <cstddef>

namespace trefoil::node_pool {

inline constexpr std::size_t kBlockBytes = 1024;

void* allocate();
void release(void* block);

}  // namespace trefoil::node_pool
