// The memory reserve: what lets a change that is in the log already be applied when the system refuses memory.
//
// A statement may run out of memory at any time before its change is appended to the log, and is an error then
// (query_memory.hpp). From the append on nothing may fail: memory has to agree with the log. Applying is small next to what came
// before, and mostly rewrites what is there; what it does allocate comes from a reserve when there is nothing else: address
// space that is given back to the system the moment that it refuses more. Until the reserve is whole again, writes are refused.
// Should even that not do, the process stops with a message: the log has the change, and the next start applies it.
//
//   MustNotFail scope ──▶ allocation fails ──▶ reserve is released ──▶ tried again ──▶ memory_reserve::isWhole() is false
//
// Thread safety: all functions.
#pragma once

#include <cstddef>
#include <utility>

namespace trefoil::memory_reserve {

// Makes the reserve, and the process's new-handler know it, unless the program has one of its own.
void install();
// Whether nothing of it was used. While it is not, writes are refused.
bool isWhole();
// Tries to make it whole again. Called now and then.
void refill();

// What is asked to return memory that the allocator keeps, before a refusal is believed. malloc_trim() unless the program has
// another allocator and says so here, before there are threads.
void setPurge(void (*purge)());

// malloc() that throws std::bad_alloc, or takes the reserve where that must not happen.
void* allocate(std::size_t bytes);
void* reallocate(void* memory, std::size_t bytes);
void* allocateAligned(std::size_t alignment, std::size_t bytes);

// What this thread does meanwhile must not fail, and belongs to no statement's account. An exception that would leave the scope
// stops the process.
class MustNotFail {
 public:
  MustNotFail() : before_(std::exchange(holds_, true)) {}
  MustNotFail(const MustNotFail&) = delete;
  MustNotFail& operator=(const MustNotFail&) = delete;
  ~MustNotFail() { holds_ = before_; }
  // Whether one lives on this thread.
  [[nodiscard]] static bool holds() { return holds_; }

 private:
  static thread_local constinit bool holds_;

  bool before_;
};

// Runs `function`, of which an exception stops the process.
template <typename Function>
decltype(auto) mustNotFail(Function&& function) noexcept {
  const MustNotFail scope;
  return function();
}

}  // namespace trefoil::memory_reserve
