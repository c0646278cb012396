// What the fields of a date or a time mean (datetime_fields.hpp cuts them). Each field is understood by its kind and by what has
// been read before it: `seen_` has a bit for each part, and a part that comes twice is a bad format. The order of numbers without
// names is month, day, year, unless a year of more than two digits comes first.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sql/types/datetime/calendar.hpp"
#include "sql/types/datetime/datetime_fields.hpp"
#include "sql/types/datetime/datetime_text.hpp"
#include "sql/types/datetime/datetime_words.hpp"

namespace trefoil::sql::datetime {

class DatetimeReader {
 public:
  // With `time_only` the text is a time of day; a date in it is read in few places and means nothing.
  DatetimeReader(const SessionClock& clock, bool time_only) : clock_(clock), time_only_(time_only) {}

  Trouble read(const FieldList& fields);

  // epoch, infinity or -infinity, instead of a date.
  [[nodiscard]] std::optional<Reserved> special() const { return special_; }
  // Date and time of day; the time may be 24:00:00, and its second 60.
  [[nodiscard]] const CivilTime& value() const { return value_; }
  // Seconds east of Greenwich: the text's zone, or the session's at that time.
  [[nodiscard]] std::int32_t offset() const { return offset_; }
  // With Trouble::kZone: the name.
  [[nodiscard]] std::string_view unknownZone() const { return unknown_zone_; }

 private:
  using Parts = std::uint32_t;
  enum Part : Parts {
    kYear = 1,
    kMonth = 2,
    kDay = 4,
    kDate = kYear | kMonth | kDay,
    kHour = 8,
    kMinute = 16,
    kSecond = 32,
    kSubsecond = 64,
    kTime = kHour | kMinute | kSecond | kSubsecond,
    kZone = 128,
    kDaylightZone = 256,
    kVaryingZone = 512,
    kDaylightWord = 1024,
    kDayOfYear = 2048,
    kMeridiem = 4096,
    kEra = 8192,
    kWeekday = 16384,
    kReserved = 32768,
  };

  // Each reads one field; what it has found is in found_.
  Trouble readField(const FieldList& fields, std::size_t i);
  Trouble readDateField(const FieldList& fields, std::size_t i);
  Trouble readTimeWithOffset(std::string_view text);
  Trouble readJulianWithOffset(std::string_view text);
  Trouble readZoneName(std::string_view name);
  Trouble readTime(std::string_view text);
  Trouble readNumberField(const FieldList& fields, std::size_t i);
  Trouble readLabelled(std::string_view text);
  Trouble readLabelledSecond(int value, std::string_view fraction);
  Trouble readLabelledJulian(int value, std::string_view fraction);
  Trouble readPlainNumber(std::string_view text);
  Trouble readPlainTimeNumber(const FieldList& fields, std::size_t i);
  Trouble readWord(const FieldList& fields, std::size_t i);
  Trouble readAbbreviation(std::string_view name, AbbreviationKind kind);
  Trouble readReserved(Reserved word);
  Trouble readMonthName(int month);
  Trouble readTimeMark(const FieldList& fields, std::size_t i);

  // Parts of dates, with `seen` instead of seen_ where a field has several.
  Trouble readDate(std::string_view text);
  Trouble readNumber(std::string_view text, bool text_month, Parts seen);
  Trouble readRunTogether(std::string_view text, Parts seen);
  void assignNumber(int value, std::size_t digits, bool text_month, Parts seen);

  Trouble finish();
  Trouble finishDate();
  Trouble finishMeridiem();
  Trouble finishZone();
  [[nodiscard]] bool timeOverflows() const;
  [[nodiscard]] CivilTime today() const;

  const SessionClock& clock_;
  bool time_only_;
  CivilTime value_{0, 0, 0, 0, 0, 0, 0};
  int day_of_year_ = 0;
  Parts seen_ = 0;
  Parts found_ = 0;
  std::optional<Unit> label_;  // the next number is this
  bool time_follows_ = false;  // "t": the next field is a time
  bool text_month_ = false;    // the month was a name
  bool two_digit_year_ = false;
  bool julian_ = false;
  bool before_christ_ = false;
  std::optional<int> meridiem_;
  std::optional<Reserved> special_;
  std::int32_t offset_ = 0;
  std::optional<ZoneReference> zone_;  // whose offset depends on the date, so that it is looked up in the end
  std::string_view unknown_zone_;
};

}  // namespace trefoil::sql::datetime
