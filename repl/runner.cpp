#include "repl/runner.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/ascii_case.hpp"
#include "base/env.hpp"
#include "parser/command_line.hpp"
#include "repl/display_width.hpp"
#include "repl/dot_commands.hpp"
#include "repl/fail.hpp"
#include "repl/interrupt.hpp"

namespace trefoil::repl {
namespace {

constexpr std::size_t kBlock = std::size_t{256} << 10;
// What some editors put at the head of a file of UTF-8. It is no part of the first statement.
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
// Of a long line, so many characters around the error are shown.
constexpr std::size_t kContext = 60;

// The line of `text` in which `position` lies, cut to what is near it, and a caret below.
std::string excerpt(std::string_view text, std::size_t position) {
  position = std::min(position, text.size());
  const std::size_t before = text.substr(0, position).rfind('\n');
  std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  std::size_t end = std::min(text.find('\n', position), text.size());
  const auto is_continuation = [&](std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  if (position - begin > kContext) {
    begin = position - kContext;
    while (begin < position && is_continuation(begin)) {
      ++begin;
    }
  }
  if (end - position > kContext) {
    end = position + kContext;
    while (end > position && is_continuation(end)) {
      --end;
    }
  }
  std::string out;
  const std::size_t caret = appendPrintable(out, text.substr(begin, position - begin));
  appendPrintable(out, text.substr(position, end - position));
  return out + "\n" + std::string(caret, ' ') + "^\n";
}

}  // namespace

bool Runner::flush() {
  answers_.output().flush();
  if (answers_.output().takeDropped()) {
    writeError("\nOutput canceled.\n");
  }
  const Status& status = answers_.output().gateError();
  if (!status.ok() && !gate_reported_) {
    gate_reported_ = true;
    writeError("ERROR: " + status.error().message + "\n");
  }
  return status.ok();
}

bool Runner::runFile(int descriptor, const std::string& name) {
  StatementReader reader;
  std::string block(kBlock, '\0');
  bool at_head = true;
  bool ok = true;
  for (;;) {
    const ssize_t got = ::read(descriptor, block.data(), block.size());
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      writeError(name + ": " + std::strerror(errno) + "\n");
      return false;
    }
    if (got == 0) {
      reader.finish();
    } else {
      std::string_view bytes(block.data(), static_cast<std::size_t>(got));
      if (std::exchange(at_head, false) && bytes.starts_with(kByteOrderMark)) {
        bytes.remove_prefix(kByteOrderMark.size());
      }
      reader.append(bytes);
    }
    ok = runAvailable(reader, name) && ok;
    if (got == 0 || stop_ || interrupted_ || (!ok && !continue_on_error_) || outputFailed()) {
      return flush() && ok && !outputFailed();
    }
  }
}

bool Runner::runText(std::string_view text, const std::string& name) {
  StatementReader reader;
  reader.append(text);
  reader.finish();
  const bool ok = runAvailable(reader, name);
  return flush() && ok && !outputFailed();
}

bool Runner::runAvailable(StatementReader& reader, const std::string& name) {
  bool ok = true;
  while (!stop_ && !outputFailed()) {
    const InputKind kind = reader.next();
    if (kind == InputKind::kNone) {
      break;
    }
    if (reader.text().empty()) {
      continue;
    }
    if (wasInterrupted(name)) {
      return false;
    }
    if (!runOne(kind, reader, name)) {
      ok = false;
      if (!continue_on_error_ && !name.empty()) {  // what is typed behind it on a line runs, as in psql
        break;
      }
    }
  }
  return ok;
}

bool Runner::wasInterrupted(const std::string& name) {
  if (depth_ == 0) {
    return interruptPending();  // what else is on the typed line does not run
  }
  if (!interrupted_ && takeInterrupt()) {
    interrupted_ = true;
    flush();
    writeError(name + ": canceled\n");
  }
  return interrupted_;
}

bool Runner::runOne(InputKind kind, const StatementReader& reader, const std::string& name) {
  const std::string_view text = reader.text();
  const std::int64_t started = timer_ ? Env::system().monotonicMicros() : 0;
  std::optional<Failure> failure;
  if (kind == InputKind::kDot) {
    failure = DotCommands(*this).run(text);
  } else if (kind == InputKind::kSql) {
    failure = backend_.runSql(text, answers_);
  } else {
    failure = runCommandLine(text);
  }
  stop_ = stop_ || backend_.wantsClose();
  if (failure) {
    report(*failure, reader, name);
    stop_ = stop_ || failure->fatal;
  } else if (timer_ && kind != InputKind::kDot) {
    char line[64];
    std::snprintf(line, sizeof line, "Time: %.3f ms\n", static_cast<double>(Env::system().monotonicMicros() - started) / 1000.0);
    flush();
    writeError(line);  // no part of an answer that another program reads
  }
  return !failure;
}

std::optional<Failure> Runner::runCommandLine(std::string_view line) {
  const Result<std::vector<std::string>> split = parser::splitCommandLine(line);
  if (!split.ok()) {
    return Failure{split.error().message, "", "", split.error().position, false};
  }
  words_.assign(split->begin(), split->end());
  if (words_.size() == 1) {  // what redis-cli and psql call them, also as if they were SQL
    const std::string_view word = words_[0].substr(0, words_[0].find_last_not_of(';') + 1);
    if (equalsIgnoringCase(word, "exit") || equalsIgnoringCase(word, "help")) {
      return DotCommands(*this).run("." + lowerCase(word));
    }
    words_[0] = equalsIgnoringCase(word, "quit") ? word : words_[0];
  }
  return words_.empty() ? std::nullopt : backend_.runCommand(words_, answers_);
}

void Runner::report(const Failure& failure, const StatementReader& reader, const std::string& name) {
  const std::string_view text = reader.text();
  if (failure.message.empty()) {
    return;  // reported where it happened: in a file that .read ran
  }
  flush();
  std::string out;
  if (name.empty()) {
    out = "ERROR: ";
  } else {
    Place at = reader.place();
    at.advance(text.substr(0, failure.position.value_or(0)));
    out = name + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": ";
  }
  out += failure.message + "\n";
  if (failure.position || !name.empty()) {
    out += excerpt(text, failure.position.value_or(0));
  }
  if (!failure.detail.empty()) {
    out += "DETAIL: " + failure.detail + "\n";
  }
  if (!failure.hint.empty()) {
    out += "HINT: " + failure.hint + "\n";
  }
  writeError(out);
}

}  // namespace trefoil::repl
