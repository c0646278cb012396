#include "vector/text.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include <catch2/catch.hpp>

namespace trefoil::vector {

namespace {

std::string print(std::vector<float> values) {
  std::string text;
  printVector(values, text);
  return text;
}

std::vector<float> parse(std::string_view text) {
  std::vector<float> values;
  const Status status = parseVector(text, values);
  INFO(text);
  REQUIRE(status.ok());
  return values;
}

}  // namespace

TEST_CASE("vectors are read as pgvector reads them", "[vector][text]") {
  struct Row {
    std::string_view text;
    std::vector<float> expected;
  };
  const auto row = GENERATE(values<Row>({{"[1,2,3]", {1, 2, 3}},
                                         {"[-1,-2,-3]", {-1, -2, -3}},
                                         {"[1.,2.,3.]", {1, 2, 3}},
                                         {" [ 1,  2 ,    3  ] ", {1, 2, 3}},
                                         {"[1.23456]", {1.23456F}},
                                         {"[+1,.5]", {1, 0.5F}},
                                         {"[1.5e38,-1.5e38]", {1.5e38F, -1.5e38F}},
                                         {"[1e-46,1]", {0, 1}},
                                         {"[1e-400]", {0}},
                                         {"[-1e-99999999999999999999]", {-0.0F}},
                                         {"[0e999999999999]", {0}},
                                         {"[\t1\n,\v2\f,\r3]", {1, 2, 3}}}));
  CHECK(parse(row.text) == row.expected);
}

TEST_CASE("malformed vectors are refused in pgvector's words", "[vector][text]") {
  struct Row {
    std::string_view text;
    std::string_view message;
    std::string_view detail;
  };
  const std::string_view start = "Vector contents must start with \"[\".";
  const std::string_view junk = "Junk after closing right brace.";
  const auto row =
      GENERATE_COPY(values<Row>({{"[hello,1]", "invalid input syntax for type vector: \"[hello,1]\"", ""},
                                 {"[NaN,1]", "NaN not allowed in vector", ""},
                                 {"[nan(12)]", "NaN not allowed in vector", ""},
                                 {"[Infinity,1]", "infinite value not allowed in vector", ""},
                                 {"[-inf]", "infinite value not allowed in vector", ""},
                                 {"[4e38,1]", "\"4e38\" is out of range for type vector", ""},
                                 {"[-4e38,1]", "\"-4e38\" is out of range for type vector", ""},
                                 {"[1,1e400]", "\"1e400\" is out of range for type vector", ""},
                                 {"[1e99999999999999999999]", "\"1e99999999999999999999\" is out of range for type vector", ""},
                                 {"[1,2,3", "invalid input syntax for type vector: \"[1,2,3\"", ""},
                                 {"[1,2,3]9", "invalid input syntax for type vector: \"[1,2,3]9\"", junk},
                                 {"1,2,3", "invalid input syntax for type vector: \"1,2,3\"", start},
                                 {"", "invalid input syntax for type vector: \"\"", start},
                                 {"[", "invalid input syntax for type vector: \"[\"", ""},
                                 {"[ ", "invalid input syntax for type vector: \"[ \"", ""},
                                 {"[,", "invalid input syntax for type vector: \"[,\"", ""},
                                 {"[]", "vector must have at least 1 dimension", ""},
                                 {"[ ]", "vector must have at least 1 dimension", ""},
                                 {"[,]", "invalid input syntax for type vector: \"[,]\"", ""},
                                 {"[1,]", "invalid input syntax for type vector: \"[1,]\"", ""},
                                 {"[1a]", "invalid input syntax for type vector: \"[1a]\"", ""},
                                 {"[1,,3]", "invalid input syntax for type vector: \"[1,,3]\"", ""},
                                 {"[1, ,3]", "invalid input syntax for type vector: \"[1, ,3]\"", ""},
                                 {"[+-1]", "invalid input syntax for type vector: \"[+-1]\"", ""},
                                 {"[1 2]", "invalid input syntax for type vector: \"[1 2]\"", ""}}));
  std::vector<float> values;
  const Status status = parseVector(row.text, values);
  INFO(row.text);
  REQUIRE(!status.ok());
  Status copy = parseVector(row.text, values);
  CHECK(copy.error().message == row.message);
  CHECK(copy.error().detail == row.detail);
}

TEST_CASE("16000 dimensions are read, 16001 are not", "[vector][text]") {
  std::string text = "[1";
  for (int i = 1; i < 16000; ++i) {
    text += ",1";
  }
  CHECK(parse(text + "]").size() == 16000);
  std::vector<float> values;
  Status status = parseVector(text + ",1]", values);
  REQUIRE(!status.ok());
  CHECK(status.error().message == "vector cannot have more than 16000 dimensions");
}

TEST_CASE("numbers print as PostgreSQL prints a real", "[vector][text]") {
  CHECK(print({1, 2.5F, -3}) == "[1,2.5,-3]");
  CHECK(print({0, -0.0F}) == "[0,-0]");
  CHECK(print({100000, 123456, 999999, 1000000, 1234567}) == "[100000,123456,999999,1e+06,1.234567e+06]");
  CHECK(print({0.0001F, 0.00012345F, 0.00001F, -3e-05F}) == "[0.0001,0.00012345,1e-05,-3e-05]");
  CHECK(print({0.1F, 1.23456F, 3.4028235e38F, 1e-45F}) == "[0.1,1.23456,3.4028235e+38,1e-45]");
}

TEST_CASE("every printed float reads back to its bits", "[vector][text]") {
  constexpr std::uint64_t kSeed = 5;
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 2000; ++round) {
    std::vector<float> values(1 + random() % 40);
    for (float& value : values) {
      do {
        value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
      } while (!std::isfinite(value));
    }
    const std::vector<float> back = parse(print(values));
    REQUIRE(back.size() == values.size());
    REQUIRE(std::memcmp(back.data(), values.data(), values.size() * sizeof(float)) == 0);
  }
}

}  // namespace trefoil::vector
