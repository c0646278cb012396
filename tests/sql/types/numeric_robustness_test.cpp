// Whatever bytes come, there is a value or an error, and a value is one that all the rest can work with.
#include <random>

#include <catch2/catch.hpp>

#include "sql/types/number_format.hpp"
#include "sql/types/numeric.hpp"
#include "sql/types/numeric_functions.hpp"

namespace trefoil::sql {
namespace {

class Bytes {
 public:
  explicit Bytes(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::string any(std::size_t most) {
    std::string bytes(below(most + 1), '\0');
    for (char& c : bytes) {
      c = static_cast<char>(below(3) == 0 ? below(8) : below(256));
    }
    return bytes;
  }

  // Made of the words that a reader looks for.
  std::string words(const std::vector<std::string_view>& words, std::size_t most) {
    std::string text;
    for (std::size_t i = below(most + 1); i-- > 0;) {
      text += words[below(words.size())];
    }
    return below(10) == 0 ? text + any(3) : text;
  }

 private:
  std::mt19937_64 random_;
};

// All forms of a value are well.
void check(const Numeric& value) {
  const std::string text = value.toText();
  REQUIRE(Numeric::fromText(text).value().toText() == text);
  std::string packed;
  value.appendPacked(packed);
  REQUIRE(Numeric::fromPacked(packed).value().toText() == text);
  std::string key;
  value.appendOrderedKey(key);
  REQUIRE(!key.empty());
  REQUIRE(value.hash() == value.trimmedScale().hash());
}

TEST_CASE("numeric: any bytes", "[numeric]") {
  Bytes bytes(1);
  for (int i = 0; i < 60'000; ++i) {
    const Result<Numeric> packed = Numeric::fromPacked(bytes.any(40));
    if (packed.ok()) {
      check(*packed);
    }
    std::string wire = bytes.any(40);
    if (wire.size() >= 8 && bytes.below(2) == 0) {  // often of the right length
      wire.resize(wire.size() & ~std::size_t{1});
      wire[0] = 0;
      wire[1] = static_cast<char>((wire.size() - 8) / 2);
      wire[4] = static_cast<char>(bytes.below(2) * 0x40);
      wire[5] = 0;
      wire[6] = static_cast<char>(bytes.below(2));
    }
    const Result<Numeric> received = Numeric::fromWire(wire);
    if (received.ok() && received->toText().size() < 3000) {
      check(*received);
    }
  }
}

TEST_CASE("numeric: any text", "[numeric]") {
  const std::vector<std::string_view> words = {"0",   "1",      "9",      "00000", "12345678901234567890",
                                               ".",   "-",      "+",      "e",     "e+",
                                               "e-",  "E5",     "NaN",    "inf",   " ",
                                               "\t",  "_",      "0x",     "i",     "e99",
                                               "e-9", "e2000",  "e-2000", "5",     "77",
                                               "\0",  "e131071"};
  Bytes bytes(2);
  for (int i = 0; i < 60'000; ++i) {
    const Result<Numeric> value = Numeric::fromText(bytes.words(words, 7));
    if (value.ok() && value->toText().size() < 3000) {
      check(*value);
    }
  }
  // Long ones take no longer than they are long.
  const std::string long_text(1'000'000, '7');
  CHECK(Numeric::fromText(long_text).error().message == "value overflows numeric format");
  CHECK(Numeric::fromText("0." + long_text).error().message == "value overflows numeric format");
  CHECK(Numeric::fromText(std::string(1'000'000, '0')).value().toText() == "0");
  CHECK(Numeric::fromText("1e" + long_text).error().message == "value overflows numeric format");
}

TEST_CASE("number format: any template, any text", "[numeric]") {
  const std::vector<std::string_view> patterns = {"9",  "0",  ".",  ",",  "D",  "G",  "L",    "S",  "MI", "PL",   "SG",   "PR",
                                                  "RN", "TH", "th", "V",  "FM", "rn", "EEEE", "x",  "\"", "\\\"", "\xc3", "é",
                                                  "9",  "99", "00", "fm", "B",  "C",  "SP",   "\\", "9",  "9"};
  const std::vector<std::string_view> texts = {"1", "2", "34", ".", ",", "-", "+", " ", "<", ">", "th", "x", "é", "\xf0"};
  const std::vector<Numeric> numbers = {Numeric(),
                                        Numeric(-12),
                                        Numeric::fromText("1234.5678").value(),
                                        Numeric::fromText("-0.00001").value(),
                                        Numeric::fromText("1e100").value(),
                                        Numeric::nan(),
                                        Numeric::negativeInfinity()};
  Bytes bytes(3);
  for (int i = 0; i < 60'000; ++i) {
    const std::string pattern = bytes.words(patterns, 12);
    const Result<NumberFormat> format = NumberFormat::parse(pattern);
    if (!format.ok()) {
      continue;
    }
    const Numeric& number = numbers[bytes.below(numbers.size())];
    const std::size_t most = 20 + 16 * pattern.size();
    const double real = number.toDoubleSaturating();
    for (const Result<std::string>& text : {format->format(number), format->format(INT32_MIN), format->format(INT64_MAX),
                                            format->format(real), format->format(static_cast<float>(bytes.below(1000)))}) {
      REQUIRE((!text.ok() || text->size() <= most));
    }
    const auto value = format->toNumber(bytes.words(texts, 10));
    if (value.ok() && *value) {
      check(**value);
    }
  }
}

TEST_CASE("numeric functions: any arguments", "[numeric]") {
  const std::vector<std::string_view> parts = {"0",  "1", "9", "5", "000000000000", "999999999999", "12345678901234567890",
                                               "3.", "7"};
  Bytes bytes(4);
  const auto number = [&] {
    std::string text = (bytes.below(3) == 0 ? "-" : "") + bytes.words(parts, 4);
    if (bytes.below(4) == 0) {
      text += "e" + std::to_string(static_cast<int>(bytes.below(60)) - 30);
    }
    const Result<Numeric> value = Numeric::fromText(text);
    return value.ok() ? *value : Numeric::infinity();
  };
  for (int i = 0; i < 3'000; ++i) {
    const Numeric a = number();
    const Numeric b = number();
    for (const auto& result : {numericSqrt(a), numericExp(a), numericLn(a), numericLog(a, b), numericPower(a, b),
                               numericGcd(a, b), numericLcm(a, b), Numeric::divide(a, b), Numeric::modulo(a, b)}) {
      if (result.ok() && result->toText().size() < 3000) {
        check(*result);
      }
    }
    const auto bucket = numericWidthBucket(a, b, number(), static_cast<std::int32_t>(bytes.below(1000)));
    REQUIRE((!bucket.ok() || (*bucket >= 0 && *bucket <= 1000)));
  }
}

}  // namespace
}  // namespace trefoil::sql
