// What lists, hashes, sets and sorted sets have in common: elements, packed within the entry or in the trees of a Large.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/effect_buffer.hpp"
#include "base/status.hpp"
#include "kv/change.hpp"
#include "kv/collection.hpp"
#include "kv/packed.hpp"
#include "kv/value_type.hpp"

namespace trefoil::kv {

// --- Changes

// Makes a collection without elements where there is no entry; kCorruption if there is one of another type.
Status requireCollection(ObjectType type, std::string_view key, Entry*& entry);
// kCorruption unless there is one of this type: a removal from a key that is not there cannot have been staged.
Status requireExisting(ObjectType type, const Entry* entry);
// A collection without elements takes its key with it.
void dropIfEmpty(Entry*& entry, const ChangeContext& context);
void makeLarge(Entry*& entry, const ChangeContext& context);
// Makes room for one more element, the longest text of which is so long, in a packed collection, or makes the collection large.
void prepareForElement(Entry*& entry, std::size_t longest, const ChangeContext& context);
// As it is written into a packed collection; valid until the next call.
std::string_view encoded(ObjectType type, const Element& element);
Status removeMembers(ObjectType type, EffectReader& reader, Entry*& entry, const ChangeContext& context);

// The effect that puts elements: `put` reads one from the reader and puts it, or answers false.
template <typename Put>
Status putElements(ObjectType type, EffectReader& reader, std::string_view key, Entry*& entry, const ChangeContext& context,
                   Put&& put) {
  TREFOIL_TRY(requireCollection(type, key, entry));
  for (std::uint64_t count = reader.getVarint(); count > 0 && reader.ok(); --count) {
    if (!put()) {
      dropIfEmpty(entry, context);
      return damagedEffect("an element");
    }
  }
  dropIfEmpty(entry, context);
  return {};
}

// --- Operations of their tables

std::size_t sizeOf(const Entry& entry);
std::string_view collectionEncoding(const Entry& entry, std::string_view large_name);

// An effect has up to kCapturedElements of them, counted; `write` appends one.
inline constexpr std::uint64_t kCapturedElements = 256;
template <typename Write>
std::uint64_t captureElements(const Entry& entry, std::uint64_t from, EffectBuffer& effects, Write&& write) {
  const std::uint64_t left = sizeOf(entry) - from;
  const std::uint64_t count = std::min(left, kCapturedElements);
  effects.putVarint(count);
  ElementCursor cursor = CollectionHandle(&entry).at(from);
  for (std::uint64_t i = 0; i < count; ++i, cursor.next()) {
    write(cursor.element());
  }
  return count == left ? ValueType::kWhole : from + count;
}

// Of the elements that an effect names, counted, those that there are: `find` reads one from the arguments and looks for it.
template <typename Find, typename Write>
void captureNamed(EffectReader& arguments, EffectBuffer& effects, Find&& find, Write&& write) {
  std::vector<Element> found;
  for (std::uint64_t count = arguments.getVarint(); count > 0 && arguments.ok(); --count) {
    if (const std::optional<Element> element = find(arguments)) {
      found.push_back(*element);
    }
  }
  if (found.empty()) {
    return;
  }
  effects.putVarint(found.size());
  for (const Element& element : found) {
    write(element);
  }
}

// Each element as the bytes that `write` makes of it and its position.
template <typename Write>
void visitElements(const Entry& entry, const std::function<void(std::string_view)>& visit, Write&& write) {
  EffectBuffer part;
  std::int64_t position = 0;
  for (ElementCursor cursor = CollectionHandle(&entry).first(); cursor.valid(); cursor.next()) {
    part.truncate(0);
    write(part, cursor.element(), position++);
    visit(part.bytes());
  }
}

std::size_t outsideBytesOfCollection(const Entry& entry);
void shareCollection(Entry& copy);
void freeRootsOfCollection(Entry& entry);
void freePartsOfCollection(Entry& entry);
void verifyCollection(const Entry& entry);

}  // namespace trefoil::kv
