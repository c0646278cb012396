#include "engine/shape_cache.hpp"

#include <algorithm>

namespace trefoil {

bool ShapeCache::matches(const Entry& entry, std::string_view shape, std::span<const Datum> literals) {
  return entry.shape == shape &&
         std::all_of(entry.fixed.begin(), entry.fixed.end(),
                     [&](const auto& fixed) { return identical(fixed.second.view(), literals[fixed.first]); }) &&
         entry.plan->takesLiterals(literals);
}

const std::shared_ptr<const sql::Plan>* ShapeCache::find(std::uint64_t hash, std::string_view shape,
                                                         std::span<const Datum> literals) {
  const auto [begin, end] = entries_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (matches(it->second, shape, literals)) {
      it->second.used = true;
      return &it->second.plan;
    }
  }
  return nullptr;
}

void ShapeCache::insert(std::uint64_t hash, std::string_view shape, std::span<const Datum> literals,
                        std::shared_ptr<const sql::Plan> plan, std::int64_t limit) {
  if (entries_.size() >= kMaxEntries || (entries_.size() >= kFewEntries && MemoryAccount::used(MemoryLeaf::kPlans) > limit)) {
    makeRoom();
  }
  Entry entry;
  entry.shape = shape;
  for (std::uint32_t i = 0; i < literals.size(); ++i) {
    if (!plan->literalIsParameter(i)) {
      entry.fixed.emplace_back(i, Value(literals[i]));
    }
  }
  entry.plan = std::move(plan);
  memory_.set(memory_.bytes() + bytesOf(entry));
  entries_.emplace(hash, std::move(entry));
}

void ShapeCache::erase(std::uint64_t hash) {
  entries_.erase(hash);
  count();
}

void ShapeCache::count() {
  std::size_t bytes = 0;
  for (const auto& [hash, entry] : entries_) {
    bytes += bytesOf(entry);
  }
  memory_.set(bytes);
}

// Everything that was not used since the last time goes; if all was used, all goes: a cache that turns over so fast serves
// nobody.
void ShapeCache::makeRoom() {
  const std::size_t before = entries_.size();
  std::erase_if(entries_, [](const auto& item) { return !item.second.used; });
  for (auto& [hash, entry] : entries_) {
    entry.used = false;
  }
  if (entries_.size() == before) {
    entries_.clear();
  }
  count();
}

}  // namespace trefoil
