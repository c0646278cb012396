#include "sql/types/datetime/datetime_part.hpp"

#include <cmath>
#include <string>
#include <string_view>

#include "tests/sql/types/datetime/shown.hpp"

namespace trefoil::sql::datetime {
namespace {

struct Part {
  std::string_view field;
  std::string_view value;
  std::string_view out;
};

constexpr Part kOfTimestamps[] = {
    {"microseconds", "2024-02-29 12:34:56.789012", "56789012"},
    {"microseconds", "0044-03-15 00:00:00 BC", "0"},
    {"microseconds", "2021-01-03 23:59:59.5", "59500000"},
    {"microseconds", "2000-12-31 00:00:00.000001", "1"},
    {"microseconds", "0001-01-01 00:00:00 BC", "0"},
    {"microseconds", "infinity", "null"},
    {"microseconds", "-infinity", "null"},
    {"milliseconds", "2024-02-29 12:34:56.789012", "56789.012"},
    {"milliseconds", "0044-03-15 00:00:00 BC", "0.000"},
    {"milliseconds", "2021-01-03 23:59:59.5", "59500.000"},
    {"milliseconds", "2000-12-31 00:00:00.000001", "0.001"},
    {"milliseconds", "0001-01-01 00:00:00 BC", "0.000"},
    {"milliseconds", "infinity", "null"},
    {"milliseconds", "-infinity", "null"},
    {"second", "2024-02-29 12:34:56.789012", "56.789012"},
    {"second", "0044-03-15 00:00:00 BC", "0.000000"},
    {"second", "2021-01-03 23:59:59.5", "59.500000"},
    {"second", "2000-12-31 00:00:00.000001", "0.000001"},
    {"second", "0001-01-01 00:00:00 BC", "0.000000"},
    {"second", "infinity", "null"},
    {"second", "-infinity", "null"},
    {"minute", "2024-02-29 12:34:56.789012", "34"},
    {"minute", "0044-03-15 00:00:00 BC", "0"},
    {"minute", "2021-01-03 23:59:59.5", "59"},
    {"minute", "2000-12-31 00:00:00.000001", "0"},
    {"minute", "0001-01-01 00:00:00 BC", "0"},
    {"minute", "infinity", "null"},
    {"minute", "-infinity", "null"},
    {"hour", "2024-02-29 12:34:56.789012", "12"},
    {"hour", "0044-03-15 00:00:00 BC", "0"},
    {"hour", "2021-01-03 23:59:59.5", "23"},
    {"hour", "2000-12-31 00:00:00.000001", "0"},
    {"hour", "0001-01-01 00:00:00 BC", "0"},
    {"hour", "infinity", "null"},
    {"hour", "-infinity", "null"},
    {"day", "2024-02-29 12:34:56.789012", "29"},
    {"day", "0044-03-15 00:00:00 BC", "15"},
    {"day", "2021-01-03 23:59:59.5", "3"},
    {"day", "2000-12-31 00:00:00.000001", "31"},
    {"day", "0001-01-01 00:00:00 BC", "1"},
    {"day", "infinity", "null"},
    {"day", "-infinity", "null"},
    {"week", "2024-02-29 12:34:56.789012", "9"},
    {"week", "0044-03-15 00:00:00 BC", "11"},
    {"week", "2021-01-03 23:59:59.5", "53"},
    {"week", "2000-12-31 00:00:00.000001", "52"},
    {"week", "0001-01-01 00:00:00 BC", "52"},
    {"week", "infinity", "null"},
    {"week", "-infinity", "null"},
    {"month", "2024-02-29 12:34:56.789012", "2"},
    {"month", "0044-03-15 00:00:00 BC", "3"},
    {"month", "2021-01-03 23:59:59.5", "1"},
    {"month", "2000-12-31 00:00:00.000001", "12"},
    {"month", "0001-01-01 00:00:00 BC", "1"},
    {"month", "infinity", "null"},
    {"month", "-infinity", "null"},
    {"quarter", "2024-02-29 12:34:56.789012", "1"},
    {"quarter", "0044-03-15 00:00:00 BC", "1"},
    {"quarter", "2021-01-03 23:59:59.5", "1"},
    {"quarter", "2000-12-31 00:00:00.000001", "4"},
    {"quarter", "0001-01-01 00:00:00 BC", "1"},
    {"quarter", "infinity", "null"},
    {"quarter", "-infinity", "null"},
    {"year", "2024-02-29 12:34:56.789012", "2024"},
    {"year", "0044-03-15 00:00:00 BC", "-44"},
    {"year", "2021-01-03 23:59:59.5", "2021"},
    {"year", "2000-12-31 00:00:00.000001", "2000"},
    {"year", "0001-01-01 00:00:00 BC", "-1"},
    {"year", "infinity", "Infinity"},
    {"year", "-infinity", "-Infinity"},
    {"decade", "2024-02-29 12:34:56.789012", "202"},
    {"decade", "0044-03-15 00:00:00 BC", "-5"},
    {"decade", "2021-01-03 23:59:59.5", "202"},
    {"decade", "2000-12-31 00:00:00.000001", "200"},
    {"decade", "0001-01-01 00:00:00 BC", "0"},
    {"decade", "infinity", "Infinity"},
    {"decade", "-infinity", "-Infinity"},
    {"century", "2024-02-29 12:34:56.789012", "21"},
    {"century", "0044-03-15 00:00:00 BC", "-1"},
    {"century", "2021-01-03 23:59:59.5", "21"},
    {"century", "2000-12-31 00:00:00.000001", "20"},
    {"century", "0001-01-01 00:00:00 BC", "-1"},
    {"century", "infinity", "Infinity"},
    {"century", "-infinity", "-Infinity"},
    {"millennium", "2024-02-29 12:34:56.789012", "3"},
    {"millennium", "0044-03-15 00:00:00 BC", "-1"},
    {"millennium", "2021-01-03 23:59:59.5", "3"},
    {"millennium", "2000-12-31 00:00:00.000001", "2"},
    {"millennium", "0001-01-01 00:00:00 BC", "-1"},
    {"millennium", "infinity", "Infinity"},
    {"millennium", "-infinity", "-Infinity"},
    {"dow", "2024-02-29 12:34:56.789012", "4"},
    {"dow", "0044-03-15 00:00:00 BC", "5"},
    {"dow", "2021-01-03 23:59:59.5", "0"},
    {"dow", "2000-12-31 00:00:00.000001", "0"},
    {"dow", "0001-01-01 00:00:00 BC", "6"},
    {"dow", "infinity", "null"},
    {"dow", "-infinity", "null"},
    {"isodow", "2024-02-29 12:34:56.789012", "4"},
    {"isodow", "0044-03-15 00:00:00 BC", "5"},
    {"isodow", "2021-01-03 23:59:59.5", "7"},
    {"isodow", "2000-12-31 00:00:00.000001", "7"},
    {"isodow", "0001-01-01 00:00:00 BC", "6"},
    {"isodow", "infinity", "null"},
    {"isodow", "-infinity", "null"},
    {"doy", "2024-02-29 12:34:56.789012", "60"},
    {"doy", "0044-03-15 00:00:00 BC", "74"},
    {"doy", "2021-01-03 23:59:59.5", "3"},
    {"doy", "2000-12-31 00:00:00.000001", "366"},
    {"doy", "0001-01-01 00:00:00 BC", "1"},
    {"doy", "infinity", "null"},
    {"doy", "-infinity", "null"},
    {"isoyear", "2024-02-29 12:34:56.789012", "2024"},
    {"isoyear", "0044-03-15 00:00:00 BC", "-44"},
    {"isoyear", "2021-01-03 23:59:59.5", "2020"},
    {"isoyear", "2000-12-31 00:00:00.000001", "2000"},
    {"isoyear", "0001-01-01 00:00:00 BC", "-2"},
    {"isoyear", "infinity", "Infinity"},
    {"isoyear", "-infinity", "-Infinity"},
    {"julian", "2024-02-29 12:34:56.789012", "2460370.52426839134259259259"},
    {"julian", "0044-03-15 00:00:00 BC", "1705428.0000000000000000000000000000"},
    {"julian", "2021-01-03 23:59:59.5", "2459218.99999421296296296296"},
    {"julian", "2000-12-31 00:00:00.000001", "2451910.0000000000115740740740740741"},
    {"julian", "0001-01-01 00:00:00 BC", "1721060.0000000000000000000000000000"},
    {"julian", "infinity", "Infinity"},
    {"julian", "-infinity", "-Infinity"},
    {"epoch", "2024-02-29 12:34:56.789012", "1709210096.789012"},
    {"epoch", "0044-03-15 00:00:00 BC", "-63517824000.000000"},
    {"epoch", "2021-01-03 23:59:59.5", "1609718399.500000"},
    {"epoch", "2000-12-31 00:00:00.000001", "978220800.000001"},
    {"epoch", "0001-01-01 00:00:00 BC", "-62167219200.000000"},
    {"epoch", "infinity", "Infinity"},
    {"epoch", "-infinity", "-Infinity"},
    {"timezone", "2024-02-29 12:34:56.789012", "ERROR: unit \"timezone\" not supported for type timestamp without time zone"},
    {"timezone", "0044-03-15 00:00:00 BC", "ERROR: unit \"timezone\" not supported for type timestamp without time zone"},
    {"timezone", "2021-01-03 23:59:59.5", "ERROR: unit \"timezone\" not supported for type timestamp without time zone"},
    {"timezone", "2000-12-31 00:00:00.000001", "ERROR: unit \"timezone\" not supported for type timestamp without time zone"},
    {"timezone", "0001-01-01 00:00:00 BC", "ERROR: unit \"timezone\" not supported for type timestamp without time zone"},
    {"timezone", "infinity", "null"},
    {"timezone", "-infinity", "null"},
    {"timezone_hour", "2024-02-29 12:34:56.789012",
     "ERROR: unit \"timezone_hour\" not supported for type timestamp without time zone"},
    {"timezone_hour", "0044-03-15 00:00:00 BC",
     "ERROR: unit \"timezone_hour\" not supported for type timestamp without time zone"},
    {"timezone_hour", "2021-01-03 23:59:59.5",
     "ERROR: unit \"timezone_hour\" not supported for type timestamp without time zone"},
    {"timezone_hour", "2000-12-31 00:00:00.000001",
     "ERROR: unit \"timezone_hour\" not supported for type timestamp without time zone"},
    {"timezone_hour", "0001-01-01 00:00:00 BC",
     "ERROR: unit \"timezone_hour\" not supported for type timestamp without time zone"},
    {"timezone_hour", "infinity", "null"},
    {"timezone_hour", "-infinity", "null"},
    {"timezone_minute", "2024-02-29 12:34:56.789012",
     "ERROR: unit \"timezone_minute\" not supported for type timestamp without time zone"},
    {"timezone_minute", "0044-03-15 00:00:00 BC",
     "ERROR: unit \"timezone_minute\" not supported for type timestamp without time zone"},
    {"timezone_minute", "2021-01-03 23:59:59.5",
     "ERROR: unit \"timezone_minute\" not supported for type timestamp without time zone"},
    {"timezone_minute", "2000-12-31 00:00:00.000001",
     "ERROR: unit \"timezone_minute\" not supported for type timestamp without time zone"},
    {"timezone_minute", "0001-01-01 00:00:00 BC",
     "ERROR: unit \"timezone_minute\" not supported for type timestamp without time zone"},
    {"timezone_minute", "infinity", "null"},
    {"timezone_minute", "-infinity", "null"},
};

constexpr Part kOfOddFields[] = {
    {"j", "2024-02-29 12:34:56.789012", "2460370.52426839134259259259"},
    {"us", "2024-02-29 12:34:56.789012", "56789012"},
    {"MicroSecondsfoo", "2024-02-29 12:34:56.789012", "56789012"},
    {"now", "2024-02-29 12:34:56.789012", "ERROR: unit \"now\" not supported for type timestamp without time zone"},
    {"fortnight", "2024-02-29 12:34:56.789012", "ERROR: unit \"fortnight\" not recognized for type timestamp without time zone"},
    {"may", "2024-02-29 12:34:56.789012", "ERROR: unit \"may\" not recognized for type timestamp without time zone"},
    {"y", "2024-02-29 12:34:56.789012", "2024"},
    {"mm", "2024-02-29 12:34:56.789012", "34"},
    {"qtr", "2024-02-29 12:34:56.789012", "1"},
};

// In St. John's.
constexpr Part kOfTimestampsTz[] = {
    {"hour", "2024-07-01 12:34:56.789", "12"},
    {"hour", "1900-01-01 00:00", "0"},
    {"hour", "infinity", "null"},
    {"day", "2024-07-01 12:34:56.789", "1"},
    {"day", "1900-01-01 00:00", "1"},
    {"day", "infinity", "null"},
    {"epoch", "2024-07-01 12:34:56.789", "1719846296.789000"},
    {"epoch", "1900-01-01 00:00", "-2208976148.000000"},
    {"epoch", "infinity", "Infinity"},
    {"julian", "2024-07-01 12:34:56.789", "2460493.52426839120370370370"},
    {"julian", "1900-01-01 00:00", "2415021.0000000000000000000000000000"},
    {"julian", "infinity", "Infinity"},
    {"timezone", "2024-07-01 12:34:56.789", "-9000"},
    {"timezone", "1900-01-01 00:00", "-12652"},
    {"timezone", "infinity", "null"},
    {"timezone_hour", "2024-07-01 12:34:56.789", "-2"},
    {"timezone_hour", "1900-01-01 00:00", "-3"},
    {"timezone_hour", "infinity", "null"},
    {"timezone_minute", "2024-07-01 12:34:56.789", "-30"},
    {"timezone_minute", "1900-01-01 00:00", "-30"},
    {"timezone_minute", "infinity", "null"},
    {"dow", "2024-07-01 12:34:56.789", "1"},
    {"dow", "1900-01-01 00:00", "1"},
    {"dow", "infinity", "null"},
};

constexpr Part kOfDates[] = {
    {"microseconds", "2024-02-29", "ERROR: unit \"microseconds\" not supported for type date"},
    {"microseconds", "0044-03-15 BC", "ERROR: unit \"microseconds\" not supported for type date"},
    {"microseconds", "infinity", "ERROR: unit \"microseconds\" not supported for type date"},
    {"milliseconds", "2024-02-29", "ERROR: unit \"milliseconds\" not supported for type date"},
    {"milliseconds", "0044-03-15 BC", "ERROR: unit \"milliseconds\" not supported for type date"},
    {"milliseconds", "infinity", "ERROR: unit \"milliseconds\" not supported for type date"},
    {"second", "2024-02-29", "ERROR: unit \"second\" not supported for type date"},
    {"second", "0044-03-15 BC", "ERROR: unit \"second\" not supported for type date"},
    {"second", "infinity", "ERROR: unit \"second\" not supported for type date"},
    {"minute", "2024-02-29", "ERROR: unit \"minute\" not supported for type date"},
    {"minute", "0044-03-15 BC", "ERROR: unit \"minute\" not supported for type date"},
    {"minute", "infinity", "ERROR: unit \"minute\" not supported for type date"},
    {"hour", "2024-02-29", "ERROR: unit \"hour\" not supported for type date"},
    {"hour", "0044-03-15 BC", "ERROR: unit \"hour\" not supported for type date"},
    {"hour", "infinity", "ERROR: unit \"hour\" not supported for type date"},
    {"day", "2024-02-29", "29"},
    {"day", "0044-03-15 BC", "15"},
    {"day", "infinity", "null"},
    {"week", "2024-02-29", "9"},
    {"week", "0044-03-15 BC", "11"},
    {"week", "infinity", "null"},
    {"month", "2024-02-29", "2"},
    {"month", "0044-03-15 BC", "3"},
    {"month", "infinity", "null"},
    {"quarter", "2024-02-29", "1"},
    {"quarter", "0044-03-15 BC", "1"},
    {"quarter", "infinity", "null"},
    {"year", "2024-02-29", "2024"},
    {"year", "0044-03-15 BC", "-44"},
    {"year", "infinity", "Infinity"},
    {"decade", "2024-02-29", "202"},
    {"decade", "0044-03-15 BC", "-5"},
    {"decade", "infinity", "Infinity"},
    {"century", "2024-02-29", "21"},
    {"century", "0044-03-15 BC", "-1"},
    {"century", "infinity", "Infinity"},
    {"millennium", "2024-02-29", "3"},
    {"millennium", "0044-03-15 BC", "-1"},
    {"millennium", "infinity", "Infinity"},
    {"dow", "2024-02-29", "4"},
    {"dow", "0044-03-15 BC", "5"},
    {"dow", "infinity", "null"},
    {"isodow", "2024-02-29", "4"},
    {"isodow", "0044-03-15 BC", "5"},
    {"isodow", "infinity", "null"},
    {"doy", "2024-02-29", "60"},
    {"doy", "0044-03-15 BC", "74"},
    {"doy", "infinity", "null"},
    {"isoyear", "2024-02-29", "2024"},
    {"isoyear", "0044-03-15 BC", "-44"},
    {"isoyear", "infinity", "Infinity"},
    {"julian", "2024-02-29", "2460370"},
    {"julian", "0044-03-15 BC", "1705428"},
    {"julian", "infinity", "Infinity"},
    {"epoch", "2024-02-29", "1709164800"},
    {"epoch", "0044-03-15 BC", "-63517824000"},
    {"epoch", "infinity", "Infinity"},
    {"timezone", "2024-02-29", "ERROR: unit \"timezone\" not supported for type date"},
    {"timezone", "0044-03-15 BC", "ERROR: unit \"timezone\" not supported for type date"},
    {"timezone", "infinity", "ERROR: unit \"timezone\" not supported for type date"},
    {"timezone_hour", "2024-02-29", "ERROR: unit \"timezone_hour\" not supported for type date"},
    {"timezone_hour", "0044-03-15 BC", "ERROR: unit \"timezone_hour\" not supported for type date"},
    {"timezone_hour", "infinity", "ERROR: unit \"timezone_hour\" not supported for type date"},
    {"timezone_minute", "2024-02-29", "ERROR: unit \"timezone_minute\" not supported for type date"},
    {"timezone_minute", "0044-03-15 BC", "ERROR: unit \"timezone_minute\" not supported for type date"},
    {"timezone_minute", "infinity", "ERROR: unit \"timezone_minute\" not supported for type date"},
};

constexpr Part kOfTimes[] = {
    {"microseconds", "12:34:56.789", "56789000"},
    {"microseconds", "24:00:00", "0"},
    {"milliseconds", "12:34:56.789", "56789.000"},
    {"milliseconds", "24:00:00", "0.000"},
    {"second", "12:34:56.789", "56.789000"},
    {"second", "24:00:00", "0.000000"},
    {"minute", "12:34:56.789", "34"},
    {"minute", "24:00:00", "0"},
    {"hour", "12:34:56.789", "12"},
    {"hour", "24:00:00", "24"},
    {"day", "12:34:56.789", "ERROR: unit \"day\" not supported for type time without time zone"},
    {"day", "24:00:00", "ERROR: unit \"day\" not supported for type time without time zone"},
    {"week", "12:34:56.789", "ERROR: unit \"week\" not supported for type time without time zone"},
    {"week", "24:00:00", "ERROR: unit \"week\" not supported for type time without time zone"},
    {"month", "12:34:56.789", "ERROR: unit \"month\" not supported for type time without time zone"},
    {"month", "24:00:00", "ERROR: unit \"month\" not supported for type time without time zone"},
    {"quarter", "12:34:56.789", "ERROR: unit \"quarter\" not supported for type time without time zone"},
    {"quarter", "24:00:00", "ERROR: unit \"quarter\" not supported for type time without time zone"},
    {"year", "12:34:56.789", "ERROR: unit \"year\" not supported for type time without time zone"},
    {"year", "24:00:00", "ERROR: unit \"year\" not supported for type time without time zone"},
    {"decade", "12:34:56.789", "ERROR: unit \"decade\" not supported for type time without time zone"},
    {"decade", "24:00:00", "ERROR: unit \"decade\" not supported for type time without time zone"},
    {"century", "12:34:56.789", "ERROR: unit \"century\" not supported for type time without time zone"},
    {"century", "24:00:00", "ERROR: unit \"century\" not supported for type time without time zone"},
    {"millennium", "12:34:56.789", "ERROR: unit \"millennium\" not supported for type time without time zone"},
    {"millennium", "24:00:00", "ERROR: unit \"millennium\" not supported for type time without time zone"},
    {"dow", "12:34:56.789", "ERROR: unit \"dow\" not supported for type time without time zone"},
    {"dow", "24:00:00", "ERROR: unit \"dow\" not supported for type time without time zone"},
    {"isodow", "12:34:56.789", "ERROR: unit \"isodow\" not supported for type time without time zone"},
    {"isodow", "24:00:00", "ERROR: unit \"isodow\" not supported for type time without time zone"},
    {"doy", "12:34:56.789", "ERROR: unit \"doy\" not supported for type time without time zone"},
    {"doy", "24:00:00", "ERROR: unit \"doy\" not supported for type time without time zone"},
    {"isoyear", "12:34:56.789", "ERROR: unit \"isoyear\" not supported for type time without time zone"},
    {"isoyear", "24:00:00", "ERROR: unit \"isoyear\" not supported for type time without time zone"},
    {"julian", "12:34:56.789", "ERROR: unit \"julian\" not supported for type time without time zone"},
    {"julian", "24:00:00", "ERROR: unit \"julian\" not supported for type time without time zone"},
    {"epoch", "12:34:56.789", "45296.789000"},
    {"epoch", "24:00:00", "86400.000000"},
    {"timezone", "12:34:56.789", "ERROR: unit \"timezone\" not supported for type time without time zone"},
    {"timezone", "24:00:00", "ERROR: unit \"timezone\" not supported for type time without time zone"},
    {"timezone_hour", "12:34:56.789", "ERROR: unit \"timezone_hour\" not supported for type time without time zone"},
    {"timezone_hour", "24:00:00", "ERROR: unit \"timezone_hour\" not supported for type time without time zone"},
    {"timezone_minute", "12:34:56.789", "ERROR: unit \"timezone_minute\" not supported for type time without time zone"},
    {"timezone_minute", "24:00:00", "ERROR: unit \"timezone_minute\" not supported for type time without time zone"},
    {"now", "12:34:56.789", "ERROR: unit \"now\" not recognized for type time without time zone"},
    {"now", "24:00:00", "ERROR: unit \"now\" not recognized for type time without time zone"},
};

constexpr Part kOfIntervals[] = {
    {"microseconds", "25 years 14 mons 40 days 50:01:02.345", "2345000"},
    {"microseconds", "-25 years -8 mons -40 days -50:01:02.345", "-2345000"},
    {"microseconds", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "54775807"},
    {"milliseconds", "25 years 14 mons 40 days 50:01:02.345", "2345.000"},
    {"milliseconds", "-25 years -8 mons -40 days -50:01:02.345", "-2345.000"},
    {"milliseconds", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "54775.807"},
    {"second", "25 years 14 mons 40 days 50:01:02.345", "2.345000"},
    {"second", "-25 years -8 mons -40 days -50:01:02.345", "-2.345000"},
    {"second", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "54.775807"},
    {"minute", "25 years 14 mons 40 days 50:01:02.345", "1"},
    {"minute", "-25 years -8 mons -40 days -50:01:02.345", "-1"},
    {"minute", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "0"},
    {"hour", "25 years 14 mons 40 days 50:01:02.345", "50"},
    {"hour", "-25 years -8 mons -40 days -50:01:02.345", "-50"},
    {"hour", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "2562047788"},
    {"day", "25 years 14 mons 40 days 50:01:02.345", "40"},
    {"day", "-25 years -8 mons -40 days -50:01:02.345", "-40"},
    {"day", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "2147483647"},
    {"week", "25 years 14 mons 40 days 50:01:02.345", "ERROR: unit \"week\" not supported for type interval"},
    {"week", "-25 years -8 mons -40 days -50:01:02.345", "ERROR: unit \"week\" not supported for type interval"},
    {"week", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "ERROR: unit \"week\" not supported for type interval"},
    {"month", "25 years 14 mons 40 days 50:01:02.345", "2"},
    {"month", "-25 years -8 mons -40 days -50:01:02.345", "-8"},
    {"month", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "7"},
    {"quarter", "25 years 14 mons 40 days 50:01:02.345", "1"},
    {"quarter", "-25 years -8 mons -40 days -50:01:02.345", "-1"},
    {"quarter", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "3"},
    {"year", "25 years 14 mons 40 days 50:01:02.345", "26"},
    {"year", "-25 years -8 mons -40 days -50:01:02.345", "-25"},
    {"year", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "178956970"},
    {"decade", "25 years 14 mons 40 days 50:01:02.345", "2"},
    {"decade", "-25 years -8 mons -40 days -50:01:02.345", "-2"},
    {"decade", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "17895697"},
    {"century", "25 years 14 mons 40 days 50:01:02.345", "0"},
    {"century", "-25 years -8 mons -40 days -50:01:02.345", "0"},
    {"century", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "1789569"},
    {"millennium", "25 years 14 mons 40 days 50:01:02.345", "0"},
    {"millennium", "-25 years -8 mons -40 days -50:01:02.345", "0"},
    {"millennium", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "178956"},
    {"dow", "25 years 14 mons 40 days 50:01:02.345", "ERROR: unit \"dow\" not supported for type interval"},
    {"dow", "-25 years -8 mons -40 days -50:01:02.345", "ERROR: unit \"dow\" not supported for type interval"},
    {"dow", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "ERROR: unit \"dow\" not supported for type interval"},
    {"isodow", "25 years 14 mons 40 days 50:01:02.345", "ERROR: unit \"isodow\" not supported for type interval"},
    {"isodow", "-25 years -8 mons -40 days -50:01:02.345", "ERROR: unit \"isodow\" not supported for type interval"},
    {"isodow", "2147483647 mons 2147483647 days 2562047788:00:54.775807",
     "ERROR: unit \"isodow\" not supported for type interval"},
    {"doy", "25 years 14 mons 40 days 50:01:02.345", "ERROR: unit \"doy\" not supported for type interval"},
    {"doy", "-25 years -8 mons -40 days -50:01:02.345", "ERROR: unit \"doy\" not supported for type interval"},
    {"doy", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "ERROR: unit \"doy\" not supported for type interval"},
    {"isoyear", "25 years 14 mons 40 days 50:01:02.345", "ERROR: unit \"isoyear\" not supported for type interval"},
    {"isoyear", "-25 years -8 mons -40 days -50:01:02.345", "ERROR: unit \"isoyear\" not supported for type interval"},
    {"isoyear", "2147483647 mons 2147483647 days 2562047788:00:54.775807",
     "ERROR: unit \"isoyear\" not supported for type interval"},
    {"julian", "25 years 14 mons 40 days 50:01:02.345", "ERROR: unit \"julian\" not supported for type interval"},
    {"julian", "-25 years -8 mons -40 days -50:01:02.345", "ERROR: unit \"julian\" not supported for type interval"},
    {"julian", "2147483647 mons 2147483647 days 2562047788:00:54.775807",
     "ERROR: unit \"julian\" not supported for type interval"},
    {"epoch", "25 years 14 mons 40 days 50:01:02.345", "829317662.345000"},
    {"epoch", "-25 years -8 mons -40 days -50:01:02.345", "-813312062.345000"},
    {"epoch", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "5842218453753654.775807"},
    {"timezone", "25 years 14 mons 40 days 50:01:02.345", "ERROR: unit \"timezone\" not supported for type interval"},
    {"timezone", "-25 years -8 mons -40 days -50:01:02.345", "ERROR: unit \"timezone\" not supported for type interval"},
    {"timezone", "2147483647 mons 2147483647 days 2562047788:00:54.775807",
     "ERROR: unit \"timezone\" not supported for type interval"},
    {"timezone_hour", "25 years 14 mons 40 days 50:01:02.345", "ERROR: unit \"timezone_hour\" not supported for type interval"},
    {"timezone_hour", "-25 years -8 mons -40 days -50:01:02.345",
     "ERROR: unit \"timezone_hour\" not supported for type interval"},
    {"timezone_hour", "2147483647 mons 2147483647 days 2562047788:00:54.775807",
     "ERROR: unit \"timezone_hour\" not supported for type interval"},
    {"timezone_minute", "25 years 14 mons 40 days 50:01:02.345",
     "ERROR: unit \"timezone_minute\" not supported for type interval"},
    {"timezone_minute", "-25 years -8 mons -40 days -50:01:02.345",
     "ERROR: unit \"timezone_minute\" not supported for type interval"},
    {"timezone_minute", "2147483647 mons 2147483647 days 2562047788:00:54.775807",
     "ERROR: unit \"timezone_minute\" not supported for type interval"},
    {"now", "25 years 14 mons 40 days 50:01:02.345", "ERROR: unit \"now\" not recognized for type interval"},
    {"now", "-25 years -8 mons -40 days -50:01:02.345", "ERROR: unit \"now\" not recognized for type interval"},
    {"now", "2147483647 mons 2147483647 days 2562047788:00:54.775807", "ERROR: unit \"now\" not recognized for type interval"},
};

struct Truncated {
  std::string_view field;
  std::string_view value;
  std::string_view out;
};

constexpr Truncated kTruncated[] = {
    {"microseconds", "2024-02-29 12:34:56.789012", "2024-02-29 12:34:56.789012"},
    {"microseconds", "0044-03-15 00:00:01 BC", "0044-03-15 00:00:01 BC"},
    {"microseconds", "2021-01-03 23:59:59.5", "2021-01-03 23:59:59.5"},
    {"milliseconds", "2024-02-29 12:34:56.789012", "2024-02-29 12:34:56.789"},
    {"milliseconds", "0044-03-15 00:00:01 BC", "0044-03-15 00:00:01 BC"},
    {"milliseconds", "2021-01-03 23:59:59.5", "2021-01-03 23:59:59.5"},
    {"second", "2024-02-29 12:34:56.789012", "2024-02-29 12:34:56"},
    {"second", "0044-03-15 00:00:01 BC", "0044-03-15 00:00:01 BC"},
    {"second", "2021-01-03 23:59:59.5", "2021-01-03 23:59:59"},
    {"minute", "2024-02-29 12:34:56.789012", "2024-02-29 12:34:00"},
    {"minute", "0044-03-15 00:00:01 BC", "0044-03-15 00:00:00 BC"},
    {"minute", "2021-01-03 23:59:59.5", "2021-01-03 23:59:00"},
    {"hour", "2024-02-29 12:34:56.789012", "2024-02-29 12:00:00"},
    {"hour", "0044-03-15 00:00:01 BC", "0044-03-15 00:00:00 BC"},
    {"hour", "2021-01-03 23:59:59.5", "2021-01-03 23:00:00"},
    {"day", "2024-02-29 12:34:56.789012", "2024-02-29 00:00:00"},
    {"day", "0044-03-15 00:00:01 BC", "0044-03-15 00:00:00 BC"},
    {"day", "2021-01-03 23:59:59.5", "2021-01-03 00:00:00"},
    {"week", "2024-02-29 12:34:56.789012", "2024-02-26 00:00:00"},
    {"week", "0044-03-15 00:00:01 BC", "0044-03-11 00:00:00 BC"},
    {"week", "2021-01-03 23:59:59.5", "2020-12-28 00:00:00"},
    {"month", "2024-02-29 12:34:56.789012", "2024-02-01 00:00:00"},
    {"month", "0044-03-15 00:00:01 BC", "0044-03-01 00:00:00 BC"},
    {"month", "2021-01-03 23:59:59.5", "2021-01-01 00:00:00"},
    {"quarter", "2024-02-29 12:34:56.789012", "2024-01-01 00:00:00"},
    {"quarter", "0044-03-15 00:00:01 BC", "0044-01-01 00:00:00 BC"},
    {"quarter", "2021-01-03 23:59:59.5", "2021-01-01 00:00:00"},
    {"year", "2024-02-29 12:34:56.789012", "2024-01-01 00:00:00"},
    {"year", "0044-03-15 00:00:01 BC", "0044-01-01 00:00:00 BC"},
    {"year", "2021-01-03 23:59:59.5", "2021-01-01 00:00:00"},
    {"decade", "2024-02-29 12:34:56.789012", "2020-01-01 00:00:00"},
    {"decade", "0044-03-15 00:00:01 BC", "0051-01-01 00:00:00 BC"},
    {"decade", "2021-01-03 23:59:59.5", "2020-01-01 00:00:00"},
    {"century", "2024-02-29 12:34:56.789012", "2001-01-01 00:00:00"},
    {"century", "0044-03-15 00:00:01 BC", "0100-01-01 00:00:00 BC"},
    {"century", "2021-01-03 23:59:59.5", "2001-01-01 00:00:00"},
    {"millennium", "2024-02-29 12:34:56.789012", "2001-01-01 00:00:00"},
    {"millennium", "0044-03-15 00:00:01 BC", "1000-01-01 00:00:00 BC"},
    {"millennium", "2021-01-03 23:59:59.5", "2001-01-01 00:00:00"},
    {"dow", "2024-02-29 12:34:56.789012", "ERROR: unit \"dow\" not recognized for type timestamp without time zone"},
    {"dow", "0044-03-15 00:00:01 BC", "ERROR: unit \"dow\" not recognized for type timestamp without time zone"},
    {"dow", "2021-01-03 23:59:59.5", "ERROR: unit \"dow\" not recognized for type timestamp without time zone"},
    {"fortnight", "2024-02-29 12:34:56.789012", "ERROR: unit \"fortnight\" not recognized for type timestamp without time zone"},
    {"fortnight", "0044-03-15 00:00:01 BC", "ERROR: unit \"fortnight\" not recognized for type timestamp without time zone"},
    {"fortnight", "2021-01-03 23:59:59.5", "ERROR: unit \"fortnight\" not recognized for type timestamp without time zone"},
};

// In New York.
constexpr Truncated kTruncatedTz[] = {
    {"hour", "2024-03-10 12:34:56.789", "2024-03-10 12:00:00-04"},
    {"hour", "2024-11-03 01:30 EST", "2024-11-03 01:00:00-05"},
    {"hour", "2024-11-10 00:30", "2024-11-10 00:00:00-05"},
    {"minute", "2024-03-10 12:34:56.789", "2024-03-10 12:34:00-04"},
    {"minute", "2024-11-03 01:30 EST", "2024-11-03 01:30:00-05"},
    {"minute", "2024-11-10 00:30", "2024-11-10 00:30:00-05"},
    {"day", "2024-03-10 12:34:56.789", "2024-03-10 00:00:00-05"},
    {"day", "2024-11-03 01:30 EST", "2024-11-03 00:00:00-04"},
    {"day", "2024-11-10 00:30", "2024-11-10 00:00:00-05"},
    {"week", "2024-03-10 12:34:56.789", "2024-03-04 00:00:00-05"},
    {"week", "2024-11-03 01:30 EST", "2024-10-28 00:00:00-04"},
    {"week", "2024-11-10 00:30", "2024-11-04 00:00:00-05"},
    {"month", "2024-03-10 12:34:56.789", "2024-03-01 00:00:00-05"},
    {"month", "2024-11-03 01:30 EST", "2024-11-01 00:00:00-04"},
    {"month", "2024-11-10 00:30", "2024-11-01 00:00:00-04"},
    {"year", "2024-03-10 12:34:56.789", "2024-01-01 00:00:00-05"},
    {"year", "2024-11-03 01:30 EST", "2024-01-01 00:00:00-05"},
    {"year", "2024-11-10 00:30", "2024-01-01 00:00:00-05"},
    {"epoch", "2024-03-10 12:34:56.789", "ERROR: unit \"epoch\" not recognized for type timestamp with time zone"},
    {"epoch", "2024-11-03 01:30 EST", "ERROR: unit \"epoch\" not recognized for type timestamp with time zone"},
    {"epoch", "2024-11-10 00:30", "ERROR: unit \"epoch\" not recognized for type timestamp with time zone"},
};

// In New York, by the clocks of Sydney.
constexpr Truncated kTruncatedInSydney[] = {
    {"hour", "2024-03-10 12:34:56.789", "2024-03-10 12:00:00-04"},  {"hour", "2024-07-01 01:30", "2024-07-01 01:00:00-04"},
    {"day", "2024-03-10 12:34:56.789", "2024-03-10 09:00:00-04"},   {"day", "2024-07-01 01:30", "2024-06-30 10:00:00-04"},
    {"month", "2024-03-10 12:34:56.789", "2024-02-29 08:00:00-05"}, {"month", "2024-07-01 01:30", "2024-06-30 10:00:00-04"},
    {"year", "2024-03-10 12:34:56.789", "2023-12-31 08:00:00-05"},  {"year", "2024-07-01 01:30", "2023-12-31 08:00:00-05"},
};

constexpr Truncated kTruncatedIntervals[] = {
    {"microseconds", "1234 years 5 mons 40 days 50:01:02.345678", "1234 years 5 mons 40 days 50:01:02.345678"},
    {"microseconds", "-1234 years -5 mons -40 days -50:01:02.345678", "-1234 years -5 mons -40 days -50:01:02.345678"},
    {"milliseconds", "1234 years 5 mons 40 days 50:01:02.345678", "1234 years 5 mons 40 days 50:01:02.345"},
    {"milliseconds", "-1234 years -5 mons -40 days -50:01:02.345678", "-1234 years -5 mons -40 days -50:01:02.345"},
    {"second", "1234 years 5 mons 40 days 50:01:02.345678", "1234 years 5 mons 40 days 50:01:02"},
    {"second", "-1234 years -5 mons -40 days -50:01:02.345678", "-1234 years -5 mons -40 days -50:01:02"},
    {"minute", "1234 years 5 mons 40 days 50:01:02.345678", "1234 years 5 mons 40 days 50:01:00"},
    {"minute", "-1234 years -5 mons -40 days -50:01:02.345678", "-1234 years -5 mons -40 days -50:01:00"},
    {"hour", "1234 years 5 mons 40 days 50:01:02.345678", "1234 years 5 mons 40 days 50:00:00"},
    {"hour", "-1234 years -5 mons -40 days -50:01:02.345678", "-1234 years -5 mons -40 days -50:00:00"},
    {"day", "1234 years 5 mons 40 days 50:01:02.345678", "1234 years 5 mons 40 days"},
    {"day", "-1234 years -5 mons -40 days -50:01:02.345678", "-1234 years -5 mons -40 days"},
    {"week", "1234 years 5 mons 40 days 50:01:02.345678",
     "ERROR: unit \"week\" not supported for type interval DETAIL: Months usually have fractional weeks."},
    {"week", "-1234 years -5 mons -40 days -50:01:02.345678",
     "ERROR: unit \"week\" not supported for type interval DETAIL: Months usually have fractional weeks."},
    {"month", "1234 years 5 mons 40 days 50:01:02.345678", "1234 years 5 mons"},
    {"month", "-1234 years -5 mons -40 days -50:01:02.345678", "-1234 years -5 mons"},
    {"quarter", "1234 years 5 mons 40 days 50:01:02.345678", "1234 years 3 mons"},
    {"quarter", "-1234 years -5 mons -40 days -50:01:02.345678", "-1234 years -3 mons"},
    {"year", "1234 years 5 mons 40 days 50:01:02.345678", "1234 years"},
    {"year", "-1234 years -5 mons -40 days -50:01:02.345678", "-1234 years"},
    {"decade", "1234 years 5 mons 40 days 50:01:02.345678", "1230 years"},
    {"decade", "-1234 years -5 mons -40 days -50:01:02.345678", "-1230 years"},
    {"century", "1234 years 5 mons 40 days 50:01:02.345678", "1200 years"},
    {"century", "-1234 years -5 mons -40 days -50:01:02.345678", "-1200 years"},
    {"millennium", "1234 years 5 mons 40 days 50:01:02.345678", "1000 years"},
    {"millennium", "-1234 years -5 mons -40 days -50:01:02.345678", "-1000 years"},
    {"dow", "1234 years 5 mons 40 days 50:01:02.345678", "ERROR: unit \"dow\" not recognized for type interval"},
    {"dow", "-1234 years -5 mons -40 days -50:01:02.345678", "ERROR: unit \"dow\" not recognized for type interval"},
    {"fortnight", "1234 years 5 mons 40 days 50:01:02.345678", "ERROR: unit \"fortnight\" not recognized for type interval"},
    {"fortnight", "-1234 years -5 mons -40 days -50:01:02.345678", "ERROR: unit \"fortnight\" not recognized for type interval"},
    {"timezone", "1234 years 5 mons 40 days 50:01:02.345678", "ERROR: unit \"timezone\" not supported for type interval"},
    {"timezone", "-1234 years -5 mons -40 days -50:01:02.345678", "ERROR: unit \"timezone\" not supported for type interval"},
};

}  // namespace

TEST_CASE("extract: each field of each type", "[sql][datetime]") {
  for (const Part& part : kOfTimestamps) {
    INFO(part.field << " of " << part.value);
    CHECK(shownField(extractFromTimestamp(FieldName(part.field), timestampOf(part.value))) == part.out);
  }
  for (const Part& part : kOfOddFields) {
    INFO(part.field);
    CHECK(shownField(extractFromTimestamp(FieldName(part.field), timestampOf(part.value))) == part.out);
  }
  const TimeZonePointer zone = zoneNamed("America/St_Johns");
  for (const Part& part : kOfTimestampsTz) {
    INFO(part.field << " of " << part.value);
    CHECK(shownField(extractFromTimestampTz(FieldName(part.field), timestampTzOf(part.value, *zone), *zone)) == part.out);
  }
  for (const Part& part : kOfDates) {
    INFO(part.field << " of " << part.value);
    CHECK(shownField(extractFromDate(FieldName(part.field), dateOf(part.value))) == part.out);
  }
  for (const Part& part : kOfTimes) {
    INFO(part.field << " of " << part.value);
    CHECK(shownField(extractFromTime(FieldName(part.field), timeOfDay(part.value))) == part.out);
  }
  for (const Part& part : kOfIntervals) {
    INFO(part.field << " of " << part.value);
    CHECK(shownField(extractFromInterval(FieldName(part.field), intervalOf(part.value))) == part.out);
  }
}

TEST_CASE("date_part: the same as doubles", "[sql][datetime]") {
  const TimeZonePointer zone = zoneNamed("America/St_Johns");
  const std::int64_t micros = timestampOf("2024-02-29 12:34:56.789012");
  CHECK(**partOfTimestamp(FieldName("second"), micros) == 56.789012);
  CHECK(**partOfTimestamp(FieldName("milliseconds"), micros) == 56789.012);
  CHECK(**partOfTimestamp(FieldName("epoch"), micros) == 1709210096.789012);
  CHECK(**partOfTimestamp(FieldName("julian"), micros) == 2460370.5242683915);
  CHECK(**partOfTimestampTz(FieldName("timezone_minute"), micros, *zone) == -30);
  CHECK(**partOfTime(FieldName("epoch"), timeOfDay("00:00:01.5")) == 1.5);
  CHECK(**partOfInterval(FieldName("epoch"), intervalOf("1 year 1 mon 1 day 00:00:01")) == 34236001);
  CHECK(**partOfTimestamp(FieldName("year"), kInfinity) == INFINITY);
  CHECK(**partOfTimestamp(FieldName("epoch"), kNegativeInfinity) == -INFINITY);
  CHECK_FALSE(partOfTimestamp(FieldName("hour"), kInfinity)->has_value());
  CHECK(partOfTime(FieldName("day"), 0).error().message == "unit \"day\" not supported for type time without time zone");
}

TEST_CASE("date_trunc: on the clocks of a zone, intervals too", "[sql][datetime]") {
  for (const Truncated& row : kTruncated) {
    INFO(row.field << " of " << row.value);
    CHECK(shownTimestamp(truncateTimestamp(FieldName(row.field), timestampOf(row.value))) == row.out);
  }
  const TimeZonePointer zone = zoneNamed("America/New_York");
  for (const Truncated& row : kTruncatedTz) {
    INFO(row.field << " of " << row.value);
    CHECK(shownTimestampTz(truncateTimestampTz(FieldName(row.field), timestampTzOf(row.value, *zone), *zone), *zone) == row.out);
  }
  const TimeZonePointer sydney = ZoneReference::resolve("Australia/Sydney")->asZone();
  for (const Truncated& row : kTruncatedInSydney) {
    INFO(row.field << " of " << row.value);
    CHECK(shownTimestampTz(truncateTimestampTz(FieldName(row.field), timestampTzOf(row.value, *zone), *sydney), *zone) ==
          row.out);
  }
  for (const Truncated& row : kTruncatedIntervals) {
    INFO(row.field << " of " << row.value);
    CHECK(shownInterval(truncateInterval(FieldName(row.field), intervalOf(row.value))) == row.out);
  }
  CHECK(shownTimestamp(truncateTimestamp(FieldName("nonsense"), kInfinity)) == "infinity");
}

}  // namespace trefoil::sql::datetime
