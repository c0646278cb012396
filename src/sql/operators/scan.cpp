// Reading tables: block by block, or through an index.
#include "sql/operators/operator.hpp"
#include "sql/operators/row_fetcher.hpp"
#include "sql/plan/scan_nodes.hpp"
#include "sql/storage/table_version.hpp"
#include "sql/storage/view.hpp"

namespace trefoil::sql {

RowFetcher::RowFetcher(const TableSchema& schema, const std::vector<std::uint32_t>& columns, std::size_t capacity)
    : columns_(columns), capacity_(capacity), buffers_(columns.size()) {
  for (const std::uint32_t column : columns) {
    types_.push_back(column == kRowIdColumn ? Type::kInteger : schema.columns[column].type.storage());
  }
}

void RowFetcher::viewBlock(const BlockReader& block, std::vector<Column>& out) {
  out.resize(columns_.size());
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c] != kRowIdColumn && types_[c] != Type::kVector) {
      out[c] = block.column(columns_[c]);
      continue;
    }
    ColumnBuffer& buffer = buffers_[c];
    if (buffer.capacity() < capacity_) {
      buffer.reset(types_[c], capacity_);
    }
    if (types_[c] == Type::kVector) {
      out[c] = block.fillVectors(columns_[c], buffer.as<VectorRef>());
      continue;
    }
    block.rowIds(buffer.as<std::int64_t>());
    out[c] = buffer.view(false);
  }
}

// Asks for the cache lines of a row's columns all at once: each is likely to be a miss, and they need not wait for each other.
void RowFetcher::prefetch(const TableReader& reader, RowId row) const {
  const Block* const block = reader.version()->findBlock(blockOf(row));
  if (block == nullptr) {
    return;
  }
  const std::uint32_t position = block->position(slotOf(row));
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c] == kRowIdColumn) {
      continue;
    }
    const ColumnChunk* const chunk = block->column(columns_[c]);
    const std::size_t width = types_[c] == Type::kVector ? sizeof(vector::Slot) : elementSize(types_[c]);
    __builtin_prefetch(&chunk->nulls[position >> 6]);
    __builtin_prefetch(chunk->as<char>() + position * width);
  }
}

void RowFetcher::fetch(const TableReader& reader, std::span<const RowId> rows, std::vector<Column>& out) {
  out.resize(columns_.size());
  constexpr std::size_t kAhead = 8;
  for (std::size_t i = 0; i < std::min(kAhead, rows.size()); ++i) {
    prefetch(reader, rows[i]);
  }
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    ColumnBuffer& buffer = buffers_[c];
    if (buffer.capacity() < capacity_) {
      buffer.reset(types_[c], capacity_);
    }
    for (std::uint32_t i = 0; i < rows.size(); ++i) {
      buffer.set(i, columns_[c] == kRowIdColumn ? Datum::integer(static_cast<std::int64_t>(rows[i]))
                                                : reader.value(rows[i], columns_[c]));
    }
    out[c] = buffer.view();
    out[c].stable = true;
  }
}

namespace {

std::unique_ptr<Evaluator> evaluatorFor(const ExpressionPtr& expression, std::size_t capacity) {
  return expression == nullptr ? nullptr : std::make_unique<Evaluator>(*expression, capacity);
}

// All blocks, or those that `morsels` hands out; or the rows of ExecContext::only_rows.
class TableScanOperator final : public Operator {
 public:
  explicit TableScanOperator(const ScanNode& node)
      : node_(node),
        fetcher_(*node.schema, node.columns),
        filter_(evaluatorFor(node.filter, kMaxChunkRows)),
        selection_(kMaxChunkRows) {}

  Status open(Execution& execution) override {
    if (filter_ != nullptr) {
      filter_->prepare();
    }
    reader_.emplace(execution.context.view.scan(node_.schema->id));
    next_block_ = reader_->firstBlock();
    position_ = 0;
    extent_ = 0;
    only_rows_ = execution.context.only_rows == nullptr ? std::span<const RowId>() : std::span(*execution.context.only_rows);
    return {};
  }

  Status produce(Execution& execution, Chunk& out) override {
    if (execution.context.only_rows != nullptr) {
      return nextOfOnlyRows(execution, out);
    }
    for (;;) {
      if (position_ >= extent_ && !nextBlock(execution)) {
        out.rows = {};
        return {};
      }
      out.columns = columns_;
      takeRows(execution.chunk_rows, out.rows);
      if (out.rows.count > 0 && filter_ != nullptr) {
        TREFOIL_TRY(execution.check());
        std::uint32_t count = 0;
        TREFOIL_TRY(filter_->filter(execution.eval, out, out.rows, selection_.data(), count));
        out.rows = {selection_.data(), count};
      }
      if (out.rows.count > 0) {
        return {};
      }
    }
  }

  bool share(MorselSource& morsels) override {
    morsels_ = &morsels;
    return node_.filter == nullptr || !hasSubquery(*node_.filter);
  }

 private:
  Status nextOfOnlyRows(Execution& execution, Chunk& out) {
    out.rows = {};
    while (!only_rows_.empty() && out.rows.count == 0) {
      const std::size_t count = std::min(execution.chunk_rows, only_rows_.size());
      fetcher_.fetch(*reader_, only_rows_.first(count), out.columns);
      only_rows_ = only_rows_.subspan(count);
      out.rows = {nullptr, static_cast<std::uint32_t>(count)};
      if (filter_ != nullptr) {
        std::uint32_t passed = 0;
        TREFOIL_TRY(execution.check());
        TREFOIL_TRY(filter_->filter(execution.eval, out, out.rows, selection_.data(), passed));
        out.rows = {selection_.data(), passed};
      }
    }
    return {};
  }

  bool nextBlock(Execution&) {
    for (;;) {
      const std::uint32_t number =
          morsels_ == nullptr ? next_block_++ : reader_->firstBlock() + morsels_->next_block.fetch_add(1);
      if (number >= reader_->blockCount()) {
        return false;
      }
      const BlockReader block = reader_->block(number);
      if (block.rowCount() == 0) {
        continue;
      }
      present_ = block.isDense() ? nullptr : block.present(packed_present_);
      extent_ = block.extent();
      position_ = 0;
      fetcher_.viewBlock(block, columns_);
      return true;
    }
  }

  // The next rows of the block, at most `limit`.
  void takeRows(std::size_t limit, Rows& rows) {
    if (present_ == nullptr && position_ == 0 && extent_ <= limit) {
      rows = {nullptr, extent_};
      position_ = extent_;
      return;
    }
    std::uint32_t count = 0;
    while (position_ < extent_ && count < limit) {
      if (present_ == nullptr || ((present_[position_ >> 6] >> (position_ & 63)) & 1) != 0) {
        selection_[count++] = static_cast<std::uint16_t>(position_);
      }
      ++position_;
    }
    rows = {selection_.data(), count};
  }

  const ScanNode& node_;
  RowFetcher fetcher_;
  std::unique_ptr<Evaluator> filter_;
  std::optional<TableReader> reader_;
  MorselSource* morsels_ = nullptr;
  std::vector<Column> columns_;
  const std::uint64_t* present_ = nullptr;
  BlockReader::Words packed_present_;
  std::uint32_t next_block_ = 0;
  std::uint32_t position_ = 0;
  std::uint32_t extent_ = 0;
  std::span<const RowId> only_rows_;
  std::vector<std::uint16_t> selection_;
};

// A range of an index, or one row by its key. The filter holds the whole condition: when the range turns out to hold a large part
// of the table, reading the table from front to back is quicker, and the filter does the rest.
class IndexScanOperator final : public Operator {
 public:
  explicit IndexScanOperator(const ScanNode& node)
      : node_(node),
        fetcher_(*node.schema, node.columns),
        filter_(evaluatorFor(node.filter, kMaxChunkRows)),
        lower_(evaluatorFor(node.lower, 1)),
        upper_(evaluatorFor(node.upper, 1)),
        selection_(node.chunkCapacity()) {
    for (const ExpressionPtr& equal : node.equals) {
      equals_.emplace_back(*equal, 1);
    }
  }

  Status open(Execution& execution) override {
    never_ = false;
    next_ = 0;
    rows_.clear();
    whole_table_.reset();
    ordered_.reset();
    if (execution.context.only_rows != nullptr) {
      whole_table_ = std::make_unique<TableScanOperator>(node_);
      return whole_table_->open(execution);
    }
    if (filter_ != nullptr) {
      filter_->prepare();
    }
    IndexRange range;
    key_.resize(equals_.size());
    for (std::size_t i = 0; i < equals_.size(); ++i) {
      TREFOIL_TRY(bound(execution, equals_[i], key_[i]));
    }
    Datum lower;
    Datum upper;
    if (lower_ != nullptr) {
      TREFOIL_TRY(bound(execution, *lower_, lower));
      range.lower = lower;
    }
    if (upper_ != nullptr) {
      TREFOIL_TRY(bound(execution, *upper_, upper));
      range.upper = upper;
    }
    if (never_) {
      return {};
    }
    View& view = execution.context.view;
    reader_.emplace(view.rows(node_.schema->id));
    if (node_.access == AccessPath::kUnique) {
      if (const std::optional<RowId> found = view.findUnique(node_.schema->id, node_.index, key_)) {
        rows_.push_back(*found);
      }
      return {};
    }
    range.equals = key_;
    range.lower_inclusive = node_.lower_inclusive;
    range.upper_inclusive = node_.upper_inclusive;
    range.descending = node_.descending;
    IndexCursor cursor = view.range(node_.schema->id, node_.index, range);
    if (node_.ordered) {
      ordered_.emplace(std::move(cursor));
      batch_ = kFirstBatch;
      return {};
    }
    return collect(execution, std::move(cursor));
  }

  Status produce(Execution& execution, Chunk& out) override {
    if (whole_table_ != nullptr) {
      return whole_table_->next(execution, out);
    }
    while (next_ < rows_.size() || refill()) {
      const std::size_t count = std::min(execution.chunk_rows, rows_.size() - next_);
      out.rows = {nullptr, static_cast<std::uint32_t>(count)};
      fetcher_.fetch(*reader_, std::span(rows_.data() + next_, count), out.columns);
      next_ += count;
      if (filter_ == nullptr) {
        return {};
      }
      std::uint32_t passed = 0;
      TREFOIL_TRY(execution.check());
      TREFOIL_TRY(filter_->filter(execution.eval, out, out.rows, selection_.data(), passed));
      out.rows = {selection_.data(), passed};
      if (passed > 0) {
        return {};
      }
    }
    out.rows = {};
    return {};
  }

 private:
  static constexpr std::size_t kFirstBatch = 16;
  static constexpr std::uint64_t kFewRows = 512;
  static constexpr std::uint64_t kScanFraction = 16;  // reading a row by its id costs about as much as passing so many

  // In the index's order rows are fetched in growing batches: a LIMIT above wants few of them.
  bool refill() {
    if (!ordered_.has_value()) {
      return false;
    }
    rows_.resize(batch_);
    rows_.resize(ordered_->next(rows_));
    batch_ = std::min(batch_ * 2, kMaxChunkRows);
    next_ = 0;
    return !rows_.empty();
  }

  Status collect(Execution& execution, IndexCursor cursor) {
    const std::uint64_t limit = std::max(kFewRows, reader_->rowCount() / kScanFraction);
    for (;;) {
      const std::size_t size = rows_.size();
      rows_.resize(size + kMaxChunkRows);
      const std::size_t count = cursor.next(std::span(rows_.data() + size, kMaxChunkRows));
      rows_.resize(size + count);
      if (count == 0) {
        return {};
      }
      if (rows_.size() > limit) {
        if (execution.notes != nullptr) {
          execution.notes->push_back("Index " + node_.schema->indexes[node_.index].name +
                                     ": not used, its range holds a large part of the table");
        }
        rows_.clear();
        whole_table_ = std::make_unique<TableScanOperator>(node_);
        return whole_table_->open(execution);
      }
    }
  }

  Status bound(Execution& execution, Evaluator& evaluator, Datum& value) {
    evaluator.prepare();
    TREFOIL_TRY(evaluator.scalar(execution.eval, value));
    never_ = never_ || value.isNull();  // a comparison with NULL is true for no row
    return {};
  }

  const ScanNode& node_;
  RowFetcher fetcher_;
  std::unique_ptr<Evaluator> filter_;
  std::vector<Evaluator> equals_;
  std::unique_ptr<Evaluator> lower_;
  std::unique_ptr<Evaluator> upper_;
  std::optional<TableReader> reader_;
  std::unique_ptr<TableScanOperator> whole_table_;
  std::optional<IndexCursor> ordered_;
  std::size_t batch_ = kFirstBatch;
  std::vector<Datum> key_;
  bool never_ = false;
  std::vector<std::uint16_t> selection_;
  std::vector<RowId> rows_;
  std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<Operator> ScanNode::create() const {
  if (access == AccessPath::kFull) {
    return std::make_unique<TableScanOperator>(*this);
  }
  return std::make_unique<IndexScanOperator>(*this);
}

}  // namespace trefoil::sql
