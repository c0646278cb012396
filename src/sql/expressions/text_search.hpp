// Finding bytes in bytes, in time linear in the text whatever the two are.
#pragma once

#include <cstring>
#include <string_view>

namespace trefoil::sql {

// The offset of the first occurrence of `part` at or behind `from`, or npos. (glibc's memmem is two-way search where it matters;
// std::string_view::find takes the product of the lengths.)
inline std::size_t findText(std::string_view text, std::string_view part, std::size_t from = 0) {
  if (from > text.size()) {
    return std::string_view::npos;
  }
  const void* const found = ::memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found == nullptr ? std::string_view::npos : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

}  // namespace trefoil::sql
