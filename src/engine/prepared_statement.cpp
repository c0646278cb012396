// The embedded API: statements whose rows are collected in a ResultSet.
#include "base/query_memory.hpp"
#include "engine/database_impl.hpp"
#include "engine/error_text.hpp"
#include "engine/row_sink.hpp"
#include "engine/session_impl.hpp"
#include "parser/sql_parser.hpp"

namespace trefoil {

namespace {

constexpr int kRebindAttempts = 100;

}  // namespace

class PreparedStatement::Impl {
 public:
  Impl(Session::Impl& session, std::unique_ptr<parser::ParsedStatement> parsed, std::shared_ptr<const sql::Plan> plan)
      : session_(session), parsed_(std::move(parsed)), plan_(std::move(plan)) {}

  Status execute(std::span<const Datum> parameters, ResultSet& result);
  [[nodiscard]] std::size_t parameterCount() const { return parsed_->parameter_count; }

 private:
  Status run(std::span<const Datum> parameters, ResultSet& result);

  Session::Impl& session_;
  const std::unique_ptr<parser::ParsedStatement> parsed_;
  std::shared_ptr<const sql::Plan> plan_;  // null for a statement of the engine itself
};

Status PreparedStatement::Impl::execute(std::span<const Datum> parameters, ResultSet& result) {
  Session::Impl::Call call(session_);
  session_.control.begin(false);
  Status status = guardMemory([&] { return run(parameters, result); });
  session_.noteSqlAnswer(plan_.get(), plan_ == nullptr ? parsed_.get() : nullptr, status);
  call.count(CommandGroup::kSql);
  return status;
}

Status PreparedStatement::Impl::run(std::span<const Datum> parameters, ResultSet& result) {
  ResultSetSink sink(result);
  if (plan_ == nullptr) {
    TREFOIL_TRY(session_.sql.runControl(*parsed_->statement, sink));
    return {};
  }
  for (int attempt = 0; attempt < kRebindAttempts; ++attempt) {
    TREFOIL_ASSIGN(const std::optional<sql::ExecSummary> summary, session_.sql.runPlan(*plan_, parameters, &sink));
    if (summary) {
      result.setAffected(summary->affected);
      return {};
    }
    TREFOIL_ASSIGN(plan_, session_.sql.resolver.bind(*parsed_, false));
  }
  return Error(ErrorCode::kConflict, "the catalog keeps changing: the statement could not be bound");
}

PreparedStatement::PreparedStatement(std::unique_ptr<Impl> impl, Session& session) : session_(session), impl_(std::move(impl)) {}

PreparedStatement::~PreparedStatement() = default;

Status PreparedStatement::execute(std::span<const Datum> parameters, ResultSet& result) {
  Status status = impl_->execute(parameters, result);
  TREFOIL_TRY(session_.awaitFence());
  return status.ok() ? Status() : Status(presentable(std::move(status).error()));
}

std::size_t PreparedStatement::parameterCount() const {
  return impl_->parameterCount();
}

Result<std::unique_ptr<PreparedStatement>> Session::prepare(std::string_view sql) {
  Result<std::unique_ptr<PreparedStatement>> made = guardMemory([&]() -> Result<std::unique_ptr<PreparedStatement>> {
    TREFOIL_ASSIGN(std::unique_ptr<parser::ParsedStatement> parsed, parser::parseSql(sql));
    std::shared_ptr<const sql::Plan> plan;
    if (!StatementResolver::isControl(*parsed->statement)) {
      TREFOIL_ASSIGN(plan, impl_->sql.resolver.bind(*parsed, false));
    }
    return std::unique_ptr<PreparedStatement>(
        new PreparedStatement(std::make_unique<PreparedStatement::Impl>(*impl_, std::move(parsed), std::move(plan)), *this));
  });
  if (!made.ok()) {
    return presentable(std::move(made).error());
  }
  return made;
}

Result<ResultSet> Session::execute(std::string_view sql, std::span<const Datum> parameters) {
  ResultSet result;
  const Result<SqlOutcome> outcome = impl_->executeEmbedded(sql, parameters, result);
  TREFOIL_TRY(awaitFence());
  if (!outcome.ok()) {
    return presentable(outcome.error());
  }
  result.setAffected(outcome->affected);
  return result;
}

Result<SqlOutcome> Session::Impl::executeEmbedded(std::string_view text, std::span<const Datum> parameters, ResultSet& result) {
  Call call(*this);
  control.begin(false);
  ResultSetSink sink(result);
  Result<SqlOutcome> outcome = guardMemory([&] { return sql.run(text, parameters, sink); });
  const ResolvedStatement& resolved = sql.resolver.latest();
  noteSqlAnswer(resolved.plan.get(), resolved.control.get(), outcome.ok() ? Status() : Status(outcome.error()));
  call.count(CommandGroup::kSql);
  if (database.monitors().any()) [[unlikely]] {
    messages.feedMonitors(-1, {&text, 1});
  }
  return outcome;
}

}  // namespace trefoil
