#include "engine/commands/arguments.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <unordered_set>

#include "base/ascii_case.hpp"
#include "base/format_number.hpp"
#include "engine/database.hpp"
#include "engine/session.hpp"
#include "kv/integer_text.hpp"

namespace trefoil::commands {

bool isWord(std::string_view argument, std::string_view word) {
  return equalsIgnoringCase(argument, word);
}

Result<std::int64_t> integerArgument(std::string_view argument) {
  if (const auto value = kv::parseInteger(argument)) {
    return *value;
  }
  return notAnIntegerError();
}

Result<std::int64_t> integerArgument(std::string_view argument, std::int64_t minimum, std::string_view out_of_range) {
  const auto value = kv::parseInteger(argument);
  if (!value || *value < minimum) {
    return Error(ErrorCode::kInvalid, std::string(out_of_range));
  }
  return *value;
}

namespace {

// Whether the C library found the number too large or too small for its type (Redis, util.c, string2ld).
template <typename Number>
bool isOutOfRange(Number value) {
  return errno == ERANGE && (std::isinf(value) || value == 0);
}

// strtod and strtold take a text that ends in NUL. INCRBYFLOAT writes up to 4933 digits, and reads them again.
constexpr std::size_t kMaxNumberChars = 5 * 1024 - 1;

template <typename Number, typename Convert>
std::optional<Number> parseFloating(std::string_view text, Convert&& convert) {
  if (text.empty() || text.size() > kMaxNumberChars || text.front() == ' ' || (text.front() >= '\t' && text.front() <= '\r')) {
    return std::nullopt;
  }
  char buffer[kMaxNumberChars + 1];
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  char* end = nullptr;
  errno = 0;
  const Number value = convert(buffer, &end);
  if (end != buffer + text.size() || std::isnan(value) || isOutOfRange(value)) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

std::optional<double> parseDouble(std::string_view text) {
  return parseFloating<double>(text, [](const char* from, char** end) { return std::strtod(from, end); });
}

std::optional<long double> parseLongDouble(std::string_view text) {
  return parseFloating<long double>(text, [](const char* from, char** end) { return std::strtold(from, end); });
}

std::optional<double> parseScoreBound(std::string_view text) {
  const std::string terminated(text.substr(0, text.find('\0')));
  char* end = nullptr;
  const double value = std::strtod(terminated.c_str(), &end);
  if (*end != '\0' || std::isnan(value)) {
    return std::nullopt;
  }
  return value;
}

Result<double> floatArgument(std::string_view argument) {
  if (const auto value = parseDouble(argument)) {
    return *value;
  }
  return notAFloatError();
}

std::string formatLongDouble(long double value) {
  char buffer[5 * 1024];  // the largest long double has 4933 digits
  const int size = std::snprintf(buffer, sizeof(buffer), "%.17Lf", value);
  std::string text(buffer, static_cast<std::size_t>(size));
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') {
      text.pop_back();
    }
  }
  return text == "-0" ? "0" : text;
}

std::optional<ExpiryUnit> expiryUnit(std::string_view option) {
  if (isWord(option, "EX")) {
    return ExpiryUnit{1000, false};
  }
  if (isWord(option, "PX")) {
    return ExpiryUnit{1, false};
  }
  if (isWord(option, "EXAT")) {
    return ExpiryUnit{1000, true};
  }
  if (isWord(option, "PXAT")) {
    return ExpiryUnit{1, true};
  }
  return std::nullopt;
}

Result<Deadline> anyDeadline(std::string_view argument, ExpiryUnit unit, UnixMs now, std::string_view command) {
  TREFOIL_ASSIGN(const std::int64_t amount, integerArgument(argument));
  std::int64_t ms = 0;
  if (__builtin_mul_overflow(amount, unit.unit_ms, &ms) || (!unit.absolute && __builtin_add_overflow(ms, now.value, &ms))) {
    return Error(ErrorCode::kInvalid, "invalid expire time in '" + std::string(command) + "' command");
  }
  return Deadline{std::min(ms, kNever.unix_ms - 1)};  // the last millisecond of all stands for "never": the one before it does
}

Result<Deadline> positiveDeadline(std::string_view argument, ExpiryUnit unit, UnixMs now, std::string_view command) {
  TREFOIL_ASSIGN(const std::int64_t amount, integerArgument(argument));
  if (amount <= 0) {
    return Error(ErrorCode::kInvalid, "invalid expire time in '" + std::string(command) + "' command");
  }
  return anyDeadline(argument, unit, now, command);
}

IndexRange indexRange(std::int64_t start, std::int64_t stop, std::size_t size) {
  const auto length = static_cast<std::int64_t>(size);
  const auto from_start = [&](std::int64_t index) { return index < 0 ? std::max<std::int64_t>(index + length, -1) : index; };
  const std::int64_t first = std::max<std::int64_t>(from_start(start), 0);
  const std::int64_t last = std::min(from_start(stop), length - 1);
  if (first > last) {
    return {};
  }
  return {static_cast<std::size_t>(first), static_cast<std::size_t>(last - first + 1)};
}

Result<std::uint64_t> scanCursor(std::string_view argument) {
  if (argument.empty()) {
    return 0;
  }
  const std::string_view digits = argument.substr(argument.front() == '+' ? 1 : 0);
  std::uint64_t cursor = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), cursor);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return Error(ErrorCode::kInvalid, "invalid cursor");
  }
  return cursor;
}

Result<ScanOptions> scanOptions(const OptionGrammar& grammar, std::span<const std::string_view> args, std::size_t at) {
  ScanOptions options;
  OptionReader option(grammar, args, at + 1);
  while (option.next()) {
    if (option.is("COUNT")) {
      TREFOIL_ASSIGN(const std::int64_t count, integerArgument(option.value()));
      if (count < 1) {
        return syntaxError();
      }
      options.count = static_cast<std::size_t>(count);
    } else if (option.is("MATCH")) {
      options.match = option.value();
    } else {
      options.type = option.value();
    }
  }
  TREFOIL_TRY(option.status());
  return options;
}

void replyScan(Reply& reply, std::uint64_t next, const std::vector<std::string>& elements) {
  char cursor[kMaxIntegerChars];
  reply.array(2);
  reply.bulk({cursor, formatUnsigned(cursor, next)});
  replyBulks(reply, elements);
}

void replyBulks(Reply& reply, const std::vector<std::string>& texts) {
  reply.array(texts.size());
  for (const std::string& text : texts) {
    reply.bulk(text);
  }
}

void replyScoredArray(CommandCall& call, std::size_t count) {
  call.reply.array(call.session.protocol() == 3 ? count : count * 2);
}

void replyScored(CommandCall& call, std::string_view member, double score) {
  if (call.session.protocol() == 3) {
    call.reply.array(2);
  }
  call.reply.bulk(member);
  call.reply.real(score);
}

std::uint64_t randomBits(CommandCall& call) {
  thread_local std::optional<std::mt19937_64> generator;
  if (!generator) {
    std::uint64_t seed = 0;
    call.session.database().env().randomBytes({reinterpret_cast<char*>(&seed), sizeof(seed)});
    generator.emplace(seed);
  }
  return (*generator)();
}

std::vector<std::size_t> randomIndices(CommandCall& call, std::size_t count, std::size_t size) {
  std::vector<std::size_t> indices;
  if (count >= size) {
    for (std::size_t i = 0; i < size; ++i) {
      indices.push_back(i);
    }
    return indices;
  }
  // R. Floyd: a uniform sample in `count` steps.
  std::unordered_set<std::size_t> chosen;
  for (std::size_t i = size - count; i < size; ++i) {
    const std::size_t candidate = randomBits(call) % (i + 1);
    indices.push_back(chosen.insert(candidate).second ? candidate : i);
    chosen.insert(indices.back());
  }
  for (std::size_t i = indices.size(); i > 1; --i) {
    std::swap(indices[i - 1], indices[randomBits(call) % i]);
  }
  return indices;
}

}  // namespace trefoil::commands
