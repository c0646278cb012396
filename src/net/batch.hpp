// Batch: the statements of one burst. A loop has one, which its connections use in turn.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "engine/statement.hpp"

namespace trefoil::net {

struct Batch {
  // Of each statement, whose args they are; more than are in use, so that their memory stays.
  std::vector<std::vector<std::string_view>> words;
  std::vector<Statement> statements;
  std::vector<std::size_t> ends;  // input offset behind each statement
  bool borrows_at_end = false;    // the last statement's words are not in the input, and good only until the next one is cut

  void clear() {
    statements.clear();
    ends.clear();
    borrows_at_end = false;
  }
};

}  // namespace trefoil::net
