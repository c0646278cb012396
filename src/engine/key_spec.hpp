// Where a command's keys are among its arguments and what it does with them, as Redis says it: a few key specifications.
// https://redis.io/docs/latest/develop/reference/key-specs/
//
// In the command table they are words; several are separated by "; ":
//
//   spec  = begin [find] flag … [(notes)]
//   begin = INDEX                                   the first key is args[INDEX]
//         | KEYWORD from START                      it is behind the word KEYWORD, which is looked for from args[START] on, or,
//         if
//                                                   START is negative, from that place before the end backwards
//         | unknown [KEYWORD]                       clients are told that only the command itself can say; for us whatever stands
//                                                   behind a KEYWORD is a key, as it may be one
//   find  = [to LAST] [step STEP] [limit LIMIT]     keys up to LAST: so many behind the first, or, if negative, counted from the
//                                                   end; of what is left, the LIMIT-th part
//         | numkeys                                 the argument at `begin` is their number, and they follow it
//   flag  = RO RW OW RM access update insert delete not_key incomplete variable_flags
//
//   GET     1 RO access                             ZUNIONSTORE   1 OW update; 2 numkeys RO access
//   MSET    1 to -1 step 2 OW update                XREAD         STREAMS from 1 to -1 limit 2 RO access
//   SORT    1 RO access; unknown RO access; unknown STORE OW update
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace trefoil {

// What is done with a key: RO, RW, OW (overwritten, whatever it was) or RM, and what happens to its data.
enum KeyFlag : std::uint16_t {
  kKeyReadOnly = 1U << 0,
  kKeyReadWrite = 1U << 1,
  kKeyOverwrite = 1U << 2,
  kKeyRemove = 1U << 3,
  kKeyAccess = 1U << 4,
  kKeyUpdate = 1U << 5,
  kKeyInsert = 1U << 6,
  kKeyDelete = 1U << 7,
  kKeyNotKey = 1U << 8,      // looks like one to clients of a cluster, and is none
  kKeyIncomplete = 1U << 9,  // there may be keys that the spec does not find
  kKeyVariable = 1U << 10,   // depends on the options
};
// Redis's names of the flags, by their bits.
inline constexpr auto kKeyFlagNames = std::to_array<std::string_view>(
    {"RO", "RW", "OW", "RM", "access", "update", "insert", "delete", "not_key", "incomplete", "variable_flags"});

// args[first], args[first + step] … up to args[last]; none if last < first.
struct KeyRange {
  std::ptrdiff_t first = 1;
  std::ptrdiff_t last = 0;
  std::ptrdiff_t step = 1;
};

struct KeySpec {
  enum class Begin : std::uint8_t { kIndex, kKeyword, kUnknown };
  enum class Find : std::uint8_t { kRange, kNumKeys, kUnknown };

  // Those of a call. None where the arguments do not say how many there are or have too few: the command refuses them.
  [[nodiscard]] KeyRange locate(std::span<const std::string_view> args) const {
    return begin == Begin::kIndex && find == Find::kRange ? rangeFrom(index, args.size()) : search(args);
  }

  // Of kUnknown: whether a key may stand behind this argument.
  [[nodiscard]] bool precedesKey(std::string_view argument) const;

  Begin begin = Begin::kIndex;
  Find find = Find::kRange;
  std::uint16_t flags = 0;
  std::int16_t index = 0;  // of kKeyword: START
  std::int16_t last = 0;
  std::int16_t step = 1;
  std::int16_t limit = 0;
  std::string_view keyword;
  std::string_view notes;  // for people; mostly empty

 private:
  [[nodiscard]] KeyRange rangeFrom(std::ptrdiff_t first, std::size_t size) const {
    const auto count = static_cast<std::ptrdiff_t>(size);
    const std::ptrdiff_t to = last >= 0 ? first + last : limit <= 1 ? count + last : first + (count - first) / limit + last;
    return to < count ? KeyRange{first, to, step} : KeyRange{};
  }
  [[nodiscard]] KeyRange search(std::span<const std::string_view> args) const;
};

// Those of a command.
class KeySpecs {
 public:
  constexpr bool add(const KeySpec& spec) {
    if (size_ == specs_.size()) {
      return false;
    }
    specs_[size_++] = spec;
    return true;
  }
  [[nodiscard]] constexpr const KeySpec* begin() const { return specs_.data(); }
  [[nodiscard]] constexpr const KeySpec* end() const { return specs_.data() + size_; }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }

 private:
  std::size_t size_ = 0;
  std::array<KeySpec, 3> specs_;
};

// What Redis told its clients before there were specs: positions of the first and the last key and the step between them, all 0
// if there are none; and whether that is not the whole truth ("movablekeys").
struct LegacyKeys {
  int first = 0;
  int last = 0;
  int step = 0;
  bool movable = false;
};
LegacyKeys legacyKeys(const KeySpecs& specs);

// --- The words of the command table, read at compile time ------------------------------------------------------------------

namespace key_spec_text {

// The next word, which is taken off the text; empty at the end.
constexpr std::string_view takeWord(std::string_view& text) {
  while (text.starts_with(' ')) {
    text.remove_prefix(1);
  }
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

constexpr std::optional<std::int16_t> number(std::string_view word) {
  const bool negative = word.starts_with('-');
  word.remove_prefix(negative ? 1 : 0);
  if (word.empty() || word.size() > 4) {
    return std::nullopt;
  }
  int value = 0;
  for (const char c : word) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    value = value * 10 + (c - '0');
  }
  return static_cast<std::int16_t>(negative ? -value : value);
}

constexpr std::uint16_t flag(std::string_view word) {
  for (std::size_t i = 0; i < kKeyFlagNames.size(); ++i) {
    if (kKeyFlagNames[i] == word) {
      return static_cast<std::uint16_t>(1U << i);
    }
  }
  return 0;
}

constexpr bool readBegin(std::string_view& text, KeySpec& spec) {
  const std::string_view word = takeWord(text);
  if (word == "unknown") {
    spec.begin = KeySpec::Begin::kUnknown;
    spec.find = KeySpec::Find::kUnknown;
    std::string_view behind = text;
    if (const std::string_view keyword = takeWord(behind); flag(keyword) == 0) {
      spec.keyword = keyword;
      text = behind;
    }
    return true;
  }
  std::optional<std::int16_t> index = number(word);
  if (!index) {
    spec.begin = KeySpec::Begin::kKeyword;
    spec.keyword = word;
    if (takeWord(text) != "from") {
      return false;
    }
    index = number(takeWord(text));
  }
  spec.index = index.value_or(0);
  return spec.index > 0 || (spec.index < 0 && spec.begin == KeySpec::Begin::kKeyword);
}

constexpr bool readSpec(std::string_view text, KeySpec& spec) {
  if (!readBegin(text, spec)) {
    return false;
  }
  for (std::string_view word = takeWord(text); !word.empty(); word = takeWord(text)) {
    std::int16_t* const value = word == "to" ? &spec.last : word == "step" ? &spec.step : word == "limit" ? &spec.limit : nullptr;
    if (value != nullptr) {
      const std::optional<std::int16_t> given = number(takeWord(text));
      if (!given || spec.find != KeySpec::Find::kRange || spec.flags != 0) {
        return false;
      }
      *value = *given;
    } else if (word.starts_with('(') && spec.flags != 0) {  // to the end
      const std::string_view notes(word.data(), word.size() + text.size());
      if (!notes.ends_with(')')) {
        return false;
      }
      spec.notes = notes.substr(1, notes.size() - 2);
      text = {};
    } else if (word == "numkeys" && spec.find == KeySpec::Find::kRange && spec.flags == 0) {
      spec.find = KeySpec::Find::kNumKeys;
    } else if (flag(word) != 0) {
      spec.flags = static_cast<std::uint16_t>(spec.flags | flag(word));
    } else {
      return false;
    }
  }
  return spec.flags != 0 && spec.step > 0 && spec.limit >= 0 && (spec.limit <= 1 || spec.last == -1);
}

}  // namespace key_spec_text

// Nothing if they are not well formed, or too many.
constexpr std::optional<KeySpecs> parseKeySpecs(std::string_view text) {
  KeySpecs specs;
  while (!text.empty()) {
    const std::size_t end = text.find(';');
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    KeySpec spec;
    if (!key_spec_text::readSpec(one, spec) || !specs.add(spec) || (text.empty() && end != std::string_view::npos)) {
      return std::nullopt;
    }
  }
  return specs;
}

}  // namespace trefoil
