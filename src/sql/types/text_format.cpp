// Values to text, in PostgreSQL's forms.
#include <charconv>
#include <cmath>
#include <limits>

#include "sql/types/calendar.hpp"
#include "sql/types/utf8.hpp"
#include "sql/types/value_text.hpp"
#include "vector/text.hpp"

namespace trefoil::sql {
namespace {

// float8out and float4out: the shortest digits that read back as the same value; scientific when the exponent is below -4 or at
// least as many as the type has digits for sure.
template <typename Float>
void appendFloat(std::string& out, Float value) {
  constexpr int kDigits = std::numeric_limits<Float>::digits10;
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "Infinity" : "-Infinity";
    return;
  }
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  if (text.front() == '-') {
    out += '-';
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  std::string digits(1, text[0]);
  if (e > 2) {
    digits += text.substr(2, e - 2);
  }
  std::string_view exponent_text = text.substr(e + 1);
  if (exponent_text.front() == '+') {
    exponent_text.remove_prefix(1);
  }
  int exponent = 0;
  std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
  if (exponent < -4 || exponent >= kDigits) {
    out += digits[0];
    if (digits.size() > 1) {
      out += '.';
      out += digits.substr(1);
    }
    out += exponent < 0 ? "e-" : "e+";
    const int magnitude = std::abs(exponent);
    if (magnitude < 10) {
      out += '0';
    }
    out += std::to_string(magnitude);
  } else if (exponent < 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-exponent - 1), '0');
    out += digits;
  } else {
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() <= whole) {
      out += digits;
      out.append(whole - digits.size(), '0');
    } else {
      out += digits.substr(0, whole);
      out += '.';
      out += digits.substr(whole);
    }
  }
}

void appendNumber(std::string& out, std::int64_t value, std::size_t width) {
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  const auto size = static_cast<std::size_t>(end - buffer);
  if (size < width) {
    out.append(width - size, '0');
  }
  out.append(buffer, size);
}

void appendDate(std::string& out, std::int64_t days) {
  const CivilDate date = civilFromDays(days);
  appendNumber(out, date.year, 4);
  out += '-';
  appendNumber(out, date.month, 2);
  out += '-';
  appendNumber(out, date.day, 2);
}

void appendTimestamp(std::string& out, std::int64_t micros) {
  appendDate(out, dayOfMicros(micros));
  const std::int64_t time = timeOfMicros(micros);
  out += ' ';
  appendNumber(out, time / (3600 * kMicrosPerSecond), 2);
  out += ':';
  appendNumber(out, time / (60 * kMicrosPerSecond) % 60, 2);
  out += ':';
  appendNumber(out, time / kMicrosPerSecond % 60, 2);
  std::int64_t fraction = time % kMicrosPerSecond;
  if (fraction != 0) {
    out += '.';
    std::size_t width = 6;
    while (fraction % 10 == 0) {
      fraction /= 10;
      --width;
    }
    appendNumber(out, fraction, width);
  }
}

void appendBytea(std::string& out, std::string_view bytes) {
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\x";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
}

}  // namespace

void appendText(std::string& out, const SqlType& type, const Datum& value) {
  if (value.isNull()) {
    return;
  }
  if (value.isBytes() && !isBytes(type.storage())) {
    out += value.asBytes();
    return;
  }
  switch (type.id) {
    case TypeId::kUnknown:
    case TypeId::kText:
    case TypeId::kVarchar:
    case TypeId::kJson:
      out += value.asBytes();
      return;
    case TypeId::kBoolean:
      out += value.asBool() ? 't' : 'f';
      return;
    case TypeId::kSmallint:
    case TypeId::kInteger:
    case TypeId::kBigint:
      appendNumber(out, value.asInteger(), 0);
      return;
    case TypeId::kReal:
      appendFloat(out, static_cast<float>(value.asReal()));
      return;
    case TypeId::kDouble:
      appendFloat(out, value.asReal());
      return;
    case TypeId::kBytea:
      appendBytea(out, value.asBytes());
      return;
    case TypeId::kTimestamp:
      appendTimestamp(out, value.asInteger());
      return;
    case TypeId::kTimestamptz:
      appendTimestamp(out, value.asInteger());
      out += "+00";
      return;
    case TypeId::kDate:
      appendDate(out, value.asInteger());
      return;
    case TypeId::kVector:
      vector::printVector(value.asVector(), out);
      return;
  }
}

std::string toText(const SqlType& type, const Datum& value) {
  std::string out;
  appendText(out, type, value);
  return out;
}

std::string shortText(const SqlType& type, const Datum& value, std::size_t most) {
  if (value.isNull()) {
    return "null";
  }
  std::string text = toText(type, value);
  if (text.size() > most) {
    while (most > 0 && !isCharacterStart(text[most])) {
      --most;
    }
    text.resize(most);
    text += "...";
  }
  return text;
}

}  // namespace trefoil::sql
