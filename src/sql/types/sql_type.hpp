// SQL's types, as the binder and the schema know them, and values as text.
//
// A SqlType is base's Type (what a value physically is) plus what only SQL distinguishes: the width of an integer (smallint,
// integer, bigint are all 64 bits in memory; the width says which results are out of range) and a modifier (the n of VARCHAR(n)
// and VECTOR(n), 0 if there is none). Type::kNull stands for "not known yet": an untyped string literal, NULL, or a parameter,
// which take their type from the context as in PostgreSQL.
//
// Text forms are PostgreSQL's: `t`/`f` for booleans, the shortest text that reads back as the same double, `\x…` for bytea, ISO
// dates and timestamps (UTC), `[1,2,3]` for vectors.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/query_memory.hpp"
#include "base/status.hpp"
#include "base/value.hpp"

namespace trefoil::sql {

enum class IntegerWidth : std::uint8_t { kNone = 0, k16 = 2, k32 = 4, k64 = 8 };

struct SqlType {
  Type base = Type::kNull;
  IntegerWidth width = IntegerWidth::kNone;  // of Type::kInteger only
  std::uint32_t modifier = 0;                // VARCHAR(n): characters, VECTOR(n): dimension; 0: any

  static constexpr SqlType unknown() { return {}; }
  static constexpr SqlType boolean() { return {Type::kBool}; }
  static constexpr SqlType smallint() { return {Type::kInteger, IntegerWidth::k16}; }
  static constexpr SqlType integer() { return {Type::kInteger, IntegerWidth::k32}; }
  static constexpr SqlType bigint() { return {Type::kInteger, IntegerWidth::k64}; }
  static constexpr SqlType real() { return {Type::kDouble}; }
  static constexpr SqlType text(std::uint32_t max_characters = 0) { return {Type::kText, IntegerWidth::kNone, max_characters}; }
  static constexpr SqlType blob() { return {Type::kBlob}; }
  static constexpr SqlType json() { return {Type::kJson}; }
  static constexpr SqlType timestamp() { return {Type::kTimestamp}; }
  static constexpr SqlType date() { return {Type::kDate}; }
  static constexpr SqlType vector(std::uint32_t dimension = 0) { return {Type::kVector, IntegerWidth::kNone, dimension}; }

  bool operator==(const SqlType&) const = default;
  [[nodiscard]] bool isUnknown() const { return base == Type::kNull; }
  [[nodiscard]] bool isInteger() const { return base == Type::kInteger; }
  [[nodiscard]] bool isNumeric() const { return base == Type::kInteger || base == Type::kDouble; }
  // Bytes held by StringRef in columns.
  [[nodiscard]] bool isBytes() const { return base == Type::kText || base == Type::kBlob || base == Type::kJson; }
  // The same values without VARCHAR's or VECTOR's modifier.
  [[nodiscard]] SqlType withoutModifier() const { return {base, width, 0}; }
};

// As PostgreSQL prints it in messages: "integer", "character varying(10)", "vector(3)".
std::string sqlTypeName(const SqlType& type);

// The type that `name` (folded, one spelling, as in ast::TypeName) and its modifiers stand for; kUndefinedObject
// `type "foo" does not exist` or a complaint about the modifiers.
Result<SqlType> resolveTypeName(std::string_view name, std::span<const std::int64_t> modifiers);

// What a result column is called and holds.
struct ColumnInfo {
  std::string name;
  SqlType type;
};

// Owns the bytes of values made while a statement runs: text and vectors that a Datum or a column refers to.
class ByteArena {
 public:
  ByteArena() = default;
  ByteArena(const ByteArena&) = delete;
  ByteArena& operator=(const ByteArena&) = delete;
  // Uninitialised room, aligned to 16 bytes.
  char* allocate(std::size_t size) {
    size = (size + 15) & ~std::size_t{15};
    if (static_cast<std::size_t>(limit_ - cursor_) < size) {
      return allocateSlow(size);
    }
    char* result = cursor_;
    cursor_ += size;
    return result;
  }
  std::string_view copy(std::string_view bytes);
  // Forgets everything; keeps the largest block for reuse.
  void reset();
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

 private:
  char* allocateSlow(std::size_t size);
  char* cursor_ = nullptr;
  char* limit_ = nullptr;
  std::size_t capacity_ = 0;
  std::vector<CountedBytes> blocks_;
};

// Appends a value's text form. NULL appends nothing.
void appendText(std::string& out, const Datum& value);
std::string toText(const Datum& value);
// As it stands in a message: "null" for NULL, and what is longer than `most` bytes is cut and ends in "...".
std::string shortText(const Datum& value, std::size_t most);
// "(1, ann, null)": a row as PostgreSQL prints it in a DETAIL.
std::string rowText(std::span<const Datum> row);

// Reads a value of `type` from its text form; bytes and floats are put into `arena` (text is viewed, not copied). Errors are
// PostgreSQL's: `invalid input syntax for type integer: "abc"`, `value "99999999999" is out of range for type integer`.
Result<Datum> parseText(const SqlType& type, std::string_view text, ByteArena& arena);

// Converts a value to a column's or parameter's type where PostgreSQL would (integer → double, text → anything that reads as it,
// …; and a blob of little-endian float32 → vector), checking ranges, lengths and dimensions. Costs nothing when the value already
// fits.
Result<Datum> convertDatum(const SqlType& type, const Datum& value, ByteArena& arena);

// Checks a value of the right base type against the type's width or modifier, as on storing it:
// `smallint out of range`, `value too long for type character varying(3)`, `expected 3 dimensions, not 2`.
Status checkModifier(const SqlType& type, const Datum& value);

}  // namespace trefoil::sql
