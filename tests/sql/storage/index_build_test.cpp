// Indexes that are built beside writers: after each step the tree is what a build from nothing makes, and the verdict about
// duplicates is that of a comparison of all rows.
#include "sql/storage/index_build.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "tests/sql/storage/store_fixture.hpp"

using namespace trefoil;
using namespace trefoil::sql;
using namespace trefoil::sql::test;

namespace {

std::vector<std::uint64_t> rowsInOrder(const IndexTree& tree) {
  tree.verify();
  std::vector<std::uint64_t> rows;
  IndexWalk walk = tree.walk({});
  std::array<RowId, 100> some;
  while (const std::size_t count = walk.next(some)) {
    for (std::size_t i = 0; i < count; ++i) {
      rows.push_back(static_cast<std::uint64_t>(some[i]));
    }
  }
  return rows;
}

struct Subject {
  Database database;
  TableId id;
  std::mt19937_64 random;
  std::int64_t key_range;
  std::set<std::uint64_t> rows;

  Subject(std::uint64_t seed, std::int64_t range) : random(seed), key_range(range) {
    TableSchema schema;
    schema.name = "t";
    schema.columns = {column("a", SqlType::bigint()), column("b", SqlType::text()), column("c", SqlType::integer())};
    id = database.create(schema);
  }
  std::int64_t number(std::int64_t range) { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(range)); }
  Datum a() { return number(20) == 0 ? Datum::null() : Datum::integer(number(key_range)); }
  Datum b(std::string& bytes) {
    bytes = "name " + std::to_string(number(key_range));
    return number(20) == 0 ? Datum::null() : Datum::text(bytes);
  }
  void change(View& view, int times) {
    std::string bytes;
    for (int i = 0; i < times; ++i) {
      const auto choice = number(4);
      if (choice < 2 || rows.empty()) {
        const std::vector<Datum> row = {a(), b(bytes), Datum::integer(number(3))};
        const auto inserted = view.insert(id, row);
        REQUIRE(inserted.ok());
        rows.insert(static_cast<std::uint64_t>(*inserted));
        continue;
      }
      auto some = rows.lower_bound(random() % (*rows.rbegin() + 1));
      const auto row = static_cast<RowId>(*some);
      if (choice == 2) {
        const ColumnValue changes[] = {{0, a()}, {1, b(bytes)}};
        const ColumnValue other[] = {{2, Datum::integer(number(3))}};
        REQUIRE((number(2) == 0 ? view.update(id, row, changes) : view.update(id, row, other)).ok());
      } else {
        REQUIRE(view.remove(id, row).ok());
        rows.erase(some);
      }
    }
  }
  void change(int times) {
    REQUIRE(database
                .underLocks([&](View& view) {
                  change(view, times);
                  return Status();
                })
                .ok());
  }
  const TableVersion& version() {
    EffectBuffer effects;
    View view(database.store, effects);
    return *view.rows(id).version();
  }
};

IndexDefinition indexOver(std::vector<std::uint32_t> columns, bool unique) {
  return {.id = 1, .name = "i", .columns = std::move(columns), .unique = unique};
}

}  // namespace

TEST_CASE("a build that follows its table has what a build from nothing has", "[table]") {
  const std::uint64_t seed = GENERATE(1U, 2U, 3U);
  const bool parallel = seed == 2;
  Subject table(seed, 500);
  table.change(static_cast<int>(seed) * 3000);
  const std::vector<IndexDefinition> definitions = {indexOver({0}, false), indexOver({1}, false), indexOver({2, 1, 0}, false)};
  std::vector<std::unique_ptr<IndexBuild>> builds;
  for (const IndexDefinition& definition : definitions) {
    builds.push_back(std::make_unique<IndexBuild>(table.version().schema, definition));
  }
  Lsn latest = kNoSnapshot;
  for (int round = 0; round < 8; ++round) {
    const Lsn snapshot = table.database.openSnapshot();
    const TableVersion& version = table.version();
    for (std::size_t i = 0; i < builds.size(); ++i) {
      REQUIRE(builds[i]->reach(version, {}, parallel).ok());
      IndexBuild fresh(version.schema, definitions[i]);
      REQUIRE(fresh.reach(version, {}, parallel).ok());
      REQUIRE(rowsInOrder(builds[i]->tree()) == rowsInOrder(fresh.tree()));
    }
    if (latest != kNoSnapshot) {
      table.database.versions.releaseSnapshot(latest);
    }
    latest = snapshot;
    if (round == 5) {
      REQUIRE(table.database.underLocks([&](View& view) { return view.truncate(table.id); }).ok());
      table.rows.clear();
    }
    table.change(1 + static_cast<int>(table.number(3000)));
  }
  // Under the lock it takes in little, and leaves much as it was.
  for (const int changes : {100, 5000}) {
    const Lsn snapshot = table.database.openSnapshot();
    for (const auto& build : builds) {
      REQUIRE(build->reach(table.version(), {}, false).ok());
    }
    table.database.versions.releaseSnapshot(latest);
    latest = snapshot;
    table.change(changes);
    for (std::size_t i = 0; i < builds.size(); ++i) {
      const auto before = rowsInOrder(builds[i]->tree());
      const Status caught = builds[i]->catchUp(table.version());
      IndexBuild fresh(table.version().schema, definitions[i]);
      REQUIRE(fresh.reach(table.version(), {}, false).ok());
      REQUIRE(caught.ok() == (changes == 100));
      REQUIRE(rowsInOrder(builds[i]->tree()) == (caught.ok() ? rowsInOrder(fresh.tree()) : before));
    }
    if (changes == 100) {  // it is at the live version now, which a snapshot has to keep
      table.database.versions.releaseSnapshot(latest);
      latest = table.database.openSnapshot();
    }
  }
  table.database.versions.releaseSnapshot(latest);
}

TEST_CASE("a unique index is refused exactly if two rows have its key", "[table]") {
  int refused = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Subject table(seed, 20000);
    table.change(150);
    const std::uint32_t column = seed % 2;
    const auto has_duplicates = [&] {
      std::set<std::string> keys;
      bool found = false;
      for (const auto& [row, values] : readAll(TableReader(&table.version()))) {
        const Datum value = values.values[column].view();
        found |= !value.isNull() && !keys.insert(shortText(table.version().schema->columns[column].type, value, 100)).second;
      }
      return found;
    };
    IndexBuild build(table.version().schema, indexOver({column}, true));
    Status status;
    std::vector<Lsn> snapshots;
    for (int round = 0; round < 4 && status.ok(); ++round) {
      snapshots.push_back(table.database.openSnapshot());
      status = round == 3 ? build.catchUp(table.version()) : build.reach(table.version(), {}, false);
      REQUIRE(status.ok() == !has_duplicates());
      if (!status.ok()) {
        CHECK(status.error().code == ErrorCode::kUniqueViolation);
        CHECK(status.error().message == "could not create unique index \"i\"");
        CHECK(status.error().detail.find(" is duplicated.") != std::string::npos);
        ++refused;
      }
      table.change(30);
    }
    for (const Lsn snapshot : snapshots) {
      table.database.versions.releaseSnapshot(snapshot);
    }
  }
  CHECK(refused > 5);
  CHECK(refused < 35);
}

TEST_CASE("a build ends when it is told to, and leaves nothing behind", "[table]") {
  Subject table(1, 100000);
  table.change(20000);
  for (const std::uint32_t column : {0U, 1U}) {
    for (int patience = 0; patience < 2; ++patience) {
      IndexBuild build(table.version().schema, indexOver({column}, false));
      std::atomic<int> left = patience;
      const Status status = build.reach(
          table.version(), [&] { return left-- > 0 ? Status() : Status(Error(ErrorCode::kCancelled, "enough")); }, false);
      REQUIRE(!status.ok());
      CHECK(status.error().code == ErrorCode::kCancelled);
    }
  }
}
