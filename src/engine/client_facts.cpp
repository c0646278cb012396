#include "engine/client_facts.hpp"

#include <algorithm>

#include "base/ascii_case.hpp"
#include "base/env.hpp"
#include "engine/session_impl.hpp"

namespace trefoil {

ClientFacts::ClientFacts(Env& env) : connected_at_us(env.nowMicros()), env_(env), heard_at_ms_(connected_at_us / 1000) {}

std::string_view ClientFacts::activityName() const {
  const Activity now_about = activity();
  return now_about == Activity::kIdle ? "idle" : now_about == Activity::kWaiting ? "waiting" : "running";
}

std::int64_t ClientFacts::activeMillis() const {
  return activity() == Activity::kIdle ? 0 : std::max<std::int64_t>(0, env_.nowMicros() - active_since_us_) / 1000;
}

std::int64_t ClientFacts::idleSeconds(std::int64_t now_ms) const {
  return activity() == Activity::kIdle ? std::max<std::int64_t>(0, now_ms - heard_at_ms_) / 1000 : 0;
}

// For all who look, except that what a command about the connection says (AUTH) is nobody's business.
void ClientFacts::become(Activity what, const Statement& statement, int command, std::mutex& sessions) {
  constexpr std::size_t kKept = 1024;
  active_since_us_.store(env_.nowMicros(), std::memory_order_relaxed);
  if (what == Activity::kRunning && activity() == Activity::kWaiting) {
    return become(what);
  }
  const CommandMeta* const meta = command < 0 ? nullptr : &kCommands[static_cast<std::size_t>(command)];
  const bool is_sql = meta != nullptr && (meta->flags & kSqlText) != 0;
  const std::lock_guard lock(sessions);
  try {
    shown_statement_.assign(statement.sql.substr(0, kKept));
    if (meta == nullptr || is_sql || (meta->flags & kSession) == 0) {
      for (const std::string_view word : statement.args.subspan(is_sql && statement.args.size() > 1 ? 1 : 0)) {
        shown_statement_.append(shown_statement_.empty() ? 0 : 1, ' ')
            .append(word.substr(0, kKept - std::min(kKept, shown_statement_.size())));
      }
    }
  } catch (const std::bad_alloc&) {  // it runs all the same; whoever looks sees no text
    shown_statement_.clear();
  }
  become(what);
}

void ClientFacts::addOperations(OperationCounts& counts) const {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    counts[i] += operations_[i].load(std::memory_order_relaxed);
  }
}

void ClientFacts::addLookups(LookupCounts& counts) const {
  counts.missed += lookups_.counts[0].load(std::memory_order_relaxed);
  counts.found += lookups_.counts[1].load(std::memory_order_relaxed);
}

std::int64_t ClientFacts::setBuffers(const Session::Buffers& held) {
  const Session::Buffers before = buffers();
  input_.store(held.input, std::memory_order_relaxed);
  input_capacity_.store(held.input_capacity, std::memory_order_relaxed);
  output_.store(held.output, std::memory_order_relaxed);
  output_capacity_.store(held.output_capacity, std::memory_order_relaxed);
  return static_cast<std::int64_t>(held.input_capacity + held.output_capacity) -
         static_cast<std::int64_t>(before.input_capacity + before.output_capacity);
}

Session::Buffers ClientFacts::buffers() const {
  return {.input = input_.load(std::memory_order_relaxed),
          .input_capacity = input_capacity_.load(std::memory_order_relaxed),
          .output = output_.load(std::memory_order_relaxed),
          .output_capacity = output_capacity_.load(std::memory_order_relaxed)};
}

// https://redis.io/docs/latest/commands/client-list/; what Redis does not have comes last. It is read word by word, so bytes that
// are no part of a word are written as in a URL.
std::string describeClient(const Session::Impl& session) {
  constexpr std::size_t kShown = 256;
  const ClientFacts& facts = session.facts;
  const SessionMessages& messages = session.messages;
  const ClientTracking& tracking = messages.tracking;
  const std::int64_t now_ms = session.database.env().nowMicros() / 1000;
  const CommandMeta* const command = facts.last_command.load(std::memory_order_relaxed);
  const bool in_multi = session.queue.isOpen();
  const Session::Buffers buffers = facts.buffers();
  const std::size_t free_input = std::max(buffers.input_capacity, buffers.input) - buffers.input;
  const auto subscriptions = [&](Topic topic) { return std::to_string(messages.subscriptions(topic)); };
  std::string flags = messages.isMonitor() ? "O" : "";
  flags.append(messages.isSubscriber() ? "P" : "")
      .append(in_multi ? "x" : "")
      .append(session.waiter.waits() ? "b" : "")
      .append(tracking.is(ClientTracking::kOn) ? "t" : "")
      .append(tracking.is(ClientTracking::kBrokenRedirect) ? "R" : "")
      .append(tracking.is(ClientTracking::kBroadcast) ? "B" : "")
      .append(facts.may_be_evicted ? "" : "e")
      .append(facts.isOverUnixSocket() ? "U" : "");
  flags.append(flags.empty() ? "N" : "");
  std::string line =
      "id=" + std::to_string(session.id) + " addr=" + facts.address + " laddr=" + facts.local_address + " name=" + facts.name +
      " age=" + std::to_string(now_ms / 1000 - facts.connected_at_us / 1'000'000) +
      " idle=" + std::to_string(facts.idleSeconds(now_ms)) + " flags=" + flags + " db=" + std::to_string(session.db) +
      " sub=" + subscriptions(Topic::kChannel) + " psub=" + subscriptions(Topic::kPattern) +
      " ssub=" + subscriptions(Topic::kShardChannel) + " multi=" + (in_multi ? std::to_string(session.queue.count()) : "-1") +
      " qbuf=" + std::to_string(buffers.input) + " qbuf-free=" + std::to_string(free_input) +
      " argv-mem=0 multi-mem=" + std::to_string(session.queue.memory()) + " obl=" + std::to_string(buffers.output) +
      " oll=" + std::to_string(messages.outbox->count()) + " omem=" + std::to_string(messages.outbox->bytes()) +
      " tot-mem=" + std::to_string(session.memory()) + " cmd=" + (command == nullptr ? "NULL" : lowerCase(command->name)) +
      " user=default redir=" + (tracking.is(ClientTracking::kOn) ? std::to_string(tracking.redirect) : "-1") +
      " resp=" + std::to_string(session.protocol) + " lib-name=" + facts.library_name + " lib-ver=" + facts.library_version +
      " state=" + std::string(facts.activityName()) + " running-ms=" + std::to_string(facts.activeMillis()) + " statement=";
  for (const char c : facts.statement().substr(0, kShown)) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || c == '%' || byte == 0x7F) {
      line.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    } else {
      line += c;
    }
  }
  return line;
}

}  // namespace trefoil
