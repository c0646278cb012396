// Sets: members, in order of first insertion while packed, by their hash when large.
#include "kv/large.hpp"
#include "kv/types/collection_type.hpp"

namespace trefoil::kv {

namespace {

constexpr EffectFormat kEffects[] = {{EffectKind::kSetAdd, "ns"}, {EffectKind::kSetRemove, "ns"}};

void setPut(Entry*& entry, std::string_view member, const ChangeContext& context) {
  if (!entry->isLarge()) {
    if (packed::find(*entry, member)) {
      return;
    }
    prepareForElement(entry, member.size(), context);
  }
  if (entry->isLarge()) {
    entry->large()->put(member, {}, context.write);
  } else {
    packed::splice(entry, entry->valueSize(), 0, encoded(ObjectType::kSet, {member, {}}), 1);
  }
}

Status changeSet(EffectKind kind, EffectReader& reader, std::string_view key, Entry*& entry, const ChangeContext& context) {
  if (kind == EffectKind::kSetRemove) {
    return removeMembers(ObjectType::kSet, reader, entry, context);
  }
  return putElements(ObjectType::kSet, reader, key, entry, context, [&] {
    const std::string_view member = reader.getString();
    if (reader.ok()) {
      setPut(entry, member, context);
    }
    return reader.ok();
  });
}

auto memberWriter(EffectBuffer& effects) {
  return [&effects](const Element& element) { effects.putString(element.member); };
}

std::uint64_t captureSet(const Entry& entry, std::uint64_t from, EffectBuffer& effects) {
  return captureElements(entry, from, effects, memberWriter(effects));
}

void captureTouchedMembers(EffectKind, EffectReader arguments, const Entry& entry, EffectBuffer& effects) {
  const auto find = [&](EffectReader& reader) -> std::optional<Element> {
    const std::string_view member = reader.getString();
    return SetHandle(&entry).contains(member) ? std::optional(Element{member, {}}) : std::nullopt;
  };
  captureNamed(arguments, effects, find, memberWriter(effects));
}

void visitMembers(const Entry& entry, const std::function<void(std::string_view)>& visit) {
  visitElements(entry, visit, [](EffectBuffer& part, const Element& element, std::int64_t) { part.putString(element.member); });
}

}  // namespace

constinit const ValueType kSetType = {
    .name = "set",
    .effects = kEffects,
    .change = changeSet,
    .encoding = [](const Entry& entry) { return collectionEncoding(entry, "hashtable"); },
    .steps = sizeOf,
    .elements = sizeOf,
    .building_kind = [](const Entry&) { return EffectKind::kSetAdd; },
    .capture = captureSet,
    .capture_touched = captureTouchedMembers,
    .visit_parts = visitMembers,
    .outside_bytes = outsideBytesOfCollection,
    .share = shareCollection,
    .free_roots = freeRootsOfCollection,
    .free_parts = freePartsOfCollection,
    .verify = verifyCollection,
};

}  // namespace trefoil::kv
