#include "repl/line_editor.hpp"

#include <histedit.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>

#include "repl/display_width.hpp"
#include "repl/history.hpp"
#include "repl/interrupt.hpp"

#if defined(__SANITIZE_ADDRESS__)
// libedit copies the names that EL_ADDFN gets, and el_end() forgets them.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:wcsdup\n";
}
#endif

namespace trefoil::repl {
namespace {

constexpr const char* kPasteBegins = "\x1b[200~";
constexpr const char* kPasteEnds = "\x1b[201~";

constexpr bool isContinuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// What libedit counts in a text.
int characters(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char byte) { return !isContinuation(byte); }));
}

// libedit takes wide characters and asks the locale how to read bytes: it must be one of UTF-8.
void useUtf8() {
  if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX < 2) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
  }
}

}  // namespace

struct LineEditor::Impl {
  EditLine* edit = nullptr;
  ::History* recalled = nullptr;
  History kept{History::pathInHome()};
  std::string last;  // of the history
  bool brackets_pastes = false;
  std::string pasted;  // and not in a line yet
  std::string keys;    // to be taken for typed
  std::string prompt;
  Completer completer;
  bool interrupted = false;

  static Impl& of(EditLine* edit) {
    void* data = nullptr;
    el_get(edit, EL_CLIENTDATA, &data);
    return *static_cast<Impl*>(data);
  }
  static char* showPrompt(EditLine* edit) { return of(edit).prompt.data(); }

  // One character. Unlike libedit's own, it stops at Ctrl-C.
  static int getCharacter(EditLine* edit, wchar_t* out) {
    Impl& self = of(edit);
    if (!self.keys.empty()) {
      *out = static_cast<unsigned char>(self.keys.front());
      self.keys.erase(0, 1);
      return 1;
    }
    std::mbstate_t state{};
    for (;;) {
      char byte = 0;
      const int got = self.readByte(byte);
      if (got <= 0) {
        return got;
      }
      if (byte == '\0') {
        continue;  // Ctrl-Space, or a Ctrl-D from before the prompt: libedit sets a mark, and swallows each Ctrl-D from then on
      }
      const std::size_t length = std::mbrtowc(out, &byte, 1, &state);
      if (length == static_cast<std::size_t>(-1)) {
        *out = L'?';
        return 1;
      }
      if (length != static_cast<std::size_t>(-2)) {
        return 1;
      }
    }
  }

  // 1, 0 at the end of the input, -1 after a Ctrl-C or an error.
  int readByte(char& byte) {
    for (;;) {
      std::array<pollfd, 2> sources{{{STDIN_FILENO, POLLIN, 0}, {interruptEvent(), POLLIN, 0}}};
      if (::poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR) {
        return -1;
      }
      interrupted = takeInterrupt();
      if (interrupted) {
        return -1;
      }
      if (sources[0].revents == 0) {
        continue;
      }
      const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
      if (got >= 0 || errno != EINTR) {
        return static_cast<int>(got);
      }
    }
  }

  static bool moreIsWaiting() {
    pollfd source{STDIN_FILENO, POLLIN, 0};
    return ::poll(&source, 1, 0) > 0;
  }

  // The first line of what was pasted goes into the edited one. If it has an end, that is taken for typed, and the next line that
  // is read goes on with the rest.
  static unsigned char paste(EditLine* edit, int) {
    Impl& self = of(edit);
    const std::string_view end = kPasteEnds;
    if (self.pasted.empty()) {
      for (char byte = 0; !self.pasted.ends_with(end);) {
        if (self.readByte(byte) <= 0) {
          self.pasted.clear();
          return CC_EOF;
        }
        self.pasted += byte;
      }
      self.pasted.resize(self.pasted.size() - end.size());
    }
    const std::size_t line_end = std::min(self.pasted.find_first_of("\r\n"), self.pasted.size());
    std::string text;
    appendInsertable(text, std::string_view(self.pasted).substr(0, line_end));
    if (line_end < self.pasted.size()) {
      self.keys = "\n";
    }
    self.pasted.erase(0, line_end + 1);
    if (!text.empty()) {
      el_insertstr(edit, text.c_str());
    }
    return CC_REFRESH;
  }

  // libedit takes whole characters only, and no NUL.
  static void appendInsertable(std::string& out, std::string_view text) {
    while (!text.empty()) {
      const Character character = firstCharacter(text);
      if (!character.valid) {
        out += '?';
      } else if (character.code != 0) {
        out.append(text.substr(0, character.bytes));
      }
      text.remove_prefix(character.bytes);
    }
  }

  static unsigned char complete(EditLine* edit, int) {
    Impl& self = of(edit);
    const LineInfo* const line = el_line(edit);
    const std::string_view text(line->buffer, static_cast<std::size_t>(line->cursor - line->buffer));
    const Completion completion = moreIsWaiting() ? Completion{.in_quotes = true} : self.completer(text);
    if (completion.in_quotes) {
      el_insertstr(edit, "\t");
      return CC_REFRESH;
    }
    const std::string_view word = text.substr(completion.word_begin);
    if (completion.candidates.empty()) {
      return completion.hint.empty() ? static_cast<unsigned char>(CC_ERROR) : show(completion.hint);
    }
    std::string common = completion.candidates.front();
    for (const std::string& candidate : completion.candidates) {
      const auto end = std::mismatch(common.begin(), common.end(), candidate.begin(), candidate.end()).second;
      auto same = static_cast<std::size_t>(end - candidate.begin());
      while (same > 0 && same < candidate.size() && isContinuation(candidate[same])) {
        --same;  // whole characters
      }
      common.resize(same);
    }
    if (completion.candidates.size() == 1) {
      common += ' ';
    }
    if (common.size() > word.size()) {
      el_deletestr(edit, characters(word));
      el_insertstr(edit, common.c_str());
      return CC_REFRESH;
    }
    std::string list;
    for (const std::string& candidate : completion.candidates) {
      appendPrintable(list, candidate);
      list += "  ";
    }
    return show(list);
  }

  void tellTerminal(const char* sequence) const {
    if (brackets_pastes) {
      std::fputs(sequence, stdout);
      std::fflush(stdout);
    }
  }

  static unsigned char show(const std::string& text) {
    std::fprintf(stdout, "\n%s\n", text.c_str());
    std::fflush(stdout);
    return CC_REDISPLAY;
  }
};

LineEditor::LineEditor(Completer completer) : impl_(std::make_unique<Impl>()) {
  useUtf8();
  impl_->completer = std::move(completer);
  impl_->edit = el_init("trefoil", stdin, stdout, stderr);
  impl_->recalled = history_init();
  HistEvent event{};
  history(impl_->recalled, &event, H_SETSIZE, static_cast<int>(History::kMostEntries));
  history(impl_->recalled, &event, H_SETUNIQUE, 1);
  for (std::string& entry : impl_->kept.load()) {
    history(impl_->recalled, &event, H_ENTER, entry.c_str());
    impl_->last = std::move(entry);
  }
  const char* const terminal = std::getenv("TERM");
  impl_->brackets_pastes = ::isatty(STDOUT_FILENO) != 0 && terminal != nullptr && std::string_view(terminal) != "dumb";
  el_set(impl_->edit, EL_CLIENTDATA, impl_.get());
  el_set(impl_->edit, EL_PROMPT, &Impl::showPrompt);
  el_set(impl_->edit, EL_EDITOR, "emacs");
  el_set(impl_->edit, EL_HIST, history, impl_->recalled);
  el_set(impl_->edit, EL_GETCFN, &Impl::getCharacter);
  el_set(impl_->edit, EL_ADDFN, "trefoil-complete", "Complete the word", &Impl::complete);
  el_set(impl_->edit, EL_ADDFN, "trefoil-paste", "Insert what is pasted", &Impl::paste);
  el_set(impl_->edit, EL_BIND, "^I", "trefoil-complete", nullptr);
  el_set(impl_->edit, EL_BIND, kPasteBegins, "trefoil-paste", nullptr);
  el_set(impl_->edit, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_source(impl_->edit, nullptr);
}

LineEditor::~LineEditor() {
  history_end(impl_->recalled);
  el_end(impl_->edit);
}

LineEditor::Outcome LineEditor::read(const std::string& prompt, std::string& line) {
  impl_->prompt = prompt;
  impl_->interrupted = false;
  static_cast<void>(takeInterrupt());
  // Before the prompt: libedit does it after, and a Ctrl-D that comes in between is lost.
  el_set(impl_->edit, EL_PREP_TERM, 1);
  impl_->keys = impl_->pasted.empty() ? "" : kPasteBegins;
  impl_->tellTerminal("\x1b[?2004h");
  int count = 0;
  const char* const text = el_gets(impl_->edit, &count);
  impl_->tellTerminal("\x1b[?2004l");
  if (impl_->interrupted) {
    impl_->pasted.clear();
    el_reset(impl_->edit);
    std::fputs("^C\n", stdout);
    std::fflush(stdout);
    return Outcome::kInterrupted;
  }
  if (text == nullptr || count <= 0) {
    return Outcome::kEnd;
  }
  line.assign(text, std::strlen(text));
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) {
    line.pop_back();
  }
  return Outcome::kLine;
}

void LineEditor::remember(const std::string& statement) {
  if (statement == impl_->last || holdsSecret(statement)) {
    return;
  }
  HistEvent event{};
  history(impl_->recalled, &event, H_ENTER, statement.c_str());
  impl_->kept.append(statement);
  impl_->last = statement;
}

}  // namespace trefoil::repl
