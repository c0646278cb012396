// The table of each type: what it says of its values, and that it captures them as effects that build them.
#include "kv/value_type.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <vector>

#include "kv/value_effects.hpp"
#include "tests/kv/kv_harness.hpp"

namespace trefoil::kv::test {

namespace {

constexpr PackedLimits kSmall{.entries = 4, .element_bytes = 16, .list_bytes = 64};

struct Sample {
  std::string_view name;  // of the type
  EffectKind kind;        // one of its effects
  std::string_view packed_encoding;
  std::string_view large_encoding;
  void (*fill)(View& view, const Key& key, std::size_t elements);
};

std::vector<std::string> texts(std::size_t count) {
  std::vector<std::string> made;
  for (std::size_t i = 0; i < count; ++i) {
    made.push_back("element" + std::to_string(i));
  }
  return made;
}

const Sample kSamples[] = {
    {"string", EffectKind::kAppend, "embstr", "raw",
     [](View& view, const Key& key, std::size_t elements) { view.setString(key, std::string(elements, 'x')); }},
    {"list", EffectKind::kListTrim, "listpack", "quicklist",
     [](View& view, const Key& key, std::size_t elements) {
       for (const std::string& text : texts(elements)) {
         const std::string_view one = text;
         view.listPush(key, ListSide::kRight, {&one, 1});
       }
     }},
    {"hash", EffectKind::kHashRemove, "listpack", "hashtable",
     [](View& view, const Key& key, std::size_t elements) {
       for (const std::string& text : texts(elements)) {
         const FieldValue one{text, "value"};
         view.hashSet(key, {&one, 1});
       }
     }},
    {"set", EffectKind::kSetAdd, "listpack", "hashtable",
     [](View& view, const Key& key, std::size_t elements) {
       for (const std::string& text : texts(elements)) {
         const std::string_view one = text;
         view.setAdd(key, {&one, 1});
       }
     }},
    {"zset", EffectKind::kSortedSetPut, "listpack", "skiplist",
     [](View& view, const Key& key, std::size_t elements) {
       for (const std::string& text : texts(elements)) {
         const ScoredMember one{static_cast<double>(text.size()), text};
         view.sortedSetPut(key, {&one, 1});
       }
     }},
};

std::multiset<std::string> partsOf(const Entry& entry) {
  std::multiset<std::string> parts;
  typeOf(entry).visit_parts(entry, [&](std::string_view part) { parts.emplace(part); });
  return parts;
}

}  // namespace

TEST_CASE("each type's table describes and captures its values", "[kv]") {
  const Sample& sample = GENERATE(from_range(std::begin(kSamples), std::end(kSamples)));
  const std::size_t elements = GENERATE(std::size_t{3}, std::size_t{1000});
  CAPTURE(sample.name, elements);
  TestStore store(kSmall);
  const Key from = store->key(0, "from");
  const Key to = store->key(0, "to");
  store.live([&](View& view) {
    sample.fill(view, from, elements);
    return view.setDeadline(from, Deadline{kNow.value + 5000});
  });

  store.lockAll();
  const Entry* entry = store->find(from);
  REQUIRE(entry != nullptr);
  const ValueType& type = typeOf(*entry);
  CHECK(typeName(*entry) == sample.name);
  CHECK(type.encoding(*entry) == (elements == 3 ? sample.packed_encoding : sample.large_encoding));
  CHECK(type.elements(*entry) == (sample.name == "string" ? 1 : elements));
  CHECK(bytesOf(*entry) >= entry->allocatedBytes());
  EffectBuffer effects;
  ValueEffects value(*entry, 0, to.bytes);
  std::size_t written = 0;
  while (value.writeNext(effects)) {
    ++written;
  }
  CHECK(written == (sample.name == "string" ? 1 : (elements + 255) / 256 + 1));
  store.unlockAll();

  // What is captured can be skipped over, and builds the same value.
  EffectReader reader(effects.bytes());
  while (!reader.done()) {
    const std::uint8_t kind = reader.getKind();
    REQUIRE(skipEffect(kind, reader).ok());
  }
  REQUIRE(store.apply(effects.bytes()).ok());
  store.lockAll();
  const Entry* built = store->find(to);
  REQUIRE(built != nullptr);
  CHECK(readValue(*built) == readValue(*store->find(from)));
  CHECK(partsOf(*built) == partsOf(*store->find(from)));
  CHECK(partsOf(*built).size() == type.elements(*built));
  store.unlockAll();
  store->verify();
}

TEST_CASE("an effect leads to its type", "[kv]") {
  for (const Sample& sample : kSamples) {
    const ValueType* type = typeOfEffect(sample.kind);
    REQUIRE(type != nullptr);
    CHECK(type->name == sample.name);
    CHECK(
        std::any_of(type->effects.begin(), type->effects.end(), [&](const auto& effect) { return effect.kind == sample.kind; }));
  }
  for (const EffectKind any : {EffectKind::kRemove, EffectKind::kFlush, EffectKind::kSetDeadline, static_cast<EffectKind>(19),
                               static_cast<EffectKind>(63)}) {
    CHECK(typeOfEffect(any) == nullptr);
  }
}

}  // namespace trefoil::kv::test
