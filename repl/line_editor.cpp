#include "repl/line_editor.hpp"

#include <histedit.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>

#include "repl/interrupt.hpp"

#if defined(__SANITIZE_ADDRESS__)
// libedit copies the names that EL_ADDFN gets, and el_end() forgets them.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:wcsdup\n";
}
#endif

namespace trefoil::repl {
namespace {

constexpr int kHistorySize = 10000;

std::string historyPath() {
  const char* const home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? std::string() : std::string(home) + "/.trefoil_history";
}

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
  History* history = nullptr;
  std::string history_path;
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
    std::mbstate_t state{};
    for (;;) {
      std::array<pollfd, 2> sources{{{STDIN_FILENO, POLLIN, 0}, {interruptEvent(), POLLIN, 0}}};
      if (::poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR) {
        return -1;
      }
      self.interrupted = takeInterrupt();
      if (self.interrupted) {
        return -1;
      }
      if (sources[0].revents == 0) {
        continue;
      }
      char byte = 0;
      const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got <= 0) {
        return static_cast<int>(got);
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

  static unsigned char complete(EditLine* edit, int) {
    Impl& self = of(edit);
    const LineInfo* const line = el_line(edit);
    const std::string_view text(line->buffer, static_cast<std::size_t>(line->cursor - line->buffer));
    const Completion completion = self.completer(text);
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
      list += candidate + "  ";
    }
    return show(list);
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
  impl_->history = history_init();
  HistEvent event{};
  history(impl_->history, &event, H_SETSIZE, kHistorySize);
  history(impl_->history, &event, H_SETUNIQUE, 1);
  impl_->history_path = historyPath();
  if (!impl_->history_path.empty()) {
    history(impl_->history, &event, H_LOAD, impl_->history_path.c_str());
  }
  el_set(impl_->edit, EL_CLIENTDATA, impl_.get());
  el_set(impl_->edit, EL_PROMPT, &Impl::showPrompt);
  el_set(impl_->edit, EL_EDITOR, "emacs");
  el_set(impl_->edit, EL_HIST, history, impl_->history);
  el_set(impl_->edit, EL_GETCFN, &Impl::getCharacter);
  el_set(impl_->edit, EL_ADDFN, "trefoil-complete", "Complete the word", &Impl::complete);
  el_set(impl_->edit, EL_BIND, "^I", "trefoil-complete", nullptr);
  el_set(impl_->edit, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_source(impl_->edit, nullptr);
}

LineEditor::~LineEditor() {
  if (!impl_->history_path.empty()) {
    HistEvent event{};
    const mode_t before = ::umask(S_IRWXG | S_IRWXO);
    history(impl_->history, &event, H_SAVE, impl_->history_path.c_str());
    ::umask(before);
  }
  history_end(impl_->history);
  el_end(impl_->edit);
}

LineEditor::Outcome LineEditor::read(const std::string& prompt, std::string& line) {
  impl_->prompt = prompt;
  impl_->interrupted = false;
  static_cast<void>(takeInterrupt());
  // Before the prompt: libedit does it after, and a Ctrl-D that comes in between is lost.
  el_set(impl_->edit, EL_PREP_TERM, 1);
  int count = 0;
  const char* const text = el_gets(impl_->edit, &count);
  if (impl_->interrupted) {
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
  HistEvent event{};
  history(impl_->history, &event, H_ENTER, statement.c_str());
}

}  // namespace trefoil::repl
