// Searches by an index through SQL over RESP, beside the same index called as a library: what the way through the server costs.
//
//   bench_vector_sql [ROWS [DIMENSION [QUERIES]]]          $TREFOIL: the program, which is started with `serve`
//
// Same rows, queries, m, ef_construction and ef_search on both sides; recall@10 beside each figure. Over RESP: one connection,
// the query's text once, its vector as a parameter; one query at a time, and 16 sent together, with the vector's text and with
// the bytes of its floats. CPU is that of the server's process: the client has a core of its own only where there is one. The
// data is that of bench_vector: clusters with a decaying spectrum.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "bench/support/server_process.hpp"
#include "vector/hnsw.hpp"
#include "vector/text.hpp"

namespace {

using namespace trefoil;
using namespace trefoil::vector;

constexpr std::size_t kBest = 10;
constexpr std::size_t kM = 16;
constexpr std::size_t kEfConstruction = 200;
constexpr std::size_t kRounds = 3;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Data {
  Data(std::size_t count, std::size_t dimension_in, std::size_t query_count) : dimension(dimension_in) {
    std::mt19937_64 random(1);
    std::normal_distribution<float> normal;
    const std::size_t clusters = std::max<std::size_t>(1, count / 1000);
    const auto spread = [](std::size_t i) { return 1 / std::sqrt(1 + static_cast<float>(i)); };
    std::vector<float> centres(clusters * dimension);
    for (std::size_t i = 0; i < centres.size(); ++i) {
      centres[i] = normal(random) * spread(i % dimension);
    }
    const auto draw = [&](std::vector<float>& to, std::size_t wanted) {
      for (std::size_t n = 0; n < wanted; ++n) {
        const std::size_t cluster = random() % clusters;
        for (std::size_t i = 0; i < dimension; ++i) {
          to.push_back(centres[cluster * dimension + i] + 0.7F * normal(random) * spread(i));
        }
      }
    };
    draw(rows, count);
    draw(queries, query_count);
  }
  [[nodiscard]] std::span<const float> row(std::size_t i) const { return {rows.data() + i * dimension, dimension}; }
  [[nodiscard]] std::span<const float> query(std::size_t i) const { return {queries.data() + i * dimension, dimension}; }
  [[nodiscard]] std::size_t queryCount() const { return queries.size() / dimension; }

  std::size_t dimension;
  std::vector<float> rows;
  std::vector<float> queries;
};

using Answers = std::vector<std::vector<std::uint64_t>>;

double recall(const Answers& truth, const Answers& found) {
  std::size_t right = 0;
  std::size_t wanted = 0;
  for (std::size_t q = 0; q < truth.size(); ++q) {
    wanted += truth[q].size();
    for (const std::uint64_t row : truth[q]) {
      right += std::find(found[q].begin(), found[q].end(), row) != found[q].end() ? 1 : 0;
    }
  }
  return static_cast<double>(right) / static_cast<double>(wanted);
}

std::string textOf(std::span<const float> values) {
  std::string text;
  printVector(values, text);
  return text;
}

// ---- RESP, as much of it as the answers need

std::string command(const std::vector<std::string>& words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return out;
}

class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(bench::connectTo(port)) {}
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void send(const std::string& bytes) const {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, 0);
      if (count <= 0) {
        fail("send");
      }
      sent += static_cast<std::size_t>(count);
    }
  }
  // Reads one reply; integers in it are added to `integers`.
  void read(std::vector<std::uint64_t>* integers = nullptr) {
    const std::string line = readLine();
    switch (line[0]) {
      case '*':
        for (long i = std::atol(line.c_str() + 1); i > 0; --i) {
          read(integers);
        }
        break;
      case '$':
        for (long rest = std::atol(line.c_str() + 1) + 2; rest > 0; --rest) {
          next();
        }
        break;
      case ':':
        if (integers != nullptr) {
          integers->push_back(std::strtoull(line.c_str() + 1, nullptr, 10));
        }
        break;
      case '-':
        fail(line.c_str());
      default:
        break;
    }
  }

 private:
  [[noreturn]] static void fail(const char* what) {
    std::fprintf(stderr, "the server: %s\n", what);
    std::exit(1);
  }
  char next() {
    if (at_ == end_) {
      const ssize_t count = ::recv(socket_, buffer_, sizeof buffer_, 0);
      if (count <= 0) {
        fail("recv");
      }
      at_ = 0;
      end_ = static_cast<std::size_t>(count);
    }
    return buffer_[at_++];
  }
  std::string readLine() {
    std::string line;
    for (char c = next(); c != '\n'; c = next()) {
      line += c;
    }
    return line;
  }

  int socket_;
  char buffer_[1 << 16];
  std::size_t at_ = 0;
  std::size_t end_ = 0;
};

void load(Connection& connection, const Data& data) {
  connection.send(command({"SQL", "CREATE TABLE v (id INTEGER PRIMARY KEY, e VECTOR(" + std::to_string(data.dimension) + "))"}));
  connection.read();
  const std::size_t count = data.rows.size() / data.dimension;
  for (std::size_t next = 0; next < count;) {
    std::string text = "INSERT INTO v VALUES ";
    for (std::size_t i = 0; i < 200 && next < count; ++i, ++next) {
      text += (i == 0 ? "(" : ",(") + std::to_string(next) + ",'" + textOf(data.row(next)) + "')";
    }
    connection.send(command({"SQL", text}));
    connection.read();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, std::size_t otherwise) {
    return argc > i ? static_cast<std::size_t>(std::atol(argv[i])) : otherwise;
  };
  const Data data(argument(1, 100000), argument(2, 128), argument(3, 2000));
  const std::size_t rows = data.rows.size() / data.dimension;

  Versions versions;
  const auto arena = std::make_shared<VectorArena>(data.dimension);
  std::vector<HnswEntry> entries;
  std::vector<Slot> slots;
  for (std::size_t i = 0; i < rows; ++i) {
    slots.push_back(arena->insert(data.row(i), WriteContext::live(versions, 1)));
    entries.push_back({i, slots.back(), 1});
  }
  double begin = now();
  HnswIndex index(arena, {.metric = Metric::kCosine, .m = kM, .ef_construction = kEfConstruction});
  index.build(entries);
  std::printf("%zu x %zu, m %zu, ef_construction %zu\nlibrary     built in %.1f s\n", rows, data.dimension, kM, kEfConstruction,
              now() - begin);
  Answers truth;
  for (const auto& nearest : exactSearchBatch(*arena, {Metric::kCosine, data.queries, kBest}, 1, [&](std::size_t) {
                               return CandidateBlock{0, slots};
                             }).value()) {
    auto& ids = truth.emplace_back();
    for (const Neighbour& neighbour : nearest) {
      ids.push_back(neighbour.row);
    }
  }

  const char* const program = std::getenv("TREFOIL");
  const bench::ServerProcess server("trefoil",
                                    {program == nullptr ? "build/bench/trefoil" : program, "serve", "--port", "{port}"});
  Connection connection(server.port());
  load(connection, data);
  begin = now();
  connection.send(command({"SQL", "CREATE INDEX ON v USING hnsw (e vector_cosine_ops) WITH (m = " + std::to_string(kM) +
                                      ", ef_construction = " + std::to_string(kEfConstruction) + ")"}));
  connection.read();
  std::printf("server      built in %.1f s\n\n", now() - begin);
  std::vector<std::string> requests;
  std::vector<std::string> binary_requests;
  for (std::size_t q = 0; q < data.queryCount(); ++q) {
    const std::string statement = "SELECT id FROM v ORDER BY e <=> $1 LIMIT 10";
    const std::span<const float> query = data.query(q);
    requests.push_back(command({"SQL", statement, textOf(query)}));
    binary_requests.push_back(
        command({"SQL", statement, std::string(reinterpret_cast<const char*>(query.data()), query.size_bytes())}));
  }
  // Sends `all`, 16 at a time; queries a second.
  const auto together = [&connection](const std::vector<std::string>& all) {
    constexpr std::size_t kTogether = 16;
    const double start = now();
    for (std::size_t q = 0; q < all.size(); q += kTogether) {
      const std::size_t end = std::min(q + kTogether, all.size());
      std::string batch;
      for (std::size_t i = q; i < end; ++i) {
        batch += all[i];
      }
      connection.send(batch);
      for (std::size_t i = q; i < end; ++i) {
        connection.read();
      }
    }
    return static_cast<double>(all.size()) / (now() - start);
  };

  std::printf("%6s %9s %12s %14s %14s %14s %8s %8s %8s %14s\n", "ef", "recall", "library QPS", "RESP, one QPS", "16 as text",
              "16 as bytes", "one", "text", "bytes", "server us/query");
  for (const std::size_t ef : {std::size_t{20}, std::size_t{40}, kDefaultEfSearch, std::size_t{128}, std::size_t{200}}) {
    connection.send(command({"SQL", "SET hnsw.ef_search = " + std::to_string(ef)}));
    connection.read();
    double library = 0;
    double single = 0;
    double text = 0;
    double bytes = 0;
    double cpu = 0;
    Answers by_library(requests.size());
    Answers by_server(requests.size());
    for (std::size_t round = 0; round < kRounds; ++round) {  // interleaved, the best of each
      begin = now();
      for (std::size_t q = 0; q < requests.size(); ++q) {
        const HnswAnswer answer = index.search({.query = data.query(q), .k = kBest, .ef_search = ef}).value();
        by_library[q].clear();
        for (const Neighbour& neighbour : answer.nearest) {
          by_library[q].push_back(neighbour.row);
        }
      }
      const auto count = static_cast<double>(requests.size());
      library = std::max(library, count / (now() - begin));
      begin = now();
      for (std::size_t q = 0; q < requests.size(); ++q) {
        by_server[q].clear();
        connection.send(requests[q]);
        connection.read(&by_server[q]);
      }
      single = std::max(single, count / (now() - begin));
      const double before = server.cpuSeconds();
      text = std::max(text, together(requests));
      cpu += (server.cpuSeconds() - before) / count / kRounds;
      bytes = std::max(bytes, together(binary_requests));
    }
    std::printf("%6zu %9.4f %12.0f %14.0f %14.0f %14.0f %7.2fx %7.2fx %7.2fx %14.1f\n", ef, recall(truth, by_library), library,
                single, text, bytes, single / library, text / library, bytes / library, cpu * 1e6);
    std::printf("%6s %9.4f  over RESP\n", "", recall(truth, by_server));
  }
  return 0;
}
