#include "kv/types/collection_type.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "kv/large.hpp"

namespace trefoil::kv {

Status requireCollection(ObjectType type, std::string_view key, Entry*& entry) {
  if (entry == nullptr) {
    entry = packed::create(type, key, kNever);
  } else if (entry->type() != type) {
    return damagedEffect("another type");
  }
  return {};
}

// A removal from a key that is not there cannot have been staged.
Status requireExisting(ObjectType type, const Entry* entry) {
  if (entry == nullptr || entry->type() != type) {
    return damagedEffect("no such collection");
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
    large->add(packed::read(type, at), context.write);
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

namespace {

std::string& scratch() {
  thread_local std::string bytes;
  bytes.clear();
  return bytes;
}

}  // namespace

std::string_view encoded(ObjectType type, const Element& element) {
  std::string& bytes = scratch();
  packed::write(type, element, bytes);
  return bytes;
}

namespace {

void removeMember(Entry*& entry, std::string_view member, const ChangeContext& context) {
  if (entry->isLarge()) {
    entry->large()->erase(member, context.write);
  } else if (const auto place = packed::find(*entry, member); place) {
    packed::splice(entry, place.offset, place.size, {}, -1);
  }
}

}  // namespace

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

std::string_view collectionEncoding(const Entry& entry, std::string_view large_name) {
  return entry.isLarge() ? large_name : "listpack";
}

std::size_t outsideBytesOfCollection(const Entry& entry) {
  return entry.large()->memoryBytes();
}

void shareCollection(Entry& copy) {
  copy.setLarge(new Large(*copy.large()));
}

void freeRootsOfCollection(Entry& entry) {
  delete entry.large();
}

void freePartsOfCollection(Entry& entry) {
  entry.large()->destroyContent();
}

void verifyCollection(const Entry& entry) {
  entry.large()->verify();
}

}  // namespace trefoil::kv
