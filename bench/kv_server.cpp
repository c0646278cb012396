// SET and GET over loopback, beside redis-server: 50 connections, 1 M keys of 16 bytes, values of 64 bytes, batches of 1, 16 and
// 64 commands. What is compared is the server's CPU time for a million operations (a machine with two cores is full when client
// and server run, so throughput says as much about the client), from /proc/PID/stat. Both servers are loaded with the same keys
// first; the runs alternate, and the medians are printed.
//
//   bench_kv_server [--trefoil PATH ($TREFOIL)] [--beside PATH] [--part memory|everysec|always|bytes]… [--rounds N]
//                   [--operations N]
//
//   --beside PATH   another build of Trefoil takes the place of redis-server, with the same settings: what a change has cost
//
//   memory     no log (redis: no AOF, no RDB)            SET and GET at 1, 16, 64
//   everysec   with a log, appendfsync everysec          SET, GET at 1, 16, 64 (no rewrites or checkpoints: redis does them in
//                                                                              another process, whose time would not be counted)
//   always     appendfsync always                        SET and GET at 1, 16, 64
//   bytes      resident memory a key of 16 + 32 bytes, a million of them
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bench/support/load.hpp"
#include "bench/support/server_process.hpp"

namespace {

using bench::LoadResult;
using bench::Operation;
using bench::ServerProcess;

constexpr std::uint64_t kKeys = 1000000;

struct Options {
  std::string trefoil = std::getenv("TREFOIL") != nullptr ? std::getenv("TREFOIL") : "build/release/trefoil";
  std::string beside;  // empty: redis-server
  std::set<std::string_view> parts;
  std::size_t rounds = 3;
  std::size_t operations = 0;  // 0: as the pipeline needs
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::unique_ptr<ServerProcess> startRedis(const std::string& directory, const std::string& policy) {
  std::vector<std::string> command{
      "redis-server", "--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--dir", directory.empty() ? "/tmp" : directory};
  if (policy.empty()) {
    command.insert(command.end(), {"--appendonly", "no"});
  } else {
    command.insert(command.end(), {"--appendonly", "yes", "--appendfsync", policy, "--auto-aof-rewrite-percentage", "0"});
  }
  return std::make_unique<ServerProcess>("redis", command);
}

std::unique_ptr<ServerProcess> startTrefoil(const char* name, const std::string& program, const std::string& directory,
                                            const std::string& policy) {
  std::vector<std::string> command{program, "serve"};
  if (!policy.empty()) {
    command.push_back(directory + "/" + name);
  }
  command.insert(command.end(), {"--port", "{port}"});
  if (!policy.empty()) {
    command.insert(command.end(), {"--appendfsync", policy, "--checkpoint-log-size", "0"});
  }
  return std::make_unique<ServerProcess>(name, command);
}

// Who is compared, and whom with. Without a policy they have no log, and need no directory.
struct Servers {
  std::unique_ptr<ServerProcess> peer;
  std::unique_ptr<ServerProcess> trefoil;
};
Servers start(const Options& options, const std::string& directory = "", const std::string& policy = "") {
  return {options.beside.empty() ? startRedis(directory, policy) : startTrefoil("beside", options.beside, directory, policy),
          startTrefoil("trefoil", options.trefoil, directory, policy)};
}

void fill(const ServerProcess& server, std::size_t value_bytes) {
  const LoadResult loaded = bench::run({.port = server.port(),
                                        .operation = Operation::kSet,
                                        .operations = kKeys,
                                        .pipeline = 64,
                                        .keys = kKeys,
                                        .sequential = true,
                                        .value_bytes = value_bytes});
  if (loaded.errors > 0) {
    std::fprintf(stderr, "bench: %s refused %zu of the keys\n", server.name().c_str(), loaded.errors);
    std::exit(1);
  }
}

struct Figure {
  double cpu = 0;         // seconds a million operations
  double throughput = 0;  // operations a second
};

// The medians of both servers, the rounds interleaved.
std::pair<Figure, Figure> compare(const Servers& compared, const Options& options, Operation operation, std::size_t pipeline,
                                  std::size_t operations) {
  const ServerProcess* const servers[2] = {compared.peer.get(), compared.trefoil.get()};
  std::vector<double> cpu[2];
  std::vector<double> throughput[2];
  for (std::size_t round = 0; round < options.rounds; ++round) {
    for (std::size_t which = 0; which < 2; ++which) {
      const double before = servers[which]->cpuSeconds();
      const LoadResult result = bench::run({.port = servers[which]->port(),
                                            .operation = operation,
                                            .operations = operations,
                                            .pipeline = pipeline,
                                            .keys = kKeys,
                                            .seed = round + 1});
      if (result.errors + result.misses > 0) {
        std::fprintf(stderr, "bench: %s: %zu errors, %zu misses\n", servers[which]->name().c_str(), result.errors, result.misses);
        std::exit(1);
      }
      cpu[which].push_back((servers[which]->cpuSeconds() - before) * 1e6 / static_cast<double>(operations));
      throughput[which].push_back(static_cast<double>(operations) / result.seconds);
    }
  }
  return {{median(cpu[0]), median(throughput[0])}, {median(cpu[1]), median(throughput[1])}};
}

void printRow(const Servers& servers, const char* operation, std::size_t pipeline, const std::pair<Figure, Figure>& figures) {
  std::printf("  %-4s pipeline %-3zu  %s %6.3f s %9.0f/s   trefoil %6.3f s %9.0f/s   CPU %.2fx   throughput %.2fx\n", operation,
              pipeline, servers.peer->name().c_str(), figures.first.cpu, figures.first.throughput, figures.second.cpu,
              figures.second.throughput, figures.second.cpu / figures.first.cpu,
              figures.second.throughput / figures.first.throughput);
  std::fflush(stdout);
}

std::size_t operationsFor(const Options& options, std::size_t pipeline) {
  return options.operations != 0 ? options.operations : pipeline == 1 ? 500000 : 3000000;
}

void memoryPart(const Options& options) {
  std::printf("server CPU seconds per 1M operations, no log, medians of %zu rounds\n", options.rounds);
  const Servers servers = start(options);
  fill(*servers.peer, 64);
  fill(*servers.trefoil, 64);
  for (const std::size_t pipeline : {1U, 16U, 64U}) {
    const std::size_t operations = operationsFor(options, pipeline);
    printRow(servers, "SET", pipeline, compare(servers, options, Operation::kSet, pipeline, operations));
    printRow(servers, "GET", pipeline, compare(servers, options, Operation::kGet, pipeline, operations));
  }
}

void everysecPart(const Options& options) {
  std::printf(
      "server CPU seconds per 1M SET, appendfsync everysec, medians of %zu rounds; what the log adds to the same server "
      "without\n",
      options.rounds);
  const bench::TemporaryDirectory directory;
  const Servers without = start(options);
  const Servers with = start(options, directory.path(), "everysec");
  for (const ServerProcess* server : {without.peer.get(), without.trefoil.get(), with.peer.get(), with.trefoil.get()}) {
    fill(*server, 64);
  }
  for (const std::size_t pipeline : {1U, 16U, 64U}) {
    const std::size_t operations = operationsFor(options, pipeline) / 2;
    const auto plain = compare(without, options, Operation::kSet, pipeline, operations);
    const auto logged = compare(with, options, Operation::kSet, pipeline, operations);
    printRow(with, "SET", pipeline, logged);
    std::printf("       the log adds  %s %+.0f %%   trefoil %+.0f %%\n", with.peer->name().c_str(),
                100 * (logged.first.cpu / plain.first.cpu - 1), 100 * (logged.second.cpu / plain.second.cpu - 1));
    printRow(with, "GET", pipeline, compare(with, options, Operation::kGet, pipeline, operations));
  }
}

void alwaysPart(const Options& options) {
  std::printf("server CPU seconds per 1M operations, appendfsync always, medians of %zu rounds\n", options.rounds);
  const bench::TemporaryDirectory directory;
  const Servers servers = start(options, directory.path(), "always");
  fill(*servers.peer, 64);
  fill(*servers.trefoil, 64);
  for (const std::size_t pipeline : {1U, 16U, 64U}) {
    const std::size_t operations = options.operations != 0 ? options.operations : 100'000 * pipeline;
    printRow(servers, "SET", pipeline, compare(servers, options, Operation::kSet, pipeline, operations));
    printRow(servers, "GET", pipeline, compare(servers, options, Operation::kGet, pipeline, operations));
  }
}

void bytesPart(const Options& options) {
  std::printf("resident bytes a key of 16 bytes with a value of 32 bytes, %llu keys\n", static_cast<unsigned long long>(kKeys));
  const Servers servers = start(options);
  double bytes[2];
  std::size_t which = 0;
  for (const ServerProcess* server : {servers.peer.get(), servers.trefoil.get()}) {
    const std::uint64_t before = server->residentBytes();
    fill(*server, 32);
    bytes[which++] = static_cast<double>(server->residentBytes() - before) / static_cast<double>(kKeys);
  }
  std::printf("  %s %.0f   trefoil %.0f   %.2fx\n", servers.peer->name().c_str(), bytes[0], bytes[1], bytes[1] / bytes[0]);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--trefoil") {
      options.trefoil = argv[i + 1];
    } else if (option == "--beside") {
      options.beside = argv[i + 1];
    } else if (option == "--part") {
      options.parts.insert(argv[i + 1]);
    } else if (option == "--rounds") {
      options.rounds = std::strtoull(argv[i + 1], nullptr, 10);
    } else if (option == "--operations") {
      options.operations = std::strtoull(argv[i + 1], nullptr, 10);
    } else {
      std::fprintf(stderr,
                   "usage: bench_kv_server [--trefoil PATH] [--beside PATH] [--part memory|everysec|always|bytes] [--rounds N] "
                   "[--operations N]\n");
      return 2;
    }
  }
  for (const std::string& program : {options.beside.empty() ? std::string("redis-server") : options.beside, options.trefoil}) {
    if (!bench::canRun(program)) {
      std::fprintf(stderr, "bench_kv_server: %s is not there (scripts/deps --bench installs redis-server)\n", program.c_str());
      return 1;
    }
  }
  const auto wanted = [&](std::string_view part) { return options.parts.empty() || options.parts.count(part) > 0; };
  if (wanted("memory")) {
    memoryPart(options);
  }
  if (wanted("everysec")) {
    everysecPart(options);
  }
  if (wanted("always")) {
    alwaysPart(options);
  }
  if (wanted("bytes")) {
    bytesPart(options);
  }
  return 0;
}
