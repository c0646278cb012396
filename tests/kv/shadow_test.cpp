// The shadow map against a plain list of versions in the order of their deaths.
#include "kv/shadow.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "kv/store.hpp"

namespace trefoil::kv {

namespace {

struct Reference {
  std::uint64_t hash;
  ShadowMap::Version version;
};

const Reference* firstSeen(const std::vector<Reference>& versions, std::uint64_t hash, std::string_view key, Lsn snapshot) {
  const auto found = std::find_if(versions.begin(), versions.end(), [&](const Reference& one) {
    return one.hash == hash && one.version.died >= snapshot && one.version.entry->key() == key;
  });
  return found == versions.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("The shadow map finds, walks and forgets as a list of versions does", "[kv]") {
  constexpr std::uint64_t kPartition = std::uint64_t{7} << (64 - kPartitionBits);
  std::mt19937_64 random(20260512);
  ShadowMap map;
  std::vector<Reference> versions;
  // Few hashes, some shared by several keys; a third of them near each other, so that walks have ends within buckets.
  std::vector<std::uint64_t> hashes;
  for (int i = 0; i < 300; ++i) {
    hashes.push_back(kPartition | ((i % 3 == 0 ? random() % 5000 : random()) >> kPartitionBits));
  }
  Lsn oldest = 1;
  for (Lsn now = 1; now <= 6000; ++now) {
    const std::uint64_t hash = hashes[random() % hashes.size()];
    const std::string key = "key" + std::to_string(random() % 2);
    Entry* entry = Entry::allocate(ObjectType::kString, Encoding::kRaw, key, kNever, 0);
    versions.push_back({hash, {now, entry, random() % 4 == 0, true}});
    map.add(hash, versions.back().version);
    if (now % 50 != 0) {
      continue;
    }
    const Lsn snapshot = oldest + random() % (now - oldest + 2);
    for (const std::uint64_t probe : hashes) {
      const Reference* expected = firstSeen(versions, probe, "key1", snapshot);
      const ShadowMap::Found found = map.find(probe, "key1", snapshot);
      REQUIRE(found.decided == (expected != nullptr));
      REQUIRE(found.entry == (expected == nullptr || expected->version.absent ? nullptr : expected->version.entry));
      REQUIRE(map.anyDiedSince(probe, snapshot) == std::any_of(versions.begin(), versions.end(), [&](const Reference& one) {
                return one.hash == probe && one.version.died >= snapshot;
              }));
    }
    std::uint64_t low = hashes[random() % hashes.size()];
    std::uint64_t next = hashes[random() % hashes.size()];
    const bool to_end = random() % 4 == 0;
    if (!to_end && next < low) {
      std::swap(low, next);
    }
    std::multiset<const Entry*> expected;
    for (const Reference& one : versions) {
      if (one.hash >= low && (to_end || one.hash < next) && !one.version.absent &&
          firstSeen(versions, one.hash, one.version.entry->key(), snapshot) == &one) {
        expected.insert(one.version.entry);
      }
    }
    std::multiset<const Entry*> visited;
    map.visit(low, next, to_end, snapshot, [&](const Entry& seen) { visited.insert(&seen); });
    REQUIRE(visited == expected);
    if (random() % 8 == 0) {
      oldest = random() % 10 == 0 ? kNoSnapshot : std::max(oldest, snapshot);
      const auto died = [&](const Reference& one) { return oldest == kNoSnapshot || one.version.died < oldest; };
      const auto gone = static_cast<std::size_t>(std::count_if(versions.begin(), versions.end(), died));
      std::erase_if(versions, died);
      std::size_t released = 0;
      map.purge(oldest, [&](const ShadowMap::Version& version) {
        ++released;
        Entry::free(version.entry);
      });
      REQUIRE(released == gone);
      REQUIRE(map.size() == versions.size());
      oldest = oldest == kNoSnapshot ? now : oldest;
    }
  }
  map.purge(kNoSnapshot, [](const ShadowMap::Version& version) { Entry::free(version.entry); });
  REQUIRE(map.empty());
}

}  // namespace trefoil::kv
