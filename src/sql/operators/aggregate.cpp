// GROUP BY, DISTINCT and aggregates over everything: the end of a pipeline.
//
// Each worker has a GroupTable, which numbers the groups, and one AggregateState per aggregate, which is an array over the
// groups. A chunk is folded in by: group numbers for its rows, then one loop an aggregate. When the input can be shared (a table
// scan with filters and projections on it) and is large, workers take morsels of its blocks, and their tables are combined at the
// end.
//
// count(DISTINCT x) and the like number the pairs (group, x) with a second GroupTable and fold in only rows whose pair is new.
#include "base/parallel.hpp"
#include "sql/operators/aggregate_state.hpp"
#include "sql/operators/group_table.hpp"
#include "sql/operators/operator.hpp"
#include "sql/plan/nodes.hpp"

namespace trefoil::sql {
namespace {

constexpr double kParallelRows = 200'000;

// The groups of one worker.
class AggregateSink {
 public:
  explicit AggregateSink(const AggregateNode& node)
      : node_(node), keys_(node.groups), table_(typesOf(node.groups)), groups_(kMaxChunkRows) {
    for (const AggregateCall& call : node.aggregates) {
      Part part;
      part.state = AggregateState::make(call);
      if (call.argument != nullptr) {
        part.argument = std::make_unique<Evaluator>(*call.argument);
      }
      if (call.separator != nullptr) {
        part.separator = std::make_unique<Evaluator>(*call.separator);
      }
      if (call.filter != nullptr) {
        part.filter = std::make_unique<Evaluator>(*call.filter);
      }
      if (call.distinct) {
        part.seen = std::make_unique<GroupTable>(std::vector<Type>{Type::kInteger, call.argument->type.storage()});
      }
      parts_.push_back(std::move(part));
    }
  }

  void clear() {
    table_.clear();
    keys_.prepare();
    for (Part& part : parts_) {
      part.state->clear();
      for (Evaluator* evaluator : {part.argument.get(), part.separator.get(), part.filter.get()}) {
        if (evaluator != nullptr) {
          evaluator->prepare();
        }
      }
      if (part.seen != nullptr) {
        part.seen->clear();
      }
    }
    if (node_.groups.empty()) {
      resize(1);
    }
  }

  [[nodiscard]] std::uint32_t size() const { return node_.groups.empty() ? 1 : table_.size(); }

  Status add(Execution& execution, const Chunk& chunk) {
    if (node_.groups.empty()) {
      std::fill_n(groups_.begin(), chunk.rows.count, 0);
    } else {
      TREFOIL_TRY(keys_.evaluate(execution.eval, chunk, key_columns_));
      TREFOIL_TRY(table_.insert(execution.eval.meter, key_columns_, chunk.rows, groups_.data()));
      if (table_.size() > kMaxGroups) {
        return Error(ErrorCode::kLimit, "too many groups");
      }
      resize(table_.size());
    }
    for (Part& part : parts_) {
      TREFOIL_TRY(addTo(part, execution, chunk));
    }
    return {};
  }

  // Takes in another worker's groups.
  Status combine(Execution& execution, const AggregateSink& other) {
    std::fill(groups_.begin(), groups_.end(), 0);
    for (std::uint32_t first = 0; first < other.size(); first += kMaxChunkRows) {
      const std::uint32_t count = std::min<std::uint32_t>(kMaxChunkRows, other.size() - first);
      TREFOIL_TRY(execution.eval.meter.charge(count * kCombineWork));
      if (!node_.groups.empty()) {
        other.table_.keys(first, count, key_columns_);
        TREFOIL_TRY(table_.insert(execution.eval.meter, key_columns_, Rows{nullptr, count}, groups_.data()));
        resize(table_.size());
      }
      for (std::size_t i = 0; i < parts_.size(); ++i) {
        parts_[i].state->combine(*other.parts_[i].state, first, std::span(groups_).first(count));
      }
    }
    return {};
  }

  // Groups first … first + count - 1 as a chunk: keys, then aggregates.
  Status output(std::uint32_t first, std::uint32_t count, Chunk& out) {
    if (!node_.groups.empty()) {
      table_.keys(first, count, out.columns);
    } else {
      out.columns.clear();
    }
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      Part& part = parts_[i];
      part.result.reset(node_.aggregates[i].type.storage(), kMaxChunkRows);
      TREFOIL_TRY(part.state->result(first, count, part.result));
      out.columns.push_back(part.result.view());
    }
    out.rows = {nullptr, count};
    return {};
  }

 private:
  static constexpr std::uint32_t kMaxGroups = UINT32_MAX / 4;
  static constexpr std::size_t kCombineWork = 32;  // a group, about
  struct Part {
    std::unique_ptr<AggregateState> state;
    std::unique_ptr<Evaluator> argument;
    std::unique_ptr<Evaluator> separator;
    std::unique_ptr<Evaluator> filter;
    std::unique_ptr<GroupTable> seen;
    ColumnBuffer result;
  };

  void resize(std::uint32_t groups) {
    for (Part& part : parts_) {
      part.state->resize(groups);
    }
  }

  Status addTo(Part& part, Execution& execution, const Chunk& chunk) {
    Rows rows = chunk.rows;
    const std::uint32_t* groups = groups_.data();
    if (part.filter != nullptr) {
      selection_.resize(kMaxChunkRows);
      std::uint32_t count = 0;
      TREFOIL_TRY(part.filter->filter(execution.eval, chunk, rows, selection_.data(), count));
      groups = keepRows(rows, groups, {selection_.data(), count}, filtered_groups_);
      rows = {selection_.data(), count};
    }
    Column argument;
    Column separator;
    if (part.argument != nullptr) {
      TREFOIL_TRY(part.argument->evaluate(execution.eval, chunk, rows, argument));
    }
    if (part.separator != nullptr) {
      TREFOIL_TRY(part.separator->evaluate(execution.eval, chunk, rows, separator));
    }
    if (part.seen != nullptr) {
      TREFOIL_TRY(keepNew(part, execution, argument, rows, groups));
    }
    return part.state->update(groups, argument, separator, rows);
  }

  // The group numbers of the rows of `kept`, a subset of `rows`.
  static const std::uint32_t* keepRows(const Rows& rows, const std::uint32_t* groups, const Rows& kept,
                                       std::vector<std::uint32_t>& out) {
    out.clear();
    std::uint32_t k = 0;
    for (std::uint32_t row = 0; row < rows.count && k < kept.count; ++row) {
      if (rows.position(row) == kept.position(k)) {
        out.push_back(groups[row]);
        ++k;
      }
    }
    return out.data();
  }

  // Leaves only rows whose (group, value) was not seen before.
  Status keepNew(Part& part, Execution& execution, const Column& argument, Rows& rows, const std::uint32_t*& groups) {
    group_numbers_.resize(kMaxChunkRows);
    pairs_.resize(kMaxChunkRows);
    for (std::uint32_t row = 0; row < rows.count; ++row) {
      group_numbers_[rows.position(row)] = groups[row];
    }
    const Column keys[] = {{Type::kInteger, false, true, group_numbers_.data(), nullptr}, argument};
    std::uint32_t known = part.seen->size();
    TREFOIL_TRY(part.seen->insert(execution.eval.meter, keys, rows, pairs_.data()));
    new_rows_.clear();
    new_groups_.clear();
    for (std::uint32_t row = 0; row < rows.count; ++row) {
      if (pairs_[row] == known) {
        ++known;
        new_rows_.push_back(static_cast<std::uint16_t>(rows.position(row)));
        new_groups_.push_back(groups[row]);
      }
    }
    rows = {new_rows_.data(), static_cast<std::uint32_t>(new_rows_.size())};
    groups = new_groups_.data();
    return {};
  }

  const AggregateNode& node_;
  EvaluatorList keys_;
  GroupTable table_;
  std::vector<Part> parts_;
  std::vector<std::uint32_t> groups_;
  std::vector<Column> key_columns_;
  std::vector<std::uint16_t> selection_;
  std::vector<std::uint32_t> filtered_groups_;
  std::vector<std::int64_t> group_numbers_;
  std::vector<std::uint32_t> pairs_;
  std::vector<std::uint16_t> new_rows_;
  std::vector<std::uint32_t> new_groups_;
};

class AggregateOperator final : public Operator {
 public:
  explicit AggregateOperator(const AggregateNode& node) : node_(node), child_(node.children[0]->create()), sink_(node) {}

  Status open(Execution& execution) override {
    (void)execution;
    sink_.clear();
    consumed_ = false;
    next_ = 0;
    return {};
  }

  Status produce(Execution& execution, Chunk& out) override {
    if (!consumed_) {
      TREFOIL_TRY(consume(execution));
      consumed_ = true;
    }
    // Key columns are handed out as they lie, 64 groups to a word of their null bitmap; smaller chunks by a selection.
    const std::uint32_t first = next_ / 64 * 64;
    const auto wanted = static_cast<std::uint32_t>(
        std::min<std::size_t>({execution.chunk_rows, sink_.size() - next_, kMaxChunkRows - (next_ - first)}));
    if (wanted == 0) {
      out.rows = {};
      return {};
    }
    TREFOIL_TRY(sink_.output(first, next_ - first + wanted, out));
    if (next_ != first) {
      selection_.clear();
      for (std::uint32_t i = next_ - first; i < next_ - first + wanted; ++i) {
        selection_.push_back(static_cast<std::uint16_t>(i));
      }
      out.rows = {selection_.data(), wanted};
    }
    next_ += wanted;
    return {};
  }

 private:
  Status consume(Execution& execution) {
    if (execution.context.parallel && parallelizable()) {
      return consumeParallel(execution);
    }
    TREFOIL_TRY(child_->open(execution));
    return consumeInto(execution, *child_, sink_);
  }

  static Status consumeInto(Execution& execution, Operator& child, AggregateSink& sink) {
    Chunk chunk;
    for (;;) {
      TREFOIL_TRY(child.next(execution, chunk));
      if (chunk.rows.count == 0) {
        return {};
      }
      TREFOIL_TRY(sink.add(execution, chunk));
    }
  }

  [[nodiscard]] bool parallelizable() const {
    if (node_.children[0]->estimated_rows < kParallelRows) {
      return false;
    }
    MorselSource probe;
    if (!node_.children[0]->create()->share(probe)) {
      return false;
    }
    return std::none_of(node_.aggregates.begin(), node_.aggregates.end(),
                        [](const AggregateCall& call) { return call.distinct || call.kind == AggregateKind::kStringAgg; });
  }

  Status consumeParallel(Execution& execution) {
    struct Worker {
      Worker(const AggregateNode& node, const Execution& from) : child(node.children[0]->create()), sink(node), execution(from) {}
      std::unique_ptr<Operator> child;
      AggregateSink sink;
      Execution execution;
      Status status;
    };
    MorselSource morsels;
    std::vector<std::unique_ptr<Worker>> workers;
    const std::size_t count = parallelism();
    for (std::size_t i = 0; i < count; ++i) {
      workers.push_back(std::make_unique<Worker>(node_, execution));
      workers.back()->sink.clear();
      workers.back()->child->share(morsels);
      TREFOIL_TRY(workers.back()->child->open(workers.back()->execution));  // here, as the view is not for several threads
    }
    parallelFor(count, [&](std::size_t i, std::size_t) {
      Worker& worker = *workers[i];
      worker.status = consumeInto(worker.execution, *worker.child, worker.sink);
    });
    for (const auto& worker : workers) {
      if (!worker->status.ok()) {
        return std::move(worker->status);
      }
      TREFOIL_TRY(sink_.combine(execution, worker->sink));
    }
    return {};
  }

  const AggregateNode& node_;
  std::unique_ptr<Operator> child_;
  AggregateSink sink_;
  std::vector<std::uint16_t> selection_;
  std::uint32_t next_ = 0;
  bool consumed_ = false;
};

}  // namespace

std::unique_ptr<Operator> AggregateNode::create() const {
  return std::make_unique<AggregateOperator>(*this);
}

}  // namespace trefoil::sql
