// What an effect does to one key's entry: the one code for the live store, for recovery and for a view's private copies.
//
// The caller has found the entry (or none) and made sure that it may be changed in place: no snapshot sees the entry itself. What
// lies in its trees is told apart by the birth stamps.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/effect_buffer.hpp"
#include "base/status.hpp"
#include "base/versions.hpp"
#include "kv/effects.hpp"
#include "kv/entry.hpp"
#include "kv/prepared_strings.hpp"
#include "kv/store.hpp"

namespace trefoil::kv {

// Takes entries that a change has replaced or removed as a whole.
class Discarder {
 public:
  virtual ~Discarder() = default;
  virtual void discard(Entry* entry) = 0;
};

struct ChangeContext {
  const WriteContext& write;
  const PackedLimits& limits;
  std::uint64_t hash_seed;
  Discarder& discarder;
  PreparedStrings* prepared = nullptr;
};

// kCorruption: an effect is not of the format, or does not fit its key's entry.
Error damagedEffect(const char* what);

// An effect's head, behind its kind byte.
struct EffectHead {
  EffectKind kind;
  int db = 0;
  std::string_view key;  // empty for kFlush
};
// Reads it; kCorruption if it is none, or names a database that is not below `databases`.
inline Status readHead(std::uint8_t kind, EffectReader& reader, int databases, EffectHead& head) {
  head.kind = static_cast<EffectKind>(kind);
  const std::uint64_t db = reader.getVarint();
  if (db >= static_cast<std::uint64_t>(databases)) [[unlikely]] {
    return damagedEffect("a database of that number");
  }
  head.db = static_cast<int>(db);
  if (head.kind != EffectKind::kFlush) {
    head.key = reader.getString();
  }
  if (!reader.ok()) [[unlikely]] {
    return reader.error();
  }
  return {};
}

// Whether the effect replaces or removes whatever is there, so that nobody needs to copy it first.
constexpr bool replacesWhole(EffectKind kind) {
  return kind == EffectKind::kSet || kind == EffectKind::kSetWithDeadline || kind == EffectKind::kRemove;
}

// What a string of `size` bytes that was appended to is given beyond them, as that will probably happen again: as much as it has,
// but from a megabyte on less. An eighth still bounds how often a long one is copied.
constexpr std::size_t roomToGrow(std::size_t size) {
  return std::max(std::min(size, std::size_t{1} << 20), size / 8);
}

// Applies an effect, whose head has been read, to the entry of `key`; nullptr stands for absence, before and after. kCorruption
// if the arguments are not of the format or do not fit the entry: what was done by then is well-formed, but incomplete.
Status changeEntry(EffectKind kind, EffectReader& reader, std::string_view key, Entry*& entry, const ChangeContext& context);

}  // namespace trefoil::kv
