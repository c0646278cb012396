#include "kv/change.hpp"

#include <string>
#include <utility>

#include "kv/types/string_type.hpp"
#include "kv/value_type.hpp"

namespace trefoil::kv {

namespace {

Status changeDeadline(Deadline deadline, Entry*& entry) {
  if (entry == nullptr) {
    return damagedEffect("a deadline without a key");
  }
  entry = Entry::withDeadline(entry, deadline);
  return {};
}

// What any key has; the rest is its type's.
Status dispatch(EffectKind kind, EffectReader& reader, std::string_view key, Entry*& entry, const ChangeContext& context) {
  switch (kind) {
    case EffectKind::kSet:
    case EffectKind::kSetWithDeadline:
      return changeString(kind, reader, key, entry, context);
    case EffectKind::kRemove:
      if (entry != nullptr) {
        context.discarder.discard(std::exchange(entry, nullptr));
      }
      return {};
    case EffectKind::kSetDeadline: {
      const Deadline deadline{reader.getInt()};
      return reader.ok() ? changeDeadline(deadline, entry) : Status();
    }
    case EffectKind::kClearDeadline:
      return changeDeadline(kNever, entry);
    default:
      break;
  }
  const ValueType* const type = typeOfEffect(kind);
  return type == nullptr ? damagedEffect("its kind") : type->change(kind, reader, key, entry, context);
}

}  // namespace

Error damagedEffect(const char* what) {
  return {ErrorCode::kCorruption, std::string("a kv effect does not fit its key: ") + what};
}

Status changeEntry(EffectKind kind, EffectReader& reader, std::string_view key, Entry*& entry, const ChangeContext& context) {
  TREFOIL_TRY(dispatch(kind, reader, key, entry, context));
  if (!reader.ok()) {
    return reader.error();
  }
  return {};
}

}  // namespace trefoil::kv
