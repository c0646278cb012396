#include "sql/expressions/table_function.hpp"

#include "sql/expressions/series_function.hpp"

namespace trefoil::sql {

void TableFunctions::add(TableFunction function) {
  TREFOIL_ASSERT(function.required <= function.parameters.size());
  functions_.push_back(std::make_unique<TableFunction>(std::move(function)));
}

const TableFunction* TableFunctions::find(std::string_view name, std::size_t argument_count, bool* name_exists) const {
  for (const auto& function : functions_) {
    if (function->name != name) {
      continue;
    }
    if (name_exists != nullptr) {
      *name_exists = true;
    }
    if (argument_count >= function->required && argument_count <= function->parameters.size()) {
      return function.get();
    }
  }
  return nullptr;
}

namespace {

// generate_series(start, stop [, step])
class SeriesSource final : public RowSource {
 public:
  SeriesSource(std::int64_t start, std::int64_t stop, std::int64_t step)
      : next_(start), stop_(stop), step_(step), values_(Type::kInteger, kMaxChunkRows) {}
  SeriesSource() : done_(true) {}
  Result<bool> next(Chunk& out, std::size_t max_rows) override {
    std::uint32_t count = 0;
    while (!done_ && count < max_rows && (step_ > 0 ? next_ <= stop_ : next_ >= stop_)) {
      values_.as<std::int64_t>()[count++] = next_;
      done_ = __builtin_add_overflow(next_, step_, &next_);
    }
    out.columns.assign(1, values_.view(false));
    out.rows = {nullptr, count};
    return count > 0;
  }

 private:
  std::int64_t next_ = 0;
  std::int64_t stop_ = 0;
  std::int64_t step_ = 1;
  bool done_ = false;
  ColumnBuffer values_;
};

Result<std::unique_ptr<RowSource>> openSeries(ExecContext&, std::span<const Datum> arguments) {
  for (const Datum& argument : arguments) {
    if (argument.isNull()) {
      return std::unique_ptr<RowSource>(std::make_unique<SeriesSource>());
    }
  }
  const std::int64_t step = arguments.size() > 2 ? arguments[2].asInteger() : 1;
  if (step == 0) {
    return Error(ErrorCode::kInvalid, "step size cannot equal zero");
  }
  return std::unique_ptr<RowSource>(std::make_unique<SeriesSource>(arguments[0].asInteger(), arguments[1].asInteger(), step));
}

}  // namespace

const TableFunctions& builtinTableFunctions() {
  static const TableFunctions functions = [] {
    TableFunctions made;
    made.add({.name = "generate_series",
              .parameters = {SqlType::bigint(), SqlType::bigint(), SqlType::bigint()},
              .required = 2,
              .columns = {{"generate_series", SqlType::bigint()}},
              .open = openSeries});
    return made;
  }();
  return functions;
}

}  // namespace trefoil::sql
