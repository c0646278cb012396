// What deleted rows leave behind: blocks are packed or freed, and nobody who reads or writes them can tell.
#include <catch2/catch.hpp>
#include <random>

#include "tests/sql/storage/store_fixture.hpp"

using namespace trefoil;
using namespace trefoil::sql;
using namespace trefoil::sql::test;

namespace {

constexpr std::size_t kDimension = 3;

struct Subject {
  Database database;
  TableId id;
  RowMap rows;
  std::mt19937_64 random;
  std::array<float, kDimension> element_{};

  explicit Subject(std::uint64_t seed) : random(seed) {
    TableSchema schema;
    schema.name = "t";
    schema.columns = {column("id", SqlType::bigint()), column("n", SqlType::integer()), column("name", SqlType::text()),
                      column("ok", SqlType::boolean()), column("v", SqlType::vector(kDimension))};
    schema.indexes = {primaryKey({0}), plainIndex({2, 1})};
    id = database.create(schema);
  }
  OwnedRow row(std::int64_t key) {
    std::string name = "a name that lies elsewhere " + std::to_string(random() % 1000);
    return OwnedRow({Datum::integer(key), random() % 5 == 0 ? Datum::null() : Datum::integer(key % 7),
                     random() % 5 == 0 ? Datum::null() : Datum::text(random() % 2 == 0 ? name : "short"),
                     Datum::boolean(random() % 2 == 0), vector()});
  }
  Datum vector() {
    if (random() % 5 == 0) {
      return Datum::null();
    }
    for (float& element : element_) {
      element = static_cast<float>(random() % 100) + 1;
    }
    return Datum::vector(element_);
  }
  void insert(View& view, std::int64_t from, std::int64_t to) {
    for (std::int64_t key = from; key < to; ++key) {
      const OwnedRow values = row(key);
      const auto inserted = view.insert(id, values.view());
      REQUIRE(inserted.ok());
      rows.emplace(static_cast<std::uint64_t>(*inserted), values);
    }
  }
  void insert(std::int64_t from, std::int64_t to) {
    REQUIRE(database
                .underLocks([&](View& view) {
                  insert(view, from, to);
                  return Status();
                })
                .ok());
  }
  template <typename Picks>
  void remove(Picks&& picks) {
    if (random() % 2 == 0) {
      for (auto row = rows.begin(); row != rows.end();) {
        if (!picks(row->first)) {
          ++row;
          continue;
        }
        REQUIRE(database.live([&](View& view) { return view.remove(id, static_cast<RowId>(row->first)); }).ok());
        row = rows.erase(row);
      }
      return;
    }
    REQUIRE(database
                .underLocks([&](View& view) {
                  for (auto row = rows.begin(); row != rows.end();) {
                    if (picks(row->first)) {
                      REQUIRE(view.remove(id, static_cast<RowId>(row->first)).ok());
                      row = rows.erase(row);
                    } else {
                      ++row;
                    }
                  }
                  return Status();
                })
                .ok());
  }
  void updateSome() {
    for (auto& [number, values] : rows) {
      if (random() % 10 != 0) {
        continue;
      }
      const std::string name = "renamed, and once more far away " + std::to_string(random() % 100);
      const ColumnValue changes[] = {
          {1, random() % 3 == 0 ? Datum::null() : Datum::integer(5)}, {2, Datum::text(name)}, {4, vector()}};
      const auto row = static_cast<RowId>(number);
      REQUIRE(database.live([&](View& view) { return view.update(id, row, changes); }).ok());
      for (const ColumnValue& change : changes) {
        values.values[change.column] = Value(change.value);
      }
    }
  }
  const TableVersion& version() {
    EffectBuffer effects;
    View view(database.store, effects);
    return *view.rows(id).version();
  }
  // Room for so many rows in the chunks.
  std::size_t room() {
    std::size_t positions = 0;
    for (std::uint32_t number = 0; number < version().block_count; ++number) {
      const Block* block = version().findBlock(number);
      positions += block == nullptr ? 0 : block->column(0)->capacity;
    }
    return positions;
  }
  void check() {
    database.store.verify();
    REQUIRE(database.rows(id) == rows);
    checkVectors();
  }
  // What exact search is given of each block, and what operators are.
  void checkVectors() {
    EffectBuffer effects;
    View view(database.store, effects);
    const TableReader reader = view.rows(id);
    const vector::VectorArena& arena = reader.vectorArena(4);
    RowMap found;
    std::vector<VectorRef> refs(kBlockRows);
    std::vector<std::int64_t> ids(kBlockRows);
    for (std::uint32_t number = reader.firstBlock(); number < reader.blockCount(); ++number) {
      const BlockReader block = reader.block(number);
      if (block.rowCount() == 0) {
        continue;
      }
      const vector::CandidateBlock candidates = block.candidates(4);
      std::size_t with_vector = 0;
      forEachBit(block.presentRows(), [&](std::uint32_t i) {
        const Datum expected = rows.at(candidates.first_row + i).values[4].view();
        const vector::Slot slot = candidates.slots[i];
        REQUIRE(identical(slot == vector::kNoSlot ? Datum::null() : Datum::vector(arena.at(slot)), expected));
        with_vector += slot == vector::kNoSlot ? 0 : 1;
      });
      const Column column = block.fillVectors(4, refs.data());
      block.rowIds(ids.data());
      BlockReader::Words scratch;
      forEachBit(block.present(scratch), [&](std::uint32_t position) {
        REQUIRE(identical(column.datum(position), rows.at(static_cast<std::uint64_t>(ids[position])).values[4].view()));
        with_vector -= column.isNull(position) ? 0 : 1;
      });
      REQUIRE(with_vector == 0);
    }
  }
};

constexpr std::int64_t kRows = 10 * kBlockRows;

}  // namespace

TEST_CASE("blocks whose rows are gone are freed, and sparse ones packed, under open snapshots", "[table]") {
  Subject table(GENERATE(1U, 2U));
  table.insert(0, kRows + 10);
  const Lsn all = table.database.openSnapshot();
  const RowMap all_rows = table.rows;
  const auto at = [&](Lsn snapshot) {
    EffectBuffer effects;
    View view(table.database.store, effects, snapshot, View::kReadOnly);
    return readAll(view.scan(table.id));
  };

  table.remove([](std::uint64_t row) { return row % 2 == 0 && row < kRows; });
  table.check();
  CHECK(table.room() <= kRows / 2 + 2 * kBlockRows);
  table.updateSome();
  table.check();
  const Lsn half = table.database.openSnapshot();
  const RowMap half_rows = table.rows;

  table.remove([&](std::uint64_t row) { return row < kRows && table.random() % 20 != 0; });
  table.check();
  CHECK(table.room() <= kRows / 10 + 2 * kBlockRows);
  table.updateSome();
  table.check();
  REQUIRE(at(all) == all_rows);
  REQUIRE(at(half) == half_rows);

  // A capture knows nothing of it, and what is loaded is as small.
  Database loaded;
  REQUIRE(loaded.replay(table.database.captureAll()).ok());
  loaded.store.verify();
  REQUIRE(loaded.rows(table.id) == table.rows);

  table.remove([](std::uint64_t row) { return row < kRows; });
  table.check();
  CHECK(table.room() <= 2 * kBlockRows);
  CHECK(table.version().first_block >= 10);
  table.insert(0, 100);
  table.check();
  REQUIRE(at(all) == all_rows);
  REQUIRE(at(half) == half_rows);
  table.database.versions.releaseSnapshot(half);
  REQUIRE(at(all) == all_rows);
  table.database.versions.releaseSnapshot(all);
  REQUIRE(table.database.versions.limboSize() == 0);

  // The same effects, replayed.
  Database replayed;
  for (const std::string& record : table.database.log) {
    REQUIRE(replayed.replay(record).ok());
  }
  replayed.store.verify();
  REQUIRE(replayed.rows(table.id) == table.rows);
}

TEST_CASE("a row whose id was given earlier finds its place in a packed block, and a rollback leaves none", "[table]") {
  Subject table(3);
  table.insert(0, 100);
  test::Transaction late(table.database);  // takes ids in block 0
  for (std::int64_t key = 100000; key < 100020; ++key) {
    const OwnedRow values = table.row(key);
    REQUIRE(late.view.insert(table.id, values.view()).ok());
  }
  table.insert(100, 3 * kBlockRows);
  table.remove([](std::uint64_t row) { return row < kBlockRows && row % 50 != 0; });
  table.check();
  REQUIRE(table.version().findBlock(0)->packed != 0);

  test::Transaction undone(table.database);
  const std::size_t mark = undone.effects.size();
  for (const auto& [row, values] : table.rows) {
    REQUIRE(undone.view.remove(table.id, static_cast<RowId>(row)).ok());
  }
  REQUIRE(readAll(undone.view.rows(table.id)).empty());
  undone.rollbackTo(mark);
  REQUIRE(readAll(undone.view.rows(table.id)) == table.rows);
  table.check();

  for (const auto& [row, values] : readAll(late.view.rows(table.id))) {
    if (values.values[0].view().asInteger() >= 100000) {
      table.rows.emplace(row, values);
    }
  }
  REQUIRE(late.commit().ok());
  table.check();
  REQUIRE(table.version().findBlock(0)->packed == 0);
}

TEST_CASE("a queue does not grow, and rows deleted while their block is filled leave nothing either", "[table]") {
  Subject table(4);
  std::int64_t next = 0;
  for (int round = 0; round < 300; ++round) {
    table.insert(next, next + 100);
    next += 100;
    const std::uint64_t oldest = table.rows.begin()->first;
    round % 2 == 0 ? table.remove([&](std::uint64_t row) { return row < oldest + 90; })
                   : table.remove([&](std::uint64_t row) { return row % 100 != 7; });
  }
  table.check();
  CHECK(table.room() <= 3 * kBlockRows + 10 * table.rows.size());
  REQUIRE(table.database.underLocks([&](View& view) { return view.truncate(table.id); }).ok());
  table.rows.clear();
  table.check();
  CHECK(table.room() == 0);
}
