#include "sql/like.hpp"

#include "sql/utf8.hpp"

namespace trefoil::sql {
namespace {

char folded(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

}  // namespace

Result<LikePattern> LikePattern::make(std::string_view pattern, std::string_view escape, bool fold_case) {
  if (!escape.empty() && countCharacters(escape) != 1) {
    return Error(ErrorCode::kInvalid, "invalid escape string").withHint("Escape string must be empty or one character.");
  }
  LikePattern result;
  result.fold_case_ = fold_case;
  const auto literal = [&](std::string_view text) {
    if (result.tokens_.empty() || result.tokens_.back().kind != Kind::kLiteral) {
      result.tokens_.push_back({Kind::kLiteral, {}});
    }
    for (const char c : text) {
      result.tokens_.back().text += fold_case ? folded(c) : c;
    }
  };
  std::size_t at = 0;
  while (at < pattern.size()) {
    const std::string_view rest = pattern.substr(at);
    if (!escape.empty() && rest.starts_with(escape)) {
      at += escape.size();
      if (at >= pattern.size()) {
        return Error(ErrorCode::kInvalid, "LIKE pattern must not end with escape character");
      }
      const std::size_t size = characterBytes(pattern[at]);
      literal(pattern.substr(at, size));
      at += size;
    } else if (rest.front() == '%') {
      if (result.tokens_.empty() || result.tokens_.back().kind != Kind::kAnyRun) {
        result.tokens_.push_back({Kind::kAnyRun, {}});
      }
      ++at;
    } else if (rest.front() == '_') {
      result.tokens_.push_back({Kind::kAnyCharacter, {}});
      result.has_any_character_ = true;
      ++at;
    } else {
      literal(rest.substr(0, 1));
      ++at;
    }
  }
  return result;
}

bool LikePattern::matches(std::string_view text) const {
  if (!fold_case_) {
    return matchesFolded(text);
  }
  std::string lowered(text);
  for (char& c : lowered) {
    c = folded(c);
  }
  return matchesFolded(lowered);
}

bool LikePattern::matchesFolded(std::string_view text) const {
  return has_any_character_ ? matchesTokens(text) : matchesPieces(text);
}

bool LikePattern::matchesPieces(std::string_view text) const {
  std::size_t first = 0;
  std::size_t last = tokens_.size();
  if (first < last && tokens_.front().kind == Kind::kLiteral) {
    const std::string& piece = tokens_.front().text;
    if (last == 1) {
      return text == piece;
    }
    if (!text.starts_with(piece)) {
      return false;
    }
    text.remove_prefix(piece.size());
    ++first;
  }
  if (first == last) {
    return text.empty();
  }
  if (tokens_.back().kind == Kind::kLiteral) {
    const std::string& piece = tokens_.back().text;
    if (!text.ends_with(piece)) {
      return false;
    }
    text.remove_suffix(piece.size());
    --last;
  }
  for (std::size_t i = first; i < last; ++i) {
    if (tokens_[i].kind == Kind::kLiteral) {
      const std::size_t found = text.find(tokens_[i].text);
      if (found == std::string_view::npos) {
        return false;
      }
      text.remove_prefix(found + tokens_[i].text.size());
    }
  }
  return true;
}

bool LikePattern::matchesTokens(std::string_view text) const {
  constexpr std::size_t kNone = SIZE_MAX;
  std::size_t at = 0;
  std::size_t token = 0;
  std::size_t run_token = kNone;  // the token after the last %
  std::size_t run_at = 0;         // where its match was last tried
  for (;;) {
    if (token < tokens_.size()) {
      const Token& want = tokens_[token];
      if (want.kind == Kind::kAnyRun) {
        run_token = ++token;
        run_at = at;
        continue;
      }
      if (want.kind == Kind::kAnyCharacter && at < text.size()) {
        at += characterBytes(text[at]);
        ++token;
        continue;
      }
      if (want.kind == Kind::kLiteral && text.substr(at).starts_with(want.text)) {
        at += want.text.size();
        ++token;
        continue;
      }
    } else if (at == text.size() || run_token == tokens_.size()) {
      return true;
    }
    if (run_token == kNone || run_at >= text.size()) {
      return false;
    }
    run_at += characterBytes(text[run_at]);
    at = run_at;
    token = run_token;
  }
}

}  // namespace trefoil::sql
