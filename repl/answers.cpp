#include "repl/answers.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/format_number.hpp"

namespace trefoil::repl {

std::size_t terminalWidth() {
  winsize size{};
  if (::isatty(STDOUT_FILENO) == 0 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) {
    return 0;
  }
  return size.ws_col;
}

Answers::Answers(Output& output, Mode mode, bool talkative)
    : output_(output), mode_(mode), talkative_(talkative), printer_(makePrinter(mode, output, terminalWidth())) {}

void Answers::setMode(Mode mode) {
  mode_ = mode;
  printer_ = makePrinter(mode, output_, terminalWidth());
}

void Answers::begin(bool repeatable) {
  if (repeatable || mode_ == Mode::kCsv || mode_ == Mode::kJson) {
    output_.hold();
  }
  if (talkative_) {
    setMode(mode_);  // the terminal may have another width by now
  }
}

void Answers::end() {
  if (in_rows_) {  // it has failed: other programs read a whole answer or none
    takeBack();
  }
  output_.release();
}

void Answers::takeBack() {
  output_.takeBack();
  in_rows_ = false;
}

void Answers::columns(std::span<const ColumnHead> heads) {
  in_rows_ = true;
  printer_->columns(heads);
}

void Answers::endRows() {
  in_rows_ = false;
  printer_->endRows();
}

void Answers::affected(std::string_view tag, std::int64_t rows) {
  if (talkative_) {
    char number[kMaxIntegerChars];
    std::string line(tag);
    line += ' ';
    line.append(number, formatInteger(number, rows)).append("\n");
    output_.write(line);
  }
}

void Answers::done(std::string_view tag) {
  if (talkative_) {
    output_.write(tag);
    output_.write('\n');
  }
}

}  // namespace trefoil::repl
