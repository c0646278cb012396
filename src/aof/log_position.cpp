#include "aof/log_position.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace trefoil::aof {

namespace {

constexpr std::size_t kSaltDigits = 8;
constexpr const char* kProperty = "openings";
constexpr std::size_t kEntryBytes = sizeof(std::uint32_t) + sizeof(Lsn);

template <typename Number>
bool parseAll(std::string_view text, Number& number, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string LogPosition::text() const {
  if (isFirst()) {
    return "0";
  }
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(kSaltDigits, '0');
  std::uint32_t salt = opening;
  for (auto at = text.rbegin(); at != text.rend(); ++at, salt >>= 4) {
    *at = kDigits[salt & 15];
  }
  text += '-' + std::to_string(lsn);
  if (restart != lsn) {
    text += '-' + std::to_string(lsn - restart);
  }
  return text;
}

Result<LogPosition> LogPosition::parse(std::string_view text) {
  LogPosition position;
  if (text == "0") {
    return position;
  }
  const auto wrong = [&] {
    return Error(ErrorCode::kInvalid, "'" + std::string(text.substr(0, 64)) + "' is no position in a log")
        .withHint("a position is what a feed has said, or 0 for the log's beginning");
  };
  if (text.size() <= kSaltDigits || text[kSaltDigits] != '-' || !parseAll(text.substr(0, kSaltDigits), position.opening, 16)) {
    return wrong();
  }
  const std::string_view rest = text.substr(kSaltDigits + 1);
  const std::size_t dash = rest.find('-');
  std::uint64_t back = 0;
  if (!parseAll(rest.substr(0, dash), position.lsn) ||
      (dash != std::string_view::npos && !parseAll(rest.substr(dash + 1), back)) || back > position.lsn) {
    return wrong();
  }
  position.restart = position.lsn - back;
  if (position.restart < kFirstLsn || position.lsn % kRecordAlignment != 0 || position.restart % kRecordAlignment != 0) {
    return wrong();
  }
  return position;
}

Openings Openings::of(const Manifest& manifest) {
  Openings openings;
  const auto found = manifest.properties.find(kProperty);
  if (found == manifest.properties.end()) {
    return openings;
  }
  const std::string& bytes = found->second;
  for (std::size_t at = 0; at + kEntryBytes <= bytes.size(); at += kEntryBytes) {
    Ended& ended = openings.ended_.emplace_back();
    std::memcpy(&ended.salt, bytes.data() + at, sizeof(ended.salt));
    std::memcpy(&ended.end, bytes.data() + at + sizeof(ended.salt), sizeof(ended.end));
  }
  return openings;
}

void Openings::putInto(Manifest& manifest) const {
  std::string& bytes = manifest.properties[kProperty];
  bytes.clear();
  for (std::size_t i = ended_.size() - std::min(kMost, ended_.size()); i < ended_.size(); ++i) {
    if (ended_[i].end >= manifest.segments.front().start) {
      bytes.append(reinterpret_cast<const char*>(&ended_[i].salt), sizeof(ended_[i].salt));
      bytes.append(reinterpret_cast<const char*>(&ended_[i].end), sizeof(ended_[i].end));
    }
  }
}

std::optional<Lsn> Openings::endOf(std::uint32_t salt) const {
  const auto found = std::find_if(ended_.begin(), ended_.end(), [salt](const Ended& ended) { return ended.salt == salt; });
  return found == ended_.end() ? std::nullopt : std::optional(found->end);
}

}  // namespace trefoil::aof
