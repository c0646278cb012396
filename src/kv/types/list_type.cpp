// Lists: elements by position.
#include <array>

#include "kv/large.hpp"
#include "kv/types/collection_type.hpp"

namespace trefoil::kv {

namespace {

constexpr EffectFormat kEffects[] = {{EffectKind::kListPush, "bns"}, {EffectKind::kListPop, "bv"},
                                     {EffectKind::kListSet, "vs"},   {EffectKind::kListInsert, "vs"},
                                     {EffectKind::kListErase, "vv"}, {EffectKind::kListTrim, "vv"}};

void listInsertOne(Entry*& entry, std::size_t index, std::string_view value, const ChangeContext& context) {
  prepareForElement(entry, value.size(), context);
  if (entry->isLarge()) {
    entry->large()->insertAt(index, value, context.write);
  } else {
    packed::splice(entry, packed::offsetOf(*entry, index), 0, encoded(ObjectType::kList, {value, {}}), 1);
  }
}

void listReplace(Entry*& entry, std::size_t index, std::string_view value, const ChangeContext& context) {
  if (!entry->isLarge() && entry->valueSize() + value.size() + 8 > context.limits.list_bytes) {
    makeLarge(entry, context);
  }
  if (entry->isLarge()) {
    entry->large()->replaceAt(index, value, context.write);
    return;
  }
  const std::size_t offset = packed::offsetOf(*entry, index);
  const std::size_t end = packed::offsetOf(*entry, index + 1);
  packed::splice(entry, offset, end - offset, encoded(ObjectType::kList, {value, {}}), 0);
}

void listEraseRange(Entry*& entry, std::size_t index, std::size_t count, const ChangeContext& context) {
  if (count == 0) {
    return;
  }
  if (entry->isLarge()) {
    for (std::size_t i = count; i > 0; --i) {
      entry->large()->eraseAt(index + i - 1, context.write);
    }
  } else {
    const std::size_t offset = packed::offsetOf(*entry, index);
    const std::size_t end = packed::offsetOf(*entry, index + count);
    packed::splice(entry, offset, end - offset, {}, -static_cast<std::ptrdiff_t>(count));
  }
}

Status listPush(EffectReader& reader, std::string_view key, Entry*& entry, const ChangeContext& context) {
  const std::uint8_t side = reader.getByte();
  if (side > static_cast<std::uint8_t>(ListSide::kRight)) {
    return damagedEffect("a list's side");
  }
  TREFOIL_TRY(requireCollection(ObjectType::kList, key, entry));
  for (std::uint64_t count = reader.getVarint(); count > 0 && reader.ok(); --count) {
    const std::string_view value = reader.getString();
    if (!reader.ok()) {
      break;
    }
    const std::size_t index = side == static_cast<std::uint8_t>(ListSide::kLeft) ? 0 : sizeOf(*entry);
    prepareForElement(entry, value.size(), context);
    if (entry->isLarge()) {
      entry->large()->push(index != 0 || sizeOf(*entry) == 0, value, context.write);
    } else {
      const std::size_t offset = index == 0 ? packed::kHeaderBytes : entry->valueSize();
      packed::splice(entry, offset, 0, encoded(ObjectType::kList, {value, {}}), 1);
    }
  }
  dropIfEmpty(entry, context);
  return {};
}

Status listPop(EffectReader& reader, Entry*& entry, const ChangeContext& context) {
  const std::uint8_t side = reader.getByte();
  const std::uint64_t count = reader.getVarint();
  TREFOIL_TRY(requireExisting(ObjectType::kList, entry));
  const std::size_t size = sizeOf(*entry);
  if (!reader.ok() || side > static_cast<std::uint8_t>(ListSide::kRight) || count > size) {
    return damagedEffect("a list's end");
  }
  listEraseRange(entry, side == static_cast<std::uint8_t>(ListSide::kLeft) ? 0 : size - count, count, context);
  dropIfEmpty(entry, context);
  return {};
}

// kListSet, kListInsert: a position and a value.
Status listPut(EffectKind kind, EffectReader& reader, Entry*& entry, const ChangeContext& context) {
  const std::uint64_t index = reader.getVarint();
  const std::string_view value = reader.getString();
  TREFOIL_TRY(requireExisting(ObjectType::kList, entry));
  const bool inserting = kind == EffectKind::kListInsert;
  if (!reader.ok() || index >= sizeOf(*entry) + (inserting ? 1 : 0)) {
    return damagedEffect("a list's position");
  }
  if (inserting) {
    listInsertOne(entry, index, value, context);
  } else {
    listReplace(entry, index, value, context);
  }
  return {};
}

// kListErase, kListTrim: a range.
Status listCut(EffectKind kind, EffectReader& reader, Entry*& entry, const ChangeContext& context) {
  const std::uint64_t index = reader.getVarint();
  const std::uint64_t count = reader.getVarint();
  TREFOIL_TRY(requireExisting(ObjectType::kList, entry));
  const std::size_t size = sizeOf(*entry);
  if (!reader.ok() || index > size || count > size - index) {
    return damagedEffect("a list's range");
  }
  if (kind == EffectKind::kListErase) {
    listEraseRange(entry, index, count, context);
  } else {
    listEraseRange(entry, index + count, size - index - count, context);
    listEraseRange(entry, 0, index, context);
  }
  dropIfEmpty(entry, context);
  return {};
}

Status changeList(EffectKind kind, EffectReader& reader, std::string_view key, Entry*& entry, const ChangeContext& context) {
  switch (kind) {
    case EffectKind::kListPush:
      return listPush(reader, key, entry, context);
    case EffectKind::kListPop:
      return listPop(reader, entry, context);
    case EffectKind::kListSet:
    case EffectKind::kListInsert:
      return listPut(kind, reader, entry, context);
    default:
      return listCut(kind, reader, entry, context);
  }
}

std::uint64_t captureList(const Entry& entry, std::uint64_t from, EffectBuffer& effects) {
  effects.putByte(static_cast<std::uint8_t>(ListSide::kRight));
  return captureElements(entry, from, effects, [&](const Element& element) { effects.putString(element.member); });
}

// Items in their order; those that a trim leaves are not among them.
void captureTouchedItems(EffectKind kind, EffectReader arguments, const Entry& entry, EffectBuffer& effects) {
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  const std::uint64_t size = sizeOf(entry);
  std::array<Range, 2> ranges;
  switch (kind) {
    case EffectKind::kListPop: {
      const bool from_left = arguments.getByte() == static_cast<std::uint8_t>(ListSide::kLeft);
      const std::uint64_t count = arguments.getVarint();
      ranges[0] = from_left ? Range{0, count} : Range{size - count, size};
      break;
    }
    case EffectKind::kListSet:
      ranges[0].begin = arguments.getVarint();
      ranges[0].end = ranges[0].begin + 1;
      break;
    case EffectKind::kListErase:
      ranges[0].begin = arguments.getVarint();
      ranges[0].end = ranges[0].begin + arguments.getVarint();
      break;
    case EffectKind::kListTrim:
      ranges[0].end = arguments.getVarint();
      ranges[1] = {ranges[0].end + arguments.getVarint(), size};
      break;
    default:
      break;
  }
  const std::uint64_t count = ranges[0].end - ranges[0].begin + (ranges[1].end - ranges[1].begin);
  if (count == 0) {
    return;
  }
  effects.putByte(static_cast<std::uint8_t>(ListSide::kRight));
  effects.putVarint(count);
  for (const Range& range : ranges) {
    ElementCursor cursor = CollectionHandle(&entry).at(range.begin);
    for (std::uint64_t i = range.begin; i < range.end; ++i, cursor.next()) {
      effects.putString(cursor.member());
    }
  }
}

void visitPositions(const Entry& entry, const std::function<void(std::string_view)>& visit) {
  visitElements(entry, visit, [](EffectBuffer& part, const Element& element, std::int64_t position) {
    part.putString(element.member);
    part.putInt(position);
  });
}

}  // namespace

constinit const ValueType kListType = {
    .name = "list",
    .effects = kEffects,
    .change = changeList,
    .encoding = [](const Entry& entry) { return collectionEncoding(entry, "quicklist"); },
    .steps = sizeOf,
    .elements = sizeOf,
    .building_kind = [](const Entry&) { return EffectKind::kListPush; },
    .capture = captureList,
    .capture_touched = captureTouchedItems,
    .visit_parts = visitPositions,
    .outside_bytes = outsideBytesOfCollection,
    .share = shareCollection,
    .free_roots = freeRootsOfCollection,
    .free_parts = freePartsOfCollection,
    .verify = verifyCollection,
};

}  // namespace trefoil::kv
