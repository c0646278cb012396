// ORDER BY column <=> query LIMIT k as a source of rows: the index's answer, or the vector floor's exact search, over the rows
// that match the WHERE. Those are found first, by a scan of their own, and kept as a bitmap, also for the next search.
#include <bit>
#include <cmath>
#include <utility>

#include "sql/operators/operator.hpp"
#include "sql/operators/row_fetcher.hpp"
#include "sql/plan/scan_nodes.hpp"
#include "sql/storage/matching_rows.hpp"
#include "sql/storage/table.hpp"
#include "sql/storage/vector_index.hpp"
#include "sql/storage/view.hpp"
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
      // The key of a row that is found by it is not part of the scan's filter.
      const auto* const scan = dynamic_cast<const ScanNode*>(node.children[0].get());
      const bool keeps = scan != nullptr && scan->access != AccessPath::kUnique && MatchingRows::canKeep(*scan->filter);
      where_ = keeps ? scan : nullptr;
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

  Status produce(Execution& execution, Chunk& out) override {
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
  [[nodiscard]] bool hasWhere() const { return !node_.children.empty(); }

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
    selected_.reset();
    found_.clear();
    if (hasWhere()) {
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
    selected_.reset();
    if (!hasWhere()) {  // a WHERE has recorded what it read: no other row can be in the answer
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
                           .cancelled = [&] { return !execution.check().ok(); }};
      if (selected_ != nullptr) {
        request.selected = selected_->words;
        request.selected_count = selected_->count;
      }
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
    Result<std::vector<vector::Neighbour>> searched = vector::exactSearch(
        reader_->vectorArena(node_.vector_column), request, reader_->blockCount(),
        [this](std::size_t block) { return candidates(static_cast<std::uint32_t>(block)); }, options);
    if (!searched.ok()) {
      TREFOIL_TRY(execution.check());  // as above
      return std::move(searched).error();
    }
    found_ = std::move(searched).value();
    return {};
  }

  // The set of the rows that are there and match the WHERE.
  Status selectRows(Execution& execution) {
    if (selected_ != nullptr) {
      return {};
    }
    const std::optional<Lsn> stamp = where_ != nullptr ? execution.context.view.rowsStamp(node_.schema->id) : std::nullopt;
    if (!stamp) {
      return findRows(execution);
    }
    const RowCondition condition{*where_->filter, where_->columns, execution.eval.parameters, *stamp};
    MatchingRows& known = reader_->version()->owner->matchingRows();
    selected_ = known.find(condition);
    if (selected_ == nullptr) {
      TREFOIL_TRY(findRows(execution));
      known.keep(condition, selected_);
    }
    return {};
  }

  Status findRows(Execution& execution) {
    const auto rows = std::make_shared<RowSet>();
    rows->words.resize(reader_->blockCount() * kBlockWords);
    selected_ = rows;
    if (!hasWhere()) {
      for (std::uint32_t number = 0; number < reader_->blockCount(); ++number) {
        const BlockReader block = reader_->block(number);
        if (block.rowCount() != 0) {
          std::copy_n(block.presentRows(), kBlockWords, &rows->words[number * kBlockWords]);
          rows->count += block.rowCount();
        }
      }
      return {};
    }
    const std::unique_ptr<Operator> matching = node_.children[0]->create();
    TREFOIL_TRY(matching->open(execution));
    for (Chunk chunk;;) {
      TREFOIL_TRY(matching->next(execution, chunk));
      if (chunk.rows.count == 0) {
        return {};
      }
      const auto* const ids = chunk.columns.back().as<std::int64_t>();  // the scan's other columns come before
      // Rows of one word mostly follow each other: it is written when they end.
      std::uint64_t word = 0;
      std::uint64_t bits = 0;
      forEachPosition(chunk.rows, [&](std::uint32_t position) {
        const auto row = static_cast<std::uint64_t>(ids[position]);
        if (row / 64 != word) {
          rows->words[word] |= std::exchange(bits, 0);
          word = row / 64;
        }
        bits |= std::uint64_t{1} << (row % 64);
      });
      rows->words[word] |= bits;
      rows->count += chunk.rows.count;
    }
  }

  [[nodiscard]] vector::CandidateBlock candidates(std::uint32_t number) const {
    const BlockReader block = reader_->block(number);
    if (block.rowCount() == 0) {
      return {};
    }
    vector::CandidateBlock rows = block.candidates(node_.vector_column);
    rows.selected = std::span(selected_->words).subspan(number * kBlockWords, kBlockWords);
    return rows;
  }

  // NULL sorts last: rows without a distance fill up what is left of k.
  void addRowsWithoutVector(std::size_t k, bool all) {
    for (std::uint32_t number = 0; number < reader_->blockCount() && found_.size() < k; ++number) {
      const BlockReader block = reader_->block(number);
      if (block.rowCount() == 0) {
        continue;
      }
      const vector::CandidateBlock candidates = block.candidates(node_.vector_column);
      for (std::uint32_t word = 0; word < kBlockWords; ++word) {
        for (std::uint64_t rows = selected_->words[number * kBlockWords + word]; rows != 0 && found_.size() < k;
             rows &= rows - 1) {
          const std::uint32_t slot = word * 64 + static_cast<std::uint32_t>(std::countr_zero(rows));
          if (all || candidates.slots[slot] == vector::kNoSlot) {
            found_.push_back({static_cast<std::uint64_t>(makeRowId(number, slot)), 0});
          }
        }
      }
    }
  }

  const KnnNode& node_;
  RowFetcher fetcher_;
  Evaluator query_;
  Evaluator limit_;
  std::unique_ptr<Evaluator> offset_;
  const ScanNode* where_ = nullptr;  // if the rows that it finds may be kept
  std::optional<TableReader> reader_;
  std::shared_ptr<const RowSet> selected_;  // see selectRows(); null: not found yet
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
