#include "sql/operators/group_table.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>

namespace trefoil::sql {
namespace {

// Rows of one or two key columns, built from optional values.
struct Keys {
  explicit Keys(const std::vector<Type>& types) {
    for (const Type type : types) {
      buffers.emplace_back(type, kMaxChunkRows);
    }
  }
  void set(std::size_t column, std::uint32_t row, const Datum& value) { buffers[column].set(row, value); }
  std::vector<Column> views() const {
    std::vector<Column> columns;
    for (const ColumnBuffer& buffer : buffers) {
      columns.push_back(buffer.view());
    }
    return columns;
  }
  std::vector<ColumnBuffer> buffers;
};

}  // namespace

TEST_CASE("a group table numbers keys as a map does, in range mode and after it") {
  const std::uint32_t seed = 20261121;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  // Keys in a narrow range, in a range that widens on both sides, and all over the place.
  const std::int64_t spread = GENERATE(as<std::int64_t>{}, 50, 5'000, 100'000, 1'000'000'000'000);
  WorkMeter meter;
  GroupTable table({Type::kInteger});
  std::map<std::optional<std::int64_t>, std::uint32_t> model;
  std::vector<std::uint32_t> groups(kMaxChunkRows);
  for (int round = 0; round < 60; ++round) {
    Keys keys({Type::kInteger});
    const auto count = static_cast<std::uint32_t>(random() % kMaxChunkRows + 1);
    std::vector<std::optional<std::int64_t>> values(count);
    const std::int64_t range = spread * (round + 1) / 60 + 1;
    for (std::uint32_t row = 0; row < count; ++row) {
      if (random() % 50 != 0) {
        values[row] = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(2 * range)) - range;
      }
      keys.set(0, row, values[row] ? Datum::integer(*values[row]) : Datum::null());
    }
    const bool insert = round % 3 != 2;
    if (insert) {
      REQUIRE(table.insert(meter, keys.views(), Rows{nullptr, count}, groups.data()).ok());
    } else {
      table.find(keys.views(), Rows{nullptr, count}, groups.data());
    }
    for (std::uint32_t row = 0; row < count; ++row) {
      if (insert) {
        const auto [found, is_new] = model.emplace(values[row], static_cast<std::uint32_t>(model.size()));
        REQUIRE(groups[row] == found->second);
      } else {
        const auto found = model.find(values[row]);
        REQUIRE(groups[row] == (found == model.end() ? GroupTable::kNone : found->second));
      }
    }
    REQUIRE(table.size() == model.size());
  }
  // The keys come back at their numbers.
  std::vector<Column> columns;
  for (const auto& [value, number] : model) {
    table.keys(number / 64 * 64, number % 64 + 1, columns);
    const Datum key = columns[0].datum(number % 64);
    REQUIRE(key.isNull() == !value.has_value());
    REQUIRE((!value || key.asInteger() == *value));
  }
}

TEST_CASE("a group table compares texts, doubles and NULLs as GROUP BY does") {
  WorkMeter meter;
  GroupTable table({Type::kText, Type::kDouble});
  std::vector<std::uint32_t> groups(kMaxChunkRows);
  Keys keys({Type::kText, Type::kDouble});
  const std::string long_text(100, 'x');
  const std::pair<Datum, Datum> rows[] = {
      {Datum::text("a"), Datum::real(0.0)},
      {Datum::text("a"), Datum::real(-0.0)},
      {Datum::text("b"), Datum::real(std::nan(""))},
      {Datum::text("b"), Datum::real(-std::nan(""))},
      {Datum::null(), Datum::real(1)},
      {Datum::text(""), Datum::real(1)},
      {Datum::text(long_text), Datum::null()},
      {Datum::text(long_text), Datum::null()},
  };
  std::uint32_t count = 0;
  for (const auto& [text, real] : rows) {
    keys.set(0, count, text);
    keys.set(1, count, real);
    ++count;
  }
  REQUIRE(table.insert(meter, keys.views(), Rows{nullptr, count}, groups.data()).ok());
  const std::vector<std::uint32_t> expected = {0, 0, 1, 1, 2, 3, 4, 4};
  REQUIRE(std::vector<std::uint32_t>(groups.begin(), groups.begin() + count) == expected);
  // Long texts are the table's own copies.
  keys = Keys({Type::kText, Type::kDouble});
  std::vector<Column> columns;
  table.keys(0, table.size(), columns);
  REQUIRE(columns[0].datum(4).asBytes() == long_text);
  REQUIRE(columns[1].datum(4).isNull());
}

}  // namespace trefoil::sql
