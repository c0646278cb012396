#include "sql/operators/aggregate_state.hpp"

#include <cmath>

#include "sql/expressions/kernels.hpp"
#include "sql/operators/sort_order.hpp"

namespace trefoil::sql {
namespace {

using Int = std::int64_t;
__extension__ using WideInt = __int128;

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

// States with one Group for each group. `Derived` has void merge(Group&, const Group&): what two workers found of one group.
template <typename Derived, typename Group>
class GroupedState : public AggregateState {
 public:
  void clear() override { groups_.clear(); }
  void resize(std::uint32_t groups) override { groups_.resize(groups); }
  void combine(const AggregateState& other, std::uint32_t first, std::span<const std::uint32_t> mapping) override {
    const auto& from = static_cast<const GroupedState&>(other);
    for (std::size_t g = 0; g < mapping.size(); ++g) {
      static_cast<Derived*>(this)->merge(groups_[mapping[g]], from.groups_[first + g]);
    }
  }

 protected:
  CountedVector<Group> groups_;
};

// The value so far, if there was one.
template <typename T>
struct Found {
  T value{};
  bool any = false;
};

// The values of groups first …, NULL where there was none; as what the column holds: `T`.
template <typename T, typename Value>
void putFound(std::span<const Found<Value>> groups, ColumnBuffer& out) {
  for (std::uint32_t i = 0; i < groups.size(); ++i) {
    if (groups[i].any) {
      out.as<T>()[i] = T(groups[i].value);
    } else {
      out.setNull(i);
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
  void combine(const AggregateState& other, std::uint32_t first, std::span<const std::uint32_t> mapping) override {
    const auto& from = static_cast<const CountState&>(other);
    for (std::size_t g = 0; g < mapping.size(); ++g) {
      counts_[mapping[g]] += from.counts_[first + g];
    }
  }
  Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const override {
    std::copy_n(counts_.data() + first, count, out.as<Int>());
    return {};
  }

 private:
  bool count_rows_;
  CountedVector<Int> counts_;
};

struct IntegerSum {
  WideInt sum = 0;
  Int count = 0;
};

// sum and avg of integers. The sum is 128 bits wide: only a result can be out of range, no step on the way.
template <bool Average>
class IntegerSumState final : public GroupedState<IntegerSumState<Average>, IntegerSum> {
 public:
  Status update(const std::uint32_t* groups, const Column& argument, const Column&, const Rows& rows) override {
    IntegerSum* const states = this->groups_.data();
    const Int* const values = argument.as<Int>();
    forEachValue(argument, rows, [&](std::uint32_t row, std::uint32_t i) {
      IntegerSum& state = states[groups[row]];
      state.sum += values[i];
      ++state.count;
    });
    return {};
  }
  Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const override {
    for (std::uint32_t i = 0; i < count; ++i) {
      const IntegerSum& state = this->groups_[first + i];
      if (state.count == 0) {
        out.setNull(i);
      } else if constexpr (Average) {
        out.as<double>()[i] = static_cast<double>(static_cast<long double>(state.sum) / static_cast<long double>(state.count));
      } else {
        if (state.sum > INT64_MAX || state.sum < INT64_MIN) {
          return Error(ErrorCode::kOutOfRange, "bigint out of range");
        }
        out.as<Int>()[i] = static_cast<Int>(state.sum);
      }
    }
    return {};
  }
  void merge(IntegerSum& into, const IntegerSum& other) {
    into.sum += other.sum;
    into.count += other.count;
  }
};

struct RealSum {
  double sum = 0;
  bool infinite = false;
  Int count = 0;
};

template <bool Average>
class RealSumState final : public GroupedState<RealSumState<Average>, RealSum> {
 public:
  Status update(const std::uint32_t* groups, const Column& argument, const Column&, const Rows& rows) override {
    RealSum* const states = this->groups_.data();
    const double* const values = argument.as<double>();
    forEachValue(argument, rows, [&](std::uint32_t row, std::uint32_t i) {
      RealSum& state = states[groups[row]];
      state.sum += values[i];
      state.infinite |= std::isinf(values[i]);
      ++state.count;
    });
    return {};
  }
  Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const override {
    for (std::uint32_t i = 0; i < count; ++i) {
      const RealSum& state = this->groups_[first + i];
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
  void merge(RealSum& into, const RealSum& other) {
    into.sum += other.sum;
    into.infinite |= other.infinite;
    into.count += other.count;
  }
};

struct Variance {
  double count = 0;
  double mean = 0;
  double squares = 0;
  bool finite = true;  // all values are
};

// Welford's algorithm, combined after Chan et al. (1979).
class VarianceState final : public GroupedState<VarianceState, Variance> {
 public:
  explicit VarianceState(AggregateKind kind) : kind_(kind) {}
  Status update(const std::uint32_t* groups, const Column& argument, const Column&, const Rows& rows) override {
    const double* const values = argument.as<double>();
    forEachValue(argument, rows, [&](std::uint32_t row, std::uint32_t i) {
      Variance& state = groups_[groups[row]];
      state.finite &= std::isfinite(values[i]);
      state.count += 1;
      const double delta = values[i] - state.mean;
      state.mean += delta / state.count;
      state.squares += delta * (values[i] - state.mean);
    });
    return {};
  }
  Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const override {
    const bool sample = kind_ == AggregateKind::kVarianceSample || kind_ == AggregateKind::kDeviationSample;
    const bool deviation = kind_ == AggregateKind::kDeviationSample || kind_ == AggregateKind::kDeviationPopulation;
    for (std::uint32_t i = 0; i < count; ++i) {
      const Variance& state = groups_[first + i];
      const double divisor = sample ? state.count - 1 : state.count;
      if (divisor <= 0) {
        out.setNull(i);
        continue;
      }
      if (state.finite && !std::isfinite(state.squares)) {
        return realOutOfRange(true);
      }
      const double variance = state.squares / divisor;
      out.as<double>()[i] = deviation ? std::sqrt(variance) : variance;
    }
    return {};
  }
  void merge(Variance& a, const Variance& b) {
    if (b.count == 0) {
      return;
    }
    a.finite &= b.finite;
    const double total = a.count + b.count;
    const double delta = b.mean - a.mean;
    a.squares += b.squares + delta * delta * a.count * b.count / total;
    a.mean += delta * b.count / total;
    a.count = total;
  }

 private:
  AggregateKind kind_;
};

class BooleanState final : public GroupedState<BooleanState, Found<std::uint8_t>> {
 public:
  explicit BooleanState(bool conjunction) : conjunction_(conjunction) {}
  Status update(const std::uint32_t* groups, const Column& argument, const Column&, const Rows& rows) override {
    const auto* const values = argument.as<std::uint8_t>();
    forEachValue(argument, rows, [&](std::uint32_t row, std::uint32_t i) { merge(groups_[groups[row]], {values[i], true}); });
    return {};
  }
  void merge(Found<std::uint8_t>& into, const Found<std::uint8_t>& other) const {
    if (!into.any) {
      into = other;
    } else if (other.any && (other.value != 0) != conjunction_) {  // one false decides AND, one true decides OR
      into.value = other.value;
    }
  }
  Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const override {
    putFound<std::uint8_t>(std::span(groups_).subspan(first, count), out);
    return {};
  }

 private:
  bool conjunction_;
};

// min and max, of numbers or (`Value` a string, `T` its reference) of bytes.
template <typename T, typename Value, bool Max>
class ExtremeState final : public GroupedState<ExtremeState<T, Value, Max>, Found<Value>> {
 public:
  Status update(const std::uint32_t* groups, const Column& argument, const Column&, const Rows& rows) override {
    const T* const values = argument.as<T>();
    Found<Value>* const states = this->groups_.data();
    forEachValue(argument, rows, [&](std::uint32_t row, std::uint32_t i) { take(states[groups[row]], plain(values[i])); });
    return {};
  }
  void merge(Found<Value>& into, const Found<Value>& other) {
    if (other.any) {
      take(into, other.value);
    }
  }
  Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const override {
    putFound<T>(std::span(this->groups_).subspan(first, count), out);
    return {};
  }

 private:
  static auto plain(const T& value) {
    if constexpr (std::is_same_v<T, StringRef>) {
      return value.view();
    } else {
      return value;
    }
  }
  template <typename Candidate>
  static bool better(const Candidate& candidate, const Value& value) {
    if constexpr (std::is_same_v<T, double>) {
      // NaN is greater than every number.
      if (std::isnan(candidate) || std::isnan(value)) {
        return Max ? std::isnan(candidate) && !std::isnan(value) : std::isnan(value) && !std::isnan(candidate);
      }
    }
    return Max ? candidate > value : candidate < value;
  }
  template <typename Candidate>
  static void take(Found<Value>& state, const Candidate& candidate) {
    if (!state.any || better(candidate, state.value)) {
      state.value = candidate;
      state.any = true;
    }
  }
};

class StringAggState final : public GroupedState<StringAggState, Found<CountedString>> {
 public:
  Status update(const std::uint32_t* groups, const Column& argument, const Column& separator, const Rows& rows) override {
    constexpr std::size_t kMaxBytes = std::size_t{256} << 20;
    const auto* const values = argument.as<StringRef>();
    bool too_long = false;
    forEachValue(argument, rows, [&](std::uint32_t row, std::uint32_t i) {
      Found<CountedString>& state = groups_[groups[row]];
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
  void merge(Found<CountedString>&, const Found<CountedString>&) {
    TREFOIL_ASSERT(false && "string_agg depends on the order of rows and is never computed in parallel");
  }
  Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const override {
    putFound<StringRef>(std::span(groups_).subspan(first, count), out);
    return {};
  }
};

template <bool Max>
std::unique_ptr<AggregateState> makeExtreme(Type type) {
  switch (type) {
    case Type::kBool:
      return std::make_unique<ExtremeState<std::uint8_t, std::uint8_t, Max>>();
    case Type::kDouble:
      return std::make_unique<ExtremeState<double, double, Max>>();
    case Type::kText:
    case Type::kBlob:
      return std::make_unique<ExtremeState<StringRef, CountedString, Max>>();
    default:
      return std::make_unique<ExtremeState<Int, Int, Max>>();
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
      return makeExtreme<false>(call.argument->type.storage());
    case AggregateKind::kMax:
      return makeExtreme<true>(call.argument->type.storage());
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
