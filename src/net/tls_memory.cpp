#include "net/tls_memory.hpp"

#include <malloc.h>
#include <openssl/crypto.h>

#include <cstdlib>

#include "base/memory_account.hpp"

namespace trefoil::net {
namespace {

// As large as the allocator has made them: OpenSSL does not say how much it gives back.
void add(void* block) {
  MemoryAccount::add(MemoryLeaf::kTls, static_cast<std::int64_t>(::malloc_usable_size(block)));
}
void subtract(void* block) {
  MemoryAccount::add(MemoryLeaf::kTls, -static_cast<std::int64_t>(::malloc_usable_size(block)));
}

void* allocate(std::size_t size, const char*, int) {
  void* const block = std::malloc(size);
  add(block);
  return block;
}

void release(void* block, const char*, int) {
  subtract(block);
  std::free(block);
}

void* reallocate(void* block, std::size_t size, const char* file, int line) {
  if (size == 0) {
    release(block, file, line);
    return nullptr;
  }
  const auto before = static_cast<std::int64_t>(::malloc_usable_size(block));
  void* const moved = std::realloc(block, size);
  if (moved != nullptr) {
    MemoryAccount::add(MemoryLeaf::kTls, static_cast<std::int64_t>(::malloc_usable_size(moved)) - before);
  }
  return moved;
}

}  // namespace

void countTlsMemory() {
  static const int counted = CRYPTO_set_mem_functions(allocate, reallocate, release);
  static_cast<void>(counted);
}

}  // namespace trefoil::net
