// spdlog behind a thin door: one logger with one distributing sink, so that openLog() exchanges the sink below it while other
// threads write. The server's log is the one file that does not go through Env.
//
// A full disk must not swallow the lines that say so. What the file does not take goes to stderr at once and is kept, so much of
// it as fits kMostKept, until the file takes it: before the next line.
#include "base/logging.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/dist_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>
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

constexpr std::size_t kMostKept = std::size_t{64} << 10;

class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Owns the descriptor.
  explicit FileSink(int fd) : fd_(fd) {}
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;
  ~FileSink() override { ::close(fd_); }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const std::size_t kept = kept_.size();
    kept_.append(line.data(), line.size());
    if (!writeKept()) {
      std::fwrite(line.data(), 1, line.size(), stderr);
      if (kept_.size() > kMostKept) {
        kept_.resize(std::min(kept, kept_.size()));  // the first lines tell more than the last
      }
    }
  }
  void flush_() override {}

 private:
  // False if something is left.
  bool writeKept() {
    std::size_t done = 0;
    while (done < kept_.size()) {
      const ssize_t written = ::write(fd_, kept_.data() + done, kept_.size() - done);
      if (written < 0 && errno == EINTR) {
        continue;
      }
      if (written <= 0) {
        break;
      }
      done += static_cast<std::size_t>(written);
    }
    kept_.erase(0, done);
    return kept_.empty();
  }

  const int fd_;
  std::string kept_;
};

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
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) {
      return Error(ErrorCode::kIo, "cannot open the log file '" + file + "': " + std::generic_category().message(errno));
    }
    sink = std::make_shared<FileSink>(fd);
  }
  sink->set_pattern(kPattern);
  log().sink->set_sinks({std::move(sink)});
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
