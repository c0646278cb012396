// Which statements an event loop does not run itself, and where these run (engine/slow_lane.hpp): what takes long, or may wait
// for others. What is found out only on the way gives way (StatementControl::leaveLoop()).
#include "engine/bare_words.hpp"
#include "engine/database_impl.hpp"
#include "engine/search.hpp"
#include "engine/session_impl.hpp"

namespace trefoil {

namespace {

// On the event loop's thread run statements over one table with no more rows than this,
constexpr std::uint64_t kFastLaneRows = 2000;
// whose text is no longer than this (longer ones are not even parsed there),
constexpr std::size_t kFastLaneText = std::size_t{64} << 10;
// and the ends of transactions with no more bytes of effects: COMMIT may wait for room in the log, and applies them all.
constexpr std::size_t kFastLaneEffects = std::size_t{256} << 10;
// So does a search by a vector index that looks at no more candidates than this,
constexpr std::int64_t kFastEfSearch = 256;
// and any query of one table that took no longer than this the last time, in microseconds.
constexpr std::int64_t kFastLaneTime = 200;

}  // namespace

// Of those that depend on more than their command's name and their arguments' size.
LaneChoice Session::Impl::laneOfOther(const Statement& statement, int command) {
  LaneChoice choice{.lane = SlowLane::kStatements, .is_slow = false};
  if (!statement.sql.empty()) {
    return queue.isOpen() ? choice : sql.laneOf(statement.sql, 0);  // there it is only queued
  }
  if (statement.args.empty()) {
    return choice;
  }
  if (command < 0) {
    const Result<std::string> text = areSql(statement.args) ? sqlFromWords(statement.args) : std::string();
    if (text.ok() && !text->empty() && !queue.isOpen()) {
      choice = sql.laneOf(*text, 0);
      sql.resolver.lookAway();  // executeNow() makes a text of its own
    }
    return choice;
  }
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  const bool is_sql = (meta.flags & (kSqlText | kSqlShorthand)) != 0 || meta.name == "EXEC";
  choice.lane = is_sql ? SlowLane::kStatements : SlowLane::kSystem;
  if (KvRunner::isLong(statement.args)) {
    choice.is_slow = true;
  } else if (queue.isOpen()) {
    choice.is_slow = meta.name == "EXEC" && exec.isSlow();
  } else if ((meta.flags & kSqlText) != 0 && statement.args.size() > 1) {
    std::size_t bytes = 0;  // of parameters
    for (const std::string_view parameter : statement.args.subspan(2)) {
      bytes += parameter.size();
    }
    return sql.laneOf(statement.args[1], bytes);
  } else if ((meta.flags & (kSqlShorthand | kSlowLane)) == kSqlShorthand &&
             static_cast<int>(statement.args.size()) >= -meta.arity) {
    const Result<std::string> text = searchStatement(*this, statement.args);
    if (text.ok()) {
      choice = sql.laneOf(*text, 0);
      choice.is_slow = choice.is_slow || statement.args.back().size() > 3;  // hundreds at most are few
      sql.resolver.lookAway();                                              // as above
    }
  } else {
    choice.is_slow = (meta.flags & kSlowLane) != 0;
  }
  return choice;
}

// --- SQL -------------------------------------------------------------------------------------------------------------------

LaneChoice SqlRunner::laneOf(std::string_view text, std::size_t parameter_bytes) {
  LaneChoice choice{.lane = SlowLane::kStatements, .is_slow = false};
  if (text.size() + parameter_bytes > kFastLaneText) {
    choice.is_slow = true;
    return choice;
  }
  const Result<const ResolvedStatement*> resolved = resolver.lookAt(text);
  if (!resolved.ok()) {
    return choice;
  }
  if (const auto& own = (*resolved)->control; own != nullptr) {
    const ast::StatementKind kind = own->statement->kind;
    const txn::Transaction* const block = session_.block.transaction();
    const bool may_end_block = kind == ast::StatementKind::kTransaction && block != nullptr;
    const bool ends_long =
        may_end_block && (block->mark() > kFastLaneEffects || session_.database.manager().sql().hasReservations());
    return {.lane = SlowLane::kSystem,
            .is_slow = ends_long || session_.messages.stagedTakeLong() || kind == ast::StatementKind::kCheckpoint};
  }
  const sql::Plan& plan = *(*resolved)->plan;
  if (plan.isPointRead() || plan.isPointWrite() || plan.isPlainInsert()) {
    return choice;
  }
  if (plan.kind() == sql::PlanKind::kDdl) {
    return {.lane = SlowLane::kSystem, .is_slow = true};
  }
  const bool was_quick = plan.latestMicros() <= kFastLaneTime && currentTransaction() == nullptr;
  choice.is_slow =
      plan.usesTableFunctions() || plan.sources() > 1 || (!was_quick && rowsOf(plan) > kFastLaneRows && !isFastSearch(plan));
  return choice;
}

// A search by an index that is ready; inside BEGIN rows of its own may have to be read, so it is not looked into.
bool SqlRunner::isFastSearch(const sql::Plan& plan) {
  if (!plan.isIndexSearch(resolver.latest().literals) || session_.settings.efSearch() > kFastEfSearch ||
      currentTransaction() != nullptr) {
    return false;
  }
  sql::Store& store = session_.database.manager().sql();
  const SharedGuard catalog(store.catalogGate());
  return store.vectorIndexesAreReady(plan.tables()[0].table);
}

// Rows of the tables that a plan uses; of a stale plan none, since it will be bound again.
std::uint64_t SqlRunner::rowsOf(const sql::Plan& plan) {
  const auto sum = [&plan](sql::View& view) {
    std::uint64_t rows = 0;
    if (view.catalogVersion() == plan.catalogVersion()) {
      for (const sql::TableUse& use : plan.tables()) {
        rows += view.estimateRows(use.table);
      }
    }
    return rows;
  };
  if (txn::Transaction* current = currentTransaction(); current != nullptr) {
    return sum(current->sql());
  }
  sql::Store& store = session_.database.manager().sql();
  EffectBuffer none;
  const SharedGuard catalog(store.catalogGate());
  sql::View view(store, none);
  return sum(view);
}

}  // namespace trefoil
