#include "sql/types/datetime/datetime_wire.hpp"

#include <string>

#include "sql/types/datetime/calendar.hpp"
#include "tests/sql/types/datetime/shown.hpp"

namespace trefoil::sql::datetime {
namespace {

std::string hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

std::string dateWire(std::int64_t day) {
  std::string bytes(kDateWireSize, '?');
  dateToWire(bytes.data(), day);
  return bytes;
}
std::string timestampWire(std::int64_t micros) {
  std::string bytes(kTimestampWireSize, '?');
  timestampToWire(bytes.data(), micros);
  return bytes;
}

}  // namespace

TEST_CASE("Binary forms are PostgreSQL's", "[sql][datetime]") {
  CHECK(hex(dateWire(dateOf("2024-02-29"))) == "00002279");
  CHECK(hex(dateWire(dateOf("1999-12-31"))) == "ffffffff");
  CHECK(hex(dateWire(dateOf("4714-11-24 BC"))) == "ffda97a7");
  CHECK(hex(dateWire(dateOf("5874897-12-31"))) == "7fda970c");
  CHECK(hex(dateWire(dateOf("infinity"))) == "7fffffff");
  CHECK(hex(dateWire(dateOf("-infinity"))) == "80000000");
  CHECK(hex(timestampWire(timestampOf("2024-02-29 12:34:56.789"))) == "0002b58341728608");
  CHECK(hex(timestampWire(timestampOf("1999-12-31 23:59:59.999999"))) == "ffffffffffffffff");
  CHECK(hex(timestampWire(timestampOf("4714-11-24 00:00 BC"))) == "fd0f7cc1411fa000");
  CHECK(hex(timestampWire(timestampOf("infinity"))) == "7fffffffffffffff");
  CHECK(hex(timestampWire(timestampOf("-infinity"))) == "8000000000000000");
  std::string bytes(kIntervalWireSize, '?');
  intervalToWire(bytes.data(), intervalOf("1 year 2 mons -3 days 04:05:06.789"));
  CHECK(hex(bytes) == "000000036c97ca88fffffffd0000000e");
  CHECK(shownInterval(intervalFromWire(bytes)) == "1 year 2 mons -3 days +04:05:06.789");
  bytes.resize(kTimeWireSize);
  timeToWire(bytes.data(), timeOfDay("24:00:00"));
  CHECK(hex(bytes) == "000000141dd76000");
  CHECK(shownTime(timeFromWire(bytes)) == "24:00:00");
}

TEST_CASE("Binary forms are read back, and checked", "[sql][datetime]") {
  for (const std::int64_t day : {kFirstDate, kLastDate, std::int64_t{0}, kInfinity, kNegativeInfinity}) {
    CHECK(*dateFromWire(dateWire(day)) == day);
  }
  for (const std::int64_t micros : {kFirstTimestamp, kLastTimestamp, std::int64_t{0}, kInfinity, kNegativeInfinity}) {
    CHECK(*timestampFromWire(timestampWire(micros)) == micros);
  }
  using namespace std::string_literals;
  CHECK(shownDate(dateFromWire("\x7F\xFF\xFF\xFE"s)) == "ERROR: date out of range");
  CHECK(shownDate(dateFromWire("\x80\0\0\1"s)) == "ERROR: date out of range");
  CHECK(shownDate(dateFromWire("\0\0\0"s)) == "ERROR: incorrect binary data format");
  CHECK(shownTimestamp(timestampFromWire("\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFE"s)) == "ERROR: timestamp out of range");
  CHECK(shownTimestamp(timestampFromWire("\x80\0\0\0\0\0\0\1"s)) == "ERROR: timestamp out of range");
  CHECK(shownTimestamp(timestampFromWire("")) == "ERROR: incorrect binary data format");
  CHECK(shownTime(timeFromWire("\xFF\0\0\0\0\0\0\0"s)) == "ERROR: time out of range");
  CHECK(shownTime(timeFromWire("\0\0\0\x14\x1D\xD7\x60\1"s)) == "ERROR: time out of range");
  CHECK(shownInterval(intervalFromWire("short")) == "ERROR: incorrect binary data format");
}

}  // namespace trefoil::sql::datetime
