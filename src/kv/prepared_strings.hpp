// Large strings of effects that are about to be applied, made into entries beforehand: nobody waits under locks for their bytes
// to be copied. Store::apply puts such an entry in place instead of writing one.
//
// A string in the block of its request (base/request_block.hpp) is not copied: the block becomes the entry. It is the request's
// until take(), and nothing in it but what lies before the string has changed by then; so a commit that does not come off leaves
// the string for the next.
//
// Thread safety: a commit owns it; take() of different places from any threads.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/effect_buffer.hpp"
#include "base/request_block.hpp"
#include "base/status.hpp"

namespace trefoil::kv {

class Entry;

class PreparedStrings {
 public:
  // Shorter ones are copied faster than looked up.
  static constexpr std::size_t kMinBytes = std::size_t{64} << 10;

  // `block` outlives it; null: there is none.
  explicit PreparedStrings(RequestBlock* block) : block_(block) {}
  PreparedStrings(const PreparedStrings&) = delete;
  PreparedStrings& operator=(const PreparedStrings&) = delete;
  ~PreparedStrings();

  // Reads one kv effect, whose kind byte has been read, and makes an entry if it sets a large string.
  Status add(std::uint8_t kind, EffectReader& reader, int databases);
  // All were added.
  void sort();
  // The key's entry for a string at this place (in the effects, or where they say), now the caller's; nullptr if there is none.
  Entry* take(std::string_view key, std::string_view value);

 private:
  RequestBlock* const block_;
  Entry* in_block_ = nullptr;
  std::vector<std::pair<const char*, Entry*>> entries_;  // by place; null once it is taken
};

}  // namespace trefoil::kv
