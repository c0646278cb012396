// Subqueries in expressions: a plan that is run for the outer row at hand, or once if it needs nothing of it.
#include "sql/operators/group_table.hpp"
#include "sql/operators/operator.hpp"
#include "sql/plan/planner.hpp"

namespace trefoil::sql {
namespace {

// Copies what a datum refers to.
Datum owned(const Datum& value, ByteArena& bytes) {
  if (value.isBytes()) {
    return Datum::bytes(value.type(), bytes.copy(value.asBytes()));
  }
  if (value.type() == Type::kVector) {
    const auto floats = value.asVector();
    const auto copy = bytes.copy({reinterpret_cast<const char*>(floats.data()), floats.size_bytes()});
    return Datum::vector({reinterpret_cast<const float*>(copy.data()), floats.size()});
  }
  return value;
}

class PlannedRun final : public SubqueryRun {
 public:
  PlannedRun(const PlanNode& root, bool correlated)
      : operator_(root.create()),
        correlated_(correlated),
        type_(root.output.empty() ? Type::kNull : root.output[0].type.storage()) {}

  void prepare() override {
    have_scalar_ = have_exists_ = have_set_ = false;
    kept_.reset();
  }

  Status scalar(EvalContext& context, ByteArena& bytes, Datum& result) override {
    if (!correlated_ && have_scalar_) {
      result = scalar_;
      return {};
    }
    result = Datum::null();
    std::uint64_t rows = 0;
    TREFOIL_TRY(run(context, [&](const Chunk& chunk) {
      if (rows == 0) {
        result = owned(chunk.datum(0, 0), correlated_ ? bytes : kept_);
      }
      rows += chunk.rows.count;
      return rows <= 1;
    }));
    if (rows > 1) {
      return Error(ErrorCode::kInvalid, "more than one row returned by a subquery used as an expression");
    }
    scalar_ = result;
    have_scalar_ = true;
    return {};
  }

  Status exists(EvalContext& context, bool& result) override {
    if (!correlated_ && have_exists_) {
      result = exists_;
      return {};
    }
    result = false;
    TREFOIL_TRY(run(context, [&](const Chunk&) {
      result = true;
      return false;
    }));
    exists_ = result;
    have_exists_ = true;
    return {};
  }

  Status contains(EvalContext& context, const Datum& operand, Truth& result) override {
    if (correlated_ || !have_set_) {
      TREFOIL_TRY(fillSet(context));
    }
    result = Truth::kFalse;
    if (set_->size() == 0) {
      return {};
    }
    if (operand.isNull()) {
      result = Truth::kUnknown;
      return {};
    }
    operand_.reset(type_, 1);
    operand_.set(0, operand);
    const Column key = operand_.view();
    std::uint32_t group = 0;
    set_->find({&key, 1}, Rows{nullptr, 1}, &group);
    result = group != GroupTable::kNone ? Truth::kTrue : set_has_null_ ? Truth::kUnknown : Truth::kFalse;
    return {};
  }

 private:
  // Calls take(chunk) until it answers false.
  template <typename Take>
  Status run(EvalContext& context, Take&& take) {
    if (++*depth() > kMaxDepth) {
      --*depth();
      return Error(ErrorCode::kLimit, "subqueries are nested too deeply");
    }
    const std::unique_ptr<int, void (*)(int*)> one_less(depth(), [](int* depth) { --*depth; });
    return runOnce(context, take);
  }

  template <typename Take>
  Status runOnce(EvalContext& context, Take&& take) {
    Execution execution(*context.execution);
    std::swap(execution.eval, context);  // the run shares parameters and outer values
    const auto body = [&]() -> Status {
      execution.chunk_rows = execution.context.chunk_rows;
      TREFOIL_TRY(operator_->open(execution));
      Chunk chunk;
      for (;;) {
        TREFOIL_TRY(operator_->next(execution, chunk));
        if (chunk.rows.count == 0 || !take(chunk)) {
          return {};
        }
      }
    };
    Status status = body();
    std::swap(execution.eval, context);
    return status;
  }

  Status fillSet(EvalContext& context) {
    if (set_ == nullptr) {
      set_ = std::make_unique<GroupTable>(std::vector<Type>{type_});
    }
    set_->clear();
    set_has_null_ = false;
    std::vector<std::uint32_t> groups(kMaxChunkRows);
    Status status;
    TREFOIL_TRY(run(context, [&](const Chunk& chunk) {
      status = set_->insert(context.meter, {chunk.columns.data(), 1}, chunk.rows, groups.data());
      for (std::uint32_t row = 0; row < chunk.rows.count; ++row) {
        set_has_null_ = set_has_null_ || chunk.columns[0].isNull(chunk.rows.position(row));
      }
      return status.ok();
    }));
    TREFOIL_TRY(std::move(status));
    have_set_ = true;
    return {};
  }

  static constexpr int kMaxDepth = 64;
  static int* depth() {
    thread_local int value = 0;
    return &value;
  }

  std::unique_ptr<Operator> operator_;
  bool correlated_;
  Type type_;
  bool have_scalar_ = false;
  bool have_exists_ = false;
  bool have_set_ = false;
  Datum scalar_;
  bool exists_ = false;
  ByteArena kept_;
  std::unique_ptr<GroupTable> set_;
  bool set_has_null_ = false;
  ColumnBuffer operand_;
};

class PlannedSubquery final : public Subquery {
 public:
  PlannedSubquery(PlanNodePtr root, bool correlated) : root_(std::move(root)), correlated_(correlated) {}
  [[nodiscard]] std::unique_ptr<SubqueryRun> start() const override { return std::make_unique<PlannedRun>(*root_, correlated_); }
  void describe(std::string& out, int indent) const override { describePlan(*root_, indent, out); }

 private:
  PlanNodePtr root_;
  bool correlated_;
};

}  // namespace

std::shared_ptr<const Subquery> makeSubquery(PlanNodePtr root, bool correlated) {
  finishPlan(*root);
  return std::make_shared<PlannedSubquery>(std::move(root), correlated);
}

}  // namespace trefoil::sql
