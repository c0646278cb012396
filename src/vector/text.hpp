// The text form of a vector, pgvector's: '[1,2.5,-3e-05]'.
//
// Spaces may stand around every number and around the brackets. Numbers print as PostgreSQL prints a real: the shortest digits
// that read back to the same float32, with an exponent below 1e-4 and from 1e6 on. Neither direction knows a locale.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"

namespace trefoil::vector {

// Parses `text` into `out` (replaced; keeps its capacity). Errors are kInvalidText or kOutOfRange with pgvector's texts, and
// leave `out` unspecified. The dimension is 1 … kMaxDimension, every element finite.
Status parseVector(std::string_view text, std::vector<float>& out);

// Appends the text form.
void printVector(std::span<const float> values, std::string& out);

}  // namespace trefoil::vector
