// Answers of PostgreSQL 15, one by one (numeric_cases.def): functions, errors, templates.
#include <concepts>
#include <cstring>
#include <functional>
#include <map>

#include <catch2/catch.hpp>

#include "sql/types/number_format.hpp"
#include "sql/types/numeric.hpp"
#include "sql/types/numeric_functions.hpp"

namespace trefoil::sql {
namespace {

struct Case {
  std::string_view function;
  std::string_view a;
  std::string_view b;
  std::string_view answer;
};

constexpr Case kCases[] = {
#define CASE(function, a, b, answer) {function, a, b, answer},
#include "tests/sql/types/numeric_cases.def"
#undef CASE
};

std::string textOf(const Numeric& value) {
  return value.toText();
}
std::string textOf(const std::string& value) {
  return value;
}
template <std::integral Integer>
std::string textOf(Integer value) {
  return std::to_string(value);
}
std::string textOf(const std::optional<Numeric>& value) {
  return value ? value->toText() : "<null>";
}

// A double or float as PostgreSQL sends it.
template <typename Bits, typename Float>
std::string bytesOf(Float value) {
  Bits bits = 0;
  static_assert(sizeof(bits) == sizeof(value));
  std::memcpy(&bits, &value, sizeof(bits));
  std::string text;
  for (std::size_t i = sizeof(bits) * 2; i-- > 0;) {
    text += "0123456789abcdef"[(bits >> (4 * i)) & 15];
  }
  return text;
}
std::string textOf(double value) {
  return bytesOf<std::uint64_t>(value);
}
std::string textOf(float value) {
  return bytesOf<std::uint32_t>(value);
}

std::string refusalOf(const Error& error) {
  return "E:" + error.message + "|" + error.detail;
}

template <typename T>
std::string answerOf(const Result<T>& result) {
  std::string answer = result.ok() ? textOf(*result) : refusalOf(result.error());
  if (answer.size() > 200) {
    answer = "#" + std::to_string(answer.size()) + " " + answer.substr(0, 20) + " " + answer.substr(answer.size() - 20);
  }
  return answer;
}

Numeric numericOf(std::string_view text) {
  return Numeric::fromText(text).value();
}

std::int32_t integerOf(std::string_view text) {
  return numericOf(text).toInt32().value();
}

template <typename T>
std::string formatted(const Result<NumberFormat>& format, T value) {
  return format.ok() ? answerOf(format->format(value)) : refusalOf(format.error());
}

using Function = std::function<std::string(std::string_view, std::string_view)>;

Function unary(Result<Numeric> (*function)(const Numeric&)) {
  return [function](std::string_view a, std::string_view) { return answerOf(function(numericOf(a))); };
}

Function binary(Result<Numeric> (*function)(const Numeric&, const Numeric&)) {
  return [function](std::string_view a, std::string_view b) { return answerOf(function(numericOf(a), numericOf(b))); };
}

template <typename Method>
Function method(Method function) {
  return [function](std::string_view a, std::string_view) { return answerOf(Result(std::invoke(function, numericOf(a)))); };
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t end = 0; end != std::string_view::npos; text.remove_prefix(std::min(end + 1, text.size()))) {
    end = text.find(separator);
    parts.push_back(text.substr(0, end));
  }
  return parts;
}

std::map<std::string_view, Function> arithmetic() {
  return {{"add", binary(Numeric::add)},
          {"subtract", binary(Numeric::subtract)},
          {"multiply", binary(Numeric::multiply)},
          {"divide", binary(Numeric::divide)},
          {"div", binary(Numeric::divideTruncating)},
          {"modulo", binary(Numeric::modulo)},
          {"negate", method(&Numeric::negated)},
          {"abs", method(&Numeric::absolute)},
          {"sign", method(&Numeric::signum)},
          {"ceil", method(&Numeric::ceiling)},
          {"floor", method(&Numeric::floor)},
          {"trim_scale", method(&Numeric::trimmedScale)},
          {"round", [](auto a, auto b) { return answerOf(numericOf(a).rounded(integerOf(b))); }},
          {"trunc", [](auto a, auto b) { return answerOf(numericOf(a).truncated(integerOf(b))); }},
          {"int2", [](auto a, auto) { return answerOf(numericOf(a).toInt16()); }},
          {"int4", [](auto a, auto) { return answerOf(numericOf(a).toInt32()); }},
          {"int8", method(&Numeric::toInt64)},
          {"float4", method(&Numeric::toFloat)},
          {"float8", method(&Numeric::toDouble)},
          {"text", [](auto a, auto) { return answerOf(Numeric::fromText(a)); }},
          {"typmod", [](auto a, auto b) {
             const auto parts = split(b, ',');
             return answerOf(numericOf(a).applyModifier(integerOf(parts[0]), integerOf(parts[1])));
           }}};
}

std::map<std::string_view, Function> functions() {
  return {{"sqrt", unary(numericSqrt)},
          {"exp", unary(numericExp)},
          {"ln", unary(numericLn)},
          {"log10", unary(numericLog10)},
          {"log", binary(numericLog)},
          {"power", binary(numericPower)},
          {"gcd", binary(numericGcd)},
          {"lcm", binary(numericLcm)},
          {"factorial", [](auto a, auto) { return answerOf(numericFactorial(integerOf(a))); }},
          {"width_bucket",
           [](auto a, auto b) {
             const auto parts = split(b, ';');
             return answerOf(numericWidthBucket(numericOf(a), numericOf(parts[0]), numericOf(parts[1]), integerOf(parts[2])));
           }},
          {"to_char", [](auto a, auto b) { return formatted(NumberFormat::parse(b), numericOf(a)); }},
          {"to_char4", [](auto a, auto b) { return formatted(NumberFormat::parse(b), numericOf(a).toInt32().value()); }},
          {"to_char8", [](auto a, auto b) { return formatted(NumberFormat::parse(b), numericOf(a).toInt64().value()); }},
          {"to_char_float", [](auto a, auto b) { return formatted(NumberFormat::parse(b), numericOf(a).toFloat().value()); }},
          {"to_char_double", [](auto a, auto b) { return formatted(NumberFormat::parse(b), numericOf(a).toDouble().value()); }},
          {"to_number", [](auto a, auto b) {
             const Result<NumberFormat> format = NumberFormat::parse(b);
             return format.ok() ? answerOf(format->toNumber(a)) : refusalOf(format.error());
           }}};
}

TEST_CASE("numeric: what PostgreSQL answers", "[numeric]") {
  std::map<std::string_view, Function> all = arithmetic();
  all.merge(functions());
  for (const Case& c : kCases) {
    const auto found = all.find(c.function);
    REQUIRE(found != all.end());
    const std::string answer = found->second(c.a, c.b);
    if (answer != c.answer) {
      INFO(c.function << "(" << c.a << ", " << c.b << ")");
      CHECK(answer == c.answer);
    }
  }
}

}  // namespace
}  // namespace trefoil::sql
