// sql::View case by case: constraints and their texts, transactions that meet, DDL inside transactions, damaged effects.
#include "sql/storage/view.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "sql/storage/store.hpp"
#include "tests/sql/storage/store_fixture.hpp"

using namespace trefoil;
using namespace trefoil::sql;
using namespace trefoil::sql::test;

namespace {

TableSchema accounts() {
  TableSchema schema;
  schema.name = "accounts";
  schema.columns = {column("id", SqlType::integer()), column("owner", SqlType::text(), true),
                    column("balance", SqlType::bigint())};
  schema.indexes = {primaryKey({0}), uniqueKey({1})};
  return schema;
}

std::vector<Datum> account(std::int64_t id, std::string_view owner, std::int64_t balance) {
  return {Datum::integer(id), Datum::text(owner), Datum::integer(balance)};
}

Result<RowId> insertLive(Database& database, TableId table, const std::vector<Datum>& row) {
  return database.live([&](View& view) { return view.insert(table, row); });
}

RowId find(View& view, TableId table, std::int64_t id) {
  const Datum key = Datum::integer(id);
  const auto row = view.findUnique(table, 0, {&key, 1});
  REQUIRE(row.has_value());
  return *row;
}

std::size_t readRange(View& view, TableId table, std::int64_t low, std::int64_t high) {
  IndexRange range;
  range.lower = Datum::integer(low);
  range.upper = Datum::integer(high);
  IndexCursor cursor = view.range(table, 0, range);
  std::array<RowId, 3> rows;  // fetches the first few only: the range counts as read all the same
  return cursor.next(rows);
}

std::optional<RowId> lookUp(View& view, TableId table, std::int64_t id) {
  const Datum key = Datum::integer(id);
  return view.findUnique(table, 0, {&key, 1});
}

Status setBalance(View& view, TableId table, std::int64_t id, std::int64_t balance) {
  const ColumnValue change{2, Datum::integer(balance)};
  return view.update(table, find(view, table, id), {&change, 1});
}

std::int64_t balanceOf(View& view, TableId table, std::int64_t id) {
  return view.rows(table).value(find(view, table, id), 2).asInteger();
}

}  // namespace

TEST_CASE("constraints are refused with PostgreSQL's words and leave nothing staged", "[view]") {
  Database database;
  const TableId table = database.create(accounts());
  REQUIRE(insertLive(database, table, account(1, "ann", 10)).ok());
  const auto duplicate = insertLive(database, table, account(1, "bob", 10));
  REQUIRE(duplicate.error().message == "duplicate key value violates unique constraint \"accounts_pkey\"");
  REQUIRE(duplicate.error().detail == "Key (id)=(1) already exists.");
  const auto second = insertLive(database, table, account(2, "ann", 10));
  REQUIRE(second.error().message == "duplicate key value violates unique constraint \"accounts_owner_key\"");
  const std::vector<Datum> nameless = {Datum::integer(2), Datum::null(), Datum::integer(5)};
  const auto missing = insertLive(database, table, nameless);
  REQUIRE(missing.error().code == ErrorCode::kNotNullViolation);
  REQUIRE(missing.error().message == "null value in column \"owner\" of relation \"accounts\" violates not-null constraint");
  REQUIRE(missing.error().detail == "Failing row contains (2, null, 5).");
  const std::vector<Datum> keyless = {Datum::null(), Datum::text("bob"), Datum::integer(5)};
  REQUIRE(insertLive(database, table, keyless).error().message ==
          "null value in column \"id\" of relation \"accounts\" violates not-null constraint");
  REQUIRE(database.rows(table).size() == 1);
}

TEST_CASE("a key may be deleted and inserted again, changed and swapped in one transaction", "[view]") {
  Database database;
  const TableId table = database.create(accounts());
  REQUIRE(insertLive(database, table, account(1, "ann", 10)).ok());
  REQUIRE(insertLive(database, table, account(2, "a name that is not inline", 20)).ok());
  {
    Transaction transaction(database);
    View& view = transaction.view;
    REQUIRE(view.remove(table, find(view, table, 1)).ok());
    REQUIRE_FALSE(lookUp(view, table, 1).has_value());
    REQUIRE(view.insert(table, account(1, "ann", 11)).ok());
    REQUIRE_FALSE(view.insert(table, account(1, "eve", 11)).ok());
    const ColumnValue moved{0, Datum::integer(7)};
    REQUIRE(view.update(table, find(view, table, 2), {&moved, 1}).ok());
    REQUIRE_FALSE(lookUp(view, table, 2).has_value());
    REQUIRE(view.insert(table, account(2, "bob", 30)).ok());
    // The new text views the very value that it replaces.
    const RowId seven = find(view, table, 7);
    const ColumnValue same{1, view.rows(table).value(seven, 1)};
    REQUIRE(view.update(table, seven, {&same, 1}).ok());
    REQUIRE(view.rows(table).value(seven, 1).asBytes() == "a name that is not inline");
    REQUIRE(transaction.commit().ok());
  }
  database.store.verify();
  EffectBuffer effects;
  View view(database.store, effects);
  REQUIRE(view.rows(table).rowCount() == 3);
  REQUIRE(balanceOf(view, table, 1) == 11);
  REQUIRE(balanceOf(view, table, 7) == 20);
}

TEST_CASE("transactions that meet conflict, transactions that do not meet do not", "[view]") {
  Database database;
  const TableId table = database.create(accounts());
  for (int id = 0; id < 10; ++id) {
    REQUIRE(insertLive(database, table, account(id, "owner number " + std::to_string(id), 100)).ok());
  }
  struct Row {
    const char* name;
    std::function<void(View&)> mine;
    std::function<void(View&)> theirs;  // commits first
    bool conflict;
  };
  const auto write = [&](int id) { return [&, id](View& view) { REQUIRE(setBalance(view, table, id, 1).ok()); }; };
  const auto insert = [&](int id, const std::string& name) {
    return [&, id, name](View& view) { REQUIRE(view.insert(table, account(id, name, 1)).ok()); };
  };
  const std::vector<Row> cases = {
      {"same row written", write(1), write(1), true},
      {"different rows written", write(1), write(2), false},
      {"a row read and written by the other", [&](View& view) { (void)find(view, table, 2), write(1)(view); }, write(2), true},
      {"key not found, then inserted by the other",
       [&](View& view) {
         REQUIRE_FALSE(lookUp(view, table, 50).has_value());
         write(1)(view);
       },
       insert(50, "fifty"), true},
      {"another key inserted",
       [&](View& view) {
         REQUIRE_FALSE(lookUp(view, table, 50).has_value());
         write(1)(view);
       },
       insert(51, "fifty-one"), false},
      {"the same key inserted by both", insert(60, "mine"), insert(60, "theirs"), true},
      {"the same unique name inserted by both", insert(60, "both"), insert(61, "both"), true},
      {"a scan and an insert", [&](View& view) { (void)view.scan(table).rowCount(), write(1)(view); }, insert(70, "seventy"),
       true},
      {"a range and an insert into it",
       [&](View& view) {
         REQUIRE(readRange(view, table, 3, 70) == 3);
         write(1)(view);
       },
       insert(70, "seventy"), true},
      {"a range and an insert behind it",
       [&](View& view) {
         REQUIRE(readRange(view, table, 3, 69) == 3);
         write(1)(view);
       },
       insert(70, "seventy"), false},
      {"a range and a row of it written",
       [&](View& view) {
         REQUIRE(readRange(view, table, 3, 69) == 3);
         write(1)(view);
       },
       write(5), true},
      {"a range and a row before it written",
       [&](View& view) {
         REQUIRE(readRange(view, table, 3, 69) == 3);
         write(1)(view);
       },
       write(2), false},
      {"a row deleted by the other", write(1), [&](View& view) { REQUIRE(view.remove(table, find(view, table, 1)).ok()); }, true},
      {"deleted by both", [&](View& view) { REQUIRE(view.remove(table, find(view, table, 3)).ok()); },
       [&](View& view) { REQUIRE(view.remove(table, find(view, table, 3)).ok()); }, true},
      {"a found row deleted and inserted again with the same values",
       [&](View& view) { (void)find(view, table, 4), write(1)(view); },
       [&](View& view) {
         REQUIRE(view.remove(table, find(view, table, 4)).ok());
         REQUIRE(view.insert(table, account(4, "owner number 4", 100)).ok());
       },
       true},
      {"written back to the same value", [&](View& view) { (void)find(view, table, 5), write(1)(view); },
       [&](View& view) { REQUIRE(setBalance(view, table, 5, 100).ok()); }, false},
      {"name looked up, table created by the other",
       [&](View& view) {
         REQUIRE(view.findTable("new") == nullptr);
         write(1)(view);
       },
       [&](View& view) {
         TableSchema schema = accounts();
         schema.name = "new";
         REQUIRE(view.createTable(schema).ok());
       },
       true},
      {"index created by the other on a table written", write(1),
       [&](View& view) { REQUIRE(view.createIndex(table, plainIndex({2})).ok()); }, true},
      {"table dropped by the other", write(1), [&](View& view) { REQUIRE(view.dropTable(table).ok()); }, true},
      {"truncated by the other", write(1), [&](View& view) { REQUIRE(view.truncate(table).ok()); }, true},
  };
  for (const Row& row : cases) {
    CAPTURE(row.name);
    Database own;
    REQUIRE(own.replay(database.captureAll()).ok());
    Transaction mine(own);
    row.mine(mine.view);
    {
      Transaction theirs(own);
      row.theirs(theirs.view);
      REQUIRE(theirs.commit().ok());
    }
    const Status status = mine.commit();
    REQUIRE(status.ok() == !row.conflict);
    if (row.conflict) {
      REQUIRE(status.error().code == ErrorCode::kConflict);
    }
    own.store.verify();
    Database replayed;
    REQUIRE(replayed.replay(database.captureAll()).ok());
    for (const std::string& record : own.log) {
      REQUIRE(replayed.replay(record).ok());
    }
    REQUIRE(replayed.captureAll() == own.captureAll());
  }
}

TEST_CASE("a table made in a transaction takes 200000 rows and its blocks are adopted", "[view]") {
  Database database;
  constexpr int kRows = 200000;
  TableId table = 0;
  {
    Transaction transaction(database);
    TableSchema schema = accounts();
    const auto created = transaction.view.createTable(schema);
    REQUIRE(created.ok());
    table = created.value();
    REQUIRE(transaction.view.findTable("accounts") != nullptr);
    std::string name;
    for (int id = 0; id < kRows; ++id) {
      name = "the owner of " + std::to_string(id);
      REQUIRE(transaction.view.insert(table, account(id, name, id)).ok());
    }
    EffectBuffer effects;
    View other(database.store, effects);
    REQUIRE(other.findTable("accounts") == nullptr);
    REQUIRE(transaction.commit().ok());
    REQUIRE(database.adopted_whole);
  }
  database.store.verify();
  REQUIRE(database.versions.limboSize() == 0);
  EffectBuffer effects;
  View view(database.store, effects);
  REQUIRE(view.rows(table).rowCount() == kRows);
  REQUIRE(balanceOf(view, table, 123456) == 123456);
}

TEST_CASE("DDL inside a transaction is seen by it alone, and savepoints undo it", "[view]") {
  Database database;
  const TableId table = database.create(accounts());
  REQUIRE(insertLive(database, table, account(1, "ann", 10)).ok());
  REQUIRE(insertLive(database, table, account(2, "bob", 10)).ok());
  Transaction transaction(database);
  View& view = transaction.view;
  const std::uint64_t version_before = view.catalogVersion();
  const auto broken = view.createIndex(table, {0, "", {2}, true, false, false});
  REQUIRE(broken.error().message == "could not create unique index \"accounts_balance_idx\"");
  REQUIRE(broken.error().detail == "Key (balance)=(10) is duplicated.");
  REQUIRE(view.catalogVersion() == version_before);
  const auto index = view.createIndex(table, plainIndex({2}));
  REQUIRE(index.ok());
  REQUIRE(view.catalogVersion() != version_before);
  REQUIRE(view.findIndex("accounts_balance_idx").has_value());
  REQUIRE(view.insert(table, account(3, "eve", 5)).ok());
  const std::size_t mark = transaction.effects.size();
  REQUIRE(view.dropIndex(table, index.value()).ok());
  REQUIRE(view.renameTable(table, "renamed").ok());
  REQUIRE(view.findTable("accounts") == nullptr);
  TableSchema schema = accounts();
  REQUIRE(view.createTable(schema).ok());
  REQUIRE_FALSE(view.createTable(schema).ok());
  REQUIRE(view.dropTable(view.findTable("accounts")->id).ok());
  transaction.rollbackTo(mark);
  REQUIRE(view.findTable("accounts")->id == table);
  REQUIRE(view.findTable("renamed") == nullptr);
  REQUIRE(view.findIndex("accounts_balance_idx").has_value());
  REQUIRE(view.rows(table).rowCount() == 3);
  {
    EffectBuffer effects;
    View other(database.store, effects);
    REQUIRE_FALSE(other.findIndex("accounts_balance_idx").has_value());
  }
  REQUIRE(transaction.commit().ok());
  database.store.verify();
  REQUIRE(database.store.catalogVersion() != version_before);
  const auto constraint =
      database.underLocks([&](View& v) { return v.dropIndex(table, v.findTable("accounts")->indexes[0].id); });
  REQUIRE_FALSE(constraint.ok());
}

TEST_CASE("a snapshot keeps seeing a table that is renamed, truncated and dropped", "[view]") {
  Database database;
  const TableId table = database.create(accounts());
  REQUIRE(insertLive(database, table, account(1, "somebody with a long name", 10)).ok());
  Transaction reader(database);
  REQUIRE(database.underLocks([&](View& view) { return view.renameTable(table, "other"); }).ok());
  REQUIRE(database.underLocks([&](View& view) { return view.truncate(table); }).ok());
  REQUIRE(insertLive(database, table, account(2, "another one with a long name", 10)).ok());
  REQUIRE(database.underLocks([&](View& view) { return view.dropTable(table); }).ok());
  REQUIRE(database.store.tableCount() == 0);
  REQUIRE(reader.view.findTable("accounts")->id == table);
  REQUIRE(reader.view.rows(table).value(find(reader.view, table, 1), 1).asBytes() == "somebody with a long name");
}

TEST_CASE("row ids are never used twice, and unused ones are given back", "[view]") {
  Database database;
  const TableId table = database.create(accounts());
  const auto first = insertLive(database, table, account(1, "a", 0));
  {
    Transaction rolled_back(database);
    REQUIRE(rolled_back.view.insert(table, account(2, "b", 0)).ok());
    REQUIRE(rolled_back.view.insert(table, account(3, "c", 0)).ok());
  }
  const auto next = insertLive(database, table, account(4, "d", 0));
  REQUIRE(static_cast<std::uint64_t>(next.value()) > static_cast<std::uint64_t>(first.value()));
  REQUIRE(static_cast<std::uint64_t>(next.value()) < 8);
  REQUIRE(database.live([&](View& view) { return view.remove(table, next.value()); }).ok());
  Database loaded;
  REQUIRE(loaded.replay(database.captureAll()).ok());
  const auto after = insertLive(loaded, table, account(4, "d", 0));
  REQUIRE(static_cast<std::uint64_t>(after.value()) > static_cast<std::uint64_t>(next.value()));
}

TEST_CASE("a capture of long texts comes in bounded pieces", "[view]") {
  Database database;
  const TableId table = database.create(accounts());
  const std::string text(1000000, 'x');
  for (int id = 0; id < 20; ++id) {
    const std::string owner = std::to_string(id) + text;
    REQUIRE(insertLive(database, table, account(id, owner, id)).ok());
  }
  REQUIRE(database.live([&](View& view) { return view.remove(table, find(view, table, 7)); }).ok());
  const Lsn snapshot = database.openSnapshot();
  std::size_t longest = 0;
  Database loaded;
  REQUIRE(database.store
              .capture(
                  snapshot,
                  [&](std::string_view piece) {
                    longest = std::max(longest, piece.size());
                    return loaded.replay(piece);
                  },
                  1 << 16)
              .ok());
  database.versions.releaseSnapshot(snapshot);
  REQUIRE(longest < 1200000);
  loaded.store.verify();
  REQUIRE(loaded.rows(table) == database.rows(table));
}

TEST_CASE("damaged effects end in an error, not in a crash", "[view]") {
  Database database;
  TableSchema schema = accounts();
  schema.columns.push_back(column("v", SqlType::vector(4)));
  const TableId table = database.create(schema);
  const float floats[4] = {1, 2, 3, 4};
  for (int id = 0; id < 20; ++id) {
    const std::string owner = "owner number " + std::to_string(id);
    std::vector<Datum> row = account(id, owner, id);
    row.push_back(id % 3 == 0 ? Datum::null() : Datum::vector(floats));
    REQUIRE(insertLive(database, table, row).ok());
  }
  REQUIRE(database.underLocks([&](View& view) { return setBalance(view, table, 3, 4); }).ok());
  REQUIRE(database.underLocks([&](View& view) { return view.remove(table, find(view, table, 5)); }).ok());
  std::string all;
  for (const std::string& record : database.log) {
    all += record;
  }
  const std::string captured = database.captureAll();
  std::mt19937_64 random(99);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = i % 2 == 0 ? all : captured;
    if (random() % 4 == 0) {
      bytes.resize(random() % bytes.size());
    } else {
      for (auto flips = 1 + random() % 3; flips > 0; --flips) {
        bytes[random() % bytes.size()] ^= static_cast<char>(1U << (random() % 8));
      }
    }
    Database victim;
    const Status status = victim.replay(bytes);
    if (!status.ok()) {
      REQUIRE(status.error().code == ErrorCode::kCorruption);
      ++refused;
    } else {
      victim.store.verify();
    }
  }
  REQUIRE(refused > 1000);
}
