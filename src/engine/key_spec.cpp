// The specs whose keys are not simply between two positions. Redis: db.c, getKeysUsingKeySpecs.
#include "engine/key_spec.hpp"

#include <algorithm>

#include "base/ascii_case.hpp"
#include "kv/integer_text.hpp"

namespace trefoil {

namespace {

// Behind the word; 0 if it is not there. Backwards it is never the first argument behind the name.
std::ptrdiff_t behindKeyword(const KeySpec& spec, std::span<const std::string_view> args) {
  const auto count = static_cast<std::ptrdiff_t>(args.size());
  const bool backwards = spec.index < 0;
  const std::ptrdiff_t end = backwards ? 1 : count - 1;
  for (std::ptrdiff_t i = backwards ? count + spec.index : spec.index; backwards ? i > end : i < end; i += backwards ? -1 : 1) {
    if (equalsIgnoringCase(args[static_cast<std::size_t>(i)], spec.keyword)) {
      return i + 1;
    }
  }
  return 0;
}

}  // namespace

bool KeySpec::precedesKey(std::string_view argument) const {
  return !keyword.empty() && equalsIgnoringCase(argument, keyword);
}

KeyRange KeySpec::search(std::span<const std::string_view> args) const {
  const auto count = static_cast<std::ptrdiff_t>(args.size());
  const std::ptrdiff_t first = begin == Begin::kIndex ? index : begin == Begin::kKeyword ? behindKeyword(*this, args) : 0;
  if (first == 0 || first >= count || find == Find::kUnknown) {
    return {};
  }
  if (find == Find::kRange) {
    return rangeFrom(first, args.size());
  }
  const std::optional<std::int64_t> keys = kv::parseInteger(args[static_cast<std::size_t>(first)]);
  return keys && *keys > 0 && *keys < count - first ? KeyRange{first + 1, first + *keys, 1} : KeyRange{};
}

// Redis: server.c, populateCommandLegacyRangeSpec. One range is it; of several, those that follow each other with step 1.
LegacyKeys legacyKeys(const KeySpecs& specs) {
  LegacyKeys legacy;
  const auto take = [&](const KeySpec& spec) {
    const int last = spec.last >= 0 ? spec.index + spec.last : spec.last;
    legacy.first = legacy.first == 0 ? spec.index : legacy.first;
    legacy.last = last;
    legacy.step = spec.step;
    legacy.movable = legacy.movable || (spec.flags & kKeyIncomplete) != 0;
  };
  for (const KeySpec& spec : specs) {
    const bool is_range = spec.begin == KeySpec::Begin::kIndex && spec.find == KeySpec::Find::kRange;
    const bool follows = legacy.last == 0 || spec.index == legacy.last + 1;
    if (is_range && (specs.size() == 1 || (spec.step == 1 && follows))) {
      take(spec);
    } else {
      legacy.movable = true;
    }
  }
  return legacy;
}

}  // namespace trefoil
