#include "base/parse_number.hpp"

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>

namespace trefoil {
namespace {

// The same value, bit by bit, the same place to go on and the same error as std::from_chars.
bool sameAsFromChars(const std::string& text) {
  float expected = 0.25F;
  float found = 0.25F;
  const char* const end = text.data() + text.size();
  const auto should = std::from_chars(text.data(), end, expected);
  const auto is = parseFloat(text.data(), end, found);
  return should.ptr == is.ptr && should.ec == is.ec &&
         std::bit_cast<std::uint32_t>(expected) == std::bit_cast<std::uint32_t>(found);
}

TEST_CASE("floats are read as from_chars reads them, whatever stands there") {
  const char* const texts[] = {"0",
                               "-0",
                               "0.0e5",
                               "1",
                               "-1.5",
                               "1.",
                               ".5",
                               "-.5e1",
                               ".",
                               "-",
                               "",
                               "+1",
                               "--1",
                               "e5",
                               "1e",
                               "1e+",
                               "1e-x",
                               "1e5",
                               "1E-5]",
                               "1e0005",
                               "1e00005",
                               "1e99999999999",
                               "1e-99999999999",
                               "1e39",
                               "3.4028235e38",
                               "3.4028236e38",
                               "3.40282357e38",
                               "1.17549435e-38",
                               "1.1754943e-38",
                               "1e-45",
                               "7e-46",
                               "inf",
                               "-Infinity",
                               "nan",
                               "0x10",
                               "1,2",
                               "0.1 ",
                               "1.2.3",
                               "12345678901234567890",
                               "1234567890123456789",
                               "0.00000000000000000000000001",
                               "99999999999999999999999999e-20",
                               "16777217",                // the middle of two floats
                               "16777217.0000000001",     // a little above one
                               "16777216.9999999999",     // a little below one
                               "9007199791611905",        // the same with all bits of a double
                               "0.50000002980232238769",  // a middle with more digits than are read at once
                               "0.5000000298023223877"};
  for (const char* text : texts) {
    INFO(text);
    CHECK(sameAsFromChars(text));
  }
}

TEST_CASE("floats are read as from_chars reads them, in all forms that programs print") {
  std::mt19937_64 random(7);
  char buffer[64];
  for (int i = 0; i < 200000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    const double wide = std::normal_distribution<double>(0, 1)(random);
    const int digits = static_cast<int>(random() % 20);
    const char* const forms[] = {"%.*g", "%.*e", "%.*f"};
    const char* const form = forms[random() % 3];
    if (std::isfinite(value)) {
      std::snprintf(buffer, sizeof buffer, random() % 2 == 0 ? "%.9g" : "%.17g", static_cast<double>(value));
      REQUIRE(sameAsFromChars(buffer));
    }
    std::snprintf(buffer, sizeof buffer, form, digits, wide);
    REQUIRE(sameAsFromChars(buffer));
    // The middle of two floats, and its neighbours among the doubles.
    const double middle = (wide + static_cast<double>(static_cast<float>(wide))) / 2;
    std::snprintf(buffer, sizeof buffer, "%.17g", middle);
    REQUIRE(sameAsFromChars(buffer));
    const float near = static_cast<float>(wide);
    const double between = (static_cast<double>(near) + static_cast<double>(std::nextafterf(near, 9.0F))) / 2;
    for (const double close : {between, std::nextafter(between, 9.0), std::nextafter(between, -9.0)}) {
      for (const char* precision : {"%.16g", "%.17g", "%.19g"}) {
        std::snprintf(buffer, sizeof buffer, precision, close);
        REQUIRE(sameAsFromChars(buffer));
      }
    }
  }
}

}  // namespace
}  // namespace trefoil
