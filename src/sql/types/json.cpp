#include "sql/types/json.hpp"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

namespace trefoil::sql {
namespace {

bool isSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void skipSpace(std::string_view json, std::size_t& at) {
  while (at < json.size() && isSpace(json[at])) {
    ++at;
  }
}

// `at` is at the opening quote of a string of valid JSON; moves past the closing one.
void skipString(std::string_view json, std::size_t& at) {
  ++at;
  while (at < json.size() && json[at] != '"') {
    at += json[at] == '\\' ? 2 : 1;
  }
  ++at;
}

// Moves past one value of valid JSON by counting brackets, and answers its text.
std::string_view skipValue(std::string_view json, std::size_t& at) {
  skipSpace(json, at);
  const std::size_t from = at;
  std::size_t depth = 0;
  while (at < json.size()) {
    const char c = json[at];
    if (c == '"') {
      skipString(json, at);
    } else if (c == '{' || c == '[') {
      ++depth;
      ++at;
    } else if (c == '}' || c == ']') {
      if (depth == 0) {
        break;
      }
      --depth;
      ++at;
    } else if (depth == 0 && (c == ',' || c == ':' || isSpace(c))) {
      break;
    } else {
      ++at;
      continue;
    }
    if (depth == 0) {
      break;
    }
  }
  return json.substr(from, at - from);
}

// The characters of a JSON string given with its quotes.
std::string unescape(std::string_view quoted) {
  if (quoted.find('\\') == std::string_view::npos) {
    return std::string(quoted.substr(1, quoted.size() - 2));
  }
  rapidjson::Document document;
  document.Parse(quoted.data(), quoted.size());
  if (document.HasParseError() || !document.IsString()) {
    return std::string(quoted);
  }
  return {document.GetString(), document.GetStringLength()};
}

// Calls function(value text) for each element of the array `json` until it answers false.
template <typename Function>
void forEachElement(std::string_view json, Function&& function) {
  std::size_t at = 0;
  skipSpace(json, at);
  ++at;
  skipSpace(json, at);
  while (at < json.size() && json[at] != ']') {
    if (!function(skipValue(json, at))) {
      return;
    }
    skipSpace(json, at);
    if (at < json.size() && json[at] == ',') {
      ++at;
    }
    skipSpace(json, at);
  }
}

char firstCharacter(std::string_view json) {
  std::size_t at = 0;
  skipSpace(json, at);
  return at < json.size() ? json[at] : '\0';
}

}  // namespace

namespace {

int hexDigit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

// What is wrong with the halves of characters that \\u gives; nothing if they come in pairs. Other faults are none of its
// business.
std::optional<std::string> surrogateProblem(std::string_view text) {
  constexpr const char* kNoHigh = "Unicode low surrogate must follow a high surrogate.";
  bool after_high = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned code = 0;
    if (text[at] == '\\' && text.size() - at >= 6 && text[at + 1] == 'u') {
      for (std::size_t digit = at + 2; digit < at + 6; ++digit) {
        const int value = hexDigit(text[digit]);
        if (value < 0) {
          return std::nullopt;
        }
        code = code * 16 + static_cast<unsigned>(value);
      }
      at += 5;
    } else if (text[at] == '\\') {
      ++at;
    }
    const bool high = (code & 0xFC00U) == 0xD800U;
    const bool low = (code & 0xFC00U) == 0xDC00U;
    if (after_high != low) {
      return after_high && high ? "Unicode high surrogate must not follow a high surrogate." : kNoHigh;
    }
    after_high = high;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> jsonProblem(std::string_view text) {
  if (text.find("\\u") != std::string_view::npos) {
    if (auto problem = surrogateProblem(text)) {
      return problem;
    }
  }
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> input(stream);
  rapidjson::BaseReaderHandler<> nothing;
  rapidjson::Reader reader;
  constexpr unsigned kFlags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag;
  if (reader.Parse<kFlags>(input, nothing)) {
    return std::nullopt;
  }
  std::string problem = rapidjson::GetParseError_En(reader.GetParseErrorCode());
  if (!problem.empty() && problem.back() == '.') {
    problem.pop_back();
  }
  return problem + " at offset " + std::to_string(reader.GetErrorOffset()) + ".";
}

std::optional<std::string_view> jsonMember(std::string_view json, std::string_view key) {
  if (firstCharacter(json) != '{') {
    return std::nullopt;
  }
  std::optional<std::string_view> found;
  std::size_t at = 0;
  skipSpace(json, at);
  ++at;
  skipSpace(json, at);
  while (at < json.size() && json[at] == '"') {
    const std::size_t from = at;
    skipString(json, at);
    const std::string_view name = json.substr(from, at - from);
    skipSpace(json, at);
    ++at;  // the colon
    const std::string_view value = skipValue(json, at);
    const bool plain = name.find('\\') == std::string_view::npos;
    if (plain ? name.substr(1, name.size() - 2) == key : unescape(name) == key) {
      found = value;
    }
    skipSpace(json, at);
    if (at < json.size() && json[at] == ',') {
      ++at;
    }
    skipSpace(json, at);
  }
  return found;
}

std::optional<std::string_view> jsonElement(std::string_view json, std::int64_t index) {
  if (firstCharacter(json) != '[') {
    return std::nullopt;
  }
  if (index < 0) {
    index += *jsonArrayLength(json);
    if (index < 0) {
      return std::nullopt;
    }
  }
  std::optional<std::string_view> found;
  forEachElement(json, [&](std::string_view value) {
    if (index-- == 0) {
      found = value;
      return false;
    }
    return true;
  });
  return found;
}

std::optional<std::string> jsonAsText(std::string_view json) {
  std::size_t at = 0;
  const std::string_view value = skipValue(json, at);
  if (value == "null") {
    return std::nullopt;
  }
  if (!value.empty() && value.front() == '"') {
    return unescape(value);
  }
  return std::string(value);
}

std::string_view jsonTypeName(std::string_view json) {
  switch (firstCharacter(json)) {
    case '{':
      return "object";
    case '[':
      return "array";
    case '"':
      return "string";
    case 't':
    case 'f':
      return "boolean";
    case 'n':
      return "null";
    default:
      return "number";
  }
}

std::optional<std::int64_t> jsonArrayLength(std::string_view json) {
  if (firstCharacter(json) != '[') {
    return std::nullopt;
  }
  std::int64_t length = 0;
  forEachElement(json, [&](std::string_view) {
    ++length;
    return true;
  });
  return length;
}

}  // namespace trefoil::sql
