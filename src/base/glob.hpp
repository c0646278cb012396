// Redis's glob patterns, as KEYS, SCAN MATCH, CONFIG GET and PSUBSCRIBE take them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trefoil {

// Whether all of `text` matches `pattern`:
//   *  any bytes, also none     ?  one byte     [abc] [a-c] [^abc]  one byte (not) of a set     \x  the byte x itself
// An unfinished [ or a final \ is taken as Redis takes it: the set ends with the pattern, the \ stands for itself.
// Time is O(|pattern| * |text|) at worst, memory constant, whatever the pattern: it comes from users.
bool globMatch(std::string_view pattern, std::string_view text, bool ignore_case = false);

// The one text that a pattern matches; nothing if it may match several.
std::optional<std::string> globLiteral(std::string_view pattern);

}  // namespace trefoil
