#include "sql/expressions/like.hpp"

#include "sql/expressions/text_search.hpp"
#include "sql/types/utf8.hpp"

namespace trefoil::sql {
namespace {

char folded(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

// Moves `at` over so many characters; false if there are fewer.
bool skipCharacters(std::string_view text, std::size_t& at, std::size_t count) {
  for (; count > 0; --count) {
    if (at >= text.size()) {
      return false;
    }
    at += characterBytes(text[at]);
  }
  return true;
}

// The offset so many characters before `at`, or npos if there are fewer.
std::size_t stepBack(std::string_view text, std::size_t at, std::size_t count) {
  for (; count > 0; --count) {
    do {
      if (at == 0) {
        return std::string_view::npos;
      }
      --at;
    } while (!isCharacterStart(text[at]));
  }
  return at;
}

}  // namespace

Result<LikePattern> LikePattern::make(std::string_view pattern, std::string_view escape, bool fold_case) {
  if (!escape.empty() && countCharacters(escape) != 1) {
    return Error(ErrorCode::kInvalid, "invalid escape string").withHint("Escape string must be empty or one character.");
  }
  LikePattern result;
  result.fold_case_ = fold_case;
  result.open_begin_ = pattern.starts_with('%') && escape != "%";
  Segment segment;
  const auto literal = [&](std::string_view text) {
    if (segment.pieces.empty()) {
      segment.pieces.emplace_back();
    }
    for (const char c : text) {
      segment.pieces.back().literal += fold_case ? folded(c) : c;
    }
  };
  std::size_t at = 0;
  while (at < pattern.size()) {
    const std::string_view rest = pattern.substr(at);
    result.open_end_ = false;
    if (!escape.empty() && rest.starts_with(escape)) {
      at += escape.size();
      if (at >= pattern.size()) {
        return Error(ErrorCode::kInvalid, "LIKE pattern must not end with escape character");
      }
      const std::size_t size = characterBytes(pattern[at]);
      literal(pattern.substr(at, size));
      at += size;
    } else if (rest.front() == '%') {
      result.finishSegment(segment);
      result.open_end_ = true;
      ++at;
    } else if (rest.front() == '_') {
      if (segment.pieces.empty() || !segment.pieces.back().literal.empty()) {
        segment.pieces.emplace_back();
      }
      ++segment.pieces.back().any;
      ++at;
    } else {
      literal(rest.substr(0, 1));
      ++at;
    }
  }
  result.finishSegment(segment);
  return result;
}

void LikePattern::finishSegment(Segment& segment) {
  if (segment.pieces.empty()) {
    return;
  }
  segment.anchor = segment.pieces.size();
  for (std::size_t i = 0; i < segment.pieces.size(); ++i) {
    const Piece& piece = segment.pieces[i];
    segment.characters += piece.any + countCharacters(piece.literal);
    if (segment.anchor == segment.pieces.size()) {
      segment.any_before += piece.any;
      segment.anchor = piece.literal.empty() ? segment.anchor : i;
    }
  }
  segments_.push_back(std::move(segment));
  segment = Segment();
}

Status LikePattern::matches(std::string_view text, WorkMeter& meter, bool& result) const {
  if (!fold_case_) {
    return matchesFolded(text, meter, result);
  }
  std::string lowered(text);
  for (char& c : lowered) {
    c = folded(c);
  }
  return matchesFolded(lowered, meter, result);
}

Status LikePattern::matchesFolded(std::string_view text, WorkMeter& meter, bool& result) const {
  result = false;
  if (segments_.empty()) {
    result = open_begin_ || text.empty();
    return {};
  }
  std::size_t at = 0;
  std::size_t first = 0;
  std::size_t last = segments_.size();
  if (!open_begin_) {
    at = endOf(segments_[first++], text, 0);
    if (at == kNone) {
      return {};
    }
    if (first == last) {
      result = open_end_ || at == text.size();
      return {};
    }
  }
  std::size_t end = text.size();  // of what is left for those between
  if (!open_end_) {
    const Segment& closing = segments_[--last];
    end = stepBack(text, text.size(), closing.characters);
    if (end == kNone || end < at || endOf(closing, text, end) != text.size()) {
      return {};
    }
  }
  for (; first < last; ++first) {
    TREFOIL_TRY(find(segments_[first], text.substr(0, end), at, meter, at));
    if (at == kNone) {
      return {};
    }
  }
  result = true;
  return {};
}

// Where the segment's match at `at` ends, or kNone if it does not match there.
std::size_t LikePattern::endOf(const Segment& segment, std::string_view text, std::size_t at) {
  for (const Piece& piece : segment.pieces) {
    if (!skipCharacters(text, at, piece.any) || !text.substr(at).starts_with(piece.literal)) {
      return kNone;
    }
    at += piece.literal.size();
  }
  return at;
}

// The end of the segment's first match that begins at or behind `from`.
Status LikePattern::find(const Segment& segment, std::string_view text, std::size_t from, WorkMeter& meter, std::size_t& end) {
  end = kNone;
  if (segment.anchor == segment.pieces.size()) {
    end = skipCharacters(text, from, segment.characters) ? from : kNone;
    return {};
  }
  const std::string_view anchor = segment.pieces[segment.anchor].literal;
  if (!skipCharacters(text, from, segment.any_before)) {
    return {};
  }
  for (std::size_t at = from; (at = findText(text, anchor, at)) != kNone; at += characterBytes(text[at])) {
    end = segment.isLiteral() ? at + anchor.size() : endOf(segment, text, stepBack(text, at, segment.any_before));
    if (end != kNone) {
      return {};
    }
    TREFOIL_TRY(meter.charge(segment.characters));
  }
  return {};
}

}  // namespace trefoil::sql
