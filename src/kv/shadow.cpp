#include "kv/shadow.hpp"

namespace trefoil::kv {

ShadowMap::Found ShadowMap::find(std::uint64_t hash, std::string_view key, Lsn snapshot) const {
  for (auto [it, end] = versions_.equal_range(hash); it != end; ++it) {
    if (it->second.died >= snapshot && it->second.entry->key() == key) {
      return {true, it->second.absent ? nullptr : it->second.entry};
    }
  }
  return {};
}

bool ShadowMap::anyDiedSince(std::uint64_t hash, Lsn lsn) const {
  for (auto [it, end] = versions_.equal_range(hash); it != end; ++it) {
    if (it->second.died >= lsn) {
      return true;
    }
  }
  return false;
}

}  // namespace trefoil::kv
