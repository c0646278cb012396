#include "engine/reply.hpp"

#include <algorithm>

namespace trefoil {

namespace {

// The first word of the wire text, which clients look at.
std::string_view redisPrefix(ErrorCode code) {
  switch (code) {
    case ErrorCode::kWrongType:
      return "WRONGTYPE ";
    case ErrorCode::kExecAbort:
      return "EXECABORT ";
    case ErrorCode::kUnblocked:
      return "UNBLOCKED ";
    case ErrorCode::kNoProtocol:
      return "NOPROTO ";
    case ErrorCode::kConflict:
      return "CONFLICT ";
    case ErrorCode::kOutOfMemory:
      return "OOM ";
    case ErrorCode::kReadOnly:
      return "MISCONF ";
    case ErrorCode::kUnknownOutcome:
      return "UNKNOWN ";
    case ErrorCode::kBusy:
      return "BUSY ";
    default:
      return "ERR ";
  }
}

}  // namespace

std::string redisErrorText(const Error& error) {
  // Refusals that only clients of Redis know: their messages bring the words themselves.
  const bool has_prefix =
      (error.code == ErrorCode::kInvalid && (error.message.starts_with("WRONGPASS ") || error.message.starts_with("LOADING "))) ||
      (error.code == ErrorCode::kReadOnly && error.message.starts_with("READONLY "));
  std::string text(has_prefix ? std::string_view() : redisPrefix(error.code));
  text += error.message;
  if (error.position) {
    text += " at character " + std::to_string(*error.position + 1);
  }
  if (!error.detail.empty()) {
    text += "; DETAIL: " + error.detail;
  }
  if (!error.hint.empty()) {
    text += "; HINT: " + error.hint;
  }
  // A RESP error is one line, and an error's text may end in a client's line ends.
  text.erase(text.find_last_not_of("\r\n") + 1);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
  return text;
}

std::string_view sqlState(ErrorCode code) {
  switch (code) {
    case ErrorCode::kSyntax:
      return "42601";
    case ErrorCode::kWrongType:
    case ErrorCode::kDatatypeMismatch:
      return "42804";
    case ErrorCode::kUndefinedTable:
      return "42P01";
    case ErrorCode::kUndefinedColumn:
      return "42703";
    case ErrorCode::kUndefinedFunction:
      return "42883";
    case ErrorCode::kUndefinedObject:
      return "42704";
    case ErrorCode::kDuplicateObject:
      return "42P07";
    case ErrorCode::kAmbiguous:
      return "42702";
    case ErrorCode::kGrouping:
      return "42803";
    case ErrorCode::kInvalidText:
      return "22P02";
    case ErrorCode::kOutOfRange:
      return "22003";
    case ErrorCode::kDivisionByZero:
      return "22012";
    case ErrorCode::kStringTooLong:
      return "22001";
    case ErrorCode::kNotNullViolation:
      return "23502";
    case ErrorCode::kForeignKeyViolation:
      return "23503";
    case ErrorCode::kUniqueViolation:
      return "23505";
    case ErrorCode::kCheckViolation:
      return "23514";
    case ErrorCode::kConflict:
      return "40001";
    case ErrorCode::kTransactionState:
    case ErrorCode::kExecAbort:
      return "25000";
    case ErrorCode::kUnsupported:
    case ErrorCode::kNoProtocol:
      return "0A000";
    case ErrorCode::kLimit:
      return "54000";
    case ErrorCode::kOutOfMemory:
      return "53200";
    case ErrorCode::kReadOnly:
      return "25006";
    case ErrorCode::kUnknownOutcome:
      return "40003";
    case ErrorCode::kBusy:
      return "53300";
    case ErrorCode::kIo:
      return "58030";
    case ErrorCode::kCorruption:
      return "XX001";
    case ErrorCode::kTimeout:
    case ErrorCode::kCancelled:
    case ErrorCode::kUnblocked:
      return "57014";
    case ErrorCode::kInvalid:
      return "22023";
  }
  return "XX000";
}

}  // namespace trefoil
