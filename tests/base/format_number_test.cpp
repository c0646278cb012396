#include "base/format_number.hpp"

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

namespace trefoil {
namespace {

std::string text(double value) {
  char buffer[kMaxDoubleChars];
  return {buffer, formatDouble(buffer, value)};
}

std::string text(std::int64_t value) {
  char buffer[kMaxIntegerChars];
  return {buffer, formatInteger(buffer, value)};
}

TEST_CASE("integers print in full range") {
  CHECK(text(std::int64_t{0}) == "0");
  CHECK(text(std::int64_t{-7}) == "-7");
  CHECK(text(std::numeric_limits<std::int64_t>::max()) == "9223372036854775807");
  CHECK(text(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
}

TEST_CASE("doubles print as Redis prints them") {
  const std::pair<double, const char*> cases[] = {
      {0.0, "0"},
      {-0.0, "-0"},
      {3.0, "3"},
      {-17.0, "-17"},
      {0.1, "0.1"},
      {3.1, "3.1"},
      {-2.5, "-2.5"},
      {1e8, "100000000"},
      {1e15, "1000000000000000"},
      {1e20, "1e+20"},
      {123456789012345678.0, "123456789012345680"},
      {1e-6, "0.000001"},
      {1.25e-6, "0.00000125"},
      {1e-7, "1e-7"},
      {1.5e300, "1.5e+300"},
      {-1.5e-300, "-1.5e-300"},
      {std::numeric_limits<double>::max(), "1.7976931348623157e+308"},
      {std::numeric_limits<double>::denorm_min(), "5e-324"},
      {std::numeric_limits<double>::infinity(), "inf"},
      {-std::numeric_limits<double>::infinity(), "-inf"},
      {std::numeric_limits<double>::quiet_NaN(), "nan"},
  };
  for (const auto& [value, expected] : cases) {
    CHECK(text(value) == expected);
  }
}

TEST_CASE("every double reads back as itself and fits its room") {
  std::mt19937_64 random(20260101);
  for (int i = 0; i < 200000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) {
      continue;
    }
    const std::string printed = text(value);
    REQUIRE(printed.size() <= kMaxDoubleChars);
    REQUIRE(std::strtod(printed.c_str(), nullptr) == value);
  }
}

}  // namespace
}  // namespace trefoil
