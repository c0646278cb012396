// ValueEffects: writes a whole value as the effects that build it: for COPY and RENAME, and for checkpoints.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/effect_buffer.hpp"
#include "kv/effects.hpp"
#include "kv/entry.hpp"
#include "kv/value_type.hpp"

namespace trefoil::kv {

// The value of `entry`, to be built under `key` of database `db`, where nothing is yet. Portion by portion, so that a value of
// any size passes through a small buffer. The entry and the key must stay unchanged meanwhile.
class ValueEffects {
 public:
  // The first of the effects has this cause; the others go on with it and have none.
  ValueEffects(const Entry& entry, int db, std::string_view key, Cause cause = Cause::kNone);
  // Appends the next effect; false if there was none left.
  bool writeNext(EffectBuffer& effects);

 private:
  void putHead(EffectBuffer& effects, EffectKind kind);

  const Entry& entry_;
  const ValueType& type_;
  EffectKind building_;
  int db_;
  std::string_view key_;
  Cause cause_;
  std::uint64_t place_ = 0;
  bool owes_deadline_ = true;
};

}  // namespace trefoil::kv
