// A bump arena: memory for many small objects that die together, such as the AST of one statement.
//
// Blocks double from kFirstBlock to kLargestBlock; a request larger than that gets a block of its own. Nothing is destroyed, only
// freed: what lives here is trivially destructible. reset() keeps the largest block, so a reused arena stops allocating.
// Thread safety: none, one statement owns it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace trefoil::parser {

class Arena {
 public:
  static constexpr std::size_t kFirstBlock = std::size_t{2} << 10;
  static constexpr std::size_t kLargestBlock = std::size_t{256} << 10;

  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // `size` uninitialised bytes; `alignment` is a power of two up to that of max_align_t.
  void* allocate(std::size_t size, std::size_t alignment) {
    const std::uintptr_t from = (reinterpret_cast<std::uintptr_t>(cursor_) + alignment - 1) & ~(alignment - 1);
    const std::uintptr_t limit = reinterpret_cast<std::uintptr_t>(limit_);
    if (from > limit || size > limit - from) {
      return allocateSlow(size, alignment);
    }
    cursor_ = reinterpret_cast<char*>(from + size);
    return reinterpret_cast<void*>(from);
  }

  template <typename T, typename... Arguments>
  T* make(Arguments&&... arguments) {
    static_assert(std::is_trivially_destructible_v<T>, "an arena destroys nothing");
    return new (allocate(sizeof(T), alignof(T))) T{std::forward<Arguments>(arguments)...};
  }

  template <typename T>
  T* makeArray(std::size_t count) {
    static_assert(std::is_trivially_copyable_v<T>, "an arena destroys nothing");
    return static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
  }

  // A copy of `bytes` that lives as long as the arena.
  std::string_view copy(std::string_view bytes) {
    if (bytes.empty()) {
      return {};
    }
    char* to = makeArray<char>(bytes.size());
    std::memcpy(to, bytes.data(), bytes.size());
    return {to, bytes.size()};
  }

  // Forgets everything handed out so far and keeps one block for reuse.
  void reset();

  // Bytes held from the heap.
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };
  void* allocateSlow(std::size_t size, std::size_t alignment);

  char* cursor_ = nullptr;
  char* limit_ = nullptr;
  std::size_t next_block_ = kFirstBlock;
  std::size_t capacity_ = 0;
  std::vector<Block> blocks_;
};

}  // namespace trefoil::parser
