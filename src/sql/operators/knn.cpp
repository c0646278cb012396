// ORDER BY column <=> query LIMIT k as a source of rows: the vector floor's exact search over the rows that pass the filter.
#include "sql/operators/operator.hpp"
#include "sql/operators/row_fetcher.hpp"
#include "sql/plan_scan.hpp"
#include "sql/view.hpp"
#include "vector/exact_search.hpp"

namespace trefoil::sql {
namespace {

constexpr std::size_t kParallelRows = 20'000;

class KnnOperator final : public Operator {
 public:
  explicit KnnOperator(const KnnNode& node)
      : node_(node), fetcher_(*node.schema, node.columns), query_(*node.query, 1), limit_(*node.limit, 1) {
    if (node.offset != nullptr) {
      offset_ = std::make_unique<Evaluator>(*node.offset, 1);
    }
    if (node.filter != nullptr) {
      filter_ = std::make_unique<Evaluator>(*node.filter);
    }
    distances_.reset(Type::kDouble, kMaxChunkRows);
  }

  Status open(Execution& execution) override {
    query_.prepare();
    limit_.prepare();
    if (filter_ != nullptr) {
      filter_->prepare();
    }
    reader_.emplace(execution.context.view.scan(node_.schema->id));
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
    const std::size_t count = std::min(execution.chunk_rows, found_.size() - next_);
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
  // LIMIT + OFFSET; everything if there is no limit.
  Status wanted(Execution& execution, std::size_t& k) {
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
    return {};
  }

  Status search(Execution& execution) {
    std::size_t k = 0;
    TREFOIL_TRY(wanted(execution, k));
    Datum query;
    TREFOIL_TRY(query_.scalar(execution.eval, query));
    TREFOIL_TRY(selectRows(execution));
    const vector::VectorArena& arena = reader_->vectorArena(node_.vector_column);
    if (!query.isNull() && k > 0) {
      const vector::SearchRequest request{.metric = node_.metric, .query = query.asVector(), .k = k};
      const vector::SearchOptions options{.parallel = execution.context.parallel && reader_->rowCount() >= kParallelRows,
                                          .cancelled = [&] { return !execution.check().ok(); }};
      TREFOIL_ASSIGN(found_, vector::exactSearch(
                                 arena, request, reader_->blockCount(),
                                 [this](std::size_t block) { return candidates(static_cast<std::uint32_t>(block)); }, options));
      TREFOIL_TRY(execution.check());
    }
    with_distance_ = found_.size();
    addRowsWithoutVector(k, query.isNull());
    return {};
  }

  // The bitmap of each block's rows that are there and pass the filter.
  Status selectRows(Execution& execution) {
    selected_.assign(reader_->blockCount(), {});
    Chunk chunk;
    std::vector<std::uint16_t> selection(kMaxChunkRows);
    for (std::uint32_t number = 0; number < reader_->blockCount(); ++number) {
      const BlockReader block = reader_->block(number);
      auto& words = selected_[number];
      if (block.rowCount() == 0) {
        continue;
      }
      std::copy_n(block.present(), kBlockWords, words.begin());
      if (filter_ == nullptr) {
        continue;
      }
      TREFOIL_TRY(execution.check());
      fetcher_.viewBlock(block, chunk.columns);
      std::uint32_t count = 0;
      for (std::uint32_t slot = 0; slot < block.extent(); ++slot) {
        if (((words[slot >> 6] >> (slot & 63)) & 1) != 0) {
          selection[count++] = static_cast<std::uint16_t>(slot);
        }
      }
      TREFOIL_TRY(filter_->filter(execution.eval, chunk, Rows{selection.data(), count}, selection.data(), count));
      words.fill(0);
      for (std::uint32_t i = 0; i < count; ++i) {
        words[selection[i] >> 6] |= std::uint64_t{1} << (selection[i] & 63);
      }
    }
    return {};
  }

  [[nodiscard]] vector::CandidateBlock candidates(std::uint32_t number) const {
    const BlockReader block = reader_->block(number);
    if (block.rowCount() == 0) {
      return {};
    }
    return {static_cast<std::uint64_t>(block.firstRow()), block.slots(node_.vector_column), selected_[number]};
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
        const bool selected = ((selected_[number][slot >> 6] >> (slot & 63)) & 1) != 0;
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
  std::unique_ptr<Evaluator> filter_;
  std::optional<TableReader> reader_;
  std::vector<std::array<std::uint64_t, kBlockWords>> selected_;
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
