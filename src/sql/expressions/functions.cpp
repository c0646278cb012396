#include "sql/expressions/functions.hpp"

#include <algorithm>
#include <map>

namespace trefoil::sql {
namespace {

// All functions by name, made at first use.
class Registry {
 public:
  static const Registry& instance() {
    static const Registry registry;
    return registry;
  }
  [[nodiscard]] std::span<const Function* const> find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? std::span<const Function* const>() : std::span<const Function* const>(found->second);
  }

 private:
  Registry() {
    for (const auto list : {arithmeticFunctions, comparisonFunctions, mathFunctions, stringFunctions, dateTimeFunctions,
                            jsonFunctions, vectorFunctions, castFunctions}) {
      lists_.push_back(list());
    }
    for (const auto& list : lists_) {
      for (const Function& function : list) {
        by_name_[function.name].push_back(&function);
      }
    }
  }
  std::vector<std::vector<Function>> lists_;
  std::map<std::string_view, std::vector<const Function*>, std::less<>> by_name_;
};

const SqlType& parameterType(const Function& function, std::size_t index) {
  return index < function.parameters.size() ? function.parameters[index] : function.parameters.back();
}

bool takesCount(const Function& function, std::size_t count) {
  return function.variadic ? count >= function.parameters.size() : count == function.parameters.size();
}

bool takesExactly(const Function& function, std::span<const SqlType> arguments) {
  if (!takesCount(function, arguments.size())) {
    return false;
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const SqlType& to = parameterType(function, i);
    if (!to.isUnknown() && to.id != arguments[i].id) {  // a parameter of unknown type takes anything
      return false;
    }
  }
  return true;
}

bool takes(const Function& function, std::span<const SqlType> arguments) {
  if (!takesCount(function, arguments.size())) {
    return false;
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const SqlType& to = parameterType(function, i);
    if (!to.isUnknown() && !convertsImplicitly(arguments[i], to)) {
      return false;
    }
  }
  return true;
}

// Those functions that take the arguments, and which of them is meant: PostgreSQL's steps, each of which keeps the best ones.
class Candidates {
 public:
  Candidates(std::span<const Function* const> functions, std::span<const SqlType> arguments) : arguments_(arguments) {
    for (const Function* function : functions) {
      if (takes(*function, arguments)) {
        list_.push_back(function);
      }
    }
  }

  Resolution choose() {
    if (list_.size() > 1) {
      keepBest([&](const SqlType& from, const SqlType& to) { return from.id == to.id; });
    }
    if (list_.size() > 1) {
      keepBest([&](const SqlType& from, const SqlType& to) {
        return from.id == to.id || (from.category() == to.category() && to.info().preferred);
      });
    }
    if (list_.size() > 1) {
      guessUnknown();
    }
    if (list_.size() > 1) {
      takeUnknownAsKnown();
    }
    return list_.size() == 1 ? Resolution{list_[0]} : Resolution{nullptr, !list_.empty()};
  }

 private:
  template <typename Matches>
  void keepBest(const Matches& matches) {
    std::vector<std::size_t> scores;
    for (const Function* function : list_) {
      std::size_t score = 0;
      for (std::size_t i = 0; i < arguments_.size(); ++i) {
        score += !arguments_[i].isUnknown() && matches(arguments_[i], parameterType(*function, i)) ? 1 : 0;
      }
      scores.push_back(score);
    }
    const std::size_t best = *std::max_element(scores.begin(), scores.end());
    keep([&](std::size_t i) { return scores[i] == best; });
  }

  template <typename Wanted>
  void keep(const Wanted& wanted) {
    std::vector<const Function*> kept;
    for (std::size_t i = 0; i < list_.size(); ++i) {
      if (wanted(i)) {
        kept.push_back(list_[i]);
      }
    }
    list_ = std::move(kept);
  }

  // The category of each untyped argument: strings if any candidate takes one there, else the one that all agree on. Candidates
  // of that category stay, and if one has the category's preferred type, only those that have it.
  void guessUnknown() {
    for (std::size_t i = 0; i < arguments_.size(); ++i) {
      if (!arguments_[i].isUnknown()) {
        continue;
      }
      const auto type_of = [&](std::size_t candidate) -> const SqlType& { return parameterType(*list_[candidate], i); };
      char category = type_of(0).category();
      bool agreed = true;
      bool prefers = false;
      for (std::size_t c = 0; c < list_.size(); ++c) {
        if (type_of(c).isString()) {
          category = 'S';
        }
      }
      for (std::size_t c = 0; c < list_.size(); ++c) {
        agreed = agreed && type_of(c).category() == category;
        prefers = prefers || (type_of(c).category() == category && type_of(c).info().preferred);
      }
      if (!agreed && category != 'S') {
        return;
      }
      keep([&](std::size_t c) { return type_of(c).category() == category && (!prefers || type_of(c).info().preferred); });
    }
  }

  // If all typed arguments are of one type, the untyped ones are of that type, too, if just one candidate takes that.
  void takeUnknownAsKnown() {
    SqlType known;
    for (const SqlType& argument : arguments_) {
      if (!argument.isUnknown()) {
        if (!known.isUnknown() && known.id != argument.id) {
          return;
        }
        known = argument;
      }
    }
    if (known.isUnknown()) {
      return;
    }
    const std::vector<SqlType> all(arguments_.size(), known);
    std::vector<const Function*> fitting;
    for (const Function* function : list_) {
      if (takes(*function, all)) {
        fitting.push_back(function);
      }
    }
    if (fitting.size() == 1) {
      list_ = std::move(fitting);
    }
  }

  std::span<const SqlType> arguments_;
  std::vector<const Function*> list_;
};

const Function* findExact(std::string_view name, std::span<const SqlType> arguments) {
  for (const Function* candidate : findFunctions(name)) {
    if (takesExactly(*candidate, arguments)) {
      return candidate;
    }
  }
  return nullptr;
}

}  // namespace

std::span<const Function* const> findFunctions(std::string_view name) {
  return Registry::instance().find(name);
}

Resolution resolveFunction(std::string_view name, std::span<const SqlType> arguments) {
  if (const Function* exact = findExact(name, arguments)) {
    return {exact};
  }
  return Candidates(findFunctions(name), arguments).choose();
}

Resolution resolveOperator(std::string_view name, const SqlType& left, const SqlType& right) {
  if (left.isUnknown() != right.isUnknown()) {
    const SqlType& known = left.isUnknown() ? right : left;
    const SqlType both[] = {known, known};
    if (const Function* exact = findExact(name, both)) {
      return {exact};
    }
  }
  const SqlType sides[] = {left, right};
  return resolveFunction(name, sides);
}

const Function& builtinFunction(std::string_view name, std::span<const SqlType> arguments) {
  const Function* const function = findExact(name, arguments);
  TREFOIL_ASSERT(function != nullptr);
  return *function;
}

const Function* castFunction(const SqlType& from, const SqlType& to) {
  const auto id_of = [](const SqlType& type) { return type.isString() ? TypeId::kText : type.id; };
  for (const Function* candidate : findFunctions("cast")) {
    if (candidate->parameters.front().id == id_of(from) && candidate->result.id == id_of(to)) {
      return candidate;
    }
  }
  return nullptr;
}

}  // namespace trefoil::sql
