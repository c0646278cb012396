// The operators that pass rows on as they come: filter, project, values, limit, table functions.
#include <optional>

#include "sql/expressions/table_function.hpp"
#include "sql/operators/operator.hpp"
#include "sql/plan/nodes.hpp"

namespace trefoil::sql {
namespace {

// Adds a selection and copies nothing.
class FilterOperator final : public Operator {
 public:
  explicit FilterOperator(const FilterNode& node)
      : child_(node.children[0]->create()), predicate_(*node.predicate, node.chunkCapacity()), selection_(node.chunkCapacity()) {}
  Status open(Execution& execution) override {
    predicate_.prepare();
    return child_->open(execution);
  }
  Status produce(Execution& execution, Chunk& out) override {
    for (;;) {
      TREFOIL_TRY(child_->next(execution, out));
      if (out.rows.count == 0) {
        return {};
      }
      std::uint32_t count = 0;
      TREFOIL_TRY(predicate_.filter(execution.eval, out, out.rows, selection_.data(), count));
      if (count > 0) {
        out.rows = {selection_.data(), count};
        return {};
      }
    }
  }
  bool share(MorselSource& morsels) override { return !hasSubquery(predicate_.expression()) && child_->share(morsels); }

 private:
  std::unique_ptr<Operator> child_;
  Evaluator predicate_;
  std::vector<std::uint16_t> selection_;
};

class ProjectOperator final : public Operator {
 public:
  explicit ProjectOperator(const ProjectNode& node)
      : child_(node.children[0]->create()), expressions_(node.expressions, node.chunkCapacity()) {}
  Status open(Execution& execution) override {
    expressions_.prepare();
    return child_->open(execution);
  }
  Status produce(Execution& execution, Chunk& out) override {
    TREFOIL_TRY(child_->next(execution, input_));
    out.rows = input_.rows;
    if (input_.rows.count == 0) {
      return {};
    }
    return expressions_.evaluate(execution.eval, input_, out.columns);
  }
  bool share(MorselSource& morsels) override {
    for (std::size_t i = 0; i < expressions_.size(); ++i) {
      if (hasSubquery(expressions_[i].expression())) {
        return false;
      }
    }
    return child_->share(morsels);
  }

 private:
  std::unique_ptr<Operator> child_;
  EvaluatorList expressions_;
  Chunk input_;
};

// One row at a time: the expressions of different rows are different.
class ValuesOperator final : public Operator {
 public:
  explicit ValuesOperator(const ValuesNode& node) : node_(node) {
    for (const OutputColumn& column : node.output) {
      columns_.emplace_back(column.type.storage(), node.chunkCapacity());
    }
  }
  Status open(Execution&) override {
    next_row_ = 0;
    return {};
  }
  Status produce(Execution& execution, Chunk& out) override {
    out.columns.resize(columns_.size());
    const auto count = static_cast<std::uint32_t>(std::min(execution.chunk_rows, node_.rows.size() - next_row_));
    if (count == 0) {
      out.rows = {nullptr, 0};
      return {};
    }
    bytes_.reset();
    for (ColumnBuffer& column : columns_) {
      column.clearNulls();
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto& row = node_.rows[next_row_ + i];
      for (std::size_t c = 0; c < columns_.size(); ++c) {
        const Expression& expression = *row[c];
        if (expression.kind == ExpressionKind::kConstant) {
          columns_[c].set(i, expression.constant.view());
          continue;
        }
        if (expression.kind == ExpressionKind::kParameter) {
          columns_[c].set(i, execution.eval.parameters[expression.index]);
          continue;
        }
        Evaluator evaluator(expression, 1);
        Datum value;
        TREFOIL_TRY(evaluator.scalar(execution.eval, value));
        if (value.isBytes()) {
          value = Datum::bytes(value.type(), bytes_.copy(value.asBytes()));
        } else if (value.type() == Type::kVector) {
          const auto floats = value.asVector();
          const auto copy = bytes_.copy({reinterpret_cast<const char*>(floats.data()), floats.size_bytes()});
          value = Datum::vector({reinterpret_cast<const float*>(copy.data()), floats.size()});
        }
        columns_[c].set(i, value);
      }
    }
    next_row_ += count;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      out.columns[c] = columns_[c].view();
    }
    out.rows = {nullptr, count};
    return {};
  }

 private:
  const ValuesNode& node_;
  std::vector<ColumnBuffer> columns_;
  ByteArena bytes_;
  std::size_t next_row_ = 0;
};

// The number that LIMIT or OFFSET says; LIMIT NULL is no limit.
Status rowCount(const char* clause, std::optional<Evaluator>& evaluator, Execution& execution, std::uint64_t if_null,
                std::uint64_t& count) {
  count = if_null;
  if (!evaluator) {
    return {};
  }
  evaluator->prepare();
  Datum value;
  TREFOIL_TRY(evaluator->scalar(execution.eval, value));
  if (value.isNull()) {
    return {};
  }
  if (value.asInteger() < 0) {
    return Error(ErrorCode::kInvalid, std::string(clause) + " must not be negative");
  }
  count = static_cast<std::uint64_t>(value.asInteger());
  return {};
}

std::optional<Evaluator> optionalEvaluator(const ExpressionPtr& expression) {
  return expression == nullptr ? std::nullopt : std::optional<Evaluator>(std::in_place, *expression, 1);
}

class LimitOperator final : public Operator {
 public:
  explicit LimitOperator(const LimitNode& node)
      : child_(node.children[0]->create()),
        limit_(optionalEvaluator(node.limit)),
        offset_(optionalEvaluator(node.offset)),
        selection_(node.chunkCapacity()) {}
  Status open(Execution& execution) override {
    TREFOIL_TRY(rowCount("LIMIT", limit_, execution, UINT64_MAX, wanted_));
    TREFOIL_TRY(rowCount("OFFSET", offset_, execution, 0, to_skip_));
    return child_->open(execution);
  }
  Status produce(Execution& execution, Chunk& out) override {
    for (;;) {
      if (wanted_ == 0) {
        out.rows = {};
        return {};
      }
      TREFOIL_TRY(child_->next(execution, out));
      if (out.rows.count == 0) {
        return {};
      }
      const auto skipped = static_cast<std::uint32_t>(std::min<std::uint64_t>(to_skip_, out.rows.count));
      to_skip_ -= skipped;
      const auto taken = static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted_, out.rows.count - skipped));
      wanted_ -= taken;
      if (taken == 0) {
        continue;
      }
      if (skipped == 0) {
        out.rows.count = taken;
      } else {
        for (std::uint32_t i = 0; i < taken; ++i) {
          selection_[i] = static_cast<std::uint16_t>(out.rows.position(skipped + i));
        }
        out.rows = {selection_.data(), taken};
      }
      return {};
    }
  }

 private:
  std::unique_ptr<Operator> child_;
  std::optional<Evaluator> limit_;
  std::optional<Evaluator> offset_;
  std::uint64_t wanted_ = 0;
  std::uint64_t to_skip_ = 0;
  std::vector<std::uint16_t> selection_;
};

class TableFunctionOperator final : public Operator {
 public:
  explicit TableFunctionOperator(const TableFunctionNode& node) : node_(node), arguments_(node.arguments), wanted_(node.wanted) {}
  Status open(Execution& execution) override {
    TREFOIL_ASSIGN(const std::vector<Datum> arguments, valuesOf(arguments_, execution));
    if (node_.wanted.empty()) {
      TREFOIL_ASSIGN(source_, node_.function->open(execution.context, arguments));
      return {};
    }
    TREFOIL_ASSIGN(std::vector<Datum> wanted, valuesOf(wanted_, execution));
    std::erase_if(wanted, [](const Datum& value) { return value.isNull(); });
    TREFOIL_ASSIGN(source_, node_.function->look_up(execution.context, arguments, wanted));
    return {};
  }
  Status produce(Execution& execution, Chunk& out) override {
    TREFOIL_ASSIGN(const bool more, source_->next(rows_, execution.chunk_rows));
    out.columns.resize(node_.source_columns.size());
    if (!more) {
      out.rows = {};
      return {};
    }
    TREFOIL_ASSERT(rows_.rows.count > 0);
    for (std::size_t i = 0; i < node_.source_columns.size(); ++i) {
      out.columns[i] = rows_.columns[node_.source_columns[i]];
    }
    out.rows = rows_.rows;
    return {};
  }

 private:
  static Result<std::vector<Datum>> valuesOf(EvaluatorList& expressions, Execution& execution) {
    expressions.prepare();
    std::vector<Datum> values(expressions.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      TREFOIL_TRY(expressions[i].scalar(execution.eval, values[i]));
    }
    return values;
  }

  const TableFunctionNode& node_;
  EvaluatorList arguments_;
  EvaluatorList wanted_;
  std::unique_ptr<RowSource> source_;
  Chunk rows_;
};

}  // namespace

std::unique_ptr<Operator> FilterNode::create() const {
  return std::make_unique<FilterOperator>(*this);
}
std::unique_ptr<Operator> ProjectNode::create() const {
  return std::make_unique<ProjectOperator>(*this);
}
std::unique_ptr<Operator> ValuesNode::create() const {
  return std::make_unique<ValuesOperator>(*this);
}
std::unique_ptr<Operator> LimitNode::create() const {
  return std::make_unique<LimitOperator>(*this);
}
std::unique_ptr<Operator> TableFunctionNode::create() const {
  return std::make_unique<TableFunctionOperator>(*this);
}

}  // namespace trefoil::sql
