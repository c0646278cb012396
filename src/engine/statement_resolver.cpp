#include "engine/statement_resolver.hpp"

#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"
#include "parser/sql_parser.hpp"
#include "parser/sql_shape.hpp"

namespace trefoil {

namespace {

bool isBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

// Whether bytes that came where a vector is wanted are its floats, as Redis's vector clients send them, rather than its text. A
// text stands in brackets; who forgot them wrote numbers and commas, and hears of it. All else of a fitting length is floats,
// even if each of their bytes is a letter.
bool isBinaryVector(const Datum& value) {
  if (value.type() != Type::kText || value.asBytes().size() % sizeof(float) != 0) {
    return false;
  }
  const std::string_view bytes = value.asBytes();
  if (bytes.starts_with('[') && bytes.ends_with(']')) {
    return false;
  }
  return bytes.find_first_not_of("0123456789+-.,eE[] \t\n\r\v\f") != std::string_view::npos;
}

bool fits(const Datum& value, const sql::SqlType& type) {
  return value.isNull() || type.isUnknown() || (value.type() == type.storage() && value.type() != Type::kText);
}

}  // namespace

bool StatementResolver::isControl(const ast::Statement& statement) {
  return statement.kind == ast::StatementKind::kTransaction || statement.kind == ast::StatementKind::kSet ||
         statement.kind == ast::StatementKind::kShow || statement.kind == ast::StatementKind::kCheckpoint;
}

// The scanner's results stand until the thread's next statement: literals are views into it.
Result<const ResolvedStatement*> StatementResolver::resolve(std::string_view text) {
  thread_local parser::ShapeScanner scanner;
  if (const std::string_view looked_at = std::exchange(looked_at_, {});
      !looked_at.empty() && looked_at.data() == text.data() && looked_at.size() == text.size()) {
    return &resolved_;
  }
  resolved_ = {};
  bool cacheable = scanner.scan(text) == parser::ShapeState::kReady && isBlank(text.substr(scanner.consumed()));
  if (cacheable) {
    resolved_.shape_hash = scanner.hash();
    resolved_.literals = scanner.literals();
    resolved_.literal_positions = scanner.positions();
    if (const auto* plan = shapes_.find(scanner.hash(), scanner.text(), scanner.literals()); plan != nullptr) {
      resolved_.plan = *plan;
      return &resolved_;
    }
  }
  TREFOIL_ASSIGN(std::shared_ptr<parser::ParsedStatement> parsed, parser::parseSql(text));
  if (isControl(*parsed->statement)) {
    resolved_.control = std::move(parsed);
    return &resolved_;
  }
  if (parsed->statement->kind == ast::StatementKind::kExplain) {
    // It tells estimates of this moment, and literals by their values.
    cacheable = false;
    resolved_.literals = {};
  }
  TREFOIL_ASSIGN(resolved_.plan, bind(*parsed, cacheable));
  if (cacheable) {
    shapes_.insert(scanner.hash(), scanner.text(), scanner.literals(), resolved_.plan,
                   session_.database.settings().integer(Setting::kPlanCacheSize));
  }
  return &resolved_;
}

Result<const ResolvedStatement*> StatementResolver::lookAt(std::string_view text) {
  Result<const ResolvedStatement*> resolved = resolve(text);
  looked_at_ = resolved.ok() ? text : std::string_view();
  return resolved;
}

Result<std::span<const Datum>> StatementResolver::parametersOf(const ResolvedStatement& resolved, std::span<const Datum> given) {
  const std::size_t wanted = resolved.plan->statementParameters();
  if (given.size() != wanted) {
    return Error(ErrorCode::kInvalid, "the statement has " + std::to_string(wanted) + " parameters, but " +
                                          std::to_string(given.size()) + " values were given");
  }
  if (given.empty() || resolved.literals.empty()) {
    return given.empty() ? resolved.literals : given;
  }
  assembled_.assign(given.begin(), given.end());
  assembled_.insert(assembled_.end(), resolved.literals.begin(), resolved.literals.end());
  return std::span<const Datum>(assembled_);
}

Result<std::shared_ptr<const sql::Plan>> StatementResolver::bind(const parser::ParsedStatement& statement,
                                                                 bool literals_as_parameters) {
  if (txn::Transaction* current = session_.sql.currentTransaction(); current != nullptr) {
    return sql::bind(statement, {current->sql(), &session_.database.tableFunctions(), literals_as_parameters});
  }
  sql::Store& store = session_.database.manager().sql();
  EffectBuffer effects;
  const SharedGuard catalog(store.catalogGate());
  sql::View view(store, effects);
  return sql::bind(statement, {view, &session_.database.tableFunctions(), literals_as_parameters});
}

Result<std::span<const Datum>> StatementResolver::convert(const sql::Plan& plan, std::span<const Datum> given) {
  const std::span<const sql::SqlType> types = plan.parameterTypes();
  if (given.size() < types.size()) {
    return Error(ErrorCode::kInvalid, "the statement has " + std::to_string(types.size()) + " parameters, but only " +
                                          std::to_string(given.size()) + " values were given");
  }
  bool all_fit = true;
  for (std::size_t i = 0; i < types.size(); ++i) {
    all_fit = all_fit && fits(given[i], types[i]);
  }
  if (all_fit) {
    return given;
  }
  converted_.assign(given.begin(), given.end());
  arena_.reset();
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (!fits(given[i], types[i])) {
      const bool binary = types[i].is(sql::TypeId::kVector) && i < plan.statementParameters() && isBinaryVector(given[i]);
      const Datum value = binary ? Datum::blob(given[i].asBytes()) : given[i];
      Result<Datum> converted = sql::convertDatum(types[i], value, arena_);
      if (!converted.ok()) {
        const std::size_t literal = i - plan.statementParameters();
        const bool placed = resolved_.plan.get() == &plan && literal < resolved_.literal_positions.size();
        return placed ? std::move(converted).error().at(resolved_.literal_positions[literal]) : std::move(converted).error();
      }
      converted_[i] = *converted;
    }
  }
  return std::span<const Datum>(converted_);
}

}  // namespace trefoil
