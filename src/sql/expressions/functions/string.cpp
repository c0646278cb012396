// String functions. Positions and lengths count characters; upper and lower know ASCII, as in PostgreSQL under the collation "C".
#include <algorithm>
#include <bitset>

#include "sql/expressions/kernels.hpp"
#include "sql/expressions/like.hpp"
#include "sql/expressions/text_search.hpp"
#include "sql/types/utf8.hpp"

namespace trefoil::sql {
namespace {

using Int = std::int64_t;
using Bool = std::uint8_t;

// Of one value, and of all values of one chunk.
constexpr std::size_t kMaxTextBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxChunkBytes = std::size_t{1} << 30;

Error tooLong() {
  return Error(ErrorCode::kLimit, "requested length too large");
}

bool isAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

Status lengthKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  Int* const out = call.result.as<Int>();
  forEachPosition(call.rows, [&](std::uint32_t i) { out[i] = static_cast<Int>(countCharacters(a[i])); });
  return {};
}

template <Int Factor>
Status byteLengthKernel(const KernelCall& call) {
  mapUnary<Int, StringRef>(call, [](const StringRef& a) { return static_cast<Int>(a.size()) * Factor; });
  return {};
}

template <char From, char To>
Status caseKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  forEachPosition(call.rows, [&](std::uint32_t i) {
    const std::string_view text = a[i];
    char* const to = call.bytes.allocate(text.size());
    std::transform(text.begin(), text.end(), to,
                   [](char c) { return c >= From && c <= From + 25 ? static_cast<char>(c - From + To) : c; });
    setText(call, i, {to, text.size()});
  });
  return {};
}

Status initCapKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  forEachPosition(call.rows, [&](std::uint32_t i) {
    const std::string_view text = a[i];
    char* const to = call.bytes.allocate(text.size());
    bool inside = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
      const char c = text[at];
      to[at] = is_letter(c) ? static_cast<char>(inside ? c | 0x20 : c & ~0x20) : c;
      inside = is_letter(c) || (c >= '0' && c <= '9') || !isCharacterStart(c) || static_cast<unsigned char>(c) >= 0x80;
    }
    setText(call, i, {to, text.size()});
  });
  return {};
}

// Characters [start, start + count) of `text`, counted from 1; parts outside of the text are empty.
std::string_view slice(std::string_view text, Int start, Int end) {
  const Int first = std::max<Int>(start, 1) - 1;
  if (end <= first + 1) {
    return {};
  }
  const Int count = end - 1 - first;
  const auto size = static_cast<Int>(text.size());
  if (isAscii(text.substr(0, static_cast<std::size_t>(std::clamp<Int>(end - 1, 0, size))))) {
    return first >= size ? std::string_view() : text.substr(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
  }
  if (first >= size) {
    return {};
  }
  text.remove_prefix(characterOffset(text, static_cast<std::size_t>(first)));
  return text.substr(0, characterOffset(text, static_cast<std::size_t>(std::min(count, size))));
}

Status substringFromKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  const Argument<Int> start(call.arguments[1]);
  forEachPosition(call.rows, [&](std::uint32_t i) { setNewText(call, i, slice(a[i], start[i], INT64_MAX)); });
  return {};
}

Status substringKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  const Argument<Int> start(call.arguments[1]);
  const Argument<Int> count(call.arguments[2]);
  bool negative = false;
  forEachPosition(call.rows, [&](std::uint32_t i) {
    negative |= count[i] < 0;
    Int end;
    if (__builtin_add_overflow(start[i], count[i], &end)) {
      end = INT64_MAX;
    }
    setNewText(call, i, slice(a[i], start[i], end));
  });
  if (negative) {
    return Error(ErrorCode::kInvalid, "negative substring length not allowed");
  }
  return {};
}

// left(text, n): the first n characters, or all but the last -n.
Status leftKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  const Argument<Int> count(call.arguments[1]);
  forEachPosition(call.rows, [&](std::uint32_t i) {
    const Int n = count[i] >= 0 ? count[i] : static_cast<Int>(countCharacters(a[i])) + count[i];
    setNewText(call, i, n <= 0 ? std::string_view() : slice(a[i], 1, n + 1));
  });
  return {};
}

Status rightKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  const Argument<Int> count(call.arguments[1]);
  forEachPosition(call.rows, [&](std::uint32_t i) {
    const auto characters = static_cast<Int>(countCharacters(a[i]));
    const Int skip = count[i] >= 0 ? std::max<Int>(characters - count[i], 0) : -count[i];
    setNewText(call, i, slice(a[i], skip + 1, INT64_MAX));
  });
  return {};
}

// The characters of a text.
class CharacterSet {
 public:
  explicit CharacterSet(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); at += characterBytes(text[at])) {
      const std::string_view character = text.substr(at, characterBytes(text[at]));
      if (character.size() == 1) {
        ascii_.set(static_cast<unsigned char>(character[0]));
      } else {
        others_.push_back(character);
      }
    }
    std::sort(others_.begin(), others_.end());
  }
  [[nodiscard]] bool contains(std::string_view character) const {
    return character.size() == 1 ? ascii_.test(static_cast<unsigned char>(character[0]))
                                 : std::binary_search(others_.begin(), others_.end(), character);
  }

 private:
  std::bitset<256> ascii_;
  std::vector<std::string_view> others_;
};

// Without the characters of `set` at the front and the back.
std::string_view trimmed(std::string_view text, const CharacterSet& set, bool front, bool back) {
  const auto contains = [&](std::string_view character) { return set.contains(character); };
  while (front && !text.empty() && contains(text.substr(0, characterBytes(text.front())))) {
    text.remove_prefix(characterBytes(text.front()));
  }
  while (back && !text.empty()) {
    std::size_t at = text.size() - 1;
    while (at > 0 && !isCharacterStart(text[at])) {
      --at;
    }
    if (!contains(text.substr(at))) {
      break;
    }
    text = text.substr(0, at);
  }
  return text;
}

template <bool Front, bool Back>
Status trimKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  const CharacterSet blank(" ");
  forEachPosition(call.rows, [&](std::uint32_t i) { setNewText(call, i, trimmed(a[i], blank, Front, Back)); });
  return {};
}

template <bool Front, bool Back>
Status trimSetKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  const TextArgument set(call.arguments[1]);
  if (call.arguments[1].constant) {
    const CharacterSet characters(set[0]);
    forEachPosition(call.rows, [&](std::uint32_t i) { setNewText(call, i, trimmed(a[i], characters, Front, Back)); });
  } else {
    forEachPosition(call.rows, [&](std::uint32_t i) { setNewText(call, i, trimmed(a[i], CharacterSet(set[i]), Front, Back)); });
  }
  return {};
}

Status replaceKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  const TextArgument from(call.arguments[1]);
  const TextArgument to(call.arguments[2]);
  std::string out;
  return tryEachPosition(call.rows, [&](std::uint32_t i) -> Status {
    std::string_view rest = a[i];
    out.clear();
    for (std::size_t found; !from[i].empty() && (found = findText(rest, from[i])) != std::string_view::npos;) {
      if (out.size() + found + to[i].size() > kMaxTextBytes || call.bytes.capacity() > kMaxChunkBytes) {
        return tooLong();
      }
      TREFOIL_TRY(call.context.meter.charge(to[i].size()));
      out += rest.substr(0, found);
      out += to[i];
      rest.remove_prefix(found + from[i].size());
    }
    out += rest;
    setNewText(call, i, out);
    return {};
  });
}

Int positionOf(std::string_view text, std::string_view part) {
  const std::size_t found = findText(text, part);
  return found == std::string_view::npos ? 0 : static_cast<Int>(countCharacters(text.substr(0, found))) + 1;
}

template <std::size_t Text, std::size_t Part>
Status positionKernel(const KernelCall& call) {
  const TextArgument text(call.arguments[Text]);
  const TextArgument part(call.arguments[Part]);
  Int* const out = call.result.as<Int>();
  forEachPosition(call.rows, [&](std::uint32_t i) { out[i] = positionOf(text[i], part[i]); });
  return {};
}

Status startsWithKernel(const KernelCall& call) {
  const TextArgument text(call.arguments[0]);
  const TextArgument part(call.arguments[1]);
  Bool* const out = call.result.as<Bool>();
  forEachPosition(call.rows, [&](std::uint32_t i) { out[i] = text[i].starts_with(part[i]) ? 1 : 0; });
  return {};
}

Status concatenateKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  const TextArgument b(call.arguments[1]);
  bool too_long = false;
  forEachPosition(call.rows, [&](std::uint32_t i) {
    const std::size_t size = a[i].size() + b[i].size();
    if (size > kMaxTextBytes || call.bytes.capacity() > kMaxChunkBytes) {
      too_long = true;
      return;
    }
    char* const to = call.bytes.allocate(size);
    const std::size_t half = a[i].copy(to, a[i].size());
    b[i].copy(to + half, b[i].size());
    setText(call, i, {to, size});
  });
  if (too_long) {
    return tooLong();
  }
  return {};
}

Status showBooleanKernel(const KernelCall& call) {
  const Argument<Bool> a(call.arguments[0]);
  forEachPosition(call.rows, [&](std::uint32_t i) { setText(call, i, a[i] != 0 ? "t" : "f"); });
  return {};
}

// concat(…): NULLs count as nothing. concat_ws(separator, …): so they do, and a NULL separator gives NULL.
template <bool Separator>
Status concatKernel(const KernelCall& call) {
  std::string out;
  bool too_long = false;
  forEachPosition(call.rows, [&](std::uint32_t i) {
    out.clear();
    std::string_view separator;
    if (Separator) {
      if (call.arguments[0].isNull(i)) {
        call.result.setNull(i);
        return;
      }
      separator = TextArgument(call.arguments[0])[i];
    }
    bool first = true;
    for (const Column& column : call.arguments.subspan(Separator ? 1 : 0)) {
      if (column.isNull(i) || out.size() > kMaxTextBytes) {
        continue;
      }
      if (!first) {
        out += separator;
      }
      first = false;
      out += column.as<StringRef>()[column.constant ? 0 : i].view();
    }
    too_long |= out.size() > kMaxTextBytes || call.bytes.capacity() > kMaxChunkBytes;
    setNewText(call, i, too_long ? std::string_view() : out);
  });
  if (too_long) {
    return tooLong();
  }
  return {};
}

Status repeatKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  const Argument<Int> count(call.arguments[1]);
  return tryEachPosition(call.rows, [&](std::uint32_t i) -> Status {
    const std::string_view piece = a[i];
    const auto times = static_cast<std::size_t>(piece.empty() ? 0 : std::max<Int>(count[i], 0));
    if (times > 0 && (times > kMaxTextBytes / piece.size() || call.bytes.capacity() > kMaxChunkBytes)) {
      return tooLong();
    }
    const std::size_t size = piece.size() * times;
    TREFOIL_TRY(call.context.meter.charge(size));
    char* const to = call.bytes.allocate(size);
    if (times > 0) {
      std::memcpy(to, piece.data(), piece.size());
    }
    for (std::size_t done = piece.size(); done < size; done += std::min(done, size - done)) {
      std::memcpy(to + done, to, std::min(done, size - done));
    }
    setText(call, i, {to, size});
    return {};
  });
}

Status reverseKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  forEachPosition(call.rows, [&](std::uint32_t i) {
    const std::string_view text = a[i];
    char* const to = call.bytes.allocate(text.size());
    std::size_t end = text.size();
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = characterBytes(text[at]);
      end -= size;
      std::memcpy(to + end, text.data() + at, size);
      at += size;
    }
    setText(call, i, {to, text.size()});
  });
  return {};
}

// Field `index` (from 1, or from the end if negative) of `text`; empty if there is none.
std::string_view splitPart(std::string_view text, std::string_view separator, Int index) {
  if (separator.empty()) {
    return index == 1 || index == -1 ? text : std::string_view();
  }
  if (index < 0) {
    Int fields = 1;
    for (std::size_t at = findText(text, separator); at != std::string_view::npos;
         at = findText(text, separator, at + separator.size())) {
      ++fields;
    }
    index += fields + 1;
    if (index < 1) {
      return {};
    }
  }
  for (;;) {
    const std::size_t found = findText(text, separator);
    if (index == 1) {
      return text.substr(0, found);
    }
    if (found == std::string_view::npos) {
      return {};
    }
    text.remove_prefix(found + separator.size());
    --index;
  }
}

Status splitPartKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  const TextArgument separator(call.arguments[1]);
  const Argument<Int> index(call.arguments[2]);
  bool zero = false;
  forEachPosition(call.rows, [&](std::uint32_t i) {
    zero |= index[i] == 0;
    setNewText(call, i, index[i] == 0 ? std::string_view() : splitPart(a[i], separator[i], index[i]));
  });
  if (zero) {
    return Error(ErrorCode::kInvalid, "field position must not be zero");
  }
  return {};
}

// lpad and rpad: fills up with (or cuts down to) `length` characters.
template <bool Left>
Status padKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  const Argument<Int> length(call.arguments[1]);
  std::string out;
  return tryEachPosition(call.rows, [&](std::uint32_t i) -> Status {
    const std::string_view fill = call.arguments.size() == 3 ? TextArgument(call.arguments[2])[i] : std::string_view(" ");
    const auto characters = static_cast<Int>(countCharacters(a[i]));
    const Int wanted = std::max<Int>(length[i], 0);
    if (wanted > static_cast<Int>(kMaxTextBytes / 4) || call.bytes.capacity() > kMaxChunkBytes) {
      return tooLong();
    }
    TREFOIL_TRY(call.context.meter.charge(static_cast<std::size_t>(wanted)));
    out.clear();
    std::size_t at = 0;
    for (Int n = characters; n < wanted && !fill.empty(); ++n) {
      const std::size_t size = characterBytes(fill[at]);
      out += fill.substr(at, size);
      at = at + size < fill.size() ? at + size : 0;
    }
    const std::string_view text = slice(a[i], 1, wanted + 1);
    setNewText(call, i, Left ? out + std::string(text) : std::string(text) + out);
    return {};
  });
}

Status asciiKernel(const KernelCall& call) {
  const TextArgument a(call.arguments[0]);
  Int* const out = call.result.as<Int>();
  forEachPosition(call.rows, [&](std::uint32_t i) {
    const std::string_view text = a[i];
    if (text.empty()) {
      out[i] = 0;
      return;
    }
    const std::size_t size = characterBytes(text[0]);
    const auto lead = static_cast<unsigned char>(text[0]);
    Int code = size == 1 ? lead : lead & (0x7F >> size);
    for (std::size_t n = 1; n < size; ++n) {
      code = code << 6 | (static_cast<unsigned char>(text[n]) & 0x3F);
    }
    out[i] = code;
  });
  return {};
}

Status chrKernel(const KernelCall& call) {
  const Argument<Int> code(call.arguments[0]);
  bool bad = false;
  forEachPosition(call.rows, [&](std::uint32_t i) {
    const Int c = code[i];
    if (c <= 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) {
      bad = true;
      return;
    }
    char utf8[4];
    std::size_t size = 0;
    if (c < 0x80) {
      utf8[size++] = static_cast<char>(c);
    } else {
      const int tail = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
      constexpr unsigned kLead[] = {0, 0xC0, 0xE0, 0xF0};
      utf8[size++] = static_cast<char>(kLead[tail] | static_cast<unsigned>(c >> (6 * tail)));
      for (int n = tail - 1; n >= 0; --n) {
        utf8[size++] = static_cast<char>(0x80 | ((c >> (6 * n)) & 0x3F));
      }
    }
    setText(call, i, {utf8, size});
  });
  if (bad) {
    return Error(ErrorCode::kOutOfRange, "requested character not valid for encoding: out of range");
  }
  return {};
}

template <bool FoldCase, bool Negated>
Status likeKernel(const KernelCall& call) {
  const TextArgument text(call.arguments[0]);
  const TextArgument pattern(call.arguments[1]);
  const TextArgument escape(call.arguments[2]);
  if (call.rows.count == 0) {
    return {};
  }
  const auto match = [&](const LikePattern& compiled, std::uint32_t i) -> Status {
    bool matches = false;
    TREFOIL_TRY(compiled.matches(text[i], call.context.meter, matches));
    call.result.as<Bool>()[i] = matches != Negated ? 1 : 0;
    return {};
  };
  if (call.arguments[1].constant && call.arguments[2].constant) {
    TREFOIL_ASSIGN(const LikePattern compiled, LikePattern::make(pattern[0], escape[0], FoldCase));
    return tryEachPosition(call.rows, [&](std::uint32_t i) { return match(compiled, i); });
  }
  return tryEachPosition(call.rows, [&](std::uint32_t i) -> Status {
    TREFOIL_ASSIGN(const LikePattern compiled, LikePattern::make(pattern[i], escape[i], FoldCase));
    return match(compiled, i);
  });
}

}  // namespace

std::vector<Function> stringFunctions() {
  const SqlType text = SqlType::text();
  const SqlType integer = SqlType::integer();
  const SqlType boolean = SqlType::boolean();
  const SqlType blob = SqlType::bytea();
  std::vector<Function> list;
  const auto add = [&](std::initializer_list<std::string_view> names, const std::vector<SqlType>& parameters, SqlType result,
                       Kernel kernel) {
    for (const std::string_view name : names) {
      list.push_back({.name = name, .parameters = parameters, .result = result, .kernel = kernel});
    }
  };
  add({"length", "char_length", "character_length"}, {text}, integer, lengthKernel);
  add({"length", "octet_length"}, {blob}, integer, byteLengthKernel<1>);
  add({"octet_length"}, {text}, integer, byteLengthKernel<1>);
  add({"bit_length"}, {text}, integer, byteLengthKernel<8>);
  add({"lower"}, {text}, text, caseKernel<'A', 'a'>);
  add({"upper"}, {text}, text, caseKernel<'a', 'A'>);
  add({"initcap"}, {text}, text, initCapKernel);
  add({"substr", "substring"}, {text, integer}, text, substringFromKernel);
  add({"substr", "substring"}, {text, integer, integer}, text, substringKernel);
  add({"left"}, {text, integer}, text, leftKernel);
  add({"right"}, {text, integer}, text, rightKernel);
  add({"trim", "btrim"}, {text}, text, trimKernel<true, true>);
  add({"ltrim"}, {text}, text, trimKernel<true, false>);
  add({"rtrim"}, {text}, text, trimKernel<false, true>);
  add({"trim", "btrim"}, {text, text}, text, trimSetKernel<true, true>);
  add({"ltrim"}, {text, text}, text, trimSetKernel<true, false>);
  add({"rtrim"}, {text, text}, text, trimSetKernel<false, true>);
  add({"replace"}, {text, text, text}, text, replaceKernel);
  add({"strpos"}, {text, text}, integer, positionKernel<0, 1>);
  add({"position"}, {text, text}, integer, positionKernel<1, 0>);  // position(part IN text)
  add({"starts_with"}, {text, text}, boolean, startsWithKernel);
  add({"||"}, {text, text}, text, concatenateKernel);
  add({"||"}, {blob, blob}, blob, concatenateKernel);
  add({"repeat"}, {text, integer}, text, repeatKernel);
  add({"reverse"}, {text}, text, reverseKernel);
  add({"split_part"}, {text, text, integer}, text, splitPartKernel);
  add({"lpad"}, {text, integer}, text, padKernel<true>);
  add({"rpad"}, {text, integer}, text, padKernel<false>);
  add({"lpad"}, {text, integer, text}, text, padKernel<true>);
  add({"rpad"}, {text, integer, text}, text, padKernel<false>);
  add({"ascii"}, {text}, integer, asciiKernel);
  add({"chr"}, {integer}, text, chrKernel);
  add({"like"}, {text, text, text}, boolean, likeKernel<false, false>);
  add({"not like"}, {text, text, text}, boolean, likeKernel<false, true>);
  add({"ilike"}, {text, text, text}, boolean, likeKernel<true, false>);
  add({"not ilike"}, {text, text, text}, boolean, likeKernel<true, true>);
  add({"show boolean"}, {boolean}, text, showBooleanKernel);
  list.push_back({.name = "concat",
                  .parameters = {text},
                  .result = text,
                  .kernel = concatKernel<false>,
                  .nulls = NullPolicy::kHandles,
                  .variadic = true});
  list.push_back({.name = "concat_ws",
                  .parameters = {text, text},
                  .result = text,
                  .kernel = concatKernel<true>,
                  .nulls = NullPolicy::kHandles,
                  .variadic = true});
  return list;
}

}  // namespace trefoil::sql
