// MEMORY: what takes how much. All of it is read from the one account (base/memory_account.hpp), but for what the allocator and
// the system say of themselves. https://redis.io/docs/latest/commands/memory-stats/
#include <malloc.h>

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "base/memory_account.hpp"
#include "engine/commands/arguments.hpp"
#include "engine/commands/resident_memory.hpp"
#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"
#include "kv/value_type.hpp"

namespace trefoil::commands {

namespace {

// What a key takes in its directory: a slot of 8 bytes in buckets that are three quarters full.
constexpr std::size_t kSlotBytes = 11;

struct AllocatorFigures {
  std::int64_t allocated;  // what we have
  std::int64_t active;     // with what is free in between
};

AllocatorFigures allocatorFigures() {
  const struct mallinfo2 info = mallinfo2();
  return {static_cast<std::int64_t>(info.uordblks + info.hblkhd), static_cast<std::int64_t>(info.arena + info.hblkhd)};
}

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

struct Figures {
  explicit Figures(Database::Impl& database)
      : store(database.manager().kv()),
        total(MemoryAccount::used()),
        peak(database.peakMemory()),
        startup(database.memoryAtStart()),
        directories(static_cast<std::int64_t>(store.directoryBytes())),
        resident(residentBytes()) {
    for (int db = 0; db < store.databases(); ++db) {
      keys += static_cast<std::int64_t>(store.size(db));
    }
    overhead = startup + directories + used(MemoryLeaf::kClients) + used(MemoryLeaf::kPlans) + used(MemoryLeaf::kTransactions) +
               used(MemoryLeaf::kQueries) + used(MemoryLeaf::kTls);
    dataset = std::max<std::int64_t>(0, total - overhead);
  }
  static std::int64_t used(MemoryLeaf leaf) { return MemoryAccount::used(leaf); }

  const kv::Store& store;
  std::int64_t total;
  std::int64_t peak;
  std::int64_t startup;
  std::int64_t directories;
  std::int64_t resident;
  std::int64_t keys = 0;
  std::int64_t overhead = 0;
  std::int64_t dataset = 0;
};

}  // namespace

// As much as the key's entry and all that belongs to it take. That is known, so nothing is sampled.
Status memoryUsage(CommandCall& call) {
  for (std::size_t i = 3; i < call.args.size(); ++i) {
    if (!isWord(call.args[i], "SAMPLES") || i + 1 == call.args.size()) {
      return syntaxError();
    }
    TREFOIL_ASSIGN(const std::int64_t samples, integerArgument(call.args[++i]));
    if (samples < 0) {
      return syntaxError();
    }
  }
  const kv::Entry* const entry = call.kv.peek(keyAt(call, 2));
  if (entry == nullptr) {
    call.reply.null();
  } else {
    call.reply.integer(static_cast<std::int64_t>(kv::bytesOf(*entry) + kSlotBytes));
  }
  return {};
}

// Redis's fields in its order, then ours.
Status memoryStats(CommandCall& call) {
  const Figures figures(call.session.impl().database);
  const AllocatorFigures allocator = allocatorFigures();
  std::vector<int> databases;
  for (int db = 0; db < figures.store.databases(); ++db) {
    if (figures.store.size(db) != 0) {
      databases.push_back(db);
    }
  }
  using Value = std::variant<std::int64_t, double>;
  const std::pair<std::string_view, Value> before[] = {
      {"peak.allocated", figures.peak},       {"total.allocated", figures.total},
      {"startup.allocated", figures.startup}, {"replication.backlog", std::int64_t{0}},
      {"clients.slaves", std::int64_t{0}},    {"clients.normal", Figures::used(MemoryLeaf::kClients)},
      {"cluster.links", std::int64_t{0}},     {"aof.buffer", std::int64_t{0}},
      {"lua.caches", std::int64_t{0}},        {"functions.caches", std::int64_t{0}},
  };
  const std::int64_t net = figures.total - figures.startup;
  const std::pair<std::string_view, Value> behind[] = {
      {"overhead.total", figures.overhead},
      {"keys.count", figures.keys},
      {"keys.bytes-per-key", figures.keys == 0 ? 0 : std::max<std::int64_t>(0, net) / figures.keys},
      {"dataset.bytes", figures.dataset},
      {"dataset.percentage", 100 * ratio(figures.dataset, std::max<std::int64_t>(0, net))},
      {"peak.percentage", 100 * ratio(figures.total, figures.peak)},
      {"allocator.allocated", allocator.allocated},
      {"allocator.active", allocator.active},
      {"allocator.resident", figures.resident},
      {"allocator-fragmentation.ratio", ratio(allocator.active, allocator.allocated)},
      {"allocator-fragmentation.bytes", allocator.active - allocator.allocated},
      {"allocator-rss.ratio", ratio(figures.resident, allocator.active)},
      {"allocator-rss.bytes", figures.resident - allocator.active},
      {"rss-overhead.ratio", 1.0},
      {"rss-overhead.bytes", std::int64_t{0}},
      {"fragmentation", ratio(figures.resident, figures.total)},
      {"fragmentation.bytes", figures.resident - figures.total},
      {"keys.bytes", Figures::used(MemoryLeaf::kKeys)},
      {"keys.snapshots", figures.store.snapshotBytes()},
      {"rows.bytes", Figures::used(MemoryLeaf::kRows)},
      {"indexes.bytes", Figures::used(MemoryLeaf::kIndexes)},
      {"vectors.bytes", Figures::used(MemoryLeaf::kVectors)},
      {"plans.bytes", Figures::used(MemoryLeaf::kPlans)},
      {"transactions.bytes", Figures::used(MemoryLeaf::kTransactions)},
      {"queries.bytes", Figures::used(MemoryLeaf::kQueries)},
      {"tls.bytes", Figures::used(MemoryLeaf::kTls)},
  };
  Reply& reply = call.reply;
  const auto push = [&](const auto& fields) {
    for (const auto& [name, value] : fields) {
      reply.bulk(name);
      if (const auto* const whole = std::get_if<std::int64_t>(&value); whole != nullptr) {
        reply.integer(*whole);
      } else {
        reply.real(std::get<double>(value));
      }
    }
  };
  reply.map(std::size(before) + databases.size() + std::size(behind));
  push(before);
  for (const int db : databases) {
    const double share = ratio(static_cast<std::int64_t>(figures.store.size(db)), figures.keys);
    reply.bulk("db." + std::to_string(db));
    reply.map(3);
    reply.bulk("overhead.hashtable.main");
    reply.integer(static_cast<std::int64_t>(static_cast<double>(figures.directories) * share));
    reply.bulk("overhead.hashtable.expires");  // a deadline lies in its entry
    reply.integer(0);
    reply.bulk("overhead.hashtable.slot-to-keys");
    reply.integer(0);
  }
  push(behind);
  return {};
}

Status memoryDoctor(CommandCall& call) {
  constexpr std::int64_t kLittle = 5 << 20;
  constexpr std::int64_t kMuch = 10 << 20;
  constexpr std::int64_t kMuchForClient = 200 << 10;
  Database::Impl& database = call.session.impl().database;
  const Figures figures(database);
  const txn::Eviction::Rules rules = database.evictionRules();
  std::vector<std::string> found;
  if (figures.total < kLittle) {
    call.reply.verbatim("There is so little in memory that nothing can be said about it. Ask again when there is more.\n");
    return {};
  }
  if (figures.peak > figures.total + figures.total / 2) {
    found.emplace_back(
        "Peak memory: at its peak this server has used more than one and a half times of what it uses now. What the system sees "
        "of "
        "it may be as it was then; MEMORY PURGE gives back what can be given back.");
  }
  if (figures.resident > figures.total * 14 / 10 && figures.resident - figures.total > kMuch) {
    found.emplace_back(
        "Fragmentation: the process takes more than 1.4 times of what it uses. That comes of an earlier peak, or of values that "
        "were replaced by others of other sizes.");
  }
  if (figures.store.snapshotBytes() > std::max(figures.total / 10, kMuch)) {
    found.emplace_back(
        "Snapshots: more than a tenth of the memory is keys that only open transactions or a running checkpoint still see. "
        "CLIENT "
        "LIST shows who has a transaction open.");
  }
  const auto sessions = static_cast<std::int64_t>(std::max<std::size_t>(database.sessionCount(), 1));
  if (Figures::used(MemoryLeaf::kClients) / sessions > kMuchForClient) {
    found.emplace_back("Clients: they have more than 200 kB of buffers each. See CLIENT LIST, and maxmemory-clients.");
  }
  if (rules.limit != 0 && rules.policy == txn::EvictionPolicy::kNone && figures.total > rules.limit / 10 * 9) {
    found.emplace_back(
        "Limit: more than nine tenths of maxmemory are used, and maxmemory-policy is noeviction. Commands that need memory will "
        "be "
        "refused.");
  }
  std::string text = found.empty() ? "No problem of memory is found.\n" : "What was found about memory:\n\n";
  for (const std::string& one : found) {
    text += " * " + one + "\n\n";
  }
  call.reply.verbatim(text);
  return {};
}

Status memoryMallocStats(CommandCall& call) {
  const struct mallinfo2 info = mallinfo2();
  const std::pair<std::string_view, std::size_t> lines[] = {
      {"heap bytes", info.arena},    {"heap bytes in use", info.uordblks},     {"heap bytes free", info.fordblks},
      {"free chunks", info.ordblks}, {"bytes free at the top", info.keepcost}, {"mapped blocks", info.hblks},
      {"mapped bytes", info.hblkhd},
  };
  std::string text = "malloc of the C library\n";
  for (const auto& [name, value] : lines) {
    text.append(name).append(": ").append(std::to_string(value)).append("\n");
  }
  call.reply.verbatim(text);
  return {};
}

Status memoryPurge(CommandCall& call) {
  malloc_trim(0);
  call.reply.simple("OK");
  return {};
}

}  // namespace trefoil::commands
