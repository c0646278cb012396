// The one place where a change's effects are told apart by the floor that they belong to.
#pragma once

#include <cstdint>
#include <string>

#include "base/effect_buffer.hpp"
#include "base/status.hpp"
#include "kv/effects.hpp"
#include "sql/effects.hpp"

namespace trefoil::txn {

// Hands each effect to `on_key` or `on_row`: a kind that has been read, and the reader behind it (with the effect's cause), which
// they leave at the effect's end. Ends with their first error; kCorruption for a kind that nobody knows.
template <typename OnKey, typename OnRow>
Status forEachEffect(EffectReader reader, OnKey&& on_key, OnRow&& on_row) {
  while (!reader.done()) {
    const std::uint8_t kind = reader.getKind();
    if (kv::isKvEffect(kind)) {
      TREFOIL_TRY(on_key(kind, reader));
    } else if (sql::isSqlEffect(kind)) {
      TREFOIL_TRY(on_row(kind, reader));
    } else {
      return Error(ErrorCode::kCorruption, "unknown effect kind " + std::to_string(kind));
    }
  }
  if (!reader.ok()) {
    return reader.error();
  }
  return {};
}

}  // namespace trefoil::txn
