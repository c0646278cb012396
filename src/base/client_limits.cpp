#include "base/client_limits.hpp"

#include <charconv>
#include <optional>
#include <vector>

#include "base/ascii_case.hpp"
#include "base/settings.hpp"

namespace trefoil {

namespace {

constexpr std::array<std::string_view, kClientClasses> kNames = {"normal", "slave", "pubsub"};

std::vector<std::string_view> wordsOf(std::string_view text) {
  std::vector<std::string_view> words;
  constexpr std::string_view kBlanks = " \t";
  for (std::size_t begin = text.find_first_not_of(kBlanks); begin != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kBlanks, begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(kBlanks, end);
  }
  return words;
}

std::optional<std::size_t> classOf(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (equalsIgnoringCase(name, kNames[i])) {
      return i;
    }
  }
  return equalsIgnoringCase(name, "replica") ? std::optional(static_cast<std::size_t>(ClientClass::kReplica)) : std::nullopt;
}

std::optional<std::int64_t> secondsOf(std::string_view text) {
  std::int32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return error == std::errc() && end == text.data() + text.size() && seconds >= 0 ? std::optional<std::int64_t>(seconds)
                                                                                  : std::nullopt;
}

}  // namespace

Result<ClientLimits> parseClientLimits(std::string_view text, ClientLimits limits) {
  const std::vector<std::string_view> words = wordsOf(text);
  if (words.size() % 4 != 0) {
    return Error(ErrorCode::kInvalid, "Wrong number of arguments in buffer limit configuration.");
  }
  for (std::size_t i = 0; i < words.size(); i += 4) {
    const std::optional<std::size_t> which = classOf(words[i]);
    if (!which) {
      return Error(ErrorCode::kInvalid, "Invalid client class specified in buffer limit configuration.");
    }
    const std::optional<std::int64_t> hard = parseMemorySize(words[i + 1]);
    const std::optional<std::int64_t> soft = parseMemorySize(words[i + 2]);
    const std::optional<std::int64_t> seconds = secondsOf(words[i + 3]);
    if (!hard || !soft || !seconds) {
      return Error(ErrorCode::kInvalid, "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    limits[*which] = {*hard, *soft, *seconds};
  }
  return limits;
}

std::string clientLimitsText(const ClientLimits& limits) {
  std::string text;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    text.append(i == 0 ? "" : " ").append(kNames[i]).append(" ").append(std::to_string(limits[i].hard));
    text.append(" ").append(std::to_string(limits[i].soft)).append(" ").append(std::to_string(limits[i].soft_seconds));
  }
  return text;
}

}  // namespace trefoil
