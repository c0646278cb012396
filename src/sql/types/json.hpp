// JSON text: validation and the operators -> and ->>. The text is kept as written; nothing is stored parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trefoil::sql {

// What is wrong with `text` as JSON (RFC 8259), or nothing. Does not recurse, however deep the text nests.
std::optional<std::string> jsonProblem(std::string_view text);

// The text of object member `key` (the last of that name, as PostgreSQL's json type takes it) or of array element `index` (from
// the end if negative) of valid JSON; nothing if there is none.
std::optional<std::string_view> jsonMember(std::string_view json, std::string_view key);
std::optional<std::string_view> jsonElement(std::string_view json, std::int64_t index);

// ->>: a JSON string without quotes and escapes, null as nothing, everything else as it is written.
std::optional<std::string> jsonAsText(std::string_view json);

// json_typeof: object, array, string, number, boolean, null.
std::string_view jsonTypeName(std::string_view json);

// Elements of an array; nothing if `json` is not one.
std::optional<std::int64_t> jsonArrayLength(std::string_view json);

}  // namespace trefoil::sql
