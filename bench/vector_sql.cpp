// Searches by an index through SQL over RESP, beside the same index called as a library: what the way through the server costs.
//
//   bench_vector_sql [ROWS [DIMENSION [QUERIES [PART]]]]      $TREFOIL: the program, which is started with `serve`
//
//   plain    one connection; one query at a time, and 16 sent together, with the vector's text and with the bytes of its floats
//   clients  several connections, each with one query at a time, from one thread; the library on one thread and on two
//   filters  a WHERE of an indexed column that passes 50 % to 0.01 % of the rows; the library has a bitmap of them
//
// Same rows, queries, m, ef_construction and ef_search on both sides; recall@10 beside each figure. The query's text is the same
// each time, its vector a parameter. Rounds alternate, medians are given. CPU is that of the server's process: the client has a
// core of its own only where there is one. The data is that of bench_vector: clusters with a decaying spectrum.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
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
constexpr std::size_t kRounds = 5;
constexpr std::size_t kTogether = 16;
constexpr std::size_t kPassing = 10000;  // the filtered column holds 0 to this

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
    for (std::size_t i = 0; i < count; ++i) {
      part.push_back(random() % kPassing);
    }
  }
  [[nodiscard]] std::span<const float> row(std::size_t i) const { return {rows.data() + i * dimension, dimension}; }
  [[nodiscard]] std::span<const float> query(std::size_t i) const { return {queries.data() + i * dimension, dimension}; }
  [[nodiscard]] std::size_t queryCount() const { return queries.size() / dimension; }

  std::size_t dimension;
  std::vector<float> rows;
  std::vector<float> queries;
  std::vector<std::uint64_t> part;  // of each row; drawn evenly
};

using Answers = std::vector<std::vector<std::uint64_t>>;

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

double recall(const Answers& truth, const Answers& found) {
  std::size_t right = 0;
  std::size_t wanted = 0;
  for (std::size_t q = 0; q < truth.size(); ++q) {
    wanted += truth[q].size();
    for (const std::uint64_t row : truth[q]) {
      right += std::find(found[q].begin(), found[q].end(), row) != found[q].end() ? 1 : 0;
    }
  }
  return wanted == 0 ? 1 : static_cast<double>(right) / static_cast<double>(wanted);
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

  [[nodiscard]] int socket() const { return socket_; }
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

class Comparison {
 public:
  explicit Comparison(const Data& data)
      : data_(data),
        arena_(std::make_shared<VectorArena>(data.dimension)),
        index_(arena_, {.metric = Metric::kCosine, .m = kM, .ef_construction = kEfConstruction}),
        server_("trefoil", {program(), "serve", "--port", "{port}"}),
        connection_(server_.port()) {
    buildLibrary();
    buildServer();
  }

  void plain();
  void clients();
  void filters();

 private:
  static std::string program() {
    const char* const given = std::getenv("TREFOIL");
    return given == nullptr ? "build/bench/trefoil" : given;
  }
  void run(const std::string& statement) {
    connection_.send(command({"SQL", statement}));
    connection_.read();
  }
  void setEf(std::size_t ef) { run("SET hnsw.ef_search = " + std::to_string(ef)); }

  void buildLibrary();
  void buildServer();
  [[nodiscard]] Answers truth(std::span<const std::uint64_t> selected) const;
  [[nodiscard]] std::vector<std::string> requests(const std::string& statement, bool binary) const;

  // Each of these answers all queries and says how many it did in a second.
  double byLibrary(std::size_t ef, const RowFilter* filter, Answers& answers) const;
  double byLibrary(std::size_t ef, std::size_t threads) const;
  double oneByOne(const std::vector<std::string>& requests, Answers& answers);
  double together(const std::vector<std::string>& requests);
  static double concurrently(std::span<const std::unique_ptr<Connection>> connections, const std::vector<std::string>& requests);

  const Data& data_;
  Versions versions_;
  std::shared_ptr<VectorArena> arena_;
  std::vector<Slot> slots_;
  HnswIndex index_;
  bench::ServerProcess server_;
  Connection connection_;
};

void Comparison::buildLibrary() {
  const std::size_t rows = data_.rows.size() / data_.dimension;
  std::vector<HnswEntry> entries;
  for (std::size_t i = 0; i < rows; ++i) {
    slots_.push_back(arena_->insert(data_.row(i), WriteContext::live(versions_, 1)));
    entries.push_back({i, slots_.back(), 1});
  }
  const double begin = now();
  index_.build(entries);
  std::printf("%zu x %zu, m %zu, ef_construction %zu\nlibrary     built in %.1f s\n", rows, data_.dimension, kM, kEfConstruction,
              now() - begin);
}

void Comparison::buildServer() {
  run("CREATE TABLE v (id INTEGER PRIMARY KEY, part INTEGER, e VECTOR(" + std::to_string(data_.dimension) + "))");
  run("CREATE INDEX ON v (part)");
  for (std::size_t next = 0; next < slots_.size();) {
    std::string text = "INSERT INTO v VALUES ";
    for (std::size_t i = 0; i < 200 && next < slots_.size(); ++i, ++next) {
      text += (i == 0 ? "(" : ",(") + std::to_string(next) + "," + std::to_string(data_.part[next]) + ",'" +
              textOf(data_.row(next)) + "')";
    }
    run(text);
  }
  const double begin = now();
  run("CREATE INDEX ON v USING hnsw (e vector_cosine_ops) WITH (m = " + std::to_string(kM) +
      ", ef_construction = " + std::to_string(kEfConstruction) + ")");
  std::printf("server      built in %.1f s\n", now() - begin);
}

// `selected`: a bitmap of the rows that count; empty: all do.
Answers Comparison::truth(std::span<const std::uint64_t> selected) const {
  const auto found = exactSearchBatch(*arena_, {Metric::kCosine, data_.queries, kBest}, 1, [&](std::size_t) {
                       return CandidateBlock{0, slots_, selected};
                     }).value();
  Answers answers;
  for (const auto& nearest : found) {
    auto& ids = answers.emplace_back();
    for (const Neighbour& neighbour : nearest) {
      ids.push_back(neighbour.row);
    }
  }
  return answers;
}

std::vector<std::string> Comparison::requests(const std::string& statement, bool binary) const {
  std::vector<std::string> all;
  for (std::size_t q = 0; q < data_.queryCount(); ++q) {
    const std::span<const float> query = data_.query(q);
    all.push_back(
        command({"SQL", statement,
                 binary ? std::string(reinterpret_cast<const char*>(query.data()), query.size_bytes()) : textOf(query)}));
  }
  return all;
}

double Comparison::byLibrary(std::size_t ef, const RowFilter* filter, Answers& answers) const {
  answers.resize(data_.queryCount());
  const double start = now();
  for (std::size_t q = 0; q < answers.size(); ++q) {
    const HnswAnswer answer = index_.search({.query = data_.query(q), .k = kBest, .ef_search = ef, .filter = filter}).value();
    answers[q].clear();
    for (const Neighbour& neighbour : answer.nearest) {
      answers[q].push_back(neighbour.row);
    }
  }
  return static_cast<double>(answers.size()) / (now() - start);
}

double Comparison::byLibrary(std::size_t ef, std::size_t threads) const {
  const double start = now();
  std::vector<std::thread> running;
  for (std::size_t t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      for (std::size_t q = t; q < data_.queryCount(); q += threads) {
        (void)index_.search({.query = data_.query(q), .k = kBest, .ef_search = ef}).value();
      }
    });
  }
  for (std::thread& thread : running) {
    thread.join();
  }
  return static_cast<double>(data_.queryCount()) / (now() - start);
}

double Comparison::oneByOne(const std::vector<std::string>& requests, Answers& answers) {
  answers.resize(requests.size());
  const double start = now();
  for (std::size_t q = 0; q < requests.size(); ++q) {
    answers[q].clear();
    connection_.send(requests[q]);
    connection_.read(&answers[q]);
  }
  return static_cast<double>(requests.size()) / (now() - start);
}

double Comparison::together(const std::vector<std::string>& requests) {
  const double start = now();
  for (std::size_t q = 0; q < requests.size(); q += kTogether) {
    const std::size_t end = std::min(q + kTogether, requests.size());
    std::string batch;
    for (std::size_t i = q; i < end; ++i) {
      batch += requests[i];
    }
    connection_.send(batch);
    for (std::size_t i = q; i < end; ++i) {
      connection_.read();
    }
  }
  return static_cast<double>(requests.size()) / (now() - start);
}

// Each connection gets its next query as soon as it has its answer.
double Comparison::concurrently(std::span<const std::unique_ptr<Connection>> connections,
                                const std::vector<std::string>& requests) {
  const int epoll = ::epoll_create1(0);
  for (const auto& connection : connections) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = connection.get()}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, connection->socket(), &event);
  }
  const double start = now();
  std::size_t sent = 0;
  for (const auto& connection : connections) {
    connection->send(requests[sent++ % requests.size()]);
  }
  for (std::size_t answered = 0; answered < requests.size();) {
    epoll_event events[64];
    const int count = ::epoll_wait(epoll, events, 64, -1);
    for (int i = 0; i < count; ++i) {
      auto* const connection = static_cast<Connection*>(events[i].data.ptr);
      connection->read();
      ++answered;
      if (sent < requests.size()) {
        connection->send(requests[sent++]);
      }
    }
  }
  const double seconds = now() - start;
  ::close(epoll);
  return static_cast<double>(requests.size()) / seconds;
}

void Comparison::plain() {
  const Answers right = truth({});
  const std::string statement = "SELECT id FROM v ORDER BY e <=> $1 LIMIT 10";
  const std::vector<std::string> texts = requests(statement, false);
  const std::vector<std::string> binaries = requests(statement, true);
  std::printf("\n%6s %9s %12s %14s %14s %14s %8s %8s %8s %14s\n", "ef", "recall", "library QPS", "RESP, one QPS", "16 as text",
              "16 as bytes", "one", "text", "bytes", "server us/query");
  for (const std::size_t ef : {std::size_t{20}, std::size_t{40}, kDefaultEfSearch, std::size_t{128}, std::size_t{200}}) {
    setEf(ef);
    std::vector<double> library;
    std::vector<double> one;
    std::vector<double> text;
    std::vector<double> bytes;
    std::vector<double> cpu;
    Answers by_library;
    Answers by_server;
    for (std::size_t round = 0; round < kRounds; ++round) {
      library.push_back(byLibrary(ef, nullptr, by_library));
      one.push_back(oneByOne(texts, by_server));
      const double before = server_.cpuSeconds();
      text.push_back(together(texts));
      cpu.push_back((server_.cpuSeconds() - before) / static_cast<double>(texts.size()));
      bytes.push_back(together(binaries));
    }
    const double base = median(library);
    std::printf("%6zu %9.4f %12.0f %14.0f %14.0f %14.0f %7.2fx %7.2fx %7.2fx %14.1f\n", ef, recall(right, by_library), base,
                median(one), median(text), median(bytes), median(one) / base, median(text) / base, median(bytes) / base,
                median(cpu) * 1e6);
    std::printf("%6s %9.4f  over RESP\n", "", recall(right, by_server));
  }
}

void Comparison::clients() {
  const std::vector<std::string> texts = requests("SELECT id FROM v ORDER BY e <=> $1 LIMIT 10", false);
  std::printf("\n%6s %8s %14s %14s %10s %10s %10s %14s\n", "ef", "clients", "library QPS", "on 2 threads", "RESP QPS", "of one",
              "of two", "server us/query");
  for (const std::size_t ef : {std::size_t{20}, kDefaultEfSearch, std::size_t{200}}) {
    for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{4}, std::size_t{8}, std::size_t{16}}) {
      std::vector<std::unique_ptr<Connection>> connections;
      for (std::size_t i = 0; i < count; ++i) {
        connections.push_back(std::make_unique<Connection>(server_.port()));
        connections.back()->send(command({"SQL", "SET hnsw.ef_search = " + std::to_string(ef)}));
        connections.back()->read();
      }
      std::vector<double> library;
      std::vector<double> library2;
      std::vector<double> resp;
      std::vector<double> cpu;
      for (std::size_t round = 0; round < kRounds; ++round) {
        library.push_back(byLibrary(ef, 1));
        library2.push_back(byLibrary(ef, 2));
        const double before = server_.cpuSeconds();
        resp.push_back(concurrently(connections, texts));
        cpu.push_back((server_.cpuSeconds() - before) / static_cast<double>(texts.size()));
      }
      std::printf("%6zu %8zu %14.0f %14.0f %10.0f %9.2fx %9.2fx %14.1f\n", ef, count, median(library), median(library2),
                  median(resp), median(resp) / median(library), median(resp) / median(library2), median(cpu) * 1e6);
    }
  }
}

void Comparison::filters() {
  std::printf("\n%8s %6s %9s %9s %12s %14s %14s %8s %8s %14s\n", "passing", "ef", "recall", "by RESP", "library QPS",
              "RESP, one QPS", "16 as text", "one", "text", "server us/query");
  for (const std::size_t below : {kPassing / 2, kPassing / 10, kPassing / 100, kPassing / 1000, std::size_t{1}}) {
    std::vector<std::uint64_t> selected((slots_.size() + 63) / 64);
    for (std::size_t row = 0; row < slots_.size(); ++row) {
      selected[row / 64] |= std::uint64_t{data_.part[row] < below} << (row % 64);
    }
    RowFilter filter;
    filter.bitmap = RowBitmap{0, selected};
    const Answers right = truth(selected);
    const std::vector<std::string> texts = requests(
        "SELECT id FROM v WHERE part < " + std::to_string(below) + " ORDER BY e <=> $1 LIMIT " + std::to_string(kBest), false);
    for (const std::size_t ef : {std::size_t{20}, kDefaultEfSearch}) {
      setEf(ef);
      std::vector<double> library;
      std::vector<double> one;
      std::vector<double> text;
      std::vector<double> cpu;
      Answers by_library;
      Answers by_server;
      for (std::size_t round = 0; round < kRounds; ++round) {
        library.push_back(byLibrary(ef, &filter, by_library));
        one.push_back(oneByOne(texts, by_server));
        const double before = server_.cpuSeconds();
        text.push_back(together(texts));
        cpu.push_back((server_.cpuSeconds() - before) / static_cast<double>(texts.size()));
      }
      const double base = median(library);
      std::printf("%7.2f%% %6zu %9.4f %9.4f %12.0f %14.0f %14.0f %7.2fx %7.2fx %14.1f\n",
                  100.0 * static_cast<double>(below) / kPassing, ef, recall(right, by_library), recall(right, by_server), base,
                  median(one), median(text), median(one) / base, median(text) / base, median(cpu) * 1e6);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, std::size_t otherwise) {
    return argc > i ? static_cast<std::size_t>(std::atol(argv[i])) : otherwise;
  };
  const std::string_view part = argc > 4 ? argv[4] : "";
  const Data data(argument(1, 100000), argument(2, 128), argument(3, 2000));
  Comparison comparison(data);
  if (part.empty() || part == "plain") {
    comparison.plain();
  }
  if (part.empty() || part == "clients") {
    comparison.clients();
  }
  if (part.empty() || part == "filters") {
    comparison.filters();
  }
  return 0;
}
