// Operators: what runs a plan node. Each pulls chunks from its children.
//
// An operator belongs to one execution (or to a stock of idle ones): open() starts it over, next() answers a chunk with rows, or
// one without any at the end. Those that need all of their input first (sort, aggregate, the built side of a join) read it in the
// first next(), so that opening is cheap. Thread safety: none; parallel pipelines have one chain of operators a worker.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "sql/expressions/evaluator.hpp"
#include "sql/operators/execution_context.hpp"
#include "sql/types/chunk.hpp"

namespace trefoil::sql {

struct PlanNode;

// Blocks of a table that the workers of a parallel pipeline take one after the other.
struct MorselSource {
  std::atomic<std::uint32_t> next_block{0};
};

// One statement's run, as operators see it. A worker of a parallel pipeline has its own copy.
struct Execution {
  explicit Execution(ExecContext& context_in) : context(context_in), chunk_rows(context_in.chunk_rows) {
    eval.execution = &context_in;
    eval.now_us = context_in.now_us;
    eval.meter = WorkMeter(context_in.control);
  }
  ExecContext& context;
  EvalContext eval;
  std::size_t chunk_rows = kMaxChunkRows;
  std::vector<std::string>* notes = nullptr;  // EXPLAIN ANALYZE: what operators have to say about their run

  // An error when the statement must end. Operator::next() asks; so does a loop that may run long without it.
  [[nodiscard]] Status check() const;
};

class Operator {
 public:
  virtual ~Operator() = default;
  // Starts, or starts over.
  virtual Status open(Execution& execution) = 0;
  // The next 1 … execution.chunk_rows rows, or none at the end; an error if the statement must end. The chunk is good until the
  // next call.
  Status next(Execution& execution, Chunk& out) {
    TREFOIL_TRY(execution.check());
    return produce(execution, out);
  }
  // Reads only what `morsels` hands out, from the next open() on; false if this operator cannot share its input with others.
  virtual bool share(MorselSource& morsels) {
    (void)morsels;
    return false;
  }

 private:
  virtual Status produce(Execution& execution, Chunk& out) = 0;
};

// Evaluators for a list of expressions.
class EvaluatorList {
 public:
  EvaluatorList() = default;
  template <typename List>
  explicit EvaluatorList(const List& expressions, std::size_t capacity = kMaxChunkRows) {
    for (const auto& expression : expressions) {
      add(*expression, capacity);
    }
  }
  void add(const Expression& expression, std::size_t capacity = kMaxChunkRows) { evaluators_.emplace_back(expression, capacity); }
  void prepare() {
    for (Evaluator& evaluator : evaluators_) {
      evaluator.prepare();
    }
  }
  // Fills `columns` with the expressions' values.
  Status evaluate(EvalContext& context, const Chunk& chunk, std::vector<Column>& columns) {
    columns.resize(evaluators_.size());
    for (std::size_t i = 0; i < evaluators_.size(); ++i) {
      TREFOIL_TRY(evaluators_[i].evaluate(context, chunk, chunk.rows, columns[i]));
    }
    return {};
  }
  [[nodiscard]] std::size_t size() const { return evaluators_.size(); }
  Evaluator& operator[](std::size_t index) { return evaluators_[index]; }

 private:
  std::vector<Evaluator> evaluators_;
};

}  // namespace trefoil::sql
