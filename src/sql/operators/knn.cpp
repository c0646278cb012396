// ORDER BY column <=> query LIMIT k as a source of rows: the index's answer, or the vector floor's exact search, over the rows
// that match the WHERE. Those are found first, by a scan of their own, and kept as a bitmap.
#include <cmath>

#include "sql/operators/operator.hpp"
#include "sql/operators/row_fetcher.hpp"
#include "sql/plan_scan.hpp"
#include "sql/vector_index.hpp"
#include "sql/view.hpp"
#include "vector/exact_search.hpp"

namespace trefoil::sql {
namespace {

constexpr std::size_t kParallelRows = 20'000;

class KnnOperator final : public Operator {
 public:
  explicit KnnOperator(const KnnNode& node)
      : node_(node), fetcher_(*node.schema, node.columns, KnnNode::kChunkRows), query_(*node.query, 1), limit_(*node.limit, 1) {
    if (node.offset != nullptr) {
      offset_ = std::make_unique<Evaluator>(*node.offset, 1);
    }
    if (!node.children.empty()) {
      matching_ = node.children[0]->create();
    }
    distances_.reset(Type::kDouble, KnnNode::kChunkRows);
  }

  Status open(Execution& execution) override {
    query_.prepare();
    limit_.prepare();
    reader_.emplace(execution.context.view.rows(node_.schema->id));
    found_.clear();
    next_ = 0;
    searched_ = false;
    return {};
  }

  Status next(Execution& execution, Chunk& out) override {
    if (!searched_) {
      TREFOIL_TRY(search(execution));
      searched_ = true;
    }
    const std::size_t count = std::min({execution.chunk_rows, KnnNode::kChunkRows, found_.size() - next_});
    std::vector<RowId> rows(count);
    distances_.clearNulls();
    for (std::size_t i = 0; i < count; ++i) {
      const vector::Neighbour& neighbour = found_[next_ + i];
      rows[i] = static_cast<RowId>(neighbour.row);
      distances_.as<double>()[i] = neighbour.distance;
      if (next_ + i >= with_distance_) {
        distances_.setNull(static_cast<std::uint32_t>(i));
      }
    }
    if (count > 0) {
      fetcher_.fetch(*reader_, rows, out.columns);
      out.columns.push_back(distances_.view());
    }
    next_ += count;
    out.rows = {nullptr, static_cast<std::uint32_t>(count)};
    return {};
  }

 private:
  // LIMIT + OFFSET, or the number of rows if that is less: then `all`.
  Status wanted(Execution& execution, std::size_t& k, bool& all) {
    Datum limit;
    TREFOIL_TRY(limit_.scalar(execution.eval, limit));
    Datum offset = Datum::integer(0);
    if (offset_ != nullptr) {
      offset_->prepare();
      TREFOIL_TRY(offset_->scalar(execution.eval, offset));
    }
    const std::int64_t rows = static_cast<std::int64_t>(reader_->rowCount());
    if (!limit.isNull() && limit.asInteger() < 0) {
      return Error(ErrorCode::kInvalid, "LIMIT must not be negative");
    }
    if (!offset.isNull() && offset.asInteger() < 0) {
      return Error(ErrorCode::kInvalid, "OFFSET must not be negative");
    }
    const std::int64_t first = std::min(limit.isNull() ? rows : limit.asInteger(), rows);
    const std::int64_t skipped = std::min(offset.isNull() ? 0 : offset.asInteger(), rows);
    k = static_cast<std::size_t>(std::min(first + skipped, rows));
    all = limit.isNull() || limit.asInteger() > rows - skipped;
    return {};
  }

  Status search(Execution& execution) {
    std::size_t k = 0;
    bool all = false;
    TREFOIL_TRY(wanted(execution, k, all));
    Datum query;
    TREFOIL_TRY(query_.scalar(execution.eval, query));
    selected_.clear();
    found_.clear();
    if (matching_ != nullptr) {
      TREFOIL_TRY(selectRows(execution));
    }
    if (!query.isNull() && k > 0) {
      TREFOIL_ASSIGN(const bool answered, searchIndex(execution, query.asVector(), k));
      if (!answered) {
        TREFOIL_TRY(searchExactly(execution, query.asVector(), k));
      }
      TREFOIL_TRY(execution.check());
    }
    with_distance_ = found_.size();
    if (found_.size() < k) {
      TREFOIL_TRY(selectRows(execution));
      addRowsWithoutVector(k, query.isNull());
    }
    if (matching_ == nullptr) {  // a WHERE has recorded what it read: no other row can be in the answer
      noteSearch(execution, query, all);
    }
    return {};
  }

  // False: this search has to be exact.
  Result<bool> searchIndex(Execution& execution, std::span<const float> query, std::size_t k) {
    if (!node_.index) {
      if (execution.notes != nullptr) {
        execution.notes->push_back("Vector Search: exact (no index)");
      }
      return false;
    }
    std::optional<VectorSearchAnswer> answer;
    std::string_view why = KnnNode::whyExact(reader_->rowCount(), k);
    if (why.empty()) {
      const VectorIndex& index = *reader_->version()->vector_indexes[*node_.index];
      VectorSearch request{.query = query,
                           .k = k,
                           .ef_search = execution.context.ef_search,
                           .version = reader_->version(),
                           .snapshot = execution.context.view.snapshot(),
                           .selected = selected_,
                           .cancelled = [&] { return !execution.check().ok(); }};
      Result<std::optional<VectorSearchAnswer>> searched = index.search(request, why);
      if (!searched.ok()) {
        TREFOIL_TRY(execution.check());  // which of the ways to be cancelled it was
        return std::move(searched).error();
      }
      answer = std::move(searched).value();
    }
    if (execution.notes != nullptr) {
      note(*execution.notes, answer, why);
    }
    if (!answer) {
      return false;
    }
    found_ = std::move(answer->nearest);
    return true;
  }

  void noteSearch(Execution& execution, const Datum& query, bool all) const {
    View::FoundNearest found{.column = node_.vector_column, .metric = node_.metric, .query = {}, .rows = found_, .last = {}};
    if (!all && with_distance_ == found_.size() && !found_.empty() && !std::isnan(found_.back().distance)) {
      found.query = query.asVector();
      found.last = found_.back().distance;
    }
    execution.context.view.noteSearch(node_.schema->id, found);
  }

  // EXPLAIN ANALYZE: which way the search took, and why.
  void note(std::vector<std::string>& notes, const std::optional<VectorSearchAnswer>& answer, std::string_view why) const {
    const std::string index = "Vector Index " + node_.schema->vector_indexes[*node_.index].name + ": ";
    if (!answer) {
      notes.push_back(index + "not used, exact search (" + std::string(why) + ")");
      return;
    }
    const vector::HnswReport& report = answer->report;
    notes.push_back(index + std::string(vector::name(report.strategy)) + " (" + std::string(report.reason) + "), " +
                    std::to_string(report.entries) + " entries, " + std::to_string(report.expected_matches) + " may match");
    notes.push_back("  Nodes Expanded: " + std::to_string(report.expanded) + ", Codes Compared: " +
                    std::to_string(report.compared) + ", Vectors Compared: " + std::to_string(report.ranked) +
                    ", Rows Not In The Graph Yet: " + std::to_string(answer->compared_rows));
  }

  Status searchExactly(Execution& execution, std::span<const float> query, std::size_t k) {
    TREFOIL_TRY(selectRows(execution));
    const vector::SearchRequest request{.metric = node_.metric, .query = query, .k = k};
    const vector::SearchOptions options{.parallel = execution.context.parallel && reader_->rowCount() >= kParallelRows,
                                        .cancelled = [&] { return !execution.check().ok(); }};
    TREFOIL_ASSIGN(found_, vector::exactSearch(
                               reader_->vectorArena(node_.vector_column), request, reader_->blockCount(),
                               [this](std::size_t block) { return candidates(static_cast<std::uint32_t>(block)); }, options));
    return {};
  }

  // The bitmap of the rows that are there and match the WHERE, kBlockWords words a block.
  Status selectRows(Execution& execution) {
    if (!selected_.empty()) {
      return {};
    }
    selected_.assign(reader_->blockCount() * kBlockWords, 0);
    if (matching_ == nullptr) {
      for (std::uint32_t number = 0; number < reader_->blockCount(); ++number) {
        const BlockReader block = reader_->block(number);
        if (block.rowCount() != 0) {
          std::copy_n(block.present(), kBlockWords, &selected_[number * kBlockWords]);
        }
      }
      return {};
    }
    TREFOIL_TRY(matching_->open(execution));
    for (Chunk chunk;;) {
      TREFOIL_TRY(execution.check());
      TREFOIL_TRY(matching_->next(execution, chunk));
      if (chunk.rows.count == 0) {
        return {};
      }
      const auto* const rows = chunk.columns.back().as<std::int64_t>();  // the scan's other columns come before
      forEachPosition(chunk.rows, [&](std::uint32_t position) {
        const auto row = static_cast<std::uint64_t>(rows[position]);
        selected_[row / 64] |= std::uint64_t{1} << (row % 64);
      });
    }
  }

  [[nodiscard]] vector::CandidateBlock candidates(std::uint32_t number) const {
    const BlockReader block = reader_->block(number);
    if (block.rowCount() == 0) {
      return {};
    }
    return {static_cast<std::uint64_t>(block.firstRow()), block.slots(node_.vector_column),
            std::span(selected_).subspan(number * kBlockWords, kBlockWords)};
  }

  // NULL sorts last: rows without a distance fill up what is left of k.
  void addRowsWithoutVector(std::size_t k, bool all) {
    for (std::uint32_t number = 0; number < reader_->blockCount() && found_.size() < k; ++number) {
      const BlockReader block = reader_->block(number);
      if (block.rowCount() == 0) {
        continue;
      }
      const auto slots = block.slots(node_.vector_column);
      for (std::uint32_t slot = 0; slot < block.extent() && found_.size() < k; ++slot) {
        const bool selected = ((selected_[number * kBlockWords + (slot >> 6)] >> (slot & 63)) & 1) != 0;
        if (selected && (all || slots[slot] == vector::kNoSlot)) {
          found_.push_back({static_cast<std::uint64_t>(block.row(slot)), 0});
        }
      }
    }
  }

  const KnnNode& node_;
  RowFetcher fetcher_;
  Evaluator query_;
  Evaluator limit_;
  std::unique_ptr<Evaluator> offset_;
  std::unique_ptr<Operator> matching_;  // of the rows that match the WHERE; null: all do
  std::optional<TableReader> reader_;
  std::vector<std::uint64_t> selected_;  // see selectRows(); empty: not computed
  std::vector<vector::Neighbour> found_;
  std::size_t with_distance_ = 0;  // how many of found_ have one
  std::size_t next_ = 0;
  bool searched_ = false;
  ColumnBuffer distances_;
};

}  // namespace

std::unique_ptr<Operator> KnnNode::create() const {
  return std::make_unique<KnnOperator>(*this);
}

}  // namespace trefoil::sql
