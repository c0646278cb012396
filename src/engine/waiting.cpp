// How a session waits: for keys, for the end of a CLIENT PAUSE. See engine/waiter.hpp.
#include <condition_variable>
#include <mutex>

#include "base/query_memory.hpp"
#include "engine/bare_words.hpp"
#include "engine/client_pause.hpp"
#include "engine/command.hpp"
#include "engine/database_impl.hpp"
#include "engine/error_text.hpp"
#include "engine/key_footprint.hpp"
#include "engine/session_impl.hpp"
#include "txn/live.hpp"

namespace trefoil {

// A command that may wait for its keys: as any other on the live store, but that under their locks it joins the keys' queues if
// there is nothing to take. Only to take something it may have to go to a worker, and if that is gone by then, it comes back.
Status Session::Impl::executeBlocking(int command, std::span<const std::string_view> args, Reply& reply) {
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  txn::Manager& manager = database.manager();
  KeyFootprint footprint;
  footprint.addCommand(manager.kv(), meta, args, db);
  footprint.sort();
  const Reply::Mark mark = reply.mark();
  std::optional<Wait> wait;
  const auto once = [&](txn::LiveAttempt& attempt) -> Status {
    const kv::PartitionLocks locks(manager.kv(), footprint.partitions(), !control.onLoop());
    if (!locks.held()) {
      control.leaveLoop();
      return {};
    }
    kv::View view = kv::View::live(manager.kv(), attempt.effects(), now);
    limitWork(view, meta);
    CommandCall call{args, view, reply, self, now, db, &wait};
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
      beginWait(*wait, command, args);
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
      noteCommit(*end);
      return {};
    }
    TREFOIL_TRY(executeDetached(command, args, reply, &wait));
    if (!wait) {
      return {};
    }
    wait.reset();
  }
}

// Its event loop goes on with others.
void Session::Impl::beginWait(const Wait& wait, int command, std::span<const std::string_view> args) {
  waiter.begin(wait, command, args, db);
  control.leaveLoop();
  if (database.monitors().any()) [[unlikely]] {
    feedMonitors(command, args);
  }
}

// Whether CLIENT PAUSE keeps a statement from beginning: then it waits.
bool Session::Impl::postpones(const Statement& statement, int command) {
  const std::int64_t now_us = database.env().monotonicMicros();
  const ClientPause::State pause = database.pause().state(now_us);
  if (pause.scope == ClientPause::Scope::kNone || (pause.scope == ClientPause::Scope::kWrites && !mayWrite(statement, command))) {
    return false;
  }
  waiter.beginPostponed(pause.until_us);
  if (!database.pause().isOn()) {
    waiter.end(WaitEnd::kGoOn);  // it has ended before we were to be seen
  }
  return true;
}

bool Session::Impl::mayWrite(const Statement& statement, int command) {
  if (command < 0) {
    const Result<std::string> words = statement.sql.empty() ? sqlFromWords(statement.args) : std::string(statement.sql);
    return words.ok() && sqlMayWrite(*words);
  }
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if (meta.name == "EXEC") {
    return (queueNeeds() & kWrite) != 0;
  }
  if ((meta.flags & kSqlText) != 0) {
    return statement.args.size() > 1 && sqlMayWrite(statement.args[1]);
  }
  return (meta.flags & kWrite) != 0;
}

// Pushes the answer of a statement whose wait is over. False: it has not begun yet, and is to do so now.
bool Session::Impl::finishWait(Reply& reply) {
  const Waiter::Ending& ending = waiter.ending();
  const WaitEnd end = ending.end;
  if (end != WaitEnd::kGoOn && end != WaitEnd::kGone) {
    database.manager().committer().afterLocks();  // what served it may not have been told to those who follow
    const Reply::Mark mark = reply.mark();
    committed_ = ending.fence;
    tells_ = true;
    if (end == WaitEnd::kUnblocked) {
      reply.error(Error(ErrorCode::kUnblocked, "client unblocked via CLIENT UNBLOCK"));
    } else if (end == WaitEnd::kCancelled) {
      reply.error(Error(ErrorCode::kCancelled, "canceling statement due to user request"));
    } else if (ending.error) {
      reply.error(presentable(*ending.error));
    } else if (end == WaitEnd::kServed) {
      ending.answer.last().pushTo(reply);
    } else if (waiter.wait().answer == Wait::Answer::kZero) {
      reply.integer(0);
    } else {
      reply.nullArray();
    }
    if (reply_mode_ != ReplyMode::kOn) {
      reply.rewind(mark);
      setReplyMode(reply_mode_ == ReplyMode::kSkipNext ? ReplyMode::kOn : reply_mode_);
    }
    endTracked(waiter.command());
    countOperation(waiter.command());
    noteFence();
  }
  waiter.reset();
  return end != WaitEnd::kGoOn;
}

// On the thread that has called execute(): to its end.
void Session::Impl::awaitWaiter() {
  constexpr std::chrono::milliseconds kLook(50);  // for a signal handler cannot wake anybody
  std::mutex mutex;
  std::condition_variable over;
  bool is_over = false;
  waiter.arm([&] {
    const std::lock_guard lock(mutex);
    is_over = true;
    over.notify_one();
  });
  std::unique_lock lock(mutex);
  while (!is_over) {
    over.wait_for(lock, kLook);
    if (!is_over && (control.stopped() || database.env().monotonicMicros() >= waiter.deadlineUs())) {
      lock.unlock();
      waiter.end(control.stopped() ? WaitEnd::kCancelled : waiter.isPostponed() ? WaitEnd::kGoOn : WaitEnd::kTimeout);
      lock.lock();
    }
  }
}

}  // namespace trefoil
