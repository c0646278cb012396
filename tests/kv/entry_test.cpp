// Entries with a long head: a long key, or a value that lay in the block before.
#include "kv/entry.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "base/request_block.hpp"
#include "kv/change.hpp"
#include "kv/prepared_effects.hpp"
#include "tests/kv/kv_harness.hpp"

namespace trefoil::kv::test {

namespace {

// A request in a block of its own: so much in front of the value, and a little behind.
struct Request {
  explicit Request(std::size_t front, std::size_t value_size, std::size_t behind = 2) {
    const std::size_t size = front + value_size + behind;
    char* const memory = static_cast<char*>(std::malloc(size));
    std::memset(memory, 'r', size);
    for (std::size_t i = 0; i < value_size; ++i) {
      memory[front + i] = static_cast<char>('a' + i % 23);
    }
    value = {memory + front, value_size};
    MemoryAccount::add(MemoryLeaf::kClients, static_cast<std::int64_t>(size));
    block = RequestBlock(memory, size);
  }
  std::string_view value;
  RequestBlock block;
};

std::int64_t clients() {
  return MemoryAccount::used(MemoryLeaf::kClients);
}

}  // namespace

TEST_CASE("an entry around a value that is there already", "[kv]") {
  const std::string key = GENERATE(std::string(), std::string("key"), std::string(70'000, 'k'));
  const Deadline deadline = GENERATE(kNever, Deadline{12345});
  const std::size_t head = (deadline.never() ? 0 : 8) + 16 + key.size();
  const std::size_t front = head + GENERATE(0U, 1U, 1000U);
  Request request(front, 200'000);
  const std::string value(request.value);
  Entry* entry = Entry::around(request.value, request.block.memory(), key, deadline);
  REQUIRE(entry != nullptr);
  request.block.take();
  const auto check = [&](std::string_view expected, Deadline now) {
    CHECK(entry->key() == key);
    CHECK(entry->deadline().unix_ms == now.unix_ms);
    CHECK((entry->value() == expected && entry->valueCapacity() >= expected.size()));
    CHECK((entry->type() == ObjectType::kString && entry->encoding() == Encoding::kRaw));
  };
  check(value, deadline);
  CHECK(entry->value().data() == request.value.data());

  Entry* copy = Entry::clone(*entry);
  std::swap(copy, entry);
  check(value, deadline);
  std::swap(copy, entry);
  Entry::free(copy);

  entry = Entry::resizeValue(entry, 300'000, 10);
  std::memset(entry->valueBytes() + value.size(), '!', 300'000 - value.size());
  check(value + std::string(300'000 - value.size(), '!'), deadline);
  entry = Entry::resizeValue(entry, 50'000, 0);
  entry = Entry::giveBackRoom(entry);
  check(value.substr(0, 50'000), deadline);
  CHECK_FALSE(Entry::isWasteful(entry->valueCapacity(), 50'000));

  entry = Entry::withDeadline(entry, Deadline{777});
  check(value.substr(0, 50'000), Deadline{777});
  entry = Entry::withDeadline(entry, kNever);
  check(value.substr(0, 50'000), kNever);
  Entry::free(entry);
}

TEST_CASE("a block that does not suit its value stays as it is", "[kv]") {
  const Request no_room(18, 100'000);
  CHECK(Entry::around(no_room.value, no_room.block.memory(), "key", kNever) == nullptr);
  const Request no_room_for_a_deadline(19, 100'000);
  CHECK(Entry::around(no_room_for_a_deadline.value, no_room_for_a_deadline.block.memory(), "key", Deadline{1}) == nullptr);
  const Request too_large(100, 100'000, 200'000);
  CHECK(Entry::around(too_large.value, too_large.block.memory(), "key", kNever) == nullptr);
  for (const Request* const request : {&no_room, &no_room_for_a_deadline, &too_large}) {
    CHECK(std::string_view(request->block.memory(), 18) == std::string(18, 'r'));
  }
}

TEST_CASE("a commit takes the block of its request, and one that does not come off leaves it", "[kv]") {
  const std::int64_t before = clients();
  {
    TestStore store;
    Request request(64, EffectBuffer::kMinBorrowed);
    const std::string expected(request.value);
    const char* const value_at = request.value.data();
    request.block.offer(&request.value);
    const bool is_owed = GENERATE(false, true);
    for (const bool commits : {false, true}) {
      const Lsn snapshot = store.openSnapshot();
      {
        EffectBuffer effects;
        const std::string_view lent[] = {request.value};
        effects.borrowFrom(lent);
        View view = View::snapshot(*store, effects, kNow, snapshot);
        view.setString(view.key(0, "a"), request.value, Deadline{kNow.value + 5});
        view.setString(view.key(0, "b"), request.value);  // only one of them can have it
        PreparedEffects prepared(*store, &request.block);
        view.prepare(prepared);
        CHECK(view.find(view.key(0, "a"))->value() == expected);
        store.lockAll();
        if (commits) {
          store.commitLocked(prepared, is_owed);
        }
        store.unlockAll();
        if (commits) {
          store->settle(prepared);
        }
      }
      store.closeSnapshot(snapshot);
      CHECK((request.block.memory() == nullptr) == commits);
      CHECK((clients() == before) == commits);
      CHECK(request.value.empty() == commits);
    }
    Model expected_content;
    expected_content["a"].text = expected_content["b"].text = expected;
    expected_content["a"].deadline = kNow.value + 5;
    CHECK(store.content() == expected_content);
    const char* const place = store.liveKey("a", [](View& view, const Key& key) { return view.find(key)->value().data(); });
    CHECK(place == value_at);
  }
  CHECK(clients() == before);
}

TEST_CASE("a borrowed string is copied where the transaction comes back to it", "[kv]") {
  TestStore store;
  const std::string text(EffectBuffer::kMinBorrowed, 'x');
  const std::string_view lent[] = {text};
  const Lsn snapshot = store.openSnapshot();
  {
    EffectBuffer effects;
    effects.borrowFrom(lent);
    View view = View::snapshot(*store, effects, kNow, snapshot);
    const Key key = view.key(0, "key");
    view.setString(key, text);
    CHECK(view.append(key, "tail") == text.size() + 4);
    view.setString(view.key(0, "other"), text);
    CHECK(view.find(key)->value() == text + "tail");
    PreparedEffects prepared(*store);
    view.prepare(prepared);
    store.lockAll();
    store.commitLocked(prepared, true);
    store.unlockAll();
    store->settle(prepared);
  }
  store.closeSnapshot(snapshot);
  Model expected;
  expected["key"].text = text + "tail";
  expected["other"].text = text;
  CHECK(store.content() == expected);
}

}  // namespace trefoil::kv::test
