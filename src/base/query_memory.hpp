// QueryMemory: what one running statement holds, and may hold.
//
// Everything that grows with the rows a statement looks at (buffers of sorts and joins, groups, sets, arenas of texts) is
// allocated through CountedAllocator or CountedBytes. They add to the statement that runs on this thread: QueryMemory::Scope says
// which, and parallelFor hands it to the threads that help. A thread adds pages, not single allocations, to the statement's
// number, and with it to the account of memory (leaf kQueries).
//
// A statement that is over its limit ends: the allocation throws QueryOutOfMemory, which unwinds to where the statement was begun
// (guardMemory) and becomes an Error there, as any std::bad_alloc does. Errors are values everywhere else; here a value would
// have to pass through every container.
//
// Memory that outlives its statement (a plan keeps its buffers for the next run) is no longer counted; what is freed on behalf of
// another statement makes that one's number a little too small. Both are bounded by what plans keep.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/memory_account.hpp"
#include "base/status.hpp"

namespace trefoil {

// A statement wanted more than it may have.
class QueryOutOfMemory : public std::bad_alloc {
 public:
  enum class Limit : std::uint8_t { kStatement, kStaged, kDatabase };
  QueryOutOfMemory(Limit limit, std::int64_t limit_bytes, std::int64_t held, std::int64_t wanted)
      : limit_(limit), limit_bytes_(limit_bytes), held_(held), wanted_(wanted) {}
  [[nodiscard]] const char* what() const noexcept override { return "a statement is over its limit of memory"; }
  [[nodiscard]] Error error() const;

 private:
  Limit limit_;
  std::int64_t limit_bytes_;
  std::int64_t held_;
  std::int64_t wanted_;
};

class QueryMemory {
 public:
  // A statement may always have so much, whatever others have taken: at maxmemory people still want to look, and to delete.
  static constexpr std::int64_t kSmall = 1 << 20;
  // `limit` bounds what the statement holds, and what its transaction stages (query-memory); `total` what all the account knows
  // (maxmemory); 0: no bound. `grows`: what it writes makes the database larger, and is held against `total` while it runs.
  QueryMemory(std::int64_t limit, std::int64_t total, bool grows) : limit_(limit), total_(total), grows_(grows) {}
  QueryMemory(const QueryMemory&) = delete;
  QueryMemory& operator=(const QueryMemory&) = delete;
  ~QueryMemory() { MemoryAccount::add(MemoryLeaf::kQueries, -used_.load(std::memory_order_relaxed)); }

  [[nodiscard]] std::int64_t used() const { return used_.load(std::memory_order_relaxed); }

  // For the statement that runs on this thread, if there is one. add() comes before the allocation, and throws QueryOutOfMemory
  // if it is not to be made.
  static void add(std::size_t bytes) {
    if (mine_.statement != nullptr) {
      mine_.delta += static_cast<std::int64_t>(bytes);
      if (mine_.delta >= MemoryAccount::kPage) {
        mine_.statement->carryOver(static_cast<std::int64_t>(bytes));
      }
    }
  }
  static void subtract(std::size_t bytes) noexcept {
    if (mine_.statement != nullptr) {
      mine_.delta -= static_cast<std::int64_t>(bytes);
      if (mine_.delta <= -MemoryAccount::kPage) {
        mine_.statement->giveBack();
      }
    }
  }
  // For what it stages and writes, which has leaves of its own: before a buffer is made `bytes` large, and before a piece of a
  // table or an index is made. Throw QueryOutOfMemory.
  static void admitStaged(std::size_t bytes) {
    if (mine_.statement != nullptr) [[unlikely]] {
      mine_.statement->checkStaged(static_cast<std::int64_t>(bytes));
    }
  }
  static void admitGrowth() {
    if (mine_.statement != nullptr) {
      mine_.statement->checkGrowth();
    }
  }
  // Bytes of its answer that wait in a buffer of somebody else's: kOutOfMemory if they and what it holds are over the limit.
  static Status checkHeld(std::size_t bytes);
  [[nodiscard]] static QueryMemory* current() { return mine_.statement; }

  // What this thread allocates meanwhile belongs to `statement` (null: to none).
  class Scope {
   public:
    explicit Scope(QueryMemory* statement) : before_(std::exchange(mine_, {statement, 0})) {}
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() {
      if (mine_.statement != nullptr) {
        mine_.statement->giveBack();
      }
      mine_ = before_;
    }

   private:
    struct Mine {
      QueryMemory* statement = nullptr;
      std::int64_t delta = 0;  // not yet in used_
    };
    friend class QueryMemory;
    Mine before_;
  };

 private:
  void carryOver(std::int64_t wanted);
  void checkStaged(std::int64_t bytes) const;
  void checkGrowth() const;
  void giveBack() noexcept;

  static thread_local constinit Scope::Mine mine_;

  const std::int64_t limit_;
  const std::int64_t total_;
  const bool grows_;
  std::atomic<std::int64_t> used_{0};
};

// For containers whose size follows the data.
template <typename T>
struct CountedAllocator {
  using value_type = T;  // NOLINT(readability-identifier-naming): the standard's name
  CountedAllocator() = default;
  template <typename Other>
  CountedAllocator(const CountedAllocator<Other>&) {}  // NOLINT: implicit, as allocators convert
  T* allocate(std::size_t count) {
    QueryMemory::add(count * sizeof(T));
    return std::allocator<T>().allocate(count);
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    std::allocator<T>().deallocate(memory, count);
    QueryMemory::subtract(count * sizeof(T));
  }
  bool operator==(const CountedAllocator&) const { return true; }
};
template <typename T>
using CountedVector = std::vector<T, CountedAllocator<T>>;
using CountedString = std::basic_string<char, std::char_traits<char>, CountedAllocator<char>>;

// Bytes, not initialised.
class CountedBytes {
 public:
  CountedBytes() = default;
  explicit CountedBytes(std::size_t size) : bytes_(CountedAllocator<char>().allocate(size)), size_(size) {}
  CountedBytes(CountedBytes&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  CountedBytes& operator=(CountedBytes&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~CountedBytes() {
    if (bytes_ != nullptr) {
      CountedAllocator<char>().deallocate(bytes_, size_);
    }
  }
  [[nodiscard]] char* get() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  char* bytes_ = nullptr;
  std::size_t size_ = 0;
};

// The Error for an allocation that failed: a statement's limit, or the system had no more.
Error outOfMemoryError(const std::exception& failure);

// Runs what may run out of memory, and makes an error of it. For where a failure leaves nothing half done: parse, bind, execute,
// a handler.
template <typename Function>
auto guardMemory(Function&& function) -> decltype(function()) {
  try {
    return function();
  } catch (const std::bad_alloc& failure) {
    return outOfMemoryError(failure);
  } catch (const std::length_error& failure) {
    return outOfMemoryError(failure);
  }
}

// Bytes that this process may use at most: the machine's memory, or what the container or a limit of the address space leaves.
std::int64_t machineMemory();

}  // namespace trefoil
