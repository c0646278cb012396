#include "parser/command_line.hpp"

#include "parser/command_line_grammar.hpp"

namespace trefoil::parser {
namespace {

using namespace command_line;  // NOLINT: the rules of the one grammar this file is about
using LineInput = pegtl::memory_input<pegtl::tracking_mode::lazy, pegtl::eol::lf, const char*>;

struct LineState {
  std::vector<std::string> arguments;
  std::string current;
  std::size_t quote = 0;  // where the latest quote was opened
};

struct UnbalancedQuotes {
  std::size_t position;
};

char hexValue(char c) {
  return static_cast<char>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

char escapedCharacter(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// -------------------------------------------------------------------------------------------------------------------- actions

template <typename Rule>
struct LineAction : pegtl::nothing<Rule> {};

struct KeepsCharacter {
  template <typename ActionInput>
  static void apply(const ActionInput& in, LineState& state) {
    state.current += in.peek_char();
  }
};
template <>
struct LineAction<bare_character> : KeepsCharacter {};
template <>
struct LineAction<double_plain> : KeepsCharacter {};
template <>
struct LineAction<single_plain> : KeepsCharacter {};
template <>
struct LineAction<hex_escape> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, LineState& state) {
    state.current += static_cast<char>(hexValue(in.peek_char(2)) << 4 | hexValue(in.peek_char(3)));
  }
};
template <>
struct LineAction<character_escape> {
  template <typename ActionInput>
  static void apply(const ActionInput& in, LineState& state) {
    state.current += escapedCharacter(in.peek_char(1));
  }
};
template <>
struct LineAction<quote_escape> {
  static void apply0(LineState& state) { state.current += '\''; }
};
template <>
struct LineAction<argument> {
  static void apply0(LineState& state) {
    state.arguments.push_back(std::move(state.current));
    state.current.clear();
  }
};

// A quote that was opened must be closed: the only thing that can go wrong.
template <typename Rule>
struct LineControl : pegtl::normal<Rule> {
  template <typename ParseInput>
  static void start(const ParseInput& in, LineState& state) {
    if constexpr (std::is_same_v<Rule, double_quoted> || std::is_same_v<Rule, single_quoted>) {
      if (!in.empty() && (in.peek_char() == '"' || in.peek_char() == '\'')) {
        state.quote = in.byte();
      }
    }
  }
  template <typename ParseInput>
  [[noreturn]] static void raise(const ParseInput& /*in*/, LineState& state) {
    throw UnbalancedQuotes{state.quote};
  }
};

}  // namespace

Result<std::vector<std::string>> splitCommandLine(std::string_view line) {
  LineState state;
  LineInput in(line.data(), line.data() + line.size(), "");
  try {
    const bool matched = pegtl::parse<command_line::arguments, LineAction, LineControl>(in, state);
    TREFOIL_ASSERT(matched);  // every byte is blank, bare or a quote
  } catch (const UnbalancedQuotes& failure) {
    return Error(ErrorCode::kSyntax, "unbalanced quotes in request").at(failure.position);
  }
  return std::move(state.arguments);
}

std::string quoteArgument(std::string_view argument) {
  const auto plain = [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\'' && c != '\\'; };
  bool all_plain = !argument.empty();
  for (const char c : argument) {
    all_plain = all_plain && plain(c);
  }
  if (all_plain) {
    return std::string(argument);
  }
  constexpr char kDigits[] = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : argument) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) >= ' ' && c != 0x7f) {
      quoted += c;
    } else {
      quoted += "\\x";
      quoted += kDigits[static_cast<unsigned char>(c) >> 4];
      quoted += kDigits[c & 15];
    }
  }
  return quoted + '"';
}

}  // namespace trefoil::parser
