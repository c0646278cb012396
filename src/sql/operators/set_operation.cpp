// UNION ALL, INTERSECT and EXCEPT. (UNION is DISTINCT over UNION ALL.)
//
// INTERSECT and EXCEPT number the rows of both sides with one GroupTable and count how often each occurs left and right; a row is
// then answered min(l, r) times for INTERSECT ALL, max(l - r, 0) times for EXCEPT ALL, and once or not at all without ALL.
#include "sql/operators/group_table.hpp"
#include "sql/operators/operator.hpp"
#include "sql/plan/nodes.hpp"

namespace trefoil::sql {
namespace {

class UnionAllOperator final : public Operator {
 public:
  explicit UnionAllOperator(const SetOperationNode& node) {
    for (const auto& child : node.children) {
      children_.push_back(child->create());
    }
  }
  Status open(Execution& execution) override {
    current_ = 0;
    return children_[0]->open(execution);
  }
  Status produce(Execution& execution, Chunk& out) override {
    for (;;) {
      TREFOIL_TRY(children_[current_]->next(execution, out));
      if (out.rows.count > 0 || current_ + 1 == children_.size()) {
        return {};
      }
      TREFOIL_TRY(children_[++current_]->open(execution));
    }
  }

 private:
  std::vector<std::unique_ptr<Operator>> children_;
  std::size_t current_ = 0;
};

class CountedSetOperator final : public Operator {
 public:
  explicit CountedSetOperator(const SetOperationNode& node)
      : node_(node),
        left_(node.children[0]->create()),
        right_(node.children[1]->create()),
        table_(node.outputTypes()),
        numbers_(kMaxChunkRows) {}
  Status open(Execution& execution) override {
    table_.clear();
    left_counts_.clear();
    right_counts_.clear();
    consumed_ = false;
    next_group_ = 0;
    emitted_ = 0;
    TREFOIL_TRY(left_->open(execution));
    return right_->open(execution);
  }
  Status produce(Execution& execution, Chunk& out) override {
    if (!consumed_) {
      TREFOIL_TRY(count(execution, *left_, left_counts_));
      TREFOIL_TRY(count(execution, *right_, right_counts_));
      left_counts_.resize(table_.size());
      right_counts_.resize(table_.size());
      consumed_ = true;
    }
    out.rows = {};
    selection_.clear();
    // One window of the key columns at a time; a row that is answered often fills several chunks.
    while (next_group_ < table_.size() && selection_.empty()) {
      constexpr auto kWindow = static_cast<std::uint32_t>(kMaxChunkRows);
      const std::uint32_t first = next_group_ / kWindow * kWindow;
      const std::uint32_t window = std::min(kWindow, table_.size() - first);
      table_.keys(first, window, out.columns);
      while (next_group_ < first + window && selection_.size() < execution.chunk_rows) {
        if (emitted_ < multiplicity(next_group_)) {
          // The same position may stand in a selection once only where kernels rely on ascending positions; equal ones ascend.
          selection_.push_back(static_cast<std::uint16_t>(next_group_ - first));
          ++emitted_;
        } else {
          ++next_group_;
          emitted_ = 0;
        }
      }
    }
    out.rows = {selection_.data(), static_cast<std::uint32_t>(selection_.size())};
    return {};
  }

 private:
  [[nodiscard]] std::uint64_t multiplicity(std::uint32_t group) const {
    const std::uint64_t left = left_counts_[group];
    const std::uint64_t right = right_counts_[group];
    if (node_.op == PlanSetOperator::kIntersect) {
      return node_.all ? std::min(left, right) : (left > 0 && right > 0 ? 1 : 0);
    }
    return node_.all ? (left > right ? left - right : 0) : (left > 0 && right == 0 ? 1 : 0);
  }
  Status count(Execution& execution, Operator& child, CountedVector<std::uint64_t>& counts) {
    Chunk chunk;
    for (;;) {
      TREFOIL_TRY(child.next(execution, chunk));
      if (chunk.rows.count == 0) {
        return {};
      }
      TREFOIL_TRY(table_.insert(execution.eval.meter, chunk.columns, chunk.rows, numbers_.data()));
      counts.resize(table_.size());
      for (std::uint32_t row = 0; row < chunk.rows.count; ++row) {
        ++counts[numbers_[row]];
      }
    }
  }

  const SetOperationNode& node_;
  std::unique_ptr<Operator> left_;
  std::unique_ptr<Operator> right_;
  GroupTable table_;
  std::vector<std::uint32_t> numbers_;
  CountedVector<std::uint64_t> left_counts_;
  CountedVector<std::uint64_t> right_counts_;
  std::vector<std::uint16_t> selection_;
  std::uint32_t next_group_ = 0;
  std::uint64_t emitted_ = 0;
  bool consumed_ = false;
};

}  // namespace

std::unique_ptr<Operator> SetOperationNode::create() const {
  if (op == PlanSetOperator::kUnion) {
    return std::make_unique<UnionAllOperator>(*this);
  }
  return std::make_unique<CountedSetOperator>(*this);
}

}  // namespace trefoil::sql
