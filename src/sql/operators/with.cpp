// WITH: queries whose rows are computed once and read by all that refer to them.
//
// A WITH query runs only as far as one of its readers has come: each goes through the rows that are kept, and whoever is at their
// end asks for the next chunk. Where a reader stands is its own affair, so any number may be under way at once, in subqueries
// that start over for each row, too. The node that has the WITH starts them all anew whenever it is opened: what a WITH query in
// a subquery answers may depend on the enclosing row.
#include "sql/operators/operator.hpp"
#include "sql/operators/row_buffer.hpp"
#include "sql/plan/nodes.hpp"

namespace trefoil::sql {

// One WITH query and its rows so far.
class CommonTable {
 public:
  explicit CommonTable(const PlanNode& node) : source_(node.create()), rows_(node.outputTypes()) {}
  void startOver() {
    rows_.clear();
    state_ = State::kFresh;
  }
  // Whether there is a row of that number; runs the query as far as it takes to know.
  Status reach(Execution& execution, std::uint32_t row, bool& there) {
    if (state_ == State::kFresh) {
      TREFOIL_TRY(source_->open(execution));
      state_ = State::kRunning;
    }
    while (row >= rows_.size() && state_ == State::kRunning) {
      TREFOIL_TRY(source_->next(execution, chunk_));
      if (chunk_.rows.count == 0) {
        state_ = State::kEnded;
      } else {
        rows_.append(chunk_.columns, chunk_.rows);
      }
    }
    there = row < rows_.size();
    return {};
  }
  [[nodiscard]] const RowBuffer& rows() const { return rows_; }

 private:
  enum class State : std::uint8_t { kFresh, kRunning, kEnded };
  std::unique_ptr<Operator> source_;
  RowBuffer rows_;
  Chunk chunk_;
  State state_ = State::kFresh;
};

namespace {

class WithOperator final : public Operator {
 public:
  explicit WithOperator(const WithNode& node) : node_(node), query_(node.children[0]->create()) {
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      tables_.push_back(std::make_unique<CommonTable>(*node.children[i]));
    }
  }
  Status open(Execution& execution) override {
    for (std::size_t i = 0; i < tables_.size(); ++i) {
      tables_[i]->startOver();
      execution.eval.common_tables[node_.tables[i].slot] = tables_[i].get();
    }
    return query_->open(execution);
  }
  Status produce(Execution& execution, Chunk& out) override { return query_->next(execution, out); }

 private:
  const WithNode& node_;
  std::unique_ptr<Operator> query_;
  std::vector<std::unique_ptr<CommonTable>> tables_;
};

class CommonScanOperator final : public Operator {
 public:
  explicit CommonScanOperator(const CommonScanNode& node) : node_(node), selection_(kMaxChunkRows) {}
  Status open(Execution& execution) override {
    table_ = execution.eval.common_tables[node_.slot];
    next_ = 0;
    return {};
  }
  Status produce(Execution& execution, Chunk& out) override {
    out.columns.resize(node_.source_columns.size());
    bool there = false;
    TREFOIL_TRY(table_->reach(execution, next_, there));
    if (!there) {
      out.rows = {};
      return {};
    }
    const RowBuffer& rows = table_->rows();
    const auto segment_rows = static_cast<std::uint32_t>(kMaxChunkRows);
    const std::uint32_t segment = next_ / segment_rows;
    const std::uint32_t first = next_ % segment_rows;
    const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(execution.chunk_rows, rows.segmentRows(segment) - first));
    for (std::size_t i = 0; i < node_.source_columns.size(); ++i) {
      out.columns[i] = rows.segmentColumn(segment, node_.source_columns[i]);
    }
    for (std::uint32_t i = 0; first != 0 && i < count; ++i) {
      selection_[i] = static_cast<std::uint16_t>(first + i);
    }
    out.rows = {first == 0 ? nullptr : selection_.data(), count};
    next_ += count;
    return {};
  }

 private:
  const CommonScanNode& node_;
  CommonTable* table_ = nullptr;
  std::uint32_t next_ = 0;
  std::vector<std::uint16_t> selection_;
};

}  // namespace

std::unique_ptr<Operator> WithNode::create() const {
  return std::make_unique<WithOperator>(*this);
}
std::unique_ptr<Operator> CommonScanNode::create() const {
  return std::make_unique<CommonScanOperator>(*this);
}

}  // namespace trefoil::sql
