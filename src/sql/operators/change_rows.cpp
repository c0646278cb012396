#include "sql/operators/change_rows.hpp"

#include <unordered_set>

#include "sql/storage/view.hpp"

namespace trefoil::sql {
namespace {

std::vector<Type> typesOf(const TableSchema& schema) {
  std::vector<Type> types;
  for (const auto& column : schema.columns) {
    types.push_back(column.type.storage());
  }
  return types;
}

// The chunk of one segment of a buffer.
void segmentChunk(const RowBuffer& rows, std::uint32_t segment, Chunk& chunk) {
  chunk.columns.resize(rows.columns());
  for (std::size_t c = 0; c < rows.columns(); ++c) {
    chunk.columns[c] = rows.segmentColumn(segment, c);
  }
  chunk.rows = {nullptr, rows.segmentRows(segment)};
}

// Sends a chunk in pieces of the run's chunk size.
Status send(Execution& execution, ResultSink& sink, const Chunk& chunk) {
  if (chunk.rows.count <= execution.chunk_rows) {
    return chunk.rows.count == 0 ? Status() : sink.chunk(chunk);
  }
  Chunk piece;
  piece.columns = chunk.columns;
  std::vector<std::uint16_t> selection;
  for (std::uint32_t from = 0; from < chunk.rows.count;) {
    selection.clear();
    while (from < chunk.rows.count && selection.size() < execution.chunk_rows) {
      selection.push_back(static_cast<std::uint16_t>(chunk.rows.position(from++)));
    }
    piece.rows = {selection.data(), static_cast<std::uint32_t>(selection.size())};
    TREFOIL_TRY(sink.chunk(piece));
  }
  return {};
}

}  // namespace

// ----------------------------------------------------------------------------------------------------------------------- checks

RowChecks::RowChecks(const TableSchema& schema, const std::vector<BoundCheck>& checks) : schema_(schema), checks_(checks) {
  for (const BoundCheck& check : checks) {
    conditions_.add(*check.condition);
  }
}

void RowChecks::prepare() {
  conditions_.prepare();
}

Status RowChecks::check(Execution& execution, const Chunk& rows) {
  if (rows.rows.count == 0) {
    return {};
  }
  for (std::size_t i = 0; i < checks_.size(); ++i) {
    Column result;
    TREFOIL_TRY(conditions_[i].evaluate(execution.eval, rows, rows.rows, result));
    for (std::uint32_t row = 0; row < rows.rows.count; ++row) {
      const std::uint32_t position = rows.rows.position(row);
      if (result.isNull(position) || result.datum(position).asBool()) {
        continue;
      }
      std::vector<Datum> values(schema_.columns.size());
      for (std::size_t column = 0; column < values.size(); ++column) {
        values[column] = rows.columns[column].datum(position);
      }
      return Error(ErrorCode::kCheckViolation,
                   "new row for relation \"" + schema_.name + "\" violates check constraint \"" + checks_[i].name + "\"")
          .withDetail("Failing row contains " + schema_.rowText(values) + ".");
    }
  }
  return {};
}

// ----------------------------------------------------------------------------------------------------------------------- INSERT

InsertRows::InsertRows(const InsertPlan& plan)
    : plan_(plan),
      source_(plan.source->create()),
      capacity_(plan.streams ? plan.source->chunkCapacity() : kMaxChunkRows),
      checks_(*plan.schema, plan.checks),
      returning_(plan.returning) {
  for (std::size_t c = 0; c < plan.defaults.size(); ++c) {
    const bool used = plan.source_columns[c] == InsertPlan::kDefault && plan.defaults[c] != nullptr;
    defaults_.push_back(used ? std::make_unique<Evaluator>(*plan.defaults[c], capacity_) : nullptr);
  }
  if (plan.conflict != nullptr) {
    conflict_values_ = EvaluatorList(plan.conflict->values, 1);
    if (plan.conflict->where != nullptr) {
      conflict_where_ = std::make_unique<Evaluator>(*plan.conflict->where, 1);
    }
  }
  values_.resize(plan.schema->columns.size());
  row_chunk_.columns.resize(plan.schema->columns.size());
  if (!plan.returning.empty()) {
    answers_ = std::make_unique<RowBuffer>(typesOf(*plan.schema));
  }
}

Status InsertRows::run(Execution& execution, ResultSink* sink, std::int64_t& affected) {
  affected_ = 0;
  written_.clear();
  checks_.prepare();
  returning_.prepare();
  conflict_values_.prepare();
  for (const auto& evaluator : defaults_) {
    if (evaluator != nullptr) {
      evaluator->prepare();
    }
  }
  if (answers_ != nullptr) {
    answers_->clear();
  }
  TREFOIL_TRY(source_->open(execution));
  Chunk& chunk = source_chunk_;
  if (plan_.streams) {
    for (;;) {
      TREFOIL_TRY(source_->next(execution, chunk));
      if (chunk.rows.count == 0) {
        break;
      }
      TREFOIL_TRY(insertChunk(execution, chunk));
    }
  } else {
    RowBuffer rows(plan_.source->outputTypes());
    for (;;) {
      TREFOIL_TRY(source_->next(execution, chunk));
      if (chunk.rows.count == 0) {
        break;
      }
      // The bytes of texts may be the table's own, which the writes below may free.
      for (Column& column : chunk.columns) {
        column.stable = false;
      }
      rows.append(chunk.columns, chunk.rows);
    }
    for (std::uint32_t segment = 0; segment < rows.segments(); ++segment) {
      TREFOIL_TRY(execution.check());
      segmentChunk(rows, segment, chunk);
      TREFOIL_TRY(insertChunk(execution, chunk));
    }
  }
  affected = affected_;
  return answers_ == nullptr || sink == nullptr ? Status() : answer(execution, sink);
}

Status InsertRows::insertChunk(Execution& execution, const Chunk& source) {
  row_chunk_.rows = source.rows;
  for (std::size_t c = 0; c < row_chunk_.columns.size(); ++c) {
    const std::uint32_t from = plan_.source_columns[c];
    if (from != InsertPlan::kDefault) {
      row_chunk_.columns[c] = source.columns[from];
    } else if (defaults_[c] != nullptr) {
      TREFOIL_TRY(defaults_[c]->evaluate(execution.eval, source, source.rows, row_chunk_.columns[c]));
    } else {
      row_chunk_.columns[c] = Column{};
    }
  }
  const bool row_by_row = !checks_.check(execution, row_chunk_).ok();
  for (std::uint32_t row = 0; row < source.rows.count; ++row) {
    bool inserted = false;
    TREFOIL_TRY(insertRow(execution, source.rows.position(row), row_by_row, inserted));
    affected_ += inserted ? 1 : 0;
  }
  return {};
}

Status InsertRows::insertRow(Execution& execution, std::uint32_t position, bool check, bool& inserted) {
  const TableSchema& schema = *plan_.schema;
  for (std::size_t c = 0; c < values_.size(); ++c) {
    values_[c] = row_chunk_.columns[c].datum(position);
    if (schema.columns[c].type.modifier != 0) {
      TREFOIL_TRY(checkModifier(schema.columns[c].type, values_[c]));
    }
  }
  const auto selected = static_cast<std::uint16_t>(position);
  const Rows only{&selected, 1};
  if (check || plan_.conflict != nullptr) {
    TREFOIL_TRY(View::checkNotNull(schema, values_));
  }
  if (check) {
    Chunk row;
    row.columns = row_chunk_.columns;
    row.rows = only;
    TREFOIL_TRY(checks_.check(execution, row));
  }
  inserted = true;
  if (plan_.conflict != nullptr) {
    if (const std::optional<RowId> existing = findConflict(execution)) {
      inserted = false;
      return plan_.conflict->update ? updateExisting(execution, *existing, inserted) : Status();
    }
  }
  auto result = execution.context.view.insert(schema.id, values_);
  if (!result.ok()) [[unlikely]] {
    return std::move(result).error();
  }
  if (plan_.conflict != nullptr && plan_.conflict->update) {
    written_.insert(result.value());
  }
  if (answers_ != nullptr) {
    std::vector<Column> columns(row_chunk_.columns);
    for (Column& column : columns) {
      column.stable = false;
    }
    answers_->append(columns, only);
  }
  return {};
}

// The existing row that the row at hand would collide with.
std::optional<RowId> InsertRows::findConflict(Execution& execution) {
  const TableSchema& schema = *plan_.schema;
  for (const std::uint32_t index : plan_.conflict->indexes) {
    std::vector<Datum> key;
    for (const std::uint32_t column : schema.indexes[index].columns) {
      key.push_back(values_[column]);
    }
    if (const auto found = execution.context.view.findUnique(schema.id, index, key)) {
      return found;
    }
  }
  return std::nullopt;
}

// ON CONFLICT DO UPDATE for one row: the expressions see the existing row and then the proposed one.
Status InsertRows::updateExisting(Execution& execution, RowId row, bool& updated) {
  if (written_.contains(row)) {
    return Error(ErrorCode::kInvalid, "ON CONFLICT DO UPDATE command cannot affect row a second time")
        .withHint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.");
  }
  const TableSchema& schema = *plan_.schema;
  View& view = execution.context.view;
  const std::size_t width = schema.columns.size();
  std::vector<Datum> existing(width);
  view.rows(schema.id).row(row, existing);
  std::vector<ColumnBuffer> buffers(2 * width);
  Chunk chunk;
  for (std::size_t c = 0; c < 2 * width; ++c) {
    buffers[c].reset(schema.columns[c % width].type.storage(), 1);
    buffers[c].set(0, c < width ? existing[c] : values_[c - width]);
    chunk.columns.push_back(buffers[c].view());
  }
  chunk.rows = {nullptr, 1};
  if (conflict_where_ != nullptr) {
    std::uint16_t selected = 0;
    std::uint32_t count = 0;
    conflict_where_->prepare();
    TREFOIL_TRY(conflict_where_->filter(execution.eval, chunk, chunk.rows, &selected, count));
    if (count == 0) {
      return {};
    }
  }
  std::vector<Column> results;
  TREFOIL_TRY(conflict_values_.evaluate(execution.eval, chunk, results));
  std::vector<ColumnValue> changes;
  Chunk changed;
  changed.columns.assign(chunk.columns.begin(), chunk.columns.begin() + static_cast<std::ptrdiff_t>(width));
  changed.rows = chunk.rows;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::uint32_t column = plan_.conflict->columns[i];
    const Datum value = results[i].datum(0);
    TREFOIL_TRY(checkModifier(schema.columns[column].type, value));
    changes.push_back({column, value});
    changed.columns[column] = results[i];
    existing[column] = value;
  }
  TREFOIL_TRY(View::checkNotNull(schema, existing));
  TREFOIL_TRY(checks_.check(execution, changed));
  if (answers_ != nullptr) {
    for (Column& column : changed.columns) {
      column.stable = false;
    }
    answers_->append(changed.columns, changed.rows);
  }
  TREFOIL_TRY(view.update(schema.id, row, changes));
  written_.insert(row);
  updated = true;
  return {};
}

Status InsertRows::answer(Execution& execution, ResultSink* sink) {
  Chunk rows;
  Chunk out;
  for (std::uint32_t segment = 0; segment < answers_->segments(); ++segment) {
    segmentChunk(*answers_, segment, rows);
    TREFOIL_TRY(returning_.evaluate(execution.eval, rows, out.columns));
    out.rows = rows.rows;
    TREFOIL_TRY(send(execution, *sink, out));
  }
  return {};
}

// --------------------------------------------------------------------------------------------------------------- UPDATE, DELETE

ChangeRows::ChangeRows(const ChangePlan& plan)
    : plan_(plan), source_(plan.source->create()), checks_(*plan.schema, plan.checks), returning_(plan.returning) {
  if (plan.source->chunkCapacity() > 1) {
    rows_ = std::make_unique<RowBuffer>(plan.source->outputTypes());
  }
  if (rows_ != nullptr && std::any_of(plan.returning.begin(), plan.returning.end(),
                                      [](const ExpressionPtr& expression) { return hasSubquery(*expression); })) {
    answers_ = std::make_unique<RowBuffer>(sql::typesOf(plan.returning));
  }
}

Status ChangeRows::run(Execution& execution, ResultSink* sink, std::int64_t& affected) {
  checks_.prepare();
  returning_.prepare();
  TREFOIL_TRY(source_->open(execution));
  affected = 0;
  if (rows_ == nullptr) {  // a point plan: one row at most, read before it is written
    TREFOIL_TRY(source_->next(execution, chunk_));
    affected = chunk_.rows.count;
    return chunk_.rows.count == 0 ? Status() : changeChunk(execution, chunk_, sink);
  }
  TREFOIL_TRY(collect(execution));
  Status answered;
  if (answers_ != nullptr && sink != nullptr) {
    answers_->clear();
    for (std::uint32_t segment = 0; segment < rows_->segments() && answered.ok(); ++segment) {
      TREFOIL_TRY(execution.check());
      segmentChunk(*rows_, segment, chunk_);
      answered = returning_.evaluate(execution.eval, wholeRows(chunk_), answer_.columns);
      if (answered.ok()) {
        for (Column& column : answer_.columns) {
          column.stable = false;
        }
        answers_->append(answer_.columns, chunk_.rows);
      }
    }
  }
  for (std::uint32_t segment = 0; segment < rows_->segments(); ++segment) {
    TREFOIL_TRY(execution.check());
    segmentChunk(*rows_, segment, chunk_);
    TREFOIL_TRY(changeChunk(execution, chunk_, answers_ == nullptr ? sink : nullptr));
  }
  affected = rows_->size();
  rows_->clear();
  TREFOIL_TRY(std::move(answered));
  for (std::uint32_t segment = 0; answers_ != nullptr && sink != nullptr && segment < answers_->segments(); ++segment) {
    segmentChunk(*answers_, segment, answer_);
    TREFOIL_TRY(send(execution, *sink, answer_));
  }
  return {};
}

Status ChangeRows::collect(Execution& execution) {
  rows_->clear();
  std::unordered_set<std::int64_t, std::hash<std::int64_t>, std::equal_to<>, CountedAllocator<std::int64_t>> seen;
  std::vector<std::uint16_t> first_times;
  for (;;) {
    TREFOIL_TRY(source_->next(execution, chunk_));
    if (chunk_.rows.count == 0) {
      return {};
    }
    for (Column& column : chunk_.columns) {
      column.stable = false;  // the writes to come may free the table's own bytes
    }
    Rows rows = chunk_.rows;
    if (plan_.may_repeat) {
      first_times.clear();
      forEachPosition(rows, [&](std::uint32_t position) {
        if (seen.insert(chunk_.columns[0].datum(position).asInteger()).second) {
          first_times.push_back(static_cast<std::uint16_t>(position));
        }
      });
      rows = {first_times.data(), static_cast<std::uint32_t>(first_times.size())};
    }
    rows_->append(chunk_.columns, rows);
  }
}

Chunk ChangeRows::wholeRows(const Chunk& rows) const {
  Chunk whole;
  for (const std::uint32_t place : plan_.whole_row) {
    whole.columns.push_back(rows.columns[place]);
  }
  whole.rows = rows.rows;
  return whole;
}

Status ChangeRows::changeChunk(Execution& execution, const Chunk& rows, ResultSink* sink) {
  const Chunk whole = wholeRows(rows);
  const bool row_by_row = !checks_.check(execution, whole).ok();
  const bool answers = !plan_.returning.empty() && sink != nullptr;
  // What RETURNING answers is computed before the rows are gone; that it cannot be is said after what the rows are refused for.
  Status answered;
  if (answers) {
    answered = returning_.evaluate(execution.eval, whole, answer_.columns);
    answer_.rows = rows.rows;
  }
  for (std::uint32_t row = 0; row < rows.rows.count; ++row) {
    const std::uint32_t position = rows.rows.position(row);
    if (row_by_row) {
      TREFOIL_TRY(checkRow(execution, rows, whole, position));
    }
    TREFOIL_TRY(changeRow(execution, rows, position));
  }
  TREFOIL_TRY(std::move(answered));
  return answers ? send(execution, *sink, answer_) : Status();
}

Status ChangeRows::checkRow(Execution& execution, const Chunk& rows, const Chunk& whole, std::uint32_t position) {
  const TableSchema& schema = *plan_.schema;
  for (std::size_t i = 0; i < plan_.columns.size(); ++i) {
    TREFOIL_TRY(checkModifier(schema.columns[plan_.columns[i]].type, rows.columns[1 + i].datum(position)));
  }
  std::vector<Datum> values(schema.columns.size());
  for (std::size_t column = 0; column < values.size(); ++column) {
    values[column] = whole.columns[column].datum(position);
  }
  TREFOIL_TRY(View::checkNotNull(schema, values));
  const auto selected = static_cast<std::uint16_t>(position);
  Chunk row;
  row.columns = whole.columns;
  row.rows = {&selected, 1};
  return checks_.check(execution, row);
}

Status ChangeRows::changeRow(Execution& execution, const Chunk& chunk, std::uint32_t position) {
  const TableSchema& schema = *plan_.schema;
  View& view = execution.context.view;
  const auto row = static_cast<RowId>(chunk.columns[0].datum(position).asInteger());
  if (plan_.remove) {
    return view.remove(schema.id, row);
  }
  constexpr std::size_t kFew = 16;
  std::array<ColumnValue, kFew> few;
  std::vector<ColumnValue> many;
  if (plan_.columns.size() > kFew) {
    many.resize(plan_.columns.size());
  }
  ColumnValue* const changes = many.empty() ? few.data() : many.data();
  for (std::size_t i = 0; i < plan_.columns.size(); ++i) {
    const std::uint32_t column = plan_.columns[i];
    changes[i] = {column, chunk.columns[1 + i].datum(position)};
    if (schema.columns[column].type.modifier != 0) {
      TREFOIL_TRY(checkModifier(schema.columns[column].type, changes[i].value));
    }
  }
  return view.update(schema.id, row, std::span(changes, plan_.columns.size()));
}

}  // namespace trefoil::sql
