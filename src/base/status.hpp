// Errors as values.
//
// Three classes of trouble, three tools:
//   a caller's mistake (bad SQL, wrong type, conflict)  -> Error, returned and worded for a person
//   the environment failed (disk full, EIO)             -> Error{ErrorCode::kIo} with path and errno text
//   a bug of ours                                       -> TREFOIL_ASSERT (assert.hpp): stop at once
//
// Result<T> is std::expected-shaped (C++23) for a C++20 compiler. Exceptions never cross a folder's border: PEGTL's are caught
// inside parser. The one exception is memory: std::bad_alloc and std::length_error unwind to where the statement was begun and
// become an Error there (guardMemory, query_memory.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/assert.hpp"

namespace trefoil {

// What kind of mistake or failure. `engine` alone maps codes to wire texts (-WRONGTYPE, -ERR, …) and SQLSTATEs.
enum class ErrorCode : std::uint8_t {
  kInvalid,              // a bad argument of a command or API call; the message is the whole text
  kSyntax,               // the text is not in the grammar
  kWrongType,            // Redis WRONGTYPE: operation against a key holding the wrong kind of value
  kUndefinedTable,       // SQL 42P01
  kUndefinedColumn,      // SQL 42703
  kUndefinedFunction,    // SQL 42883
  kUndefinedObject,      // SQL 42704: index, setting, type …
  kDuplicateObject,      // SQL 42P07 / 42710
  kAmbiguous,            // SQL 42702
  kGrouping,             // SQL 42803
  kDatatypeMismatch,     // SQL 42804
  kInvalidText,          // SQL 22P02: text that is no value of its type
  kOutOfRange,           // SQL 22003
  kDivisionByZero,       // SQL 22012
  kStringTooLong,        // SQL 22001
  kNotNullViolation,     // SQL 23502
  kForeignKeyViolation,  // SQL 23503
  kUniqueViolation,      // SQL 23505
  kCheckViolation,       // SQL 23514
  kExecAbort,            // Redis EXECABORT: a queued command was refused, so EXEC refuses all of them
  kUnblocked,            // Redis UNBLOCKED: CLIENT UNBLOCK has ended the wait
  kNoProtocol,           // Redis NOPROTO: HELLO asked for a protocol that there is not
  kConflict,             // serialization failure, SQL 40001 / -CONFLICT: nothing was applied, try again
  kTransactionState,     // BEGIN inside MULTI, COMMIT without BEGIN …
  kUnsupported,          // SQL 0A000
  kLimit,                // a bound of ours was met: too long, too deep, too many
  kOutOfMemory,          // SQL 53200: maxmemory, query-memory, or the system has no more
  kReadOnly,             // writes are refused (after a failed sync, while loading, on a replica)
  kUnknownOutcome,       // the change is in memory, but whether it is on disk is not known
  kBusy,                 // a bounded queue is full, a directory is locked by another process
  kIo,                   // the environment failed; the message has path and errno text
  kCorruption,           // stored bytes are not what was written; the message has file and offset
  kTimeout,
  kCancelled,
};

// One error, worded for the person who will read it.
struct Error {
  ErrorCode code = ErrorCode::kInvalid;
  std::string message;
  std::string detail;  // PostgreSQL's DETAIL line, may be empty
  std::string hint;    // PostgreSQL's HINT line: what to do, may be empty
  // Byte offset in the statement's text where it went wrong; the front end turns it into line, column and caret.
  std::optional<std::size_t> position;
  // kIo: the failed call's errno, so that a full disk (ENOSPC) can be told from a broken one; 0 otherwise.
  int system_errno = 0;

  Error() = default;
  Error(ErrorCode code_in, std::string message_in) : code(code_in), message(std::move(message_in)) {}

  Error&& at(std::size_t offset) && {
    position = offset;
    return std::move(*this);
  }
  Error&& withDetail(std::string text) && {
    detail = std::move(text);
    return std::move(*this);
  }
  Error&& withHint(std::string text) && {
    hint = std::move(text);
    return std::move(*this);
  }
};

// An Error or none, behind one pointer. Errors are rare, and what makes and drops one is long: functions of its own, so that
// nobody's way without errors has them on it.
class ErrorPointer {
 public:
  ErrorPointer() = default;
  explicit ErrorPointer(Error&& error) : error_(make(std::move(error))) {}
  ErrorPointer(ErrorPointer&& other) noexcept : error_(std::exchange(other.error_, nullptr)) {}
  ErrorPointer& operator=(ErrorPointer&& other) noexcept {
    std::swap(error_, other.error_);
    return *this;
  }
  ErrorPointer(const ErrorPointer&) = delete;
  ErrorPointer& operator=(const ErrorPointer&) = delete;
  ~ErrorPointer() {
    if (error_ != nullptr) [[unlikely]] {
      drop(error_);
    }
  }
  [[nodiscard]] Error* get() const { return error_; }

 private:
  static Error* make(Error&& error);
  static void drop(Error* error) noexcept;

  Error* error_ = nullptr;
};

// A value or an Error. Access to the wrong side is a bug and asserts.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}                 // NOLINT: implicit, as std::expected
  Result(Error error) : Result(ErrorPointer(std::move(error))) {}                       // NOLINT: as std::unexpected
  Result(ErrorPointer failure) : state_(std::in_place_index<1>, std::move(failure)) {}  // NOLINT: the same

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  [[nodiscard]] T& value() & {
    TREFOIL_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }
  [[nodiscard]] const T& value() const& {
    TREFOIL_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }
  [[nodiscard]] T&& value() && {
    TREFOIL_ASSERT(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  [[nodiscard]] Error& error() & { return *errorOf(); }
  [[nodiscard]] const Error& error() const& { return *errorOf(); }
  [[nodiscard]] Error&& error() && { return std::move(*errorOf()); }
  // The error itself, on its way to whoever called.
  [[nodiscard]] ErrorPointer failure() && {
    TREFOIL_ASSERT(!ok());
    return std::move(*std::get_if<1>(&state_));
  }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  [[nodiscard]] Error* errorOf() const {
    TREFOIL_ASSERT(!ok());
    return std::get_if<1>(&state_)->get();
  }

  std::variant<T, ErrorPointer> state_;
};

// Success, or an Error: the common case is a null pointer in a register.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}             // NOLINT: implicit, as Result
  Status(ErrorPointer failure) : error_(std::move(failure)) {}  // NOLINT: the same

  [[nodiscard]] bool ok() const { return error_.get() == nullptr; }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] Error& error() & { return *errorOf(); }
  [[nodiscard]] const Error& error() const& { return *errorOf(); }
  [[nodiscard]] Error&& error() && { return std::move(*errorOf()); }
  [[nodiscard]] ErrorPointer failure() && {
    TREFOIL_ASSERT(!ok());
    return std::move(error_);
  }

 private:
  [[nodiscard]] Error* errorOf() const {
    TREFOIL_ASSERT(!ok());
    return error_.get();
  }

  ErrorPointer error_;
};

// TREFOIL_TRY(expression): returns the error to our caller, if there is one.
#define TREFOIL_TRY(expression)                             \
  do {                                                      \
    if (auto try_status = (expression); !try_status.ok()) { \
      return std::move(try_status).failure();               \
    }                                                       \
  } while (false)

#define TREFOIL_CONCAT_INNER(a, b) a##b
#define TREFOIL_CONCAT(a, b) TREFOIL_CONCAT_INNER(a, b)

// TREFOIL_ASSIGN(auto x, expression): x is the value, or the error goes to our caller.
#define TREFOIL_ASSIGN(declaration, expression)                        \
  auto TREFOIL_CONCAT(try_result_, __LINE__) = (expression);           \
  if (!TREFOIL_CONCAT(try_result_, __LINE__).ok()) {                   \
    return std::move(TREFOIL_CONCAT(try_result_, __LINE__)).failure(); \
  }                                                                    \
  declaration = std::move(TREFOIL_CONCAT(try_result_, __LINE__)).value()

}  // namespace trefoil
