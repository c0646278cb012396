// Commands about the server: settings, facts and figures, checkpoints.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "aof/log.hpp"
#include "base/ascii_case.hpp"
#include "base/memory_account.hpp"
#include "engine/command.hpp"
#include "engine/command_meta.hpp"
#include "engine/commands/lanes.hpp"
#include "engine/commands/resident_memory.hpp"
#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"

namespace trefoil::commands {

Status bgrewriteaof(CommandCall& call) {
  TREFOIL_TRY(call.session.impl().database.requestCheckpoint());
  call.reply.simple("Background append only file rewriting started");
  return {};
}

Status checkpoint(CommandCall& call) {
  if (call.session.inTransaction()) {
    return Error(ErrorCode::kTransactionState, "CHECKPOINT cannot run inside a transaction block");
  }
  TREFOIL_TRY(call.session.impl().database.checkpoint());
  call.reply.done("CHECKPOINT");
  return {};
}

// https://redis.io/docs/latest/commands/shutdown/. The options choose between ways that are one here: what was acknowledged is in
// the log, so there is nothing to save or to leave out, no replica to wait for, and nothing that a failure could keep from
// ending.
Status shutdown(CommandCall& call) {
  constexpr auto kOptions = std::to_array<std::string_view>({"NOSAVE", "SAVE", "NOW", "FORCE", "ABORT"});
  std::array<bool, kOptions.size()> given{};
  for (const std::string_view word : call.args.subspan(1)) {
    const auto* const option =
        std::find_if(kOptions.begin(), kOptions.end(), [&](std::string_view name) { return equalsIgnoringCase(name, word); });
    if (option == kOptions.end()) {
      return syntaxError();
    }
    given[static_cast<std::size_t>(option - kOptions.begin())] = true;
  }
  const auto [no_save, save, now, force, abort] = given;
  if ((no_save && save) || (abort && (no_save || save || now || force))) {
    return syntaxError();
  }
  if (abort) {
    return Error(ErrorCode::kInvalid, "No shutdown in progress.");  // one that is waits for nobody
  }
  call.session.impl().wants_close = true;
  call.session.impl().database.requestShutdown();
  call.reply.simple("OK");
  return {};
}

Status time(CommandCall& call) {
  const std::int64_t now_us = call.session.impl().database.env().nowMicros();
  call.reply.array(2);
  call.reply.bulk(std::to_string(now_us / 1'000'000));
  call.reply.bulk(std::to_string(now_us % 1'000'000));
  return {};
}

// --- CONFIG ----------------------------------------------------------------------------------------------------------------

Status configGet(CommandCall& call) {
  const auto found = call.session.impl().database.settings().configGet(call.args.subspan(2));
  call.reply.map(found.size());
  for (const auto& [name, value] : found) {
    call.reply.bulk(name);
    call.reply.bulk(value);
  }
  return {};
}

Status configSet(CommandCall& call) {
  if (call.args.size() % 2 != 0) {
    return syntaxError();
  }
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  for (std::size_t i = 2; i + 1 < call.args.size(); i += 2) {
    pairs.emplace_back(call.args[i], call.args[i + 1]);
  }
  Settings& settings = call.session.impl().database.settings();
  if (leavesLoop(call, settings.takesLong(pairs))) {
    return {};
  }
  TREFOIL_TRY(settings.configSet(pairs));
  call.reply.simple("OK");
  return {};
}

// --- INFO ------------------------------------------------------------------------------------------------------------------

namespace {

using Line = std::pair<std::string, std::string>;

std::vector<Line> serverInfo(Database::Impl& database) {
  const std::int64_t uptime_s = (database.env().nowMicros() - database.started_at_us) / 1'000'000;
  return {{"redis_version", std::string(kRedisVersion)},
          {"trefoil_version", "0.1.0"},
          {"redis_mode", "standalone"},
          {"os", "Linux"},
          {"arch_bits", "64"},
          {"tcp_port", std::to_string(database.settings().integer(Setting::kPort))},
          {"uptime_in_seconds", std::to_string(uptime_s)},
          {"uptime_in_days", std::to_string(uptime_s / 86400)}};
}

// "1.50M"
std::string humanBytes(std::int64_t bytes) {
  constexpr std::string_view kUnits = "BKMGTPE";
  auto number = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; number >= 1024; number /= 1024) {
    ++unit;
  }
  return unit == 0 ? std::to_string(bytes) + 'B' : fmt::format("{:.2f}{}", number, kUnits[unit]);
}

std::vector<Line> memoryInfo(Database::Impl& database) {
  const sql::VectorMemory vectors = database.manager().sql().vectorMemory();
  const std::int64_t used = MemoryAccount::used();
  const std::int64_t resident = residentBytes();
  const std::int64_t limit = database.settings().integer(Setting::kMaxMemory);
  std::vector<Line> lines = {{"used_memory", std::to_string(used)},
                             {"used_memory_human", humanBytes(used)},
                             {"used_memory_peak", std::to_string(database.peakMemory())},
                             {"used_memory_peak_human", humanBytes(database.peakMemory())},
                             {"used_memory_startup", std::to_string(database.memoryAtStart())}};
  for (std::size_t i = 0; i < kMemoryLeaves; ++i) {
    const auto leaf = static_cast<MemoryLeaf>(i);
    if (leaf != MemoryLeaf::kVectors) {
      lines.emplace_back("used_memory_" + std::string(memoryLeafName(leaf)), std::to_string(MemoryAccount::used(leaf)));
    }
  }
  lines.insert(lines.end(), {{"used_memory_vectors", std::to_string(vectors.vectors)},
                             {"used_memory_vector_indexes", std::to_string(vectors.indexes)},
                             {"used_memory_rss", std::to_string(resident)},
                             {"used_memory_rss_human", humanBytes(resident)},
                             {"used_memory_snapshots", std::to_string(database.manager().kv().snapshotBytes())},
                             {"maxmemory", std::to_string(limit)},
                             {"maxmemory_human", humanBytes(limit)},
                             {"maxmemory_policy", database.settings().valueText(Setting::kMaxMemoryPolicy)},
                             {"mem_fragmentation_ratio",
                              fmt::format("{:.2f}", used == 0 ? 0 : static_cast<double>(resident) / static_cast<double>(used))},
                             {"mem_allocator", "libc"},
                             {"query_memory", std::to_string(database.queryMemory())},
                             {"versions_in_limbo", std::to_string(database.manager().versions().limboSize())}});
  return lines;
}

std::string_view stateName(aof::LogState state) {
  switch (state) {
    case aof::LogState::kOk:
      return "ok";
    case aof::LogState::kRetrying:
      return "retrying";
    case aof::LogState::kFailed:
      return "failed";
    case aof::LogState::kClosed:
      return "closed";
  }
  return "ok";
}

std::vector<Line> persistenceInfo(Database::Impl& database) {
  aof::Log* log = database.manager().log();
  std::vector<Line> lines = {{"loading", "0"}, {"aof_enabled", log != nullptr ? "1" : "0"}};
  if (log != nullptr) {
    const std::string checkpoint_failure = database.checkpointFailure();
    lines.insert(lines.end(), {{"aof_rewrite_in_progress", database.checkpointRunning() ? "1" : "0"},
                               {"aof_last_bgrewrite_status", checkpoint_failure.empty() ? "ok" : "err"},
                               {"aof_last_write_status", log->state() == aof::LogState::kOk ? "ok" : "err"},
                               {"log_state", std::string(stateName(log->state()))},
                               {"log_error", log->failure()},
                               {"checkpoint_error", checkpoint_failure},
                               {"log_end_lsn", std::to_string(log->end())},
                               {"log_durable_lsn", std::to_string(log->durableLsn())},
                               {"log_bytes_since_checkpoint", std::to_string(log->bytesSinceCheckpoint())}});
  }
  return lines;
}

std::vector<Line> keyspaceInfo(Database::Impl& database) {
  std::vector<Line> lines;
  const kv::Store& store = database.manager().kv();
  for (int db = 0; db < store.databases(); ++db) {
    if (store.size(db) != 0) {
      lines.emplace_back("db" + std::to_string(db), "keys=" + std::to_string(store.size(db)) +
                                                        ",expires=" + std::to_string(store.sizeWithDeadline(db)) + ",avg_ttl=0");
    }
  }
  return lines;
}

std::vector<Line> clientsInfo(Database::Impl& database) {
  return {{"connected_clients", std::to_string(database.sessionCount())},
          {"blocked_clients", std::to_string(database.waiterCount())},
          {"tracking_clients", std::to_string(database.tracking().figures().clients)},
          {"maxclients", std::to_string(database.settings().integer(Setting::kMaxClients))},
          {"slow_lane_pending", std::to_string(database.pool().pending())}};
}

std::vector<Line> statsInfo(Database::Impl& database) {
  const OperationCounts operations = database.operations();
  const LookupCounts lookups = database.lookups();
  const kv::Store& keys = database.manager().kv();
  const PubSub& pubsub = database.pubsub();
  const Tracking::Figures tracking = database.tracking().figures();
  return {{"total_connections_received", std::to_string(database.sessionsOpened())},
          {"total_commands_processed", std::to_string(std::accumulate(operations.begin(), operations.end(), std::uint64_t{0}))},
          {"expired_keys", std::to_string(keys.expiredKeys())},
          {"evicted_keys", std::to_string(keys.evictedKeys())},
          {"evicted_clients", std::to_string(database.evictedClients())},
          {"keyspace_hits", std::to_string(lookups.found)},
          {"keyspace_misses", std::to_string(lookups.missed)},
          {"pubsub_channels", std::to_string(pubsub.count(Topic::kChannel))},
          {"pubsub_patterns", std::to_string(pubsub.count(Topic::kPattern))},
          {"pubsubshard_channels", std::to_string(pubsub.count(Topic::kShardChannel))},
          {"tracking_total_keys", std::to_string(tracking.keys)},
          {"tracking_total_items", std::to_string(tracking.items)},
          {"tracking_total_prefixes", std::to_string(tracking.prefixes)}};
}

std::vector<Line> replicationInfo(Database::Impl&) {
  return {{"role", "master"}, {"connected_slaves", "0"}};
}

std::vector<Line> clusterInfo(Database::Impl&) {
  return {{"cluster_enabled", "0"}};
}

struct Section {
  std::string_view name;
  std::vector<Line> (*lines)(Database::Impl&);
};

constexpr std::array<Section, 8> kSections = {{{"Server", serverInfo},
                                               {"Clients", clientsInfo},
                                               {"Memory", memoryInfo},
                                               {"Persistence", persistenceInfo},
                                               {"Stats", statsInfo},
                                               {"Replication", replicationInfo},
                                               {"Cluster", clusterInfo},
                                               {"Keyspace", keyspaceInfo}}};

}  // namespace

Status info(CommandCall& call) {
  if (leavesLoop(call, areManySessions(call))) {
    return {};
  }
  Database::Impl& database = call.session.impl().database;
  std::string text;
  for (const Section& section : kSections) {
    const bool wanted = call.args.size() == 1 || std::any_of(call.args.begin() + 1, call.args.end(), [&](std::string_view word) {
                          const std::string name = lowerCase(word);
                          return name == lowerCase(section.name) || name == "all" || name == "default" || name == "everything";
                        });
    if (!wanted) {
      continue;
    }
    if (!text.empty()) {
      text += "\r\n";
    }
    text += "# " + std::string(section.name) + "\r\n";
    for (const auto& [name, value] : section.lines(database)) {
      text.append(name).append(":").append(value).append("\r\n");
    }
  }
  call.reply.verbatim(text);
  return {};
}

}  // namespace trefoil::commands
