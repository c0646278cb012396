// The copying B+tree against std::map: random operations, open and closing snapshots, private copies dropped and adopted.
#include "base/btree.hpp"

#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>

using namespace trefoil;

namespace {

// ------------------------------------------------------------------------------------------------------ the kinds of trees

struct IntTree {
  using Traits = Int64Traits<std::uint64_t>;
  using ModelKey = std::int64_t;
  using ModelValue = std::uint64_t;
  static Traits::Key makeKey(const ModelKey& key, const WriteContext&) { return key; }
  static Traits::Key probe(const ModelKey& key) { return key; }
  static ModelKey modelKey(const Traits::Key& key) { return key; }
  static void retireKey(const Traits::Key&, const WriteContext&) {}
  static ModelKey key(std::uint64_t n) { return static_cast<std::int64_t>(n) - 1000; }
};

// A sorted set: (score, member number), with order statistics and no value.
struct ScoreKey {
  double score;
  std::uint32_t member;
};
struct ScoreTraits {
  using Key = ScoreKey;
  using Value = NoValue;
  static constexpr bool kCounted = true;
  static bool less(const Key& a, const Key& b) { return a.score < b.score || (a.score == b.score && a.member < b.member); }
};
struct ScoreTree {
  using Traits = ScoreTraits;
  using ModelKey = std::pair<double, std::uint32_t>;
  using ModelValue = NoValue;
  static ScoreKey makeKey(const ModelKey& key, const WriteContext&) { return {key.first, key.second}; }
  static ScoreKey probe(const ModelKey& key) { return {key.first, key.second}; }
  static ModelKey modelKey(const ScoreKey& key) { return {key.score, key.member}; }
  static void retireKey(const ScoreKey&, const WriteContext&) {}
  static ModelKey key(std::uint64_t n) { return {static_cast<double>(n - n % 7) / 7, static_cast<std::uint32_t>(n % 7)}; }
};

// Keys that point to bytes which the tree's owner frees as soon as the rules allow: ASan sees any separator that outlives its
// entry.
struct KeyBytes : Stamped {
  std::uint32_t size;
  char bytes[28];
  [[nodiscard]] std::string_view view() const { return {bytes, size}; }
};
struct BytesTraits {
  using Key = const KeyBytes*;
  using Value = std::uint32_t;
  static constexpr bool kCounted = true;
  static bool less(const Key& a, const Key& b) { return a->view() < b->view(); }
  static bool less(const Key& a, const std::string_view& b) { return a->view() < b; }
  static bool less(const std::string_view& a, const Key& b) { return a < b->view(); }
};
void freeKeyBytes(Stamped* object) {
  delete static_cast<KeyBytes*>(object);
}
struct BytesTree {
  using Traits = BytesTraits;
  using ModelKey = std::string;
  using ModelValue = std::uint32_t;
  static const KeyBytes* makeKey(const ModelKey& key, const WriteContext& context) {
    auto* bytes = new KeyBytes;
    bytes->size = static_cast<std::uint32_t>(key.size());
    std::memcpy(bytes->bytes, key.data(), key.size());
    context.created(*bytes, freeKeyBytes);
    return bytes;
  }
  static std::string_view probe(const ModelKey& key) { return key; }
  static ModelKey modelKey(const KeyBytes* key) { return std::string(key->view()); }
  static void retireKey(const KeyBytes* key, const WriteContext& context) {
    context.retire(*const_cast<KeyBytes*>(key), freeKeyBytes);
  }
  static ModelKey key(std::uint64_t n) {
    const std::string digits = std::to_string(n);
    return std::string(digits.rbegin(), digits.rend()) + "/key";
  }
};

template <typename Kind>
struct Pair {
  using Tree = BTree<typename Kind::Traits>;
  using Map = std::map<typename Kind::ModelKey, typename Kind::ModelValue>;
  Tree tree;
  Map map;
};

template <typename Kind>
void requireSame(const BTree<typename Kind::Traits>& tree, const typename Pair<Kind>::Map& map) {
  tree.verify();
  REQUIRE(tree.size() == map.size());
  auto cursor = tree.first();
  bool same = true;
  for (const auto& [key, value] : map) {
    same &= cursor.valid() && Kind::modelKey(cursor.key()) == key && cursor.value() == value;
    if (!same) {
      break;
    }
    cursor.next();
  }
  REQUIRE(same);
  REQUIRE_FALSE(cursor.valid());
  auto back = tree.last();
  for (auto it = map.rbegin(); it != map.rend() && same; ++it) {
    same &= back.valid() && Kind::modelKey(back.key()) == it->first;
    back.previous();
  }
  REQUIRE(same);
  REQUIRE_FALSE(back.valid());
}

template <typename Kind>
void requireLookupsAgree(const BTree<typename Kind::Traits>& tree, const typename Pair<Kind>::Map& map,
                         const typename Kind::ModelKey& key) {
  const auto found = map.find(key);
  const auto* value = tree.find(Kind::probe(key));
  REQUIRE((value != nullptr) == (found != map.end()));
  if (value != nullptr) {
    REQUIRE(*value == found->second);
  }
  const auto same = [&](const auto& cursor, const auto& it) {
    return cursor.valid() ? it != map.end() && Kind::modelKey(cursor.key()) == it->first : it == map.end();
  };
  const auto lower = map.lower_bound(key);
  const auto upper = map.upper_bound(key);
  REQUIRE(same(tree.lowerBound(Kind::probe(key)), lower));
  REQUIRE(same(tree.upperBound(Kind::probe(key)), upper));
  REQUIRE(same(tree.lastBelow(Kind::probe(key)), lower == map.begin() ? map.end() : std::prev(lower)));
  REQUIRE(same(tree.lastAtMost(Kind::probe(key)), upper == map.begin() ? map.end() : std::prev(upper)));
  if constexpr (BTree<typename Kind::Traits>::kCounted) {
    const auto rank = static_cast<std::uint64_t>(std::distance(map.begin(), lower));
    REQUIRE(tree.rank(Kind::probe(key)) == rank);
    REQUIRE(same(tree.select(rank), lower));
  }
}

template <typename Kind>
void change(Pair<Kind>& pair, const typename Kind::ModelKey& key, bool insert, std::uint32_t number,
            const WriteContext& context) {
  if (insert) {
    const auto stored = Kind::makeKey(key, context);
    typename Kind::ModelValue value{};
    if constexpr (!std::is_same_v<typename Kind::ModelValue, NoValue>) {
      value = number;
    }
    const auto result = pair.tree.insert(stored, value, context);
    REQUIRE(result.inserted == pair.map.emplace(key, value).second);
    if (!result.inserted) {
      Kind::retireKey(stored, context);
      if constexpr (!std::is_same_v<typename Kind::ModelValue, NoValue>) {
        auto* in_place = pair.tree.findForUpdate(Kind::probe(key), context);
        REQUIRE(in_place != nullptr);
        *in_place = value;
        pair.map[key] = value;
      }
    }
  } else {
    const auto erased = pair.tree.erase(Kind::probe(key), context);
    REQUIRE(erased.has_value() == (pair.map.erase(key) == 1));
    if (erased) {
      REQUIRE(Kind::modelKey(erased->key) == key);
      Kind::retireKey(erased->key, context);
    }
  }
}

template <typename Kind>
void retireAllKeys(Pair<Kind>& pair, const WriteContext& context) {
  for (auto cursor = pair.tree.first(); cursor.valid(); cursor.next()) {
    Kind::retireKey(cursor.key(), context);
  }
  pair.tree.clear(context);
  pair.map.clear();
}

}  // namespace

TEMPLATE_TEST_CASE("random operations with snapshots and private copies agree with std::map", "[btree]", IntTree, ScoreTree,
                   BytesTree) {
  const std::uint64_t seed = GENERATE(1U, 2U, 3U);
  const std::uint64_t key_range = GENERATE(200U, 6000U);
  CAPTURE(seed, key_range);
  std::mt19937_64 random(seed);
  Versions versions;
  Pair<TestType> live;
  struct Snapshot {
    Lsn lsn;
    Pair<TestType> pair;
  };
  std::deque<Snapshot> snapshots;
  Lsn lsn = 1;
  for (int step = 0; step < 250; ++step) {
    const auto choice = random() % 20;
    if (choice == 0 && snapshots.size() < 5) {
      ++lsn;
      versions.registerSnapshot(lsn);
      snapshots.push_back({lsn, live});
    } else if (choice <= 2 && !snapshots.empty()) {
      const auto which = static_cast<std::ptrdiff_t>(random() % snapshots.size());
      requireSame<TestType>(snapshots[static_cast<std::size_t>(which)].pair.tree,
                            snapshots[static_cast<std::size_t>(which)].pair.map);
      versions.releaseSnapshot(snapshots[static_cast<std::size_t>(which)].lsn);
      snapshots.erase(snapshots.begin() + which);
    } else if (choice == 3) {
      // A transaction: its snapshot keeps the shared nodes, its copy is changed, then dropped or adopted.
      ++lsn;
      versions.registerSnapshot(lsn);
      const Lsn opened = lsn;
      PrivateNodes nodes;
      const WriteContext context = WriteContext::privateCopy(nodes, static_cast<std::uint64_t>(step));
      Pair<TestType> copy = live;
      for (std::uint64_t i = random() % 400; i > 0; --i) {
        change(copy, TestType::key(random() % key_range), random() % 2 == 0, static_cast<std::uint32_t>(random()), context);
      }
      requireSame<TestType>(copy.tree, copy.map);
      requireSame<TestType>(live.tree, live.map);
      if (random() % 2 == 0) {
        live = copy;
        if (random() % 2 == 0) {
          nodes.seal(opened);
        }
        nodes.adopt(versions, ++lsn);
        nodes.drop();
      } else {
        nodes.drop();
      }
      versions.releaseSnapshot(opened);
    } else if (choice == 4 && random() % 8 == 0) {
      retireAllKeys(live, WriteContext::live(versions, ++lsn));
    } else {
      // Growing and shrinking phases, in random, ascending or descending order.
      const bool growing = random() % 3 != 0;
      const auto order = random() % 3;
      const std::uint64_t base = random() % key_range;
      const std::uint64_t count = random() % 300;
      for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t n = order == 0   ? random() % key_range
                                : order == 1 ? (base + i) % key_range
                                             : (base + key_range - i % key_range) % key_range;
        const bool insert = random() % 8 == 0 ? !growing : growing;
        change(live, TestType::key(n), insert, static_cast<std::uint32_t>(random()), WriteContext::live(versions, ++lsn));
      }
      requireSame<TestType>(live.tree, live.map);
    }
    for (int i = 0; i < 5; ++i) {
      requireLookupsAgree<TestType>(live.tree, live.map, TestType::key(random() % key_range));
    }
  }
  for (const Snapshot& snapshot : snapshots) {
    requireSame<TestType>(snapshot.pair.tree, snapshot.pair.map);
    versions.releaseSnapshot(snapshot.lsn);
  }
  REQUIRE(versions.limboSize() == 0);
  retireAllKeys(live, WriteContext::live(versions, ++lsn));
}

TEST_CASE("keys that arrive in order leave full nodes behind", "[btree]") {
  Versions versions;
  BTree<Int64Traits<std::uint64_t>> tree;
  constexpr std::int64_t kKeys = 100000;
  for (std::int64_t key = 0; key < kKeys; ++key) {
    tree.insert(key, static_cast<std::uint64_t>(key), WriteContext::live(versions, 1));
  }
  tree.verify();
  REQUIRE(tree.nodeCount() * 60 < kKeys);  // 63 entries fit
  tree.destroy();
  REQUIRE(tree.empty());
}

TEST_CASE("the largest and smallest keys are ordinary keys", "[btree]") {
  Versions versions;
  const WriteContext context = WriteContext::live(versions, 1);
  BTree<Int64Traits<std::uint64_t>> tree;
  constexpr std::int64_t kMax = INT64_MAX;
  REQUIRE(tree.find(kMax) == nullptr);
  for (std::int64_t i = 0; i < 500; ++i) {
    REQUIRE(tree.insert(kMax - i, static_cast<std::uint64_t>(i), context).inserted);
    REQUIRE(tree.insert(INT64_MIN + i, static_cast<std::uint64_t>(i), context).inserted);
    REQUIRE_FALSE(tree.insert(kMax, 7, context).inserted);
    tree.verify();
  }
  REQUIRE(*tree.find(kMax) == 0);
  REQUIRE(tree.lowerBound(kMax).key() == kMax);
  REQUIRE_FALSE(tree.upperBound(kMax).valid());
  REQUIRE(tree.erase(kMax, context)->value == 0);
  REQUIRE(tree.find(kMax) == nullptr);
  REQUIRE_FALSE(tree.erase(kMax, context).has_value());
  tree.verify();
  tree.destroy();
}

TEST_CASE("an adopted copy leaves nothing behind, a dropped one neither", "[btree]") {
  Versions versions;
  BTree<Int64Traits<std::uint64_t>> live;
  for (std::int64_t key = 0; key < 1000; ++key) {
    live.insert(key, 0, WriteContext::live(versions, 1));
  }
  const std::size_t nodes_before = live.nodeCount();
  versions.registerSnapshot(2);
  PrivateNodes nodes;
  auto copy = live;
  for (std::int64_t key = 0; key < 1000; ++key) {
    REQUIRE(copy.erase(key, WriteContext::privateCopy(nodes, 1)).has_value());
  }
  REQUIRE(copy.empty());
  REQUIRE(live.nodeCount() == nodes_before);
  live.verify();
  live = copy;
  nodes.adopt(versions, 3);
  nodes.drop();
  REQUIRE(versions.limboSize() == nodes_before);
  versions.releaseSnapshot(2);
  REQUIRE(versions.limboSize() == 0);
}

TEST_CASE("readers of a snapshot need no lock while the live tree changes", "[btree]") {
  Versions versions;
  BTree<Int64Traits<std::uint64_t>> live;
  for (std::int64_t key = 0; key < 5000; ++key) {
    live.insert(key * 2, static_cast<std::uint64_t>(key), WriteContext::live(versions, 1));
  }
  versions.registerSnapshot(2);
  const auto snapshot = live;
  std::atomic<bool> wrong{false};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        std::uint64_t expected = 0;
        for (auto cursor = snapshot.first(); cursor.valid(); cursor.next()) {
          if (cursor.value() != expected++) {
            wrong = true;
          }
        }
        if (expected != 5000) {
          wrong = true;
        }
      }
    });
  }
  std::mt19937_64 random(5);
  for (int i = 0; i < 20000; ++i) {
    const auto key = static_cast<std::int64_t>(random() % 10000);
    const WriteContext context = WriteContext::live(versions, 3);
    if (random() % 2 == 0) {
      live.insert(key, 1, context);
    } else {
      live.erase(key, context);
    }
  }
  for (std::thread& reader : readers) {
    reader.join();
  }
  REQUIRE_FALSE(wrong);
  versions.releaseSnapshot(2);
  live.verify();
  live.destroy();
}

// However far apart the two have come: afterwards the copy shares with the later version only, and replaces all else of it.
TEST_CASE("a private copy moves on to a later version of its tree, with its own entries", "[btree]") {
  using Tree = BTree<Int64Traits<std::uint64_t>>;
  std::mt19937_64 random(11);
  for (int run = 0; run < 60; ++run) {
    Versions versions;
    Pair<IntTree> live;
    Lsn lsn = 1;
    const std::uint64_t range = run % 3 == 0 ? 200 : 20000;
    const auto change_many = [&](Pair<IntTree>& pair, std::uint64_t count, const WriteContext& context) {
      const std::uint64_t base = random() % range;
      const bool in_order = random() % 2 == 0;
      for (std::uint64_t i = 0; i < count; ++i) {
        change(pair, IntTree::key(in_order ? (base + i) % range : random() % range), random() % 3 == 0,
               static_cast<std::uint32_t>(random()), context);
      }
    };
    change_many(live, random() % 8000, WriteContext::live(versions, lsn));
    std::vector<Lsn> open;
    const auto snapshot = [&] {
      versions.registerSnapshot(++lsn);
      open.push_back(lsn);
      return live.tree;
    };
    {
      Tree before = snapshot();
      PrivateNodes nodes;
      const WriteContext context = WriteContext::privateCopy(nodes, 1);
      Pair<IntTree> copy = live;
      for (int move = 0; move < 3; ++move) {
        change_many(copy, random() % (move == 0 ? 3000 : 30), context);
        change_many(live, random() % (run % 2 == 0 ? 20 : 3000), WriteContext::live(versions, lsn));
        const Tree after = snapshot();
        const auto difference = Tree::difference(before, after);
        copy.tree.moveOn(difference, context);
        nodes.forget({.gone = {difference.gone.begin(), difference.gone.end()}, .kept = {}, .kept_below = 0});
        nodes.settle();
        requireSame<IntTree>(copy.tree, copy.map);
        requireSame<IntTree>(live.tree, live.map);
        const auto apart = Tree::difference(after, copy.tree);
        REQUIRE(apart.gone.size() == nodes.replacedCount());
        const bool own =
            std::all_of(apart.fresh.begin(), apart.fresh.end(), [](const auto* node) { return node->born >= kPrivateStamp; });
        REQUIRE(own);
        before = after;
      }
      nodes.adopt(versions, lsn);
      live = copy;
    }
    for (const Lsn one : open) {
      versions.releaseSnapshot(one);
    }
    REQUIRE(versions.limboSize() == 0);
    requireSame<IntTree>(live.tree, live.map);
    live.tree.destroy();
  }
}
