#include "repl/history.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/ascii_case.hpp"

namespace trefoil::repl {
namespace {

// The head of files that libedit wrote, with the same escapes.
constexpr std::string_view kForeignHead = "_HiStOrY_V2_";

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) {
      ::close(value_);
    }
  }
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

// Opens and locks the file that `path` names, also if another shell replaces it meanwhile. -1 if that cannot be.
int openLocked(const std::string& path) {
  for (;;) {
    const int file = ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) {
      return -1;
    }
    struct stat opened {};
    struct stat named {};
    while (::flock(file, LOCK_EX) != 0 && errno == EINTR) {
    }
    if (::fstat(file, &opened) == 0 && S_ISREG(opened.st_mode) && ::stat(path.c_str(), &named) == 0 &&
        opened.st_ino == named.st_ino && opened.st_dev == named.st_dev) {
      if ((opened.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        ::fchmod(file, S_IRUSR | S_IWUSR);
      }
      return file;
    }
    ::close(file);
    if (!S_ISREG(opened.st_mode)) {
      return -1;
    }
  }
}

bool writeAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file, bytes.data(), bytes.size());
    if (wrote < 0 && errno != EINTR) {
      return false;
    }
    bytes.remove_prefix(wrote < 0 ? 0 : static_cast<std::size_t>(wrote));
  }
  return true;
}

std::string readAll(int file) {
  std::string bytes;
  char block[1 << 16];
  for (ssize_t got = 0; (got = ::read(file, block, sizeof block)) > 0;) {
    bytes.append(block, static_cast<std::size_t>(got));
  }
  return bytes;
}

void appendEscaped(std::string& out, std::string_view entry) {
  for (const char c : entry) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || byte == '\\') {
      out += {'\\', static_cast<char>('0' + (byte >> 6)), static_cast<char>('0' + ((byte >> 3) & 7)),
              static_cast<char>('0' + (byte & 7))};
    } else {
      out += c;
    }
  }
  out += '\n';
}

std::string unescaped(std::string_view line) {
  const auto is_digit = [&](std::size_t at) { return at < line.size() && line[at] >= '0' && line[at] <= '7'; };
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && is_digit(i + 1) && is_digit(i + 2) && is_digit(i + 3)) {
      out += static_cast<char>(((line[i + 1] - '0') << 6) | ((line[i + 2] - '0') << 3) | (line[i + 3] - '0'));
      i += 3;
    } else {
      out += line[i];
    }
  }
  return out;
}

std::vector<std::string_view> linesOf(std::string_view bytes) {
  std::vector<std::string_view> lines;
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    if (end != 0 && bytes.substr(0, end) != kForeignHead) {
      lines.push_back(bytes.substr(0, end));
    }
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return lines;
}

// ----------------------------------------------------------------------------------------------------------------- secrets

// The words of a statement in capitals, quotes taken for blanks.
std::vector<std::string> wordsOf(std::string_view text) {
  constexpr std::string_view kBetween = " \t\r'\"";
  std::vector<std::string> words;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(kBetween), text.size()));
    if (text.empty()) {
      return words;
    }
    const std::size_t end = std::min(text.find_first_of(kBetween), text.size());
    words.push_back(upperCase(text.substr(0, end)));
    text.remove_prefix(end);
  }
}

bool isSecretStatement(std::string_view text) {
  std::vector<std::string> words = wordsOf(text);
  if (!words.empty() && words[0] == "SQL") {
    words.erase(words.begin());
  }
  const auto has = [&](auto&& test) { return std::any_of(words.begin(), words.end(), test); };
  const auto begins = [&](std::string_view first, std::string_view second) {
    return words.size() >= 2 && words[0] == first && words[1] == second;
  };
  if (has([](const std::string& word) {
        const std::size_t scheme = word.find("://");
        return scheme != std::string::npos && word.find('@', scheme) != std::string::npos;
      })) {
    return true;
  }
  if (words.empty()) {
    return false;
  }
  if (words[0] == "AUTH" || begins("ACL", "SETUSER")) {
    return true;
  }
  if (words[0] == "HELLO" || words[0] == "MIGRATE") {
    return has([](const std::string& word) { return word.starts_with("AUTH"); });
  }
  if (begins("CONFIG", "SET")) {
    return has([](const std::string& word) {
      return word.find("PASS") != std::string::npos || word.find("AUTH") != std::string::npos ||
             word.find("SECRET") != std::string::npos;
    });
  }
  if (begins("CREATE", "USER") || begins("CREATE", "ROLE") || begins("ALTER", "USER") || begins("ALTER", "ROLE")) {
    return has([](const std::string& word) { return word.starts_with("PASSWORD"); });
  }
  return false;
}

}  // namespace

bool holdsSecret(std::string_view typed) {
  // Several lines may be one statement of SQL, and one line several statements: both ways to cut are tried.
  for (const std::string_view ends : {std::string_view(";"), std::string_view("\n;")}) {
    std::string_view rest = typed;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find_first_of(ends), rest.size());
      std::string statement(rest.substr(0, end));
      std::replace(statement.begin(), statement.end(), '\n', ' ');
      const std::size_t comment = statement.rfind("*/");
      if (isSecretStatement(std::string_view(statement).substr(comment == std::string::npos ? 0 : comment + 2))) {
        return true;
      }
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return false;
}

std::string History::pathInHome() {
  const char* const home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? std::string() : std::string(home) + "/.trefoil_history";
}

std::vector<std::string> History::load() {
  const Descriptor file(path_.empty() ? -1 : ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    return {};
  }
  const std::string bytes = readAll(file.get());
  const std::vector<std::string_view> lines = linesOf(bytes);
  if (lines.size() > 2 * kMostEntries) {
    shorten();
  }
  std::vector<std::string> entries;
  for (std::size_t i = lines.size() > kMostEntries ? lines.size() - kMostEntries : 0; i < lines.size(); ++i) {
    entries.push_back(unescaped(lines[i]));
  }
  return entries;
}

void History::append(std::string_view entry) {
  if (path_.empty() || entry.empty() || entry.size() > kLongestEntry) {
    return;
  }
  const Descriptor file(openLocked(path_));
  if (file.get() < 0) {
    return;
  }
  std::string line;
  appendEscaped(line, entry);
  writeAll(file.get(), line);
}

void History::shorten() {
  const Descriptor file(openLocked(path_));
  if (file.get() < 0) {
    return;
  }
  const std::string bytes = readAll(file.get());
  const std::vector<std::string_view> lines = linesOf(bytes);
  if (lines.size() <= 2 * kMostEntries) {
    return;  // another shell was quicker
  }
  const std::string beside = path_ + ".new";
  const Descriptor shorter(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (shorter.get() < 0) {
    return;
  }
  const std::string_view kept =
      std::string_view(bytes).substr(static_cast<std::size_t>(lines[lines.size() - kMostEntries].data() - bytes.data()));
  if (!writeAll(shorter.get(), kept) || ::rename(beside.c_str(), path_.c_str()) != 0) {
    ::unlink(beside.c_str());
  }
}

}  // namespace trefoil::repl
