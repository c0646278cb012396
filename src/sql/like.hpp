// LIKE and ILIKE patterns: % is any run of characters, _ any one character, the escape character takes the next one literally.
//
// A pattern without _ is a list of pieces that must follow each other, the first and the last possibly anchored: that is a few
// memmem calls. Others are matched character by character, going back to the last % on a mismatch, which is linear in practice
// and never worse than text times pattern.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"

namespace trefoil::sql {

class LikePattern {
 public:
  // `escape` is one character or empty (none). The errors are PostgreSQL's.
  static Result<LikePattern> make(std::string_view pattern, std::string_view escape, bool fold_case);
  [[nodiscard]] bool matches(std::string_view text) const;

 private:
  enum class Kind : unsigned char { kLiteral, kAnyCharacter, kAnyRun };
  struct Token {
    Kind kind;
    std::string text;  // a literal's characters
  };
  [[nodiscard]] bool matchesFolded(std::string_view text) const;
  [[nodiscard]] bool matchesPieces(std::string_view text) const;
  [[nodiscard]] bool matchesTokens(std::string_view text) const;

  bool fold_case_ = false;
  bool has_any_character_ = false;
  std::vector<Token> tokens_;
};

}  // namespace trefoil::sql
