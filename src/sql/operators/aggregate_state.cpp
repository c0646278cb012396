#include "sql/operators/aggregate_state.hpp"

#include <cmath>

#include "sql/kernels.hpp"
#include "sql/operators/sort_order.hpp"

namespace trefoil::sql {
namespace {

using Int = std::int64_t;
__extension__ typedef __int128 WideInt;

// function(row, position) for rows whose argument is not NULL.
template <typename Function>
inline void forEachValue(const Column& argument, const Rows& rows, Function&& function) {
  if (argument.type == Type::kNull || (argument.constant && argument.isNull(0))) {
    return;
  }
  const std::uint64_t* const nulls = argument.constant ? nullptr : argument.nulls;
  if (nulls == nullptr && rows.selection == nullptr && !argument.constant) {
    for (std::uint32_t row = 0; row < rows.count; ++row) {
      function(row, row);
    }
    return;
  }
  for (std::uint32_t row = 0; row < rows.count; ++row) {
    const std::uint32_t i = rows.position(row);
    if (nulls == nullptr || ((nulls[i >> 6] >> (i & 63)) & 1) == 0) {
      function(row, argument.constant ? 0 : i);
    }
  }
}

class CountState final : public AggregateState {
 public:
  explicit CountState(bool rows) : count_rows_(rows) {}
  void clear() override { counts_.clear(); }
  void resize(std::uint32_t groups) override { counts_.resize(groups); }
  Status update(const std::uint32_t* groups, const Column& argument, const Column&, const Rows& rows) override {
    Int* const counts = counts_.data();
    if (count_rows_) {
      for (std::uint32_t row = 0; row < rows.count; ++row) {
        ++counts[groups[row]];
      }
    } else {
      forEachValue(argument, rows, [&](std::uint32_t row, std::uint32_t) { ++counts[groups[row]]; });
    }
    return {};
  }
  Status combine(const AggregateState& other, std::span<const std::uint32_t> mapping) override {
    const auto& from = static_cast<const CountState&>(other);
    for (std::size_t g = 0; g < mapping.size(); ++g) {
      counts_[mapping[g]] += from.counts_[g];
    }
    return {};
  }
  Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const override {
    std::copy_n(counts_.data() + first, count, out.as<Int>());
    return {};
  }

 private:
  bool count_rows_;
  std::vector<Int> counts_;
};

// sum and avg of integers. The sum is 128 bits wide: only a result can be out of range, no step on the way.
template <bool Average>
class IntegerSumState final : public AggregateState {
 public:
  void clear() override { groups_.clear(); }
  void resize(std::uint32_t groups) override { groups_.resize(groups); }
  Status update(const std::uint32_t* groups, const Column& argument, const Column&, const Rows& rows) override {
    Group* const states = groups_.data();
    const Int* const values = argument.as<Int>();
    forEachValue(argument, rows, [&](std::uint32_t row, std::uint32_t i) {
      Group& state = states[groups[row]];
      state.sum += values[i];
      ++state.count;
    });
    return {};
  }
  Status combine(const AggregateState& other, std::span<const std::uint32_t> mapping) override {
    const auto& from = static_cast<const IntegerSumState&>(other);
    for (std::size_t g = 0; g < mapping.size(); ++g) {
      groups_[mapping[g]].sum += from.groups_[g].sum;
      groups_[mapping[g]].count += from.groups_[g].count;
    }
    return {};
  }
  Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const override {
    for (std::uint32_t i = 0; i < count; ++i) {
      const Group& state = groups_[first + i];
      if (state.count == 0) {
        out.setNull(i);
      } else if constexpr (Average) {
        out.as<double>()[i] = static_cast<double>(static_cast<long double>(state.sum) / static_cast<long double>(state.count));
      } else {
        if (state.sum > INT64_MAX || state.sum < INT64_MIN) {
          return integerOutOfRange(SqlType::bigint());
        }
        out.as<Int>()[i] = static_cast<Int>(state.sum);
      }
    }
    return {};
  }

 private:
  struct Group {
    WideInt sum = 0;
    Int count = 0;
  };
  std::vector<Group> groups_;
};

template <bool Average>
class RealSumState final : public AggregateState {
 public:
  void clear() override { groups_.clear(); }
  void resize(std::uint32_t groups) override { groups_.resize(groups); }
  Status update(const std::uint32_t* groups, const Column& argument, const Column&, const Rows& rows) override {
    Group* const states = groups_.data();
    const double* const values = argument.as<double>();
    forEachValue(argument, rows, [&](std::uint32_t row, std::uint32_t i) {
      Group& state = states[groups[row]];
      state.sum += values[i];
      state.infinite |= std::isinf(values[i]);
      ++state.count;
    });
    return {};
  }
  Status combine(const AggregateState& other, std::span<const std::uint32_t> mapping) override {
    const auto& from = static_cast<const RealSumState&>(other);
    for (std::size_t g = 0; g < mapping.size(); ++g) {
      groups_[mapping[g]].sum += from.groups_[g].sum;
      groups_[mapping[g]].infinite |= from.groups_[g].infinite;
      groups_[mapping[g]].count += from.groups_[g].count;
    }
    return {};
  }
  Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const override {
    for (std::uint32_t i = 0; i < count; ++i) {
      const Group& state = groups_[first + i];
      if (state.count == 0) {
        out.setNull(i);
        continue;
      }
      if (std::isinf(state.sum) && !state.infinite) {
        return realOutOfRange(true);
      }
      out.as<double>()[i] = Average ? state.sum / static_cast<double>(state.count) : state.sum;
    }
    return {};
  }

 private:
  struct Group {
    double sum = 0;
    bool infinite = false;
    Int count = 0;
  };
  std::vector<Group> groups_;
};

// Welford's algorithm, combined after Chan et al. (1979).
class VarianceState final : public AggregateState {
 public:
  explicit VarianceState(AggregateKind kind) : kind_(kind) {}
  void clear() override { groups_.clear(); }
  void resize(std::uint32_t groups) override { groups_.resize(groups); }
  Status update(const std::uint32_t* groups, const Column& argument, const Column&, const Rows& rows) override {
    const double* const values = argument.as<double>();
    forEachValue(argument, rows, [&](std::uint32_t row, std::uint32_t i) {
      Group& state = groups_[groups[row]];
      state.count += 1;
      const double delta = values[i] - state.mean;
      state.mean += delta / state.count;
      state.squares += delta * (values[i] - state.mean);
    });
    return {};
  }
  Status combine(const AggregateState& other, std::span<const std::uint32_t> mapping) override {
    const auto& from = static_cast<const VarianceState&>(other);
    for (std::size_t g = 0; g < mapping.size(); ++g) {
      Group& a = groups_[mapping[g]];
      const Group& b = from.groups_[g];
      if (b.count == 0) {
        continue;
      }
      const double total = a.count + b.count;
      const double delta = b.mean - a.mean;
      a.squares += b.squares + delta * delta * a.count * b.count / total;
      a.mean += delta * b.count / total;
      a.count = total;
    }
    return {};
  }
  Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const override {
    const bool sample = kind_ == AggregateKind::kVarianceSample || kind_ == AggregateKind::kDeviationSample;
    const bool deviation = kind_ == AggregateKind::kDeviationSample || kind_ == AggregateKind::kDeviationPopulation;
    for (std::uint32_t i = 0; i < count; ++i) {
      const Group& state = groups_[first + i];
      const double divisor = sample ? state.count - 1 : state.count;
      if (divisor <= 0) {
        out.setNull(i);
        continue;
      }
      const double variance = state.squares / divisor;
      out.as<double>()[i] = deviation ? std::sqrt(variance) : variance;
    }
    return {};
  }

 private:
  struct Group {
    double count = 0;
    double mean = 0;
    double squares = 0;
  };
  AggregateKind kind_;
  std::vector<Group> groups_;
};

class BooleanState final : public AggregateState {
 public:
  explicit BooleanState(bool conjunction) : conjunction_(conjunction) {}
  void clear() override { groups_.clear(); }
  void resize(std::uint32_t groups) override { groups_.resize(groups, kEmpty); }
  Status update(const std::uint32_t* groups, const Column& argument, const Column&, const Rows& rows) override {
    const auto* const values = argument.as<std::uint8_t>();
    forEachValue(argument, rows, [&](std::uint32_t row, std::uint32_t i) { merge(groups_[groups[row]], values[i]); });
    return {};
  }
  Status combine(const AggregateState& other, std::span<const std::uint32_t> mapping) override {
    const auto& from = static_cast<const BooleanState&>(other);
    for (std::size_t g = 0; g < mapping.size(); ++g) {
      if (from.groups_[g] != kEmpty) {
        merge(groups_[mapping[g]], from.groups_[g]);
      }
    }
    return {};
  }
  Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const override {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (groups_[first + i] == kEmpty) {
        out.setNull(i);
      } else {
        out.as<std::uint8_t>()[i] = groups_[first + i];
      }
    }
    return {};
  }

 private:
  static constexpr std::uint8_t kEmpty = 2;
  void merge(std::uint8_t& state, std::uint8_t value) const {
    state = state == kEmpty ? value
                            : static_cast<std::uint8_t>(conjunction_ ? (state != 0 && value != 0) : (state != 0 || value != 0));
  }
  bool conjunction_;
  std::vector<std::uint8_t> groups_;
};

// min and max of numbers.
template <typename T, bool Max>
class ExtremeState final : public AggregateState {
 public:
  void clear() override { groups_.clear(); }
  void resize(std::uint32_t groups) override { groups_.resize(groups); }
  Status update(const std::uint32_t* groups, const Column& argument, const Column&, const Rows& rows) override {
    const T* const values = argument.as<T>();
    Group* const states = groups_.data();
    forEachValue(argument, rows, [&](std::uint32_t row, std::uint32_t i) { merge(states[groups[row]], values[i]); });
    return {};
  }
  Status combine(const AggregateState& other, std::span<const std::uint32_t> mapping) override {
    const auto& from = static_cast<const ExtremeState&>(other);
    for (std::size_t g = 0; g < mapping.size(); ++g) {
      if (from.groups_[g].any) {
        merge(groups_[mapping[g]], from.groups_[g].value);
      }
    }
    return {};
  }
  Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const override {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!groups_[first + i].any) {
        out.setNull(i);
      } else {
        out.as<T>()[i] = groups_[first + i].value;
      }
    }
    return {};
  }

 private:
  struct Group {
    T value{};
    bool any = false;
  };
  static bool better(T candidate, T value) {
    if constexpr (std::is_same_v<T, double>) {
      // NaN is greater than every number.
      if (std::isnan(candidate) || std::isnan(value)) {
        return Max ? std::isnan(candidate) && !std::isnan(value) : std::isnan(value) && !std::isnan(candidate);
      }
    }
    return Max ? candidate > value : candidate < value;
  }
  static void merge(Group& state, T value) {
    if (!state.any || better(value, state.value)) {
      state.value = value;
      state.any = true;
    }
  }
  std::vector<Group> groups_;
};

// min and max of bytes.
template <bool Max>
class ByteExtremeState final : public AggregateState {
 public:
  void clear() override { groups_.clear(); }
  void resize(std::uint32_t groups) override { groups_.resize(groups); }
  Status update(const std::uint32_t* groups, const Column& argument, const Column&, const Rows& rows) override {
    const auto* const values = argument.as<StringRef>();
    forEachValue(argument, rows, [&](std::uint32_t row, std::uint32_t i) { merge(groups_[groups[row]], values[i].view()); });
    return {};
  }
  Status combine(const AggregateState& other, std::span<const std::uint32_t> mapping) override {
    const auto& from = static_cast<const ByteExtremeState&>(other);
    for (std::size_t g = 0; g < mapping.size(); ++g) {
      if (from.groups_[g].any) {
        merge(groups_[mapping[g]], from.groups_[g].value);
      }
    }
    return {};
  }
  Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const override {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!groups_[first + i].any) {
        out.setNull(i);
      } else {
        out.as<StringRef>()[i] = StringRef(groups_[first + i].value);
      }
    }
    return {};
  }

 private:
  struct Group {
    std::string value;
    bool any = false;
  };
  static void merge(Group& state, std::string_view value) {
    if (!state.any || (Max ? value > state.value : value < state.value)) {
      state.value = value;
      state.any = true;
    }
  }
  std::vector<Group> groups_;
};

class StringAggState final : public AggregateState {
 public:
  void clear() override { groups_.clear(); }
  void resize(std::uint32_t groups) override { groups_.resize(groups); }
  Status update(const std::uint32_t* groups, const Column& argument, const Column& separator, const Rows& rows) override {
    constexpr std::size_t kMaxBytes = std::size_t{256} << 20;
    const auto* const values = argument.as<StringRef>();
    bool too_long = false;
    forEachValue(argument, rows, [&](std::uint32_t row, std::uint32_t i) {
      Group& state = groups_[groups[row]];
      const std::uint32_t position = rows.position(row);
      if (state.any && !separator.isNull(position)) {
        state.value += separator.as<StringRef>()[separator.constant ? 0 : position].view();
      }
      state.value += values[i].view();
      state.any = true;
      too_long |= state.value.size() > kMaxBytes;
    });
    if (too_long) {
      return Error(ErrorCode::kLimit, "string_agg: result too long");
    }
    return {};
  }
  Status combine(const AggregateState&, std::span<const std::uint32_t>) override {
    TREFOIL_ASSERT(false && "string_agg depends on the order of rows and is never computed in parallel");
    return {};
  }
  Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const override {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!groups_[first + i].any) {
        out.setNull(i);
      } else {
        out.as<StringRef>()[i] = StringRef(groups_[first + i].value);
      }
    }
    return {};
  }

 private:
  struct Group {
    std::string value;
    bool any = false;
  };
  std::vector<Group> groups_;
};

template <bool Max>
std::unique_ptr<AggregateState> makeExtreme(Type type) {
  switch (type) {
    case Type::kBool:
      return std::make_unique<ExtremeState<std::uint8_t, Max>>();
    case Type::kDouble:
      return std::make_unique<ExtremeState<double, Max>>();
    case Type::kText:
    case Type::kBlob:
    case Type::kJson:
      return std::make_unique<ByteExtremeState<Max>>();
    default:
      return std::make_unique<ExtremeState<Int, Max>>();
  }
}

}  // namespace

std::unique_ptr<AggregateState> AggregateState::make(const AggregateCall& call) {
  switch (call.kind) {
    case AggregateKind::kCountRows:
    case AggregateKind::kCount:
      return std::make_unique<CountState>(call.kind == AggregateKind::kCountRows);
    case AggregateKind::kSumInteger:
      return std::make_unique<IntegerSumState<false>>();
    case AggregateKind::kAverageInteger:
      return std::make_unique<IntegerSumState<true>>();
    case AggregateKind::kSumReal:
      return std::make_unique<RealSumState<false>>();
    case AggregateKind::kAverageReal:
      return std::make_unique<RealSumState<true>>();
    case AggregateKind::kMin:
      return makeExtreme<false>(call.argument->type.base);
    case AggregateKind::kMax:
      return makeExtreme<true>(call.argument->type.base);
    case AggregateKind::kBoolAnd:
    case AggregateKind::kBoolOr:
      return std::make_unique<BooleanState>(call.kind == AggregateKind::kBoolAnd);
    case AggregateKind::kStringAgg:
      return std::make_unique<StringAggState>();
    case AggregateKind::kVarianceSample:
    case AggregateKind::kVariancePopulation:
    case AggregateKind::kDeviationSample:
    case AggregateKind::kDeviationPopulation:
      return std::make_unique<VarianceState>(call.kind);
  }
  return nullptr;
}

}  // namespace trefoil::sql
