// How a command on keys runs: live under the locks of its keys, in the session's transaction, or as a transaction of its own.
//
// On a network thread, and under locks, others wait; so what takes long goes elsewhere. Two things tell what does, for all
// commands alike: the arguments' number and size, before anything is done, and the steps that the view counts
// (kv::View::limitWork). A command that turns out too long gives way: nothing of it has happened, and it runs again on a worker,
// on a snapshot, without locks; if it writes, as a transaction. There the same count says when to ask whether somebody wants it
// to end: its client has hung up or was killed.
#include "base/query_memory.hpp"
#include "engine/command.hpp"
#include "engine/database_impl.hpp"
#include "engine/key_footprint.hpp"
#include "engine/session_impl.hpp"
#include "kv/entry.hpp"
#include "txn/live.hpp"

namespace trefoil {

void Session::Impl::limitWork(kv::View& view, const CommandMeta& meta) {
  view.limitWork(kQuickSteps);
  view.countWholeCollections((meta.flags & (kFast | kOwnCost)) == 0);
}

Status Session::Impl::executeLive(int command, std::span<const std::string_view> args, Reply& reply) {
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if (!control.onLoop() && isLong(args)) {  // there isSlow() has asked
    return executeDetached(command, args, reply);
  }
  txn::Manager& manager = database.manager();
  KeyFootprint footprint;
  footprint.addCommand(manager.kv(), meta, args, db);
  footprint.sort();
  const Reply::Mark mark = answer_begin_;
  const auto once = [&](txn::LiveAttempt& attempt) -> Status {
    const kv::PartitionLocks locks(manager.kv(), footprint.partitions(), !control.onLoop());
    if (!locks.held()) {
      control.leaveLoop();  // somebody commits very much just now: a worker may wait for it
      return {};
    }
    kv::View view = kv::View::live(manager.kv(), attempt.effects(), now);
    limitWork(view, meta);
    view.noteUses(notes_uses);
    view.countLookups(lookupsOf(meta));
    CommandCall call{args, view, reply, self, now, db};
    Status status = guardMemory([&] { return handlerOf(command)(call); });
    TREFOIL_ASSERT(status.ok() || attempt.effects().empty() || status.error().code == ErrorCode::kOutOfMemory);
    if (view.gaveWay()) {
      attempt.giveWay();
      return {};
    }
    if (!status.ok()) {
      reply.rewind(mark);
      return status;
    }
    attempt.commit();
    return {};
  };
  std::optional<Lsn> end;
  TREFOIL_TRY(txn::runLive(
      manager.committer(), once, [&] { reply.rewind(mark); }, end));
  if (!end) {
    return executeDetached(command, args, reply);
  }
  noteCommit(*end);
  if ((meta.flags & kRead) != 0 && database.keyspaceEvents().tellsMisses()) [[unlikely]] {
    tellMisses(meta, args);
  }
  return {};
}

// The event "keymiss" for each key that a read has not found.
void Session::Impl::tellMisses(const CommandMeta& meta, std::span<const std::string_view> args) {
  kv::Store& store = database.manager().kv();
  forEachKey(meta, args, [&](std::size_t index, std::uint16_t) {
    const kv::Key key = store.key(db, args[index]);
    bool is_there = false;
    {
      const kv::PartitionHold lock(store, kv::Store::partition(key));
      const kv::Entry* const entry = store.find(key);
      is_there = entry != nullptr && !entry->deadline().passed(now);
    }
    if (!is_there) {
      database.keyspaceEvents().tellMiss(db, args[index], 0);
    }
  });
}

Status Session::Impl::executeInTransaction(txn::Transaction& target, int command, std::span<const std::string_view> args,
                                           Reply& reply, std::optional<Wait>* wait) {
  const std::size_t before = target.mark();
  const Reply::Mark mark = reply.mark();
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if ((meta.flags & kDenyOom) != 0 && before > static_cast<std::size_t>(database.queryMemory())) {
    return Error(ErrorCode::kOutOfMemory, "this transaction has staged more than 'query-memory'.");
  }
  if (control.onLoop()) {
    limitWork(target.kv(), meta);
  } else {
    target.kv().heed(control);
  }
  target.kv().noteUses(notes_uses);
  target.kv().countLookups(lookupsOf(meta));
  CommandCall call{args, target.kv(), reply, self, target.now(), db, wait};
  Status status = guardMemory([&] { return handlerOf(command)(call); });
  if (!status.ok()) {
    reply.rewind(mark);
    undo(target, before, status.error());
  }
  if (target.kv().gaveWay()) {
    reply.rewind(mark);
    control.leaveLoop();
    return {};
  }
  return status;
}

// For what takes long, and for a record that is too large to be made room for under locks. Never on a network thread, which gives
// it up to a worker.
Status Session::Impl::executeDetached(int command, std::span<const std::string_view> args, Reply& reply,
                                      std::optional<Wait>* wait) {
  if (control.onLoop()) {
    control.leaveLoop();
    return {};
  }
  if ((kCommands[static_cast<std::size_t>(command)].flags & kWrite) == 0) {
    txn::Transaction query(database.manager(), now, txn::Transaction::OneQuery{});
    return executeInTransaction(query, command, args, reply);
  }
  const Reply::Mark mark = reply.mark();
  const Result<Lsn> end = txn::runTransaction(database.manager(), now, [&](txn::Transaction& own) {
    reply.rewind(mark);
    own.borrowFrom(args, block_);
    if (wait != nullptr) {
      wait->reset();
    }
    return executeInTransaction(own, command, args, reply, wait);
  });
  if (!end.ok()) {
    reply.rewind(mark);
    return end.error();
  }
  noteCommit(*end);
  return {};
}

}  // namespace trefoil
