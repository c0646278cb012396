// OptionReader: reads the options behind a command's other arguments, by the grammar of its row in the table
// (engine/argument_grammar.hpp).
//
//   static const OptionGrammar kOptions("SET");
//   OptionReader options(kOptions, call.args, 3);
//   while (options.next()) {
//     if (options.is("GET")) …
//   }
//   TREFOIL_TRY(options.status());
//
// Options come in any order. One may come again, and whoever reads them lets the last one count; but of alternatives
// ([NX | XX]) only one may be there. What the grammar does not have, and an option without its values, is a "syntax error". What
// the values are is for the handler to see, in the order in which they come: of several errors the first is told, as in Redis.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.hpp"

namespace trefoil {

struct Argument;

}  // namespace trefoil

namespace trefoil::commands {

// The options in a command's grammar: what is optional and has a TOKEN. Made once for a handler; thread-safe.
class OptionGrammar {
 public:
  // `command` is in the table.
  explicit OptionGrammar(std::string_view command);

 private:
  friend class OptionReader;
  struct Option {
    std::string token;
    std::size_t values = 0;
    bool takes_more = false;  // up to the next option
    int group = 0;            // of alternatives
  };
  void addAll(std::span<const Argument> arguments);
  void add(const Argument& argument);
  [[nodiscard]] const Option* find(std::string_view word) const;

  std::vector<Option> options_;
  int groups_ = 0;
};

class OptionReader {
 public:
  // They begin at args[at]. Both outlive the reader.
  OptionReader(const OptionGrammar& grammar, std::span<const std::string_view> args, std::size_t at)
      : grammar_(grammar), args_(args), at_(at) {}

  // Goes to the next one; false: there is none, or status() says what is wrong.
  bool next();
  // Once, when next() has said false.
  [[nodiscard]] Status status() { return std::move(status_); }

  // Of the option that next() has gone to: its word, as the grammar has it (in upper case), and its values.
  [[nodiscard]] std::string_view token() const { return option_->token; }
  [[nodiscard]] bool is(std::string_view token) const { return option_->token == token; }
  [[nodiscard]] std::span<const std::string_view> values() const { return values_; }
  [[nodiscard]] std::string_view value() const { return values_[0]; }

 private:
  [[nodiscard]] bool isExcluded(const OptionGrammar::Option& option) const;

  const OptionGrammar& grammar_;
  std::span<const std::string_view> args_;
  std::size_t at_;
  const OptionGrammar::Option* option_ = nullptr;
  std::span<const std::string_view> values_;
  std::uint64_t seen_ = 0;  // bits of options_
  Status status_;
};

}  // namespace trefoil::commands
