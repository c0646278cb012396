// The order of rows under ORDER BY.
#pragma once

#include <cstdint>
#include <vector>

#include "sql/types/chunk.hpp"

namespace trefoil::sql {

// -1, 0 or 1 for two values of one type, neither NULL: NaN above all numbers, bytes by memcmp, false before true.
int compareValues(const Datum& a, const Datum& b);

struct SortDirection {
  bool descending = false;
  bool nulls_first = false;
};

// The first key of each row as a number of the same order (equal numbers: look closer). NULLs are placed where they belong.
//
//   integers, dates, timestamps   value with its sign bit flipped, halved to leave room for the NULLs
//   doubles                       bits with the sign flipped, or all of them for negative ones
//   text, bytea, json             the first 8 bytes, big-endian
//
// Appends one number a row to `out`.
void appendSortPrefixes(const Column& key, const Rows& rows, const SortDirection& direction, std::vector<std::uint64_t>& out);

}  // namespace trefoil::sql
