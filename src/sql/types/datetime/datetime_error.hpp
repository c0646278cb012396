// The errors of dates and times, in PostgreSQL's words. One function for each SQLSTATE, named in front of it: where ErrorCode
// learns finer codes, this is the place.
#pragma once

#include <string>
#include <string_view>

#include "base/status.hpp"

namespace trefoil::sql::datetime {

// 22007: `invalid input syntax for type TYPE: "TEXT"`.
Error invalidInput(std::string_view type, std::string_view text);
// 22007: a template or a text that does not go with it.
Error invalidFormat(std::string message);
// 22008: `date/time field value out of range: "TEXT"`; with the hint at the order of day and month if they are to blame.
Error fieldOutOfRange(std::string_view text, bool month_or_day = false);
// 22008: a value, of a given message.
Error outOfRange(std::string message);
// 22015: `interval field value out of range: "TEXT"`.
Error intervalFieldOutOfRange(std::string_view text);
// 22009: `time zone displacement out of range: "TEXT"`.
Error displacementOutOfRange(std::string_view text);
// 22023: `time zone "NAME" not recognized`.
Error zoneNotRecognized(std::string_view name);
// 22023: an argument that is none.
Error invalidParameter(std::string message);
// 0A000: a field that the type has not, a stride in months …
Error notSupported(std::string message);
// 22012
Error divisionByZero();

// 22008, the ones that many functions end with.
Error timestampOutOfRange();
Error dateOutOfRange();
Error intervalOutOfRange();

}  // namespace trefoil::sql::datetime
