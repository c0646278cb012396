#include "kv/value_effects.hpp"

#include <utility>

namespace trefoil::kv {

ValueEffects::ValueEffects(const Entry& entry, int db, std::string_view key, Cause cause)
    : entry_(entry), type_(typeOf(entry)), building_(type_.building_kind(entry)), db_(db), key_(key), cause_(cause) {}

bool ValueEffects::writeNext(EffectBuffer& effects) {
  if (place_ != ValueType::kWhole) {
    putHead(effects, building_);
    place_ = type_.capture(entry_, place_, effects);
    return true;
  }
  if (owes_deadline_ && entry_.hasDeadline() && building_ != EffectKind::kSetWithDeadline) {
    putHead(effects, EffectKind::kSetDeadline);
    effects.putInt(entry_.deadline().unix_ms);
    owes_deadline_ = false;
    return true;
  }
  return false;
}

void ValueEffects::putHead(EffectBuffer& effects, EffectKind kind) {
  putEffectHead(effects, kind, std::exchange(cause_, Cause::kNone), db_, key_);
}

}  // namespace trefoil::kv
