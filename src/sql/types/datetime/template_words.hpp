// The names in what templates print and read.
#pragma once

#include <string_view>

namespace trefoil::sql::datetime {

inline constexpr std::string_view kMonthNames[] = {"January", "February", "March",     "April",   "May",      "June",
                                                   "July",    "August",   "September", "October", "November", "December"};
inline constexpr std::string_view kDayNames[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
// In the order in which they are looked for: none is the beginning of one behind it.
inline constexpr std::string_view kRomanMonths[] = {"XII", "XI", "X", "IX", "VIII", "VII", "VI", "V", "IV", "III", "II", "I"};
inline constexpr std::size_t kShortName = 3;

}  // namespace trefoil::sql::datetime
