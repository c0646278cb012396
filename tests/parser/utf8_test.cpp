#include "parser/utf8.hpp"

#include <catch2/catch.hpp>

namespace trefoil::parser {

TEST_CASE("Only well-formed UTF-8 without NUL passes", "[utf8]") {
  const std::pair<std::string, std::size_t> cases[] = {
      {"", std::string::npos},
      {"plain ASCII, longer than eight bytes", std::string::npos},
      {"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 end", std::string::npos},
      {"\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF\xC2\x80\xE0\xA0\x80\xF0\x90\x80\x80", std::string::npos},
      {std::string("abc\0def", 7), 3},
      {std::string("abcdefgh\0", 9), 8},
      {std::string("abcdefg\0", 8), 7},
      {"12345678\x80", 8},
      {"\xC0\x80", 0},          // overlong
      {"\xC1\xBF", 0},          //
      {"\xE0\x9F\xBF", 0},      //
      {"\xF0\x8F\xBF\xBF", 0},  //
      {"a\xED\xA0\x80", 1},     // a surrogate
      {"\xF4\x90\x80\x80", 0},  // beyond U+10FFFF
      {"\xF5\x80\x80\x80", 0},  //
      {"\xFF", 0},
      {"ab\xC3", 2},
      {"ab\xE2\x82", 2},
      {"ab\xF0\x9F\x98", 2},
      {"\xC3(", 0},
  };
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    CHECK(findInvalidUtf8(text) == expected);
    CHECK(findInvalidUtf8("0123456" + text) == (expected == std::string::npos ? expected : expected + 7));
  }
}

TEST_CASE("Every code point is encoded as it is checked", "[utf8]") {
  for (std::uint32_t code_point = 1; code_point <= 0x10FFFF; code_point += code_point < 0x3000 ? 1 : 37) {
    char bytes[4];
    const std::size_t size = encodeUtf8(code_point, bytes);
    const bool surrogate = code_point >= 0xD800 && code_point < 0xE000;
    REQUIRE((findInvalidUtf8({bytes, size}) == std::string_view::npos) == !surrogate);
  }
}

}  // namespace trefoil::parser
