#include "sql/types/datetime/datetime_reader.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace trefoil::sql::datetime {
namespace {

// Digits as C's atoi takes them: what does not fit wraps. Years of a dozen digits are out of range whatever becomes of them, but
// which error they are hangs on it.
int wrappedInteger(std::string_view digits) {
  std::int64_t value = 0;
  if (!takeInteger(digits, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(), value)) {
    value = -1;
  }
  return static_cast<int>(value);
}

int fractionToMicros(double fraction) {
  return static_cast<int>(std::rint(fraction * 1e6));
}

bool parseMicros(std::string_view fraction, int& micros) {
  double value = 0;
  if (!parseFraction(fraction, value)) {
    return false;
  }
  micros = fractionToMicros(value);
  return true;
}

}  // namespace

Trouble DatetimeReader::read(const FieldList& fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    found_ = 0;
    if (const Trouble trouble = readField(fields, i); trouble != Trouble::kNone) {
      return trouble;
    }
    if ((found_ & seen_) != 0) {
      return Trouble::kFormat;
    }
    seen_ |= found_;
  }
  return finish();
}

Trouble DatetimeReader::readField(const FieldList& fields, std::size_t i) {
  const std::string_view text = fields[i].text;
  switch (fields[i].kind) {
    case FieldKind::kDate:
      return readDateField(fields, i);
    case FieldKind::kTime:
      if (label_ && !time_only_) {
        return Trouble::kFormat;
      }
      time_follows_ = false;
      if (const Trouble trouble = readTime(text); trouble != Trouble::kNone || time_only_) {
        return trouble;
      }
      return timeOverflows() ? Trouble::kField : Trouble::kNone;
    case FieldKind::kOffset:
      found_ = kZone;
      return parseDisplacement(text, offset_);
    case FieldKind::kNumber:
      return readNumberField(fields, i);
    default:
      return readWord(fields, i);
  }
}

Trouble DatetimeReader::readDateField(const FieldList& fields, std::size_t i) {
  const std::string_view text = fields[i].text;
  const bool digits = isDigit(text.front());
  if (time_only_) {
    const bool may_be_date = i == 0 && fields.size() >= 2 &&
                             (fields[fields.size() - 1].kind == FieldKind::kDate || fields[1].kind == FieldKind::kTime);
    return may_be_date ? readDate(text) : digits ? readTimeWithOffset(text) : readZoneName(text);
  }
  if (label_ == Unit::kJulian) {
    return readJulianWithOffset(text);
  }
  const bool labelled = label_ || time_follows_;
  if (!labelled && (seen_ & (kMonth | kDay)) != (kMonth | kDay)) {
    return readDate(text);
  }
  if (!labelled && !digits) {
    return readZoneName(text);
  }
  if (label_) {
    return Trouble::kFormat;
  }
  time_follows_ = false;
  return readTimeWithOffset(text);
}

// "040506-08": a time with its zone.
Trouble DatetimeReader::readTimeWithOffset(std::string_view text) {
  const std::size_t sign = text.find('-');
  if ((seen_ & kTime) == kTime || sign == std::string_view::npos) {
    return Trouble::kFormat;
  }
  if (const Trouble trouble = parseDisplacement(text.substr(sign), offset_); trouble != Trouble::kNone) {
    return trouble;
  }
  const Trouble trouble = readRunTogether(text.substr(0, sign), time_only_ ? seen_ | kDate : seen_);
  found_ |= kZone;
  return trouble;
}

Trouble DatetimeReader::readJulianWithOffset(std::string_view text) {
  int day = 0;
  if (!takeInteger(text, day) || day < 0) {
    return Trouble::kField;
  }
  setDate(value_, day - kJulianDayOfEpoch);
  julian_ = true;
  label_.reset();
  found_ = kDate | kTime | kZone;
  return parseDisplacement(text, offset_);
}

Trouble DatetimeReader::readZoneName(std::string_view name) {
  TimeZonePointer zone = findTimeZone(name);
  if (zone == nullptr) {
    unknown_zone_ = name;
    return Trouble::kZone;
  }
  zone_ = ZoneReference::of(std::move(zone));
  found_ = kZone;
  return Trouble::kNone;
}

// h:mm, h:mm:ss, h:mm:ss.f, mm:ss.f
Trouble DatetimeReader::readTime(std::string_view text) {
  found_ = kTime;
  value_.second = 0;
  value_.micros = 0;
  std::int64_t hour = 0;
  if (!takeInteger(text, 0, std::numeric_limits<std::int64_t>::max(), hour)) {
    return Trouble::kField;
  }
  value_.hour = static_cast<int>(std::min<std::int64_t>(hour, 25));  // more hours are wrong all the same
  text.remove_prefix(1);                                             // the colon that has made it a time
  if (!takeInteger(text, value_.minute)) {
    return Trouble::kField;
  }
  if (text.starts_with('.')) {
    value_.second = value_.minute;
    value_.minute = static_cast<int>(std::min<std::int64_t>(hour, 60));
    value_.hour = 0;
  } else if (text.starts_with(':')) {
    text.remove_prefix(1);
    if (!takeInteger(text, value_.second)) {
      return Trouble::kField;
    }
  }
  if (!text.empty() && (text.front() != '.' || !parseMicros(text, value_.micros))) {
    return Trouble::kFormat;
  }
  const bool fits = hour <= std::numeric_limits<int>::max() && value_.minute >= 0 && value_.minute < 60 && value_.second >= 0 &&
                    value_.second <= 60 && value_.micros >= 0 && value_.micros <= kMicrosPerSecond;
  return fits ? Trouble::kNone : Trouble::kField;
}

Trouble DatetimeReader::readNumberField(const FieldList& fields, std::size_t i) {
  const std::string_view text = fields[i].text;
  if (label_ || time_follows_) {
    return readLabelled(text);
  }
  return time_only_ ? readPlainTimeNumber(fields, i) : readPlainNumber(text);
}

// A number after a label ("y2001m02d04", "j2451187") or after the "t" before a time.
Trouble DatetimeReader::readLabelled(std::string_view text) {
  std::string_view fraction = text;
  int value = 0;
  if (!takeInteger(fraction, value)) {
    return Trouble::kField;
  }
  const bool may_have_fraction = time_follows_ || label_ == Unit::kSecond || label_ == Unit::kJulian;
  if (!fraction.empty() && (fraction.front() != '.' || !may_have_fraction)) {
    return Trouble::kFormat;
  }
  if (time_follows_) {
    time_follows_ = false;
    if (const Trouble trouble = readRunTogether(text, seen_ | kDate); trouble != Trouble::kNone) {
      return trouble;
    }
    return found_ == kTime ? Trouble::kNone : Trouble::kFormat;
  }
  const Unit label = *label_;
  label_.reset();
  special_.reset();
  switch (label) {
    case Unit::kYear:
      value_.year = value;
      found_ = kYear;
      return Trouble::kNone;
    case Unit::kMonth:  // or minutes, behind hours
      if ((seen_ & kMonth) != 0 && (seen_ & kHour) != 0) {
        value_.minute = value;
        found_ = kMinute;
      } else {
        value_.month = value;
        found_ = kMonth;
      }
      return Trouble::kNone;
    case Unit::kDay:
      value_.day = value;
      found_ = kDay;
      return Trouble::kNone;
    case Unit::kHour:
      value_.hour = value;
      found_ = kHour;
      return Trouble::kNone;
    case Unit::kMinute:
      value_.minute = value;
      found_ = kMinute;
      return Trouble::kNone;
    case Unit::kSecond:
      return readLabelledSecond(value, fraction);
    case Unit::kJulian:
      return readLabelledJulian(value, fraction);
    default:
      return Trouble::kFormat;
  }
}

Trouble DatetimeReader::readLabelledSecond(int value, std::string_view fraction) {
  value_.second = value;
  found_ = kSecond;
  if (fraction.empty()) {
    return Trouble::kNone;
  }
  found_ |= kSubsecond;
  return parseMicros(fraction, value_.micros) ? Trouble::kNone : Trouble::kFormat;
}

Trouble DatetimeReader::readLabelledJulian(int value, std::string_view fraction) {
  if (value < 0) {
    return Trouble::kField;
  }
  found_ = kDate;
  setDate(value_, value - kJulianDayOfEpoch);
  julian_ = true;
  if (!fraction.empty()) {
    double part = 0;
    if (!parseFraction(fraction, part)) {
      return Trouble::kFormat;
    }
    setTime(value_, static_cast<std::int64_t>(part * static_cast<double>(kMicrosPerDay)));
    found_ |= kTime;
  }
  return Trouble::kNone;
}

Trouble DatetimeReader::readPlainNumber(std::string_view text) {
  const std::size_t point = text.find('.');
  if (point != std::string_view::npos && (seen_ & kDate) == 0) {
    return readDate(text);
  }
  const bool long_time = point != std::string_view::npos && point > 2;
  const bool long_date = text.size() >= 6 && ((seen_ & kDate) == 0 || (seen_ & kTime) == 0);
  if (long_time || long_date) {
    return readRunTogether(text, seen_);
  }
  return readNumber(text, text_month_, seen_);
}

Trouble DatetimeReader::readPlainTimeNumber(const FieldList& fields, std::size_t i) {
  const std::string_view text = fields[i].text;
  const std::size_t point = text.find('.');
  if (point != std::string_view::npos) {
    if (i == 0 && fields.size() >= 2 && fields[fields.size() - 1].kind == FieldKind::kDate) {
      return readDate(text);
    }
    return point > 2 ? readRunTogether(text, seen_ | kDate) : Trouble::kFormat;
  }
  return text.size() > 4 ? readRunTogether(text, seen_ | kDate) : readNumber(text, false, seen_ | kDate);
}

Trouble DatetimeReader::readWord(const FieldList& fields, std::size_t i) {
  const std::string_view text = fields[i].text;
  if (const AbbreviationKind kind = abbreviationKind(text); kind != AbbreviationKind::kNone) {
    return readAbbreviation(text, kind);
  }
  const Word word = findDateWord(text);
  switch (word.kind) {
    case WordKind::kIgnored:
      return Trouble::kNone;
    case WordKind::kReserved:
      return readReserved(static_cast<Reserved>(word.value));
    case WordKind::kMonth:
      return time_only_ ? Trouble::kFormat : readMonthName(word.value);
    case WordKind::kWeekday:
      found_ = kWeekday;
      return time_only_ ? Trouble::kFormat : Trouble::kNone;
    case WordKind::kMeridiem:
      meridiem_ = word.value;
      found_ = kMeridiem;
      return Trouble::kNone;
    case WordKind::kEra:
      before_christ_ = word.value == 1;
      found_ = kEra;
      return Trouble::kNone;
    case WordKind::kLabel:
      label_ = static_cast<Unit>(word.value);
      time_follows_ = false;
      return Trouble::kNone;
    case WordKind::kTimeFollows:
      return readTimeMark(fields, i);
    case WordKind::kDaylight:
      offset_ += word.value;
      found_ = kDaylightWord | kDaylightZone;
      return Trouble::kNone;
    default:
      break;
  }
  // The last chance: the name of a zone.
  TimeZonePointer zone = findTimeZone(text);
  if (zone == nullptr) {
    return Trouble::kFormat;
  }
  zone_ = ZoneReference::of(std::move(zone));
  found_ = kZone;
  return Trouble::kNone;
}

Trouble DatetimeReader::readAbbreviation(std::string_view name, AbbreviationKind kind) {
  std::optional<ZoneReference> reference = ZoneReference::abbreviation(name);
  if (!reference) {
    return Trouble::kFormat;
  }
  found_ = kZone;
  if (kind == AbbreviationKind::kVarying) {
    found_ |= kVaryingZone;
    zone_ = std::move(reference);
    return Trouble::kNone;
  }
  found_ |= kind == AbbreviationKind::kDaylight ? kDaylightZone : 0U;
  offset_ = reference->offsetAt(0);
  return Trouble::kNone;
}

CivilTime DatetimeReader::today() const {
  return civilTime(clock_.now, clock_.zone.offsetAt(floorDivide(clock_.now, kMicrosPerSecond)));
}

Trouble DatetimeReader::readReserved(Reserved word) {
  if (time_only_ && word != Reserved::kNow && word != Reserved::kAllBalls) {
    return Trouble::kFormat;
  }
  switch (word) {
    case Reserved::kNow:
      if (time_only_) {
        setTime(value_, today().timeOfDay());
        found_ = kTime;
        return Trouble::kNone;
      }
      value_ = today();
      offset_ = clock_.zone.offsetAt(floorDivide(clock_.now, kMicrosPerSecond));
      special_.reset();
      found_ = kDate | kTime | kZone;
      return Trouble::kNone;
    case Reserved::kToday:
    case Reserved::kTomorrow:
    case Reserved::kYesterday:
      setDate(value_, today().days() + (word == Reserved::kTomorrow ? 1 : word == Reserved::kYesterday ? -1 : 0));
      special_.reset();
      found_ = kDate;
      return Trouble::kNone;
    case Reserved::kAllBalls:
      setTime(value_, 0);
      offset_ = 0;
      special_.reset();
      found_ = kTime | kZone;
      return Trouble::kNone;
    default:
      special_ = word;
      found_ = kReserved;
      return Trouble::kNone;
  }
}

Trouble DatetimeReader::readMonthName(int month) {
  found_ = kMonth;
  // The number that was taken for the month was the day.
  if ((seen_ & kMonth) != 0 && !text_month_ && (seen_ & kDay) == 0 && value_.month >= 1 && value_.month <= 31) {
    value_.day = value_.month;
    found_ = kDay;
  }
  text_month_ = true;
  value_.month = month;
  return Trouble::kNone;
}

Trouble DatetimeReader::readTimeMark(const FieldList& fields, std::size_t i) {
  if (!time_only_ && (seen_ & kDate) != kDate) {
    return Trouble::kFormat;
  }
  const FieldKind next = i + 1 < fields.size() ? fields[i + 1].kind : FieldKind::kWord;
  if (next != FieldKind::kNumber && next != FieldKind::kTime && next != FieldKind::kDate) {
    return Trouble::kFormat;
  }
  time_follows_ = true;
  label_.reset();
  return Trouble::kNone;
}

// A date in one field: "2024-01-08", "8-jan-1999", "1.8.1999". The name of a month is looked for first, since it says what the
// numbers are.
Trouble DatetimeReader::readDate(std::string_view text) {
  std::array<std::string_view, FieldList::kMostFields> parts;
  std::size_t count = 0;
  while (!text.empty() && count < parts.size()) {
    text.remove_prefix(std::min<std::size_t>(
        static_cast<std::size_t>(std::find_if(text.begin(), text.end(), [](char c) { return isDigit(c) || isLetter(c); }) -
                                 text.begin()),
        text.size()));
    if (text.empty()) {
      return Trouble::kFormat;
    }
    const bool digits = isDigit(text.front());
    const auto size = static_cast<std::size_t>(
        std::find_if(text.begin(), text.end(), [&](char c) { return digits ? !isDigit(c) : !isLetter(c); }) - text.begin());
    parts[count++] = text.substr(0, size);
    // Whatever ends a part is dropped, even a letter behind digits.
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  Parts all = 0;
  bool text_month = false;
  for (std::size_t i = 0; i < count; ++i) {
    if (!isLetter(parts[i].front())) {
      continue;
    }
    const Word word = findDateWord(parts[i]);
    if (word.kind != WordKind::kIgnored) {
      if (word.kind != WordKind::kMonth || ((seen_ | all) & kMonth) != 0) {
        return Trouble::kFormat;
      }
      value_.month = word.value;
      text_month = true;
      all |= kMonth;
      parts[i] = {};
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (parts[i].empty()) {
      continue;
    }
    found_ = 0;
    if (const Trouble trouble = readNumber(parts[i], text_month, seen_ | all); trouble != Trouble::kNone) {
      return trouble;
    }
    if ((found_ & (seen_ | all)) != 0) {
      return Trouble::kFormat;
    }
    all |= found_;
  }
  found_ = all;
  return ((seen_ | all) & ~static_cast<Parts>(kDayOfYear | kZone)) == kDate ? Trouble::kNone : Trouble::kFormat;
}

// One number of a date: what it is hangs on those before it.
Trouble DatetimeReader::readNumber(std::string_view text, bool text_month, Parts seen) {
  std::string_view rest = text;
  int value = 0;
  if (!takeInteger(rest, value)) {
    return Trouble::kField;
  }
  if (rest.size() == text.size()) {
    return Trouble::kFormat;
  }
  if (rest.starts_with('.')) {
    if (text.size() - rest.size() > 2) {
      return readRunTogether(text, seen | kDate);
    }
    if (!parseMicros(rest, value_.micros)) {
      return Trouble::kFormat;
    }
  } else if (!rest.empty()) {
    return Trouble::kFormat;
  }
  if (text.size() == 3 && (seen & kDate) == kYear && value >= 1 && value <= 366) {
    day_of_year_ = value;
    found_ = kDayOfYear | kMonth | kDay;
    return Trouble::kNone;
  }
  switch (seen & kDate) {
    case kDate:
      return readRunTogether(text, seen);
    case kYear | kDay:
      return Trouble::kFormat;
    default:
      assignNumber(value, text.size(), text_month, seen);
      return Trouble::kNone;
  }
}

void DatetimeReader::assignNumber(int value, std::size_t digits, bool text_month, Parts seen) {
  const bool long_number = digits >= 3;
  switch (seen & kDate) {
    case 0:
      found_ = long_number ? kYear : kMonth;
      break;
    case kMonth:
      found_ = text_month && long_number ? kYear : kDay;
      break;
    case kYear | kMonth:
      if (text_month && long_number && two_digit_year_) {  // what was taken for the year was the day
        value_.day = static_cast<int>(value_.year);
        value_.year = value;
        two_digit_year_ = false;
        found_ = kDay;
        return;
      }
      found_ = kDay;
      break;
    case kMonth | kDay:
      found_ = kYear;
      break;
    default:  // a year or a day
      found_ = kMonth;
      break;
  }
  if (found_ == kYear) {
    value_.year = value;
    two_digit_year_ = digits <= 2;
  } else if (found_ == kMonth) {
    value_.month = value;
  } else {
    value_.day = value;
  }
}

// Numbers without punctuation: yyyymmdd, yymmdd, hhmmss[.f], hhmm.
Trouble DatetimeReader::readRunTogether(std::string_view text, Parts seen) {
  const std::size_t point = text.find('.');
  if (point != std::string_view::npos) {
    if (!parseMicros(text.substr(point), value_.micros)) {
      return Trouble::kFormat;
    }
    text = text.substr(0, point);
  } else if ((seen & kDate) != kDate && text.size() >= 6) {
    const std::size_t year_digits = text.size() - 4;
    value_.day = wrappedInteger(text.substr(year_digits + 2));
    value_.month = wrappedInteger(text.substr(year_digits, 2));
    value_.year = wrappedInteger(text.substr(0, year_digits));
    two_digit_year_ = two_digit_year_ || year_digits == 2;
    found_ = kDate;
    return Trouble::kNone;
  }
  if ((seen & kTime) == kTime || (text.size() != 6 && text.size() != 4)) {
    return Trouble::kFormat;
  }
  value_.hour = wrappedInteger(text.substr(0, 2));
  value_.minute = wrappedInteger(text.substr(2, 2));
  value_.second = text.size() == 6 ? wrappedInteger(text.substr(4)) : 0;
  found_ = kTime;
  return Trouble::kNone;
}

bool DatetimeReader::timeOverflows() const {
  return value_.hour < 0 || value_.hour > 24 || value_.minute < 0 || value_.minute > 59 || value_.second < 0 ||
         value_.second > 60 || value_.micros < 0 || value_.micros > kMicrosPerSecond || value_.timeOfDay() > kMicrosPerDay;
}

Trouble DatetimeReader::finish() {
  if (const Trouble trouble = finishDate(); trouble != Trouble::kNone) {
    return trouble;
  }
  if (const Trouble trouble = finishMeridiem(); trouble != Trouble::kNone) {
    return trouble;
  }
  if (special_) {
    return Trouble::kNone;
  }
  if (time_only_) {
    if (timeOverflows()) {
      return Trouble::kField;
    }
    if ((seen_ & kTime) != kTime) {
      return Trouble::kFormat;
    }
  } else if ((seen_ & kDate) != kDate) {
    return Trouble::kFormat;
  }
  return finishZone();
}

Trouble DatetimeReader::finishDate() {
  if ((seen_ & kYear) != 0 && !julian_) {
    if (two_digit_year_ && !before_christ_) {
      if (value_.year < 0) {
        return Trouble::kField;
      }
      value_.year += value_.year < 70 ? 2'000 : value_.year < 100 ? 1'900 : 0;
    } else if (value_.year <= 0) {
      return Trouble::kField;
    } else if (before_christ_) {
      value_.year = 1 - value_.year;
    }
  }
  if ((seen_ & kDayOfYear) != 0) {
    setDate(value_, daysFromCivil({value_.year, 1, 1}) + day_of_year_ - 1);
  }
  if ((seen_ & kMonth) != 0 && (value_.month < 1 || value_.month > 12)) {
    return Trouble::kMonthOrDay;
  }
  if ((seen_ & kDay) != 0 && (value_.day < 1 || value_.day > 31)) {
    return Trouble::kMonthOrDay;
  }
  return (seen_ & kDate) == kDate && value_.day > daysInMonth(value_.year, value_.month) ? Trouble::kField : Trouble::kNone;
}

Trouble DatetimeReader::finishMeridiem() {
  if (!meridiem_) {
    return Trouble::kNone;
  }
  if (value_.hour > 12) {
    return Trouble::kField;
  }
  value_.hour = value_.hour % 12 + (*meridiem_ == 1 ? 12 : 0);
  return Trouble::kNone;
}

Trouble DatetimeReader::finishZone() {
  const bool daylight_word = (seen_ & kDaylightWord) != 0;
  if (daylight_word && (zone_ || (seen_ & kZone) == 0)) {
    return Trouble::kFormat;
  }
  if (time_only_) {
    // The zone is of no consequence, but where its offset varies there must be a date, and nowhere half of one.
    const bool whole_date = (seen_ & kDate) == kDate;
    const bool no_date = (seen_ & kDate) == 0;
    if (zone_ && !zone_->varies()) {
      return whole_date || zone_->zone()->fixedOffset() ? Trouble::kNone : Trouble::kFormat;
    }
    return whole_date || no_date || ((seen_ & kZone) != 0 && !zone_) ? Trouble::kNone : Trouble::kFormat;
  }
  const std::int64_t local = value_.days() * kSecondsPerDay + floorDivide(value_.timeOfDay(), kMicrosPerSecond);
  if (zone_) {
    offset_ = zone_->offsetOfLocal(local);
  } else if ((seen_ & kZone) == 0) {
    offset_ = clock_.zone.offsetOfLocal(local);
  }
  return Trouble::kNone;
}

}  // namespace trefoil::sql::datetime
