#include "kv/change.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "base/format_number.hpp"
#include "kv/integer_text.hpp"
#include "kv/large.hpp"
#include "kv/packed.hpp"

namespace trefoil::kv {

namespace {

Error damaged(const char* what) {
  return {ErrorCode::kCorruption, std::string("a kv effect does not fit its key: ") + what};
}

// --------------------------------------------------------------------------------------------------------------------- strings

// Makes `entry` the string `value`: in place if it fits without waste.
void assignString(std::string_view key, std::string_view value, Deadline deadline, Entry*& entry, const ChangeContext& context) {
  if (Entry* made = context.prepared == nullptr ? nullptr : context.prepared->take(value); made != nullptr) {
    if (entry != nullptr) {
      context.discarder.discard(entry);
    }
    entry = made;
    return;
  }
  const auto number = parseInteger(value);
  const std::size_t size = number ? sizeof(*number) : value.size();
  const Encoding encoding = number ? Encoding::kInteger : Encoding::kRaw;
  if (entry != nullptr) {
    const bool fits =
        !entry->isLarge() && entry->hasDeadline() == !deadline.never() &&
        (size == entry->valueSize() || (size <= entry->valueCapacity() && !Entry::isWasteful(entry->valueCapacity(), size)));
    if (fits) {
      entry = Entry::withDeadline(entry, deadline);
    } else {
      context.discarder.discard(std::exchange(entry, nullptr));
    }
  }
  if (entry == nullptr) {
    entry = Entry::allocate(ObjectType::kString, encoding, key, deadline, size);
  }
  entry->setTypeAndEncoding(ObjectType::kString, encoding);
  entry->setValueSize(size);
  if (number) {
    std::memcpy(entry->valueBytes(), &*number, sizeof(*number));
  } else {
    copyBytes(entry->valueBytes(), value);
  }
}

// A string that bytes can be written into, created if absent.
Status rawString(std::string_view key, Entry*& entry) {
  if (entry == nullptr) {
    entry = Entry::allocate(ObjectType::kString, Encoding::kRaw, key, kNever, 0);
  } else if (entry->type() != ObjectType::kString) {
    return damaged("no string");
  } else if (entry->encoding() == Encoding::kInteger) {
    char text[kMaxIntegerChars];
    const std::size_t size = formatInteger(text, entry->integer());
    entry = Entry::resizeValue(entry, size, 0);
    entry->setTypeAndEncoding(ObjectType::kString, Encoding::kRaw);
    std::memcpy(entry->valueBytes(), text, size);
  }
  return {};
}

Status writeRange(std::string_view key, std::optional<std::uint64_t> offset, std::string_view bytes, Entry*& entry) {
  TREFOIL_TRY(rawString(key, entry));
  const std::size_t before = entry->valueSize();
  const std::uint64_t from = offset.value_or(before);
  if (from > kMaxStringBytes || from + bytes.size() > kMaxStringBytes) {
    return damaged("a string that long");
  }
  const std::size_t after = std::max<std::size_t>(before, from + bytes.size());
  if (after > before) {  // room to grow, as it will probably happen again
    entry = Entry::resizeValue(entry, after, offset || before == 0 ? 0 : roomToGrow(after));
  }
  if (from > before) {
    std::memset(entry->valueBytes() + before, 0, from - before);
  }
  copyBytes(entry->valueBytes() + from, bytes);
  return {};
}

// ----------------------------------------------------------------------------------------------------------------- collections

Status requireCollection(ObjectType type, std::string_view key, Entry*& entry) {
  if (entry == nullptr) {
    entry = packed::create(type, key, kNever);
  } else if (entry->type() != type) {
    return damaged("another type");
  }
  return {};
}

// A removal from a key that is not there cannot have been staged.
Status requireExisting(ObjectType type, const Entry* entry) {
  if (entry == nullptr || entry->type() != type) {
    return damaged("no such collection");
  }
  return {};
}

std::size_t sizeOf(const Entry& entry) {
  return entry.isLarge() ? entry.large()->size() : packed::count(entry.value());
}

// A collection without elements takes its key with it.
void dropIfEmpty(Entry*& entry, const ChangeContext& context) {
  if (entry != nullptr && sizeOf(*entry) == 0) {
    context.discarder.discard(std::exchange(entry, nullptr));
  }
}

void makeLarge(Entry*& entry, const ChangeContext& context) {
  TREFOIL_DEBUG_ASSERT(entry->encoding() == Encoding::kPacked);
  const ObjectType type = entry->type();
  auto* large = new Large(type, context.hash_seed);
  const char* at = entry->value().data() + packed::kHeaderBytes;
  for (std::size_t i = packed::count(entry->value()); i > 0; --i) {
    const Element element = packed::read(type, at);
    switch (type) {
      case ObjectType::kList:
        large->push(true, element.member, context.write);
        break;
      case ObjectType::kSortedSet:
        large->putScore(element.member, element.score, context.write);
        break;
      default:
        large->put(element.member, element.value, context.write);
        break;
    }
  }
  Entry* moved = Entry::allocate(type, Encoding::kLarge, entry->key(), entry->deadline(), sizeof(large));
  moved->setLarge(large);
  Entry::free(entry);
  entry = moved;
}

// Makes room for one more element of these sizes in a packed collection, or makes the collection large.
void prepareForElement(Entry*& entry, std::size_t longest, const ChangeContext& context) {
  if (entry->isLarge()) {
    return;
  }
  const std::size_t count = packed::count(entry->value());
  const bool fits =
      entry->type() == ObjectType::kList
          ? entry->valueSize() + longest + 8 <= std::size_t{context.limits.list_bytes} && count + 1 < packed::kMaxElements
          : count + 1 <= std::min<std::size_t>(context.limits.entries, packed::kMaxElements) &&
                longest <= context.limits.element_bytes;
  if (!fits) {
    makeLarge(entry, context);
  }
}

std::string& scratch() {
  thread_local std::string bytes;
  bytes.clear();
  return bytes;
}

std::string_view encoded(ObjectType type, const Element& element) {
  std::string& bytes = scratch();
  packed::write(type, element, bytes);
  return bytes;
}

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

void removeMember(Entry*& entry, std::string_view member, const ChangeContext& context) {
  if (entry->isLarge()) {
    entry->large()->erase(member, context.write);
  } else if (const auto place = packed::find(*entry, member); place) {
    packed::splice(entry, place.offset, place.size, {}, -1);
  }
}

Status removeMembers(ObjectType type, EffectReader& reader, Entry*& entry, const ChangeContext& context) {
  TREFOIL_TRY(requireExisting(type, entry));
  for (std::uint64_t count = reader.getVarint(); count > 0 && reader.ok(); --count) {
    const std::string_view member = reader.getString();
    if (reader.ok()) {
      removeMember(entry, member, context);
    }
  }
  dropIfEmpty(entry, context);
  return {};
}

Status putElements(EffectKind kind, EffectReader& reader, std::string_view key, Entry*& entry, const ChangeContext& context) {
  const ObjectType type = kind == EffectKind::kHashSet  ? ObjectType::kHash
                          : kind == EffectKind::kSetAdd ? ObjectType::kSet
                                                        : ObjectType::kSortedSet;
  TREFOIL_TRY(requireCollection(type, key, entry));
  for (std::uint64_t count = reader.getVarint(); count > 0 && reader.ok(); --count) {
    const double score = type == ObjectType::kSortedSet ? reader.getDouble() : 0;
    const std::string_view member = reader.getString();
    const std::string_view value = type == ObjectType::kHash ? reader.getString() : std::string_view();
    if (!reader.ok() || std::isnan(score)) {
      dropIfEmpty(entry, context);
      return damaged("an element");
    }
    switch (type) {
      case ObjectType::kHash:
        hashPut(entry, member, value, context);
        break;
      case ObjectType::kSet:
        setPut(entry, member, context);
        break;
      default:
        sortedSetPut(entry, score, member, context);
        break;
    }
  }
  dropIfEmpty(entry, context);
  return {};
}

// ----------------------------------------------------------------------------------------------------------------------- lists

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
    return damaged("a list's side");
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
    return damaged("a list's end");
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
    return damaged("a list's position");
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
    return damaged("a list's range");
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

Status changeDeadline(Deadline deadline, Entry*& entry) {
  if (entry == nullptr) {
    return damaged("a deadline without a key");
  }
  entry = Entry::withDeadline(entry, deadline);
  return {};
}

Status dispatch(EffectKind kind, EffectReader& reader, std::string_view key, Entry*& entry, const ChangeContext& context) {
  switch (kind) {
    case EffectKind::kSet:
    case EffectKind::kSetWithDeadline: {
      const Deadline deadline = kind == EffectKind::kSet ? kNever : Deadline{reader.getInt()};
      const std::string_view value = reader.getString();
      if (reader.ok()) {
        assignString(key, value, deadline, entry, context);
      }
      return {};
    }
    case EffectKind::kRemove:
      if (entry != nullptr) {
        context.discarder.discard(std::exchange(entry, nullptr));
      }
      return {};
    case EffectKind::kSetDeadline: {
      const Deadline deadline{reader.getInt()};
      return reader.ok() ? changeDeadline(deadline, entry) : Status();
    }
    case EffectKind::kClearDeadline:
      return changeDeadline(kNever, entry);
    case EffectKind::kAppend: {
      const std::string_view bytes = reader.getString();
      return reader.ok() ? writeRange(key, std::nullopt, bytes, entry) : Status();
    }
    case EffectKind::kSetRange: {
      const std::uint64_t offset = reader.getVarint();
      const std::string_view bytes = reader.getString();
      return reader.ok() ? writeRange(key, offset, bytes, entry) : Status();
    }
    case EffectKind::kListPush:
      return listPush(reader, key, entry, context);
    case EffectKind::kListPop:
      return listPop(reader, entry, context);
    case EffectKind::kListSet:
    case EffectKind::kListInsert:
      return listPut(kind, reader, entry, context);
    case EffectKind::kListErase:
    case EffectKind::kListTrim:
      return listCut(kind, reader, entry, context);
    case EffectKind::kHashSet:
    case EffectKind::kSetAdd:
    case EffectKind::kSortedSetPut:
      return putElements(kind, reader, key, entry, context);
    case EffectKind::kHashRemove:
      return removeMembers(ObjectType::kHash, reader, entry, context);
    case EffectKind::kSetRemove:
      return removeMembers(ObjectType::kSet, reader, entry, context);
    case EffectKind::kSortedSetRemove:
      return removeMembers(ObjectType::kSortedSet, reader, entry, context);
    case EffectKind::kFlush:
      break;
  }
  return damaged("its kind");
}

}  // namespace

Status readHead(std::uint8_t kind, EffectReader& reader, int databases, EffectHead& head) {
  head.kind = static_cast<EffectKind>(kind);
  const std::uint64_t db = reader.getVarint();
  if (db >= static_cast<std::uint64_t>(databases)) {
    return damaged("a database of that number");
  }
  head.db = static_cast<int>(db);
  if (head.kind != EffectKind::kFlush) {
    head.key = reader.getString();
  }
  if (!reader.ok()) {
    return reader.error();
  }
  return {};
}

Status changeEntry(EffectKind kind, EffectReader& reader, std::string_view key, Entry*& entry, const ChangeContext& context) {
  TREFOIL_TRY(dispatch(kind, reader, key, entry, context));
  if (!reader.ok()) {
    return reader.error();
  }
  return {};
}

}  // namespace trefoil::kv
