// What templates mean is in numeric_cases.def; here is what goes beyond it.
#include "sql/types/number_format.hpp"

#include <catch2/catch.hpp>

namespace trefoil::sql {
namespace {

NumberFormat formatOf(std::string_view pattern) {
  return NumberFormat::parse(pattern).value();
}

TEST_CASE("number format: a template is used for many numbers", "[numeric]") {
  const NumberFormat format = formatOf("FM999,990.00 \"EUR\"");
  CHECK(format.format(std::int32_t{1}).value() == "1.00 EUR");
  CHECK(format.format(Numeric::fromText("12345.678").value()).value() == "12,345.68 EUR");
  CHECK(format.format(-0.5).value() == "-0.50 EUR");
  CHECK(format.format(1e9).value() == "###,###.## EUR");
  CHECK(format.toNumber("12,345.68 EUR").value()->toText() == "12345.68");
}

TEST_CASE("number format: long templates", "[numeric]") {
  CHECK(NumberFormat::parse(std::string(NumberFormat::kMaxTemplateBytes + 1, '9')).error().code == ErrorCode::kLimit);
  const std::string nines(20'000, '9');
  const NumberFormat format = formatOf(nines + "." + nines);
  const std::string text = format.format(Numeric(5)).value();
  CHECK(text.find("5.000") == 20'000);
  CHECK(text.size() == 20'002 + 16'383);  // as many digits as a numeric has
  CHECK(format.format(5.0).value().size() == 20'002 + 14);
  CHECK(formatOf(nines + "EEEE").format(Numeric(5)).value() == " 5e+00");
  CHECK(formatOf("9." + nines + "EEEE").format(Numeric(5)).value().size() == 3 + nines.size() + 4);
  CHECK(formatOf("9." + nines + "EEEE").format(0.1).value().size() == 3 + nines.size() + 4);
}

}  // namespace
}  // namespace trefoil::sql
