#include "engine/session_settings.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/statement_control.hpp"
#include "parser/ast_printer.hpp"
#include "vector/hnsw.hpp"

namespace trefoil {
namespace {

struct TimeUnit {
  std::string_view name;
  double milliseconds;
};
constexpr TimeUnit kTimeUnits[] = {{"us", 0.001}, {"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\f\v";
  const std::size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// "5s", "1.5 min", "300": in milliseconds, or as it is for a setting that has no unit.
std::optional<double> readNumber(std::string_view text, bool is_time) {
  text = trimmed(text);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  if (text.empty() || ((text[0] < '0' || text[0] > '9') && text[0] != '.')) {
    return std::nullopt;
  }
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) {
    return std::nullopt;
  }
  const std::string_view unit = trimmed(text.substr(static_cast<std::size_t>(end - text.data())));
  if (!unit.empty()) {
    const auto* const known = std::find_if(std::begin(kTimeUnits), std::end(kTimeUnits),
                                           [&](const TimeUnit& candidate) { return is_time && candidate.name == unit; });
    if (known == std::end(kTimeUnits)) {
      return std::nullopt;
    }
    number *= known->milliseconds;
  }
  return std::rint(negative ? -number : number);
}

// With the largest unit that leaves nothing over, as PostgreSQL shows it.
std::string timeText(std::int64_t milliseconds) {
  for (std::size_t i = std::size(kTimeUnits); i-- > 1 && milliseconds != 0;) {
    if (const auto unit = static_cast<std::int64_t>(kTimeUnits[i].milliseconds); milliseconds % unit == 0) {
      return std::to_string(milliseconds / unit) + std::string(kTimeUnits[i].name);
    }
  }
  return "0";
}

std::string valueText(const ast::Expression& value) {
  const auto* const literal = value.is<ast::Literal>() ? &value.as<ast::Literal>() : nullptr;
  const bool quoted = literal != nullptr && literal->literal_kind == ast::LiteralKind::kString;
  return quoted ? std::string(literal->text) : parser::toSql(value);
}

Result<std::int64_t> readValue(const SettingSpec& spec, const ast::List<ast::Expression*>& values) {
  const std::string name = sqlSettingName(spec);
  if (values.size() != 1) {
    return Error(ErrorCode::kInvalid, "SET " + name + " takes only one argument").at(values[1]->position);
  }
  const bool is_time = spec.id == Setting::kStatementTimeout;
  const std::string text = valueText(*values[0]);
  const std::optional<double> number = readNumber(text, is_time);
  if (!number || std::abs(*number) > INT32_MAX) {
    return Error(ErrorCode::kInvalid, "invalid value for parameter \"" + name + "\": \"" + text + "\"")
        .withHint(number    ? "Value exceeds integer range."
                  : is_time ? "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\"."
                            : "")
        .at(values[0]->position);
  }
  const auto value = static_cast<std::int64_t>(*number);
  if (is_time && value < 0) {
    return Error(ErrorCode::kInvalid, std::to_string(value) + " ms is outside the valid range for parameter \"" + name +
                                          "\" (0 .. " + std::to_string(INT32_MAX) + ")")
        .at(values[0]->position);
  }
  if (!is_time) {
    if (Status checked = vector::checkEfSearch(value); !checked.ok()) {
      return std::move(checked).error().at(values[0]->position);
    }
  }
  return value;
}

}  // namespace

Result<const SettingSpec*> settingNamed(const ast::Name& name) {
  const SettingSpec* const spec = findSetting(name.text);
  if (spec == nullptr) {
    return Error(ErrorCode::kUndefinedObject, "unrecognized configuration parameter \"" + std::string(name.text) + "\"")
        .at(name.position);
  }
  return spec;
}

std::string sqlSettingName(const SettingSpec& spec) {
  std::string name(spec.name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

SessionSettings::Member SessionSettings::memberOf(Setting setting) {
  return setting == Setting::kStatementTimeout ? &Values::statement_timeout_ms
         : setting == Setting::kHnswEfSearch   ? &Values::ef_search
                                               : nullptr;
}

std::int64_t SessionSettings::defaultOf(Setting setting) const {
  return setting == Setting::kStatementTimeout ? StatementControl::kDatabaseTimeout : defaults_.integer(setting);
}

void SessionSettings::reset() {
  in_force_ = {.statement_timeout_ms = defaultOf(Setting::kStatementTimeout), .ef_search = defaultOf(Setting::kHnswEfSearch)};
  kept_ = in_force_;
  marks_.clear();
}

void SessionSettings::put(Member member, std::int64_t value, bool local) {
  in_force_.*member = value;
  if (!local) {
    kept_.*member = value;
  }
}

Status SessionSettings::change(const ast::Set& statement) {
  if (statement.local && marks_.empty()) {
    return Error(ErrorCode::kTransactionState, "SET LOCAL can only be used in transaction blocks").at(statement.position);
  }
  if (statement.values.empty() && statement.name.text == "all") {
    for (const Setting setting : {Setting::kStatementTimeout, Setting::kHnswEfSearch}) {
      put(memberOf(setting), defaultOf(setting), false);
    }
    return {};
  }
  TREFOIL_ASSIGN(const SettingSpec* spec, settingNamed(statement.name));
  const Member member = memberOf(spec->id);
  if (member == nullptr) {
    return Error(ErrorCode::kUnsupported, "parameter \"" + std::string(spec->name) + "\" cannot be set for one session")
        .at(statement.name.position)
        .withHint("Use the command CONFIG SET " + std::string(spec->name) + " … to change it for all.");
  }
  std::int64_t value = defaultOf(spec->id);
  if (!statement.values.empty()) {
    TREFOIL_ASSIGN(value, readValue(*spec, statement.values));
  }
  put(member, value, statement.local);
  return {};
}

std::string SessionSettings::shown(const SettingSpec& spec) const {
  if (spec.id == Setting::kStatementTimeout) {
    const bool own = in_force_.statement_timeout_ms != StatementControl::kDatabaseTimeout;
    return timeText(own ? in_force_.statement_timeout_ms : defaults_.integer(spec.id));
  }
  const Member member = memberOf(spec.id);
  return member != nullptr ? std::to_string(in_force_.*member) : defaults_.valueText(spec.id);
}

void SessionSettings::begin() {
  marks_.assign(1, {.name = {}, .in_force = in_force_, .kept = kept_});
}

void SessionSettings::end(bool committed) {
  if (!committed && !marks_.empty()) {
    kept_ = marks_.front().kept;
  }
  in_force_ = kept_;
  marks_.clear();
}

void SessionSettings::savepoint(std::string_view name) {
  marks_.push_back({.name = std::string(name), .in_force = in_force_, .kept = kept_});
}

std::size_t SessionSettings::findMark(std::string_view name) const {
  std::size_t place = marks_.size();
  while (place > 1 && marks_[place - 1].name != name) {
    --place;
  }
  TREFOIL_ASSERT(place > 1);
  return place - 1;
}

void SessionSettings::rollbackTo(std::string_view name) {
  const std::size_t place = findMark(name);
  in_force_ = marks_[place].in_force;
  kept_ = marks_[place].kept;
  marks_.resize(place + 1);
}

void SessionSettings::release(std::string_view name) {
  marks_.resize(findMark(name));
}

}  // namespace trefoil
