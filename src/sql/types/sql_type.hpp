// SQL's types: what they are called, what their values are in memory, and which become which.
//
// A SqlType is an identity (TypeId, a row of types.def) and a modifier. Several types share a storage: smallint, integer and
// bigint are all 64-bit integers, dates are days and timestamps microseconds, varchar and text are bytes of UTF-8. So code that
// only moves, stores or hashes values looks at storage(); what a value means, and its text, is the type's to say
// (value_text.hpp).
//
// kUnknown stands for "not known yet": an untyped string literal, NULL, or a parameter, which take their type from the context as
// in PostgreSQL.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "base/value.hpp"

namespace trefoil::sql {

enum class TypeId : std::uint8_t {
  kUnknown,
#define TYPE(id, oid, array_oid, name, short_name, storage, category, preferred) id,
#include "sql/types/types.def"
#undef TYPE
};

// A row of types.def.
struct TypeInfo {
  std::uint32_t oid;
  std::uint32_t array_oid;
  std::string_view name;
  std::string_view short_name;
  Type storage;
  char category;
  bool preferred;
};

inline constexpr TypeInfo kTypeInfos[] = {
    {705, 0, "unknown", "unknown", Type::kNull, 'X', false},
#define TYPE(id, oid, array_oid, name, short_name, storage, category, preferred) \
  {oid, array_oid, name, short_name, Type::storage, category, preferred},
#include "sql/types/types.def"
#undef TYPE
};

struct SqlType {
  TypeId id = TypeId::kUnknown;
  std::uint32_t modifier = 0;  // varchar(n): characters, vector(n): dimension; 0: any

  static constexpr SqlType unknown() { return {}; }
  static constexpr SqlType boolean() { return {TypeId::kBoolean}; }
  static constexpr SqlType smallint() { return {TypeId::kSmallint}; }
  static constexpr SqlType integer() { return {TypeId::kInteger}; }
  static constexpr SqlType bigint() { return {TypeId::kBigint}; }
  static constexpr SqlType real() { return {TypeId::kReal}; }
  static constexpr SqlType doublePrecision() { return {TypeId::kDouble}; }
  static constexpr SqlType text() { return {TypeId::kText}; }
  static constexpr SqlType varchar(std::uint32_t max_characters = 0) { return {TypeId::kVarchar, max_characters}; }
  static constexpr SqlType bytea() { return {TypeId::kBytea}; }
  static constexpr SqlType json() { return {TypeId::kJson}; }
  static constexpr SqlType timestamp() { return {TypeId::kTimestamp}; }
  static constexpr SqlType timestamptz() { return {TypeId::kTimestamptz}; }
  static constexpr SqlType date() { return {TypeId::kDate}; }
  static constexpr SqlType vector(std::uint32_t dimension = 0) { return {TypeId::kVector, dimension}; }

  bool operator==(const SqlType&) const = default;
  [[nodiscard]] constexpr const TypeInfo& info() const { return kTypeInfos[static_cast<std::size_t>(id)]; }
  [[nodiscard]] constexpr Type storage() const { return info().storage; }
  [[nodiscard]] constexpr char category() const { return info().category; }

  [[nodiscard]] constexpr bool is(TypeId other) const { return id == other; }
  [[nodiscard]] constexpr bool isUnknown() const { return id == TypeId::kUnknown; }
  [[nodiscard]] constexpr bool isInteger() const {
    return id == TypeId::kSmallint || id == TypeId::kInteger || id == TypeId::kBigint;
  }
  [[nodiscard]] constexpr bool isFloat() const { return id == TypeId::kReal || id == TypeId::kDouble; }
  [[nodiscard]] constexpr bool isNumeric() const { return category() == 'N'; }
  [[nodiscard]] constexpr bool isString() const { return category() == 'S'; }
  // The same type without varchar's or vector's modifier.
  [[nodiscard]] constexpr SqlType withoutModifier() const { return {id, 0}; }
};

// As PostgreSQL prints it in messages: "integer", "character varying(10)", "vector(3)".
std::string sqlTypeName(const SqlType& type);

// The type that `name` (folded, one spelling, as in ast::TypeName) and its modifiers stand for; kUndefinedObject
// `type "foo" does not exist` or a complaint about the modifiers.
Result<SqlType> resolveTypeName(std::string_view name, std::span<const std::int64_t> modifiers);

// The type with this OID; nothing if there is none. unknown() has none here: nothing is stored as it.
std::optional<TypeId> typeOfOid(std::uint32_t oid);

// Whether a type has an equality and an order: what DISTINCT, GROUP BY, ORDER BY, = and indexes ask for.
bool isComparable(const SqlType& type);

// Who may ask for a conversion, from nobody up.
enum class CastContext : std::uint8_t { kNone, kExplicit, kAssignment, kImplicit };

// PostgreSQL's pg_cast and its conversions by way of text. Of a type to itself: kImplicit. From unknown(): kImplicit.
CastContext castContext(const SqlType& from, const SqlType& to);
inline bool convertsImplicitly(const SqlType& from, const SqlType& to) {
  return castContext(from, to) == CastContext::kImplicit;
}
// Whether every value of `from` is, as it lies in memory, the same value of `to`: converting is no work.
bool isBinaryCoercible(const SqlType& from, const SqlType& to);
// Whether values of the two compare as they lie in memory.
bool comparesAsIs(const SqlType& a, const SqlType& b);

// The type that values of all of these types become in CASE, UNION, IN …; unknown() if all are unknown, nothing if there is none.
// https://www.postgresql.org/docs/15/typeconv-union-case.html
std::optional<SqlType> commonType(std::span<const SqlType> types);

// What a result column is called and holds.
struct ColumnInfo {
  std::string name;
  SqlType type;
};

}  // namespace trefoil::sql
