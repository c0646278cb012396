// What a key was before an effect, as far as the effect changes it: as what would build that again.
//
//   old := { kv effect kind u8, its arguments } *       (kv/effects.hpp)
//
//   of an effect on                                old is
//   the whole key (kSet, kRemove)                  the value that there was, of any type, with its deadline
//   a part of a string                             the string
//   the deadline                                   the deadline
//   elements                                       those of them that there were: fields with values, members with scores, a
//   list's
//                                                  items in their order
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/effect_buffer.hpp"
#include "kv/effects.hpp"
#include "kv/entry.hpp"

namespace trefoil::kv {

// Appends it. `arguments` stands behind the effect's key; `entry` is the key before it, null if there was none. kNothing and
// kTooLarge (it takes more than `most` bytes): nothing is appended.
enum class OldValue : std::uint8_t { kNothing, kCaptured, kTooLarge };
OldValue captureOld(EffectKind kind, const EffectReader& arguments, const Entry* entry, std::size_t most, EffectBuffer& old);

}  // namespace trefoil::kv
