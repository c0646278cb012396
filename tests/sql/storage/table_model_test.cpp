// Tables against a map of rows: random changes, live and staged, with snapshots open; effects replayed elsewhere; captures
// loaded.
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

TableSchema everyType() {
  TableSchema schema;
  schema.name = "t";
  schema.columns = {column("id", SqlType::bigint()),  column("k", SqlType::integer()),
                    column("name", SqlType::text()),  column("price", SqlType::doublePrecision()),
                    column("ok", SqlType::boolean()), column("at", SqlType::timestamp()),
                    column("note", SqlType::bytea()), column("doc", SqlType::json()),
                    column("v", SqlType::vector(3)),  column("day", SqlType::date())};
  schema.indexes = {uniqueKey({2}), primaryKey({0}), plainIndex({1}), plainIndex({2, 3})};
  return schema;
}

class RandomRows {
 public:
  explicit RandomRows(std::mt19937_64& random) : random_(random) {}

  std::vector<Datum> row(std::int64_t key_range) {
    return {Datum::integer(number(key_range)),
            value(1, key_range),
            value(2, key_range),
            value(3, 10),
            value(4, 2),
            value(5, 1000),
            value(6, 100),
            value(7, 100),
            value(8, 100),
            value(9, 100)};
  }
  // A value for a column; the bytes live until the next call for that column.
  Datum value(std::uint32_t column, std::int64_t range) {
    if (column != 0 && random_() % 8 == 0) {
      return Datum::null();
    }
    std::string& bytes = bytes_[column];
    switch (column) {
      case 0:
      case 1:
        return Datum::integer(number(range));
      case 2:
        bytes = std::string(random_() % 3, '\0') + "name " + std::to_string(number(range)) +
                (random_() % 2 == 0 ? " with a long tail" : "");
        return Datum::text(bytes);
      case 3:
        return Datum::real(static_cast<double>(number(range)) / 4 - 1);
      case 4:
        return Datum::boolean(random_() % 2 == 0);
      case 5:
        return Datum::integer(number(range));
      case 6:
        bytes = std::string(static_cast<std::size_t>(number(40)), 'x');
        return Datum::blob(bytes);
      case 7:
        bytes = "{\"a\": " + std::to_string(number(range)) + "}";
        return Datum::text(bytes);
      case 8:
        for (float& f : floats_) {
          f = static_cast<float>(number(100));
        }
        return Datum::vector(floats_);
      default:
        return Datum::integer(number(range));
    }
  }
  std::int64_t number(std::int64_t range) { return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(range)); }

 private:
  std::mt19937_64& random_;
  std::string bytes_[10];
  float floats_[3]{};
};

bool sameKey(const RowMap& rows, const OwnedRow& candidate, std::optional<std::uint64_t> self) {
  for (const auto& [id, row] : rows) {
    if (self == id) {
      continue;
    }
    if (identical(row.values[0].view(), candidate.values[0].view()) ||
        (!candidate.values[2].isNull() && identical(row.values[2].view(), candidate.values[2].view()))) {
      return true;
    }
  }
  return false;
}

// One random change of `rows` through `view`, whose answer must be the model's.
void changeOnce(View& view, TableId table, RowMap& rows, RandomRows& values, std::mt19937_64& random, std::int64_t key_range) {
  const auto choice = random() % 10;
  const auto any = [&] {
    auto row = rows.begin();
    std::advance(row, static_cast<std::ptrdiff_t>(random() % rows.size()));
    return row;
  };
  if (choice < 5 || rows.empty()) {
    const auto row = values.row(key_range);
    const OwnedRow owned(row);
    const auto result = view.insert(table, row);
    REQUIRE(result.ok() != sameKey(rows, owned, std::nullopt));
    if (result.ok()) {
      REQUIRE(rows.emplace(static_cast<std::uint64_t>(result.value()), owned).second);
    } else {
      REQUIRE(result.error().code == ErrorCode::kUniqueViolation);
    }
  } else if (choice < 8) {
    const auto target = any();
    std::vector<ColumnValue> changes;
    OwnedRow changed = target->second;
    for (std::uint32_t column = 0; column < 10; ++column) {
      if (random() % 4 == 0) {
        changes.push_back({column, values.value(column, key_range)});
        changed.values[column] = Value(changes.back().value);
      }
    }
    const Status status = view.update(table, static_cast<RowId>(target->first), changes);
    REQUIRE(status.ok() != sameKey(rows, changed, target->first));
    if (status.ok()) {
      target->second = changed;
    }
  } else {
    const auto target = any();
    REQUIRE(view.remove(table, static_cast<RowId>(target->first)).ok());
    rows.erase(target);
  }
}

void requireLookups(const TableReader& reader, const RowMap& rows) {
  for (const auto& [id, row] : rows) {
    const Datum key = row.values[0].view();
    REQUIRE(reader.findUnique(0, {&key, 1}) == static_cast<RowId>(id));
    const Datum name = row.values[2].view();
    REQUIRE(reader.findUnique(1, {&name, 1}) == (name.isNull() ? std::nullopt : std::optional<RowId>(static_cast<RowId>(id))));
  }
}

}  // namespace

TEST_CASE("random changes agree with a map of rows, live and staged, with snapshots open", "[table]") {
  const std::uint64_t seed = GENERATE(11U, 12U, 13U, 14U);
  const std::int64_t key_range = GENERATE(40, 3000);
  CAPTURE(seed, key_range);
  std::mt19937_64 random(seed);
  RandomRows values(random);
  Database database;
  const TableId table = database.create(everyType());
  REQUIRE(database.adopted_whole);
  RowMap rows;
  struct Open {
    Lsn lsn;
    RowMap rows;
  };
  std::deque<Open> snapshots;
  for (int step = 0; step < 150; ++step) {
    const auto choice = random() % 12;
    if (choice < 4) {  // live: one change a statement
      for (int i = 0; i < 20; ++i) {
        EffectBuffer effects;
        View view(database.store, effects);
        changeOnce(view, table, rows, values, random, key_range);
        REQUIRE(database.commit(view, effects).ok());
      }
    } else if (choice < 7) {  // a transaction with a savepoint, perhaps with somebody else's commit beside it
      Transaction transaction(database);
      RowMap mine = rows;
      for (auto i = random() % 60; i > 0; --i) {
        changeOnce(transaction.view, table, mine, values, random, key_range);
      }
      const std::size_t mark = transaction.effects.size();
      const RowMap at_mark = mine;
      for (auto i = random() % 30; i > 0; --i) {
        changeOnce(transaction.view, table, mine, values, random, key_range);
      }
      REQUIRE(readAll(transaction.view.rows(table)) == mine);
      if (random() % 2 == 0) {
        transaction.rollbackTo(mark);
        mine = at_mark;
        REQUIRE(readAll(transaction.view.rows(table)) == mine);
      }
      REQUIRE(database.rows(table) == rows);  // nobody else sees any of it
      const bool disturbed = random() % 2 == 0 && transaction.view.hasWrites();
      if (disturbed) {
        // A row with keys that nobody else uses: must not conflict, and must survive.
        std::vector<Datum> other = values.row(key_range);
        other[0] = Datum::integer(1000000 + step);
        other[2] = Datum::null();
        const auto id = database.live([&](View& view) { return view.insert(table, other); });
        REQUIRE(id.ok());
        rows.emplace(static_cast<std::uint64_t>(id.value()), OwnedRow(other));
        mine.emplace(static_cast<std::uint64_t>(id.value()), OwnedRow(other));
      }
      if (random() % 3 != 0) {
        REQUIRE(transaction.commit().ok());
        REQUIRE(database.adopted_whole != disturbed);
        rows = mine;
      }
    } else if (choice < 9) {
      snapshots.push_back({database.openSnapshot(), rows});
    } else if (choice < 11 && !snapshots.empty()) {
      const auto which = static_cast<std::ptrdiff_t>(random() % snapshots.size());
      Open& open = snapshots[static_cast<std::size_t>(which)];
      {
        EffectBuffer effects;
        View view(database.store, effects, open.lsn, View::kReadOnly);
        REQUIRE(readAll(view.scan(table)) == open.rows);
        requireLookups(view.rows(table), open.rows);
      }
      database.versions.releaseSnapshot(open.lsn);
      snapshots.erase(snapshots.begin() + which);
    } else if (random() % 4 == 0) {
      REQUIRE(database.underLocks([&](View& view) { return view.truncate(table); }).ok());
      rows.clear();
    }
    REQUIRE(database.rows(table) == rows);
    if (step % 10 == 0) {
      database.store.verify();
    }
  }
  database.store.verify();

  // The effects of all commits make the same store, and so does a capture.
  Database replayed;
  for (const std::string& record : database.log) {
    REQUIRE(replayed.replay(record).ok());
  }
  replayed.store.verify();
  REQUIRE(replayed.rows(table) == rows);
  const std::string captured = database.captureAll();
  Database loaded;
  REQUIRE(loaded.replay(captured).ok());
  loaded.store.verify();
  REQUIRE(loaded.rows(table) == rows);
  REQUIRE(loaded.captureAll() == captured);
  for (const Open& open : snapshots) {
    database.versions.releaseSnapshot(open.lsn);
  }
  REQUIRE(database.versions.limboSize() == 0);
}

TEST_CASE("index ranges give the rows between the bounds in order", "[table]") {
  const std::uint64_t seed = GENERATE(21U, 22U);
  std::mt19937_64 random(seed);
  RandomRows values(random);
  Database database;
  const TableId table = database.create(everyType());
  RowMap rows;
  REQUIRE(database
              .underLocks([&](View& view) {
                for (int i = 0; i < 3000; ++i) {
                  changeOnce(view, table, rows, values, random, 300);
                }
                return Status();
              })
              .ok());
  EffectBuffer effects;
  View view(database.store, effects);
  const TableReader reader = view.rows(table);
  const auto collect = [&](std::size_t index, const IndexRange& range) {
    std::vector<std::uint64_t> found;
    IndexCursor cursor = reader.range(index, range);
    std::array<RowId, 7> batch;
    while (const std::size_t count = cursor.next(batch)) {
      for (std::size_t i = 0; i < count; ++i) {
        found.push_back(static_cast<std::uint64_t>(batch[i]));
      }
    }
    return found;
  };
  // The model: the same by sorting. Index 2 is on k, index 3 on (name, price).
  const auto expected = [&](std::uint32_t column, const std::optional<Datum>& equal, const IndexRange& range) {
    std::vector<std::pair<Value, std::uint64_t>> matches;
    const auto order = [](const Datum& a, const Datum& b) {
      return a.type() == Type::kDouble ? (a.asReal() < b.asReal()   ? -1
                                          : a.asReal() > b.asReal() ? 1
                                                                    : 0)
                                       : (a.asInteger() < b.asInteger()   ? -1
                                          : a.asInteger() > b.asInteger() ? 1
                                                                          : 0);
    };
    for (const auto& [id, row] : rows) {
      const Datum value = row.values[column].view();
      if (equal.has_value() && !identical(row.values[2].view(), *equal)) {
        continue;
      }
      if (value.isNull() && (range.lower.has_value() || range.upper.has_value() || reader.indexOmitsNulls(column == 1 ? 2 : 3))) {
        continue;
      }
      if (range.lower.has_value() && order(value, *range.lower) < (range.lower_inclusive ? 0 : 1)) {
        continue;
      }
      if (range.upper.has_value() && order(value, *range.upper) > (range.upper_inclusive ? 0 : -1)) {
        continue;
      }
      matches.emplace_back(Value(value), id);
    }
    std::sort(matches.begin(), matches.end(), [&](const auto& a, const auto& b) {
      if (a.first.isNull() != b.first.isNull()) {
        return b.first.isNull();
      }
      const int by_value = a.first.isNull() ? 0 : order(a.first.view(), b.first.view());
      return by_value != 0 ? by_value < 0 : a.second < b.second;
    });
    std::vector<std::uint64_t> ids;
    for (const auto& match : matches) {
      ids.push_back(match.second);
    }
    if (range.descending) {
      std::reverse(ids.begin(), ids.end());
    }
    return ids;
  };
  for (int i = 0; i < 300; ++i) {
    IndexRange range;
    range.lower_inclusive = random() % 2 == 0;
    range.upper_inclusive = random() % 2 == 0;
    range.descending = random() % 2 == 0;
    if (random() % 3 != 0) {
      range.lower = Datum::integer(values.number(300));
    }
    if (random() % 3 != 0) {
      range.upper = Datum::integer(values.number(300));
    }
    REQUIRE(collect(2, range) == expected(1, std::nullopt, range));
    // (name = …, price between …)
    auto row = rows.begin();
    std::advance(row, static_cast<std::ptrdiff_t>(random() % rows.size()));
    const Datum name = row->second.values[2].view();
    if (!name.isNull()) {
      range.equals = {&name, 1};
      range.lower =
          random() % 2 == 0 ? std::optional<Datum>(Datum::real(static_cast<double>(values.number(10)) / 4 - 1)) : std::nullopt;
      range.upper =
          random() % 2 == 0 ? std::optional<Datum>(Datum::real(static_cast<double>(values.number(10)) / 4 - 1)) : std::nullopt;
      REQUIRE(collect(3, range) == expected(3, name, range));
    }
  }
  IndexRange extremes;
  extremes.lower = Datum::integer(INT64_MAX);
  extremes.lower_inclusive = false;
  REQUIRE(collect(2, extremes).empty());
  extremes.upper = Datum::integer(INT64_MIN);
  extremes.upper_inclusive = false;
  REQUIRE(collect(2, extremes).empty());
}
