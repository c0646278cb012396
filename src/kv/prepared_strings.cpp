#include "kv/prepared_strings.hpp"

#include <algorithm>

#include "kv/change.hpp"
#include "kv/integer_text.hpp"

namespace trefoil::kv {

PreparedStrings::~PreparedStrings() {
  for (const auto& [place, entry] : entries_) {
    if (entry != nullptr && entry != in_block_) {
      Entry::free(entry);
    }
  }
}

Status PreparedStrings::add(std::uint8_t kind, EffectReader& reader, int databases) {
  const auto effect = static_cast<EffectKind>(kind);
  if (effect != EffectKind::kSet && effect != EffectKind::kSetWithDeadline) {
    return skipEffect(kind, reader);
  }
  EffectHead head;
  TREFOIL_TRY(readHead(kind, reader, databases, head));
  const Deadline deadline = effect == EffectKind::kSet ? kNever : Deadline{reader.getInt()};
  const std::string_view value = reader.getString();
  if (!reader.ok()) {
    return reader.error();
  }
  if (value.size() >= kMinBytes) {
    Entry* entry = nullptr;
    if (block_ != nullptr && in_block_ == nullptr && block_->holds(value)) {
      entry = in_block_ = Entry::around(value, block_->memory(), head.key, deadline);
    }
    if (entry == nullptr) {
      entry = Entry::allocate(ObjectType::kString, Encoding::kRaw, head.key, deadline, value.size());
      copyBytes(entry->valueBytes(), value);
    }
    entries_.emplace_back(value.data(), entry);
  }
  return {};
}

void PreparedStrings::sort() {
  std::sort(entries_.begin(), entries_.end());
}

Entry* PreparedStrings::take(std::string_view key, std::string_view value) {
  auto found = std::lower_bound(entries_.begin(), entries_.end(), value.data(),
                                [](const auto& made, const char* place) { return made.first < place; });
  for (; found != entries_.end() && found->first == value.data(); ++found) {
    if (found->second == nullptr || found->second->key() != key) {
      continue;  // the same text for several keys
    }
    if (found->second == in_block_) {
      block_->take();
    }
    return std::exchange(found->second, nullptr);
  }
  return nullptr;
}

}  // namespace trefoil::kv
