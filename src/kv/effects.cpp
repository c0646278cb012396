#include "kv/effects.hpp"

namespace trefoil::kv {

namespace {

// What follows the key: one letter for each part, * repeats the rest as often as the count before it says.
//   s String item, i Int64 item, d Double item, v varint, b byte, n varint count of the repeated rest
const char* argumentsOf(EffectKind kind) {
  // NOLINTBEGIN(bugprone-branch-clone): a table, one line for each kind
  switch (kind) {
    case EffectKind::kSet:
      return "s";
    case EffectKind::kSetWithDeadline:
      return "is";
    case EffectKind::kRemove:
      return "";
    case EffectKind::kSetDeadline:
      return "i";
    case EffectKind::kClearDeadline:
      return "";
    case EffectKind::kAppend:
      return "s";
    case EffectKind::kSetRange:
      return "vs";
    case EffectKind::kFlush:
      return "";
    case EffectKind::kListPush:
      return "bns";
    case EffectKind::kListPop:
      return "bv";
    case EffectKind::kListSet:
      return "vs";
    case EffectKind::kListInsert:
      return "vs";
    case EffectKind::kListErase:
      return "vv";
    case EffectKind::kListTrim:
      return "vv";
    case EffectKind::kHashSet:
      return "nss";
    case EffectKind::kHashRemove:
      return "ns";
    case EffectKind::kSetAdd:
      return "ns";
    case EffectKind::kSetRemove:
      return "ns";
    case EffectKind::kSortedSetPut:
      return "nds";
    case EffectKind::kSortedSetRemove:
      return "ns";
  }
  // NOLINTEND(bugprone-branch-clone)
  return nullptr;
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
