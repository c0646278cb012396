// The texts behind INTERVAL: "1 year 2 months 3 days 04:05:06 -7 hours". There is no type for them; they only move timestamps.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.hpp"

namespace trefoil::sql {

struct Interval {
  std::int64_t months = 0;  // calendar months: their days differ
  std::int64_t micros = 0;  // days count 24 hours each (timestamps are UTC)
};

// PostgreSQL's units, with or without plural s, each with a number before it; at most one h:mm[:ss[.f]]. Months and years are
// whole numbers together. kInvalidText: "invalid input syntax for type interval: …".
Result<Interval> parseInterval(std::string_view text);

}  // namespace trefoil::sql
