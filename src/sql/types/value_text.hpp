// Values as text and back, in PostgreSQL's forms and with its complaints; and what a value must be to fit its type.
//
// Text forms: `t`/`f` for booleans, the shortest text that reads back as the same number, `\x…` for bytea, ISO dates and
// timestamps (timestamptz in UTC), `[1,2,3]` for vectors.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "base/value.hpp"
#include "sql/types/byte_arena.hpp"
#include "sql/types/sql_type.hpp"

namespace trefoil::sql {

// Appends the text form of a value of `type`. NULL appends nothing. What is text although the type would have something else is
// appended as it is.
void appendText(std::string& out, const SqlType& type, const Datum& value);
std::string toText(const SqlType& type, const Datum& value);
// As it stands in a message: "null" for NULL, and what is longer than `most` bytes is cut and ends in "...".
std::string shortText(const SqlType& type, const Datum& value, std::size_t most);

// Reads a value of `type` from its text form; bytes and floats are put into `arena` (text is viewed, not copied). Errors are
// PostgreSQL's: `invalid input syntax for type integer: "abc"`, `value "99999999999" is out of range for type integer`.
Result<Datum> parseText(const SqlType& type, std::string_view text, ByteArena& arena);

// Makes a value that came from outside one of a column's or parameter's type: text by reading it, anything else where its storage
// says what it is (an integer for a double; microseconds for a timestamp, days for a date; a blob of little-endian float32 for a
// vector). Ranges, lengths and dimensions are checked. Costs nothing when the value already fits.
Result<Datum> convertDatum(const SqlType& type, const Datum& value, ByteArena& arena);

// Checks a value of the type's storage against its range and its modifier, as on storing it:
// `smallint out of range`, `value too long for type character varying(3)`, `expected 3 dimensions, not 2`.
Status checkModifier(const SqlType& type, const Datum& value);

}  // namespace trefoil::sql
