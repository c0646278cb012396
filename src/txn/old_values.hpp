// Old values: what keys were before a change, logged behind the change itself for those who are told of it (FEED … VALUES).
// Effects on rows say it themselves (sql/storage/effects.hpp).
//
// Only where it is wanted (Committer::setLogsOldValues): the effects of a record are then followed by
//
//   kOldValues := kind u8 = 128, cause u8 = 0, payload String
//   payload    := { effect varint, old String } *       of effects on keys, each by its number in the record, the first is 0
//   old        as kv/old_value.hpp says; empty if it is too large. An effect that is left out has changed nothing that there was
//
// Applying the record passes over it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/effect_buffer.hpp"
#include "base/status.hpp"
#include "kv/view.hpp"

namespace trefoil::txn {

// Larger ones are not logged.
inline constexpr std::size_t kMostOldBytes = std::size_t{1} << 20;

// Appends kOldValues to staged effects, if any of them are on keys. `before` sees the keys as they are before the first of them,
// and stages into `scratch`, which is empty; what it reads decides about what is logged, so a snapshot's view is to be validated.
void appendOldValues(EffectBuffer& effects, kv::View& before, EffectBuffer& scratch);

// The payload of a record's effects; nothing if they say nothing of what was before. kCorruption as txn::forEachEffect().
Result<std::optional<std::string_view>> findOldValues(EffectReader effects);
// Reads a payload beside the effects that it is about.
class OldValues {
 public:
  explicit OldValues(std::string_view payload) : reader_(payload) {}
  // Of an effect, by its number; none below the one that was asked for last. Nothing: it has changed nothing that there was.
  // kCorruption if the payload is none.
  Result<std::optional<std::string_view>> of(std::uint64_t effect);

 private:
  EffectReader reader_;
  bool has_next_ = false;
  std::uint64_t next_effect_ = 0;
  std::string_view next_old_;
};

}  // namespace trefoil::txn
