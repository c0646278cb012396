#include "kv/prepared_effects.hpp"

#include <algorithm>

namespace trefoil::kv {

void PreparedEffects::add(const Key& key, std::string_view effects, std::size_t begin, std::size_t end) {
  effects_ = effects;
  EffectReader reader = EffectReader::ofStaged(effects.substr(begin, end - begin));
  while (!reader.done()) {
    const std::size_t at = reader.offset();
    const std::uint8_t kind = reader.getKind();
    const Status read = strings_.add(kind, reader, store_.databases());
    TREFOIL_ASSERT(read.ok());
    const auto size = static_cast<std::uint32_t>(std::min<std::size_t>(reader.offset() - at, UINT32_MAX));
    tasks_.push_back({Store::partition(key), size, kEffect + begin + at});
  }
}

void PreparedEffects::add(const Key& key, PrivateValue* value) {
  tasks_.push_back({Store::partition(key), 0, kAdoption + adoptions_.size()});
  adoptions_.push_back({key, value});
}

void PreparedEffects::addFlush(int db) {
  for (std::uint64_t i = 0; i < kPartitions; ++i) {
    tasks_.push_back({Store::partition(db, i << (64 - kPartitionBits)), 0, kFlush});
  }
}

void PreparedEffects::group() {
  strings_.sort();
  memory_.set(tasks_.capacity() * sizeof(Task) + adoptions_.capacity() * sizeof(Adoption));
  std::sort(tasks_.begin(), tasks_.end());
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    if (debts_.empty() || debts_.back().partition != tasks_[i].partition) {
      debts_.push_back({this, tasks_[i].partition, i, i, 0});
    }
    debts_.back().end = i + 1;
    debts_.back().bytes += tasks_[i].size;
  }
}

}  // namespace trefoil::kv
