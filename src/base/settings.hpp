// Settings: what can be configured, as one table (settings.def), and the values in force.
//
// A value comes from, in rising order of rank: the table's default, a file of `name value` lines, the environment
// (TREFOIL_PORT=…), the command line (--port …), CONFIG SET. Whatever the order of loading, a source never overrides a higher
// one. Everything that shows settings (CONFIG GET, --help, docs) is made from settingSpecs().
//
// Names: case is ignored and '_' equals '-', so that SET statement_timeout finds `statement-timeout`.
// Thread safety: all functions; numbers, choices and flags are read with one relaxed atomic load.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/env.hpp"
#include "base/status.hpp"

namespace trefoil {

enum class Setting : std::uint8_t {
#define SETTING(identifier, ...) identifier,
#include "base/settings.def"
#undef SETTING
};

// The choices of `appendfsync`, in the table's order. (`loglevel` is LogLevel of logging.hpp.)
enum class FsyncPolicy : std::uint8_t { kAlways, kEverySecond, kNo };

struct SettingType {
  enum class Kind : std::uint8_t {
    kBool,          // yes, no
    kInteger,       // within [min, max]
    kMemory,        // bytes within [min, max], written with units as in Redis: 100mb = 100 * 1024 * 1024, 1g = 1000 * 1000 * 1000
    kShare,         // bytes as kMemory, or a percentage as "5%", whose number is negative
    kOctal,         // within [min, max], written in octal: permissions of files
    kChoice,        // one of `choices`; its value is the index
    kClientLimits,  // see client_limits.hpp; what is set changes the classes that it names
    kEventClasses,  // letters; its value are the bits of event_classes.hpp
    kText,
  };
  Kind kind = Kind::kText;
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::string_view unit = {};  // of an integer, for people; may be empty
  std::span<const std::string_view> choices = {};
};

struct SettingSpec {
  enum class Change : std::uint8_t {
    kAtRunTime,  // also by CONFIG SET
    kAtStart,    // by file, environment and command line
    kFixed,      // there to be read, by clients that expect it
  };
  Setting id;
  std::string_view name;
  SettingType type;
  std::string_view default_text;
  Change change;
  std::string_view doc;
};

// The whole table; the row of a setting is at its number.
std::span<const SettingSpec> settingSpecs();
const SettingSpec& settingSpec(Setting setting);
// By name or alias; null if there is none.
const SettingSpec* findSetting(std::string_view name);
// The environment variable of a setting, e.g. TREFOIL_HNSW_EF_SEARCH.
std::string environmentName(const SettingSpec& spec);
// "100mb" -> bytes, as Redis reads memory sizes; nothing if it is none or does not fit 63 bits.
std::optional<std::int64_t> parseMemorySize(std::string_view text);

class Settings {
 public:
  enum class Source : std::uint8_t { kDefault, kFile, kEnvironment, kCommandLine, kRunTime };

  Settings();
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  // The value of a setting of that kind; asking for another kind is a bug.
  // Integers, octal ones, memory sizes in bytes; shares: bytes, or what percentage below 0.
  [[nodiscard]] std::int64_t integer(Setting setting) const;
  [[nodiscard]] bool flag(Setting setting) const;
  [[nodiscard]] std::string text(Setting setting) const;  // texts, and client limits as CONFIG GET shows them
  template <typename Choice>
  [[nodiscard]] Choice choice(Setting setting) const {
    return static_cast<Choice>(choiceIndex(setting));
  }
  // Any value as text: as CONFIG GET shows it, and as set() would take it.
  [[nodiscard]] std::string valueText(Setting setting) const;
  // Grows with every change: whoever derived something from settings compares it.
  [[nodiscard]] std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

  // Sets one, before the start. The error names the setting and says what is wrong with the value.
  Status set(std::string_view name, std::string_view value, Source source);
  // `name value` lines; '#' begins a comment line; the value may be quoted. Errors name file and line; lines before stay in
  // force.
  Status loadFile(Env& env, const std::string& path);
  Status loadText(std::string_view text, const std::string& path);
  // NAME=value strings up to a null pointer, as `environ`. Only variables that name a setting are looked at.
  Status loadEnvironment(const char* const* environment);

  // CONFIG SET: all of the pairs or none, with Redis's error texts (without "ERR ").
  Status configSet(std::span<const std::pair<std::string_view, std::string_view>> pairs);
  // Whether that may take its time: somebody is asked before who may have to read files, or it has to wait for another one.
  [[nodiscard]] bool takesLong(std::span<const std::pair<std::string_view, std::string_view>> pairs);
  // CONFIG GET: name and value of each setting that matches any of the glob patterns; a name in the case that it was asked for
  // in.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> configGet(std::span<const std::string_view> patterns) const;

  // `prepare` is asked before CONFIG SET changes any of `settings`, once for all of a call, with what their values will be: also
  // if one is the same as before, for it may be the name of a file that has changed. Its error is the answer, and nothing changes
  // then. When all who are asked have prepared themselves, what they have returned is called: it cannot fail, and from then on
  // they go by the new values. Until stopObserving() has returned.
  using Values = std::function<std::string(Setting)>;
  using Follow = std::function<void()>;
  using Prepare = std::function<Result<Follow>(const Values&)>;
  std::uint64_t guard(std::vector<Setting> settings, Prepare prepare);
  // `callback` is called after each change of `setting`, one at a time, on the thread that changed it; it may read settings, not
  // change them. Until stopObserving() has returned.
  std::uint64_t observe(Setting setting, std::function<void()> callback);
  void stopObserving(std::uint64_t handle);

 private:
  struct Parsed {
    std::int64_t number = 0;
    std::string text = {};
  };
  struct Observer {
    std::uint64_t handle;
    Setting setting;
    std::function<void()> callback;
  };
  struct Guard {
    std::uint64_t handle;
    std::vector<Setting> settings;
    Prepare prepare;
  };
  using Changes = std::vector<std::pair<const SettingSpec*, Parsed>>;
  static constexpr std::size_t kCount = 0
#define SETTING(...) +1
#include "base/settings.def"
#undef SETTING
      ;

  [[nodiscard]] Result<Parsed> parse(const SettingSpec& spec, std::string_view value) const;
  static bool isText(const SettingSpec& spec);
  static std::string textOf(const SettingSpec& spec, const Parsed& value);
  [[nodiscard]] std::int64_t choiceIndex(Setting setting) const;
  // Whether it changed anything. With change_mutex_ held.
  bool store(const SettingSpec& spec, Parsed value, Source source);
  void notify(Setting setting);
  [[nodiscard]] Result<std::vector<Follow>> askGuards(const Changes& changes) const;

  std::array<std::atomic<std::int64_t>, kCount> numbers_{};  // of all kinds but text
  mutable std::mutex text_mutex_;                            // innermost: guards texts_ only
  std::array<std::string, kCount> texts_;                    // of settings that are no number
  std::atomic<std::uint64_t> version_ = 1;

  std::mutex change_mutex_;  // one change at a time, observers included; guards what follows
  std::array<Source, kCount> sources_{};
  std::vector<Observer> observers_;
  std::vector<Guard> guards_;
  std::uint64_t next_handle_ = 1;
};

}  // namespace trefoil
