// How many terminal cells a text takes, independent of the locale, and what of a text a terminal may be given.
//
// Wide (2 cells): East Asian wide and fullwidth characters and emoji, after Unicode's EastAsianWidth.txt. Zero: combining marks,
// joiners, variation selectors.
//
// Nothing that comes from data drives the terminal: control characters (C0, DEL, C1), bytes that are no UTF-8, and what reorders
// a line (the bidirectional embeddings, overrides and isolates, and Unicode's own line ends) are shown escaped.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace trefoil::repl {

// One character of UTF-8 at the head of `text`. Of invalid bytes one is taken, and `valid` is false.
struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool valid = true;
};
Character firstCharacter(std::string_view text);

std::size_t characterWidth(char32_t code);

// Cells that `text` takes; it holds printable characters only.
std::size_t displayWidth(std::string_view text);

// Whether it is shown escaped.
bool isUnprintable(char32_t code);

// Appends `text` with what is unprintable as \n, \t, \x1b, \u202e …, so that it stays on its line and cannot drive the terminal.
// Returns the cells that the appended text takes.
std::size_t appendPrintable(std::string& out, std::string_view text);
// The same for text of several lines: \n, \r\n and \t stay line ends and tabs.
void appendPrintableLines(std::string& out, std::string_view text);

// Shortens `text` to at most `cells`, the last of them an ellipsis if anything was cut. Returns the cells taken.
std::size_t appendFitted(std::string& out, std::string_view text, std::size_t cells);

}  // namespace trefoil::repl
