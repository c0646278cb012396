// Effects from a damaged disk: whatever the bytes, apply answers an error or does something well-formed. Meant for the asan
// build.
#include <catch2/catch.hpp>

#include "tests/kv/kv_harness.hpp"

namespace trefoil::kv::test {

namespace {

std::string randomEffects(std::uint64_t seed, std::size_t steps) {
  TestStore store;
  Model model;
  RandomOperations operations(seed, 4, 10);
  EffectBuffer effects;
  store.lockAll();
  {
    View view = View::locked(*store, effects, kNow);
    for (std::size_t i = 0; i < steps; ++i) {
      operations.step(view, model);
    }
  }
  store.unlockAll();
  return std::string(effects.bytes());
}

}  // namespace

TEST_CASE("damaged effects end in kCorruption or in a sound store, never outside the buffer", "[kv]") {
  const std::uint64_t seed = GENERATE(61ULL, 62ULL);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  std::size_t refused = 0;
  for (std::size_t round = 0; round < 300; ++round) {
    std::string bytes = randomEffects(random(), 20);
    for (std::uint64_t flips = 1 + random() % 3; flips > 0; --flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 2 == 0) {
      bytes.resize(random() % bytes.size());
    }
    // An exact copy on the heap, so that the address sanitizer sees a step beyond it.
    const auto copy = std::make_unique<char[]>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), copy.get());
    TestStore store({.entries = 6, .element_bytes = 32, .list_bytes = 80});
    const Status status = store.apply({copy.get(), bytes.size()});
    if (!status.ok()) {
      REQUIRE(status.error().code == ErrorCode::kCorruption);
      ++refused;
    }
    store->verify();
  }
  REQUIRE(refused > 100);
}

TEST_CASE("effects that do not fit their key are corruption", "[kv]") {
  struct Case {
    const char* what;
    void (*write)(EffectBuffer&);
  };
  const auto head = [](EffectBuffer& effects, EffectKind kind, std::string_view key) {
    putEffectHead(effects, kind, Cause::kNone, 0, key);
  };
  static const auto put_head = head;
  const std::vector<Case> cases = {
      {"unknown kind", [](EffectBuffer& e) { e.putKind(63, Cause::kNone), e.putVarint(0), e.putString("k"); }},
      {"no such database", [](EffectBuffer& e) { putEffectHead(e, EffectKind::kRemove, Cause::kDel, 5000, "k"); }},
      {"pop from nothing", [](EffectBuffer& e) { put_head(e, EffectKind::kListPop, "none"), e.putByte(0), e.putVarint(1); }},
      {"pop too many", [](EffectBuffer& e) { put_head(e, EffectKind::kListPop, "list"), e.putByte(0), e.putVarint(2); }},
      {"a third side", [](EffectBuffer& e) { put_head(e, EffectKind::kListPush, "list"), e.putByte(2), e.putVarint(0); }},
      {"set behind the end",
       [](EffectBuffer& e) { put_head(e, EffectKind::kListSet, "list"), e.putVarint(1), e.putString("x"); }},
      {"insert behind the end",
       [](EffectBuffer& e) { put_head(e, EffectKind::kListInsert, "list"), e.putVarint(2), e.putString("x"); }},
      {"erase beyond",
       [](EffectBuffer& e) { put_head(e, EffectKind::kListErase, "list"), e.putVarint(0), e.putVarint(UINT64_MAX); }},
      {"wrong type", [](EffectBuffer& e) { put_head(e, EffectKind::kSetAdd, "list"), e.putVarint(1), e.putString("x"); }},
      {"append to a list", [](EffectBuffer& e) { put_head(e, EffectKind::kAppend, "list"), e.putString("x"); }},
      {"a gap of exabytes",
       [](EffectBuffer& e) { put_head(e, EffectKind::kSetRange, "s"), e.putVarint(UINT64_MAX), e.putString("x"); }},
      {"deadline of nothing", [](EffectBuffer& e) { put_head(e, EffectKind::kSetDeadline, "none"), e.putInt(5); }},
      {"a score that is none",
       [](EffectBuffer& e) {
         put_head(e, EffectKind::kSortedSetPut, "z"), e.putVarint(1), e.putDouble(std::nan("")), e.putString("x");
       }},
      {"more elements than bytes",
       [](EffectBuffer& e) { put_head(e, EffectKind::kSetAdd, "s"), e.putVarint(UINT64_MAX), e.putString("x"); }},
  };
  for (const Case& damage : cases) {
    CAPTURE(damage.what);
    TestStore store;
    EffectBuffer good;
    putEffectHead(good, EffectKind::kListPush, Cause::kRPush, 0, "list");
    good.putByte(1);
    good.putVarint(1);
    good.putString("element");
    REQUIRE(store.apply(good.bytes()).ok());
    EffectBuffer bad;
    damage.write(bad);
    const Status status = store.apply(bad.bytes());
    REQUIRE_FALSE(status.ok());
    REQUIRE(status.error().code == ErrorCode::kCorruption);
    store->verify();
  }
}

TEST_CASE("the numbers of effect kinds are frozen: they are on disks", "[kv]") {
  REQUIRE(static_cast<int>(EffectKind::kSet) == 1);
  REQUIRE(static_cast<int>(EffectKind::kSetWithDeadline) == 2);
  REQUIRE(static_cast<int>(EffectKind::kRemove) == 3);
  REQUIRE(static_cast<int>(EffectKind::kSetDeadline) == 4);
  REQUIRE(static_cast<int>(EffectKind::kClearDeadline) == 5);
  REQUIRE(static_cast<int>(EffectKind::kAppend) == 6);
  REQUIRE(static_cast<int>(EffectKind::kSetRange) == 7);
  REQUIRE(static_cast<int>(EffectKind::kFlush) == 8);
  REQUIRE(static_cast<int>(EffectKind::kListPush) == 10);
  REQUIRE(static_cast<int>(EffectKind::kListPop) == 11);
  REQUIRE(static_cast<int>(EffectKind::kListSet) == 12);
  REQUIRE(static_cast<int>(EffectKind::kListInsert) == 13);
  REQUIRE(static_cast<int>(EffectKind::kListErase) == 14);
  REQUIRE(static_cast<int>(EffectKind::kListTrim) == 15);
  REQUIRE(static_cast<int>(EffectKind::kHashSet) == 20);
  REQUIRE(static_cast<int>(EffectKind::kHashRemove) == 21);
  REQUIRE(static_cast<int>(EffectKind::kSetAdd) == 30);
  REQUIRE(static_cast<int>(EffectKind::kSetRemove) == 31);
  REQUIRE(static_cast<int>(EffectKind::kSortedSetPut) == 40);
  REQUIRE(static_cast<int>(EffectKind::kSortedSetRemove) == 41);
  // A golden effect, byte for byte.
  EffectBuffer effects;
  putEffectHead(effects, EffectKind::kSetWithDeadline, Cause::kIncrBy, 3, "ab");
  effects.putInt(-2);
  effects.putString("c");
  REQUIRE(effects.bytes() == std::string_view("\x02\x05\x03\x03\x02"
                                              "ab"
                                              "\x01\x03"
                                              "\x03\x01"
                                              "c"));
}

}  // namespace trefoil::kv::test
