// One value of the engine: what a parameter, a column, a log effect or a reply holds.
//
// Datum borrows: 16 bytes, trivially copyable, text and vectors are views into somebody's buffer. It is the currency of hot
// paths. Value owns a Datum's bytes. Both know the same types.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/assert.hpp"

namespace trefoil {

// What a value is in memory: its storage. What it means (a date, an integer) is the business of whoever knows its type
// (sql/types/sql_type.hpp). Persisted in log and checkpoint: append only, never renumber (frozen by tests/base/value_test.cpp).
enum class Type : std::uint8_t {
  kNull = 0,
  kBool = 1,
  kInteger = 2,  // 64-bit
  kDouble = 3,
  kText = 4,    // valid UTF-8 without NUL in SQL columns, any bytes as a command's argument
  kBlob = 5,    // any bytes, in a form that is the type's own
  kVector = 9,  // float32, dimension known from the span
};
// The storage that a persisted number stands for; nothing if it stands for none. 6, 7 and 8 were timestamps, dates (both integers
// now) and JSON (text).
constexpr std::optional<Type> storageOf(std::uint8_t number) {
  switch (number) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 9:
      return static_cast<Type>(number);
    case 6:
    case 7:
      return Type::kInteger;
    case 8:
      return Type::kText;
    default:
      return std::nullopt;
  }
}

// Values of this storage are bytes behind a pointer.
constexpr bool isBytes(Type type) {
  return type == Type::kText || type == Type::kBlob;
}
// The storage in a word, for messages.
std::string_view typeName(Type type);

// A borrowed value. The bytes belong to whoever made it and must outlive it.
class Datum {
 public:
  constexpr Datum() : type_(Type::kNull), size_(0), integer_(0) {}
  static constexpr Datum null() { return {}; }
  static constexpr Datum boolean(bool value) { return Datum(Type::kBool, value ? 1 : 0); }
  static constexpr Datum integer(std::int64_t value) { return Datum(Type::kInteger, value); }
  static Datum real(double value) {
    Datum datum;
    datum.type_ = Type::kDouble;
    datum.real_ = value;
    return datum;
  }
  static Datum text(std::string_view bytes) { return Datum(Type::kText, bytes); }
  static Datum blob(std::string_view bytes) { return Datum(Type::kBlob, bytes); }
  // `type` is kText or kBlob.
  static Datum bytes(Type type, std::string_view bytes) { return Datum(type, bytes); }
  // `type` is kBool or kInteger.
  static constexpr Datum fixed(Type type, std::int64_t value) { return Datum(type, value); }
  static Datum vector(std::span<const float> values) {
    Datum datum;
    datum.type_ = Type::kVector;
    datum.size_ = static_cast<std::uint32_t>(values.size());
    datum.floats_ = values.data();
    return datum;
  }

  [[nodiscard]] Type type() const { return type_; }
  [[nodiscard]] bool isNull() const { return type_ == Type::kNull; }
  [[nodiscard]] bool isFixed() const { return type_ == Type::kBool || type_ == Type::kInteger; }
  [[nodiscard]] bool isBytes() const { return trefoil::isBytes(type_); }

  [[nodiscard]] bool asBool() const {
    TREFOIL_DEBUG_ASSERT(type_ == Type::kBool);
    return integer_ != 0;
  }
  // The number of a bool or integer.
  [[nodiscard]] std::int64_t asInteger() const {
    TREFOIL_DEBUG_ASSERT(isFixed());
    return integer_;
  }
  [[nodiscard]] double asReal() const {
    TREFOIL_DEBUG_ASSERT(type_ == Type::kDouble);
    return real_;
  }
  // The bytes of a text or blob.
  [[nodiscard]] std::string_view asBytes() const {
    TREFOIL_DEBUG_ASSERT(isBytes());
    return {bytes_, size_};
  }
  [[nodiscard]] std::span<const float> asVector() const {
    TREFOIL_DEBUG_ASSERT(type_ == Type::kVector);
    return {floats_, size_};
  }

 private:
  constexpr Datum(Type type, std::int64_t value) : type_(type), size_(0), integer_(value) {}
  Datum(Type type, std::string_view bytes) : type_(type), size_(static_cast<std::uint32_t>(bytes.size())), bytes_(bytes.data()) {
    TREFOIL_DEBUG_ASSERT(bytes.size() <= UINT32_MAX);
  }

  Type type_;
  std::uint32_t size_;  // bytes of a text or blob, floats of a vector
  union {
    std::int64_t integer_;
    double real_;
    const char* bytes_;
    const float* floats_;
  };
};
static_assert(sizeof(Datum) == 16);

// An owned value: a Datum whose bytes live in here.
class Value {
 public:
  Value() = default;
  explicit Value(const Datum& datum);
  [[nodiscard]] Datum view() const;
  [[nodiscard]] Type type() const { return type_; }
  [[nodiscard]] bool isNull() const { return type_ == Type::kNull; }

 private:
  Type type_ = Type::kNull;
  std::int64_t integer_ = 0;  // also a double's bits
  std::string bytes_;         // text, blob; a vector's floats, host order
};

// Same type and same content (NaN equals NaN, -0.0 equals 0.0). For tests and change detection; SQL comparison is sql's.
bool identical(const Datum& a, const Datum& b);

}  // namespace trefoil
