// Joins: child 1 is read into a RowBuffer first, then child 0 streams past it.
//
// With equal keys, the built rows are chained by key number (GroupTable): first_[number] → next_[row] → …, in the order in which
// they came. Without, every pair of rows is tried (nested loop). Either way candidate pairs (probe row, built row) are collected,
// up to a chunk of them, gathered into one chunk, and the rest of the condition is evaluated over it at once.
//
//   kInner   pairs that pass                                kSemi   probe rows with a pair that passes
//   kLeft    and probe rows without one, NULLs beside them  kAnti   probe rows without one
//   kFull    and built rows without one, at the end
//
// A NULL in a key matches nothing.
#include "sql/operators/group_table.hpp"
#include "sql/operators/operator.hpp"
#include "sql/operators/row_buffer.hpp"
#include "sql/plan/nodes.hpp"

namespace trefoil::sql {
namespace {

constexpr std::uint32_t kNone = UINT32_MAX;

class JoinOperator final : public Operator {
 public:
  explicit JoinOperator(const JoinNode& node)
      : node_(node),
        probe_(node.children[0]->create()),
        build_(node.children[1]->create()),
        left_keys_(node.left_keys),
        right_keys_(node.right_keys),
        keys_(typesOf(node.right_keys)),
        rows_(node.children[1]->outputTypes()),
        numbers_(kMaxChunkRows) {
    for (const auto& child : node.children) {
      for (const OutputColumn& column : child->output) {
        pair_buffers_.emplace_back(column.type.storage(), kMaxChunkRows);
      }
    }
    if (node.condition != nullptr) {
      condition_ = std::make_unique<Evaluator>(*node.condition);
      passing_.resize(kMaxChunkRows);
    }
    probe_width_ = node.children[0]->output.size();
  }

  Status open(Execution& execution) override {
    left_keys_.prepare();
    right_keys_.prepare();
    if (condition_ != nullptr) {
      condition_->prepare();
    }
    built_ = false;
    built_has_null_ = false;
    keys_.clear();
    rows_.clear();
    first_.clear();
    next_.clear();
    matched_built_.clear();
    probe_chunk_.rows = {};
    probe_row_ = 0;
    candidate_ = kNone;
    finished_to_ = 0;
    last_.clear();
    done_probing_ = false;
    next_unmatched_ = 0;
    TREFOIL_TRY(build_->open(execution));
    return probe_->open(execution);
  }

  Status produce(Execution& execution, Chunk& out) override {
    if (!built_) {
      TREFOIL_TRY(build(execution));
      built_ = true;
    }
    for (;;) {
      if (done_probing_) {
        return emitUnmatchedBuilt(execution, out);
      }
      if (finished_to_ == probe_chunk_.rows.count) {
        TREFOIL_TRY(nextProbeChunk(execution));
        if (done_probing_) {
          continue;
        }
      }
      collect(execution);
      TREFOIL_TRY(emit(execution, out));
      if (out.rows.count > 0) {
        return {};
      }
      TREFOIL_TRY(execution.check());  // a probe chunk may have any number of candidates that do not pass
    }
  }

 private:
  static bool anyNull(std::span<const Column> keys, std::uint32_t position) {
    return std::any_of(keys.begin(), keys.end(), [&](const Column& key) { return key.isNull(position); });
  }

  Status build(Execution& execution) {
    Chunk chunk;
    std::vector<Column> keys;
    std::vector<std::uint16_t> selection;
    for (;;) {
      TREFOIL_TRY(build_->next(execution, chunk));
      if (chunk.rows.count == 0) {
        break;
      }
      const std::uint32_t first_row = rows_.size();
      if (first_row > UINT32_MAX / 2) {
        return Error(ErrorCode::kLimit, "too many rows to join");
      }
      rows_.append(chunk.columns, chunk.rows);
      next_.resize(rows_.size(), kNone);
      if (node_.right_keys.empty()) {
        continue;
      }
      TREFOIL_TRY(right_keys_.evaluate(execution.eval, chunk, keys));
      // Rows with a NULL key stay in the buffer (kFull answers them) and out of the chains.
      selection.clear();
      usable_rows_.clear();
      for (std::uint32_t row = 0; row < chunk.rows.count; ++row) {
        const std::uint32_t position = chunk.rows.position(row);
        if (anyNull(keys, position)) {
          built_has_null_ = true;
        } else {
          selection.push_back(static_cast<std::uint16_t>(position));
          usable_rows_.push_back(first_row + row);
        }
      }
      const Rows usable{selection.data(), static_cast<std::uint32_t>(selection.size())};
      TREFOIL_TRY(keys_.insert(execution.eval.meter, keys, usable, numbers_.data()));
      first_.resize(keys_.size(), kNone);
      last_.resize(keys_.size(), kNone);
      for (std::size_t i = 0; i < selection.size(); ++i) {
        const std::uint32_t number = numbers_[i];
        if (first_[number] == kNone) {
          first_[number] = usable_rows_[i];
        } else {
          next_[last_[number]] = usable_rows_[i];
        }
        last_[number] = usable_rows_[i];
      }
    }
    if (node_.type == PlanJoinType::kFull) {
      matched_built_.assign(rows_.size(), 0);
    }
    return {};
  }

  Status nextProbeChunk(Execution& execution) {
    TREFOIL_TRY(probe_->next(execution, probe_chunk_));
    probe_row_ = 0;
    candidate_ = kNone;
    finished_to_ = 0;
    if (probe_chunk_.rows.count == 0) {
      done_probing_ = true;
      return {};
    }
    matched_.assign(probe_chunk_.rows.count, 0);
    if (node_.left_keys.empty()) {
      return {};
    }
    std::vector<Column> keys;
    TREFOIL_TRY(left_keys_.evaluate(execution.eval, probe_chunk_, keys));
    keys_.find(keys, probe_chunk_.rows, numbers_.data());
    starts_.resize(probe_chunk_.rows.count);
    null_keys_.assign(probe_chunk_.rows.count, 0);
    for (std::uint32_t row = 0; row < probe_chunk_.rows.count; ++row) {
      const bool null = anyNull(keys, probe_chunk_.rows.position(row));
      null_keys_[row] = null ? 1 : 0;
      starts_[row] = null || numbers_[row] == GroupTable::kNone ? kNone : first_[numbers_[row]];
    }
    return {};
  }

  [[nodiscard]] std::uint32_t firstCandidate(std::uint32_t row) const {
    if (!node_.left_keys.empty()) {
      return starts_[row];
    }
    return rows_.size() == 0 ? kNone : 0;
  }
  [[nodiscard]] std::uint32_t candidateAfter(std::uint32_t candidate) const {
    if (!node_.left_keys.empty()) {
      return next_[candidate];
    }
    return candidate + 1 < rows_.size() ? candidate + 1 : kNone;
  }

  // The next pairs. Those and the rows that come to their end in this round (which may need an answer of their own) are together
  // no more than a chunk. candidate_ is where row probe_row_ - 1 goes on, kNone when it is through.
  void collect(const Execution& execution) {
    pair_rows_.clear();
    pair_built_.clear();
    finished_from_ = finished_to_;
    while (pair_rows_.size() + (finished_to_ - finished_from_) < execution.chunk_rows) {
      if (candidate_ != kNone) {
        pair_rows_.push_back(probe_row_ - 1);
        pair_built_.push_back(candidate_);
        candidate_ = candidateAfter(candidate_);
        continue;
      }
      finished_to_ = probe_row_;
      if (probe_row_ == probe_chunk_.rows.count) {
        break;
      }
      candidate_ = firstCandidate(probe_row_++);
    }
  }

  [[nodiscard]] bool keepsPairs() const { return node_.type != PlanJoinType::kSemi && node_.type != PlanJoinType::kAnti; }

  Status emit(Execution& execution, Chunk& out) {
    const auto pairs = static_cast<std::uint32_t>(pair_rows_.size());
    Rows passed{nullptr, pairs};
    if (condition_ != nullptr || keepsPairs()) {
      gatherPairs();
    }
    if (condition_ != nullptr && pairs > 0) {
      std::uint32_t count = 0;
      TREFOIL_TRY(condition_->filter(execution.eval, pair_chunk_, passed, passing_.data(), count));
      passed = {passing_.data(), count};
    }
    for (std::uint32_t i = 0; i < passed.count; ++i) {
      const std::uint32_t pair = passed.position(i);
      matched_[pair_rows_[pair]] = 1;
      if (node_.type == PlanJoinType::kFull) {
        matched_built_[pair_built_[pair]] = 1;
      }
    }
    if (node_.type == PlanJoinType::kInner) {
      pairOutput(passed, out);
      return {};
    }
    // Rows that are through now and need an answer of their own.
    lone_.clear();
    for (std::uint32_t row = finished_from_; row < finished_to_; ++row) {
      const bool wants_match = node_.type == PlanJoinType::kSemi;
      bool answers = (matched_[row] != 0) == wants_match;
      if (node_.type == PlanJoinType::kAnti && node_.null_aware && answers) {
        answers = rows_.size() == 0 || (!built_has_null_ && (node_.left_keys.empty() || null_keys_[row] == 0));
      }
      if (answers) {
        lone_.push_back(row);
      }
    }
    if (!keepsPairs()) {
      selection_.clear();
      for (const std::uint32_t row : lone_) {
        selection_.push_back(static_cast<std::uint16_t>(probe_chunk_.rows.position(row)));
      }
      out.columns.clear();
      for (const std::uint32_t source : node_.source_columns) {
        out.columns.push_back(probe_chunk_.columns[source]);
      }
      out.rows = {selection_.data(), static_cast<std::uint32_t>(selection_.size())};
      return {};
    }
    appendLoneRows(passed);
    pairOutput(Rows{nullptr, static_cast<std::uint32_t>(pair_rows_.size())}, out);
    return {};
  }

  // Replaces the pairs by those that passed, and adds the lone rows with no partner.
  void appendLoneRows(const Rows& passed) {
    for (std::uint32_t i = 0; i < passed.count; ++i) {
      pair_rows_[i] = pair_rows_[passed.position(i)];
      pair_built_[i] = pair_built_[passed.position(i)];
    }
    pair_rows_.resize(passed.count);
    pair_built_.resize(passed.count);
    for (const std::uint32_t row : lone_) {
      pair_rows_.push_back(row);
      pair_built_.push_back(RowBuffer::kNoRow);
    }
    gatherPairs();
  }

  // Fills pair_chunk_ with the columns of both sides for the pairs.
  void gatherPairs() {
    const auto count = static_cast<std::uint32_t>(pair_rows_.size());
    pair_chunk_.columns.resize(pair_buffers_.size());
    positions_.resize(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      positions_[i] = static_cast<std::uint16_t>(probe_chunk_.rows.position(pair_rows_[i]));
    }
    for (std::size_t c = 0; c < pair_buffers_.size(); ++c) {
      ColumnBuffer& buffer = pair_buffers_[c];
      bool stable = true;
      if (c < probe_width_) {
        buffer.gather(probe_chunk_.columns[c], Rows{positions_.data(), count}, 0);
        stable = probe_chunk_.columns[c].stable;
      } else {
        rows_.gather(c - probe_width_, pair_built_, buffer);
      }
      pair_chunk_.columns[c] = buffer.view();
      pair_chunk_.columns[c].stable = stable;
    }
    pair_chunk_.rows = {nullptr, count};
  }

  void pairOutput(const Rows& rows, Chunk& out) const {
    out.columns.clear();
    for (const std::uint32_t source : node_.source_columns) {
      out.columns.push_back(pair_chunk_.columns[source]);
    }
    out.rows = rows;
  }

  Status emitUnmatchedBuilt(Execution& execution, Chunk& out) {
    out.rows = {};
    if (node_.type != PlanJoinType::kFull) {
      return {};
    }
    pair_built_.clear();
    while (next_unmatched_ < rows_.size() && pair_built_.size() < execution.chunk_rows) {
      if (matched_built_[next_unmatched_] == 0) {
        pair_built_.push_back(next_unmatched_);
      }
      ++next_unmatched_;
    }
    const auto count = static_cast<std::uint32_t>(pair_built_.size());
    pair_chunk_.columns.resize(pair_buffers_.size());
    for (std::size_t c = 0; c < pair_buffers_.size(); ++c) {
      ColumnBuffer& buffer = pair_buffers_[c];
      if (c < probe_width_) {
        buffer.gather(Column{}, Rows{nullptr, count}, 0);
      } else {
        rows_.gather(c - probe_width_, pair_built_, buffer);
      }
      pair_chunk_.columns[c] = buffer.view();
      pair_chunk_.columns[c].stable = true;
    }
    pairOutput(Rows{nullptr, count}, out);
    return {};
  }

  const JoinNode& node_;
  std::unique_ptr<Operator> probe_;
  std::unique_ptr<Operator> build_;
  EvaluatorList left_keys_;
  EvaluatorList right_keys_;
  std::unique_ptr<Evaluator> condition_;
  std::size_t probe_width_ = 0;

  // The built side.
  GroupTable keys_;
  RowBuffer rows_;
  CountedVector<std::uint32_t> first_;
  CountedVector<std::uint32_t> last_;
  CountedVector<std::uint32_t> next_;
  CountedVector<std::uint8_t> matched_built_;
  CountedVector<std::uint32_t> usable_rows_;
  bool built_ = false;
  bool built_has_null_ = false;

  // The probe chunk at hand.
  Chunk probe_chunk_;
  std::vector<std::uint32_t> numbers_;
  std::vector<std::uint32_t> starts_;
  std::vector<std::uint8_t> null_keys_;
  std::vector<std::uint8_t> matched_;
  std::uint32_t probe_row_ = 0;
  std::uint32_t candidate_ = kNone;
  std::uint32_t finished_from_ = 0;  // rows finished_from_ … finished_to_ - 1 have met all their candidates in this round
  std::uint32_t finished_to_ = 0;
  bool done_probing_ = false;
  std::uint32_t next_unmatched_ = 0;

  // Pairs.
  CountedVector<std::uint32_t> pair_rows_;
  CountedVector<std::uint32_t> pair_built_;
  std::vector<ColumnBuffer> pair_buffers_;
  Chunk pair_chunk_;
  std::vector<std::uint16_t> positions_;
  std::vector<std::uint16_t> passing_;
  std::vector<std::uint16_t> selection_;
  CountedVector<std::uint32_t> lone_;
};

}  // namespace

std::unique_ptr<Operator> JoinNode::create() const {
  return std::make_unique<JoinOperator>(*this);
}

}  // namespace trefoil::sql
