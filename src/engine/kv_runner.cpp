#include "engine/kv_runner.hpp"

#include "base/query_memory.hpp"
#include "engine/command.hpp"
#include "engine/database_impl.hpp"
#include "engine/key_footprint.hpp"
#include "engine/session_impl.hpp"
#include "kv/entry.hpp"
#include "txn/live.hpp"

namespace trefoil {

void KvRunner::limitWork(kv::View& view, const CommandMeta& meta) {
  view.limitWork(kQuickSteps);
  view.countWholeCollections((meta.flags & (kFast | kOwnCost)) == 0);
}

Status KvRunner::execute(int command, std::span<const std::string_view> args, Reply::Mark mark, Reply& reply) {
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if (!session_.control.onLoop() && isLong(args)) {  // there isSlow() has asked
    return executeDetached(command, args, mark, reply);
  }
  txn::Manager& manager = session_.database.manager();
  KeyFootprint footprint;
  footprint.addCommand(manager.kv(), meta, args, session_.db);
  footprint.sort();
  const auto once = [&](txn::LiveAttempt& attempt) -> Status {
    const kv::PartitionLocks locks(manager.kv(), footprint.partitions(), !session_.control.onLoop());
    if (!locks.held()) {
      session_.control.leaveLoop();  // somebody commits very much just now: a worker may wait for it
      return {};
    }
    kv::View view = kv::View::live(manager.kv(), attempt.effects(), session_.now);
    limitWork(view, meta);
    view.noteUses(session_.notes_uses);
    view.countLookups(session_.facts.lookupsOf(meta));
    CommandCall call{args, view, reply, session_.self, session_.now, session_.db};
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
    return executeDetached(command, args, mark, reply);
  }
  session_.fence.noteCommit(*end);
  if ((meta.flags & kRead) != 0 && session_.database.keyspaceEvents().tellsMisses()) [[unlikely]] {
    tellMisses(meta, args);
  }
  return {};
}

// The event "keymiss" for each key that a read has not found.
void KvRunner::tellMisses(const CommandMeta& meta, std::span<const std::string_view> args) {
  kv::Store& store = session_.database.manager().kv();
  forEachKey(meta, args, [&](std::size_t index, std::uint16_t) {
    const kv::Key key = store.key(session_.db, args[index]);
    bool is_there = false;
    {
      const kv::PartitionHold lock(store, kv::Store::partition(key));
      const kv::Entry* const entry = store.find(key);
      is_there = entry != nullptr && !entry->deadline().passed(session_.now);
    }
    if (!is_there) {
      session_.database.keyspaceEvents().tellMiss(session_.db, args[index], 0);
    }
  });
}

// A command that may wait for its keys: as any other on the live store, but that under their locks it joins the keys' queues if
// there is nothing to take. Only to take something it may have to go to a worker, and if that is gone by then, it comes back.
Status KvRunner::executeBlocking(int command, std::span<const std::string_view> args, Reply::Mark mark, Reply& reply) {
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  txn::Manager& manager = session_.database.manager();
  KeyFootprint footprint;
  footprint.addCommand(manager.kv(), meta, args, session_.db);
  footprint.sort();
  std::optional<Wait> wait;
  const auto once = [&](txn::LiveAttempt& attempt) -> Status {
    const kv::PartitionLocks locks(manager.kv(), footprint.partitions(), !session_.control.onLoop());
    if (!locks.held()) {
      session_.control.leaveLoop();
      return {};
    }
    kv::View view = kv::View::live(manager.kv(), attempt.effects(), session_.now);
    limitWork(view, meta);
    CommandCall call{args, view, reply, session_.self, session_.now, session_.db, &wait};
    Status status = guardMemory([&] { return handlerOf(command)(call); });
    if (view.gaveWay()) {
      attempt.giveWay();
      return {};
    }
    if (!status.ok()) {
      reply.rewind(mark);
      return status;
    }
    if (wait) {
      session_.beginWait(*wait, command, args);
    } else {
      attempt.commit();
    }
    return {};
  };
  for (;;) {
    std::optional<Lsn> end;
    TREFOIL_TRY(txn::runLive(
        manager.committer(), once, [&] { reply.rewind(mark); }, end));
    if (end) {
      session_.fence.noteCommit(*end);
      return {};
    }
    TREFOIL_TRY(executeDetached(command, args, mark, reply, &wait));
    if (!wait) {
      return {};
    }
    wait.reset();
  }
}

Status KvRunner::executeIn(txn::Transaction& target, int command, std::span<const std::string_view> args, Reply& reply,
                           std::optional<Wait>* wait) {
  const std::size_t before = target.mark();
  const Reply::Mark mark = reply.mark();
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if ((meta.flags & kDenyOom) != 0 && before > static_cast<std::size_t>(session_.database.queryMemory())) {
    return Error(ErrorCode::kOutOfMemory, "this transaction has staged more than 'query-memory'.");
  }
  if (session_.control.onLoop()) {
    limitWork(target.kv(), meta);
  } else {
    target.kv().heed(session_.control);
  }
  target.kv().noteUses(session_.notes_uses);
  target.kv().countLookups(session_.facts.lookupsOf(meta));
  CommandCall call{args, target.kv(), reply, session_.self, target.now(), session_.db, wait};
  Status status = guardMemory([&] { return handlerOf(command)(call); });
  if (!status.ok()) {
    reply.rewind(mark);
    session_.block.undo(target, before, status.error());
  }
  if (target.kv().gaveWay()) {
    reply.rewind(mark);
    session_.control.leaveLoop();
    return {};
  }
  return status;
}

// For what takes long, and for a record that is too large to be made room for under locks. Never on a network thread, which gives
// it up to a worker.
Status KvRunner::executeDetached(int command, std::span<const std::string_view> args, Reply::Mark mark, Reply& reply,
                                 std::optional<Wait>* wait) {
  if (session_.control.onLoop()) {
    session_.control.leaveLoop();
    return {};
  }
  if ((kCommands[static_cast<std::size_t>(command)].flags & kWrite) == 0) {
    txn::Transaction query(session_.database.manager(), session_.now, txn::Transaction::OneQuery{});
    return executeIn(query, command, args, reply);
  }
  const Result<Lsn> end = txn::runTransaction(session_.database.manager(), session_.now, [&](txn::Transaction& own) {
    reply.rewind(mark);
    own.borrowFrom(args, block_);
    if (wait != nullptr) {
      wait->reset();
    }
    return executeIn(own, command, args, reply, wait);
  });
  if (!end.ok()) {
    reply.rewind(mark);
    return end.error();
  }
  session_.fence.noteCommit(*end);
  return {};
}

}  // namespace trefoil
