// Is this text? SQL accepts UTF-8 without NUL and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace trefoil::parser {

// The offset of the first byte that is not part of well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most
// U+10FFFF) or that is NUL; npos if there is none.
std::size_t findInvalidUtf8(std::string_view text);

// Appends the UTF-8 form of `code_point`, which is at most 0x10FFFF and no surrogate; returns the number of bytes (1 to 4).
std::size_t encodeUtf8(std::uint32_t code_point, char* to);

}  // namespace trefoil::parser
