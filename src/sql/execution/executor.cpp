// Runs plans: makes operators, or takes an idle set of them, converts parameters, pulls chunks and gives them to the sink.
#include "sql/execution/executor.hpp"
#include "sql/types/value_text.hpp"

#include <chrono>

#include "sql/operators/change_rows.hpp"
#include "sql/operators/operator.hpp"
#include "sql/plan/parts.hpp"
#include "sql/storage/view.hpp"
#include "sql/types/result_sink.hpp"

namespace trefoil::sql {

Status Execution::check() const {
  return context.control == nullptr ? Status() : context.control->check();
}

// Operators and buffers of one run of a plan. A point plan keeps one idle set, so that running it again allocates nothing.
class ExecutionState {
 public:
  explicit ExecutionState(const PlanParts& parts) {
    if (parts.query != nullptr) {
      root = parts.query->create();
    } else if (parts.insert != nullptr) {
      insert = std::make_unique<InsertRows>(*parts.insert);
    } else if (parts.change != nullptr) {
      change = std::make_unique<ChangeRows>(*parts.change);
    }
  }
  std::unique_ptr<Operator> root;
  std::unique_ptr<InsertRows> insert;
  std::unique_ptr<ChangeRows> change;
  std::vector<Datum> parameters;
  ByteArena parameter_bytes;
  Chunk chunk;
};

PlanParts::~PlanParts() {
  delete idle.load();
}

namespace {

// Lends a state for one run and puts it back if the plan keeps one.
class StateLease {
 public:
  explicit StateLease(const PlanParts& parts) : parts_(parts) {
    state_ = parts.keeps_state ? parts.idle.exchange(nullptr, std::memory_order_acquire) : nullptr;
    if (state_ == nullptr) {
      state_ = new ExecutionState(parts);
    }
  }
  StateLease(const StateLease&) = delete;
  StateLease& operator=(const StateLease&) = delete;
  ~StateLease() {
    ExecutionState* nothing = nullptr;
    if (!parts_.keeps_state || !parts_.idle.compare_exchange_strong(nothing, state_, std::memory_order_release)) {
      delete state_;
    }
  }
  ExecutionState& operator*() { return *state_; }
  ExecutionState* operator->() { return state_; }

 private:
  const PlanParts& parts_;
  ExecutionState* state_;
};

Status convertParameters(const Plan& plan, const ExecContext& context, ExecutionState& state) {
  const std::span<const SqlType> types = plan.parameterTypes();
  if (types.empty()) {
    return {};
  }
  if (context.parameters.size() < types.size()) {
    return Error(ErrorCode::kInvalid, "the statement takes " + std::to_string(plan.statementParameters()) + " parameters, but " +
                                          std::to_string(context.parameters.size()) + " were given");
  }
  state.parameters.resize(types.size());
  state.parameter_bytes.reset();
  for (std::size_t i = 0; i < types.size(); ++i) {
    const Datum& given = context.parameters[i];
    if (types[i].isUnknown()) {  // not used
      continue;
    }
    const bool any_value_fits = types[i].is(TypeId::kBigint) || types[i].is(TypeId::kDouble) || types[i].is(TypeId::kBoolean) ||
                                types[i].is(TypeId::kBytea) || (types[i].is(TypeId::kVector) && types[i].modifier == 0);
    const bool fits = given.type() == types[i].storage() && any_value_fits;
    if (fits) {
      state.parameters[i] = given;
      continue;
    }
    auto converted = convertDatum(types[i], given, state.parameter_bytes);
    if (!converted.ok()) {
      return std::move(converted).error();
    }
    state.parameters[i] = converted.value();
  }
  return {};
}

// EXPLAIN: the lines as rows.
Status answerExplain(const PlanParts& parts, ExecContext& context, std::span<const std::string> more, std::int64_t& rows) {
  std::vector<std::string> lines = parts.explain;
  lines.insert(lines.end(), more.begin(), more.end());
  rows = static_cast<std::int64_t>(lines.size());
  ColumnBuffer buffer(Type::kText, kMaxChunkRows);
  for (std::size_t from = 0; from < lines.size() && context.sink != nullptr;) {
    const std::size_t count = std::min(context.chunk_rows, lines.size() - from);
    for (std::size_t i = 0; i < count; ++i) {
      buffer.set(static_cast<std::uint32_t>(i), Datum::text(lines[from + i]));
    }
    Chunk chunk;
    chunk.columns.push_back(buffer.view());
    chunk.rows = {nullptr, static_cast<std::uint32_t>(count)};
    TREFOIL_TRY(context.sink->chunk(chunk));
    from += count;
  }
  return {};
}

Status runQuery(Execution& execution, ExecutionState& state, bool one_row, ResultSink* sink, std::int64_t& rows) {
  TREFOIL_TRY(state.root->open(execution));
  for (;;) {
    TREFOIL_TRY(state.root->next(execution, state.chunk));
    if (state.chunk.rows.count == 0) {
      return {};
    }
    rows += state.chunk.rows.count;
    if (sink != nullptr) {
      TREFOIL_TRY(sink->chunk(state.chunk));
    }
    if (one_row) {
      return {};
    }
  }
}

}  // namespace

Result<ExecSummary> execute(const Plan& plan, ExecContext& context) {
  TREFOIL_ASSERT(context.chunk_rows >= 1 && context.chunk_rows <= kMaxChunkRows);
  const PlanParts& parts = plan.parts();
  ExecSummary summary;
  if (context.sink != nullptr && plan.answersRows()) {
    TREFOIL_TRY(context.sink->columns(plan.resultColumns()));
  }
  if (!parts.explain.empty() && !parts.analyze) {
    TREFOIL_TRY(answerExplain(parts, context, {}, summary.affected));
    return summary;
  }
  if (parts.schema_change) {
    TREFOIL_TRY(parts.schema_change(context.view));
    return summary;
  }
  if (parts.create_index) {
    const auto check = [&context] { return context.control == nullptr ? Status() : context.control->check(); };
    TREFOIL_ASSIGN(const IndexId id, context.view.createIndex(parts.create_index->table, parts.create_index->index,
                                                              {check, context.parallel, context.index_build}));
    (void)id;
    return summary;
  }
  if (parts.make_vector_index) {
    TREFOIL_ASSIGN(summary.vector_index, parts.make_vector_index(context.view));
    return summary;
  }
  StateLease state(parts);
  TREFOIL_TRY(convertParameters(plan, context, *state));
  Execution execution(context);
  execution.eval.parameters = state->parameters;
  execution.eval.outer.resize(parts.outer_slots);
  execution.eval.common_tables.resize(parts.common_tables);
  std::vector<std::string> notes;
  execution.notes = parts.analyze ? &notes : nullptr;
  const auto started = parts.analyze ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
  ResultSink* const sink = parts.explain.empty() ? context.sink : nullptr;
  if (state->insert != nullptr) {
    TREFOIL_TRY(state->insert->run(execution, sink, summary.affected));
  } else if (state->change != nullptr) {
    TREFOIL_TRY(state->change->run(execution, sink, summary.affected));
  } else {
    TREFOIL_TRY(runQuery(execution, *state, plan.isPointRead(), sink, summary.affected));
  }
  if (parts.analyze) {
    const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started).count();
    notes.push_back("Rows: " + std::to_string(summary.affected));
    notes.push_back("Execution Time: " + std::to_string(ms) + " ms");
    TREFOIL_TRY(answerExplain(parts, context, notes, summary.affected));
  }
  return summary;
}

}  // namespace trefoil::sql
