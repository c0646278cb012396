// The effects of the kv floor: what a ChangeSet says about keys, byte for byte as it stands in the log and in checkpoints.
//
//   effect := kind u8, cause u8, database varint, key String item, arguments          (items as in base/effect_buffer.hpp)
//
//   kSet              value String                                 any type before, a string without a deadline after
//   kSetWithDeadline  deadline Int64, value String
//   kRemove                                                        the key is gone; no matter if it was there
//   kSetDeadline      deadline Int64
//   kClearDeadline
//   kAppend           bytes String                                 strings; creates the key
//   kSetRange         offset varint, bytes String                  strings; zero bytes fill a gap; creates the key
//   kFlush            (no key)                                     the whole database
//   kListPush         side u8 (0 left, 1 right), count varint, value String * count      pushed one by one; creates the key
//   kListPop          side u8, count varint
//   kListSet          index varint, value String
//   kListInsert       index varint, value String                   the value stands at `index` afterwards
//   kListErase        index varint, count varint
//   kListTrim         start varint, count varint                   what is kept
//   kHashSet          count varint, (field String, value String) * count                 creates the key
//   kHashRemove       count varint, field String * count
//   kSetAdd           count varint, member String * count          creates the key
//   kSetRemove        count varint, member String * count
//   kSortedSetPut     count varint, (score Double, member String) * count                creates the key
//   kSortedSetRemove  count varint, member String * count
//
// Effects are outcomes, never requests: deadlines are absolute milliseconds, popped and random members are named, a copied value
// is written out as the effects that build it. A collection that loses its last member takes its key with it, by every kind; the
// kRemove that follows says so (cause "del") to those who only read. A
// whole value (COPY, RENAME, a checkpoint) is kRemove or nothing, then the type's building effects in portions, then
// kSetDeadline.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/effect_buffer.hpp"
#include "base/status.hpp"
#include "base/types.hpp"

namespace trefoil::kv {

// Persisted: append only, never renumber. 1..63 belong to kv, 64..127 to sql. Behind what any key and strings have, each type has
// ten (value_type.hpp).
enum class EffectKind : std::uint8_t {
  kSet = 1,
  kSetWithDeadline = 2,
  kRemove = 3,
  kSetDeadline = 4,
  kClearDeadline = 5,
  kAppend = 6,
  kSetRange = 7,
  kFlush = 8,
  kListPush = 10,
  kListPop = 11,
  kListSet = 12,
  kListInsert = 13,
  kListErase = 14,
  kListTrim = 15,
  kHashSet = 20,
  kHashRemove = 21,
  kSetAdd = 30,
  kSetRemove = 31,
  kSortedSetPut = 40,
  kSortedSetRemove = 41,
};

inline constexpr std::uint8_t kFirstEffectKind = 1;
inline constexpr std::uint8_t kLastEffectKind = 63;
constexpr bool isKvEffect(std::uint8_t kind) {
  return kind >= kFirstEffectKind && kind <= kLastEffectKind;
}

// No value may be longer (Redis: proto-max-bulk-len). Checked by handlers before staging and by apply as damage.
inline constexpr std::size_t kMaxStringBytes = std::size_t{512} << 20;

enum class ListSide : std::uint8_t { kLeft = 0, kRight = 1 };

// Reads over the arguments of one kv effect whose kind has been read. kCorruption if the bytes are not of the format.
Status skipEffect(std::uint8_t kind, EffectReader& reader);

// Writes an effect's head: kind, cause, database, key. The arguments follow.
inline void putEffectHead(EffectBuffer& effects, EffectKind kind, Cause cause, int db, std::string_view key) {
  effects.putHead(static_cast<std::uint8_t>(kind), cause, static_cast<std::uint64_t>(db), key);
}

}  // namespace trefoil::kv
