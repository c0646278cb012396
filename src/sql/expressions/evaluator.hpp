// Evaluates one expression over chunks, column at a time: the mutable side of an Expression tree (buffers, sets, subquery runs).
//
// Sub-expressions are computed only for the rows that need them: the right of AND for rows whose left is not false, a CASE branch
// for the rows that take it, so that `b <> 0 AND a / b > 1` does not fail. What no row needs is not computed at all. An
// expression over constants and parameters is computed once a chunk. Thread safety: none; each worker has its own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sql/expressions/expression.hpp"
#include "sql/expressions/functions.hpp"
#include "sql/types/chunk.hpp"

namespace trefoil::sql {

class Evaluator {
 public:
  // `expression` outlives the evaluator. `capacity`: chunks have positions below it.
  explicit Evaluator(const Expression& expression, std::size_t capacity = kMaxChunkRows);
  ~Evaluator();
  Evaluator(Evaluator&&) noexcept;
  Evaluator& operator=(Evaluator&&) noexcept;

  // At the start of each execution: parameters may differ from the last one's.
  void prepare() {
    if (keeps_results_) {
      prepareNode(*root_);
    }
  }

  // The expression's values at the positions of `rows`; `result` is a view, good until the next call.
  Status evaluate(EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result);

  // The positions of `rows` for which the (boolean) expression is true, ascending, into `selection` (room for rows.count), which
  // may be rows.selection itself.
  Status filter(EvalContext& context, const Chunk& chunk, const Rows& rows, std::uint16_t* selection, std::uint32_t& count);

  // The value of a row-independent expression. Good until the next call.
  Status scalar(EvalContext& context, Datum& result);

  [[nodiscard]] const Expression& expression() const { return *expression_; }

 private:
  struct Node;
  Status evaluateNode(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result);
  Status evaluateCall(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result);
  Status evaluateLogic(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result);
  Status evaluateCase(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result);
  Status evaluateCoalesce(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result);
  Status evaluateInList(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result);
  Status evaluateLet(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result);
  Status evaluateSubquery(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, Column& result);
  Status filterNode(Node& node, EvalContext& context, const Chunk& chunk, const Rows& rows, std::uint16_t* selection,
                    std::uint32_t& count);
  static void prepareNode(Node& node);

  const Expression* expression_;
  std::size_t capacity_;
  std::unique_ptr<Node> root_;
  std::unique_ptr<ByteArena> bytes_;
  bool uses_bytes_ = false;
  bool keeps_results_ = false;  // sets of IN lists, results of subqueries: good for one execution
};

}  // namespace trefoil::sql
