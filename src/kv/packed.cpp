#include "kv/packed.hpp"

namespace trefoil::kv::packed {

namespace {
void writeText(std::string_view text, std::string& out) {
  std::size_t size = text.size();
  while (size >= 0x80) {
    out.push_back(static_cast<char>(size | 0x80));
    size >>= 7;
  }
  out.push_back(static_cast<char>(size));
  out.append(text);
}
}  // namespace

void write(ObjectType type, const Element& element, std::string& out) {
  if (type == ObjectType::kSortedSet) {
    out.append(reinterpret_cast<const char*>(&element.score), sizeof(double));
  }
  writeText(element.member, out);
  if (type == ObjectType::kHash) {
    writeText(element.value, out);
  }
}

Entry* create(ObjectType type, std::string_view key, Deadline deadline) {
  Entry* entry = Entry::allocate(type, Encoding::kPacked, key, deadline, kHeaderBytes);
  setCount(entry->valueBytes(), 0);
  return entry;
}

void splice(Entry*& entry, std::size_t offset, std::size_t removed, std::string_view inserted, std::ptrdiff_t more_elements) {
  const std::size_t before = entry->valueSize();
  TREFOIL_DEBUG_ASSERT(offset >= kHeaderBytes && offset + removed <= before);
  const std::size_t after = before - removed + inserted.size();
  const std::size_t behind = before - offset - removed;
  if (after > before) {
    entry = Entry::resizeValue(entry, after, after / 8);
  }
  char* at = entry->valueBytes() + offset;
  std::memmove(at + inserted.size(), at + removed, behind);
  copyBytes(at, inserted);
  entry->setValueSize(after);
  setCount(entry->valueBytes(), static_cast<std::size_t>(static_cast<std::ptrdiff_t>(count(entry->value())) + more_elements));
  if (after < before) {
    entry = Entry::giveBackRoom(entry);
  }
}

std::size_t offsetOf(const Entry& entry, std::size_t index) {
  const std::string_view value = entry.value();
  const char* at = value.data() + kHeaderBytes;
  for (std::size_t i = 0; i < index; ++i) {
    read(entry.type(), at);
  }
  return static_cast<std::size_t>(at - value.data());
}

Place find(const Entry& entry, std::string_view member) {
  const std::string_view value = entry.value();
  const std::size_t elements = count(value);
  const char* at = value.data() + kHeaderBytes;
  for (std::size_t i = 0; i < elements; ++i) {
    const char* begin = at;
    const Element element = read(entry.type(), at);
    if (element.member == member) {
      return {static_cast<std::size_t>(begin - value.data()), static_cast<std::size_t>(at - begin), i, element};
    }
  }
  return {static_cast<std::size_t>(at - value.data()), 0, elements, {}};
}

}  // namespace trefoil::kv::packed
