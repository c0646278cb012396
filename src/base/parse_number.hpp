// Text to numbers, where std::from_chars is too slow: vectors come as text, hundreds of numbers a query.
#pragma once

#include <charconv>

namespace trefoil {

// std::from_chars(begin, end, out) for a float: the same numbers, bit by bit, and the same results. Several times as quick for
// decimals of up to 19 digits that are no extremes, which is what programs print.
std::from_chars_result parseFloat(const char* begin, const char* end, float& out);

}  // namespace trefoil
