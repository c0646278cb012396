// spdlog behind a thin door: one logger with one distributing sink, so that openLog() exchanges the sink below it while other
// threads write. Its file sink uses stdio directly: the server's log is the one file that does not go through Env.
#include "base/logging.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/dist_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>
#include <vector>

namespace trefoil {
namespace {

constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%e%z %P %v";  // time, process, message

// spdlog has no "verbose"; our four levels take its lowest four, and the message itself says our name.
spdlog::level::level_enum toSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::trace;
    case LogLevel::kVerbose:
      return spdlog::level::debug;
    case LogLevel::kNotice:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kNothing:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

std::string_view levelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kVerbose:
      return "verbose";
    case LogLevel::kNotice:
      return "notice";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kNothing:
      break;
  }
  return "nothing";
}

struct Log {
  std::shared_ptr<spdlog::sinks::dist_sink_mt> sink = std::make_shared<spdlog::sinks::dist_sink_mt>();
  spdlog::logger logger{"trefoil", sink};

  Log() {
    sink->add_sink(std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger.set_pattern(kPattern);
    logger.set_level(spdlog::level::warn);
    logger.flush_on(spdlog::level::trace);
  }
};

// Never destroyed: threads may still write while the process ends.
Log& log() {
  static Log* const instance = new Log;
  return *instance;
}

// A line stays a line whatever it quotes, and drives no terminal.
std::string escaped(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0xC2 && i + 1 < text.size() && (text[i + 1] & 0xE0) == 0x80) {  // U+0080 to U+009F
      line += fmt::format("\\u{:04x}", static_cast<unsigned char>(text[++i]));
    } else if (c == '\n') {
      line += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  return line;
}

}  // namespace

Status openLog(LogLevel level, const std::string& file) {
  try {
    std::shared_ptr<spdlog::sinks::sink> sink;
    if (file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file, /*truncate=*/false);
    }
    sink->set_pattern(kPattern);
    log().sink->set_sinks({std::move(sink)});
  } catch (const spdlog::spdlog_ex& exception) {
    return Error(ErrorCode::kIo, "cannot open the log file '" + file + "': " + exception.what());
  }
  setLogLevel(level);
  return {};
}

void setLogLevel(LogLevel level) {
  log().logger.set_level(toSpdlog(level));
}

bool logs(LogLevel level) {
  return level != LogLevel::kNothing && log().logger.should_log(toSpdlog(level));
}

void logMessage(LogLevel level, fmt::string_view format, fmt::format_args arguments) {
  if (!logs(level)) {
    return;
  }
  const std::string text = fmt::format("[{}] {}", levelName(level), escaped(fmt::vformat(format, arguments)));
  log().logger.log(toSpdlog(level), spdlog::string_view_t(text));
}

}  // namespace trefoil
