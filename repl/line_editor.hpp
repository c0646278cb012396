// A line of input with editing, history (history.hpp) and completion, by libedit.
//
// Tab completes the word before the cursor; where nothing is left to complete it shows the candidates, or the arguments of the
// command at the line's beginning. Inside quotes it is a character of the text.
//
// What is pasted is data: the terminal says where it begins and ends (bracketed paste), and between the two no key means anything
// but itself, save that a line's end ends the line. A terminal that cannot say so sends all at once: a Tab with more behind it is
// data, too.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace trefoil::repl {

class LineEditor {
 public:
  // What could stand where the cursor is, and a remark for the user (may be empty).
  struct Completion {
    std::size_t word_begin = 0;
    std::vector<std::string> candidates;
    std::string hint;
    bool in_quotes = false;
  };
  using Completer = std::function<Completion(std::string_view line_to_cursor)>;

  explicit LineEditor(Completer completer);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  enum class Outcome { kLine, kEnd, kInterrupted };
  // Reads one line, without its end. kEnd: Ctrl-D; kInterrupted: Ctrl-C (interrupt.hpp).
  Outcome read(const std::string& prompt, std::string& line);
  // Adds a whole statement to the history, unless it holds a secret.
  void remember(const std::string& statement);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trefoil::repl
