// Sorted sets: members with scores, in order of score and then member.
#include <cmath>

#include "kv/large.hpp"
#include "kv/types/collection_type.hpp"

namespace trefoil::kv {

namespace {

constexpr EffectFormat kEffects[] = {{EffectKind::kSortedSetPut, "nds"}, {EffectKind::kSortedSetRemove, "ns"}};

void sortedSetPut(Entry*& entry, double score, std::string_view member, const ChangeContext& context) {
  if (!entry->isLarge()) {
    if (const auto place = packed::find(*entry, member); place) {
      packed::splice(entry, place.offset, place.size, {}, -1);
    }
    prepareForElement(entry, member.size(), context);
  }
  if (entry->isLarge()) {
    entry->large()->putScore(member, score, context.write);
    return;
  }
  const std::string_view value = entry->value();
  const char* at = value.data() + packed::kHeaderBytes;
  std::size_t offset = packed::kHeaderBytes;
  for (std::size_t i = packed::count(value); i > 0; --i) {
    const Element element = packed::read(ObjectType::kSortedSet, at);
    if (element.score > score || (element.score == score && element.member > member)) {
      break;
    }
    offset = static_cast<std::size_t>(at - value.data());
  }
  packed::splice(entry, offset, 0, encoded(ObjectType::kSortedSet, {member, {}, score}), 1);
}

Status changeSortedSet(EffectKind kind, EffectReader& reader, std::string_view key, Entry*& entry, const ChangeContext& context) {
  if (kind == EffectKind::kSortedSetRemove) {
    return removeMembers(ObjectType::kSortedSet, reader, entry, context);
  }
  return putElements(ObjectType::kSortedSet, reader, key, entry, context, [&] {
    const double score = reader.getDouble();
    const std::string_view member = reader.getString();
    const bool is_one = reader.ok() && !std::isnan(score);
    if (is_one) {
      sortedSetPut(entry, score, member, context);
    }
    return is_one;
  });
}

auto scoreWriter(EffectBuffer& effects) {
  return [&effects](const Element& element) {
    effects.putDouble(element.score);
    effects.putString(element.member);
  };
}

std::uint64_t captureSortedSet(const Entry& entry, std::uint64_t from, EffectBuffer& effects) {
  return captureElements(entry, from, effects, scoreWriter(effects));
}

void captureTouchedScores(EffectKind kind, EffectReader arguments, const Entry& entry, EffectBuffer& effects) {
  const auto find = [&](EffectReader& reader) -> std::optional<Element> {
    if (kind == EffectKind::kSortedSetPut) {
      reader.getDouble();
    }
    const std::string_view member = reader.getString();
    const std::optional<double> score = SortedSetHandle(&entry).score(member);
    return score ? std::optional(Element{member, {}, *score}) : std::nullopt;
  };
  captureNamed(arguments, effects, find, scoreWriter(effects));
}

void visitScored(const Entry& entry, const std::function<void(std::string_view)>& visit) {
  visitElements(entry, visit, [](EffectBuffer& part, const Element& element, std::int64_t) {
    part.putString(element.member);
    part.putDouble(element.score == 0 ? 0.0 : element.score);
  });
}

}  // namespace

constinit const ValueType kSortedSetType = {
    .name = "zset",
    .effects = kEffects,
    .change = changeSortedSet,
    .encoding = [](const Entry& entry) { return collectionEncoding(entry, "skiplist"); },
    .steps = sizeOf,
    .elements = sizeOf,
    .building_kind = [](const Entry&) { return EffectKind::kSortedSetPut; },
    .capture = captureSortedSet,
    .capture_touched = captureTouchedScores,
    .visit_parts = visitScored,
    .outside_bytes = outsideBytesOfCollection,
    .share = shareCollection,
    .free_roots = freeRootsOfCollection,
    .free_parts = freePartsOfCollection,
    .verify = verifyCollection,
};

}  // namespace trefoil::kv
