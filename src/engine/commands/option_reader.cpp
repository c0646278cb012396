#include "engine/commands/option_reader.hpp"

#include <algorithm>

#include "base/ascii_case.hpp"
#include "base/assert.hpp"
#include "engine/argument_grammar.hpp"
#include "engine/command.hpp"

namespace trefoil::commands {

OptionGrammar::OptionGrammar(std::string_view command) {
  const auto* const meta =
      std::find_if(std::begin(kCommands), std::end(kCommands), [&](const CommandMeta& one) { return one.name == command; });
  TREFOIL_ASSERT(meta != std::end(kCommands));
  addAll(argumentsOf(*meta));
  TREFOIL_ASSERT(!options_.empty() && options_.size() <= 64);
}

void OptionGrammar::addAll(std::span<const Argument> arguments) {
  for (const Argument& argument : arguments) {
    ++groups_;
    if (!argument.optional) {
      addAll(argument.arguments);
    } else if (argument.type == ArgumentType::kOneOf && argument.token.empty()) {
      for (const Argument& alternative : argument.arguments) {
        add(alternative);
      }
    } else {
      add(argument);
    }
  }
}

void OptionGrammar::add(const Argument& argument) {
  if (argument.token.empty()) {
    return;  // a value that need not be there
  }
  const std::size_t values = argument.type == ArgumentType::kPureToken ? 0
                             : argument.type == ArgumentType::kBlock   ? argument.arguments.size()
                                                                       : 1;
  const bool takes_more =
      (argument.multiple && !argument.multiple_token) ||
      std::any_of(argument.arguments.begin(), argument.arguments.end(), [](const Argument& one) { return one.multiple; });
  options_.push_back({argument.token, values, takes_more, groups_});
}

const OptionGrammar::Option* OptionGrammar::find(std::string_view word) const {
  const auto found =
      std::find_if(options_.begin(), options_.end(), [&](const Option& one) { return equalsIgnoringCase(word, one.token); });
  return found == options_.end() ? nullptr : &*found;
}

bool OptionReader::isExcluded(const OptionGrammar::Option& option) const {
  for (std::size_t i = 0; i < grammar_.options_.size(); ++i) {
    const OptionGrammar::Option& other = grammar_.options_[i];
    if ((seen_ >> i & 1) != 0 && other.group == option.group && &other != &option) {
      return true;
    }
  }
  return false;
}

bool OptionReader::next() {
  if (at_ == args_.size()) {
    return false;
  }
  option_ = grammar_.find(args_[at_]);
  if (option_ == nullptr || isExcluded(*option_) || args_.size() - at_ - 1 < option_->values) {
    status_ = syntaxError();
    return false;
  }
  seen_ |= std::uint64_t{1} << (option_ - grammar_.options_.data());
  std::size_t end = ++at_ + option_->values;
  while (option_->takes_more && end < args_.size() && grammar_.find(args_[end]) == nullptr) {
    ++end;
  }
  values_ = args_.subspan(at_, end - at_);
  at_ = end;
  return true;
}

}  // namespace trefoil::commands
