#include "sql/types/numeric.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include <catch2/catch.hpp>

#include "sql/types/numeric_functions.hpp"

namespace trefoil::sql {
namespace {

Numeric numericOf(std::string_view text) {
  return Numeric::fromText(text).value();
}

std::string packed(const Numeric& value) {
  std::string bytes;
  value.appendPacked(bytes);
  return bytes;
}

std::string orderedKey(const Numeric& value) {
  std::string key;
  value.appendOrderedKey(key);
  return key;
}

std::string wire(const Numeric& value) {
  std::string bytes;
  value.appendWire(bytes);
  return bytes;
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    text += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

// Numbers of all sizes; many of them close to each other.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::string digits(std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      text += static_cast<char>('0' + (below(4) == 0 ? 9 * below(2) : below(10)));
    }
    return text;
  }

  std::string text() {
    constexpr std::size_t kMostDigits[] = {2, 2, 5, 19, 40, 150};
    std::string number = (below(2) == 0 ? "-" : "") + digits(1 + below(kMostDigits[below(6)]));
    if (below(2) == 0) {
      number += "." + digits(1 + below(kMostDigits[below(6)]));
    }
    return below(8) == 0 ? number + "e" + std::to_string(static_cast<int>(below(300)) - 150) : number;
  }

  Numeric finite() { return numericOf(text()); }

  Numeric any() {
    switch (below(40)) {
      case 0:
        return Numeric::nan();
      case 1:
        return Numeric::infinity();
      case 2:
        return Numeric::negativeInfinity();
      default:
        return finite();
    }
  }

 private:
  std::mt19937_64 random_;
};

// The same number with a longer scale: it is in the other state, if that is long enough.
Numeric withZeros(const Numeric& value, std::int32_t zeros) {
  return value.rounded(value.scale() + zeros).value();
}

TEST_CASE("numeric: the packed form is what it was", "[numeric]") {
  const std::pair<std::string_view, std::string_view> golden[] = {
      {"0", "020000"},
      {"0.00", "020200"},
      {"1", "02000001"},
      {"-1", "01000001"},
      {"1.50", "02020096"},
      {"-12345.678",
       "010300"
       "4e61bc"},
      {"255", "020000ff"},
      {"256", "0200000001"},
      {"999999999999999999999", "020000ffff9fdec5adc93536"},
      {"170141183460469231731687303715884105727",
       "020000"
       "ffffffffffffffffffffffffffffff7f"},
      {"170141183460469231731687303715884105728",
       "020000"
       "00000000000000000000000000000080"},
      {"-170141183460469231731687303715884105728",
       "010000"
       "00000000000000000000000000000080"},
      {"340282366920938463463374607431768211456",
       "020000"
       "0000000000000000000000000000000001"},
      {"1e-16383", "02ff3f01"},
      {"NaN", "040000"},
      {"Infinity", "030000"},
      {"-Infinity", "000000"},
  };
  for (const auto& [text, bytes] : golden) {
    INFO(text);
    const Numeric value = numericOf(text);
    CHECK(hex(packed(value)) == bytes);
    CHECK(Numeric::fromPacked(packed(value)).value().toText() == value.toText());
    CHECK(Numeric::fromPackedTrusted(packed(value)).toText() == value.toText());
    if (value.isSmall()) {
      std::array<char, Numeric::kMaxSmallPackedBytes> buffer;
      CHECK(hex({buffer.data(), value.packSmall(buffer.data())}) == bytes);
    }
  }
}

TEST_CASE("numeric: damaged packed bytes are refused", "[numeric]") {
  const std::string too_long = "\2" + std::string(2, '\0') + std::string(60'000, '\x7f');
  const std::string_view damaged_forms[] = {
      std::string_view(),
      std::string_view("\2\0", 2),
      std::string_view("\5\0\0", 3),
      std::string_view("\2\0\x40", 3),  // the scale 16384
      std::string_view("\4\1\0", 3),    // NaN with a scale
      std::string_view("\4\0\0\1", 4),  // NaN with digits
      std::string_view("\2\0\0\0", 4),  // a leading zero byte
      std::string_view("\2\0\0\1\0", 5),
      std::string_view("\1\0\0", 3),  // a negative zero
      too_long,
  };
  for (const std::string_view bytes : damaged_forms) {
    INFO(hex(bytes.substr(0, 20)));
    const Result<Numeric> value = Numeric::fromPacked(bytes);
    REQUIRE(!value.ok());
    CHECK(value.error().code == ErrorCode::kCorruption);
  }
}

TEST_CASE("numeric: the ordered key is what it was", "[numeric]") {
  const std::pair<std::string_view, std::string_view> golden[] = {
      {"-Infinity", "10"},
      {"-1", "207eeb"},
      {"0", "30"},
      {"0.000", "30"},
      {"1", "408114"},
      {"1.00", "408114"},
      {"10", "408214"},
      {"12.345", "4082194564"},
      {"0.001", "407e14"},
      {"-0.12", "207fe7"},
      {"1e150", "40ff02009714"},
      {"1e-150", "400101ff6b14"},
      {"Infinity", "50"},
      {"NaN", "60"},
  };
  for (const auto& [text, bytes] : golden) {
    INFO(text);
    CHECK(hex(orderedKey(numericOf(text))) == bytes);
  }
}

TEST_CASE("numeric: PostgreSQL's binary form", "[numeric]") {
  const std::pair<std::string_view, std::string_view> golden[] = {
      {"12345.678", "0003000100000003000109291a7c"},
      {"0.00", "0000000000000002"},
      {"-1e20", "00010005400000000001"},
      {"NaN", "00000000c0000000"},
      {"Infinity", "00000000d0000020"},
      {"-Infinity", "00000000f0000020"},
  };
  for (const auto& [text, bytes] : golden) {
    INFO(text);
    CHECK(hex(wire(numericOf(text))) == bytes);
    CHECK(Numeric::fromWire(wire(numericOf(text))).value().toText() == numericOf(text).toText());
  }
  const auto from = [](std::string_view bytes) {
    const Result<Numeric> value = Numeric::fromWire(bytes);
    return value.ok() ? value->toText() : value.error().message;
  };
  using namespace std::string_view_literals;
  CHECK(from("\0\1\0\0\0\0\0\0\0"sv) == "insufficient data left in message");
  CHECK(from("\0\1\0\0\0\0\0\0\0\1\0"sv) == "incorrect binary data format");
  CHECK(from("\0\0\0\0\x12\0\0\0"sv) == "invalid sign in external \"numeric\" value");
  CHECK(from("\0\0\0\0\0\0\x40\0"sv) == "invalid scale in external \"numeric\" value");
  CHECK(from("\0\1\0\0\0\0\0\0\x27\x10"sv) == "invalid digit in external \"numeric\" value");
  CHECK(from("\0\2\0\0\0\0\0\1\0\1\x09\x29"sv) == "1.2");             // digits behind the scale are cut off
  CHECK(from("\0\2\0\1\0\0\0\0\0\0\0\7"sv) == "7");                   // zeros before
  CHECK(from("\0\1\xff\xf0\x40\0\0\2\0\7"sv) == "0.00");              // far behind the scale
  CHECK(from("\0\1\x7f\xff\0\0\0\0\0\1"sv).size() == 4 * 32767 + 1);  // the largest weight
}

TEST_CASE("numeric: states and forms of random numbers", "[numeric]") {
  Numbers numbers(1);
  for (int i = 0; i < 20'000; ++i) {
    const Numeric value = numbers.any();
    const std::string text = value.toText();
    INFO(text);
    REQUIRE(Numeric::fromText(text).value().toText() == text);
    REQUIRE(Numeric::fromPacked(packed(value)).value().toText() == text);
    REQUIRE(Numeric::fromPackedTrusted(packed(value)).toText() == text);
    REQUIRE(Numeric::fromWire(wire(value)).value().toText() == text);
    Numeric copy = value;
    Numeric other = numbers.any();
    std::swap(copy, other);
    REQUIRE(other.toText() == text);
    copy = other;
    REQUIRE(copy.toText() == text);
    if (value.isFinite()) {
      REQUIRE(Numeric::fromScaled(value.coefficient(), value.scale()).value().toText() == text);
      REQUIRE(value.isSmall() == value.coefficient().fitsInt128());
    }
  }
}

TEST_CASE("numeric: order, hash and ordered key agree", "[numeric]") {
  Numbers numbers(2);
  std::vector<Numeric> values;
  for (int i = 0; i < 600; ++i) {
    values.push_back(numbers.any());
    if (values.back().isFinite() && numbers.below(3) == 0) {
      values.push_back(withZeros(values.back(), static_cast<std::int32_t>(1 + numbers.below(60))));
      values.push_back(Numeric::add(values.back(), Numeric::fromScaled(1, values.back().scale())).value());
    }
  }
  std::vector<std::string> keys;
  std::transform(values.begin(), values.end(), std::back_inserter(keys), orderedKey);
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j < values.size(); j += 1 + numbers.below(7)) {
      const int order = Numeric::compare(values[i], values[j]);
      const int by_key = keys[i].compare(keys[j]);
      const bool agree = (order < 0) == (by_key < 0) && (order == 0) == (by_key == 0) &&
                         (order == 0) <= (values[i].hash() == values[j].hash()) && (order == 0 || !keys[j].starts_with(keys[i]));
      if (!agree) {
        FAIL(values[i].toText() << " and " << values[j].toText());
      }
    }
  }
}

TEST_CASE("numeric: both states calculate alike", "[numeric]") {
  using Operation = Result<Numeric> (*)(const Numeric&, const Numeric&);
  const Operation operations[] = {Numeric::add, Numeric::subtract, Numeric::multiply, Numeric::divideTruncating, Numeric::modulo};
  Numbers numbers(3);
  for (int i = 0; i < 20'000; ++i) {
    const Numeric a = numbers.finite();
    const Numeric b = numbers.finite();
    if (b.sign() == 0) {
      continue;
    }
    INFO(a.toText() << " and " << b.toText());
    const Numeric long_a = withZeros(a, 50);
    const Numeric long_b = withZeros(b, 50);
    REQUIRE((Numeric::compare(long_a, b) < 0) == (Numeric::compare(a, b) < 0));
    REQUIRE((long_a == b) == (a == b));
    for (const Operation operation : operations) {
      const Numeric expected = operation(a, b).value().trimmedScale();
      REQUIRE(operation(long_a, b).value().trimmedScale().toText() == expected.toText());
      REQUIRE(operation(a, long_b).value().trimmedScale().toText() == expected.toText());
    }
    const auto scale = static_cast<std::int32_t>(numbers.below(60)) - 20;
    REQUIRE(long_a.rounded(scale).value() == a.rounded(scale).value());
    REQUIRE(long_a.truncated(scale).value() == a.truncated(scale).value());
    REQUIRE(long_a.ceiling().value() == a.ceiling().value());
    REQUIRE(long_a.floor().value() == a.floor().value());
  }
}

TEST_CASE("numeric: laws of arithmetic", "[numeric]") {
  Numbers numbers(4);
  for (int i = 0; i < 5'000; ++i) {
    const Numeric a = numbers.finite();
    const Numeric b = numbers.finite();
    INFO(a.toText() << " and " << b.toText());
    REQUIRE(Numeric::subtract(Numeric::add(a, b).value(), b).value() == a);
    REQUIRE(Numeric::add(a, a.negated()).value().sign() == 0);
    if (b.sign() == 0) {
      REQUIRE(Numeric::divide(a, b).error().code == ErrorCode::kDivisionByZero);
      continue;
    }
    // a = div(a, b) * b + a % b
    const Numeric product = Numeric::multiply(Numeric::divideTruncating(a, b).value(), b).value();
    REQUIRE(Numeric::add(product, Numeric::modulo(a, b).value()).value() == a);
    // 2 * |a - (a / b) * b| <= |b| in the last place of the quotient
    const Numeric quotient = Numeric::divide(a, b).value();
    const Numeric rest = Numeric::subtract(a, Numeric::multiply(quotient, b).value()).value().absolute();
    const Numeric bound = Numeric::multiply(b.absolute(), Numeric::fromScaled(1, quotient.scale())).value();
    REQUIRE(Numeric::compare(Numeric::add(rest, rest).value(), bound) <= 0);
    // The root is the nearest number of its scale.
    const Numeric root = numericSqrt(a.absolute()).value();
    const Numeric half = Numeric::fromScaled(5, root.scale() + 1);
    const Numeric above = Numeric::add(root, half).value();
    REQUIRE(Numeric::compare(Numeric::multiply(above, above).value(), a.absolute()) > 0);
    const Numeric below = Numeric::subtract(root, half).value();
    REQUIRE((below.sign() < 0 || Numeric::compare(Numeric::multiply(below, below).value(), a.absolute()) <= 0));
  }
}

TEST_CASE("numeric: machine numbers", "[numeric]") {
  CHECK(Numeric(INT64_MIN).toText() == "-9223372036854775808");
  CHECK(Numeric::fromScaled(-12345, 3).toText() == "-12.345");
  CHECK(Numeric::fromScaled(static_cast<Int128>(static_cast<Uint128>(1) << 127), 2).toText() ==
        "-1701411834604692317316873037158841057.28");
  const std::pair<double, std::string> doubles[] = {{0.1, "0.1"},
                                                    {1.0 / 3, "0.333333333333333"},
                                                    {123456789012345678.0, "123456789012346000"},
                                                    {1e-300, "0." + std::string(299, '0') + "1"},
                                                    {-2.5, "-2.5"},
                                                    {-0.0, "0"},
                                                    {std::numeric_limits<double>::infinity(), "Infinity"},
                                                    {std::nan(""), "NaN"}};
  for (const auto& [value, text] : doubles) {
    CHECK(Numeric::fromDouble(value).toText() == text);
  }
  CHECK(Numeric::fromFloat(0.1F).toText() == "0.1");
  CHECK(Numeric::fromFloat(16777217.0F).toText() == "16777200");
  CHECK(numericOf("1e400").toDoubleSaturating() == std::numeric_limits<double>::infinity());
  CHECK(numericOf("-1e400").toDoubleSaturating() == -std::numeric_limits<double>::infinity());
  CHECK(numericOf("-1e-400").toDoubleSaturating() == 0);
  // Every double is read back from 17 digits.
  std::mt19937_64 random(5);
  for (int i = 0; i < 20'000; ++i) {
    double value = 0;
    const std::uint64_t bits = random();
    std::memcpy(&value, &bits, sizeof(value));
    if (std::isfinite(value)) {
      std::array<char, 64> text;
      std::snprintf(text.data(), text.size(), "%.17g", value);
      REQUIRE(numericOf(text.data()).toDouble().value() == value);
    }
  }
}

TEST_CASE("numeric: type modifiers that there are", "[numeric]") {
  CHECK(Numeric::checkModifier(1000, -1000).ok());
  CHECK(Numeric::checkModifier(1, 1000).ok());
  CHECK(Numeric::checkModifier(0, 0).error().message == "NUMERIC precision 0 must be between 1 and 1000");
  CHECK(Numeric::checkModifier(1001, 0).error().message == "NUMERIC precision 1001 must be between 1 and 1000");
  CHECK(Numeric::checkModifier(5, 1001).error().message == "NUMERIC scale 1001 must be between -1000 and 1000");
}

}  // namespace
}  // namespace trefoil::sql
