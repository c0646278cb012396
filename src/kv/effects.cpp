#include "kv/effects.hpp"

#include <algorithm>

#include "kv/value_type.hpp"

namespace trefoil::kv {

namespace {

// What follows the key: one letter for each part, * repeats the rest as often as the count before it says.
//   s String item, i Int64 item, d Double item, v varint, b byte, n varint count of the repeated rest
const char* argumentsOf(EffectKind kind) {
  switch (kind) {
    case EffectKind::kRemove:
    case EffectKind::kClearDeadline:
    case EffectKind::kFlush:
      return "";
    case EffectKind::kSetDeadline:
      return "i";
    default:
      break;
  }
  const ValueType* const type = typeOfEffect(kind);
  if (type == nullptr) {
    return nullptr;
  }
  return std::find_if(type->effects.begin(), type->effects.end(), [&](const EffectFormat& f) { return f.kind == kind; })
      ->arguments;
}

void skipPart(char part, EffectReader& reader) {
  switch (part) {
    case 's':
      reader.getString();
      break;
    case 'i':
      reader.getInt();
      break;
    case 'd':
      reader.getDouble();
      break;
    case 'v':
      reader.getVarint();
      break;
    default:
      reader.getByte();
      break;
  }
}

}  // namespace

Status skipEffect(std::uint8_t kind, EffectReader& reader) {
  const char* parts = argumentsOf(static_cast<EffectKind>(kind));
  if (parts == nullptr) {
    return Error(ErrorCode::kCorruption, "a kv effect of an unknown kind");
  }
  reader.getVarint();
  if (static_cast<EffectKind>(kind) != EffectKind::kFlush) {
    reader.getString();
  }
  for (; *parts != '\0' && *parts != 'n'; ++parts) {
    skipPart(*parts, reader);
  }
  if (*parts == 'n') {
    const std::uint64_t count = reader.getVarint();
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {  // every part is at least a byte: bounded by the buffer
      for (const char* part = parts + 1; *part != '\0'; ++part) {
        skipPart(*part, reader);
      }
    }
  }
  if (!reader.ok()) {
    return reader.error();
  }
  return {};
}

}  // namespace trefoil::kv
