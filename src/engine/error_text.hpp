// What an error quotes of a statement may be as long as the statement, and of any bytes. What clients and logs get to read is
// bounded here, at the one place where errors leave the engine, and not where each of them is made.
#pragma once

#include <string>
#include <string_view>

#include "base/status.hpp"

namespace trefoil {

// The longest text of an error: message, detail and hint each.
inline constexpr std::size_t kMaxErrorText = 1024;

// `text` in at most kMaxErrorText bytes and a few: what is too long loses its middle, as it is mostly one long name or value that
// stands in a sentence. Characters of UTF-8 stay whole, control characters other than line ends and tabs are written as \x1b.
std::string presentableText(std::string_view text);

// The error with its texts made so.
Error presentable(Error error);

}  // namespace trefoil
