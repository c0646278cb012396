#include "base/value.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

namespace trefoil {
namespace {

TEST_CASE("the persisted numbers of the types are frozen") {
  // In logs and checkpoints that exist. Append, never change.
  const auto [type, number, name] = GENERATE(table<Type, int, std::string>({
      {Type::kNull, 0, "unknown"},
      {Type::kBool, 1, "boolean"},
      {Type::kInteger, 2, "integer"},
      {Type::kDouble, 3, "double precision"},
      {Type::kText, 4, "text"},
      {Type::kBlob, 5, "bytea"},
      {Type::kVector, 9, "vector"},
  }));
  CHECK(static_cast<int>(type) == number);
  CHECK(typeName(type) == name);
  CHECK(storageOf(static_cast<std::uint8_t>(number)) == type);
}

TEST_CASE("numbers that stood for more than a storage are read as what they are in memory") {
  CHECK(storageOf(6) == Type::kInteger);
  CHECK(storageOf(7) == Type::kInteger);
  CHECK(storageOf(8) == Type::kText);
  CHECK(storageOf(10) == std::nullopt);
  CHECK(storageOf(255) == std::nullopt);
}

std::vector<Datum> samples() {
  static const std::vector<float> floats = {1.5f, -2.0f, 0.0f};
  static const std::string long_text(1000, 'x');
  return {Datum::null(),
          Datum::boolean(false),
          Datum::boolean(true),
          Datum::integer(0),
          Datum::integer(INT64_MIN),
          Datum::real(0.5),
          Datum::real(std::numeric_limits<double>::infinity()),
          Datum::real(std::nan("")),
          Datum::text(""),
          Datum::text("text"),
          Datum::text(long_text),
          Datum::blob(std::string_view("a\0b", 3)),
          Datum::blob("text"),
          Datum::vector({}),
          Datum::vector(floats),
          Datum::vector(std::span(floats).first(2))};
}

TEST_CASE("a Value holds what its Datum held, after the Datum's bytes are gone") {
  for (const Datum& datum : samples()) {
    CAPTURE(typeName(datum.type()));
    const Value value(datum);
    const Value copy = value;  // NOLINT: a copy is what is tested
    CHECK(identical(value.view(), datum));
    CHECK(identical(copy.view(), datum));
    CHECK(value.isNull() == datum.isNull());
  }
  Value value;
  {
    std::string bytes = "short lived";
    value = Value(Datum::text(bytes));
    bytes.assign(bytes.size(), '!');
  }
  CHECK(value.view().asBytes() == "short lived");
}

TEST_CASE("identical: each sample is identical to itself alone") {
  const auto all = samples();
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < all.size(); ++j) {
      CAPTURE(i, j);
      CHECK(identical(all[i], all[j]) == (i == j));
    }
  }
  CHECK(identical(Datum::real(0.0), Datum::real(-0.0)));
}

}  // namespace
}  // namespace trefoil
