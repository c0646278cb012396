// The server's log: what an operator reads, not the transaction log. One for the process, as stderr is.
//
//   logNotice("recovered {} records in {} ms", records, elapsed);
//
// Until openLog() is called, messages from kWarning up go to stderr: a library in somebody else's program stays quiet.
// Thread-safe. Nothing of what users store is written to it.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.hpp"

namespace trefoil {

// Redis's levels: the least important that are still written.
enum class LogLevel : std::uint8_t { kDebug, kVerbose, kNotice, kWarning, kNothing };

// Says where messages go and how many: to `file` (appended to, created if need be), or to stderr if it is empty.
// On error the log goes on as before.
Status openLog(LogLevel level, const std::string& file);
void setLogLevel(LogLevel level);
[[nodiscard]] bool logs(LogLevel level);

// Writes one line if the level is on; control characters in it are escaped. Prefer the functions below.
void logMessage(LogLevel level, fmt::string_view format, fmt::format_args arguments);

template <typename... Args>
void logDebug(fmt::format_string<Args...> format, Args&&... args) {
  logMessage(LogLevel::kDebug, format, fmt::make_format_args(args...));
}
template <typename... Args>
void logVerbose(fmt::format_string<Args...> format, Args&&... args) {
  logMessage(LogLevel::kVerbose, format, fmt::make_format_args(args...));
}
template <typename... Args>
void logNotice(fmt::format_string<Args...> format, Args&&... args) {
  logMessage(LogLevel::kNotice, format, fmt::make_format_args(args...));
}
template <typename... Args>
void logWarning(fmt::format_string<Args...> format, Args&&... args) {
  logMessage(LogLevel::kWarning, format, fmt::make_format_args(args...));
}

}  // namespace trefoil
