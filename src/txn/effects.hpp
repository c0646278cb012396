// The one place where a change's effects are told apart by the floor that they belong to.
#pragma once

#include <cstdint>
#include <string>

#include "base/effect_buffer.hpp"
#include "base/status.hpp"
#include "kv/effects.hpp"
#include "sql/effects.hpp"

namespace trefoil::txn {

// What belongs to no floor: 128 and above. Persisted: append only, never renumber.
inline constexpr std::uint8_t kOldValuesKind = 128;  // old_values.hpp

[[gnu::noinline]] inline Error unknownEffect(std::uint8_t kind) {
  return {ErrorCode::kCorruption, "unknown effect kind " + std::to_string(kind)};
}

// Hands each effect to `on_key` or `on_row`: a kind that has been read, and the reader behind it (with the effect's cause), which
// they leave at the effect's end; and to `on_old` the payload of kOldValues. Ends with their first error; kCorruption for a kind
// that nobody knows.
template <typename OnKey, typename OnRow, typename OnOld>
Status forEachEffect(EffectReader reader, OnKey&& on_key, OnRow&& on_row, OnOld&& on_old) {
  while (!reader.done()) {
    const std::uint8_t kind = reader.getKind();
    if (kv::isKvEffect(kind)) {
      TREFOIL_TRY(on_key(kind, reader));
    } else if (sql::isSqlEffect(kind)) {
      TREFOIL_TRY(on_row(kind, reader));
    } else if (kind == kOldValuesKind) {
      on_old(reader.getString());
    } else {
      return unknownEffect(kind);
    }
  }
  if (!reader.ok()) {
    return reader.error();
  }
  return {};
}

// The same for those whom old values do not concern.
template <typename OnKey, typename OnRow>
Status forEachEffect(EffectReader reader, OnKey&& on_key, OnRow&& on_row) {
  return forEachEffect(reader, on_key, on_row, [](std::string_view) {});
}

}  // namespace trefoil::txn
