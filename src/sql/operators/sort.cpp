// ORDER BY, with or without LIMIT.
//
// All rows are kept in a RowBuffer, the keys as extra columns behind the row's own. What is sorted are pairs (prefix, row
// number): the prefix is a 64-bit number in the order of the first key (sort_order.hpp), so that most comparisons touch nothing
// else; rows with equal prefixes are compared key by key, and at last by row number, which makes the order stable.
//
// With a LIMIT the buffer is cut back to the best limit + offset rows whenever it has grown to twice that, and rows whose prefix
// is beyond the worst one kept are not even stored (Top-N).
//
// Each comparison is charged: sorting many rows, or comparing long values, takes seconds. The standard library's sorts can only
// be left by throwing, so that is what a comparison does when the statement must end; it goes no further than arrange().
#include <cmath>
#include <optional>

#include "sql/operators/operator.hpp"
#include "sql/operators/row_buffer.hpp"
#include "sql/operators/sort_order.hpp"
#include "sql/plan/nodes.hpp"

namespace trefoil::sql {

int compareValues(const Datum& a, const Datum& b) {
  switch (a.type()) {
    case Type::kNull:
      return 0;
    case Type::kBool:
    case Type::kInteger:
      return a.asInteger() < b.asInteger() ? -1 : a.asInteger() > b.asInteger() ? 1 : 0;
    case Type::kDouble: {
      const double x = a.asReal();
      const double y = b.asReal();
      if (std::isnan(x) || std::isnan(y)) {
        return static_cast<int>(std::isnan(x)) - static_cast<int>(std::isnan(y));
      }
      return x < y ? -1 : x > y ? 1 : 0;
    }
    case Type::kText:
    case Type::kBlob: {
      const int order = a.asBytes().compare(b.asBytes());
      return order < 0 ? -1 : order > 0 ? 1 : 0;
    }
    case Type::kVector: {
      const auto x = a.asVector();
      const auto y = b.asVector();
      const auto order = std::lexicographical_compare_three_way(x.begin(), x.end(), y.begin(), y.end());  // without NaN
      return order < 0 ? -1 : order > 0 ? 1 : 0;
    }
  }
  return 0;
}

namespace {

constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;

// A number in the order of the value, below 2^63.
std::uint64_t prefixOf(const Column& key, std::uint32_t position) {
  const std::uint32_t index = key.constant ? 0 : position;
  switch (key.type) {
    case Type::kBool:
      return key.as<std::uint8_t>()[index];
    case Type::kInteger:
      return (static_cast<std::uint64_t>(key.as<std::int64_t>()[index]) ^ kSignBit) >> 1;
    case Type::kDouble: {
      const double value = key.as<double>()[index];
      const auto bits = std::bit_cast<std::uint64_t>(std::isnan(value) ? std::abs(std::nan("")) : value == 0 ? 0.0 : value);
      return ((bits & kSignBit) != 0 ? ~bits : bits ^ kSignBit) >> 1;
    }
    case Type::kText:
    case Type::kBlob: {
      const std::string_view text = key.as<StringRef>()[index].view();
      std::uint64_t prefix = 0;
      for (std::size_t i = 0; i < 8; ++i) {
        prefix = prefix << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0);
      }
      return prefix >> 1;
    }
    case Type::kVector:
    case Type::kNull:
      break;
  }
  return 0;
}

}  // namespace

void appendSortPrefixes(const Column& key, const Rows& rows, const SortDirection& direction, std::vector<std::uint64_t>& out) {
  // Values lie in 1 … 2^63, NULLs at 0 or above all values.
  const std::uint64_t null_prefix = direction.nulls_first ? 0 : UINT64_MAX;
  forEachPosition(rows, [&](std::uint32_t i) {
    if (key.isNull(i)) {
      out.push_back(null_prefix);
      return;
    }
    const std::uint64_t prefix = prefixOf(key, i);
    out.push_back(1 + (direction.descending ? (kSignBit - 1) - prefix : prefix));
  });
}

namespace {

class SortOperator final : public Operator {
 public:
  explicit SortOperator(const SortNode& node)
      : child_(node.children[0]->create()), types_(typesOf(node)), buffer_(types_), width_(node.output.size()) {
    for (const SortKey& key : node.keys) {
      keys_.add(*key.expression);
      directions_.push_back({key.descending, key.nulls_first});
    }
    if (node.limit != nullptr) {
      limit_.emplace(*node.limit, 1);
    }
    if (node.offset != nullptr) {
      offset_.emplace(*node.offset, 1);
    }
    for (std::size_t c = 0; c < width_; ++c) {
      out_.emplace_back(node.output[c].type.storage(), kMaxChunkRows);
    }
  }

  Status open(Execution& execution) override {
    keys_.prepare();
    buffer_.clear();
    items_.clear();
    sorted_ = false;
    bound_ = UINT64_MAX;
    TREFOIL_TRY(count("LIMIT", limit_, execution, UINT64_MAX, limit_rows_));
    TREFOIL_TRY(count("OFFSET", offset_, execution, 0, offset_rows_));
    return child_->open(execution);
  }

  Status produce(Execution& execution, Chunk& out) override {
    if (!sorted_) {
      TREFOIL_TRY(consume(execution));
    }
    const std::size_t size = std::min(execution.chunk_rows, end_ - next_);
    rows_.resize(size);
    std::transform(items_.begin() + static_cast<std::ptrdiff_t>(next_),
                   items_.begin() + static_cast<std::ptrdiff_t>(next_ + size), rows_.begin(),
                   [](const Item& item) { return item.row; });
    out.columns.resize(width_);
    for (std::size_t c = 0; c < width_ && size > 0; ++c) {
      buffer_.gather(c, rows_, out_[c]);
      out.columns[c] = out_[c].view();
      out.columns[c].stable = true;
    }
    next_ += size;
    out.rows = {nullptr, static_cast<std::uint32_t>(size)};
    return {};
  }

 private:
  struct Item {
    std::uint64_t prefix;
    std::uint32_t row;
  };
  // Why the statement must end.
  struct Interrupted {
    Status status;
  };
  // What one comparison costs, in units of work.
  static constexpr std::size_t kComparisonWork = 8;

  static std::vector<Type> typesOf(const SortNode& node) {
    std::vector<Type> types = node.outputTypes();
    for (const SortKey& key : node.keys) {
      types.push_back(key.expression->type.storage());
    }
    return types;
  }

  static Status count(const char* clause, std::optional<Evaluator>& evaluator, Execution& execution, std::uint64_t if_null,
                      std::uint64_t& result) {
    result = if_null;
    if (!evaluator) {
      return {};
    }
    Datum value;
    evaluator->prepare();
    TREFOIL_TRY(evaluator->scalar(execution.eval, value));
    if (value.isNull()) {
      return {};
    }
    if (value.asInteger() < 0) {
      return Error(ErrorCode::kInvalid, std::string(clause) + " must not be negative");
    }
    result = static_cast<std::uint64_t>(value.asInteger());
    return {};
  }

  // limit + offset, or everything.
  [[nodiscard]] std::uint64_t kept() const {
    return limit_rows_ > UINT64_MAX - offset_rows_ ? UINT64_MAX : limit_rows_ + offset_rows_;
  }

  Status consume(Execution& execution) {
    Chunk chunk;
    std::vector<Column> columns;
    std::vector<Column> key_columns;
    std::vector<std::uint64_t> chunk_prefixes;
    std::vector<std::uint16_t> selection;
    while (kept() > 0) {
      TREFOIL_TRY(child_->next(execution, chunk));
      if (chunk.rows.count == 0) {
        break;
      }
      TREFOIL_TRY(keys_.evaluate(execution.eval, chunk, key_columns));
      chunk_prefixes.clear();
      appendSortPrefixes(key_columns[0], chunk.rows, directions_[0], chunk_prefixes);
      Rows rows = chunk.rows;
      if (bound_ != UINT64_MAX) {
        selection.clear();
        std::size_t passed = 0;
        for (std::uint32_t r = 0; r < rows.count; ++r) {
          if (chunk_prefixes[r] <= bound_) {
            selection.push_back(static_cast<std::uint16_t>(rows.position(r)));
            chunk_prefixes[passed++] = chunk_prefixes[r];
          }
        }
        chunk_prefixes.resize(passed);
        rows = {selection.data(), static_cast<std::uint32_t>(passed)};
      }
      columns.assign(chunk.columns.begin(), chunk.columns.begin() + static_cast<std::ptrdiff_t>(width_));
      columns.insert(columns.end(), key_columns.begin(), key_columns.end());
      if (buffer_.size() > UINT32_MAX - 2 * kMaxChunkRows) {
        return Error(ErrorCode::kLimit, "too many rows to sort");
      }
      std::uint32_t row = buffer_.size();
      buffer_.append(columns, rows);
      for (const std::uint64_t prefix : chunk_prefixes) {
        items_.push_back({prefix, row++});
      }
      if (kept() < UINT32_MAX / 4 && buffer_.size() >= kept() * 2 + kMaxChunkRows) {
        TREFOIL_TRY(cut(execution));
      }
    }
    TREFOIL_TRY(arrange(execution, [&](const auto& before) {
      selectBest(before);
      std::sort(items_.begin(), items_.end(), before);
    }));
    end_ = items_.size();
    next_ = static_cast<std::size_t>(std::min<std::uint64_t>(offset_rows_, end_));
    sorted_ = true;
    return {};
  }

  // Runs work(before), which orders items_ by before(a, b), as far as the statement may go on.
  template <typename Work>
  Status arrange(Execution& execution, Work&& work) {
    WorkMeter& meter = execution.eval.meter;
    try {
      work([&](const Item& a, const Item& b) {
        charge(meter, kComparisonWork);
        return a.prefix != b.prefix ? a.prefix < b.prefix : keysBefore(meter, a.row, b.row);
      });
    } catch (Interrupted& interrupted) {
      return std::move(interrupted.status);
    }
    return {};
  }

  static void charge(WorkMeter& meter, std::size_t work) {
    if (Status status = meter.charge(work); !status.ok()) [[unlikely]] {
      throw Interrupted{std::move(status)};
    }
  }

  // Of rows whose prefixes are equal.
  [[nodiscard]] bool keysBefore(WorkMeter& meter, std::uint32_t a, std::uint32_t b) const {
    for (std::size_t k = 0; k < directions_.size(); ++k) {
      const Datum x = buffer_.datum(width_ + k, a);
      const Datum y = buffer_.datum(width_ + k, b);
      if (x.isNull() || y.isNull()) {
        if (x.isNull() != y.isNull()) {
          return x.isNull() == directions_[k].nulls_first;
        }
        continue;
      }
      charge(meter, comparisonWork(x, y));
      const int order = compareValues(x, y);
      if (order != 0) {
        return (order < 0) != directions_[k].descending;
      }
    }
    return a < b;
  }
  static std::size_t comparisonWork(const Datum& x, const Datum& y) {
    switch (x.type()) {
      case Type::kText:
      case Type::kBlob:
        return kComparisonWork + std::min(x.asBytes().size(), y.asBytes().size()) / 8;
      case Type::kVector:
        return kComparisonWork + x.asVector().size();
      default:
        return kComparisonWork;
    }
  }

  // Leaves the best rows only, as many as are wanted.
  template <typename Before>
  void selectBest(const Before& before) {
    if (kept() < items_.size()) {
      std::nth_element(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(kept()), items_.end(), before);
      items_.resize(kept());
    }
  }

  // Keeps the best rows only. They are copied to a new buffer in the order of their arrival, so that ties stay stable.
  Status cut(Execution& execution) {
    TREFOIL_TRY(arrange(execution, [&](const auto& before) {
      selectBest(before);
      std::sort(items_.begin(), items_.end(), [&](const Item& a, const Item& b) {
        charge(execution.eval.meter, kComparisonWork);
        return a.row < b.row;
      });
    }));
    RowBuffer smaller(types_);
    std::vector<ColumnBuffer> gathered(types_.size());
    std::vector<Column> views(types_.size());
    bound_ = 0;
    for (std::size_t from = 0; from < items_.size(); from += kMaxChunkRows) {
      TREFOIL_TRY(execution.check());
      const std::size_t size = std::min(kMaxChunkRows, items_.size() - from);
      rows_.resize(size);
      for (std::size_t i = 0; i < size; ++i) {
        Item& item = items_[from + i];
        bound_ = std::max(bound_, item.prefix);
        rows_[i] = std::exchange(item.row, static_cast<std::uint32_t>(from + i));
      }
      for (std::size_t c = 0; c < types_.size(); ++c) {
        gathered[c].reset(types_[c], kMaxChunkRows);
        buffer_.gather(c, rows_, gathered[c]);
        views[c] = gathered[c].view();
      }
      smaller.append(views, Rows{nullptr, static_cast<std::uint32_t>(size)});
    }
    buffer_ = std::move(smaller);
    return {};
  }

  std::unique_ptr<Operator> child_;
  EvaluatorList keys_;
  std::vector<SortDirection> directions_;
  std::optional<Evaluator> limit_;
  std::optional<Evaluator> offset_;
  std::vector<Type> types_;
  RowBuffer buffer_;
  std::size_t width_;
  CountedVector<Item> items_;
  std::vector<std::uint32_t> rows_;  // at hand
  std::vector<ColumnBuffer> out_;
  std::uint64_t limit_rows_ = UINT64_MAX;
  std::uint64_t offset_rows_ = 0;
  std::uint64_t bound_ = UINT64_MAX;
  std::size_t next_ = 0;
  std::size_t end_ = 0;
  bool sorted_ = false;
};

}  // namespace

std::unique_ptr<Operator> SortNode::create() const {
  return std::make_unique<SortOperator>(*this);
}

}  // namespace trefoil::sql
