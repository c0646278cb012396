#include "engine/argument_grammar.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "base/ascii_case.hpp"
#include "base/assert.hpp"

namespace trefoil {

namespace {

using Type = ArgumentType;
using Arguments = std::vector<Argument>;

constexpr auto kTypeNames = std::to_array<std::string_view>(
    {"string", "integer", "double", "key", "pattern", "unix-time", "pure-token", "oneof", "block"});

// Values whose names say what they are. Others are strings.
constexpr auto kTypesOfNames = std::to_array<std::pair<std::string_view, Type>>({
    {"client-id", Type::kInteger},
    {"count", Type::kInteger},
    {"cursor", Type::kInteger},
    {"decrement", Type::kInteger},
    {"destination", Type::kKey},
    {"destination-db", Type::kInteger},
    {"end", Type::kInteger},
    {"increment", Type::kInteger},
    {"index", Type::kInteger},
    {"key", Type::kKey},
    {"latitude", Type::kDouble},
    {"longitude", Type::kDouble},
    {"max", Type::kDouble},
    {"milliseconds", Type::kInteger},
    {"min", Type::kDouble},
    {"newkey", Type::kKey},
    {"numkeys", Type::kInteger},
    {"numreplicas", Type::kInteger},
    {"offset", Type::kInteger},
    {"pattern", Type::kPattern},
    {"protover", Type::kInteger},
    {"radius", Type::kDouble},
    {"score", Type::kDouble},
    {"seconds", Type::kInteger},
    {"source", Type::kKey},
    {"start", Type::kInteger},
    {"stop", Type::kInteger},
    {"timeout", Type::kDouble},
    {"unix-time-milliseconds", Type::kUnixTime},
    {"unix-time-seconds", Type::kUnixTime},
    {"weight", Type::kInteger},
});

constexpr std::string_view kSeveral = "…";

std::optional<Type> typeNamed(std::string_view name) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(Type::kPureToken); ++i) {
    if (kTypeNames[i] == name) {
      return static_cast<Type>(i);
    }
  }
  return std::nullopt;
}

bool isName(std::string_view word) {
  return !word.empty() && word[0] >= 'a' && word[0] <= 'z';
}

// A group's, made of the names in it.
std::string joinedNames(const Arguments& arguments) {
  std::string name;
  for (const Argument& argument : arguments) {
    name += (name.empty() ? "" : "_") + argument.name;
  }
  return name;
}

Argument group(Type type, Arguments arguments) {
  Argument made;
  made.type = type;
  made.name = joinedNames(arguments);
  made.arguments = std::move(arguments);
  return made;
}

// Recursive descent; what is not well formed leaves failed_.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::optional<Arguments> readAll() {
    Arguments arguments = readSequence();
    return failed_ || !text_.empty() ? std::nullopt : std::optional(std::move(arguments));
  }

 private:
  // Up to a '|', a closing bracket or the end.
  Arguments readSequence() {
    Arguments arguments;
    while (!failed_ && !atEnd()) {
      arguments.push_back(readArgument());
    }
    return arguments;
  }

  bool atEnd() {
    text_.remove_prefix(std::min(text_.find_first_not_of(' '), text_.size()));
    return text_.empty() || text_[0] == '|' || text_[0] == ']' || text_[0] == '>';
  }

  Argument readArgument() {
    std::string_view word = text_.substr(0, std::min(text_.find_first_of(" []<>|"), text_.find(kSeveral)));
    text_.remove_prefix(word.size());
    std::string_view name;
    if (const std::size_t equals = word.find('='); isName(word) && equals != std::string_view::npos) {
      name = word.substr(0, equals);
      word.remove_prefix(equals + 1);
    }
    Argument argument;
    if (word.empty()) {
      argument = readGroup(!name.empty());
    } else if (isName(word)) {
      argument = readValue(word);
    } else {
      argument = readBehind(word);
    }
    if (!name.empty()) {
      failed_ = failed_ || (argument.arguments.empty() && argument.type != Type::kPureToken);
      argument.name = name;
    }
    if (text_.starts_with(kSeveral)) {
      text_.remove_prefix(kSeveral.size());
      argument.multiple = true;
      argument.multiple_token = !argument.token.empty();
    }
    return argument;
  }

  // In brackets of either kind. Pointed ones make a group of their own even of a single value.
  Argument readGroup(bool named) {
    const bool optional = text_.starts_with('[');
    if (!optional && !text_.starts_with('<')) {
      failed_ = true;
      return {};
    }
    std::vector<Arguments> choices;
    do {
      text_.remove_prefix(1);  // the bracket, or a '|'
      choices.push_back(readSequence());
      failed_ = failed_ || choices.back().empty();
    } while (!failed_ && text_.starts_with('|'));
    failed_ = failed_ || !text_.starts_with(optional ? ']' : '>');
    if (failed_) {
      return {};
    }
    text_.remove_prefix(1);
    Argument made;
    if (choices.size() > 1) {
      Arguments alternatives;
      for (Arguments& choice : choices) {
        alternatives.push_back(choice.size() == 1 ? std::move(choice[0]) : group(Type::kBlock, std::move(choice)));
      }
      made = group(Type::kOneOf, std::move(alternatives));
    } else if (named || choices[0].size() > 1 || (!optional && choices[0][0].token.empty())) {
      made = group(Type::kBlock, std::move(choices[0]));
    } else {
      made = std::move(choices[0][0]);
    }
    made.optional = made.optional || optional;
    return made;
  }

  Argument readValue(std::string_view word) {
    Argument value;
    if (const std::size_t hash = word.rfind('#'); hash != std::string_view::npos) {
      failed_ = failed_ || hash + 2 != word.size();
      value.key_spec = word.back() - '0';
      word = word.substr(0, hash);
    }
    const std::size_t colon = word.rfind(':');
    const std::optional<Type> type = colon == std::string_view::npos ? std::nullopt : typeNamed(word.substr(colon + 1));
    value.name = type ? word.substr(0, colon) : word;
    const auto* const known = std::find_if(kTypesOfNames.begin(), kTypesOfNames.end(),
                                           [&](const auto& one) { return one.first == std::string_view(value.name); });
    value.type = type ? *type : known == kTypesOfNames.end() ? Type::kString : known->second;
    return value;
  }

  // A word, and what belongs to it.
  Argument readBehind(std::string_view token) {
    Arguments behind = readSequence();
    Argument argument;
    if (behind.empty()) {
      argument.type = Type::kPureToken;
      argument.name = lowerCase(token);
    } else if (behind.size() == 1 && behind[0].token.empty() && !behind[0].optional) {
      argument = std::move(behind[0]);
    } else {
      argument = group(Type::kBlock, std::move(behind));
    }
    argument.token = token;
    return argument;
  }

  std::string_view text_;
  bool failed_ = false;
};

// Keys get their specs in turn; the last one has all that are left.
void assignKeySpecs(Arguments& arguments, int specs, int& next) {
  for (Argument& argument : arguments) {
    if (argument.type == Type::kKey && !argument.key_spec && specs > 0) {
      argument.key_spec = std::min(next++, specs - 1);
    }
    assignKeySpecs(argument.arguments, specs, next);
  }
}

// --- For people ------------------------------------------------------------------------------------------------------------

std::string describe(const Argument& argument);

std::string describeAll(std::span<const Argument> arguments, std::string_view between) {
  std::string text;
  for (const Argument& argument : arguments) {
    text.append(text.empty() ? "" : between).append(describe(argument));
  }
  return text;
}

// Without the brackets of an option.
std::string describeWithin(const Argument& argument) {
  if (argument.type == Type::kPureToken) {
    return argument.token;
  }
  std::string value = argument.type == Type::kOneOf   ? describeAll(argument.arguments, " | ")
                      : argument.type == Type::kBlock ? describeAll(argument.arguments, " ")
                                                      : argument.name;
  const bool alone = argument.optional && argument.token.empty() && !argument.multiple;
  if (argument.type == Type::kOneOf && !alone) {
    value = "<" + value + ">";
  }
  std::string with_token = argument.token.empty() ? value : argument.token + " " + value;
  if (!argument.multiple) {
    return with_token;
  }
  const std::string again = argument.multiple_token ? with_token + " " : argument.type == Type::kOneOf ? "" : value + " ";
  return with_token + " [" + again + "…]";
}

std::string describe(const Argument& argument) {
  const std::string text = describeWithin(argument);
  return argument.optional ? "[" + text + "]" : text;
}

// --- What comes next -------------------------------------------------------------------------------------------------------

void collectTokens(std::span<const Argument> arguments, std::vector<std::string_view>& tokens) {
  for (const Argument& argument : arguments) {
    tokens.push_back(argument.token);
    collectTokens(argument.arguments, tokens);
  }
}

// Tries all ways to read the words, and notes what each could go on with where they end. A word that the grammar knows is no
// value where there need not be another one.
class Matcher {
 public:
  using Continue = std::function<void(std::size_t)>;

  Matcher(std::span<const Argument> grammar, std::span<const std::string_view> words, NextArguments& next)
      : words_(words), next_(next) {
    collectTokens(grammar, tokens_);
  }

  void sequence(std::span<const Argument> arguments, std::size_t at, const Continue& then) {
    if (arguments.empty() || ++steps_ > kMaxSteps) {
      return then(at);
    }
    std::size_t options = 0;
    while (options < arguments.size() && arguments[options].optional) {
      ++options;
    }
    const std::size_t taken = std::max<std::size_t>(options, 1);
    const auto rest = [&, taken](std::size_t behind) { sequence(arguments.subspan(taken), behind, then); };
    if (options > 0) {
      anyOf(arguments.first(options), 0, at, rest);
    } else {
      one(arguments[0], at, rest);
    }
  }

 private:
  static constexpr int kMaxSteps = 10'000;  // enough for what is typed

  // Options in any order, each of them once.
  void anyOf(std::span<const Argument> options, std::uint32_t used, std::size_t at, const Continue& then) {
    if (++steps_ > kMaxSteps) {
      return;
    }
    then(at);
    for (std::size_t i = 0; i < options.size(); ++i) {
      const std::uint32_t bit = 1U << i;
      if ((used & bit) == 0) {
        one(options[i], at, [&, bit](std::size_t behind) { anyOf(options, used | bit, behind, then); });
      }
    }
  }

  void one(const Argument& argument, std::size_t at, const Continue& then) {
    if (!argument.token.empty() && !takesToken(argument.token, at)) {
      return;
    }
    body(argument, at, then);
  }

  void body(const Argument& argument, std::size_t at, const Continue& then) {
    const Continue again = [&](std::size_t behind) {
      then(behind);
      if (!argument.multiple || ++steps_ > kMaxSteps) {
        return;
      }
      if (argument.multiple_token) {
        one(argument, behind, then);
      } else if (behind == words_.size() || !isToken(words_[behind])) {
        body(argument, behind, then);
      }
    };
    if (argument.type == Type::kPureToken) {
      then(at);
    } else if (argument.type == Type::kBlock) {
      sequence(argument.arguments, at, again);
    } else if (argument.type == Type::kOneOf) {
      for (const Argument& choice : argument.arguments) {
        one(choice, at, again);
      }
    } else if (at == words_.size()) {
      note(next_.names, argument.name);
    } else if (accepts(argument.type, words_[at])) {
      again(at + 1);
    }
  }

  bool takesToken(std::string_view token, std::size_t& at) {
    if (at == words_.size()) {
      note(next_.tokens, token);
      return false;
    }
    return equalsIgnoringCase(words_[at++], token);
  }

  [[nodiscard]] bool isToken(std::string_view word) const {
    return std::any_of(tokens_.begin(), tokens_.end(), [&](std::string_view token) { return equalsIgnoringCase(token, word); });
  }

  static bool accepts(Type type, std::string_view word) {
    constexpr std::string_view kIntegerBegins = "+-0123456789";
    constexpr std::string_view kDoubleBegins = "+-0123456789.(iI";
    if (type == Type::kInteger || type == Type::kUnixTime || type == Type::kDouble) {
      const std::string_view begins = type == Type::kDouble ? kDoubleBegins : kIntegerBegins;
      return !word.empty() && begins.find(word[0]) != std::string_view::npos;
    }
    return true;
  }

  static void note(std::vector<std::string>& to, std::string_view text) {
    if (std::find(to.begin(), to.end(), text) == to.end()) {
      to.emplace_back(text);
    }
  }

  std::span<const std::string_view> words_;
  NextArguments& next_;
  std::vector<std::string_view> tokens_;
  int steps_ = 0;
};

}  // namespace

std::string_view argumentTypeName(ArgumentType type) {
  return kTypeNames[static_cast<std::size_t>(type)];
}

std::optional<std::vector<Argument>> parseArguments(std::string_view syntax, std::size_t key_specs) {
  std::optional<Arguments> arguments = Reader(syntax).readAll();
  if (arguments) {
    int next = 0;
    assignKeySpecs(*arguments, static_cast<int>(key_specs), next);
  }
  return arguments;
}

std::vector<Argument> argumentsOf(const CommandMeta& meta) {
  std::optional<Arguments> arguments = parseArguments(meta.syntax, meta.keys.size());
  TREFOIL_ASSERT(arguments.has_value());
  return *std::move(arguments);
}

std::string describeArguments(std::span<const Argument> arguments) {
  return describeAll(arguments, " ");
}

NextArguments nextArguments(std::span<const Argument> arguments, std::span<const std::string_view> words) {
  NextArguments next;
  Matcher(arguments, words, next).sequence(arguments, 0, [](std::size_t) {});
  return next;
}

}  // namespace trefoil
