#include "sql/expressions/evaluator.hpp"

#include <cmath>
#include <deque>
#include <unordered_set>

namespace trefoil::sql {
namespace {

std::size_t wordsOf(const Rows& rows) {
  return (rows.extent() + 63) / 64;
}

// The positions of `rows` whose bit in `nulls` is clear.
Rows withoutNulls(const Rows& rows, const std::uint64_t* nulls, std::uint16_t* selection) {
  std::uint32_t count = 0;
  forEachPosition(rows, [&](std::uint32_t i) {
    selection[count] = static_cast<std::uint16_t>(i);
    count += ((nulls[i >> 6] >> (i & 63)) & 1) == 0 ? 1 : 0;
  });
  return {selection, count};
}

void copyElement(const Column& from, std::uint32_t position, ColumnBuffer& to) {
  if (from.isNull(position)) {
    to.setNull(position);
    return;
  }
  const std::uint32_t index = from.constant ? 0 : position;
  switch (elementSize(to.type())) {
    case 1:
      to.as<std::uint8_t>()[position] = from.as<std::uint8_t>()[index];
      break;
    case 8:
      to.as<std::int64_t>()[position] = from.as<std::int64_t>()[index];
      break;
    case 16:
      to.as<StringRef>()[position] = from.as<StringRef>()[index];
      break;
    default:
      break;
  }
}

bool isBytes(const Column& column) {
  return elementSize(column.type) == sizeof(StringRef);
}

std::size_t bytesAt(const Column& column, std::uint32_t position) {
  if (column.isNull(position)) {
    return 0;
  }
  const std::uint32_t index = column.constant ? 0 : position;
  return column.type == Type::kVector ? column.as<VectorRef>()[index].dimension / 4  // sixteen bytes at once
                                      : column.as<StringRef>()[index].size();
}

// What a function reads to be computed at `rows`.
std::size_t workOf(std::span<const Column> arguments, const Rows& rows) {
  std::size_t work = rows.count;
  for (const Column& argument : arguments) {
    if (argument.constant) {
      work += isBytes(argument) ? rows.count * bytesAt(argument, 0) : 0;
    } else if (isBytes(argument)) {
      forEachPosition(rows, [&](std::uint32_t i) { work += bytesAt(argument, i); });
    }
  }
  return work;
}

// What a comparison reads, which ends with the shorter of the two: there is nothing to be counted beside a short constant.
std::size_t workOfComparison(std::span<const Column> arguments, const Rows& rows) {
  constexpr std::size_t kShort = 256;
  for (const Column& argument : arguments) {
    if (!isBytes(argument) || (argument.constant && bytesAt(argument, 0) <= kShort)) {
      return rows.count;
    }
  }
  std::size_t work = rows.count;
  forEachPosition(rows, [&](std::uint32_t i) { work += std::min(bytesAt(arguments[0], i), bytesAt(arguments[1], i)); });
  return work;
}

std::uint32_t selectTrue(const Column& column, const Rows& rows, std::uint16_t* selection) {
  std::uint32_t count = 0;
  if (column.type == Type::kNull) {
    return 0;
  }
  if (column.constant) {
    if (column.isNull(0) || column.as<std::uint8_t>()[0] == 0) {
      return 0;
    }
    forEachPosition(rows, [&](std::uint32_t i) { selection[count++] = static_cast<std::uint16_t>(i); });
    return count;
  }
  const auto* const values = column.as<std::uint8_t>();
  if (column.nulls == nullptr) {
    forEachPosition(rows, [&](std::uint32_t i) {
      selection[count] = static_cast<std::uint16_t>(i);
      count += values[i];
    });
  } else {
    forEachPosition(rows, [&](std::uint32_t i) {
      selection[count] = static_cast<std::uint16_t>(i);
      count += static_cast<std::uint32_t>(values[i] & ~(column.nulls[i >> 6] >> (i & 63)) & 1);
    });
  }
  return count;
}

}  // namespace

// The constants of an IN list, by what they physically are.
struct InSet {
  bool built = false;
  bool has_null = false;
  CountedVector<std::int64_t> integers;  // sorted
  CountedVector<double> reals;           // sorted, without NaN
  bool has_nan = false;
  std::unordered_set<std::string_view, std::hash<std::string_view>, std::equal_to<>, CountedAllocator<std::string_view>> texts;
  std::deque<CountedString, CountedAllocator<CountedString>> storage;  // the bytes of `texts`

  void clear() {
    built = has_null = has_nan = false;
    integers.clear();
    reals.clear();
    texts.clear();
    storage.clear();
  }
  void add(const Datum& value) {
    if (value.isNull()) {
      has_null = true;
    } else if (value.isFixed()) {
      integers.push_back(value.asInteger());
    } else if (value.type() == Type::kDouble) {
      if (std::isnan(value.asReal())) {
        has_nan = true;
      } else {
        reals.push_back(value.asReal());
      }
    } else {
      storage.emplace_back(value.asBytes());
      texts.insert(storage.back());
    }
  }
  void finish() {
    std::sort(integers.begin(), integers.end());
    std::sort(reals.begin(), reals.end());
    built = true;
  }
  [[nodiscard]] bool contains(const Column& column, std::uint32_t position) const {
    const std::uint32_t index = column.constant ? 0 : position;
    switch (column.type) {
      case Type::kBool:
        return std::binary_search(integers.begin(), integers.end(), std::int64_t{column.as<std::uint8_t>()[index]});
      case Type::kInteger:
        return std::binary_search(integers.begin(), integers.end(), column.as<std::int64_t>()[index]);
      case Type::kDouble: {
        const double value = column.as<double>()[index];
        return std::isnan(value) ? has_nan : std::binary_search(reals.begin(), reals.end(), value);
      }
      default:
        return texts.contains(column.as<StringRef>()[index].view());
    }
  }
};

struct Evaluator::Node {
  const Expression* expression = nullptr;
  std::vector<Node> children;
  std::vector<Column> arguments;
  ColumnBuffer buffer;
  std::vector<std::uint16_t> selection;       // rows still of interest
  std::vector<std::uint16_t> more_selection;  // CASE: rows that take the branch
  std::unique_ptr<InSet> set;
  std::unique_ptr<SubqueryRun> subquery;
  const Node* let = nullptr;  // kLetValue: its arguments have the value
  bool buffer_ready = false;

  // The result buffer, made when the first row needs it.
  ColumnBuffer& result(std::size_t capacity) {
    if (!buffer_ready) {
      buffer.reset(expression->type.storage(), capacity);
      buffer_ready = true;
    }
    return buffer;
  }
  std::uint16_t* rowsOf(std::vector<std::uint16_t>& which, std::size_t capacity) {
    if (which.size() < capacity) {
      which.resize(capacity);
    }
    return which.data();
  }
  Column constantView() const {
    Column column = buffer.view();
    column.constant = true;
    return column;
  }
};

namespace {

bool mayUseBytes(const Expression& expression) {
  bool uses = false;
  visit(expression, [&](const Expression& node) {
    uses = uses || ((node.kind == ExpressionKind::kCall || node.kind == ExpressionKind::kSubquery) &&
                    elementSize(node.type.storage()) == sizeof(StringRef));
    return !uses;
  });
  return uses;
}

}  // namespace

Evaluator::Evaluator(const Expression& expression, std::size_t capacity)
    : expression_(&expression),
      capacity_(capacity),
      root_(std::make_unique<Node>()),
      bytes_(std::make_unique<ByteArena>()),
      uses_bytes_(mayUseBytes(expression)) {
  const auto build = [](auto&& self, Node& node, const Expression& from, const Node* let) -> void {
    node.expression = &from;
    node.let = let;
    node.children.resize(from.children.size());
    node.arguments.resize(from.children.size());
    for (std::size_t i = 0; i < from.children.size(); ++i) {
      self(self, node.children[i], *from.children[i], from.kind == ExpressionKind::kLet && i == 1 ? &node : let);
    }
    if (from.kind == ExpressionKind::kConstant) {
      node.result(1).set(0, from.constant.isNull() ? Datum::null() : from.constant.view());
      if (elementSize(from.type.storage()) == sizeof(StringRef) && !from.constant.isNull()) {
        // The buffer must view the plan's bytes; Value::view() answers just that.
        node.buffer.set(0, from.constant.view());
      }
    }
    if (from.kind == ExpressionKind::kSubquery) {
      node.subquery = from.subquery->start();
    }
  };
  build(build, *root_, expression, nullptr);
  visit(expression, [this](const Expression& node) {
    keeps_results_ = keeps_results_ || node.kind == ExpressionKind::kInList || node.kind == ExpressionKind::kSubquery;
    return !keeps_results_;
  });
}

Evaluator::~Evaluator() = default;
Evaluator::Evaluator(Evaluator&&) noexcept = default;
Evaluator& Evaluator::operator=(Evaluator&&) noexcept = default;

void Evaluator::prepareNode(Node& node) {
  if (node.set != nullptr) {
    node.set->clear();
  }
  if (node.subquery != nullptr) {
    node.subquery->prepare();
  }
  for (Node& child : node.children) {
    prepareNode(child);
  }
}

Status Evaluator::evaluate(EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result) {
  if (rows.count == 0) {  // not even what is the same for every row
    result = Column{};
    return {};
  }
  if (uses_bytes_) {
    bytes_->reset();
  }
  return evaluateNode(*root_, context, chunk, rows, result);
}

Status Evaluator::filter(EvalContext& context, const Chunk& chunk, const Rows& rows, std::uint16_t* selection,
                         std::uint32_t& count) {
  if (uses_bytes_) {
    bytes_->reset();
  }
  return filterNode(*root_, context, chunk, rows, selection, count);
}

Status Evaluator::scalar(EvalContext& context, Datum& result) {
  static const Chunk no_chunk;
  Column column;
  TREFOIL_TRY(evaluate(context, no_chunk, Rows{nullptr, 1}, column));
  result = column.datum(0);
  return {};
}

Status Evaluator::evaluateNode(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result) {
  const Expression& expression = *node.expression;
  switch (expression.kind) {
    case ExpressionKind::kConstant:
      result = node.constantView();
      result.stable = true;
      return {};
    case ExpressionKind::kParameter:
    case ExpressionKind::kOuter: {
      const bool outer = expression.kind == ExpressionKind::kOuter;
      const Datum value = outer ? context.outer[expression.index] : context.parameters[expression.index];
      node.result(1).set(0, value);
      result = node.constantView();
      // An inline text of the buffer is overwritten by the next execution only; an outer value lives as long as its row.
      result.stable = !outer;
      return {};
    }
    case ExpressionKind::kColumn:
      TREFOIL_DEBUG_ASSERT(expression.index < chunk.columns.size());
      result = chunk.columns[expression.index];
      return {};
    case ExpressionKind::kCall:
      return evaluateCall(node, context, chunk, rows, result);
    case ExpressionKind::kAnd:
    case ExpressionKind::kOr:
      return evaluateLogic(node, context, chunk, rows, result);
    case ExpressionKind::kCase:
      return evaluateCase(node, context, chunk, rows, result);
    case ExpressionKind::kCoalesce:
      return evaluateCoalesce(node, context, chunk, rows, result);
    case ExpressionKind::kInList:
      return evaluateInList(node, context, chunk, rows, result);
    case ExpressionKind::kSubquery:
      return evaluateSubquery(node, context, chunk, rows, result);
    case ExpressionKind::kLet:
      return evaluateLet(node, context, chunk, rows, result);
    case ExpressionKind::kLetValue:
      result = node.let->arguments[0];
      return {};
    case ExpressionKind::kAggregate:
      break;
  }
  TREFOIL_ASSERT(false && "an aggregate outlived planning");
  return {};
}

Status Evaluator::evaluateCall(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result) {
  const Function& function = *node.expression->function;
  bool all_constant = !function.is_volatile;
  bool null_constant = false;
  bool any_nulls = false;
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    TREFOIL_TRY(evaluateNode(node.children[i], context, chunk, rows, node.arguments[i]));
    const Column& argument = node.arguments[i];
    all_constant = all_constant && argument.constant;
    const bool null_column = argument.type == Type::kNull || (argument.constant && argument.isNull(0));
    null_constant = null_constant || null_column;
    any_nulls = any_nulls || (!argument.constant && argument.nulls != nullptr);
  }
  ColumnBuffer& buffer = node.result(capacity_);
  Rows computed = all_constant ? Rows{nullptr, 1} : rows;
  std::uint64_t* const nulls = buffer.nulls();
  const std::size_t words = wordsOf(computed);
  std::memset(nulls, 0, words * sizeof(std::uint64_t));
  const bool strict = function.nulls != NullPolicy::kHandles;
  if (strict && null_constant && !function.is_volatile) {
    buffer.setNull(0);
    result = node.constantView();
    return {};
  }
  const bool compares = function.select != nullptr;
  TREFOIL_TRY(context.meter.charge(compares ? workOfComparison(node.arguments, computed) : workOf(node.arguments, computed)));
  KernelCall call{*node.expression, node.arguments, computed, buffer, *bytes_, context};
  if (!strict || !any_nulls) {
    TREFOIL_TRY(function.kernel(call));
    result = buffer.view(!strict || function.makes_nulls);
    result.constant = all_constant;
    return {};
  }
  for (const Column& argument : node.arguments) {
    if (!argument.constant && argument.nulls != nullptr) {
      for (std::size_t word = 0; word < words; ++word) {
        nulls[word] |= argument.nulls[word];
      }
    }
  }
  if (function.nulls == NullPolicy::kSkip) {
    call.rows = withoutNulls(computed, nulls, node.rowsOf(node.selection, capacity_));
    TREFOIL_TRY(function.kernel(call));
  } else if (Status status = function.kernel(call); !status.ok()) {
    TREFOIL_ASSERT(function.nulls == NullPolicy::kRetry);
    call.rows = withoutNulls(computed, nulls, node.rowsOf(node.selection, capacity_));
    TREFOIL_TRY(function.kernel(call));
  }
  result = buffer.view();
  return {};
}

Status Evaluator::evaluateLogic(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result) {
  const bool is_and = node.expression->kind == ExpressionKind::kAnd;
  const std::uint8_t neutral = is_and ? 1 : 0;
  ColumnBuffer& buffer = node.result(capacity_);
  auto* const values = buffer.as<std::uint8_t>();
  std::uint64_t* const nulls = buffer.nulls();
  std::memset(nulls, 0, wordsOf(rows) * sizeof(std::uint64_t));
  forEachPosition(rows, [&](std::uint32_t i) { values[i] = neutral; });
  std::uint16_t* const active = node.rowsOf(node.selection, capacity_);
  Rows remaining = rows;
  for (Node& child : node.children) {
    if (remaining.count == 0) {
      break;
    }
    Column operand;
    TREFOIL_TRY(evaluateNode(child, context, chunk, remaining, operand));
    const auto* const data = operand.as<std::uint8_t>();
    std::uint32_t count = 0;
    forEachPosition(remaining, [&](std::uint32_t i) {
      const std::uint64_t bit = std::uint64_t{1} << (i & 63);
      if (operand.isNull(i)) {
        nulls[i >> 6] |= bit;
        active[count++] = static_cast<std::uint16_t>(i);
      } else if ((data[operand.constant ? 0 : i] != 0) == (neutral != 0)) {
        active[count++] = static_cast<std::uint16_t>(i);
      } else {
        values[i] = static_cast<std::uint8_t>(1 - neutral);
        nulls[i >> 6] &= ~bit;
      }
    });
    remaining = {active, count};
  }
  result = buffer.view();
  return {};
}

Status Evaluator::evaluateCase(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result) {
  ColumnBuffer& buffer = node.result(capacity_);
  std::memset(buffer.nulls(), 0, wordsOf(rows) * sizeof(std::uint64_t));
  std::uint16_t* const active = node.rowsOf(node.selection, capacity_);
  std::uint16_t* const taken = node.rowsOf(node.more_selection, capacity_);
  Rows remaining = rows;
  const std::size_t branches = node.children.size() / 2;
  for (std::size_t branch = 0; branch <= branches && remaining.count > 0; ++branch) {
    Column value;
    if (branch == branches) {
      TREFOIL_TRY(evaluateNode(node.children.back(), context, chunk, remaining, value));
      forEachPosition(remaining, [&](std::uint32_t i) { copyElement(value, i, buffer); });
      break;
    }
    std::uint32_t taken_count = 0;
    TREFOIL_TRY(filterNode(node.children[branch * 2], context, chunk, remaining, taken, taken_count));
    if (taken_count == 0) {
      continue;
    }
    const Rows branch_rows{taken, taken_count};
    TREFOIL_TRY(evaluateNode(node.children[branch * 2 + 1], context, chunk, branch_rows, value));
    forEachPosition(branch_rows, [&](std::uint32_t i) { copyElement(value, i, buffer); });
    std::uint32_t kept = 0;
    std::uint32_t next_taken = 0;
    forEachPosition(remaining, [&](std::uint32_t i) {
      if (next_taken < taken_count && taken[next_taken] == i) {
        ++next_taken;
      } else {
        active[kept++] = static_cast<std::uint16_t>(i);
      }
    });
    remaining = {active, kept};
  }
  result = buffer.view();
  return {};
}

Status Evaluator::evaluateCoalesce(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result) {
  ColumnBuffer& buffer = node.result(capacity_);
  std::memset(buffer.nulls(), 0, wordsOf(rows) * sizeof(std::uint64_t));
  std::uint16_t* const active = node.rowsOf(node.selection, capacity_);
  Rows remaining = rows;
  for (Node& child : node.children) {
    if (remaining.count == 0) {
      break;
    }
    Column value;
    TREFOIL_TRY(evaluateNode(child, context, chunk, remaining, value));
    std::uint32_t count = 0;
    forEachPosition(remaining, [&](std::uint32_t i) {
      if (value.isNull(i)) {
        active[count++] = static_cast<std::uint16_t>(i);
      } else {
        copyElement(value, i, buffer);
      }
    });
    remaining = {active, count};
  }
  forEachPosition(remaining, [&](std::uint32_t i) { buffer.setNull(i); });
  result = buffer.view();
  return {};
}

Status Evaluator::evaluateInList(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result) {
  if (node.set == nullptr) {
    node.set = std::make_unique<InSet>();
  }
  InSet& set = *node.set;
  if (!set.built) {
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      Column item;
      TREFOIL_TRY(evaluateNode(node.children[i], context, chunk, Rows{nullptr, 1}, item));
      set.add(item.datum(0));
    }
    set.finish();
  }
  Column operand;
  TREFOIL_TRY(evaluateNode(node.children[0], context, chunk, rows, operand));
  ColumnBuffer& buffer = node.result(capacity_);
  std::memset(buffer.nulls(), 0, wordsOf(rows) * sizeof(std::uint64_t));
  const bool negated = node.expression->negated;
  const bool empty_list = node.children.size() == 1;
  auto* const values = buffer.as<std::uint8_t>();
  forEachPosition(rows, [&](std::uint32_t i) {
    const bool known_operand = empty_list || !operand.isNull(i);
    const bool found = !empty_list && known_operand && set.contains(operand, i);
    if (known_operand && (found || empty_list || !set.has_null)) {
      values[i] = found != negated ? 1 : 0;
    } else {
      buffer.setNull(i);
    }
  });
  result = buffer.view();
  return {};
}

Status Evaluator::evaluateLet(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result) {
  TREFOIL_TRY(evaluateNode(node.children[0], context, chunk, rows, node.arguments[0]));
  return evaluateNode(node.children[1], context, chunk, rows, result);
}

Status Evaluator::evaluateSubquery(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result) {
  const Expression& expression = *node.expression;
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    TREFOIL_TRY(evaluateNode(node.children[i], context, chunk, rows, node.arguments[i]));
  }
  const std::size_t first_outer = expression.subquery_kind == SubqueryKind::kIn ? 1 : 0;
  const bool constant = node.children.empty();
  const Rows computed = constant ? Rows{nullptr, std::min(rows.count, 1U)} : rows;
  ColumnBuffer& buffer = node.result(capacity_);
  std::memset(buffer.nulls(), 0, wordsOf(computed) * sizeof(std::uint64_t));
  for (std::uint32_t row = 0; row < computed.count; ++row) {
    const std::uint32_t i = computed.position(row);
    for (std::size_t slot = 0; slot < expression.outer_slots.size(); ++slot) {
      context.outer[expression.outer_slots[slot]] = node.arguments[first_outer + slot].datum(i);
    }
    switch (expression.subquery_kind) {
      case SubqueryKind::kScalar: {
        Datum value;
        TREFOIL_TRY(node.subquery->scalar(context, *bytes_, value));
        buffer.set(i, value);
        break;
      }
      case SubqueryKind::kExists: {
        bool exists = false;
        TREFOIL_TRY(node.subquery->exists(context, exists));
        buffer.as<std::uint8_t>()[i] = exists != expression.negated ? 1 : 0;
        break;
      }
      case SubqueryKind::kIn: {
        Truth truth = Truth::kUnknown;
        TREFOIL_TRY(node.subquery->contains(context, node.arguments[0].datum(i), truth));
        if (truth == Truth::kUnknown) {
          buffer.setNull(i);
        } else {
          buffer.as<std::uint8_t>()[i] = (truth == Truth::kTrue) != expression.negated ? 1 : 0;
        }
        break;
      }
    }
  }
  result = buffer.view();
  result.constant = constant;
  return {};
}

Status Evaluator::filterNode(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, std::uint16_t* selection,
                             std::uint32_t& count) {
  count = 0;
  if (rows.count == 0) {
    return {};
  }
  const Expression& expression = *node.expression;
  if (expression.kind == ExpressionKind::kAnd) {
    Rows remaining = rows;
    for (Node& child : node.children) {
      TREFOIL_TRY(filterNode(child, context, chunk, remaining, selection, count));
      remaining = {selection, count};
    }
    return {};
  }
  if (expression.kind == ExpressionKind::kLet) {
    TREFOIL_TRY(evaluateNode(node.children[0], context, chunk, rows, node.arguments[0]));
    return filterNode(node.children[1], context, chunk, rows, selection, count);
  }
  if (expression.kind == ExpressionKind::kCall && expression.function->select != nullptr) {
    bool all_constant = true;
    bool null_constant = false;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      TREFOIL_TRY(evaluateNode(node.children[i], context, chunk, rows, node.arguments[i]));
      all_constant = all_constant && node.arguments[i].constant;
      null_constant =
          null_constant || node.arguments[i].type == Type::kNull || (node.arguments[i].constant && node.arguments[i].isNull(0));
    }
    if (null_constant) {
      return {};
    }
    if (!all_constant) {
      TREFOIL_TRY(context.meter.charge(workOfComparison(node.arguments, rows)));
      count = expression.function->select(node.arguments, rows, selection);
      for (const Column& argument : node.arguments) {
        if (!argument.constant && argument.nulls != nullptr) {
          count = withoutNulls({selection, count}, argument.nulls, selection).count;
        }
      }
      return {};
    }
  }
  Column value;
  TREFOIL_TRY(evaluateNode(node, context, chunk, rows, value));
  count = selectTrue(value, rows, selection);
  return {};
}

}  // namespace trefoil::sql
