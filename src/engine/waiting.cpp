// How a session waits: for keys, for the end of a CLIENT PAUSE. See engine/waiter.hpp.
#include <condition_variable>
#include <mutex>

#include "engine/bare_words.hpp"
#include "engine/client_pause.hpp"
#include "engine/database_impl.hpp"
#include "engine/error_text.hpp"
#include "engine/session_impl.hpp"

namespace trefoil {

// Its event loop goes on with others.
void Session::Impl::beginWait(const Wait& wait, int command, std::span<const std::string_view> args) {
  waiter.begin(wait, command, args, db);
  control.leaveLoop();
  if (database.monitors().any()) [[unlikely]] {
    messages.feedMonitors(command, args);
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
    return words.ok() && sql.mayWrite(*words);
  }
  const CommandMeta& meta = kCommands[static_cast<std::size_t>(command)];
  if (meta.name == "EXEC") {
    return (exec.needs() & kWrite) != 0;
  }
  if ((meta.flags & kSqlText) != 0) {
    return statement.args.size() > 1 && sql.mayWrite(statement.args[1]);
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
    fence.noteCommit(ending.fence);
    fence.noteTelling();
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
    messages.endWaited(mark, waiter.command(), reply);
    facts.count(groupOf(waiter.command()));
    fence.close();
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
