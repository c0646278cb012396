#include "sql/types/datetime/datetime_wire.hpp"

#include <limits>

#include "sql/types/datetime/calendar.hpp"
#include "sql/types/datetime/datetime_error.hpp"

namespace trefoil::sql::datetime {
namespace {

constexpr auto kLastInt32 = std::numeric_limits<std::int32_t>::max();
constexpr auto kFirstInt32 = std::numeric_limits<std::int32_t>::min();

void putBytes(char* to, std::uint64_t value, std::size_t size) {
  for (std::size_t i = size; i > 0; --i) {
    to[i - 1] = static_cast<char>(value & 0xFF);
    value >>= 8;
  }
}

std::uint64_t takeBytes(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) {
    value = value << 8 | static_cast<unsigned char>(byte);
  }
  return value;
}

std::int32_t takeInt32(std::string_view bytes) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(takeBytes(bytes)));
}
std::int64_t takeInt64(std::string_view bytes) {
  return static_cast<std::int64_t>(takeBytes(bytes));
}

Error wrongSize() {
  return invalidFormat("incorrect binary data format");
}

}  // namespace

void dateToWire(char* to, std::int64_t day) {
  const std::int64_t wire = day == kInfinity ? kLastInt32 : day == kNegativeInfinity ? kFirstInt32 : day - kPostgresEpochDay;
  putBytes(to, static_cast<std::uint64_t>(wire), kDateWireSize);
}

void timeToWire(char* to, std::int64_t time) {
  putBytes(to, static_cast<std::uint64_t>(time), kTimeWireSize);
}

void timestampToWire(char* to, std::int64_t micros) {
  const std::int64_t wire = isFinite(micros) ? micros - kPostgresEpochMicros : micros;
  putBytes(to, static_cast<std::uint64_t>(wire), kTimestampWireSize);
}

void intervalToWire(char* to, const Interval& interval) {
  putBytes(to, static_cast<std::uint64_t>(interval.micros), 8);
  putBytes(to + 8, static_cast<std::uint32_t>(interval.days), 4);
  putBytes(to + 12, static_cast<std::uint32_t>(interval.months), 4);
}

Result<std::int64_t> dateFromWire(std::string_view bytes) {
  if (bytes.size() != kDateWireSize) {
    return wrongSize();
  }
  const std::int32_t wire = takeInt32(bytes);
  if (wire == kLastInt32 || wire == kFirstInt32) {
    return wire == kLastInt32 ? kInfinity : kNegativeInfinity;
  }
  const std::int64_t day = wire + kPostgresEpochDay;
  if (!isDate(day)) {
    return dateOutOfRange();
  }
  return day;
}

Result<std::int64_t> timeFromWire(std::string_view bytes) {
  if (bytes.size() != kTimeWireSize) {
    return wrongSize();
  }
  const std::int64_t time = takeInt64(bytes);
  if (time < 0 || time > kMicrosPerDay) {
    return outOfRange("time out of range");
  }
  return time;
}

Result<std::int64_t> timestampFromWire(std::string_view bytes) {
  if (bytes.size() != kTimestampWireSize) {
    return wrongSize();
  }
  std::int64_t micros = takeInt64(bytes);
  if (isFinite(micros) && (__builtin_add_overflow(micros, kPostgresEpochMicros, &micros) || !isTimestamp(micros))) {
    return timestampOutOfRange();
  }
  return micros;
}

Result<Interval> intervalFromWire(std::string_view bytes) {
  if (bytes.size() != kIntervalWireSize) {
    return wrongSize();
  }
  return Interval{takeInt64(bytes.substr(0, 8)), takeInt32(bytes.substr(8, 4)), takeInt32(bytes.substr(12, 4))};
}

}  // namespace trefoil::sql::datetime
