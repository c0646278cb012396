// Function calls: aggregates, the few with rules of their own (COALESCE, NULLIF, GREATEST …), and everything in the registry.
#include "sql/bind/binder.hpp"
#include "sql/expressions/functions.hpp"
#include "sql/expressions/table_function.hpp"

namespace trefoil::sql {
namespace {

struct NamedAggregate {
  std::string_view name;
  AggregateKind kind;
};

constexpr NamedAggregate kAggregates[] = {
    {"count", AggregateKind::kCount},
    {"sum", AggregateKind::kSumInteger},
    {"avg", AggregateKind::kAverageInteger},
    {"min", AggregateKind::kMin},
    {"max", AggregateKind::kMax},
    {"bool_and", AggregateKind::kBoolAnd},
    {"every", AggregateKind::kBoolAnd},
    {"bool_or", AggregateKind::kBoolOr},
    {"string_agg", AggregateKind::kStringAgg},
    {"stddev", AggregateKind::kDeviationSample},
    {"stddev_samp", AggregateKind::kDeviationSample},
    {"stddev_pop", AggregateKind::kDeviationPopulation},
    {"variance", AggregateKind::kVarianceSample},
    {"var_samp", AggregateKind::kVarianceSample},
    {"var_pop", AggregateKind::kVariancePopulation},
};

const NamedAggregate* findAggregate(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(kAggregates), std::end(kAggregates), [&](const NamedAggregate& a) { return a.name == name; });
  return found == std::end(kAggregates) ? nullptr : found;
}

bool isStarCall(const ast::Call& call) {
  return call.arguments.size() == 1 && call.arguments[0]->is<ast::Star>();
}

// In SQL an aggregate whose columns are all of an enclosing query is that query's, wherever it stands.
bool isOfEnclosingQuery(const AggregateCall& aggregate) {
  bool outer = false;
  bool own = false;
  for (const ExpressionPtr* part : {&aggregate.argument, &aggregate.separator, &aggregate.filter}) {
    if (*part != nullptr) {
      visit(**part, [&](const Expression& node) {
        outer = outer || node.kind == ExpressionKind::kOuter;
        own = own || node.kind == ExpressionKind::kColumn;
        return true;
      });
    }
  }
  return outer && !own;
}

std::string callText(std::string_view name, std::span<const ExpressionPtr> arguments) {
  std::string list;
  for (const ExpressionPtr& argument : arguments) {
    list += (list.empty() ? "" : ", ") + sqlTypeName(argument->type.withoutModifier());
  }
  return std::string(name) + "(" + list + ")";
}

}  // namespace

Error noSuchFunction(std::string_view name, std::span<const ExpressionPtr> arguments, std::uint32_t position) {
  return Error(ErrorCode::kUndefinedFunction, "function " + callText(name, arguments) + " does not exist")
      .withHint("No function matches the given name and argument types. You might need to add explicit type casts.")
      .at(position);
}

Error ambiguousFunction(std::string_view name, std::span<const ExpressionPtr> arguments, std::uint32_t position) {
  return Error(ErrorCode::kAmbiguous, "function " + callText(name, arguments) + " is not unique")
      .withHint("Could not choose a best candidate function. You might need to add explicit type casts.")
      .at(position);
}

Result<ExpressionPtr> Binder::bindCall(const ast::Call& call, const ExpressionContext& context) {
  const std::string_view name = call.name.text;
  if (findAggregate(name) != nullptr) {
    return bindAggregate(call, context);
  }
  if (call.distinct || call.filter != nullptr || isStarCall(call)) {
    if (findFunctions(name).empty()) {
      return noSuchFunction(name, {}, call.position);
    }
    const std::string specified = call.distinct ? "DISTINCT" : call.filter != nullptr ? "FILTER" : std::string(name) + "(*)";
    return Error(ErrorCode::kInvalid, specified + " specified, but " + std::string(name) + " is not an aggregate function")
        .at(call.position);
  }
  bool handled = false;
  auto special = bindSpecialCall(call, context, handled);
  if (handled) {
    return special;
  }
  if (context_.table_functions != nullptr) {
    const TableFunction* function = context_.table_functions->find(name, call.arguments.size());
    if (function != nullptr && function->is_value) {
      return bindFunctionValue(call, context);
    }
  }
  std::vector<ExpressionPtr> arguments;
  for (const ast::Expression* argument : call.arguments) {
    TREFOIL_ASSIGN(ExpressionPtr bound, bindExpression(*argument, context));
    arguments.push_back(std::move(bound));
  }
  // concat takes anything and makes text of it, as it is shown: true is t here, though a cast makes it true.
  if (name == "concat" || name == "concat_ws") {
    for (ExpressionPtr& argument : arguments) {
      if (argument->type.is(TypeId::kBoolean)) {
        std::vector<ExpressionPtr> shown;
        shown.push_back(std::move(argument));
        TREFOIL_ASSIGN(argument, makeFunctionCall("show boolean", std::move(shown), call.position));
      } else {
        TREFOIL_ASSIGN(argument, castTo(std::move(argument), SqlType::text(), call.position));
      }
    }
  }
  return makeFunctionCall(name, std::move(arguments), call.position);
}

// COALESCE, NULLIF, GREATEST, LEAST: their arguments become one type first.
Result<ExpressionPtr> Binder::bindSpecialCall(const ast::Call& call, const ExpressionContext& context, bool& handled) {
  const std::string_view name = call.name.text;
  const bool coalesce = name == "coalesce";
  const bool null_if = name == "nullif";
  if (!coalesce && !null_if && name != "greatest" && name != "least") {
    return ExpressionPtr();
  }
  handled = true;
  std::vector<ExpressionPtr> arguments;
  for (const ast::Expression* argument : call.arguments) {
    TREFOIL_ASSIGN(ExpressionPtr bound, bindExpression(*argument, context));
    arguments.push_back(std::move(bound));
  }
  if (arguments.empty() || (null_if && arguments.size() != 2)) {
    return noSuchFunction(name, arguments, call.position);
  }
  std::vector<ExpressionPtr*> all;
  for (ExpressionPtr& argument : arguments) {
    all.push_back(&argument);
  }
  const char* what = coalesce ? "COALESCE" : null_if ? "NULLIF" : name == "greatest" ? "GREATEST" : "LEAST";
  TREFOIL_TRY(unify(all, what));
  const SqlType type = arguments[0]->type.withoutModifier();
  if (coalesce) {
    // NULLs are passed over, and nothing behind a constant is ever looked at.
    std::erase_if(arguments,
                  [&](const ExpressionPtr& argument) { return isConstantNull(*argument) && argument != arguments.back(); });
    const auto constant = std::find_if(arguments.begin(), arguments.end(), [](const ExpressionPtr& argument) {
      return argument->kind == ExpressionKind::kConstant && !argument->constant.isNull();
    });
    if (constant != arguments.end()) {
      arguments.erase(constant + 1, arguments.end());
    }
    if (arguments.size() == 1) {
      return std::move(arguments[0]);
    }
    auto expression = std::make_unique<Expression>(ExpressionKind::kCoalesce, type);
    expression->children = std::move(arguments);
    return ExpressionPtr(std::move(expression));
  }
  return makeFunctionCall(name, std::move(arguments), call.position);
}

Result<ExpressionPtr> Binder::bindAggregate(const ast::Call& call, const ExpressionContext& context) {
  const NamedAggregate& named = *findAggregate(call.name.text);
  if (context.inside_aggregate) {
    return Error(ErrorCode::kGrouping, "aggregate function calls cannot be nested").at(call.position);
  }
  if (context.aggregates == nullptr) {
    return Error(ErrorCode::kGrouping, "aggregate functions are not allowed in " + std::string(context.clause)).at(call.position);
  }
  AggregateCall aggregate;
  aggregate.kind = named.kind;
  aggregate.name = named.name;
  aggregate.distinct = call.distinct;
  ExpressionContext inner = context;
  inner.inside_aggregate = true;
  std::vector<ExpressionPtr> arguments;
  if (isStarCall(call)) {
    if (named.kind != AggregateKind::kCount || call.distinct) {
      return noSuchFunction(named.name, {}, call.position);
    }
    aggregate.kind = AggregateKind::kCountRows;
  } else {
    for (const ast::Expression* argument : call.arguments) {
      TREFOIL_ASSIGN(ExpressionPtr bound, bindExpression(*argument, inner));
      arguments.push_back(std::move(bound));
    }
    const std::size_t wanted = named.kind == AggregateKind::kStringAgg ? 2 : 1;
    if (arguments.size() != wanted) {
      return noSuchFunction(named.name, arguments, call.position);
    }
  }
  if (call.filter != nullptr) {
    inner.clause = "FILTER";
    inner.inside_aggregate = false;
    inner.aggregates = nullptr;
    TREFOIL_ASSIGN(aggregate.filter, bindCondition(*call.filter, inner));
  }
  aggregate.type = SqlType::bigint();
  bool sums_reals = false;
  if (!arguments.empty()) {
    const bool text = named.kind == AggregateKind::kStringAgg || named.kind == AggregateKind::kCount ||
                      named.kind == AggregateKind::kMin || named.kind == AggregateKind::kMax;
    const bool boolean = named.kind == AggregateKind::kBoolAnd || named.kind == AggregateKind::kBoolOr;
    if (arguments[0]->type.isUnknown()) {
      if (!text && !boolean && !isStatementParameter(*arguments[0])) {
        return Error(ErrorCode::kAmbiguous, "function " + std::string(named.name) + "(unknown) is not unique")
            .withHint("Could not choose a best candidate function. You might need to add explicit type casts.")
            .at(call.position);
      }
      TREFOIL_ASSIGN(arguments[0], coerce(std::move(arguments[0]), text      ? SqlType::text()
                                                                   : boolean ? SqlType::boolean()
                                                                             : SqlType::bigint()));
    }
    const SqlType type = arguments[0]->type.withoutModifier();
    const auto mismatch = [&] { return noSuchFunction(named.name, arguments, call.position); };
    switch (named.kind) {
      case AggregateKind::kSumInteger:
      case AggregateKind::kAverageInteger:
        if (!type.isNumeric()) {
          return mismatch();
        }
        if (type.isFloat()) {
          aggregate.kind = named.kind == AggregateKind::kSumInteger ? AggregateKind::kSumReal : AggregateKind::kAverageReal;
          sums_reals = aggregate.kind == AggregateKind::kSumReal && type.is(TypeId::kReal);
        }
        aggregate.type = aggregate.kind == AggregateKind::kSumInteger ? SqlType::bigint() : SqlType::doublePrecision();
        break;
      case AggregateKind::kMin:
      case AggregateKind::kMax:
        if (!isComparable(type) || type.is(TypeId::kVector) || type.is(TypeId::kBoolean)) {
          return mismatch();
        }
        aggregate.type = type;
        break;
      case AggregateKind::kBoolAnd:
      case AggregateKind::kBoolOr:
        if (!type.is(TypeId::kBoolean)) {
          return mismatch();
        }
        aggregate.type = type;
        break;
      case AggregateKind::kStringAgg: {
        if (!type.isString()) {
          return mismatch();
        }
        aggregate.type = type;
        TREFOIL_ASSIGN(aggregate.separator, coerce(std::move(arguments[1]), SqlType::text()));
        break;
      }
      case AggregateKind::kCount:
        if (aggregate.distinct && (!isComparable(type))) {
          return Error(ErrorCode::kUndefinedFunction, "could not identify an equality operator for type json").at(call.position);
        }
        break;
      default: {
        if (!type.isNumeric()) {
          return mismatch();
        }
        TREFOIL_ASSIGN(arguments[0], coerce(std::move(arguments[0]), SqlType::doublePrecision()));
        aggregate.type = SqlType::doublePrecision();
        break;
      }
    }
    aggregate.argument = std::move(arguments[0]);
  }
  if (isOfEnclosingQuery(aggregate)) {
    return Error(ErrorCode::kUnsupported, "an aggregate of columns of an enclosing query is not supported in a subquery")
        .withHint("Compute it in the enclosing query, or in a subquery in FROM.")
        .at(call.position);
  }
  // The same aggregate twice is computed once.
  AggregateList& list = *context.aggregates;
  std::size_t index = 0;
  const auto same = [](const ExpressionPtr& a, const ExpressionPtr& b) {
    return (a == nullptr) == (b == nullptr) && (a == nullptr || equivalent(*a, *b));
  };
  for (; index < list.calls.size(); ++index) {
    const AggregateCall& other = list.calls[index];
    if (other.kind == aggregate.kind && other.distinct == aggregate.distinct && same(other.argument, aggregate.argument) &&
        same(other.separator, aggregate.separator) && same(other.filter, aggregate.filter)) {
      break;
    }
  }
  auto expression = std::make_unique<Expression>(ExpressionKind::kAggregate, aggregate.type);
  expression->index = static_cast<std::uint32_t>(index);
  expression->position = call.position;
  if (index == list.calls.size()) {
    if (index == kMaxListItems) {
      return tooManyItems(call.position);
    }
    list.calls.push_back(std::move(aggregate));
    list.ids.push_back(newColumn());
  }
  if (sums_reals) {  // in doubles, and is a real
    return castTo(std::move(expression), SqlType::real(), call.position);
  }
  return ExpressionPtr(std::move(expression));
}

}  // namespace trefoil::sql
