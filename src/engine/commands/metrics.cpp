// METRICS and READY: the server as those see it who watch over it, over RESP and over HTTP (net/http_protocol.hpp).
//
// The text is Prometheus's (https://prometheus.io/docs/instrumenting/exposition_formats/). Names and labels are a promise:
// dashboards and alarms hang on them.
#include <array>
#include <string>

#include "aof/log.hpp"
#include "base/effect_buffer.hpp"
#include "base/gate.hpp"
#include "base/memory_account.hpp"
#include "engine/command.hpp"
#include "engine/command_meta.hpp"
#include "engine/commands/lanes.hpp"
#include "engine/commands/resident_memory.hpp"
#include "engine/database_impl.hpp"
#include "engine/latencies.hpp"
#include "engine/session_impl.hpp"
#include "sql/storage/view.hpp"

namespace trefoil::commands {
namespace {

std::string seconds(std::int64_t micros) {
  std::string fraction = std::to_string(micros % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  return std::to_string(micros / 1'000'000) + '.' + fraction;
}

class Exposition {
 public:
  enum class Type : std::uint8_t { kCounter, kGauge, kHistogram };

  // What the samples that follow are.
  void family(std::string_view name, Type type, std::string_view help) {
    name_ = "trefoil_" + std::string(name);
    text_.append("# HELP ").append(name_).append(" ").append(help);
    constexpr std::array<std::string_view, 3> kTypes = {" counter\n", " gauge\n", " histogram\n"};
    text_.append("\n# TYPE ").append(name_).append(kTypes[static_cast<std::size_t>(type)]);
  }
  void sample(std::string_view value) { text_.append(name_).append(" ").append(value).append("\n"); }
  void sample(std::uint64_t value) { sample(std::to_string(value)); }
  void sample(std::string_view label, std::string_view of, std::uint64_t value) {
    text_.append(name_).append("{").append(label).append("=\"");
    for (const char c : of) {
      if (c == '\n') {
        text_ += "\\n";
        continue;
      }
      if (c == '"' || c == '\\') {
        text_ += '\\';
      }
      text_ += c;
    }
    text_.append("\"} ").append(std::to_string(value)).append("\n");
  }
  void histogram(std::string_view group, const Latencies::Histogram& of) {
    const std::string label = "{group=\"" + std::string(group) + "\"";
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < of.counts.size(); ++i) {
      count += of.counts[i];
      const bool is_last = i == Latencies::kBounds.size();
      text_ += name_ + "_bucket" + label + ",le=\"" + (is_last ? "+Inf" : seconds(Latencies::kBounds[i])) + "\"} " +
               std::to_string(count) + '\n';
    }
    text_ += name_ + "_sum" + label + "} " + seconds(static_cast<std::int64_t>(of.sum_us)) + '\n';
    text_ += name_ + "_count" + label + "} " + std::to_string(count) + '\n';
  }
  void gauge(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, Type::kGauge, help);
    sample(value);
  }
  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, Type::kCounter, help);
    sample(value);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string name_;
  std::string text_;
};

using Type = Exposition::Type;

std::uint64_t asUnsigned(std::int64_t value) {
  return value < 0 ? 0 : static_cast<std::uint64_t>(value);
}

void addServer(Database::Impl& database, Exposition& out) {
  out.family("info", Type::kGauge, "Which server this is.");
  out.sample("version", "0.1.0", 1);
  out.family("start_time_seconds", Type::kGauge, "When it was started, in seconds since 1970.");
  out.sample(seconds(database.started_at_us));
  out.gauge("connected_clients", "Sessions that are open.", database.sessionCount());
  out.gauge("blocked_clients", "Sessions that wait for a key, or for the end of a pause.",
            static_cast<std::uint64_t>(database.waiterCount()));
  out.gauge("max_clients", "The setting maxclients.", asUnsigned(database.settings().integer(Setting::kMaxClients)));
  out.gauge("pubsub_channels", "Channels that have subscribers.", database.pubsub().count(Topic::kChannel));
  out.gauge("pubsub_patterns", "Patterns that have subscribers.", database.pubsub().count(Topic::kPattern));
  out.gauge("pubsub_shard_channels", "Shard channels that have subscribers.", database.pubsub().count(Topic::kShardChannel));
  out.gauge("feeds", "Sessions that follow the commits (FEED).", database.feeder().count());
  const Tracking::Figures tracking = database.tracking().figures();
  out.gauge("tracking_clients", "Sessions that are told of changes of what they have read (CLIENT TRACKING).", tracking.clients);
  out.gauge("tracking_keys", "Keys that such sessions have read.", tracking.keys);
  out.gauge("tracking_items", "The same, counted once for each that has read one.", tracking.items);
  out.gauge("tracking_prefixes", "Prefixes of keys whose changes they are told of.", tracking.prefixes);
  out.counter("sessions_total", "Sessions that were ever opened.", database.sessionsOpened());
  out.counter("evicted_clients_total", "Connections that were closed because of maxmemory-clients.", database.evictedClients());
  out.gauge("slow_lane_pending", "Long statements that run or wait for a worker.", database.pool().pending());
  out.family("operations_total", Type::kCounter, "Commands and statements that were run, by their group.");
  const OperationCounts counts = database.operations();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    out.sample("group", groupName(static_cast<CommandGroup>(i)), counts[i]);
  }
  out.family("burst_duration_seconds", Type::kHistogram,
             "How long bursts of pipelined commands ran, by the group of the last; alone, a command is a burst.");
  const Latencies::Histograms histograms = Latencies::all();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != 0) {
      out.histogram(groupName(static_cast<CommandGroup>(i)), histograms[i]);
    }
  }
}

void addMemory(Database::Impl& database, Exposition& out) {
  const sql::VectorMemory vectors = database.manager().sql().vectorMemory();
  out.family("memory_bytes", Type::kGauge, "What each kind of content takes.");
  for (std::size_t i = 0; i < kMemoryLeaves; ++i) {
    const auto leaf = static_cast<MemoryLeaf>(i);
    if (leaf != MemoryLeaf::kVectors) {
      out.sample("account", memoryLeafName(leaf), asUnsigned(MemoryAccount::used(leaf)));
    }
  }
  out.sample("account", "vectors", vectors.vectors);
  out.sample("account", "vector_indexes", vectors.indexes);
  out.gauge("memory_used_bytes", "All of it: what maxmemory is held against.", asUnsigned(MemoryAccount::used()));
  out.gauge("memory_max_bytes", "The setting maxmemory; 0: no limit.",
            asUnsigned(database.settings().integer(Setting::kMaxMemory)));
  out.gauge("memory_resident_bytes", "What the process takes, as the system sees it.", asUnsigned(residentBytes()));
  out.gauge("versions_in_limbo", "Parts of trees that only open snapshots see.", database.manager().versions().limboSize());
}

void addContent(Database::Impl& database, Exposition& out) {
  const kv::Store& keys = database.manager().kv();
  const auto databases = [&](auto&& value) {
    for (int db = 0; db < keys.databases(); ++db) {
      if (db == 0 || keys.size(db) != 0) {
        out.sample("db", std::to_string(db), value(db));
      }
    }
  };
  out.family("keys", Type::kGauge, "Keys, by database.");
  databases([&](int db) { return keys.size(db); });
  out.family("keys_with_deadline", Type::kGauge, "Those that will expire.");
  databases([&](int db) { return keys.sizeWithDeadline(db); });

  out.counter("expired_keys_total", "Keys that were removed because their time had passed.", keys.expiredKeys());
  out.counter("evicted_keys_total", "Keys that were removed to make room for others.", keys.evictedKeys());
  const LookupCounts lookups = database.lookups();
  out.family("key_lookups_total", Type::kCounter, "Keys that reading commands have asked for, by whether they were there.");
  out.sample("result", "found", lookups.found);
  out.sample("result", "missed", lookups.missed);

  sql::Store& tables = database.manager().sql();
  const std::vector<sql::Store::VectorIndexLag> indexes = tables.vectorIndexLags();
  out.family("vector_index_ready", Type::kGauge,
             "1 if the index answers searches; 0 while it is being built, and they are exact.");
  for (const sql::Store::VectorIndexLag& index : indexes) {
    out.sample("index", index.index, index.ready ? 1 : 0);
  }
  out.family("vector_index_waiting_rows", Type::kGauge, "Rows whose latest change the index has not taken in yet.");
  for (const sql::Store::VectorIndexLag& index : indexes) {
    out.sample("index", index.index, index.waiting_rows);
  }
  EffectBuffer none;
  const SharedGuard catalog(tables.catalogGate());
  out.gauge("tables", "Tables.", tables.tableCount());
  out.family("table_rows", Type::kGauge, "Rows, by table.");
  sql::View view(tables, none);
  for (const sql::SchemaPointer& schema : view.tables()) {
    const SharedGuard table(*tables.tableLock(schema->id));
    out.sample("table", schema->name, view.rows(schema->id).rowCount());
  }
}

void addLog(Database::Impl& database, Exposition& out) {
  const aof::Log* log = database.manager().log();
  out.gauge("log_enabled", "1 if changes are logged.", log != nullptr ? 1 : 0);
  if (log == nullptr) {
    return;
  }
  out.counter("log_bytes_total", "Bytes ever put into the log.", log->end());
  out.counter("log_durable_bytes_total", "Those that are known to be on disk.", log->durableLsn());
  const aof::Log::SyncFigures syncs = log->syncFigures();
  out.counter("log_syncs_total", "How often the log was brought to the disk.", syncs.count);
  out.family("log_sync_seconds_total", Type::kCounter, "How long that took, all in all.");
  out.sample(seconds(syncs.micros));
  out.gauge("log_bytes_since_checkpoint", "What a restart would have to replay.", log->bytesSinceCheckpoint());
  out.gauge("log_refuses_writes", "1 while writes are refused: the disk is full, or has failed.", log->refuses() ? 1 : 0);
  const Database::Impl::CheckpointFigures checkpoints = database.checkpointFigures();
  out.gauge("checkpoint_running", "1 while one is written.", database.checkpointRunning() ? 1 : 0);
  out.family("checkpoints_total", Type::kCounter, "Checkpoints since the start, by how they ended.");
  out.sample("result", "ok", checkpoints.written);
  out.sample("result", "failed", checkpoints.failed);
  out.family("checkpoint_duration_seconds", Type::kGauge, "How long the last one took that was written; 0: none yet.");
  out.sample(seconds(checkpoints.last_duration_us));
}

}  // namespace

Status metrics(CommandCall& call) {
  if (leavesLoop(call, isMuchToSurvey(call))) {
    return {};
  }
  Database::Impl& database = call.session.impl().database;
  Exposition out;
  addServer(database, out);
  addMemory(database, out);
  addContent(database, out);
  addLog(database, out);
  call.reply.verbatim(out.text());
  return {};
}

Status ready(CommandCall& call) {
  const aof::Log* log = call.session.impl().database.manager().log();
  if (const std::string failure = log == nullptr ? std::string() : log->failure(); !failure.empty()) {
    return Error(ErrorCode::kReadOnly, "writes are refused: " + failure);
  }
  call.reply.simple("OK");
  return {};
}

}  // namespace trefoil::commands
