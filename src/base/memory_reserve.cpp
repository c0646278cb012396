#include "base/memory_reserve.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <new>

#include <malloc.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

namespace trefoil::memory_reserve {

namespace {

// Of address space: nobody writes there. It is the system's own, since an allocator may keep what one thread has freed from
// others.
constexpr std::size_t kBytes = std::size_t{32} << 20;

std::atomic<void*> reserve{nullptr};
std::atomic<bool> installed{false};
std::atomic<void (*)()> purge{[] { ::malloc_trim(0); }};
std::atomic<std::int64_t> purged_ms{0};

// Whether memory was returned, and it is worth to try again: some times a second at most, as it takes milliseconds.
bool returnUnused() {
  constexpr std::int64_t kIntervalMs = 100;
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  const std::int64_t now = std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
  std::int64_t last = purged_ms.load();
  if (now - last < kIntervalMs || !purged_ms.compare_exchange_strong(last, now)) {
    return false;
  }
  purge.load()();
  return true;
}

// Whether it is worth to try again.
bool release() {
  void* const block = reserve.exchange(nullptr);
  return block != nullptr && ::munmap(block, kBytes) == 0;
}

void onNewFailed() {
  if (returnUnused()) {
    return;
  }
  if (!MustNotFail::holds()) {
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

thread_local constinit bool MustNotFail::holds_ = false;

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

void setPurge(void (*how)()) {
  purge.store(how);
}

void refill() {
  if (reserve.load(std::memory_order_relaxed) == nullptr) {
    void* const block = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void* nothing = nullptr;
    if (block != MAP_FAILED && !reserve.compare_exchange_strong(nothing, block)) {
      ::munmap(block, kBytes);
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

}  // namespace trefoil::memory_reserve
