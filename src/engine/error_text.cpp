#include "engine/error_text.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace trefoil {

namespace {

constexpr std::size_t kKeptAtEnd = 256;
constexpr std::string_view kGap = " … ";

bool isControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7F;
}

// Within a character of UTF-8; of bytes that are none, at most three are passed over.
bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// Of a text that is long enough.
std::string withoutMiddle(std::string_view text) {
  std::size_t head = kMaxErrorText - kKeptAtEnd;
  std::size_t tail = text.size() - kKeptAtEnd;
  for (int i = 0; i < 3 && continues(text[head]); ++i) {
    --head;
  }
  for (int i = 0; i < 3 && continues(text[tail]); ++i) {
    ++tail;
  }
  return std::string(text.substr(0, head)).append(kGap).append(text.substr(tail));
}

void makePresentable(std::string& text) {
  if (text.size() > kMaxErrorText || std::any_of(text.begin(), text.end(), isControl)) {
    text = presentableText(text);
  }
}

}  // namespace

std::string presentableText(std::string_view text) {
  const std::string cut = text.size() > kMaxErrorText ? withoutMiddle(text) : std::string(text);
  std::string shown;
  for (const char c : cut) {
    if (isControl(c)) {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      shown += c;
    }
  }
  return shown;
}

Error presentable(Error error) {
  makePresentable(error.message);
  makePresentable(error.detail);
  makePresentable(error.hint);
  return error;
}

}  // namespace trefoil
