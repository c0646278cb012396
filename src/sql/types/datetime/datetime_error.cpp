#include "sql/types/datetime/datetime_error.hpp"

#include <utility>

namespace trefoil::sql::datetime {
namespace {

std::string quoted(std::string_view before, std::string_view text) {
  std::string message(before);
  message += " \"";
  message += text;
  message += '"';
  return message;
}

}  // namespace

Error invalidInput(std::string_view type, std::string_view text) {
  return {ErrorCode::kInvalidText, quoted("invalid input syntax for type " + std::string(type) + ":", text)};
}

Error invalidFormat(std::string message) {
  return {ErrorCode::kInvalidText, std::move(message)};
}

Error fieldOutOfRange(std::string_view text, bool month_or_day) {
  Error error(ErrorCode::kOutOfRange, quoted("date/time field value out of range:", text));
  if (month_or_day) {
    error.hint = "Perhaps you need a different \"datestyle\" setting.";
  }
  return error;
}

Error outOfRange(std::string message) {
  return {ErrorCode::kOutOfRange, std::move(message)};
}

Error intervalFieldOutOfRange(std::string_view text) {
  return {ErrorCode::kOutOfRange, quoted("interval field value out of range:", text)};
}

Error displacementOutOfRange(std::string_view text) {
  return {ErrorCode::kOutOfRange, quoted("time zone displacement out of range:", text)};
}

Error zoneNotRecognized(std::string_view name) {
  return {ErrorCode::kInvalid, quoted("time zone", name) + " not recognized"};
}

Error invalidParameter(std::string message) {
  return {ErrorCode::kInvalid, std::move(message)};
}

Error notSupported(std::string message) {
  return {ErrorCode::kUnsupported, std::move(message)};
}

Error divisionByZero() {
  return {ErrorCode::kDivisionByZero, "division by zero"};
}

Error timestampOutOfRange() {
  return outOfRange("timestamp out of range");
}

Error dateOutOfRange() {
  return outOfRange("date out of range");
}

Error intervalOutOfRange() {
  return outOfRange("interval out of range");
}

}  // namespace trefoil::sql::datetime
