// Values from outside to values of a type (value_text.hpp).
#include <bit>
#include <cmath>
#include <cstring>

#include "sql/types/calendar.hpp"
#include "sql/types/utf8.hpp"
#include "sql/types/value_text.hpp"
#include "vector/distance.hpp"

namespace trefoil::sql {
namespace {

Error outOfRange(const SqlType& type) {
  return Error(ErrorCode::kOutOfRange, sqlTypeName(type.withoutModifier()) + " out of range");
}

Result<Datum> integerOf(const SqlType& type, double value) {
  const double rounded = std::nearbyint(value);
  if (!(rounded >= -9223372036854775808.0 && rounded < 9223372036854775808.0)) {
    return outOfRange(type);
  }
  return Datum::integer(static_cast<std::int64_t>(rounded));
}

Result<Datum> floatOf(const SqlType& type, double value) {
  if (type.is(TypeId::kDouble)) {
    return Datum::real(value);
  }
  const auto narrowed = static_cast<float>(value);
  if (std::isinf(narrowed) && std::isfinite(value)) {
    return outOfRange(type);
  }
  return Datum::real(narrowed);
}

// A vector from the bytes of its floats.
Result<Datum> vectorOf(std::string_view bytes, ByteArena& arena) {
  static_assert(std::endian::native == std::endian::little);
  if (bytes.size() % sizeof(float) != 0) {
    return Error(ErrorCode::kInvalid,
                 "a vector in binary has 4 bytes for each dimension, not " + std::to_string(bytes.size()) + " in all");
  }
  auto* const floats = reinterpret_cast<float*>(arena.allocate(bytes.size()));
  std::memcpy(floats, bytes.data(), bytes.size());
  const std::span<const float> values(floats, bytes.size() / sizeof(float));
  TREFOIL_TRY(vector::checkElements(values));
  return Datum::vector(values);
}

Result<Datum> convertStorage(const SqlType& type, const Datum& value, ByteArena& arena) {
  const Type from = value.type();
  if (type.isFloat() && (from == Type::kInteger || from == Type::kDouble)) {
    return floatOf(type, from == Type::kInteger ? static_cast<double>(value.asInteger()) : value.asReal());
  }
  if (from == type.storage()) {
    return value;
  }
  if (type.isInteger() && from == Type::kDouble) {
    return integerOf(type, value.asReal());
  }
  if (type.is(TypeId::kVector) && from == Type::kBlob) {
    return vectorOf(value.asBytes(), arena);
  }
  if (type.isString() && (from == Type::kInteger || from == Type::kDouble || from == Type::kBool)) {
    const SqlType known = from == Type::kInteger  ? SqlType::bigint()
                          : from == Type::kDouble ? SqlType::doublePrecision()
                                                  : SqlType::boolean();
    return Datum::text(arena.copy(toText(known, value)));
  }
  return Error(ErrorCode::kDatatypeMismatch,
               "cannot convert a value of " + std::string(typeName(from)) + " to type " + sqlTypeName(type.withoutModifier()));
}

bool fitsRange(const SqlType& type, std::int64_t value) {
  switch (type.id) {
    case TypeId::kSmallint:
      return value == static_cast<std::int16_t>(value);
    case TypeId::kInteger:
      return value == static_cast<std::int32_t>(value);
    case TypeId::kDate:
      return value >= kFirstDay && value <= kLastDay;
    case TypeId::kTimestamp:
    case TypeId::kTimestamptz:
      return isTimestamp(value);
    default:
      return true;
  }
}

}  // namespace

Result<Datum> convertDatum(const SqlType& type, const Datum& value, ByteArena& arena) {
  if (value.isNull()) {
    return value;
  }
  Datum converted = value;
  if (value.type() == Type::kText || (value.type() == Type::kBlob && type.isString())) {
    TREFOIL_ASSIGN(converted, parseText(type, value.asBytes(), arena));
  } else if (!type.isUnknown()) {
    TREFOIL_ASSIGN(converted, convertStorage(type, value, arena));
  }
  TREFOIL_TRY(checkModifier(type, converted));
  return converted;
}

Status checkModifier(const SqlType& type, const Datum& value) {
  switch (value.type()) {
    case Type::kInteger:
      if (!fitsRange(type, value.asInteger())) {
        return outOfRange(type);
      }
      break;
    case Type::kText:
      if (type.modifier != 0 && value.asBytes().size() > type.modifier && countCharacters(value.asBytes()) > type.modifier) {
        return Error(ErrorCode::kStringTooLong, "value too long for type " + sqlTypeName(type));
      }
      break;
    case Type::kVector:
      if (type.modifier != 0 && value.asVector().size() != type.modifier) {
        return Error(ErrorCode::kInvalid,
                     "expected " + std::to_string(type.modifier) + " dimensions, not " + std::to_string(value.asVector().size()));
      }
      break;
    default:
      break;
  }
  return {};
}

}  // namespace trefoil::sql
