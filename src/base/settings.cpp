#include "base/settings.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/ascii_case.hpp"
#include "base/client_limits.hpp"
#include "base/event_classes.hpp"
#include "base/glob.hpp"

namespace trefoil {
namespace {

using Kind = SettingType::Kind;
using enum SettingSpec::Change;

constexpr std::int64_t kGigabyte = std::int64_t{1} << 30;
constexpr std::int64_t kMaxMemory = INT64_MAX;
constexpr std::array<std::string_view, 3> kFsyncPolicies = {"always", "everysec", "no"};
constexpr std::array<std::string_view, 5> kLogLevels = {"debug", "verbose", "notice", "warning", "nothing"};
constexpr std::array<std::string_view, 3> kClientCertificates = {"no", "yes", "optional"};
// By txn::EvictionPolicy.
constexpr std::array<std::string_view, 8> kEvictionPolicies = {"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
                                                               "allkeys-lru",  "allkeys-lfu",  "allkeys-random",  "noeviction"};

constexpr SettingType boolean() {
  return {.kind = Kind::kBool, .min = 0, .max = 1};
}
constexpr SettingType integer(std::int64_t min, std::int64_t max, std::string_view unit) {
  return {.kind = Kind::kInteger, .min = min, .max = max, .unit = unit};
}
constexpr SettingType memory(std::int64_t min, std::int64_t max) {
  return {.kind = Kind::kMemory, .min = min, .max = max};
}
constexpr SettingType share() {
  return {.kind = Kind::kShare, .min = 0, .max = kMaxMemory};
}
constexpr SettingType octal(std::int64_t max) {
  return {.kind = Kind::kOctal, .min = 0, .max = max};
}
constexpr SettingType choice(std::span<const std::string_view> choices) {
  return {.kind = Kind::kChoice, .choices = choices};
}
constexpr SettingType eventClasses() {
  return {.kind = Kind::kEventClasses};
}
constexpr SettingType clientLimits() {
  return {.kind = Kind::kClientLimits};
}
constexpr SettingType text() {
  return {.kind = Kind::kText};
}

constexpr auto kSpecs = std::to_array<SettingSpec>({
#define SETTING(identifier, name, type, default_text, change, doc) {Setting::identifier, name, type, default_text, change, doc},
#include "base/settings.def"
#undef SETTING
});

constexpr bool sortedByName() {
  for (std::size_t i = 1; i < kSpecs.size(); ++i) {
    if (!(kSpecs[i - 1].name < kSpecs[i].name)) {
      return false;
    }
  }
  return true;
}
static_assert(sortedByName(), "settings.def is sorted by name, without doubles");

// Other spellings that people and clients try.
struct Alias {
  std::string_view name;
  Setting setting;
};
constexpr auto kAliases = std::to_array<Alias>({
    {"log-file", Setting::kLogFile},
    {"log-level", Setting::kLogLevel},
    {"io-threads", Setting::kThreads},
    {"query-timeout", Setting::kStatementTimeout},
});

std::size_t indexOf(Setting setting) {
  return static_cast<std::size_t>(setting);
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool sameName(std::string_view a, std::string_view b) {
  const auto folded = [](char c) { return c == '_' ? '-' : lower(c); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return folded(x) == folded(y); });
}

bool sameIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::int64_t> parseInteger(std::string_view text, int base = 10) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::string octalText(std::int64_t value) {
  std::array<char, 24> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value, 8);
  return {digits.data(), end};
}

std::string joined(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) {
    text += (text.empty() ? "" : ", ") + std::string(word);
  }
  return text;
}

constexpr std::string_view kBlanks = " \t\r\v\f";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

Error failedConfigSet(std::string_view name, std::string_view reason) {
  return {ErrorCode::kInvalid,
          "CONFIG SET failed (possibly related to argument '" + std::string(name) + "') - " + std::string(reason)};
}

constexpr std::string_view kImmutable = "can't set immutable config";

}  // namespace

std::span<const SettingSpec> settingSpecs() {
  return kSpecs;
}

const SettingSpec& settingSpec(Setting setting) {
  return kSpecs[indexOf(setting)];
}

const SettingSpec* findSetting(std::string_view name) {
  for (const SettingSpec& spec : kSpecs) {
    if (sameName(spec.name, name)) {
      return &spec;
    }
  }
  for (const Alias& alias : kAliases) {
    if (sameName(alias.name, name)) {
      return &settingSpec(alias.setting);
    }
  }
  return nullptr;
}

std::string environmentName(const SettingSpec& spec) {
  std::string name = "TREFOIL_";
  for (const char c : spec.name) {
    name +=
        std::isalnum(static_cast<unsigned char>(c)) != 0 ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : '_';
  }
  return name;
}

std::optional<std::int64_t> parseMemorySize(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::int64_t bytes;
  };
  constexpr auto kUnits = std::to_array<Unit>({{"", 1},
                                               {"b", 1},
                                               {"k", 1000},
                                               {"kb", 1 << 10},
                                               {"m", 1000 * 1000},
                                               {"mb", 1 << 20},
                                               {"g", 1000 * 1000 * 1000},
                                               {"gb", kGigabyte}});
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parseInteger(text.substr(0, digits));
  if (!number) {
    return std::nullopt;
  }
  for (const Unit& unit : kUnits) {
    if (sameIgnoringCase(text.substr(digits), unit.name)) {
      std::int64_t bytes = 0;
      return __builtin_mul_overflow(*number, unit.bytes, &bytes) ? std::nullopt : std::optional(bytes);
    }
  }
  return std::nullopt;
}

Settings::Settings() {
  for (const SettingSpec& spec : kSpecs) {
    auto value = parse(spec, spec.default_text);
    TREFOIL_ASSERT(value.ok());
    store(spec, std::move(*value), Source::kDefault);
  }
}

// The messages are Redis's.
Result<Settings::Parsed> Settings::parse(const SettingSpec& spec, std::string_view value) const {
  const SettingType& type = spec.type;
  const auto invalid = [](std::string message) { return Error(ErrorCode::kInvalid, std::move(message)); };
  switch (type.kind) {
    case Kind::kBool:
      if (!sameIgnoringCase(value, "yes") && !sameIgnoringCase(value, "no")) {
        return invalid("argument must be 'yes' or 'no'");
      }
      return Parsed{.number = lower(value[0]) == 'y' ? 1 : 0};
    case Kind::kInteger:
    case Kind::kOctal:
    case Kind::kMemory: {
      const bool memory = type.kind == Kind::kMemory;
      const bool octal = type.kind == Kind::kOctal;
      const auto number = memory ? parseMemorySize(value) : parseInteger(value, octal ? 8 : 10);
      if (!number) {
        return invalid(memory  ? "argument must be a memory value"
                       : octal ? "argument couldn't be parsed as an octal number"
                               : "argument couldn't be parsed into an integer");
      }
      if (octal && (*number < type.min || *number > type.max)) {
        return invalid("argument must be between " + octalText(type.min) + " and " + octalText(type.max) + " inclusive");
      }
      if (*number < type.min || *number > type.max) {
        return invalid("argument must be between " + std::to_string(type.min) + " and " + std::to_string(type.max) +
                       " inclusive");
      }
      return Parsed{.number = *number};
    }
    case Kind::kShare: {
      const bool is_percentage = value.ends_with('%');
      const auto number = is_percentage ? parseInteger(value.substr(0, value.size() - 1)) : parseMemorySize(value);
      if (!number || *number < 0) {
        return invalid("argument must be a memory or percent value");
      }
      if (is_percentage && *number > 100) {
        return invalid("percentage argument must be less or equal to 100");
      }
      return Parsed{.number = is_percentage ? -*number : *number};
    }
    case Kind::kChoice:
      for (std::size_t i = 0; i < type.choices.size(); ++i) {
        if (sameIgnoringCase(type.choices[i], value)) {
          return Parsed{.number = static_cast<std::int64_t>(i)};
        }
      }
      return invalid("argument(s) must be one of the following: " + joined(type.choices));
    case Kind::kClientLimits: {
      const Result<ClientLimits> old = parseClientLimits(text(spec.id), {});
      TREFOIL_ASSERT(old.ok());
      TREFOIL_ASSIGN(const ClientLimits limits, parseClientLimits(value, *old));
      return Parsed{.text = clientLimitsText(limits)};
    }
    case Kind::kEventClasses: {
      const std::optional<std::uint32_t> bits = event_classes::parse(value);
      if (!bits) {
        return invalid("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
      }
      return Parsed{.number = *bits};
    }
    case Kind::kText:
      if (std::any_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
        return invalid("argument must not contain control characters");
      }
      return Parsed{.text = std::string(value)};
  }
  return invalid("argument has no type");
}

std::int64_t Settings::integer(Setting setting) const {
  TREFOIL_DEBUG_ASSERT(settingSpec(setting).type.kind == Kind::kInteger || settingSpec(setting).type.kind == Kind::kOctal ||
                       settingSpec(setting).type.kind == Kind::kMemory || settingSpec(setting).type.kind == Kind::kEventClasses ||
                       settingSpec(setting).type.kind == Kind::kShare);
  return numbers_[indexOf(setting)].load(std::memory_order_relaxed);
}

bool Settings::flag(Setting setting) const {
  TREFOIL_DEBUG_ASSERT(settingSpec(setting).type.kind == Kind::kBool);
  return numbers_[indexOf(setting)].load(std::memory_order_relaxed) != 0;
}

std::int64_t Settings::choiceIndex(Setting setting) const {
  TREFOIL_DEBUG_ASSERT(settingSpec(setting).type.kind == Kind::kChoice);
  return numbers_[indexOf(setting)].load(std::memory_order_relaxed);
}

std::string Settings::text(Setting setting) const {
  TREFOIL_DEBUG_ASSERT(isText(settingSpec(setting)));
  const std::lock_guard lock(text_mutex_);
  return texts_[indexOf(setting)];
}

bool Settings::isText(const SettingSpec& spec) {
  return spec.type.kind == Kind::kText || spec.type.kind == Kind::kClientLimits;
}

std::string Settings::textOf(const SettingSpec& spec, const Parsed& value) {
  switch (spec.type.kind) {
    case Kind::kBool:
      return value.number != 0 ? "yes" : "no";
    case Kind::kInteger:
    case Kind::kMemory:
      return std::to_string(value.number);
    case Kind::kShare:
      return value.number < 0 ? std::to_string(-value.number) + "%" : std::to_string(value.number);
    case Kind::kOctal:
      return octalText(value.number);
    case Kind::kChoice:
      return std::string(spec.type.choices[static_cast<std::size_t>(value.number)]);
    case Kind::kEventClasses:
      return event_classes::text(static_cast<std::uint32_t>(value.number));
    case Kind::kClientLimits:
    case Kind::kText:
      return value.text;
  }
  return {};
}

std::string Settings::valueText(Setting setting) const {
  const SettingSpec& spec = settingSpec(setting);
  return textOf(
      spec, {.number = numbers_[indexOf(setting)].load(std::memory_order_relaxed), .text = isText(spec) ? text(setting) : ""});
}

bool Settings::store(const SettingSpec& spec, Parsed value, Source source) {
  const std::size_t index = indexOf(spec.id);
  if (source < sources_[index]) {
    return false;
  }
  sources_[index] = source;
  bool changed = numbers_[index].exchange(value.number, std::memory_order_relaxed) != value.number;
  {
    const std::lock_guard lock(text_mutex_);
    changed |= texts_[index] != value.text;
    texts_[index] = std::move(value.text);
  }
  if (spec.id == Setting::kDir) {
    numbers_[indexOf(Setting::kAppendOnly)].store(texts_[index].empty() ? 0 : 1, std::memory_order_relaxed);
  }
  if (changed) {
    version_.fetch_add(1, std::memory_order_release);
  }
  return changed;
}

void Settings::notify(Setting setting) {
  for (const Observer& observer : observers_) {
    if (observer.setting == setting) {
      observer.callback();
    }
  }
}

Status Settings::set(std::string_view name, std::string_view value, Source source) {
  const SettingSpec* const spec = findSetting(name);
  if (spec == nullptr) {
    return Error(ErrorCode::kUndefinedObject, "there is no setting '" + std::string(name) + "'");
  }
  auto parsed = parse(*spec, value);
  if (parsed.ok() && spec->change == kFixed && !sameIgnoringCase(value, valueText(spec->id))) {
    parsed = Error(ErrorCode::kInvalid, std::string(kImmutable));
  }
  if (!parsed.ok()) {
    return Error(ErrorCode::kInvalid, "setting '" + std::string(spec->name) + "': " + parsed.error().message);
  }
  if (spec->change == kFixed) {
    return {};
  }
  const std::lock_guard lock(change_mutex_);
  if (store(*spec, std::move(*parsed), source)) {
    notify(spec->id);
  }
  return {};
}

Status Settings::loadText(std::string_view text, const std::string& path) {
  for (std::size_t line_number = 1; !text.empty(); ++line_number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') {
      continue;
    }
    const std::size_t name_end = std::min(line.find_first_of(kBlanks), line.size());
    std::string_view value = trimmed(line.substr(name_end));
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front()) {
      value = value.substr(1, value.size() - 2);
    } else if (value.empty()) {
      return Error(ErrorCode::kInvalid,
                   path + ":" + std::to_string(line_number) + ": setting '" + std::string(line) + "' has no value");
    }
    if (Status status = set(line.substr(0, name_end), value, Source::kFile); !status.ok()) {
      status.error().message = path + ":" + std::to_string(line_number) + ": " + status.error().message;
      return status;
    }
  }
  return {};
}

Status Settings::loadFile(Env& env, const std::string& path) {
  TREFOIL_ASSIGN(const auto file, env.open(path, Env::OpenMode::kReadThroughLink));
  TREFOIL_ASSIGN(const std::uint64_t size, file->size());
  constexpr std::uint64_t kLargest = 1 << 20;
  if (size > kLargest) {
    return Error(ErrorCode::kLimit, "'" + path + "' is too long for a configuration file");
  }
  std::string text(size, '\0');
  TREFOIL_ASSIGN(const std::size_t read, file->read(0, text));
  text.resize(read);
  return loadText(text, path);
}

Status Settings::loadEnvironment(const char* const* environment) {
  for (; *environment != nullptr; ++environment) {
    const std::string_view variable = *environment;
    if (!variable.starts_with("TREFOIL_")) {
      continue;
    }
    const std::size_t equals = std::min(variable.find('='), variable.size() - 1);
    for (const SettingSpec& spec : kSpecs) {
      if (environmentName(spec) != variable.substr(0, equals)) {
        continue;
      }
      if (Status status = set(spec.name, variable.substr(equals + 1), Source::kEnvironment); !status.ok()) {
        status.error().message = std::string(variable.substr(0, equals)) + ": " + status.error().message;
        return status;
      }
    }
  }
  return {};
}

Status Settings::configSet(std::span<const std::pair<std::string_view, std::string_view>> pairs) {
  Changes changes;
  for (const auto& [name, value] : pairs) {
    const SettingSpec* const spec = findSetting(name);
    if (spec == nullptr) {
      return Error(ErrorCode::kInvalid, "Unknown option or number of arguments for CONFIG SET - '" + std::string(name) + "'");
    }
    if (spec->change != kAtRunTime && value != valueText(spec->id)) {
      return failedConfigSet(name, kImmutable);
    }
    if (std::any_of(changes.begin(), changes.end(), [&](const auto& change) { return change.first == spec; })) {
      return failedConfigSet(name, "duplicate parameter");
    }
    auto parsed = parse(*spec, value);
    if (!parsed.ok()) {
      return failedConfigSet(name, parsed.error().message);
    }
    changes.emplace_back(spec, std::move(*parsed));
  }
  const std::lock_guard lock(change_mutex_);
  TREFOIL_ASSIGN(const auto prepared, askGuards(changes));
  for (const Follow& follow : prepared) {
    follow();
  }
  for (auto& [spec, value] : changes) {
    if (spec->change == kAtRunTime && store(*spec, std::move(value), Source::kRunTime)) {
      notify(spec->id);
    }
  }
  return {};
}

bool Settings::takesLong(std::span<const std::pair<std::string_view, std::string_view>> pairs) {
  const std::unique_lock lock(change_mutex_, std::try_to_lock);
  return !lock.owns_lock() || std::any_of(pairs.begin(), pairs.end(), [this](const auto& pair) {
    const SettingSpec* const spec = findSetting(pair.first);
    return spec != nullptr && std::any_of(guards_.begin(), guards_.end(), [spec](const Guard& guard) {
             return std::find(guard.settings.begin(), guard.settings.end(), spec->id) != guard.settings.end();
           });
  });
}

Result<std::vector<Settings::Follow>> Settings::askGuards(const Changes& changes) const {
  std::vector<Follow> prepared;
  const Values values = [&](Setting setting) {
    for (const auto& [spec, value] : changes) {
      if (spec->id == setting) {
        return textOf(*spec, value);
      }
    }
    return valueText(setting);
  };
  for (const Guard& guard : guards_) {
    const auto concerned = std::find_if(changes.begin(), changes.end(), [&](const auto& change) {
      return std::find(guard.settings.begin(), guard.settings.end(), change.first->id) != guard.settings.end();
    });
    if (concerned == changes.end()) {
      continue;
    }
    Result<Follow> follow = guard.prepare(values);
    if (!follow.ok()) {
      return failedConfigSet(concerned->first->name, follow.error().message);
    }
    prepared.push_back(std::move(*follow));
  }
  return prepared;
}

std::vector<std::pair<std::string, std::string>> Settings::configGet(std::span<const std::string_view> patterns) const {
  std::vector<std::pair<std::string, std::string>> found;
  const auto add = [&](std::string_view name, Setting setting) {
    const auto pattern = std::find_if(patterns.begin(), patterns.end(), [&](auto each) { return globMatch(each, name, true); });
    if (pattern != patterns.end()) {
      found.emplace_back(equalsIgnoringCase(*pattern, name) ? *pattern : name, valueText(setting));
    }
  };
  for (const SettingSpec& spec : kSpecs) {
    add(spec.name, spec.id);
  }
  for (const Alias& alias : kAliases) {
    add(alias.name, alias.setting);
  }
  return found;
}

std::uint64_t Settings::guard(std::vector<Setting> settings, Prepare prepare) {
  const std::lock_guard lock(change_mutex_);
  guards_.push_back({next_handle_, std::move(settings), std::move(prepare)});
  return next_handle_++;
}

std::uint64_t Settings::observe(Setting setting, std::function<void()> callback) {
  const std::lock_guard lock(change_mutex_);
  observers_.push_back({next_handle_, setting, std::move(callback)});
  return next_handle_++;
}

void Settings::stopObserving(std::uint64_t handle) {
  const std::lock_guard lock(change_mutex_);
  std::erase_if(observers_, [&](const Observer& observer) { return observer.handle == handle; });
  std::erase_if(guards_, [&](const Guard& guard) { return guard.handle == handle; });
}

}  // namespace trefoil
