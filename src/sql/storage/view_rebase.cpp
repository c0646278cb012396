// View: a statement that others overtake.
//
// An UPDATE or DELETE that decides about each row by that row alone is a function f of rows: what it makes of a table T is the
// table of all f(row). Let it have run at a snapshot S, and let others have committed changes since, to the rows D (the rows in
// which T at S and T now differ). To run it now would answer
//
//   f(row) for the rows outside D        which is what it has made of them at S: they are the same
//   f(row) for the rows of D             which are few
//
// So the view moves its private copy on to the table as it is now (table_rebase.hpp) and has the statement run again on D only.
// The result is that of a statement that ran now, as a whole: serializable, however long it took, and nothing is lost of what
// others have done. Unique keys are checked by the indexes of the copy, which have the rows of both sides: a key of D that the
// statement has given to another row is a conflict (whether it is an error depends on the order of the rows: it runs once more).
//
// Moving on takes no lock as long as there is much to do, each time to a later snapshot, so that D shrinks to what others can do
// in the time of the move before; the last time it is done under the table's lock.
//
// What the statement had staged for the rows of D may be in the log already. kSuperseded says that it does not count.
#include "sql/storage/effects.hpp"
#include "sql/storage/store.hpp"
#include "sql/storage/table_rebase.hpp"
#include "sql/storage/view.hpp"
#include "sql/storage/view_state.hpp"

namespace trefoil::sql {

namespace {

Error overtaken() {
  return Error(ErrorCode::kConflict, "could not serialize access due to concurrent update")
      .withHint("The transaction might succeed if retried.");
}

}  // namespace

void View::followRows(TableId id) {
  TREFOIL_ASSERT(records());
  StagedTable& table = staged(id);
  TREFOIL_ASSERT(table.version == nullptr && effects_.empty());
  table.followed = std::make_unique<TouchedRows>();
  stageNothing();
}

void View::stageNothing() {
  putKind(effects_, EffectKind::kRevised);
}

StagedTable* View::followedTable() const {
  for (const auto& table : staged_->tables) {
    if (table->followed != nullptr) {
      return table.get();
    }
  }
  return nullptr;
}

Result<std::optional<View::Moved>> View::moveOn(Lsn snapshot, const MoveLimits& limits) {
  StagedTable& table = *followedTable();
  const TableVersion* next = table.table->versionAt(snapshot);
  if (next == nullptr) {
    return overtaken();  // it was dropped
  }
  TREFOIL_ASSIGN(std::optional<Moved> moved, moveOnTo(table, *next, limits));
  table.nodes.settle();
  return moved;
}

Result<std::optional<View::Moved>> View::moveOnToLive(const MoveLimits& limits) {
  StagedTable& table = *followedTable();
  if (store_.findTable(table.id) != table.table.get()) {
    return overtaken();
  }
  return moveOnTo(table, *table.table->live(), limits);
}

Result<std::optional<View::Moved>> View::moveOnTo(StagedTable& table, const TableVersion& next, const MoveLimits& limits) {
  Moved moved;
  if (table.base == &next) {
    return std::optional(std::move(moved));
  }
  const WriteContext context = privateContext(table);
  TableRebase rebase(writable(table), *table.base, next, table.nodes, context);
  switch (rebase.compare({limits.blocks, limits.rows})) {
    case TableRebase::Distance::kNear:
      break;
    case TableRebase::Distance::kTooFar:
      return std::optional<Moved>();
    case TableRebase::Distance::kElsewhere:
      return overtaken();
  }
  if (!rebase.apply()) {
    return overtaken();
  }
  table.base = &next;
  std::vector<RowId> superseded;
  for (const RowId row : rebase.rows()) {
    if (table.followed->take(row)) {
      superseded.push_back(row);
    }
    if (TableReader(&next).contains(row)) {
      moved.rows.push_back(row);
    }
  }
  if (!superseded.empty()) {
    putSuperseded(effects_, table.id, superseded);
    moved.undone = static_cast<std::int64_t>(superseded.size());
  }
  return std::optional(std::move(moved));
}

void View::seal(Lsn snapshot) {
  for (const auto& table : staged_->tables) {
    table->nodes.seal(snapshot);
  }
}

}  // namespace trefoil::sql
