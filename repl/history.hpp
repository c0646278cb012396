// The shell's history: ~/.trefoil_history, the oldest entry first, shared by all shells of its owner and readable by nobody else.
//
// One entry is one line; control characters and backslashes stand as \ooo (octal), so an entry may have several lines of its own.
// It is appended when it is made, with one write under a lock of the file: shells do not overwrite each other, and a window that
// is closed loses nothing. When a shell begins and the file holds more than twice kMostEntries, the older ones go; the shorter
// file is written beside it and takes its place.
//
// A history that cannot be read or written is no reason to stop: it is then shorter.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trefoil::repl {

class History {
 public:
  static constexpr std::size_t kMostEntries = 10'000;
  static constexpr std::size_t kLongestEntry = std::size_t{256} << 10;  // bytes; a longer one is not kept

  // Without a path nothing is kept.
  explicit History(std::string path) : path_(std::move(path)) {}
  static std::string pathInHome();

  // What is there, at most kMostEntries, the oldest first.
  std::vector<std::string> load();
  void append(std::string_view entry);

 private:
  void shorten();

  std::string path_;
};

// Whether what was typed holds a password, which must not be kept: AUTH, HELLO … AUTH, MIGRATE … AUTH, ACL SETUSER, CONFIG SET of
// one, CREATE and ALTER USER or ROLE … PASSWORD, a URL with a login.
bool holdsSecret(std::string_view typed);

}  // namespace trefoil::repl
