// ValueType: what the floor asks of a type of value, as a table of operations. A type names itself in its file of kv/types/ and
// in value_type.cpp; whoever meets an entry asks the table of its type, and nobody else lists types.
//
// An ObjectType is the number of a type, never to be changed. A type's own effects have the ten numbers of EffectKind from
// ten times that number on (a string's share theirs with what any key has), so an effect leads to its type without a list.
//
// A value lies within its entry, or (Encoding::kLarge) outside, and the entry has a pointer to its roots. The parts of one that
// lies outside are shared between versions by their birth stamps (base/versions.hpp).
//
// Thread safety: none here; as the entry (entry.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "base/effect_buffer.hpp"
#include "base/status.hpp"
#include "kv/effects.hpp"
#include "kv/entry.hpp"

namespace trefoil::kv {

struct ChangeContext;

// How the arguments of an effect are written, behind its key: a letter for each part, as in effects.cpp.
struct EffectFormat {
  EffectKind kind;
  const char* arguments;
};

struct ValueType {
  std::string_view name;  // as TYPE answers it

  // Its own effects, and what one does to a key's entry: as changeEntry().
  std::span<const EffectFormat> effects;
  Status (*change)(EffectKind kind, EffectReader& reader, std::string_view key, Entry*& entry, const ChangeContext& context);

  // As OBJECT ENCODING answers it.
  std::string_view (*encoding)(const Entry& entry);
  // How long it takes to look at all of it: steps of View::spend.
  std::size_t (*steps)(const Entry& entry);
  // Of a collection, its elements; of others 1.
  std::size_t (*elements)(const Entry& entry);

  // Capture: the value as effects that build it where nothing is. Of which kind they are, and the arguments of the next one, from
  // the place `from` on (0 at first); returns the place of the one after it, or kWhole.
  static constexpr std::uint64_t kWhole = UINT64_MAX;
  EffectKind (*building_kind)(const Entry& entry);
  std::uint64_t (*capture)(const Entry& entry, std::uint64_t from, EffectBuffer& effects);
  // The same for what one of its own effects, whose arguments these are, replaces or removes of a value: the arguments of one
  // effect of the building kind, or nothing if that is nothing.
  void (*capture_touched)(EffectKind kind, EffectReader arguments, const Entry& entry, EffectBuffer& effects);
  // Visits the parts that make the value what it is, each as some bytes, in any order: for digests.
  void (*visit_parts)(const Entry& entry, const std::function<void(std::string_view part)>& visit);

  // Of a value outside of its entry; of a type that has none, null. The bytes of roots and parts, as the allocator has them.
  std::size_t (*outside_bytes)(const Entry& entry);
  // `copy` has the roots of another entry: gives it some of its own, for a version that shares all parts so far.
  void (*share)(Entry& copy);
  // Frees the roots; the parts are another version's.
  void (*free_roots)(Entry& entry);
  // Frees the parts, of which this is the last version; free_roots() follows. Long for a large value.
  void (*free_parts)(Entry& entry);
  // Checks its structures; asserts.
  void (*verify)(const Entry& entry);
};

// By ObjectType; a type's number is its place.
extern const ValueType kStringType;
extern const ValueType kListType;
extern const ValueType kHashType;
extern const ValueType kSetType;
extern const ValueType kSortedSetType;

const ValueType& typeOf(ObjectType type);
inline const ValueType& typeOf(const Entry& entry) {
  return typeOf(entry.type());
}
// The type that an effect of this kind makes a key be of; null if there is none, or any.
const ValueType* typeOfEffect(EffectKind kind);

inline std::string_view typeName(const Entry& entry) {
  return typeOf(entry).name;
}
// The bytes of an entry as the allocator rounds them, with all that it has outside.
inline std::size_t bytesOf(const Entry& entry) {
  return entry.allocatedBytes() + (entry.isLarge() ? typeOf(entry).outside_bytes(entry) : 0);
}
// A copy in a block with room for `slack` bytes more; what lies outside is shared.
Entry* copyOf(const Entry& entry, std::size_t slack = 0);

}  // namespace trefoil::kv
