#include "sql/storage/matching_rows.hpp"

#include <catch2/catch.hpp>

#include "sql/expressions/functions.hpp"

namespace trefoil::sql {

namespace {

ExpressionPtr parameter(SqlType type, std::uint32_t index) {
  auto expression = std::make_unique<Expression>(ExpressionKind::kParameter, type);
  expression->index = index;
  return expression;
}

ExpressionPtr call(std::string_view name, ExpressionPtr left, ExpressionPtr right) {
  const SqlType types[] = {left->type, right->type};
  std::vector<ExpressionPtr> children;
  children.push_back(std::move(left));
  children.push_back(std::move(right));
  return makeCall(builtinFunction(name, types), SqlType::boolean(), std::move(children));
}

ExpressionPtr momentary(std::string_view name, SqlType type) {
  return makeCall(builtinFunction(name, {}), type, {});
}

std::shared_ptr<const RowSet> rows(std::size_t words = 1) {
  auto set = std::make_shared<RowSet>();
  set->words.resize(words);
  return set;
}

}  // namespace

TEST_CASE("rows are kept for one condition, its parameters and the table as it was") {
  const ExpressionPtr below = call("<", makeColumn(SqlType::bigint(), 0), parameter(SqlType::bigint(), 1));
  const ExpressionPtr above = call(">", makeColumn(SqlType::bigint(), 0), parameter(SqlType::bigint(), 1));
  const std::uint32_t columns[] = {3, 5};
  const std::uint32_t others[] = {5, 3};
  const Datum five[] = {Datum::text("not in it"), Datum::integer(5)};
  const Datum five_again[] = {Datum::text("nor this"), Datum::integer(5)};
  const Datum six[] = {Datum::text("not in it"), Datum::integer(6)};
  MatchingRows known;
  CHECK(known.find({*below, columns, five, 10}) == nullptr);
  const auto set = rows();
  known.keep({*below, columns, five, 10}, set);
  CHECK(known.find({*below, columns, five, 10}) == set);
  CHECK(known.find({*clone(*below), columns, five_again, 10}) == set);
  CHECK(known.find({*below, columns, six, 10}) == nullptr);
  CHECK(known.find({*below, columns, five, 11}) == nullptr);
  CHECK(known.find({*below, others, five, 10}) == nullptr);
  CHECK(known.find({*above, columns, five, 10}) == nullptr);
  known.keep({*above, columns, five, 11}, rows());
  CHECK(known.find({*below, columns, five, 10}) == nullptr);  // of a table that has changed since
}

TEST_CASE("values that compare equal and can be told apart are two") {
  const ExpressionPtr below = call("<", makeColumn(SqlType::doublePrecision(), 0), parameter(SqlType::doublePrecision(), 0));
  const std::uint32_t columns[] = {0};
  const Datum zero[] = {Datum::real(0.0)};
  const Datum minus_zero[] = {Datum::real(-0.0)};
  MatchingRows known;
  known.keep({*below, columns, zero, 1}, rows());
  CHECK(known.find({*below, columns, zero, 1}) != nullptr);
  CHECK(known.find({*below, columns, minus_zero, 1}) == nullptr);
}

TEST_CASE("the sets that were used last stay, as far as there is room") {
  const ExpressionPtr below = call("<", makeColumn(SqlType::bigint(), 0), parameter(SqlType::bigint(), 0));
  const std::uint32_t columns[] = {0};
  MatchingRows known;
  const auto find = [&](std::int64_t value) {
    const Datum parameters[] = {Datum::integer(value)};
    return known.find({*below, columns, parameters, 1}) != nullptr;
  };
  const auto keep = [&](std::int64_t value, std::size_t words) {
    const Datum parameters[] = {Datum::integer(value)};
    known.keep({*below, columns, parameters, 1}, rows(words));
  };
  constexpr auto kSets = static_cast<std::int64_t>(MatchingRows::kMostSets);
  for (std::int64_t i = 0; i < kSets; ++i) {
    keep(i, 1);
  }
  CHECK(find(0));
  keep(kSets, 1);
  CHECK(find(0));
  CHECK_FALSE(find(1));
  CHECK(find(2));
  constexpr std::size_t kHalf = MatchingRows::kMostBytes / sizeof(std::uint64_t) / 2;
  keep(100, kHalf);
  keep(101, kHalf);
  CHECK(find(100));
  CHECK(find(101));
  CHECK_FALSE(find(2));
  keep(102, kHalf);
  CHECK_FALSE(find(100));
  CHECK(find(101));
  CHECK(find(102));
  keep(103, 2 * kHalf + 1);
  CHECK_FALSE(find(103));
}

TEST_CASE("conditions that may answer otherwise tomorrow are not kept") {
  CHECK(MatchingRows::canKeep(*call("<", makeColumn(SqlType::bigint(), 0), parameter(SqlType::bigint(), 0))));
  CHECK_FALSE(MatchingRows::canKeep(
      *call("<", makeColumn(SqlType::doublePrecision(), 0), momentary("random", SqlType::doublePrecision()))));
  CHECK_FALSE(MatchingRows::canKeep(*call("<", makeColumn(SqlType::timestamp(), 0), momentary("now", SqlType::timestamp()))));
  auto outer = std::make_unique<Expression>(ExpressionKind::kOuter, SqlType::bigint());
  CHECK_FALSE(MatchingRows::canKeep(*call("<", makeColumn(SqlType::bigint(), 0), std::move(outer))));
}

}  // namespace trefoil::sql
