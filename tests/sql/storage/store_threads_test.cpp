// The store under threads: transfers between rows in live statements and transactions, while snapshots add everything up and DDL
// comes and goes. Run under TSan.
#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "base/gate.hpp"
#include "sql/storage/store.hpp"
#include "sql/storage/view.hpp"
#include "tests/sql/storage/store_fixture.hpp"

using namespace trefoil;
using namespace trefoil::sql;
using namespace trefoil::sql::test;

namespace {

constexpr std::int64_t kAccounts = 300;
constexpr std::int64_t kBalance = 100;

// The commit protocol of the engine, over a log that is only a counter.
struct Engine {
  Versions versions;
  Store store{versions};
  Gate gate;
  std::atomic<Lsn> end{1};
  std::atomic<std::uint64_t> transactions{0};
  TableId table = 0;

  Lsn openSnapshot() {
    const ExclusiveGuard guard(gate);
    const Lsn snapshot = end.load();
    versions.registerSnapshot(snapshot);
    return snapshot;
  }
  // Append and apply, inside the gate.
  void apply(View& view, const EffectBuffer& effects) {
    const SharedGuard guard(gate);
    const WriteContext context = WriteContext::live(versions, end.fetch_add(16));
    if (view.adopt(context)) {
      return;
    }
    EffectReader reader(effects.bytes());
    while (!reader.done()) {
      const std::uint8_t kind = reader.getKind();
      TREFOIL_ASSERT(view.applyEffect(kind, reader, context).ok());
    }
  }
  // False on a conflict.
  bool commit(View& view, const EffectBuffer& effects) {
    const auto locked = [&](auto&& inside_catalog) {
      std::vector<std::pair<Gate*, bool>> locks;
      std::vector<Gate::Token> tokens;
      for (const TableFootprint& use : view.footprint()) {
        if (Gate* lock = store.tableLock(use.table); lock != nullptr) {
          if (use.written) {
            lock->enterExclusive();
            tokens.push_back({});
          } else {
            tokens.push_back(lock->enterShared());
          }
          locks.emplace_back(lock, use.written);
        }
      }
      const bool valid = view.validate().ok();
      if (valid) {
        inside_catalog();
      }
      for (std::size_t i = 0; i < locks.size(); ++i) {
        locks[i].second ? locks[i].first->leaveExclusive() : locks[i].first->leaveShared(tokens[i]);
      }
      return valid;
    };
    if (view.changesCatalog()) {
      const ExclusiveGuard catalog(store.catalogGate());
      return locked([&] { apply(view, effects); });
    }
    const SharedGuard catalog(store.catalogGate());
    return locked([&] { apply(view, effects); });
  }
};

std::vector<Datum> account(std::int64_t id, std::string_view note) {
  return {Datum::integer(id), Datum::integer(kBalance), Datum::text(note)};
}

void setBalance(View& view, TableId table, RowId row, std::int64_t balance, std::string_view note) {
  const ColumnValue changes[] = {{1, Datum::integer(balance)}, {2, Datum::text(note)}};
  TREFOIL_ASSERT(view.update(table, row, changes).ok());
}

// Moves money in a transaction; sometimes deletes and inserts a row instead of updating it.
bool transfer(Engine& engine, std::mt19937_64& random) {
  const Lsn snapshot = engine.openSnapshot();
  bool committed = false;
  {
    EffectBuffer effects;
    View view(engine.store, effects, snapshot, ++engine.transactions);
    const auto from = static_cast<std::int64_t>(random() % kAccounts);
    const std::int64_t to = (from + 1 + static_cast<std::int64_t>(random() % (kAccounts - 1))) % kAccounts;
    const Datum from_key = Datum::integer(from);
    const Datum to_key = Datum::integer(to);
    const auto from_row = view.findUnique(engine.table, 0, {&from_key, 1});
    const auto to_row = view.findUnique(engine.table, 0, {&to_key, 1});
    TREFOIL_ASSERT(from_row.has_value() && to_row.has_value());
    const auto amount = static_cast<std::int64_t>(random() % 10);
    const std::int64_t from_balance = view.rows(engine.table).value(*from_row, 1).asInteger();
    const std::int64_t to_balance = view.rows(engine.table).value(*to_row, 1).asInteger();
    setBalance(view, engine.table, *from_row, from_balance - amount, "paid to somebody, with a long remark");
    if (random() % 4 == 0) {
      TREFOIL_ASSERT(view.remove(engine.table, *to_row).ok());
      const std::vector<Datum> row = {to_key, Datum::integer(to_balance + amount), Datum::text("a row that was made anew")};
      TREFOIL_ASSERT(view.insert(engine.table, row).ok());
    } else {
      setBalance(view, engine.table, *to_row, to_balance + amount, "got from somebody, with a long remark");
    }
    committed = engine.commit(view, effects);
  }
  engine.versions.releaseSnapshot(snapshot);
  return committed;
}

// A live statement under the table's lock, which changes nothing but the note.
void touch(Engine& engine, std::mt19937_64& random) {
  const SharedGuard catalog(engine.store.catalogGate());
  const ExclusiveGuard lock(*engine.store.tableLock(engine.table));
  EffectBuffer effects;
  View view(engine.store, effects);
  const Datum key = Datum::integer(static_cast<std::int64_t>(random() % kAccounts));
  const auto row = view.findUnique(engine.table, 0, {&key, 1});
  TREFOIL_ASSERT(row.has_value());
  const ColumnValue change{2, Datum::text(random() % 2 == 0 ? "short" : "touched by a live statement, at length")};
  TREFOIL_ASSERT(view.update(engine.table, *row, {&change, 1}).ok());
  engine.apply(view, effects);
}

void addUp(Engine& engine, std::atomic<bool>& wrong) {
  const Lsn snapshot = engine.openSnapshot();
  {
    EffectBuffer effects;
    View view(engine.store, effects, snapshot, View::kReadOnly);
    std::int64_t sum = 0;
    std::size_t bytes = 0;
    const TableReader reader = view.scan(engine.table);
    for (std::uint32_t number = 0; number < reader.blockCount(); ++number) {
      const BlockReader block = reader.block(number);
      if (block.rowCount() == 0) {
        continue;
      }
      BlockReader::Words scratch;
      const std::uint64_t* present = block.present(scratch);
      for (std::uint32_t slot = 0; slot < block.extent(); ++slot) {
        if (((present[slot / 64] >> (slot % 64)) & 1) != 0) {
          sum += block.column(1).as<std::int64_t>()[slot];
          bytes += block.column(2).as<StringRef>()[slot].view().size();
        }
      }
    }
    if (reader.rowCount() != kAccounts) {
      wrong = true;
    }
    if (sum != kAccounts * kBalance || bytes == 0) {
      wrong = true;
    }
  }
  engine.versions.releaseSnapshot(snapshot);
}

void createAndDrop(Engine& engine, int number) {
  for (const bool drop : {false, true}) {
    const Lsn snapshot = engine.openSnapshot();
    {
      EffectBuffer effects;
      View view(engine.store, effects, snapshot, ++engine.transactions);
      const std::string name = "extra" + std::to_string(number);
      if (drop) {
        TREFOIL_ASSERT(view.dropTable(view.findTable(name)->id).ok());
      } else {
        TableSchema schema;
        schema.name = name;
        schema.columns = {column("id", SqlType::bigint()), column("b", SqlType::bigint()), column("c", SqlType::text())};
        schema.indexes = {primaryKey({0}), plainIndex({2})};
        const auto created = view.createTable(schema);
        TREFOIL_ASSERT(created.ok());
        for (int i = 0; i < 50; ++i) {
          TREFOIL_ASSERT(view.insert(created.value(), account(i, "a text that is long enough")).ok());
        }
      }
      TREFOIL_ASSERT(engine.commit(view, effects));
    }
    engine.versions.releaseSnapshot(snapshot);
  }
}

}  // namespace

TEST_CASE("the sum of all accounts is the same in every snapshot, whatever the threads do", "[store]") {
  Engine engine;
  {
    TableSchema schema;
    schema.name = "accounts";
    schema.columns = {column("id", SqlType::bigint()), column("balance", SqlType::bigint()), column("note", SqlType::text())};
    schema.indexes = {primaryKey({0}), plainIndex({1})};
    EffectBuffer effects;
    View view(engine.store, effects, View::UnderLocks{}, ++engine.transactions);
    engine.table = view.createTable(schema).value();
    for (std::int64_t id = 0; id < kAccounts; ++id) {
      REQUIRE(view.insert(engine.table, account(id, "a note for the beginning of things")).ok());
    }
    REQUIRE(engine.commit(view, effects));
  }
  std::atomic<bool> wrong{false};
  std::atomic<int> committed{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(100 + t);
      for (int i = 0; i < 400; ++i) {
        committed += transfer(engine, random) ? 1 : 0;
        touch(engine, random);
      }
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 200; ++i) {
      addUp(engine, wrong);
    }
  });
  threads.emplace_back([&] {
    for (int i = 0; i < 30; ++i) {
      createAndDrop(engine, i);
    }
  });
  for (std::thread& thread : threads) {
    thread.join();
  }
  REQUIRE_FALSE(wrong);
  REQUIRE(committed > 100);
  addUp(engine, wrong);
  REQUIRE_FALSE(wrong);
  engine.store.verify();
  REQUIRE(engine.versions.limboSize() == 0);
  REQUIRE(engine.store.tableCount() == 1);
}
