// LIKE and ILIKE patterns: % is any run of characters, _ any one character, the escape character takes the next one literally.
//
//   'ab%c_d%e'  →  segments  ab | c_d | e        pieces of c_d:  {0, "c"} {1, "d"}
//
// The first segment stands at the text's beginning and the last one at its end, unless there is a % outside of them; those
// between are searched for from left to right, each as early as possible, which leaves most to the next. A piece is so many
// characters of any kind and then literal bytes. A segment is looked for by its first literal, with a search in linear time. Only
// one with _ can find that literal often and in vain; then the product of the lengths is the bound, and what is compared is
// charged.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/statement_control.hpp"
#include "base/status.hpp"

namespace trefoil::sql {

class LikePattern {
 public:
  // `escape` is one character or empty (none). The errors are PostgreSQL's.
  static Result<LikePattern> make(std::string_view pattern, std::string_view escape, bool fold_case);
  // The caller has charged the text's length; an error says that the statement must end.
  Status matches(std::string_view text, WorkMeter& meter, bool& result) const;

 private:
  struct Piece {
    std::size_t any = 0;  // characters
    std::string literal;
  };
  struct Segment {
    std::vector<Piece> pieces;
    std::size_t characters = 0;  // that it matches
    std::size_t anchor = 0;      // the first piece with a literal, pieces.size() if there is none
    std::size_t any_before = 0;  // characters before that
    [[nodiscard]] bool isLiteral() const { return pieces.size() == 1 && pieces[0].any == 0; }
  };
  static constexpr std::size_t kNone = std::string_view::npos;

  void finishSegment(Segment& segment);
  Status matchesFolded(std::string_view text, WorkMeter& meter, bool& result) const;
  static std::size_t endOf(const Segment& segment, std::string_view text, std::size_t at);
  static Status find(const Segment& segment, std::string_view text, std::size_t from, WorkMeter& meter, std::size_t& end);

  bool fold_case_ = false;
  bool open_begin_ = false;  // the pattern begins with %
  bool open_end_ = false;    // and ends with it
  std::vector<Segment> segments_;
};

}  // namespace trefoil::sql
