// Several threads at work on one store. Meant for the tsan build.
#include <catch2/catch.hpp>
#include <thread>

#include "base/gate.hpp"
#include "kv/prepared_effects.hpp"
#include "tests/kv/kv_harness.hpp"

namespace trefoil::kv::test {

namespace {

// Commits as txn does: locks, gate, apply.
struct SharedStore {
  Versions versions;
  Gate gate;
  std::atomic<Lsn> lsn{1};
  Store store{versions, {.hash_seed = 3, .databases = 1, .packed = {.entries = 8, .element_bytes = 64, .list_bytes = 256}}};

  template <typename Statement>
  void run(std::vector<PartitionId> ids, Statement&& statement) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    const PartitionLocks locks(store, ids);
    EffectBuffer effects;
    View view = View::live(store, effects, kNow);
    statement(view);
    if (effects.empty()) {
      return;
    }
    const SharedGuard inside(gate);
    const WriteContext context = WriteContext::live(versions, lsn.fetch_add(1));
    EffectReader reader(effects.bytes());
    while (!reader.done()) {
      const std::uint8_t kind = reader.getKind();
      TREFOIL_ASSERT(store.apply(kind, reader, context).ok());
    }
  }
  Lsn openSnapshot() {
    const ExclusiveGuard alone(gate);
    const Lsn snapshot = lsn.fetch_add(1) + 1;
    versions.registerSnapshot(snapshot);
    return snapshot;
  }
};

std::int64_t balance(View& view, const Key& key) {
  IntegerText room;
  const auto text = view.string(key).value().text(room);
  return text.empty() ? 0 : std::stoll(std::string(text));
}

}  // namespace

TEST_CASE("transfers between accounts keep their sum, live and in every snapshot", "[kv]") {
  constexpr std::size_t kAccounts = 200;
  constexpr std::int64_t kEach = 1000;
  SharedStore shared;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kAccounts; ++i) {
    names.push_back("account:" + std::to_string(i));
    const Key key = shared.store.key(0, names.back());
    shared.run({Store::partition(key)}, [&](View& view) { view.setString(key, std::to_string(kEach)); });
  }
  std::atomic<bool> stop{false};
  const auto transfer = [&](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    for (std::size_t i = 0; i < 3000; ++i) {
      const Key from = shared.store.key(0, names[random() % kAccounts]);
      const Key to = shared.store.key(0, names[random() % kAccounts]);
      const std::string hash_name = "hash:" + std::to_string(random() % 10);
      const Key hash = shared.store.key(0, hash_name);
      shared.store.prefetch(0, std::array{from.hash, hash.hash});
      shared.run({Store::partition(from), Store::partition(to), Store::partition(hash)}, [&](View& view) {
        const auto amount = static_cast<std::int64_t>(random() % 10);
        view.setString(from, std::to_string(balance(view, from) - amount));
        view.setString(to, std::to_string(balance(view, to) + amount));
        const std::string field = "f" + std::to_string(random() % 100);
        const FieldValue pair{field, "x"};
        if (random() % 20 == 0) {
          view.remove(hash);
        } else {
          view.hashSet(hash, {&pair, 1});
        }
        view.setString(view.key(0, from.bytes), std::to_string(balance(view, from)));
      });
      const std::string fresh = "fresh:" + std::to_string(seed) + ":" + std::to_string(i);
      const Key key = shared.store.key(0, fresh);
      shared.run({Store::partition(key)}, [&](View& view) { view.setString(key, "0"); });
    }
  };
  const auto observe = [&] {
    while (!stop.load()) {
      const Lsn snapshot = shared.openSnapshot();
      {
        EffectBuffer effects;
        View view = View::snapshot(shared.store, effects, kNow, snapshot);
        std::int64_t sum = 0;
        for (const std::string& name : names) {
          sum += balance(view, view.key(0, name));
        }
        TREFOIL_ASSERT(sum == static_cast<std::int64_t>(kAccounts) * kEach);
        std::int64_t again = 0;
        const Status walked = shared.store.visitAll(0, snapshot, false, [&](const Entry& entry) {
          if (entry.type() == ObjectType::kString) {
            IntegerText room;
            again += std::stoll(std::string(StringHandle(&entry).text(room)));
          } else {
            TREFOIL_ASSERT(HashHandle(&entry).size() <= 100);
          }
        });
        TREFOIL_ASSERT(walked.ok());
        TREFOIL_ASSERT(again == sum);
        if (sum % 2 == 0) {
          shared.store.sweepExpired(kNow, 10);
          shared.store.purgeShadows();
        }
      }
      shared.versions.releaseSnapshot(snapshot);
    }
  };
  std::thread observer(observe);
  std::vector<std::thread> writers;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    writers.emplace_back(transfer, seed);
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  stop = true;
  observer.join();
  shared.store.purgeShadows();
  shared.store.verify();
  REQUIRE(shared.store.size(0) >= kAccounts + 9000);
}

TEST_CASE("prefetching takes no lock and harms nobody, whatever becomes of the keys", "[kv]") {
  constexpr int kKeys = 3000;
  SharedStore shared;
  std::atomic<bool> stop{false};
  const auto name = [](int i) { return "key:" + std::to_string(i); };
  const auto prefetch = [&](int first) {
    for (int i = first; !stop; i = (i + 7) % (2 * kKeys)) {  // half of them are never there
      const std::uint64_t hash = shared.store.hash(name(i));
      shared.store.prefetch(0, {&hash, 1});
    }
  };
  std::vector<std::thread> readers;
  for (int first = 0; first < 2; ++first) {
    readers.emplace_back(prefetch, first);
  }
  for (int round = 0; round < 3; ++round) {
    for (const bool add : {true, false}) {
      for (int i = 0; i < kKeys; ++i) {
        const std::string text = name(i);
        const Key key = shared.store.key(0, text);
        shared.run({Store::partition(key)}, [&](View& view) { add ? view.setString(key, "value") : void(view.remove(key)); });
      }
    }
  }
  stop = true;
  for (std::thread& reader : readers) {
    reader.join();
  }
  REQUIRE(shared.store.size(0) == 0);
  shared.store.verify();
}

TEST_CASE("optimistic transactions on large collections lose no update", "[kv]") {
  constexpr std::size_t kHashes = 3;
  constexpr std::size_t kFields = 300;
  SharedStore shared;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kHashes; ++i) {
    names.push_back("counters:" + std::to_string(i));
    const Key key = shared.store.key(0, names.back());
    shared.run({Store::partition(key)}, [&](View& view) {
      for (std::size_t f = 0; f < kFields; ++f) {
        const std::string field = "f" + std::to_string(f);
        const FieldValue pair{field, "0"};
        view.hashSet(key, {&pair, 1});
      }
    });
  }
  std::atomic<std::size_t> committed{0};
  std::atomic<std::size_t> conflicts{0};
  // One transaction of some increments; true if it was committed.
  const auto attempt = [&](std::mt19937_64& random) {
    const Lsn snapshot = shared.openSnapshot();
    bool valid = false;
    {
      EffectBuffer effects;
      View view = View::snapshot(shared.store, effects, kNow, snapshot);
      for (int i = 0; i < 3; ++i) {
        const Key key = view.key(0, names[random() % kHashes]);
        const std::string field = "f" + std::to_string(random() % kFields);
        const std::string value = std::to_string(std::stoll(std::string(*view.hash(key).value().get(field))) + 1);
        const FieldValue pair{field, value};
        view.hashSet(key, {&pair, 1});
      }
      const View::Footprint footprint = view.footprint();
      TREFOIL_ASSERT(footprint.read.empty());  // all that is read is written
      const PartitionLocks locks(shared.store, footprint.written);
      valid = view.validate(kNow);
      if (valid) {
        const SharedGuard inside(shared.gate);
        const WriteContext context = WriteContext::live(shared.versions, shared.lsn.fetch_add(1));
        EffectReader reader(effects.bytes());
        while (!reader.done()) {
          const std::uint8_t kind = reader.getKind();
          TREFOIL_ASSERT(shared.store.apply(kind, reader, context).ok());
        }
      }
    }
    shared.versions.releaseSnapshot(snapshot);
    return valid;
  };
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      for (int i = 0; i < 250; ++i) {
        (attempt(random) ? committed : conflicts).fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::int64_t sum = 0;
  for (const std::string& name : names) {
    const Key key = shared.store.key(0, name);
    shared.run({Store::partition(key)}, [&](View& view) {
      const auto hash = view.hash(key);
      REQUIRE(hash.value().entry()->isLarge());
      for (ElementCursor cursor = hash.value().first(); cursor.valid(); cursor.next()) {
        sum += std::stoll(std::string(cursor.value()));
      }
    });
  }
  CAPTURE(conflicts.load());
  REQUIRE(sum == static_cast<std::int64_t>(committed.load()) * 3);
  REQUIRE(committed > 0);
  shared.store.purgeShadows();
  shared.store.verify();
  REQUIRE(shared.versions.limboSize() == 0);
}

// Each commit sets all keys to one number. It is applied after its locks are let go, by itself and by all who look.
TEST_CASE("large commits are seen whole and in order while they are applied", "[kv]") {
  constexpr int kKeys = 1500;
  SharedStore shared;
  std::vector<std::string> names;
  for (int i = 0; i < kKeys; ++i) {
    names.push_back("key:" + std::to_string(i));
  }
  std::atomic<int> writing{2};
  std::atomic<int> next{1};
  const auto commit = [&] {
    EffectBuffer effects;
    View view = View::live(shared.store, effects, kNow);  // stages without a look
    const std::string value = std::to_string(next.fetch_add(1));
    for (const std::string& name : names) {
      view.setString(shared.store.key(0, name), value);
    }
    const std::vector<PartitionId> ids = view.footprint().written;
    PreparedEffects prepared(shared.store);
    view.prepare(prepared);
    {
      PartitionLocks locks(shared.store, ids);
      const SharedGuard inside(shared.gate);
      shared.store.owe(prepared, WriteContext::live(shared.versions, shared.lsn.fetch_add(1)));
      locks.unlockOwing();
    }
    shared.store.settle(prepared);
  };
  const auto look = [&](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    while (writing.load() > 0) {
      const Key one = shared.store.key(0, names[random() % kKeys]);
      const Key other = shared.store.key(0, names[random() % kKeys]);
      std::int64_t seen = 0;
      shared.run({Store::partition(one), Store::partition(other)}, [&](View& view) {
        seen = balance(view, one);
        TREFOIL_ASSERT(balance(view, other) == seen);
      });
      const Lsn snapshot = shared.openSnapshot();
      {
        EffectBuffer effects;
        View view = View::snapshot(shared.store, effects, kNow, snapshot);
        const std::int64_t then = balance(view, one);
        for (int i = 0; i < 50; ++i) {
          TREFOIL_ASSERT(balance(view, shared.store.key(0, names[random() % kKeys])) == then);
        }
      }
      shared.versions.releaseSnapshot(snapshot);
      const PartitionId id = Store::partition(other);
      if (const PartitionLocks soon(shared.store, {&id, 1}, false); soon.held() && seen != 0) {
        TREFOIL_ASSERT(shared.store.find(other) != nullptr);
      }
      TREFOIL_ASSERT(seen == 0 || shared.store.isOwed(0) || shared.store.size(0) == kKeys);
    }
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 30; ++round) {
        commit();
      }
      --writing;
    });
    threads.emplace_back(look, t);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(shared.store.size(0) == kKeys);
  shared.store.purgeShadows();
  shared.store.verify();
}

}  // namespace trefoil::kv::test
