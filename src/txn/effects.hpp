// The one place where a change's effects are told apart by the floor that they belong to.
#pragma once

#include <cstdint>
#include <string>

#include "base/effect_buffer.hpp"
#include "base/status.hpp"
#include "kv/effects.hpp"
#include "sql/storage/effects.hpp"

namespace trefoil::txn {

// What belongs to no floor: 128 and above. Persisted: append only, never renumber.
inline constexpr std::uint8_t kOldValuesKind = 128;  // old_values.hpp

[[gnu::noinline]] inline Error unknownEffect(std::uint8_t kind) {
  return {ErrorCode::kCorruption, "unknown effect kind " + std::to_string(kind)};
}

// Hands the next effect to `on_key` or `on_row`: a kind that has been read, and the reader behind it (with the effect's cause),
// which they leave at the effect's end; or to `on_old` the payload of kOldValues. Their error, or kCorruption for a kind that
// nobody knows.
template <typename OnKey, typename OnRow, typename OnOld>
Status readEffect(EffectReader& reader, OnKey&& on_key, OnRow&& on_row, OnOld&& on_old) {
  const std::uint8_t kind = reader.getKind();
  if (kv::isKvEffect(kind)) {
    return on_key(kind, reader);
  }
  if (sql::isSqlEffect(kind)) {
    return on_row(kind, reader);
  }
  if (kind != kOldValuesKind) {
    return unknownEffect(kind);
  }
  on_old(reader.getString());
  return {};
}

// The same for all effects; ends with the first error.
template <typename OnKey, typename OnRow, typename OnOld>
Status forEachEffect(EffectReader reader, OnKey&& on_key, OnRow&& on_row, OnOld&& on_old) {
  while (!reader.done()) {
    TREFOIL_TRY(readEffect(reader, on_key, on_row, on_old));
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
