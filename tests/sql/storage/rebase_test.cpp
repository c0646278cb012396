// A statement that others overtake, against a map of rows: whatever they do between its parts, what it leaves is what it would
// have made of the table as they left it; in memory, in the log, in the vector index, and nothing stays in limbo.
#include <catch2/catch.hpp>
#include <deque>
#include <random>

#include "sql/storage/store.hpp"
#include "sql/storage/view.hpp"
#include "tests/sql/storage/store_fixture.hpp"

using namespace trefoil;
using namespace trefoil::sql;
using namespace trefoil::sql::test;

namespace {

enum Columns : std::uint32_t { kId, kKey, kName, kPrice, kNote, kVector };

TableSchema schema() {
  TableSchema schema;
  schema.name = "t";
  schema.columns = {column("id", SqlType::bigint()), column("k", SqlType::bigint()),
                    column("name", SqlType::text()), column("price", SqlType::doublePrecision()),
                    column("note", SqlType::text()), column("v", SqlType::vector(3))};
  schema.indexes = {uniqueKey({kName}), primaryKey({kId}), plainIndex({kKey}), plainIndex({kKey, kName})};
  return schema;
}

// What the statement makes of a row; nothing: it leaves it alone. Rows are told by their values only.
struct Statement {
  int kind;
  std::string name, note;
  std::vector<float> vector;
  std::vector<ColumnValue> changes;

  enum class Does { kNothing, kChanges, kRemoves };
  Does look(const std::vector<Datum>& row) {
    const std::int64_t key = row[kKey].asInteger();
    const std::int64_t id = row[kId].asInteger();
    changes.clear();
    switch (kind) {
      case 0:  // no index
        note = std::string(row[kNote].isNull() ? "nothing so far" : row[kNote].asBytes().substr(0, 40)) + " and more of it";
        changes = {{kPrice, Datum::real(static_cast<double>(key))}, {kNote, Datum::text(note)}};
        return Does::kChanges;
      case 1:  // an index that is not unique
        changes = {{kKey, Datum::integer(key + 1)}};
        return key % 3 != 0 ? Does::kChanges : Does::kNothing;
      case 2:  // unique indexes
        name = "moved " + std::string(row[kName].asBytes().substr(0, 60));
        changes = {{kName, Datum::text(name)}, {kId, Datum::integer(id + 1000000)}};
        return id < 1000000 && id % 2 == 0 ? Does::kChanges : Does::kNothing;
      case 3:
        vector = {static_cast<float>(key), 1, 2};
        changes = {{kVector, Datum::vector(vector)}, {kNote, Datum::null()}};
        return key % 2 == 0 ? Does::kChanges : Does::kNothing;
      default:
        return key % 8 == 0 ? Does::kRemoves : Does::kNothing;
    }
  }

  void run(View& view, TableId table, const std::vector<RowId>& rows) {
    for (const RowId row : rows) {
      const OwnedRow now = [&] {
        std::vector<Datum> values(6);
        view.rows(table).row(row, values);
        return OwnedRow(values);
      }();
      const Does does = look(now.view());
      if (does == Does::kChanges) {
        REQUIRE(view.update(table, row, changes).ok());
      } else if (does == Does::kRemoves) {
        REQUIRE(view.remove(table, row).ok());
      }
    }
  }
  RowMap expected(const RowMap& rows) {
    RowMap result;
    for (const auto& [row, values] : rows) {
      std::vector<Datum> now = values.view();
      const Does does = look(now);
      if (does == Does::kChanges) {
        for (const ColumnValue& change : changes) {
          now[change.column] = change.value;
        }
      }
      if (does != Does::kRemoves) {
        result.emplace(row, OwnedRow(now));
      }
    }
    return result;
  }
};

class Others {
 public:
  Others(Database& database, TableId table, std::mt19937_64& random) : database_(database), table_(table), random_(random) {}

  void insert(View& view) {
    const std::int64_t id = next_id_++;
    const std::string name = "name " + std::to_string(id) + (id % 3 == 0 ? "" : " with a tail that is long");
    const std::string note = "a note that does not fit into a cell " + std::to_string(id);
    const std::vector<float> vector = {static_cast<float>(id), 0, 1};
    REQUIRE(view.insert(table_, std::vector<Datum>{Datum::integer(id), Datum::integer(id % 50), Datum::text(name), Datum::real(0),
                                                   random_() % 4 == 0 ? Datum::null() : Datum::text(note),
                                                   random_() % 5 == 0 ? Datum::null() : Datum::vector(vector)})
                .ok());
  }

  // Some changes, each of them committed, or all of them at once.
  void work(int count) {
    const auto change = [&](View& view) {
      const RowMap rows = readAll(view.rows(table_));
      for (int i = 0; i < (view.isLive() ? 1 : count); ++i) {
        one(view, rows);
      }
      return Status();
    };
    touched_.clear();
    if (random_() % 2 == 0) {
      REQUIRE(database_.underLocks(change).ok());
      return;
    }
    for (int i = 0; i < count; ++i) {
      touched_.clear();
      REQUIRE(database_.live(change).ok());
    }
  }

 private:
  void one(View& view, const RowMap& rows) {
    if (random_() % 3 == 0 || rows.empty()) {
      return insert(view);
    }
    auto found = rows.begin();
    std::advance(found, static_cast<std::ptrdiff_t>(random_() % rows.size()));
    const auto row = static_cast<RowId>(found->first);
    if (std::find(touched_.begin(), touched_.end(), row) != touched_.end()) {
      return insert(view);
    }
    touched_.push_back(row);
    const std::vector<Datum> values = found->second.view();
    const std::string text = "changed by others, number " + std::to_string(next_id_++);
    const std::vector<float> vector = {1, 2, static_cast<float>(random_() % 100)};
    std::vector<ColumnValue> changes;
    switch (random_() % 8) {
      case 0:
        REQUIRE(view.remove(table_, row).ok());
        return;
      case 1:
        changes = {{kKey, Datum::integer(static_cast<std::int64_t>(random_() % 50))}};
        break;
      case 2:
        changes = {{kName, Datum::text(text)}};
        break;
      case 3:
        changes = {{kNote, random_() % 2 == 0 ? Datum::null() : Datum::text(text)}};
        break;
      case 4:
        changes = {{kVector, random_() % 2 == 0 ? Datum::null() : Datum::vector(vector)}};
        break;
      case 5:  // to what they are: the objects are others
        for (std::uint32_t column = 0; column < values.size(); ++column) {
          changes.push_back({column, values[column]});
        }
        break;
      case 6:
        changes = {{kKey, values[kKey]}};
        break;
      default:
        changes = {{kPrice, Datum::real(static_cast<double>(random_() % 1000))}};
    }
    REQUIRE(view.update(table_, row, changes).ok());
  }

  Database& database_;
  TableId table_;
  std::mt19937_64& random_;
  std::int64_t next_id_ = 1;
  std::vector<RowId> touched_;
};

std::vector<RowId> allRows(const TableReader& reader) {
  std::vector<RowId> rows;
  for (const auto& [row, values] : readAll(reader)) {
    rows.push_back(static_cast<RowId>(row));
  }
  return rows;
}

// The graph agrees with the table, row by row: reading it back says so.
void checkVectorIndex(Database& database, TableId table) {
  const Lsn snapshot = database.openSnapshot();
  while (database.store.followVectorIndexes(snapshot)) {
  }
  {
    EffectBuffer effects;
    View view(database.store, effects, snapshot, View::kReadOnly);
    const TableVersion& version = *view.rows(table).version();
    const auto captures = database.store.captureVectorIndexes(snapshot);
    REQUIRE(captures.size() == 1);
    std::vector<std::string> chunks;
    REQUIRE(captures[0]
                .index
                ->write(snapshot,
                        [&](std::string_view chunk) {
                          chunks.emplace_back(chunk);
                          return Status();
                        })
                .ok());
    VectorIndex again((*version.vectors)[kVector], version.schema->vector_indexes[0], false);
    std::size_t next = 0;
    const Status agrees = again.read(version, [&]() -> Result<std::string_view> {
      return next < chunks.size() ? std::string_view(chunks[next++]) : std::string_view();
    });
    INFO((agrees.ok() ? "" : agrees.error().message));
    REQUIRE(agrees.ok());
  }
  database.versions.releaseSnapshot(snapshot);
}

// Open snapshots; the last two at most.
struct Later {
  explicit Later(Database& database_in) : database(database_in) {}
  Later(const Later&) = delete;
  Later& operator=(const Later&) = delete;
  ~Later() {
    for (const Lsn lsn : lsns) {
      database.versions.releaseSnapshot(lsn);
    }
  }
  Lsn open() {
    lsns.push_back(database.openSnapshot());
    return lsns.back();
  }
  void closeAllButLast() {
    while (lsns.size() > 1) {
      database.versions.releaseSnapshot(lsns.front());
      lsns.pop_front();
    }
  }
  Database& database;
  std::deque<Lsn> lsns;
};

constexpr View::MoveLimits kNoLimits{.blocks = 1000, .rows = 100000};

bool hasPackedBlock(Database& database, TableId table) {
  EffectBuffer effects;
  View view(database.store, effects);
  const TableVersion& version = *view.rows(table).version();
  for (std::uint32_t number = 0; number < version.block_count; ++number) {
    if (const Block* block = version.findBlock(number); block != nullptr && block->packed != 0) {
      return true;
    }
  }
  return false;
}

// True: committed; false: a unique key was in the way, or a block was packed.
bool overtakeAndCommit(Database& database, TableId table, Others& others, Statement& statement, std::mt19937_64& random) {
  Later later(database);
  Transaction transaction(database);
  View& view = transaction.view;
  bool committed = false;
  const auto move = [&](auto&& moved) {
    if (!moved.ok()) {
      REQUIRE(moved.error().code == ErrorCode::kConflict);
      REQUIRE((statement.kind == 2 || hasPackedBlock(database, table)));  // which cannot be followed
      return false;
    }
    REQUIRE(moved->has_value());
    statement.run(view, table, (*moved)->rows);
    return true;
  };
  view.followRows(table);
  statement.run(view, table, allRows(view.scan(table)));
  bool alive = view.hasWrites();
  for (auto moves = random() % 4; alive && moves > 0; --moves) {
    others.work(static_cast<int>(random() % 30));
    const Lsn snapshot = later.open();
    alive = move(view.moveOn(snapshot, kNoLimits));
    later.closeAllButLast();
    if (random() % 2 == 0) {
      view.seal(snapshot);
    }
  }
  if (alive) {
    others.work(static_cast<int>(random() % 10));
    alive = move(view.moveOnToLive(kNoLimits));
  }
  if (alive) {
    const RowMap expected = statement.expected(database.rows(table));
    REQUIRE(transaction.commit().ok());
    REQUIRE(database.adopted_whole);
    REQUIRE(database.rows(table) == expected);
    database.store.verify();
    committed = true;
  }
  others.work(static_cast<int>(random() % 10));  // what was replaced is retired after this
  return committed;
}

}  // namespace

TEST_CASE("a statement that others overtake leaves what it would have left had it begun at its end", "[store]") {
  const auto seed = GENERATE(range(1, 9));
  std::mt19937_64 random(static_cast<std::uint64_t>(seed));
  Database database;
  const TableId table = database.create(schema());
  REQUIRE(database
              .underLocks([&](View& view) {
                VectorIndexDefinition index;
                index.column = kVector;
                index.m = 8;
                index.ef_construction = 32;
                return view.createVectorIndex(table, index);
              })
              .ok());
  Others others(database, table, random);
  const int rows = seed % 2 == 0 ? 300 : 6000;  // that fill their blocks well: nobody packs them
  REQUIRE(database
              .underLocks([&](View& view) {
                for (int i = 0; i < rows; ++i) {
                  others.insert(view);
                }
                return Status();
              })
              .ok());
  std::optional<Lsn> old;
  int committed = 0;
  for (int i = 0; i < 8; ++i) {
    Statement statement;
    statement.kind = static_cast<int>(random() % 5);
    INFO("seed " << seed << ", statement " << i << " of kind " << statement.kind);
    committed += overtakeAndCommit(database, table, others, statement, random) ? 1 : 0;
    database.store.verify();
    if (i == 2) {
      old = database.openSnapshot();
    }
    if (i == 5) {
      database.versions.releaseSnapshot(*old);
    }
  }
  REQUIRE(committed > 2);
  REQUIRE(database.versions.limboSize() == 0);
  checkVectorIndex(database, table);

  Database replica;
  for (const std::string& record : database.log) {
    std::string settled;
    const auto effects = settleRevisions(record, true, settled);
    REQUIRE(effects.ok());
    REQUIRE(replica.replay(*effects).ok());
  }
  REQUIRE(replica.rows(table) == database.rows(table));
  replica.store.verify();
}

TEST_CASE("a statement does not move on to a table that was emptied, dropped or got another schema", "[store]") {
  Database database;
  std::mt19937_64 random(1);
  const TableId table = database.create(schema());
  Others others(database, table, random);
  others.work(20);
  Statement statement{.kind = 0};
  Transaction transaction(database);
  transaction.view.followRows(table);
  statement.run(transaction.view, table, allRows(transaction.view.scan(table)));
  SECTION("TRUNCATE") {
    REQUIRE(database.underLocks([&](View& view) { return view.truncate(table); }).ok());
  }
  SECTION("CREATE INDEX") {
    REQUIRE(database.underLocks([&](View& view) { return view.createIndex(table, plainIndex({kPrice})); }).ok());
  }
  SECTION("DROP TABLE") {
    REQUIRE(database.underLocks([&](View& view) { return view.dropTable(table); }).ok());
  }
  const auto moved = transaction.view.moveOnToLive(kNoLimits);
  REQUIRE(!moved.ok());
  REQUIRE(moved.error().code == ErrorCode::kConflict);
}

TEST_CASE("a move that would be too much does nothing, and may be tried again", "[store]") {
  Database database;
  std::mt19937_64 random(7);
  const TableId table = database.create(schema());
  Others others(database, table, random);
  others.work(50);
  Statement statement{.kind = 1};
  Transaction transaction(database);
  transaction.view.followRows(table);
  statement.run(transaction.view, table, allRows(transaction.view.scan(table)));
  others.work(30);
  auto moved = transaction.view.moveOnToLive({.blocks = 10, .rows = 1});
  REQUIRE(moved.ok());
  REQUIRE(!moved->has_value());
  moved = transaction.view.moveOnToLive(kNoLimits);
  REQUIRE(moved.ok());
  statement.run(transaction.view, table, (*moved)->rows);
  const RowMap expected = statement.expected(database.rows(table));
  REQUIRE(transaction.commit().ok());
  REQUIRE(database.rows(table) == expected);
}
