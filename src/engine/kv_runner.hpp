// KvRunner: how a command on keys runs: live under the locks of its keys, in a transaction, or as one of its own; and, if it
// finds nothing to take, waits.
//
// On a network thread, and under locks, others wait; so what takes long goes elsewhere. Two things tell what does, for all
// commands alike: the arguments' number and size, before anything is done, and the steps that the view counts
// (kv::View::limitWork). A command that turns out too long gives way: nothing of it has happened, and it runs again on a worker,
// on a snapshot, without locks; if it writes, as a transaction. There the same count says when to ask whether somebody wants it
// to end: its client has hung up or was killed.
//
// Thread safety: none; the session's.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "base/request_block.hpp"
#include "base/status.hpp"
#include "engine/reply.hpp"
#include "engine/session.hpp"
#include "engine/wait.hpp"
#include "kv/view.hpp"

namespace trefoil {

struct CommandMeta;

namespace txn {
class Transaction;
}  // namespace txn

class KvRunner {
 public:
  explicit KvRunner(Session::Impl& session) : session_(session) {}

  // What a command does in about 100 µs: so many steps, arguments, and bytes of them.
  static constexpr std::size_t kQuickSteps = 1000;
  static constexpr std::size_t kQuickArguments = 1000;
  static constexpr std::size_t kQuickBytes = kQuickSteps * kv::View::kStepBytes;
  // Whether its arguments alone make a command too long for an event loop.
  [[nodiscard]] static bool isLong(std::span<const std::string_view> args) {
    std::size_t bytes = 0;
    for (const std::string_view arg : args.first(std::min(args.size(), kQuickArguments))) {
      bytes += arg.size();
    }
    return args.size() > kQuickArguments || bytes > kQuickBytes;
  }

  // On the live stores. `mark`: where its answer begins. On a loop it may give way (StatementControl::gaveUp()).
  Status execute(int command, std::span<const std::string_view> args, Reply::Mark mark, Reply& reply);
  // The same, but that under the keys' locks it joins their queues if there is nothing to take.
  Status executeBlocking(int command, std::span<const std::string_view> args, Reply::Mark mark, Reply& reply);
  // As a part of a transaction; a failed one leaves nothing in it. `wait`: where a command that may wait says so; null: it takes
  // what is there.
  Status executeIn(txn::Transaction& target, int command, std::span<const std::string_view> args, Reply& reply,
                   std::optional<Wait>* wait = nullptr);

  // The running statement's, which may be made a key's value; null: there is none.
  void offer(RequestBlock* block) { block_ = block; }

 private:
  Status executeDetached(int command, std::span<const std::string_view> args, Reply::Mark mark, Reply& reply,
                         std::optional<Wait>* wait = nullptr);
  void tellMisses(const CommandMeta& meta, std::span<const std::string_view> args);
  static void limitWork(kv::View& view, const CommandMeta& meta);

  Session::Impl& session_;
  RequestBlock* block_ = nullptr;
};

}  // namespace trefoil
