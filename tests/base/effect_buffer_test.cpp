#include "base/effect_buffer.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace trefoil {
namespace {

std::string encoded(const Datum& datum) {
  EffectBuffer buffer;
  buffer.putDatum(datum);
  return std::string(buffer.bytes());
}

TEST_CASE("the persisted encoding of items is frozen") {
  // In logs and checkpoints that exist. Append, never change.
  const float floats[] = {1.0f};
  CHECK(encoded(Datum::null()) == std::string("\x00", 1));
  CHECK(encoded(Datum::integer(0)) == std::string("\x01\x00", 2));
  CHECK(encoded(Datum::integer(-1)) == "\x01\x01");
  CHECK(encoded(Datum::integer(150)) == "\x01\xAC\x02");
  CHECK(encoded(Datum::real(1.0)) == std::string("\x02\x00\x00\x00\x00\x00\x00\xF0\x3F", 9));
  CHECK(encoded(Datum::text("ab")) ==
        "\x03\x02"
        "ab");
  CHECK(encoded(Datum::blob("ab")) ==
        "\x04\x02"
        "ab");
  CHECK(encoded(Datum::vector(floats)) == std::string("\x05\x01\x00\x00\x80\x3F", 6));
  CHECK(encoded(Datum::boolean(false)) == "\x06");
  CHECK(encoded(Datum::boolean(true)) == "\x07");
}

TEST_CASE("timestamps, dates and JSON of old logs are read as integers and text") {
  std::unique_ptr<float[]> scratch;
  for (const std::string_view old : {"\x08\x06\x01\x02", "\x08\x07\x01\x02"}) {
    EffectReader reader(old);
    CHECK(identical(reader.getDatum(scratch), Datum::integer(1)));
    CHECK(reader.ok());
  }
  EffectReader json("\x09\x02{}");
  CHECK(identical(json.getDatum(scratch), Datum::text("{}")));
  EffectReader unknown("\x08\x03\x01\x02");
  (void)unknown.getDatum(scratch);
  CHECK(!unknown.ok());
}

std::int64_t anyInteger(std::mt19937_64& random) {
  // All magnitudes alike: varints change their length with it.
  return static_cast<std::int64_t>(random()) >> (random() % 64);
}

// A random value; its bytes live in `storage`.
Value anyValue(std::mt19937_64& random) {
  std::string bytes(random() % 3 == 0 ? random() % 2000 : random() % 20, '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(random());
  }
  std::vector<float> floats(random() % 40);
  for (float& x : floats) {
    x = static_cast<float>(anyInteger(random));
  }
  switch (random() % 7) {
    case 0:
      return Value(Datum::null());
    case 1:
      return Value(Datum::boolean(random() % 2 == 0));
    case 2:
      return Value(Datum::integer(anyInteger(random)));
    case 3:
      return Value(Datum::real(static_cast<double>(anyInteger(random)) / 3));
    case 4:
      return Value(Datum::text(bytes));
    case 5:
      return Value(Datum::blob(bytes));
    default:
      return Value(Datum::vector(floats));
  }
}

TEST_CASE("random values come back as they were put") {
  const unsigned seed = GENERATE(1u, 2u, 3u);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    EffectBuffer buffer;
    std::vector<Value> values;
    for (std::size_t n = random() % 20; n > 0; --n) {
      values.push_back(anyValue(random));
      buffer.putDatum(values.back().view());
    }
    EffectReader reader(buffer.bytes());
    std::unique_ptr<float[]> scratch;
    for (const Value& value : values) {
      REQUIRE(identical(reader.getDatum(scratch), value.view()));
      REQUIRE(reader.ok());
    }
    CHECK(reader.done());
    CHECK(reader.offset() == buffer.size());
  }
}

TEST_CASE("typed gets read what typed puts wrote") {
  EffectBuffer buffer;
  CHECK(buffer.empty());
  buffer.putInt(INT64_MIN);
  buffer.putInt(INT64_MAX);
  buffer.putDouble(-0.25);
  buffer.putString("key");
  buffer.putString({});
  buffer.putBinary(std::string_view("\0\xFF", 2));
  buffer.putBool(true);
  buffer.putVarint(UINT64_MAX);
  buffer.putByte(200);
  EffectReader reader(buffer.bytes());
  CHECK(reader.getInt() == INT64_MIN);
  CHECK(reader.getInt() == INT64_MAX);
  CHECK(reader.getDouble() == -0.25);
  CHECK(reader.getString() == "key");
  CHECK(reader.getString().empty());
  CHECK(reader.getBinary() == std::string_view("\0\xFF", 2));
  CHECK(reader.getBool());
  CHECK(reader.getVarint() == UINT64_MAX);
  CHECK(reader.getByte() == 200);
  CHECK(reader.done());
  CHECK(reader.ok());
}

TEST_CASE("truncate forgets the end, and the buffer grows past its inline room") {
  EffectBuffer buffer;
  buffer.putString("first");
  const std::size_t mark = buffer.size();
  const std::string large(10 * EffectBuffer::kInlineBytes, 'x');
  buffer.putString(large);
  CHECK(buffer.size() > large.size());
  buffer.truncate(mark);
  buffer.putInt(7);
  EffectReader reader(buffer.bytes());
  CHECK(reader.getString() == "first");
  CHECK(reader.getInt() == 7);
  CHECK(reader.done());
  buffer.clear();
  CHECK(buffer.empty());
}

TEST_CASE("what is not of the format ends in an error, and stays in it") {
  using namespace std::string_view_literals;
  const std::string_view bytes = GENERATE(""sv, "\x01"sv, "\x01\x80"sv, "\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02"sv,
                                          "\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"sv, "\x02\x00\x00"sv, "\x03\x05"sv,
                                          "\x03\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01x"sv, "\x05\x01\x00\x00\x80"sv,
                                          "\x05\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x3F"sv, "\x08"sv, "\x08\x02\x01\x02"sv,
                                          "\x08\x06\x02\x00"sv, "\x0A"sv, "\xFF"sv);
  EffectReader reader(bytes);
  std::unique_ptr<float[]> scratch;
  reader.getDatum(scratch);
  CHECK_FALSE(reader.ok());
  CHECK(reader.done());
  CHECK(reader.error().code == ErrorCode::kCorruption);
  CHECK(reader.getInt() == 0);
  CHECK(reader.getString().empty());
  CHECK(reader.getByte() == 0);
  CHECK_FALSE(reader.ok());
}

// Reads everything that is there as one item after the other, with every get. The sanitizers watch the bounds.
std::size_t readAll(std::string_view bytes, std::mt19937_64& random) {
  EffectReader reader(bytes);
  std::unique_ptr<float[]> scratch;
  std::size_t items = 0;
  while (!reader.done()) {
    switch (random() % 12) {
      case 0:
        reader.getInt();
        break;
      case 1:
        reader.getDouble();
        break;
      case 2:
        reader.getString();
        break;
      case 3:
        reader.getBinary();
        break;
      case 4:
        reader.getBool();
        break;
      case 5:
        reader.getByte();
        break;
      case 6:
        reader.getRaw(reader.getVarint());
        break;
      default: {
        const Value copied(reader.getDatum(scratch));  // touches every byte of it
        break;
      }
    }
    REQUIRE(reader.offset() <= bytes.size());
    ++items;
  }
  return items;
}

std::string joined(const std::vector<std::string_view>& pieces) {
  std::string all;
  for (const std::string_view piece : pieces) {
    CHECK_FALSE(piece.empty());
    all += piece;
  }
  return all;
}

TEST_CASE("large strings that are lent are borrowed, and go to the log as if they had been copied") {
  const std::string text(EffectBuffer::kMinBorrowed + 5, 'x');
  const std::string other(EffectBuffer::kMinBorrowed, 'y');
  const std::string_view part = std::string_view(text).substr(3);
  EffectBuffer copied;
  EffectBuffer borrowing;
  {
    const std::vector<std::string_view> gone{"short", text};  // the span need not stay
    borrowing.borrowFrom(gone);
    for (EffectBuffer* const buffer : {&copied, &borrowing}) {
      buffer->putInt(7);
      buffer->putValue(text);
      buffer->putValue(part);
      buffer->putValue("short");
      buffer->putValue(other);  // not lent
    }
    borrowing.borrowFrom({});
  }
  copied.putValue(text);
  borrowing.putValue(text);  // no longer lent
  CHECK(borrowing.borrows());
  CHECK_FALSE(copied.borrows());
  CHECK(copied.pieces() == std::vector<std::string_view>{copied.bytes()});
  CHECK(borrowing.size() < copied.size() - text.size());
  CHECK(joined(borrowing.pieces()) == copied.bytes());

  EffectReader reader = EffectReader::ofStaged(borrowing.bytes());
  CHECK(reader.getInt() == 7);
  CHECK(reader.getString().data() == text.data());
  CHECK(reader.getString() == part);
  CHECK(reader.getString() == "short");
  const std::string_view own = reader.getString();
  CHECK((own == other && own.data() != other.data()));
  CHECK((reader.getString() == text && reader.done() && reader.ok()));
}

TEST_CASE("nobody follows a reference but a reader of staged effects") {
  const std::string text(EffectBuffer::kMinBorrowed, 'x');
  const std::string_view lent[] = {text};
  EffectBuffer buffer;
  buffer.borrowFrom(lent);
  buffer.putValue(text);
  std::unique_ptr<float[]> scratch;
  EffectReader strings(buffer.bytes());
  CHECK(strings.getString().empty());
  CHECK_FALSE(strings.ok());
  CHECK(strings.error().code == ErrorCode::kCorruption);
  for (EffectReader any : {EffectReader(buffer.bytes()), EffectReader::ofStaged(buffer.bytes())}) {
    CHECK(any.getDatum(scratch).isNull());
    CHECK_FALSE(any.ok());
  }
}

TEST_CASE("what is truncated is not borrowed any more") {
  const std::string text(EffectBuffer::kMinBorrowed, 'x');
  const std::string_view lent[] = {text};
  EffectBuffer buffer;
  buffer.borrowFrom(lent);
  buffer.putInt(1);
  const std::size_t first = buffer.size();
  buffer.putValue(text);
  const std::size_t second = buffer.size();
  buffer.putValue(text);
  buffer.truncate(second);
  CHECK(joined(buffer.pieces()).size() == first + 4 + text.size());  // a tag, and a length of three bytes
  buffer.truncate(first);
  CHECK_FALSE(buffer.borrows());
  CHECK(joined(buffer.pieces()) == buffer.bytes());
  buffer.putValue(text);
  CHECK(buffer.borrows());
  buffer.clear();
  CHECK((!buffer.borrows() && buffer.pieces().empty()));
}

TEST_CASE("random damage never leads outside the buffer") {
  const unsigned seed = GENERATE(1u, 2u);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  std::size_t items = 0;
  for (int round = 0; round < 4000; ++round) {
    EffectBuffer buffer;
    for (std::size_t n = 1 + random() % 6; n > 0; --n) {
      buffer.putDatum(anyValue(random).view());
    }
    std::string damaged(buffer.bytes());
    for (std::size_t n = 1 + random() % 4; n > 0 && !damaged.empty(); --n) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    // An allocation of exactly its size: a byte too far is a sanitizer's report.
    const std::size_t size = random() % (damaged.size() + 1);
    const auto exact = std::make_unique<char[]>(size);
    std::copy_n(damaged.begin(), size, exact.get());
    items += readAll({exact.get(), size}, random);
  }
  CHECK(items > 4000);
}

}  // namespace
}  // namespace trefoil
