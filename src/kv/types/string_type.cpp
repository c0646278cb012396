#include "kv/types/string_type.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/format_number.hpp"
#include "kv/collection.hpp"
#include "kv/integer_text.hpp"
#include "kv/value_type.hpp"
#include "kv/view.hpp"

namespace trefoil::kv {

namespace {

constexpr EffectFormat kEffects[] = {
    {EffectKind::kSet, "s"}, {EffectKind::kSetWithDeadline, "is"}, {EffectKind::kAppend, "s"}, {EffectKind::kSetRange, "vs"}};

// Makes `entry` the string `value`: in place if it fits without waste.
void assignString(std::string_view key, std::string_view value, Deadline deadline, Entry*& entry, const ChangeContext& context) {
  if (Entry* made = context.prepared == nullptr ? nullptr : context.prepared->take(key, value); made != nullptr) {
    if (entry != nullptr) {
      context.discarder.discard(entry);
    }
    entry = made;
    return;
  }
  const auto number = parseInteger(value);
  const std::size_t size = number ? sizeof(*number) : value.size();
  const Encoding encoding = number ? Encoding::kInteger : Encoding::kRaw;
  if (entry != nullptr) {
    const bool fits =
        !entry->isLarge() && entry->hasDeadline() == !deadline.never() &&
        (size == entry->valueSize() || (size <= entry->valueCapacity() && !Entry::isWasteful(entry->valueCapacity(), size)));
    if (fits) {
      entry->setDeadline(deadline);
    } else {
      context.discarder.discard(std::exchange(entry, nullptr));
    }
  }
  if (entry == nullptr) {
    entry = Entry::allocate(ObjectType::kString, encoding, key, deadline, size);
  }
  entry->setTypeAndEncoding(ObjectType::kString, encoding);
  entry->setValueSize(size);
  if (number) {
    std::memcpy(entry->valueBytes(), &*number, sizeof(*number));
  } else {
    copyBytes(entry->valueBytes(), value);
  }
}

// A string that bytes can be written into, created if absent.
Status rawString(std::string_view key, Entry*& entry) {
  if (entry == nullptr) {
    entry = Entry::allocate(ObjectType::kString, Encoding::kRaw, key, kNever, 0);
  } else if (entry->type() != ObjectType::kString) {
    return damagedEffect("no string");
  } else if (entry->encoding() == Encoding::kInteger) {
    char text[kMaxIntegerChars];
    const std::size_t size = formatInteger(text, entry->integer());
    entry = Entry::resizeValue(entry, size, 0);
    entry->setTypeAndEncoding(ObjectType::kString, Encoding::kRaw);
    std::memcpy(entry->valueBytes(), text, size);
  }
  return {};
}

Status writeRange(std::string_view key, std::optional<std::uint64_t> offset, std::string_view bytes, Entry*& entry) {
  TREFOIL_TRY(rawString(key, entry));
  const std::size_t before = entry->valueSize();
  const std::uint64_t from = offset.value_or(before);
  if (from > kMaxStringBytes || from + bytes.size() > kMaxStringBytes) {
    return damagedEffect("a string that long");
  }
  const std::size_t after = std::max<std::size_t>(before, from + bytes.size());
  if (after > before) {  // room to grow, as it will probably happen again
    entry = Entry::resizeValue(entry, after, offset || before == 0 ? 0 : roomToGrow(after));
  }
  if (from > before) {
    std::memset(entry->valueBytes() + before, 0, from - before);
  }
  copyBytes(entry->valueBytes() + from, bytes);
  return {};
}

std::string_view stringEncoding(const Entry& entry) {
  constexpr std::size_t kEmbedded = 44;  // as in Redis
  return entry.encoding() == Encoding::kInteger ? "int" : entry.valueSize() <= kEmbedded ? "embstr" : "raw";
}

std::size_t stepsOfString(const Entry& entry) {
  return entry.encoding() == Encoding::kRaw ? entry.valueSize() / View::kStepBytes : 1;
}

EffectKind settingKind(const Entry& entry) {
  return entry.hasDeadline() ? EffectKind::kSetWithDeadline : EffectKind::kSet;
}

std::uint64_t captureString(const Entry& entry, std::uint64_t, EffectBuffer& effects) {
  if (entry.hasDeadline()) {
    effects.putInt(entry.deadline().unix_ms);
  }
  IntegerText room;
  effects.putString(StringHandle(&entry).text(room));
  return ValueType::kWhole;
}

}  // namespace

Status changeString(EffectKind kind, EffectReader& reader, std::string_view key, Entry*& entry, const ChangeContext& context) {
  switch (kind) {
    case EffectKind::kAppend: {
      const std::string_view bytes = reader.getString();
      return reader.ok() ? writeRange(key, std::nullopt, bytes, entry) : Status();
    }
    case EffectKind::kSetRange: {
      const std::uint64_t offset = reader.getVarint();
      const std::string_view bytes = reader.getString();
      return reader.ok() ? writeRange(key, offset, bytes, entry) : Status();
    }
    default: {
      const Deadline deadline = kind == EffectKind::kSet ? kNever : Deadline{reader.getInt()};
      const std::string_view value = reader.getString();
      if (reader.ok()) {
        assignString(key, value, deadline, entry, context);
      }
      return {};
    }
  }
}

constinit const ValueType kStringType = {
    .name = "string",
    .effects = kEffects,
    .change = changeString,
    .encoding = stringEncoding,
    .steps = stepsOfString,
    .elements = [](const Entry&) { return std::size_t{1}; },
    .building_kind = settingKind,
    .capture = captureString,
    .capture_touched = [](EffectKind, EffectReader, const Entry& entry,
                          EffectBuffer& effects) { captureString(entry, 0, effects); },
    .visit_parts =
        [](const Entry& entry, const std::function<void(std::string_view)>& visit) {
          IntegerText room;
          visit(StringHandle(&entry).text(room));
        },
    .outside_bytes = nullptr,
    .share = nullptr,
    .free_roots = nullptr,
    .free_parts = nullptr,
    .verify = nullptr,
};

}  // namespace trefoil::kv
