// Glob patterns of KEYS, SCAN MATCH and CONFIG GET, as Redis matches them: * ? [abc] [^a-z] and \ before a character.
#pragma once

#include <string_view>

namespace trefoil::kv {

// Linear in text times pattern, without recursion.
bool globMatches(std::string_view pattern, std::string_view text);

}  // namespace trefoil::kv
