#include "tests/sqllogic/runner.hpp"

#include "sql/types/value_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

namespace trefoil::sqllogic {
namespace {

std::string_view takeWord(std::string_view& line) {
  while (!line.empty() && line.front() == ' ') {
    line.remove_prefix(1);
  }
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

// A script as lines, without comments and carriage returns.
std::vector<std::string_view> splitLines(std::string_view script) {
  std::vector<std::string_view> lines;
  while (!script.empty()) {
    const std::size_t end = std::min(script.find('\n'), script.size());
    std::string_view line = script.substr(0, end);
    script.remove_prefix(std::min(end + 1, script.size()));
    if (!line.empty() && line.back() == '\r') {
      line.remove_suffix(1);
    }
    lines.push_back(line);
  }
  return lines;
}

std::string printReal(double value) {
  char buffer[512];
  std::snprintf(buffer, sizeof buffer, "%.3f", value);
  return buffer;
}

std::string printText(std::string_view text) {
  if (text.empty()) {
    return "(empty)";
  }
  std::string out;
  for (const char c : text) {
    out += c >= ' ' && c <= '~' ? c : '@';
  }
  return out;
}

std::string printInteger(const sql::SqlType& type, const Datum& value) {
  if (value.type() == Type::kInteger && !type.isInteger()) {
    return printText(sql::toText(type, value));
  }
  switch (value.type()) {
    case Type::kDouble:
      return std::isfinite(value.asReal()) && std::fabs(value.asReal()) < 9.2e18
                 ? std::to_string(static_cast<std::int64_t>(value.asReal()))
                 : sql::toText(type, value);
    case Type::kText: {
      std::int64_t number = 0;
      const std::string_view text = value.asBytes();
      std::from_chars(text.data(), text.data() + text.size(), number);
      return std::to_string(number);
    }
    case Type::kBool:
    case Type::kInteger:
      return std::to_string(value.asInteger());
    default:
      return printText(sql::toText(type, value));
  }
}

std::string print(const sql::SqlType& type, const Datum& value, char letter, Dialect dialect) {
  if (value.isNull()) {
    return "NULL";
  }
  if (letter == 'I') {
    return printInteger(type, value);
  }
  if (letter == 'R') {
    switch (value.type()) {
      case Type::kInteger:
        return printReal(static_cast<double>(value.asInteger()));
      case Type::kDouble:
        return printReal(value.asReal());
      case Type::kText:
        return printReal(std::strtod(std::string(value.asBytes()).c_str(), nullptr));
      default:
        return printText(sql::toText(type, value));
    }
  }
  if (dialect == Dialect::kSqlite && value.type() == Type::kDouble) {
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%.15g", value.asReal());
    std::string text = buffer;
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
  }
  if (dialect == Dialect::kSqlite && value.type() == Type::kBool) {
    return value.asBool() ? "1" : "0";
  }
  return printText(sql::toText(type, value));
}

class Runner {
 public:
  Runner(std::string_view script, Connection& connection, Dialect dialect,
         bool (*accept_error)(std::string_view, std::string_view))
      : lines_(splitLines(script)), connection_(connection), dialect_(dialect), accept_error_(accept_error) {}

  Report run() {
    while (at_ < lines_.size()) {
      std::string_view line = lines_[at_];
      if (line.empty() || line.front() == '#') {
        ++at_;
        continue;
      }
      bool skip = false;
      std::string_view word = takeWord(line);
      while (word == "skipif" || word == "onlyif") {
        const std::string_view name = dialect_ == Dialect::kSqlite ? "sqlite" : "trefoil";
        const bool ours = takeWord(line) == name;
        skip = skip || (word == "skipif" ? ours : !ours);
        line = lines_[++at_];
        word = takeWord(line);
      }
      if (word == "halt") {
        if (!skip) {
          break;
        }
        ++at_;
      } else if (word == "statement") {
        statement(line, skip);
      } else if (word == "query") {
        query(line, skip);
      } else if (word == "hash-threshold") {
        ++at_;
      } else {
        fail(at_ + 1, "", "unknown record: " + std::string(word));
        ++at_;
      }
    }
    return std::move(report_);
  }

 private:
  // The lines up to ---- or an empty one.
  std::string readSql() {
    std::string sql;
    ++at_;
    while (at_ < lines_.size() && !lines_[at_].empty() && lines_[at_] != "----") {
      if (lines_[at_].front() != '#') {
        sql += sql.empty() ? "" : "\n";
        sql += lines_[at_];
      }
      ++at_;
    }
    return sql;
  }

  std::vector<std::string> readExpected() {
    std::vector<std::string> expected;
    if (at_ < lines_.size() && lines_[at_] == "----") {
      ++at_;
      while (at_ < lines_.size() && !lines_[at_].empty()) {
        if (lines_[at_].front() != '#') {
          expected.emplace_back(lines_[at_]);
        }
        ++at_;
      }
    }
    return expected;
  }

  void fail(std::size_t line, std::string sql, std::string what) {
    report_.failures.push_back({line, std::move(sql), std::move(what)});
  }

  void statement(std::string_view rest, bool skip) {
    const std::size_t line = at_ + 1;
    const bool expect_ok = takeWord(rest) == "ok";
    const std::string sql = readSql();
    const std::vector<std::string> expected = readExpected();
    ++report_.records;
    if (skip) {
      ++report_.skipped;
      return;
    }
    const QueryResult result = connection_.execute(sql);
    if (expect_ok && !result.ok) {
      if (accept_error_ != nullptr && accept_error_(sql, result.error)) {
        ++report_.skipped;
        return;
      }
      fail(line, sql, result.error);
    } else if (!expect_ok && result.ok) {
      fail(line, sql, "succeeded, but should have failed");
    } else if (!expect_ok) {
      for (const std::string& part : expected) {
        if (result.error.find(part) == std::string::npos) {
          fail(line, sql, "the error is \"" + result.error + "\", without \"" + part + "\"");
        }
      }
    }
  }

  void query(std::string_view rest, bool skip) {
    const std::size_t line = at_ + 1;
    const std::string letters(takeWord(rest));
    const std::string_view sort = takeWord(rest);
    const std::string label(takeWord(rest));
    const std::string sql = readSql();
    const std::vector<std::string> expected = readExpected();
    ++report_.records;
    if (skip) {
      ++report_.skipped;
      return;
    }
    const QueryResult result = connection_.execute(sql);
    if (!result.ok) {
      if (accept_error_ != nullptr && accept_error_(sql, result.error)) {
        ++report_.skipped;
        return;
      }
      fail(line, sql, result.error);
      return;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& row : result.rows) {
      if (row.size() != letters.size()) {
        fail(line, sql, "answers " + std::to_string(row.size()) + " columns instead of " + std::to_string(letters.size()));
        return;
      }
      rows.emplace_back();
      for (std::size_t c = 0; c < row.size(); ++c) {
        rows.back().push_back(print(result.types[c], row[c].view(), letters[c], dialect_));
      }
    }
    if (sort == "rowsort") {
      std::sort(rows.begin(), rows.end());
    }
    std::vector<std::string> values;
    for (const auto& row : rows) {
      values.insert(values.end(), row.begin(), row.end());
    }
    if (sort == "valuesort") {
      std::sort(values.begin(), values.end());
    }
    compare(line, sql, values, expected, letters.size());
    checkLabel(line, sql, label, values);
  }

  static std::string hashOf(const std::vector<std::string>& values) {
    std::string all;
    for (const std::string& value : values) {
      all += value + "\n";
    }
    return md5(all);
  }

  void compare(std::size_t line, const std::string& sql, const std::vector<std::string>& values,
               const std::vector<std::string>& expected, std::size_t width) {
    constexpr std::string_view kHashing = " values hashing to ";
    if (expected.size() == 1 && expected[0].find(kHashing) != std::string::npos) {
      const std::string actual = std::to_string(values.size()) + std::string(kHashing) + hashOf(values);
      if (actual != expected[0]) {
        fail(line, sql, "expected " + expected[0] + ", got " + actual);
      }
      return;
    }
    // Our own files may have a whole row on a line.
    std::vector<std::string> flat;
    for (const std::string& text : expected) {
      if (dialect_ == Dialect::kTrefoil && width > 1 && text.find('\t') != std::string::npos) {
        std::size_t from = 0;
        for (std::size_t tab = 0; tab != std::string::npos; from = tab + 1) {
          tab = text.find('\t', from);
          flat.push_back(text.substr(from, tab == std::string::npos ? tab : tab - from));
          if (tab == std::string::npos) {
            break;
          }
        }
      } else {
        flat.push_back(text);
      }
    }
    if (values != flat) {
      std::string got;
      for (const std::string& value : values) {
        got += got.empty() ? value : " | " + value;
      }
      std::string wanted;
      for (const std::string& value : flat) {
        wanted += wanted.empty() ? value : " | " + value;
      }
      fail(line, sql, "expected [" + wanted + "], got [" + got + "]");
    }
  }

  void checkLabel(std::size_t line, const std::string& sql, const std::string& label, const std::vector<std::string>& values) {
    if (label.empty()) {
      return;
    }
    const auto [found, is_new] = labels_.emplace(label, hashOf(values));
    if (!is_new && found->second != hashOf(values)) {
      fail(line, sql, "another result than the query of the same label");
    }
  }

  std::vector<std::string_view> lines_;
  Connection& connection_;
  Dialect dialect_;
  bool (*accept_error_)(std::string_view, std::string_view);
  std::size_t at_ = 0;
  Report report_;
  std::map<std::string, std::string> labels_;
};

}  // namespace

Report run(std::string_view script, Connection& connection, Dialect dialect,
           bool (*accept_error)(std::string_view, std::string_view)) {
  return Runner(script, connection, dialect, accept_error).run();
}

std::string md5(std::string_view bytes) {
  constexpr int kShift[] = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};
  std::string padded(bytes);
  padded += '\x80';
  while (padded.size() % 64 != 56) {
    padded += '\0';
  }
  const std::uint64_t bits = bytes.size() * 8;
  for (int i = 0; i < 8; ++i) {
    padded += static_cast<char>(bits >> (8 * i));
  }
  std::array<std::uint32_t, 64> sines{};
  for (std::size_t i = 0; i < 64; ++i) {
    sines[i] = static_cast<std::uint32_t>(std::floor(std::fabs(std::sin(static_cast<double>(i + 1))) * 4294967296.0));
  }
  std::array<std::uint32_t, 4> state = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476};
  for (std::size_t block = 0; block < padded.size(); block += 64) {
    std::array<std::uint32_t, 16> words{};
    std::memcpy(words.data(), padded.data() + block, 64);
    auto [a, b, c, d] = state;
    for (std::size_t i = 0; i < 64; ++i) {
      std::uint32_t f = 0;
      std::size_t g = 0;
      switch (i / 16) {
        case 0:
          f = (b & c) | (~b & d);
          g = i;
          break;
        case 1:
          f = (d & b) | (~d & c);
          g = (5 * i + 1) % 16;
          break;
        case 2:
          f = b ^ c ^ d;
          g = (3 * i + 5) % 16;
          break;
        default:
          f = c ^ (b | ~d);
          g = (7 * i) % 16;
          break;
      }
      const std::uint32_t next = b + std::rotl(a + f + sines[i] + words[g], kShift[i / 16 * 4 + i % 4]);
      a = d;
      d = c;
      c = b;
      b = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
  }
  std::string hex;
  for (const std::uint32_t word : state) {
    for (int i = 0; i < 4; ++i) {
      char digits[3];
      std::snprintf(digits, sizeof digits, "%02x", (word >> (8 * i)) & 0xFF);
      hex += digits;
    }
  }
  return hex;
}

}  // namespace trefoil::sqllogic
