#include "base/value.hpp"

#include <bit>

namespace trefoil {

std::string_view typeName(Type type) {
  switch (type) {
    case Type::kNull:
      return "unknown";
    case Type::kBool:
      return "boolean";
    case Type::kInteger:
      return "integer";
    case Type::kDouble:
      return "double precision";
    case Type::kText:
      return "text";
    case Type::kBlob:
      return "bytea";
    case Type::kVector:
      return "vector";
  }
  return "?";
}

Value::Value(const Datum& datum) : type_(datum.type()) {
  if (datum.isFixed()) {
    integer_ = datum.asInteger();
  } else if (datum.isBytes()) {
    bytes_ = datum.asBytes();
  } else if (type_ == Type::kDouble) {
    integer_ = std::bit_cast<std::int64_t>(datum.asReal());
  } else if (type_ == Type::kVector) {
    const auto floats = datum.asVector();
    bytes_.assign(reinterpret_cast<const char*>(floats.data()), floats.size_bytes());
  }
}

Datum Value::view() const {
  switch (type_) {
    case Type::kNull:
      return Datum::null();
    case Type::kDouble:
      return Datum::real(std::bit_cast<double>(integer_));
    case Type::kText:
    case Type::kBlob:
      return Datum::bytes(type_, bytes_);
    // std::string's buffer comes from operator new or lies within this object after an 8-byte member: aligned for float.
    case Type::kVector:
      return Datum::vector({reinterpret_cast<const float*>(bytes_.data()), bytes_.size() / sizeof(float)});
    default:
      return Datum::fixed(type_, integer_);
  }
}

bool identical(const Datum& a, const Datum& b) {
  if (a.type() != b.type()) {
    return false;
  }
  if (a.isNull()) {
    return true;
  }
  if (a.isFixed()) {
    return a.asInteger() == b.asInteger();
  }
  if (a.isBytes()) {
    return a.asBytes() == b.asBytes();
  }
  if (a.type() == Type::kDouble) {
    const double x = a.asReal();
    const double y = b.asReal();
    return x == y || (x != x && y != y);
  }
  const auto x = a.asVector();
  const auto y = b.asVector();
  return x.size() == y.size() && (x.empty() || std::memcmp(x.data(), y.data(), x.size_bytes()) == 0);
}

}  // namespace trefoil
