#include "sql/types/datetime/datetime_format.hpp"

#include <iterator>
#include <random>
#include <string>

#include "sql/types/datetime/calendar.hpp"
#include "tests/sql/types/datetime/shown.hpp"

namespace trefoil::sql::datetime {
namespace {

struct Printed {
  std::string_view pattern;
  std::string_view value;
  std::string_view out;
};

constexpr Printed kTimestamps[] = {
    {"YYYY-MM-DD HH24:MI:SS.US", "2024-02-29 15:04:05.678901", "2024-02-29 15:04:05.678901"},
    {"YYYY-MM-DD HH24:MI:SS.US", "0044-03-05 00:00:00 BC", "0044-03-05 00:00:00.000000"},
    {"YYYY-MM-DD HH24:MI:SS.US", "2021-01-01 12:30:00", "2021-01-01 12:30:00.000000"},
    {"Day, DD Month YYYY", "2024-02-29 15:04:05.678901", "Thursday , 29 February  2024"},
    {"Day, DD Month YYYY", "0044-03-05 00:00:00 BC", "Tuesday  , 05 March     0044"},
    {"Day, DD Month YYYY", "2021-01-01 12:30:00", "Friday   , 01 January   2021"},
    {"FMDay, FMDD FMMonth YYYY", "2024-02-29 15:04:05.678901", "Thursday, 29 February 2024"},
    {"FMDay, FMDD FMMonth YYYY", "0044-03-05 00:00:00 BC", "Tuesday, 5 March 0044"},
    {"FMDay, FMDD FMMonth YYYY", "2021-01-01 12:30:00", "Friday, 1 January 2021"},
    {"DAY day Day DY dy Dy", "2024-02-29 15:04:05.678901", "THURSDAY  thursday  Thursday  THU thu Thu"},
    {"DAY day Day DY dy Dy", "0044-03-05 00:00:00 BC", "TUESDAY   tuesday   Tuesday   TUE tue Tue"},
    {"DAY day Day DY dy Dy", "2021-01-01 12:30:00", "FRIDAY    friday    Friday    FRI fri Fri"},
    {"MONTH month Month MON mon Mon", "2024-02-29 15:04:05.678901", "FEBRUARY  february  February  FEB feb Feb"},
    {"MONTH month Month MON mon Mon", "0044-03-05 00:00:00 BC", "MARCH     march     March     MAR mar Mar"},
    {"MONTH month Month MON mon Mon", "2021-01-01 12:30:00", "JANUARY   january   January   JAN jan Jan"},
    {"TMDay TMMonth", "2024-02-29 15:04:05.678901", "Thursday February"},
    {"TMDay TMMonth", "0044-03-05 00:00:00 BC", "Tuesday March"},
    {"TMDay TMMonth", "2021-01-01 12:30:00", "Friday January"},
    {"DDth DDTH FMDDth Dth", "2024-02-29 15:04:05.678901", "29th 29TH 29th 5th"},
    {"DDth DDTH FMDDth Dth", "0044-03-05 00:00:00 BC", "05th 05TH 5th 3rd"},
    {"DDth DDTH FMDDth Dth", "2021-01-01 12:30:00", "01st 01ST 1st 6th"},
    {"Y,YYY YYYY YYY YY Y", "2024-02-29 15:04:05.678901", "2,024 2024 024 24 4"},
    {"Y,YYY YYYY YYY YY Y", "0044-03-05 00:00:00 BC", "0,044 0044 044 44 4"},
    {"Y,YYY YYYY YYY YY Y", "2021-01-01 12:30:00", "2,021 2021 021 21 1"},
    {"IYYY IYY IY I IW ID IDDD", "2024-02-29 15:04:05.678901", "2024 024 24 4 09 4 060"},
    {"IYYY IYY IY I IW ID IDDD", "0044-03-05 00:00:00 BC", "0044 044 44 4 10 2 065"},
    {"IYYY IYY IY I IW ID IDDD", "2021-01-01 12:30:00", "2020 020 20 0 53 5 369"},
    {"DDD DD D WW W Q CC J", "2024-02-29 15:04:05.678901", "060 29 5 09 5 1 21 2460370"},
    {"DDD DD D WW W Q CC J", "0044-03-05 00:00:00 BC", "064 05 3 10 1 1 -01 1705418"},
    {"DDD DD D WW W Q CC J", "2021-01-01 12:30:00", "001 01 6 01 1 1 21 2459216"},
    {"HH HH12 HH24 MI SS SSSS SSSSS", "2024-02-29 15:04:05.678901", "03 03 15 04 05 54245 54245"},
    {"HH HH12 HH24 MI SS SSSS SSSSS", "0044-03-05 00:00:00 BC", "12 12 00 00 00 0 0"},
    {"HH HH12 HH24 MI SS SSSS SSSSS", "2021-01-01 12:30:00", "12 12 12 30 00 45000 45000"},
    {"MS US FF1 FF2 FF3 FF4 FF5 FF6", "2024-02-29 15:04:05.678901", "678 678901 6 67 678 6789 67890 678901"},
    {"MS US FF1 FF2 FF3 FF4 FF5 FF6", "0044-03-05 00:00:00 BC", "000 000000 0 00 000 0000 00000 000000"},
    {"MS US FF1 FF2 FF3 FF4 FF5 FF6", "2021-01-01 12:30:00", "000 000000 0 00 000 0000 00000 000000"},
    {"AM PM am pm A.M. P.M. a.m. p.m.", "2024-02-29 15:04:05.678901", "PM PM pm pm P.M. P.M. p.m. p.m."},
    {"AM PM am pm A.M. P.M. a.m. p.m.", "0044-03-05 00:00:00 BC", "AM AM am am A.M. A.M. a.m. a.m."},
    {"AM PM am pm A.M. P.M. a.m. p.m.", "2021-01-01 12:30:00", "PM PM pm pm P.M. P.M. p.m. p.m."},
    {"AD BC ad bc A.D. B.C. a.d. b.c.", "2024-02-29 15:04:05.678901", "AD AD ad ad A.D. A.D. a.d. a.d."},
    {"AD BC ad bc A.D. B.C. a.d. b.c.", "0044-03-05 00:00:00 BC", "BC BC bc bc B.C. B.C. b.c. b.c."},
    {"AD BC ad bc A.D. B.C. a.d. b.c.", "2021-01-01 12:30:00", "AD AD ad ad A.D. A.D. a.d. a.d."},
    {"RM rm FMRM FMrm", "2024-02-29 15:04:05.678901", "II   ii   II ii"},
    {"RM rm FMRM FMrm", "0044-03-05 00:00:00 BC", "III  iii  III iii"},
    {"RM rm FMRM FMrm", "2021-01-01 12:30:00", "I    i    I i"},
    {"TZ tz TZH TZM TZH:TZM OF FMOF", "2024-02-29 15:04:05.678901", "  +00 00 +00:00 +00 +0"},
    {"TZ tz TZH TZM TZH:TZM OF FMOF", "0044-03-05 00:00:00 BC", "  +00 00 +00:00 +00 +0"},
    {"TZ tz TZH TZM TZH:TZM OF FMOF", "2021-01-01 12:30:00", "  +00 00 +00:00 +00 +0"},
    {"\"quoted YYYY\" YYYY \"a\\\"b\\\\c\" \\\"YYYY\\\"", "2024-02-29 15:04:05.678901", "quoted YYYY 2024 a\"b\\c \"2024\""},
    {"\"quoted YYYY\" YYYY \"a\\\"b\\\\c\" \\\"YYYY\\\"", "0044-03-05 00:00:00 BC", "quoted YYYY 0044 a\"b\\c \"0044\""},
    {"\"quoted YYYY\" YYYY \"a\\\"b\\\\c\" \\\"YYYY\\\"", "2021-01-01 12:30:00", "quoted YYYY 2021 a\"b\\c \"2021\""},
    {"FMHH24:FMMI:FMSS", "2024-02-29 15:04:05.678901", "15:4:5"},
    {"FMHH24:FMMI:FMSS", "0044-03-05 00:00:00 BC", "0:0:0"},
    {"FMHH24:FMMI:FMSS", "2021-01-01 12:30:00", "12:30:0"},
    {"CCth Qth WWth", "2024-02-29 15:04:05.678901", "21st 1st 09th"},
    {"CCth Qth WWth", "0044-03-05 00:00:00 BC", "-01st 1st 10th"},
    {"CCth Qth WWth", "2021-01-01 12:30:00", "21st 1st 01st"},
    {"YYYYTH IYYYth Jth", "2024-02-29 15:04:05.678901", "2024TH 2024th 2460370th"},
    {"YYYYTH IYYYth Jth", "0044-03-05 00:00:00 BC", "0044TH 0044th 1705418th"},
    {"YYYYTH IYYYth Jth", "2021-01-01 12:30:00", "2021ST 2020th 2459216th"},
    {"YYYYSP DDSP", "2024-02-29 15:04:05.678901", "2024 29"},
    {"YYYYSP DDSP", "0044-03-05 00:00:00 BC", "0044 05"},
    {"YYYYSP DDSP", "2021-01-01 12:30:00", "2021 01"},
    {"HH24TH:MIth", "2024-02-29 15:04:05.678901", "15TH:04th"},
    {"HH24TH:MIth", "0044-03-05 00:00:00 BC", "00TH:00th"},
    {"HH24TH:MIth", "2021-01-01 12:30:00", "12TH:30th"},
    {"FX YYYY", "2024-02-29 15:04:05.678901", " 2024"},
    {"FX YYYY", "0044-03-05 00:00:00 BC", " 0044"},
    {"FX YYYY", "2021-01-01 12:30:00", " 2021"},
    {"fmMonth tmMonth", "2024-02-29 15:04:05.678901", "February February"},
    {"fmMonth tmMonth", "0044-03-05 00:00:00 BC", "March March"},
    {"fmMonth tmMonth", "2021-01-01 12:30:00", "January January"},
    {"no patterens: xyz", "2024-02-29 15:04:05.678901", "no patterens: x4z"},
    {"no patterens: xyz", "0044-03-05 00:00:00 BC", "no patterens: x4z"},
    {"no patterens: xyz", "2021-01-01 12:30:00", "no patterens: x1z"},
    {"ü YYYY é", "2024-02-29 15:04:05.678901", "ü 2024 é"},
    {"ü YYYY é", "0044-03-05 00:00:00 BC", "ü 0044 é"},
    {"ü YYYY é", "2021-01-01 12:30:00", "ü 2021 é"},
    {"FM", "2024-02-29 15:04:05.678901", ""},
    {"FM", "0044-03-05 00:00:00 BC", ""},
    {"FM", "2021-01-01 12:30:00", ""},
    {"FM-YYYY", "2024-02-29 15:04:05.678901", "-2024"},
    {"FM-YYYY", "0044-03-05 00:00:00 BC", "-0044"},
    {"FM-YYYY", "2021-01-01 12:30:00", "-2021"},
    {"Y,YYYth", "2024-02-29 15:04:05.678901", "2,024th"},
    {"Y,YYYth", "0044-03-05 00:00:00 BC", "0,044th"},
    {"Y,YYYth", "2021-01-01 12:30:00", "2,021st"},
    {"FMY,YYY FMYYY FMYY", "2024-02-29 15:04:05.678901", "2,024 24 24"},
    {"FMY,YYY FMYYY FMYY", "0044-03-05 00:00:00 BC", "0,044 44 44"},
    {"FMY,YYY FMYYY FMYY", "2021-01-01 12:30:00", "2,021 21 21"},
    {"SSSSth MSTH", "2024-02-29 15:04:05.678901", "54245th 678TH"},
    {"SSSSth MSTH", "0044-03-05 00:00:00 BC", "0th 000TH"},
    {"SSSSth MSTH", "2021-01-01 12:30:00", "45000th 000TH"},
};

// In St. John's.
constexpr Printed kTimestampsTz[] = {
    {"TZ tz TZH TZM TZH:TZM OF FMOF", "2024-07-01 03:04:05.6", "NDT ndt -02 30 -02:30 -02:30 -2:30"},
    {"TZ tz TZH TZM TZH:TZM OF FMOF", "1880-01-01 00:00", "LMT lmt -03 30 -03:30 -03:30 -3:30"},
    {"YYYY-MM-DD HH24:MI:SS TZ", "2024-07-01 03:04:05.6", "2024-07-01 03:04:05 NDT"},
    {"YYYY-MM-DD HH24:MI:SS TZ", "1880-01-01 00:00", "1880-01-01 00:00:00 LMT"},
};

constexpr Printed kIntervals[] = {
    {"YYYY-MM-DD HH24:MI:SS.US", "1 year 2 mons 3 days 04:05:06.789", "0001-02-03 04:05:06.789000"},
    {"YYYY-MM-DD HH24:MI:SS.US", "-1 year -2 mons -3 days -04:05:06.789", "-0001--02--3 -04:-05:-06.-789000"},
    {"YYYY-MM-DD HH24:MI:SS.US", "100:00:00", "0000-00-00 100:00:00.000000"},
    {"YYYY-MM-DD HH24:MI:SS.US", "3 years", "0003-00-00 00:00:00.000000"},
    {"YYYY-MM-DD HH24:MI:SS.US", "-3 years", "-0003-00-00 00:00:00.000000"},
    {"YYYY-MM-DD HH24:MI:SS.US", "-25:59", "0000-00-00 -25:-59:00.000000"},
    {"Y,YYY YYYY YYY YY Y", "1 year 2 mons 3 days 04:05:06.789", "0,001 0001 001 01 1"},
    {"Y,YYY YYYY YYY YY Y", "-1 year -2 mons -3 days -04:05:06.789", "0,-01 -0001 -001 -01 -1"},
    {"Y,YYY YYYY YYY YY Y", "100:00:00", "0,000 0000 000 00 0"},
    {"Y,YYY YYYY YYY YY Y", "3 years", "0,003 0003 003 03 3"},
    {"Y,YYY YYYY YYY YY Y", "-3 years", "0,-03 -0003 -003 -03 -3"},
    {"Y,YYY YYYY YYY YY Y", "-25:59", "0,000 0000 000 00 0"},
    {"HH HH12 HH24 MI SS SSSS SSSSS", "1 year 2 mons 3 days 04:05:06.789", "04 04 04 05 06 14706 14706"},
    {"HH HH12 HH24 MI SS SSSS SSSSS", "-1 year -2 mons -3 days -04:05:06.789", "-04 -04 -04 -05 -06 -14706 -14706"},
    {"HH HH12 HH24 MI SS SSSS SSSSS", "100:00:00", "04 04 100 00 00 360000 360000"},
    {"HH HH12 HH24 MI SS SSSS SSSSS", "3 years", "12 12 00 00 00 0 0"},
    {"HH HH12 HH24 MI SS SSSS SSSSS", "-3 years", "12 12 00 00 00 0 0"},
    {"HH HH12 HH24 MI SS SSSS SSSSS", "-25:59", "-01 -01 -25 -59 00 -93540 -93540"},
    {"MS US FF1 FF2 FF3 FF4 FF5 FF6", "1 year 2 mons 3 days 04:05:06.789", "789 789000 7 78 789 7890 78900 789000"},
    {"MS US FF1 FF2 FF3 FF4 FF5 FF6", "-1 year -2 mons -3 days -04:05:06.789", "-789 -789000 -7 -78 -789 -7890 -78900 -789000"},
    {"MS US FF1 FF2 FF3 FF4 FF5 FF6", "100:00:00", "000 000000 0 00 000 0000 00000 000000"},
    {"MS US FF1 FF2 FF3 FF4 FF5 FF6", "3 years", "000 000000 0 00 000 0000 00000 000000"},
    {"MS US FF1 FF2 FF3 FF4 FF5 FF6", "-3 years", "000 000000 0 00 000 0000 00000 000000"},
    {"MS US FF1 FF2 FF3 FF4 FF5 FF6", "-25:59", "000 000000 0 00 000 0000 00000 000000"},
    {"AM PM am pm A.M. P.M. a.m. p.m.", "1 year 2 mons 3 days 04:05:06.789", "AM AM am am A.M. A.M. a.m. a.m."},
    {"AM PM am pm A.M. P.M. a.m. p.m.", "-1 year -2 mons -3 days -04:05:06.789", "AM AM am am A.M. A.M. a.m. a.m."},
    {"AM PM am pm A.M. P.M. a.m. p.m.", "100:00:00", "AM AM am am A.M. A.M. a.m. a.m."},
    {"AM PM am pm A.M. P.M. a.m. p.m.", "3 years", "AM AM am am A.M. A.M. a.m. a.m."},
    {"AM PM am pm A.M. P.M. a.m. p.m.", "-3 years", "AM AM am am A.M. A.M. a.m. a.m."},
    {"AM PM am pm A.M. P.M. a.m. p.m.", "-25:59", "AM AM am am A.M. A.M. a.m. a.m."},
    {"\"quoted YYYY\" YYYY \"a\\\"b\\\\c\" \\\"YYYY\\\"", "1 year 2 mons 3 days 04:05:06.789",
     "quoted YYYY 0001 a\"b\\c \"0001\""},
    {"\"quoted YYYY\" YYYY \"a\\\"b\\\\c\" \\\"YYYY\\\"", "-1 year -2 mons -3 days -04:05:06.789",
     "quoted YYYY -0001 a\"b\\c \"-0001\""},
    {"\"quoted YYYY\" YYYY \"a\\\"b\\\\c\" \\\"YYYY\\\"", "100:00:00", "quoted YYYY 0000 a\"b\\c \"0000\""},
    {"\"quoted YYYY\" YYYY \"a\\\"b\\\\c\" \\\"YYYY\\\"", "3 years", "quoted YYYY 0003 a\"b\\c \"0003\""},
    {"\"quoted YYYY\" YYYY \"a\\\"b\\\\c\" \\\"YYYY\\\"", "-3 years", "quoted YYYY -0003 a\"b\\c \"-0003\""},
    {"\"quoted YYYY\" YYYY \"a\\\"b\\\\c\" \\\"YYYY\\\"", "-25:59", "quoted YYYY 0000 a\"b\\c \"0000\""},
    {"FMHH24:FMMI:FMSS", "1 year 2 mons 3 days 04:05:06.789", "4:5:6"},
    {"FMHH24:FMMI:FMSS", "-1 year -2 mons -3 days -04:05:06.789", "-4:-5:-6"},
    {"FMHH24:FMMI:FMSS", "100:00:00", "100:0:0"},
    {"FMHH24:FMMI:FMSS", "3 years", "0:0:0"},
    {"FMHH24:FMMI:FMSS", "-3 years", "0:0:0"},
    {"FMHH24:FMMI:FMSS", "-25:59", "-25:-59:0"},
    {"CCth Qth WWth", "1 year 2 mons 3 days 04:05:06.789", "00th 1st 61st"},
    {"CCth Qth WWth", "-1 year -2 mons -3 days -04:05:06.789", "00th 0th -59th"},
    {"CCth Qth WWth", "100:00:00", "00th  01st"},
    {"CCth Qth WWth", "3 years", "00th  155th"},
    {"CCth Qth WWth", "-3 years", "00th  -153rd"},
    {"CCth Qth WWth", "-25:59", "00th  01st"},
    {"YYYYTH IYYYth Jth", "1 year 2 mons 3 days 04:05:06.789", "0001ST 0001st 1721459th"},
    {"YYYYTH IYYYth Jth", "-1 year -2 mons -3 days -04:05:06.789", "-0001ST -0002nd 1720599th"},
    {"YYYYTH IYYYth Jth", "100:00:00", "0000TH -001st 1721028th"},
    {"YYYYTH IYYYth Jth", "3 years", "0003RD 0002nd 1722124th"},
    {"YYYYTH IYYYth Jth", "-3 years", "-0003RD -0004th 1719933rd"},
    {"YYYYTH IYYYth Jth", "-25:59", "0000TH -001st 1721028th"},
    {"YYYYSP DDSP", "1 year 2 mons 3 days 04:05:06.789", "0001 03"},
    {"YYYYSP DDSP", "-1 year -2 mons -3 days -04:05:06.789", "-0001 -3"},
    {"YYYYSP DDSP", "100:00:00", "0000 00"},
    {"YYYYSP DDSP", "3 years", "0003 00"},
    {"YYYYSP DDSP", "-3 years", "-0003 00"},
    {"YYYYSP DDSP", "-25:59", "0000 00"},
    {"HH24TH:MIth", "1 year 2 mons 3 days 04:05:06.789", "04TH:05th"},
    {"HH24TH:MIth", "-1 year -2 mons -3 days -04:05:06.789", "-04TH:-05th"},
    {"HH24TH:MIth", "100:00:00", "100TH:00th"},
    {"HH24TH:MIth", "3 years", "00TH:00th"},
    {"HH24TH:MIth", "-3 years", "00TH:00th"},
    {"HH24TH:MIth", "-25:59", "-25TH:-59th"},
    {"no patterens: xyz", "1 year 2 mons 3 days 04:05:06.789", "no patterens: x1z"},
    {"no patterens: xyz", "-1 year -2 mons -3 days -04:05:06.789", "no patterens: x-1z"},
    {"no patterens: xyz", "100:00:00", "no patterens: x0z"},
    {"no patterens: xyz", "3 years", "no patterens: x3z"},
    {"no patterens: xyz", "-3 years", "no patterens: x-3z"},
    {"no patterens: xyz", "-25:59", "no patterens: x0z"},
    {"ü YYYY é", "1 year 2 mons 3 days 04:05:06.789", "ü 0001 é"},
    {"ü YYYY é", "-1 year -2 mons -3 days -04:05:06.789", "ü -0001 é"},
    {"ü YYYY é", "100:00:00", "ü 0000 é"},
    {"ü YYYY é", "3 years", "ü 0003 é"},
    {"ü YYYY é", "-3 years", "ü -0003 é"},
    {"ü YYYY é", "-25:59", "ü 0000 é"},
    {"FM", "1 year 2 mons 3 days 04:05:06.789", ""},
    {"FM", "-1 year -2 mons -3 days -04:05:06.789", ""},
    {"FM", "100:00:00", ""},
    {"FM", "3 years", ""},
    {"FM", "-3 years", ""},
    {"FM", "-25:59", ""},
    {"FM-YYYY", "1 year 2 mons 3 days 04:05:06.789", "-0001"},
    {"FM-YYYY", "-1 year -2 mons -3 days -04:05:06.789", "--0001"},
    {"FM-YYYY", "100:00:00", "-0000"},
    {"FM-YYYY", "3 years", "-0003"},
    {"FM-YYYY", "-3 years", "--0003"},
    {"FM-YYYY", "-25:59", "-0000"},
    {"Y,YYYth", "1 year 2 mons 3 days 04:05:06.789", "0,001st"},
    {"Y,YYYth", "-1 year -2 mons -3 days -04:05:06.789", "0,-01st"},
    {"Y,YYYth", "100:00:00", "0,000th"},
    {"Y,YYYth", "3 years", "0,003rd"},
    {"Y,YYYth", "-3 years", "0,-03rd"},
    {"Y,YYYth", "-25:59", "0,000th"},
    {"FMY,YYY FMYYY FMYY", "1 year 2 mons 3 days 04:05:06.789", "0,001 1 1"},
    {"FMY,YYY FMYYY FMYY", "-1 year -2 mons -3 days -04:05:06.789", "0,-01 -1 -1"},
    {"FMY,YYY FMYYY FMYY", "100:00:00", "0,000 0 0"},
    {"FMY,YYY FMYYY FMYY", "3 years", "0,003 3 3"},
    {"FMY,YYY FMYYY FMYY", "-3 years", "0,-03 -3 -3"},
    {"FMY,YYY FMYYY FMYY", "-25:59", "0,000 0 0"},
    {"SSSSth MSTH", "1 year 2 mons 3 days 04:05:06.789", "14706th 789TH"},
    {"SSSSth MSTH", "-1 year -2 mons -3 days -04:05:06.789", "-14706th -789TH"},
    {"SSSSth MSTH", "100:00:00", "360000th 000TH"},
    {"SSSSth MSTH", "3 years", "0th 000TH"},
    {"SSSSth MSTH", "-3 years", "0th 000TH"},
    {"SSSSth MSTH", "-25:59", "-93540th 000TH"},
    {"RM", "1 year 2 mons 3 days 04:05:06.789", "II  "},
    {"RM", "-1 year -2 mons -3 days -04:05:06.789", "XI  "},
    {"RM", "100:00:00", ""},
    {"RM", "3 years", "XII "},
    {"RM", "-3 years", "I   "},
    {"RM", "-25:59", ""},
    {"FMRM", "1 year 2 mons 3 days 04:05:06.789", "II"},
    {"FMRM", "-1 year -2 mons -3 days -04:05:06.789", "XI"},
    {"FMRM", "100:00:00", ""},
    {"FMRM", "3 years", "XII"},
    {"FMRM", "-3 years", "I"},
    {"FMRM", "-25:59", ""},
    {"DDD WW W", "1 year 2 mons 3 days 04:05:06.789", "423 61 1"},
    {"DDD WW W", "-1 year -2 mons -3 days -04:05:06.789", "-423 -59 1"},
    {"DDD WW W", "100:00:00", "000 01 1"},
    {"DDD WW W", "3 years", "1080 155 1"},
    {"DDD WW W", "-3 years", "-1080 -153 1"},
    {"DDD WW W", "-25:59", "000 01 1"},
    {"Month", "1 year 2 mons 3 days 04:05:06.789",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"Month", "-1 year -2 mons -3 days -04:05:06.789",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"Month", "100:00:00",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"Month", "3 years",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"Month", "-3 years",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"Month", "-25:59",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"TZ", "1 year 2 mons 3 days 04:05:06.789",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"TZ", "-1 year -2 mons -3 days -04:05:06.789",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"TZ", "100:00:00",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"TZ", "3 years",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"TZ", "-3 years",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"TZ", "-25:59",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"AD", "1 year 2 mons 3 days 04:05:06.789",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"AD", "-1 year -2 mons -3 days -04:05:06.789",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"AD", "100:00:00",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"AD", "3 years",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"AD", "-3 years",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"AD", "-25:59",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"D", "1 year 2 mons 3 days 04:05:06.789",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"D", "-1 year -2 mons -3 days -04:05:06.789",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"D", "100:00:00",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"D", "3 years",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"D", "-3 years",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"D", "-25:59",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"ID", "1 year 2 mons 3 days 04:05:06.789",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"ID", "-1 year -2 mons -3 days -04:05:06.789",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"ID", "100:00:00",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"ID", "3 years",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"ID", "-3 years",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"ID", "-25:59",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"OF", "1 year 2 mons 3 days 04:05:06.789",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"OF", "-1 year -2 mons -3 days -04:05:06.789",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"OF", "100:00:00",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"OF", "3 years",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"OF", "-3 years",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"OF", "-25:59",
     "ERROR: invalid format specification for an interval value HINT: Intervals are not tied to specific calendar dates."},
    {"CC", "1 year 2 mons 3 days 04:05:06.789", "00"},
    {"CC", "-1 year -2 mons -3 days -04:05:06.789", "00"},
    {"CC", "100:00:00", "00"},
    {"CC", "3 years", "00"},
    {"CC", "-3 years", "00"},
    {"CC", "-25:59", "00"},
    {"IW", "1 year 2 mons 3 days 04:05:06.789", "05"},
    {"IW", "-1 year -2 mons -3 days -04:05:06.789", "39"},
    {"IW", "100:00:00", "48"},
    {"IW", "3 years", "48"},
    {"IW", "-3 years", "48"},
    {"IW", "-25:59", "48"},
    {"AM", "1 year 2 mons 3 days 04:05:06.789", "AM"},
    {"AM", "-1 year -2 mons -3 days -04:05:06.789", "AM"},
    {"AM", "100:00:00", "AM"},
    {"AM", "3 years", "AM"},
    {"AM", "-3 years", "AM"},
    {"AM", "-25:59", "AM"},
};

// The session is in New York.
struct Read {
  std::string_view text;
  std::string_view pattern;
  std::string_view date;
  std::string_view timestamp;
};

constexpr Read kReads[] = {
    {"2024-02-29", "YYYY-MM-DD", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"20240229", "YYYYMMDD", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"2024-2-9", "YYYY-MM-DD", "2024-02-09", "2024-02-09 00:00:00-05"},
    {"  2024   02  29", "YYYY MM DD", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"2024/02/29", "YYYY-MM-DD", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"2024-02-30", "YYYY-MM-DD", "ERROR: date/time field value out of range: \"2024-02-30\"",
     "ERROR: date/time field value out of range: \"2024-02-30\""},
    {"2024-13-01", "YYYY-MM-DD", "ERROR: date/time field value out of range: \"2024-13-01\"",
     "ERROR: date/time field value out of range: \"2024-13-01\""},
    {"29 Feb 2024", "DD Mon YYYY", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"29 february 2024", "DD Month YYYY", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"29FEB2024", "DDMonYYYY", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"Thursday 29 Feb 2024", "Day DD Mon YYYY", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"2024-060", "YYYY-DDD", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"2024-366", "YYYY-DDD", "2024-12-31", "2024-12-31 00:00:00-05"},
    {"2023-366", "YYYY-DDD", "ERROR: date/time field value out of range: \"2023-366\"",
     "ERROR: date/time field value out of range: \"2023-366\""},
    {"2024-09-4", "IYYY-IW-ID", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"2024-09", "IYYY-IW", "2024-02-26", "2024-02-26 00:00:00-05"},
    {"2024-060", "IYYY-IDDD", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"2024-09", "YYYY-WW", "2024-02-26", "2024-02-26 00:00:00-05"},
    {"2024-02-3", "YYYY-MM-W", "2024-02-15", "2024-02-15 00:00:00-05"},
    {"2460370", "J", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"24-02-29", "YY-MM-DD", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"70-02-01", "YY-MM-DD", "1970-02-01", "1970-02-01 00:00:00-05"},
    {"4-02-29", "Y-MM-DD", "2004-02-29", "2004-02-29 00:00:00-05"},
    {"024-02-29", "YYY-MM-DD", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"995-02-01", "YYY-MM-DD", "1995-02-01", "1995-02-01 00:00:00-05"},
    {"2,024-02-29", "Y,YYY-MM-DD", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"20 24", "CC YY", "1924-01-01", "1924-01-01 00:00:00-05"},
    {"21", "CC", "2001-01-01", "2001-01-01 00:00:00-05"},
    {"1 BC", "CC BC", "0100-01-01 BC", "0100-01-01 00:00:00-04:56:02 BC"},
    {"44 BC", "YYYY BC", "0044-01-01 BC", "0044-01-01 00:00:00-04:56:02 BC"},
    {"-44", "YYYY", "0044-01-01 BC", "0044-01-01 00:00:00-04:56:02 BC"},
    {"0044-03-15 BC", "YYYY-MM-DD BC", "0044-03-15 BC", "0044-03-15 00:00:00-04:56:02 BC"},
    {"2024 I 15", "YYYY RM DD", "2024-01-15", "2024-01-15 00:00:00-05"},
    {"2024 viii 15", "YYYY RM DD", "2024-08-15", "2024-08-15 00:00:00-04"},
    {"2024 XX", "YYYY RM", "2024-10-01", "2024-10-01 00:00:00-04"},
    {"29th Feb 2024", "DDth Mon YYYY", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"2024-02-29 15:04:05.678901", "YYYY-MM-DD HH24:MI:SS.US", "2024-02-29", "2024-02-29 15:04:05.678901-05"},
    {"2024-02-29 15:04:05.5", "YYYY-MM-DD HH24:MI:SS.MS", "2024-02-29", "2024-02-29 15:04:05.5-05"},
    {"2024-02-29 15:04:05.25", "YYYY-MM-DD HH24:MI:SS.FF2", "2024-02-29", "2024-02-29 15:04:05.25-05"},
    {"2024-02-29 15:04:05.678", "YYYY-MM-DD HH24:MI:SS.FF1", "2024-02-29", "2024-02-29 15:04:05.7-05"},
    {"2024-02-29 03:04 PM", "YYYY-MM-DD HH:MI AM", "2024-02-29", "2024-02-29 15:04:00-05"},
    {"2024-02-29 12:04 a.m.", "YYYY-MM-DD HH12:MI A.M.", "2024-02-29", "2024-02-29 00:04:00-05"},
    {"2024-02-29 13:04 PM", "YYYY-MM-DD HH:MI AM",
     "ERROR: hour \"13\" is invalid for the 12-hour clock HINT: Use the 24-hour clock, or give an hour between 1 and 12.",
     "ERROR: hour \"13\" is invalid for the 12-hour clock HINT: Use the 24-hour clock, or give an hour between 1 and 12."},
    {"2024-02-29 24:00", "YYYY-MM-DD HH24:MI", "ERROR: date/time field value out of range: \"2024-02-29 24:00\"",
     "ERROR: date/time field value out of range: \"2024-02-29 24:00\""},
    {"2024-02-29 23:60", "YYYY-MM-DD HH24:MI", "ERROR: date/time field value out of range: \"2024-02-29 23:60\"",
     "ERROR: date/time field value out of range: \"2024-02-29 23:60\""},
    {"2024-02-29 54321", "YYYY-MM-DD SSSS", "2024-02-29", "2024-02-29 15:05:21-05"},
    {"2024-02-29 15:00+05:30", "YYYY-MM-DD HH24:MITZH:TZM", "2024-02-29", "2024-02-29 04:30:00-05"},
    {"2024-02-29 15:00 -8", "YYYY-MM-DD HH24:MI TZH", "2024-02-29", "2024-02-29 18:00:00-05"},
    {"2024-02-29 15:00 -16", "YYYY-MM-DD HH24:MI TZH", "ERROR: time zone displacement out of range: \"2024-02-29 15:00 -16\"",
     "ERROR: time zone displacement out of range: \"2024-02-29 15:00 -16\""},
    {"2024 EST", "YYYY TZ", "ERROR: formatting field \"TZ\" is only supported in to_char",
     "ERROR: formatting field \"TZ\" is only supported in to_char"},
    {"2024", "YYYY OF", "2024-01-01", "2024-01-01 00:00:00-05"},
    {"2024-02", "YYYY-MM-DD", "2024-02-01", "2024-02-01 00:00:00-05"},
    {"2024", "YYYY-MM-DD", "2024-01-01", "2024-01-01 00:00:00-05"},
    {"", "YYYY", "0001-01-01 BC", "0001-01-01 00:00:00-04:56:02 BC"},
    {"abc", "YYYY", "ERROR: invalid value \"abc\" for \"YYYY\" DETAIL: Value must be an integer.",
     "ERROR: invalid value \"abc\" for \"YYYY\" DETAIL: Value must be an integer."},
    {"2024-xx", "YYYY-MM", "ERROR: invalid value \"xx\" for \"MM\" DETAIL: Value must be an integer.",
     "ERROR: invalid value \"xx\" for \"MM\" DETAIL: Value must be an integer."},
    {"20", "YYYYMM",
     "ERROR: source string too short for \"YYYY\" formatting field DETAIL: Field requires 4 characters, but only 2 remain. HINT: "
     "If your source string is not fixed-width, try using the \"FM\" modifier.",
     "ERROR: source string too short for \"YYYY\" formatting field DETAIL: Field requires 4 characters, but only 2 remain. HINT: "
     "If your source string is not fixed-width, try using the \"FM\" modifier."},
    {"2024x2", "YYYYMMDD", "ERROR: invalid value \"x2\" for \"MM\" DETAIL: Value must be an integer.",
     "ERROR: invalid value \"x2\" for \"MM\" DETAIL: Value must be an integer."},
    {"20240x", "YYYYMMDD",
     "ERROR: invalid value \"0x\" for \"MM\" DETAIL: Field requires 2 characters, but only 1 could be parsed. HINT: If your "
     "source string is not fixed-width, try using the \"FM\" modifier.",
     "ERROR: invalid value \"0x\" for \"MM\" DETAIL: Field requires 2 characters, but only 1 could be parsed. HINT: If your "
     "source string is not fixed-width, try using the \"FM\" modifier."},
    {"2024", "\"year\" YYYY", "0001-01-01 BC", "0001-01-01 00:00:00-04:56:02 BC"},
    {"year 2024", "\"year\" YYYY", "2024-01-01", "2024-01-01 00:00:00-05"},
    {"2024-02-29", "FXYYYY-MM-DD", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"2024- 02-29", "FXYYYY-MM-DD", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"2024-2-9", "FXYYYY-MM-DD", "2024-02-09", "2024-02-09 00:00:00-05"},
    {"2024-2-9", "FXFMYYYY-FMMM-FMDD", "2024-02-09", "2024-02-09 00:00:00-05"},
    {"2024-02-29 x", "YYYY-MM-DD", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"2024 09", "YYYY IW",
     "ERROR: invalid combination of date conventions HINT: Do not mix Gregorian and ISO week date conventions in a formatting "
     "template.",
     "ERROR: invalid combination of date conventions HINT: Do not mix Gregorian and ISO week date conventions in a formatting "
     "template."},
    {"2024-02 2024", "YYYY-MM YYYY", "2024-02-01", "2024-02-01 00:00:00-05"},
    {"2024 2025", "YYYY YYYY",
     "ERROR: conflicting values for \"YYYY\" field in formatting string DETAIL: This value contradicts a previous setting for "
     "the same field type.",
     "ERROR: conflicting values for \"YYYY\" field in formatting string DETAIL: This value contradicts a previous setting for "
     "the same field type."},
    {"99999999999", "YYYY",
     "ERROR: value for \"YYYY\" in source string is out of range DETAIL: Value must be in the range -2147483648 to 2147483647.",
     "ERROR: value for \"YYYY\" in source string is out of range DETAIL: Value must be in the range -2147483648 to 2147483647."},
    {"2147483647", "YYYY", "ERROR: date out of range: \"2147483647\"", "ERROR: timestamp out of range"},
    {"2147483648", "FMYYYY",
     "ERROR: value for \"YYYY\" in source string is out of range DETAIL: Value must be in the range -2147483648 to 2147483647.",
     "ERROR: value for \"YYYY\" in source string is out of range DETAIL: Value must be in the range -2147483648 to 2147483647."},
    {"300000-01-01", "YYYY-MM-DD", "300000-01-01", "ERROR: timestamp out of range"},
    {"5", "Q", "0001-01-01 BC", "0001-01-01 00:00:00-04:56:02 BC"},
    {"2024 3", "YYYY Q", "2024-01-01", "2024-01-01 00:00:00-05"},
    {"29.02.2024", "DD.MM.YYYY", "2024-02-29", "2024-02-29 00:00:00-05"},
    {"29 de febrero", "DD \"de\" Month",
     "ERROR: invalid value \"febrero\" for \"Month\" DETAIL: The given value did not match any of the allowed values for this "
     "field.",
     "ERROR: invalid value \"febrero\" for \"Month\" DETAIL: The given value did not match any of the allowed values for this "
     "field."},
    {"31 02", "DD MM", "0001-03-02 BC", "0001-03-02 00:00:00-04:56:02 BC"},
    {"31 04", "DD MM", "0001-05-01 BC", "0001-05-01 00:00:00-04:56:02 BC"},
    {"060", "DDD", "ERROR: cannot calculate day of year without year information",
     "ERROR: cannot calculate day of year without year information"},
    {"7", "ID", "0001-01-01 BC", "0001-01-01 00:00:00-04:56:02 BC"},
    {"Sunday", "Day", "0001-01-01 BC", "0001-01-01 00:00:00-04:56:02 BC"},
    {"Xday", "Day",
     "ERROR: invalid value \"Xday\" for \"Day\" DETAIL: The given value did not match any of the allowed values for this field.",
     "ERROR: invalid value \"Xday\" for \"Day\" DETAIL: The given value did not match any of the allowed values for this field."},
    {"12 13", "MI SS", "0001-01-01 BC", "0001-01-01 00:12:13-04:56:02 BC"},
    {"2024-02-29T12:00", "YYYY-MM-DD\"T\"HH24:MI", "2024-02-29", "2024-02-29 12:00:00-05"},
    {"2024é02", "YYYY\"x\"MM", "2024-02-01", "2024-02-01 00:00:00-05"},
    {"0", "YYYY", "0001-01-01 BC", "0001-01-01 00:00:00-04:56:02 BC"},
    {"0000-01-01", "YYYY-MM-DD", "0001-01-01 BC", "0001-01-01 00:00:00-04:56:02 BC"},
    {"2024-00-00", "YYYY-MM-DD", "2024-01-01", "2024-01-01 00:00:00-05"},
    {"x", "\\\"YYYY", "ERROR: invalid value \"x\" for \"YYYY\" DETAIL: Value must be an integer.",
     "ERROR: invalid value \"x\" for \"YYYY\" DETAIL: Value must be an integer."},
    {"2024", "", "0001-01-01 BC", "0001-01-01 00:00:00-04:56:02 BC"},
};

std::string shownText(const Result<std::optional<std::string>>& result) {
  return shownWith(result, [](const std::optional<std::string>& text) { return text.value_or("null"); });
}

}  // namespace

TEST_CASE("to_char: every pattern", "[sql][datetime]") {
  for (const Printed& row : kTimestamps) {
    INFO(row.value << " as " << row.pattern);
    CHECK(shownText(timestampToChar(DatetimeTemplate(row.pattern), timestampOf(row.value))) == row.out);
  }
  const TimeZonePointer zone = zoneNamed("America/St_Johns");
  for (const Printed& row : kTimestampsTz) {
    INFO(row.value << " as " << row.pattern);
    CHECK(shownText(timestampTzToChar(DatetimeTemplate(row.pattern), timestampTzOf(row.value, *zone), *zone)) == row.out);
  }
  for (const Printed& row : kIntervals) {
    INFO(row.value << " as " << row.pattern);
    CHECK(shownText(intervalToChar(DatetimeTemplate(row.pattern), intervalOf(row.value))) == row.out);
  }
  CHECK(shownText(timestampToChar(DatetimeTemplate("YYYY"), kInfinity)) == "null");
  CHECK(shownText(timestampToChar(DatetimeTemplate(""), 0)) == "null");
  const DatetimeTemplate all("HH24 SSSS IW IDDD IYYY DDD WW W CC YYYY Y,YYY RM MS");
  CHECK(intervalToChar(all, {INT64_MIN, INT32_MIN, INT32_MIN}).ok());
  CHECK(intervalToChar(all, {INT64_MAX, INT32_MAX, INT32_MAX}).ok());
}

TEST_CASE("to_date and to_timestamp: leniency and errors", "[sql][datetime]") {
  const TimeZonePointer zone = zoneNamed("America/New_York");
  for (const Read& row : kReads) {
    INFO(row.text << " by " << row.pattern);
    CHECK(shownDate(toDate(row.text, DatetimeTemplate(row.pattern))) == row.date);
    CHECK(shownTimestampTz(toTimestampTz(row.text, DatetimeTemplate(row.pattern), *zone), *zone) == row.timestamp);
  }
  CHECK(shownDate(toDate("2147483647,123", DatetimeTemplate("Y,YYY"))) ==
        "ERROR: value for \"Y,YYY\" in source string is out of range");
}

TEST_CASE("What a whole template prints it reads back", "[sql][datetime]") {
  std::mt19937_64 random(1);  // NOLINT: the same values each time
  const TimeZonePointer zone = zoneNamed("Europe/Berlin");
  const DatetimeTemplate templates[] = {DatetimeTemplate("YYYY-MM-DD HH24:MI:SS.US TZH:TZM AD"),
                                        DatetimeTemplate("Day DDth FMMonth YYYY HH12:MI:SS.FF6 p.m. TZH:TZM BC"),
                                        DatetimeTemplate("J SSSSS US TZH TZM"), DatetimeTemplate("IYYY-IW-ID HH24MISSUSTZH:TZM")};
  constexpr std::int64_t kYears = 250'000'000'000'000'000;  // 1 … 9999 or so
  for (int round = 0; round < 20'000; ++round) {
    const std::int64_t micros = static_cast<std::int64_t>(random() % kYears) - 62'000'000'000'000'000;
    const std::size_t which = random() % std::size(templates);
    // The offsets of local mean time have seconds, which TZH and TZM do not show.
    if (zone->offsetAt(micros / kMicrosPerSecond) % 60 != 0) {
      continue;
    }
    const auto text = timestampTzToChar(templates[which], micros, *zone);
    INFO(**text);
    const auto back = toTimestampTz(**text, templates[which], *zone);
    REQUIRE(shownTimestampTz(back, *zone) == timestampTzText(micros, *zone));
  }
}

TEST_CASE("Any template and any text are a value or an error", "[sql][datetime]") {
  std::mt19937 random(2);  // NOLINT: the same texts each time
  constexpr std::string_view kParts[] = {
      "YYYY",  "MM", "DD",  "FM", "FX", "TH", "\"", "\\", "x",        " ",    "-",           "J",  "IW",  "IYYY", "TZH", "CC",
      "Y,YYY", "W",  "DDD", "D",  "HH", "AM", "BC", "RM", "\xC3\xA9", "2024", "99999999999", "-5", "jan", "SSSS", "FF6"};
  for (int round = 0; round < 50'000; ++round) {
    std::string pattern;
    std::string text;
    for (auto left = random() % 6; left > 0; --left) {
      pattern += kParts[random() % std::size(kParts)];
      text += kParts[random() % std::size(kParts)];
    }
    INFO(text << " by " << pattern);
    const DatetimeTemplate compiled(pattern);
    const auto date = toDate(text, compiled);
    REQUIRE((date.ok() || !date.error().message.empty()));
    const auto time = toTimestampTz(text, compiled, utc());
    REQUIRE((time.ok() || !time.error().message.empty()));
    REQUIRE(timestampToChar(compiled, static_cast<std::int64_t>(random())).ok());
  }
}

}  // namespace trefoil::sql::datetime
