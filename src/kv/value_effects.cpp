#include "kv/value_effects.hpp"

#include <algorithm>
#include <utility>

namespace trefoil::kv {

namespace {
EffectKind buildingKind(ObjectType type) {
  switch (type) {
    case ObjectType::kList:
      return EffectKind::kListPush;
    case ObjectType::kHash:
      return EffectKind::kHashSet;
    case ObjectType::kSet:
      return EffectKind::kSetAdd;
    case ObjectType::kSortedSet:
      return EffectKind::kSortedSetPut;
    case ObjectType::kString:
      break;
  }
  return EffectKind::kSet;
}
}  // namespace

ValueEffects::ValueEffects(const Entry& entry, int db, std::string_view key, Cause cause)
    : entry_(entry), db_(db), key_(key), cause_(cause) {
  if (entry.type() != ObjectType::kString) {
    const CollectionHandle handle(&entry);
    left_ = handle.size();
    cursor_ = handle.first();
  }
}

bool ValueEffects::writeNext(EffectBuffer& effects) {
  switch (stage_) {
    case Stage::kElements:
      if (entry_.type() == ObjectType::kString) {
        writeString(effects);
        stage_ = Stage::kDone;
        return true;
      }
      writeElements(effects);
      if (left_ == 0) {
        stage_ = entry_.hasDeadline() ? Stage::kDeadline : Stage::kDone;
      }
      return true;
    case Stage::kDeadline:
      putHead(effects, EffectKind::kSetDeadline);
      effects.putInt(entry_.deadline().unix_ms);
      stage_ = Stage::kDone;
      return true;
    case Stage::kDone:
      break;
  }
  return false;
}

void ValueEffects::putHead(EffectBuffer& effects, EffectKind kind) {
  putEffectHead(effects, kind, std::exchange(cause_, Cause::kNone), db_, key_);
}

void ValueEffects::writeString(EffectBuffer& effects) {
  putHead(effects, entry_.hasDeadline() ? EffectKind::kSetWithDeadline : EffectKind::kSet);
  if (entry_.hasDeadline()) {
    effects.putInt(entry_.deadline().unix_ms);
  }
  IntegerText room;
  effects.putString(StringHandle(&entry_).text(room));
}

void ValueEffects::writeElements(EffectBuffer& effects) {
  const std::size_t count = std::min(left_, kElements);
  putHead(effects, buildingKind(entry_.type()));
  if (entry_.type() == ObjectType::kList) {
    effects.putByte(static_cast<std::uint8_t>(ListSide::kRight));
  }
  effects.putVarint(count);
  for (std::size_t i = 0; i < count; ++i, cursor_.next()) {
    if (entry_.type() == ObjectType::kSortedSet) {
      effects.putDouble(cursor_.score());
    }
    effects.putString(cursor_.member());
    if (entry_.type() == ObjectType::kHash) {
      effects.putString(cursor_.value());
    }
  }
  left_ -= count;
}

}  // namespace trefoil::kv
