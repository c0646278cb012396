// Hashes: fields with values, in order of first insertion while packed, by the hash of the field when large.
#include "kv/large.hpp"
#include "kv/types/collection_type.hpp"

namespace trefoil::kv {

namespace {

constexpr EffectFormat kEffects[] = {{EffectKind::kHashSet, "nss"}, {EffectKind::kHashRemove, "ns"}};

void hashPut(Entry*& entry, std::string_view field, std::string_view value, const ChangeContext& context) {
  if (!entry->isLarge()) {
    const auto place = packed::find(*entry, field);
    if (place && value.size() <= context.limits.element_bytes) {
      packed::splice(entry, place.offset, place.size, encoded(ObjectType::kHash, {field, value}), 0);
      return;
    }
    prepareForElement(entry, std::max(field.size(), value.size()), context);
  }
  if (entry->isLarge()) {
    entry->large()->put(field, value, context.write);
  } else {
    packed::splice(entry, entry->valueSize(), 0, encoded(ObjectType::kHash, {field, value}), 1);
  }
}

Status changeHash(EffectKind kind, EffectReader& reader, std::string_view key, Entry*& entry, const ChangeContext& context) {
  if (kind == EffectKind::kHashRemove) {
    return removeMembers(ObjectType::kHash, reader, entry, context);
  }
  return putElements(ObjectType::kHash, reader, key, entry, context, [&] {
    const std::string_view field = reader.getString();
    const std::string_view value = reader.getString();
    if (reader.ok()) {
      hashPut(entry, field, value, context);
    }
    return reader.ok();
  });
}

auto fieldWriter(EffectBuffer& effects) {
  return [&effects](const Element& element) {
    effects.putString(element.member);
    effects.putString(element.value);
  };
}

std::uint64_t captureHash(const Entry& entry, std::uint64_t from, EffectBuffer& effects) {
  return captureElements(entry, from, effects, fieldWriter(effects));
}

void captureTouchedFields(EffectKind kind, EffectReader arguments, const Entry& entry, EffectBuffer& effects) {
  const auto find = [&](EffectReader& reader) -> std::optional<Element> {
    const std::string_view field = reader.getString();
    if (kind == EffectKind::kHashSet) {
      reader.getString();
    }
    const std::optional<std::string_view> value = HashHandle(&entry).get(field);
    return value ? std::optional(Element{field, *value}) : std::nullopt;
  };
  captureNamed(arguments, effects, find, fieldWriter(effects));
}

void visitFields(const Entry& entry, const std::function<void(std::string_view)>& visit) {
  visitElements(entry, visit, [](EffectBuffer& part, const Element& element, std::int64_t) {
    part.putString(element.member);
    part.putString(element.value);
  });
}

}  // namespace

constinit const ValueType kHashType = {
    .name = "hash",
    .effects = kEffects,
    .change = changeHash,
    .encoding = [](const Entry& entry) { return collectionEncoding(entry, "hashtable"); },
    .steps = sizeOf,
    .elements = sizeOf,
    .building_kind = [](const Entry&) { return EffectKind::kHashSet; },
    .capture = captureHash,
    .capture_touched = captureTouchedFields,
    .visit_parts = visitFields,
    .outside_bytes = outsideBytesOfCollection,
    .share = shareCollection,
    .free_roots = freeRootsOfCollection,
    .free_parts = freePartsOfCollection,
    .verify = verifyCollection,
};

}  // namespace trefoil::kv
