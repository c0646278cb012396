#include "kv/old_value.hpp"

#include "kv/value_type.hpp"

namespace trefoil::kv {

namespace {

void captureDeadline(const Entry& entry, EffectBuffer& old) {
  if (entry.hasDeadline()) {
    old.putByte(static_cast<std::uint8_t>(EffectKind::kSetDeadline));
    old.putInt(entry.deadline().unix_ms);
  }
}

void captureWhole(const Entry& entry, std::size_t most, EffectBuffer& old) {
  const std::size_t begin = old.size();
  const ValueType& type = typeOf(entry);
  const EffectKind building = type.building_kind(entry);
  for (std::uint64_t place = 0; place != ValueType::kWhole && old.size() - begin <= most;) {
    old.putByte(static_cast<std::uint8_t>(building));
    place = type.capture(entry, place, old);
  }
  if (building != EffectKind::kSetWithDeadline) {
    captureDeadline(entry, old);
  }
}

}  // namespace

OldValue captureOld(EffectKind kind, const EffectReader& arguments, const Entry* entry, std::size_t most, EffectBuffer& old) {
  if (entry == nullptr) {
    return OldValue::kNothing;
  }
  const bool is_deadline = kind == EffectKind::kSetDeadline || kind == EffectKind::kClearDeadline;
  if (!entry->isLarge() && entry->valueSize() > most && !is_deadline) {
    return OldValue::kTooLarge;
  }
  const std::size_t begin = old.size();
  switch (kind) {
    case EffectKind::kSet:
    case EffectKind::kSetWithDeadline:
    case EffectKind::kRemove:
      captureWhole(*entry, most, old);
      break;
    case EffectKind::kSetDeadline:
    case EffectKind::kClearDeadline:
      captureDeadline(*entry, old);
      break;
    default:
      if (const ValueType& type = typeOf(*entry); typeOfEffect(kind) == &type) {
        old.putByte(static_cast<std::uint8_t>(type.building_kind(*entry)));
        const std::size_t arguments_at = old.size();
        type.capture_touched(kind, arguments, *entry, old);
        if (old.size() == arguments_at) {
          old.truncate(begin);
        }
      }
  }
  if (old.size() - begin > most) {
    old.truncate(begin);
    return OldValue::kTooLarge;
  }
  return old.size() == begin ? OldValue::kNothing : OldValue::kCaptured;
}

}  // namespace trefoil::kv
