#include "sql/types/sql_type.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "sql/types/calendar.hpp"
#include "sql/types/utf8.hpp"
#include "vector/distance.hpp"

namespace trefoil::sql {
namespace {

constexpr std::int64_t kMaxVarcharLength = 10'485'760;
constexpr std::int64_t kMaxVectorDimension = 16'000;

struct NamedType {
  std::string_view name;
  SqlType type;
  bool takes_modifier;
};

constexpr NamedType kNamedTypes[] = {
    {"boolean", SqlType::boolean(), false},
    {"bool", SqlType::boolean(), false},
    {"smallint", SqlType::smallint(), false},
    {"int2", SqlType::smallint(), false},
    {"integer", SqlType::integer(), false},
    {"int", SqlType::integer(), false},
    {"int4", SqlType::integer(), false},
    {"bigint", SqlType::bigint(), false},
    {"int8", SqlType::bigint(), false},
    {"double precision", SqlType::real(), false},
    {"double", SqlType::real(), false},
    {"float8", SqlType::real(), false},
    {"float4", SqlType::real(), false},
    {"float", SqlType::real(), true},
    {"real", SqlType::real(), false},
    {"text", SqlType::text(), false},
    {"varchar", SqlType::text(), true},
    {"character varying", SqlType::text(), true},
    {"bytea", SqlType::blob(), false},
    {"blob", SqlType::blob(), false},
    {"json", SqlType::json(), false},
    {"timestamp", SqlType::timestamp(), false},
    {"timestamp without time zone", SqlType::timestamp(), false},
    {"timestamp with time zone", SqlType::timestamp(), false},
    {"timestamptz", SqlType::timestamp(), false},
    {"date", SqlType::date(), false},
    {"vector", SqlType::vector(), true},
};

Error badModifier(std::string message) {
  return Error(ErrorCode::kInvalid, std::move(message));
}

Error outOfRange(const SqlType& type) {
  return Error(ErrorCode::kOutOfRange, sqlTypeName(type) + " out of range");
}

bool fitsWidth(IntegerWidth width, std::int64_t value) {
  switch (width) {
    case IntegerWidth::k16:
      return value == static_cast<std::int16_t>(value);
    case IntegerWidth::k32:
      return value == static_cast<std::int32_t>(value);
    case IntegerWidth::kNone:
    case IntegerWidth::k64:
      return true;
  }
  return true;
}

// A value of another type than `type`'s: what converts without text.
Result<Datum> convertFixed(const SqlType& type, const Datum& value) {
  const Type from = value.type();
  if (type.base == Type::kDouble && from == Type::kInteger) {
    return Datum::real(static_cast<double>(value.asInteger()));
  }
  if (type.base == Type::kInteger && from == Type::kDouble) {
    const double rounded = std::nearbyint(value.asReal());
    if (!(rounded >= -9223372036854775808.0 && rounded < 9223372036854775808.0)) {
      return outOfRange(type);
    }
    return Datum::integer(static_cast<std::int64_t>(rounded));
  }
  if (type.base == Type::kTimestamp && from == Type::kDate) {
    return Datum::timestamp(value.asInteger() * kMicrosPerDay);
  }
  if (type.base == Type::kDate && from == Type::kTimestamp) {
    return Datum::date(dayOfMicros(value.asInteger()));
  }
  return Error(ErrorCode::kDatatypeMismatch,
               "cannot convert type " + std::string(typeName(from)) + " to " + sqlTypeName(type.withoutModifier()));
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

}  // namespace

std::string sqlTypeName(const SqlType& type) {
  switch (type.base) {
    case Type::kNull:
      return "unknown";
    case Type::kBool:
      return "boolean";
    case Type::kInteger:
      return type.width == IntegerWidth::k16 ? "smallint" : type.width == IntegerWidth::k64 ? "bigint" : "integer";
    case Type::kDouble:
      return "double precision";
    case Type::kText:
      return type.modifier == 0 ? "text" : "character varying(" + std::to_string(type.modifier) + ")";
    case Type::kBlob:
      return "bytea";
    case Type::kTimestamp:
      return "timestamp";
    case Type::kDate:
      return "date";
    case Type::kJson:
      return "json";
    case Type::kVector:
      return type.modifier == 0 ? "vector" : "vector(" + std::to_string(type.modifier) + ")";
  }
  return "unknown";
}

Result<SqlType> resolveTypeName(std::string_view name, std::span<const std::int64_t> modifiers) {
  const auto* const found = std::find_if(std::begin(kNamedTypes), std::end(kNamedTypes),
                                         [&](const NamedType& candidate) { return candidate.name == name; });
  if (found == std::end(kNamedTypes)) {
    return Error(ErrorCode::kUndefinedObject, "type \"" + std::string(name) + "\" does not exist");
  }
  SqlType type = found->type;
  if (modifiers.empty()) {
    return type;
  }
  if (!found->takes_modifier || modifiers.size() > 1) {
    return badModifier("type modifier is not allowed for type \"" + std::string(name) + "\"");
  }
  const std::int64_t modifier = modifiers.front();
  if (type.base == Type::kDouble) {  // FLOAT(p): p binary digits
    if (modifier < 1 || modifier > 53) {
      return badModifier(modifier < 1 ? "precision for type float must be at least 1 bit"
                                      : "precision for type float must be less than 54 bits");
    }
    return type;
  }
  const bool text = type.base == Type::kText;
  if (modifier < 1) {
    return badModifier(text ? "length for type varchar must be at least 1" : "dimensions for type vector must be at least 1");
  }
  if (modifier > (text ? kMaxVarcharLength : kMaxVectorDimension)) {
    return badModifier(text ? "length for type varchar cannot exceed 10485760"
                            : "dimensions for type vector cannot exceed 16000");
  }
  type.modifier = static_cast<std::uint32_t>(modifier);
  return type;
}

std::string_view ByteArena::copy(std::string_view bytes) {
  if (bytes.empty()) {
    return {};
  }
  char* to = allocate(bytes.size());
  std::memcpy(to, bytes.data(), bytes.size());
  return {to, bytes.size()};
}

char* ByteArena::allocateSlow(std::size_t size) {
  constexpr std::size_t kFirstBlock = 4096;
  constexpr std::size_t kLargestStep = std::size_t{1} << 20;
  const std::size_t grown = blocks_.empty() ? kFirstBlock : std::min(kLargestStep, blocks_.back().size() * 2);
  const std::size_t block = std::max(size, grown);
  blocks_.emplace_back(block);
  capacity_ += block;
  cursor_ = blocks_.back().get() + size;
  limit_ = blocks_.back().get() + block;
  return blocks_.back().get();
}

void ByteArena::reset() {
  if (blocks_.empty()) {
    return;
  }
  if (blocks_.size() > 1) {
    auto largest =
        std::max_element(blocks_.begin(), blocks_.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
    CountedBytes kept = std::move(*largest);
    blocks_.clear();
    capacity_ = kept.size();
    blocks_.push_back(std::move(kept));
  }
  cursor_ = blocks_.front().get();
  limit_ = cursor_ + blocks_.front().size();
}

Result<Datum> convertDatum(const SqlType& type, const Datum& value, ByteArena& arena) {
  if (value.isNull()) {
    return value;
  }
  Datum converted = value;
  if (value.type() == type.base || type.isUnknown()) {
    if (value.type() == Type::kText) {
      TREFOIL_ASSIGN(converted, parseText(SqlType::text(), value.asBytes(), arena));
    }
  } else if (value.type() == Type::kText || (value.type() == Type::kBlob && type.base == Type::kText)) {
    TREFOIL_ASSIGN(converted, parseText(type, value.asBytes(), arena));
  } else if (value.type() == Type::kBlob && type.base == Type::kVector) {
    TREFOIL_ASSIGN(converted, vectorOf(value.asBytes(), arena));
  } else if (type.base == Type::kText) {
    converted = Datum::text(arena.copy(toText(value)));
  } else {
    TREFOIL_ASSIGN(converted, convertFixed(type, value));
  }
  TREFOIL_TRY(checkModifier(type, converted));
  return converted;
}

Status checkModifier(const SqlType& type, const Datum& value) {
  switch (value.type()) {
    case Type::kInteger:
      if (!fitsWidth(type.width, value.asInteger())) {
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
