#include "txn/old_values.hpp"

#include "kv/old_value.hpp"
#include "txn/effects.hpp"

namespace trefoil::txn {

void appendOldValues(EffectBuffer& effects, kv::View& before, EffectBuffer& scratch) {
  EffectBuffer payload;
  EffectBuffer old;
  std::uint64_t number = 0;
  bool has_keys = false;
  const std::string_view staged = effects.bytes();
  const auto on_key = [&](std::uint8_t kind, EffectReader& reader) -> Status {
    const std::size_t begin = reader.offset() - kEffectKindBytes;
    EffectReader arguments = reader;
    TREFOIL_TRY(kv::skipEffect(kind, reader));
    const auto db = static_cast<int>(arguments.getVarint());
    if (kind != static_cast<std::uint8_t>(kv::EffectKind::kFlush)) {
      const kv::Key key = before.key(db, arguments.getString());
      old.clear();
      const kv::OldValue found =
          kv::captureOld(static_cast<kv::EffectKind>(kind), arguments, before.peek(key), kMostOldBytes, old);
      has_keys = true;
      if (found != kv::OldValue::kNothing) {
        payload.putVarint(number);
        payload.putString(old.bytes());
      }
    }
    const std::size_t at = scratch.size();
    scratch.putRaw(staged.substr(begin, reader.offset() - begin));
    before.restage(at, scratch.size());
    ++number;
    return {};
  };
  const auto on_row = [&](std::uint8_t kind, EffectReader& reader) -> Status {
    ++number;
    return sql::skipEffect(kind, reader);
  };
  const Status read = forEachEffect(EffectReader::ofStaged(staged), on_key, on_row);
  TREFOIL_ASSERT(read.ok());
  if (has_keys) {
    effects.putKind(kOldValuesKind, Cause::kNone);
    effects.putString(payload.bytes());
  }
}

Result<std::optional<std::string_view>> findOldValues(EffectReader effects) {
  std::optional<std::string_view> payload;
  TREFOIL_TRY(forEachEffect(effects, kv::skipEffect, sql::skipEffect, [&](std::string_view found) { payload = found; }));
  return payload;
}

Result<std::optional<std::string_view>> OldValues::of(std::uint64_t effect) {
  while ((!has_next_ || next_effect_ < effect) && !reader_.done()) {
    next_effect_ = reader_.getVarint();
    next_old_ = reader_.getString();
    has_next_ = reader_.ok();
  }
  if (!reader_.ok()) {
    return reader_.error();
  }
  return has_next_ && next_effect_ == effect ? std::optional(next_old_) : std::nullopt;
}

}  // namespace trefoil::txn
