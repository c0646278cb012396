#include "sql/expressions/functions.hpp"

#include <map>

namespace trefoil::sql {
namespace {

constexpr int kNotAllowed = -1;

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

// Untyped arguments prefer text, as PostgreSQL's do, then what is written first.
int unknownCost(const SqlType& to) {
  return to.base == Type::kText ? 1 : 2;
}

int callCost(const Function& function, std::span<const SqlType> arguments, bool exact_only) {
  const bool count_fits =
      function.variadic ? arguments.size() >= function.parameters.size() : arguments.size() == function.parameters.size();
  if (!count_fits) {
    return kNotAllowed;
  }
  int total = 0;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const SqlType& to = parameterType(function, i);
    const SqlType from = arguments[i].withoutModifier();
    int cost = kNotAllowed;
    if (from == to || to.isUnknown()) {  // a parameter of unknown type takes anything
      cost = 0;
    } else if (!exact_only) {
      cost = from.isUnknown() ? unknownCost(to) : implicitConversionCost(from, to);
    }
    if (cost < 0) {
      return kNotAllowed;
    }
    total += cost;
  }
  return total;
}

int rank(const SqlType& type) {
  if (type.base == Type::kDouble) {
    return 4;
  }
  return type.width == IntegerWidth::k16 ? 1 : type.width == IntegerWidth::k64 ? 3 : 2;
}

}  // namespace

int implicitConversionCost(const SqlType& from, const SqlType& to) {
  if (from.isNumeric() && to.isNumeric()) {
    return rank(from) <= rank(to) ? (rank(to) - rank(from)) * 4 : kNotAllowed;
  }
  if (from.base == Type::kDate && to.base == Type::kTimestamp) {
    return 4;
  }
  return from.base == to.base ? 0 : kNotAllowed;
}

std::span<const Function* const> findFunctions(std::string_view name) {
  return Registry::instance().find(name);
}

const Function* resolveFunction(std::string_view name, std::span<const SqlType> arguments) {
  const Function* best = nullptr;
  int best_cost = INT32_MAX;
  for (const Function* candidate : findFunctions(name)) {
    const int cost = callCost(*candidate, arguments, false);
    if (cost >= 0 && cost < best_cost) {
      best = candidate;
      best_cost = cost;
    }
  }
  return best;
}

const Function& builtinFunction(std::string_view name, std::span<const SqlType> arguments) {
  for (const Function* candidate : findFunctions(name)) {
    if (callCost(*candidate, arguments, true) == 0) {
      return *candidate;
    }
  }
  TREFOIL_ASSERT(false && "no such function is built in");
  return *findFunctions(name).front();
}

const Function* castFunction(const SqlType& from, const SqlType& to) {
  const SqlType wanted = to.withoutModifier();
  for (const Function* candidate : findFunctions("cast")) {
    if (candidate->parameters.front() == from.withoutModifier() && candidate->result == wanted) {
      return candidate;
    }
  }
  return nullptr;
}

std::optional<SqlType> commonType(std::span<const SqlType> types) {
  SqlType common = SqlType::unknown();
  for (const SqlType& type : types) {
    if (type.isUnknown()) {
      continue;
    }
    if (common.isUnknown()) {
      common = type;
    } else if (common == type) {
      continue;
    } else if (implicitConversionCost(common, type) >= 0) {
      common = common.base == type.base && !type.isInteger() ? type.withoutModifier() : type;
    } else if (implicitConversionCost(type, common) < 0) {
      return std::nullopt;
    }
  }
  return common;
}

}  // namespace trefoil::sql
