#include "base/memory_reserve.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>

#include <unistd.h>

namespace trefoil::memory_reserve {

namespace {

constexpr std::size_t kBytes = std::size_t{16} << 20;  // of address space: nobody writes there

std::atomic<void*> reserve{nullptr};
std::atomic<bool> installed{false};
thread_local constinit bool must_not_fail = false;

// Whether it is worth to try again.
bool release() {
  void* const block = reserve.exchange(nullptr);
  std::free(block);
  return block != nullptr;
}

void onNewFailed() {
  if (!must_not_fail) {
    throw std::bad_alloc();
  }
  if (!release()) {
    constexpr char kMessage[] =
        "trefoil: out of memory while a change that is in the log was applied. The process stops; the next start applies it.\n";
    static_cast<void>(::write(STDERR_FILENO, kMessage, sizeof kMessage - 1));
    std::abort();
  }
}

}  // namespace

void install() {
  if (!installed.exchange(true)) {
    refill();
    if (std::get_new_handler() == nullptr) {
      std::set_new_handler(&onNewFailed);
    }
  }
}

bool isWhole() {
  return reserve.load(std::memory_order_relaxed) != nullptr || !installed.load(std::memory_order_relaxed);
}

void refill() {
  if (reserve.load(std::memory_order_relaxed) == nullptr) {
    void* const block = std::malloc(kBytes);
    void* nothing = nullptr;
    if (!reserve.compare_exchange_strong(nothing, block)) {
      std::free(block);
    }
  }
}

void* allocate(std::size_t bytes) {
  void* memory = std::malloc(bytes);
  while (memory == nullptr) {
    onNewFailed();
    memory = std::malloc(bytes);
  }
  return memory;
}

void* reallocate(void* memory, std::size_t bytes) {
  void* moved = std::realloc(memory, bytes);
  while (moved == nullptr) {
    onNewFailed();
    moved = std::realloc(memory, bytes);
  }
  return moved;
}

void* allocateAligned(std::size_t alignment, std::size_t bytes) {
  void* memory = std::aligned_alloc(alignment, bytes);
  while (memory == nullptr) {
    onNewFailed();
    memory = std::aligned_alloc(alignment, bytes);
  }
  return memory;
}

MustNotFail::MustNotFail() : before_(must_not_fail) {
  must_not_fail = true;
}

MustNotFail::~MustNotFail() {
  must_not_fail = before_;
}

}  // namespace trefoil::memory_reserve
