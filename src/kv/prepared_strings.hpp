// Large strings of effects that are about to be applied, made into entries beforehand: nobody waits under locks for their bytes
// to be copied. Store::apply puts such an entry in place instead of writing one.
//
// Thread safety: a commit owns it; take() of different places from any threads.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/effect_buffer.hpp"
#include "base/status.hpp"

namespace trefoil::kv {

class Entry;

class PreparedStrings {
 public:
  // Shorter ones are copied faster than looked up.
  static constexpr std::size_t kMinBytes = std::size_t{64} << 10;

  PreparedStrings() = default;
  PreparedStrings(const PreparedStrings&) = delete;
  PreparedStrings& operator=(const PreparedStrings&) = delete;
  ~PreparedStrings();

  // Reads one kv effect, whose kind byte has been read and which lies behind those before, and makes an entry if it sets a large
  // string.
  Status add(std::uint8_t kind, EffectReader& reader, int databases);
  // The entry for a string at this place in the effects, now the caller's; nullptr if there is none.
  Entry* take(std::string_view value);

 private:
  std::vector<std::pair<const char*, Entry*>> entries_;  // by place; null once it is taken
};

}  // namespace trefoil::kv
