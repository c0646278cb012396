#include "kv/prepared_effects.hpp"

#include <algorithm>

#include "kv/change.hpp"

namespace trefoil::kv {

Status PreparedEffects::add(const Store& store, std::uint8_t kind, std::size_t begin, EffectReader& reader) {
  EffectReader from_head = reader;
  EffectHead head;
  TREFOIL_TRY(readHead(kind, from_head, store.databases(), head));
  TREFOIL_TRY(strings_.add(kind, reader, store.databases()));
  const auto size = static_cast<std::uint32_t>(std::min<std::size_t>(reader.offset() - begin, UINT32_MAX));
  if (head.kind == EffectKind::kFlush) {
    for (std::uint64_t i = 0; i < kPartitions; ++i) {
      places_.push_back({Store::partition(head.db, i << (64 - kPartitionBits)), size, begin});
    }
  } else {
    places_.push_back({Store::partition(head.db, store.hash(head.key)), size, begin});
  }
  return {};
}

void PreparedEffects::group(std::string_view effects) {
  effects_ = effects;
  memory_.set(places_.capacity() * sizeof(Place));
  std::sort(places_.begin(), places_.end());
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (debts_.empty() || debts_.back().partition != places_[i].partition) {
      debts_.push_back({this, places_[i].partition, i, i, 0});
    }
    debts_.back().end = i + 1;
    debts_.back().bytes += places_[i].size;
  }
}

}  // namespace trefoil::kv
