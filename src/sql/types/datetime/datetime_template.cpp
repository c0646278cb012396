#include "sql/types/datetime/datetime_template.hpp"

#include <algorithm>
#include <iterator>

#include "base/ascii_case.hpp"
#include "sql/types/datetime/datetime_fields.hpp"

namespace trefoil::sql::datetime {
namespace {

using Letters = TemplateNode::Letters;
using Ordinal = TemplateNode::Ordinal;

struct Entry {
  std::string_view name;
  Pattern pattern;
  bool digits = false;
  Convention convention = Convention::kNone;
  bool capital = false;  // may begin with a capital only
};

constexpr auto kGregorian = Convention::kGregorian;
constexpr auto kIsoWeeks = Convention::kIsoWeek;

// Of names that begin alike, the longest first.
constexpr Entry kEntries[] = {
    {"A.D.", Pattern::kEraDotted},
    {"A.M.", Pattern::kMeridiemDotted},
    {"AD", Pattern::kEra},
    {"AM", Pattern::kMeridiem},
    {"B.C.", Pattern::kEraDotted},
    {"BC", Pattern::kEra},
    {"CC", Pattern::kCentury, true},
    {"DAY", Pattern::kDayName, false, Convention::kNone, true},
    {"DDD", Pattern::kDayOfYear, true, kGregorian},
    {"DD", Pattern::kDay, true, kGregorian},
    {"DY", Pattern::kDayShort, false, Convention::kNone, true},
    {"D", Pattern::kDayOfWeek, true, kGregorian},
    {"FF1", Pattern::kFraction1, true},
    {"FF2", Pattern::kFraction2, true},
    {"FF3", Pattern::kFraction3, true},
    {"FF4", Pattern::kFraction4, true},
    {"FF5", Pattern::kFraction5, true},
    {"FF6", Pattern::kFraction6, true},
    {"FX", Pattern::kFixed},
    {"HH24", Pattern::kHour24, true},
    {"HH12", Pattern::kHour12, true},
    {"HH", Pattern::kHour12, true},
    {"IDDD", Pattern::kIsoDayOfYear, true, kIsoWeeks},
    {"ID", Pattern::kIsoDayOfWeek, true, kIsoWeeks},
    {"IW", Pattern::kIsoWeek, true, kIsoWeeks},
    {"IYYY", Pattern::kIsoYear4, true, kIsoWeeks},
    {"IYY", Pattern::kIsoYear3, true, kIsoWeeks},
    {"IY", Pattern::kIsoYear2, true, kIsoWeeks},
    {"I", Pattern::kIsoYear1, true, kIsoWeeks},
    {"J", Pattern::kJulian, true},
    {"MI", Pattern::kMinute, true},
    {"MM", Pattern::kMonth, true, kGregorian},
    {"MONTH", Pattern::kMonthName, false, kGregorian, true},
    {"MON", Pattern::kMonthShort, false, kGregorian, true},
    {"MS", Pattern::kMillisecond, true},
    {"OF", Pattern::kOffset},
    {"P.M.", Pattern::kMeridiemDotted},
    {"PM", Pattern::kMeridiem},
    {"Q", Pattern::kQuarter, true},
    {"RM", Pattern::kRoman, false, kGregorian},
    {"SSSSS", Pattern::kSecondOfDay, true},
    {"SSSS", Pattern::kSecondOfDay, true},
    {"SS", Pattern::kSecond, true},
    {"TZH", Pattern::kZoneHour},
    {"TZM", Pattern::kZoneMinute, true},
    {"TZ", Pattern::kZone},
    {"US", Pattern::kMicrosecond, true},
    {"WW", Pattern::kWeek, true, kGregorian},
    {"W", Pattern::kWeekOfMonth, true, kGregorian},
    {"Y,YYY", Pattern::kYearComma, true, kGregorian},
    {"YYYY", Pattern::kYear4, true, kGregorian},
    {"YYY", Pattern::kYear3, true, kGregorian},
    {"YY", Pattern::kYear2, true, kGregorian},
    {"Y", Pattern::kYear1, true, kGregorian},
};

bool hasLetters(std::string_view text, const Entry& entry, Letters letters) {
  for (std::size_t i = 0; i < entry.name.size(); ++i) {
    const bool upper = letters == Letters::kUpper || (letters == Letters::kCapital && i == 0);
    if (text[i] != (upper ? entry.name[i] : lowerCase(entry.name[i]))) {
      return false;
    }
  }
  return true;
}

// Whether the text begins with the entry's name, and how it is written.
bool matches(std::string_view text, const Entry& entry, Letters& letters) {
  if (text.size() < entry.name.size()) {
    return false;
  }
  for (const Letters candidate : {Letters::kUpper, Letters::kLower, Letters::kCapital}) {
    if ((candidate != Letters::kCapital || entry.capital) && hasLetters(text, entry, candidate)) {
      letters = candidate;
      return true;
    }
  }
  return false;
}

}  // namespace

std::size_t characterSize(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t size = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return std::min(size, text.size() - at);
}

DatetimeTemplate::DatetimeTemplate(std::string_view text) : text_(text) {
  std::size_t at = 0;
  while (at < text_.size()) {
    if (addPattern(at) || at == text_.size()) {
      continue;
    }
    if (text_[at] != '"') {
      at += text_[at] == '\\' && at + 1 < text_.size() && text_[at + 1] == '"' ? 1 : 0;
      addCharacter(at, false);
      continue;
    }
    for (++at; at < text_.size() && text_[at] != '"';) {
      at += text_[at] == '\\' && at + 1 < text_.size() ? 1 : 0;
      addCharacter(at, true);
    }
    at += at < text_.size() ? 1 : 0;
  }
}

void DatetimeTemplate::addCharacter(std::size_t& at, bool quoted) {
  TemplateNode node;
  if (!quoted && isSeparator(text_[at])) {
    node.kind = TemplateNode::Kind::kSeparator;
  } else if (!quoted && isBlank(text_[at])) {
    node.kind = TemplateNode::Kind::kBlank;
  }
  node.offset = static_cast<std::uint32_t>(at);
  node.length = static_cast<std::uint8_t>(characterSize(text_, at));
  at += node.length;
  nodes_.push_back(node);
}

// A pattern with what stands before and behind it. A prefix without a pattern is dropped.
bool DatetimeTemplate::addPattern(std::size_t& at) {
  const std::string_view text = text_;
  TemplateNode node;
  node.kind = TemplateNode::Kind::kPattern;
  const std::string_view prefix = text.substr(at, 2);
  node.fill = prefix == "FM" || prefix == "fm";
  node.translated = prefix == "TM" || prefix == "tm";
  at += node.fill || node.translated ? 2 : 0;
  const auto* const entry = std::find_if(std::begin(kEntries), std::end(kEntries),
                                         [&](const Entry& e) { return matches(text.substr(at), e, node.letters); });
  if (entry == std::end(kEntries)) {
    return false;
  }
  node.pattern = entry->pattern;
  node.digits = entry->digits;
  node.convention = entry->convention;
  node.offset = static_cast<std::uint32_t>(at);
  node.length = static_cast<std::uint8_t>(entry->name.size());
  at += entry->name.size();
  const std::string_view suffix = text.substr(at, 2);
  node.ordinal = suffix == "TH" ? Ordinal::kUpper : suffix == "th" ? Ordinal::kLower : Ordinal::kNone;
  at += node.ordinal != Ordinal::kNone || suffix == "SP" ? 2 : 0;
  nodes_.push_back(node);
  return true;
}

}  // namespace trefoil::sql::datetime
