// The vector index beside hnswlib (and exact search beside faiss), recall@10 always next to the speed.
//
//   bench_vector [--part=NAME] [--rows=100000] [--dim=128] [--queries=1000] [--m=16] [--efc=200]
//   [--codes=auto|int8|float16|float32] [--threads=1] [--alone]
//
//   search    build on one thread (--threads), then QPS and recall over ef, at recall 0.95 and 0.99; memory; beside hnswlib
//   threads   build on one and on two threads, beside hnswlib
//   exact     one by one against the memory's read bandwidth; in batches, beside faiss IndexFlatIP
//   filters   50, 10, 1, 0.1, 0.01 % of the rows: any, those near the query, those far from it, or few of those near it
//   churn     20 rounds of deleting and inserting half
//   restart   writing and reading the graph
//
// With --rows=1000000 a search beside hnswlib takes about ten minutes; --threads=2 halves the builds, --alone leaves the peer
// out.
//
// The data: clusters (one for a thousand rows) around centres; centres and offsets are normal with a standard deviation that
// falls with the dimension as 1/sqrt(1 + i), then normalised. Queries are drawn alike. One thread measures; searches of the two
// libraries alternate.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/parallel.hpp"
#include "bench/peers/vector_peers.hpp"
#include "bench/plain/plain_loops.hpp"
#include "vector/hnsw.hpp"
#include "vector/kernels.hpp"

namespace {

using namespace trefoil;
using namespace trefoil::vector;

constexpr std::size_t kBest = 10;

struct Settings {
  std::string part = "search";
  std::size_t rows = 100000;
  std::size_t dimension = 128;
  std::size_t queries = 1000;
  bool peers = true;
  std::size_t threads = 1;  // of the builds in `search`
  HnswOptions options{.metric = Metric::kCosine, .m = 16, .ef_construction = 200};
};

double secondsOf(const std::function<void()>& body) {
  const auto begin = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// ---- data ----

struct Data {
  explicit Data(const Settings& settings)
      : dimension(settings.dimension), arena(std::make_shared<VectorArena>(settings.dimension)) {
    std::mt19937_64 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> spread(dimension);
    for (std::size_t i = 0; i < dimension; ++i) {
      spread[i] = 1 / std::sqrt(1 + static_cast<float>(i));
    }
    const std::size_t clusters = std::max<std::size_t>(1, settings.rows / 1000);
    std::vector<float> centres(clusters * dimension);
    for (std::size_t i = 0; i < centres.size(); ++i) {
      centres[i] = normal(random) * spread[i % dimension];
    }
    const auto draw = [&](std::vector<float>& to) {
      const std::size_t cluster = random() % clusters;
      const std::size_t begin = to.size();
      double squares = 0;
      for (std::size_t i = 0; i < dimension; ++i) {
        to.push_back(centres[cluster * dimension + i] + 0.7F * normal(random) * spread[i]);
        squares += static_cast<double>(to.back()) * to.back();
      }
      for (std::size_t i = begin; i < to.size(); ++i) {
        to[i] /= static_cast<float>(std::sqrt(squares));
      }
    };
    rows.reserve(settings.rows * dimension);
    for (std::size_t i = 0; i < settings.rows; ++i) {
      draw(rows);
      slots.push_back(arena->insert(row(i), WriteContext::live(versions, 1)));
    }
    for (std::size_t i = 0; i < settings.queries; ++i) {
      draw(queries);
    }
    truth = nearest({});
  }

  [[nodiscard]] std::span<const float> row(std::size_t i) const { return {rows.data() + i * dimension, dimension}; }
  [[nodiscard]] std::span<const float> query(std::size_t i) const { return {queries.data() + i * dimension, dimension}; }
  [[nodiscard]] std::size_t queryCount() const { return queries.size() / dimension; }

  // The true neighbours of every query among the rows whose bits are set (none given: all).
  [[nodiscard]] std::vector<std::vector<Neighbour>> nearest(std::span<const std::uint64_t> selected) const {
    constexpr std::size_t kBlockRows = 2048;
    return exactSearchBatch(*arena, {Metric::kCosine, queries, kBest}, (slots.size() + kBlockRows - 1) / kBlockRows,
                            [&](std::size_t index) {
                              const std::size_t begin = index * kBlockRows;
                              const std::size_t size = std::min(kBlockRows, slots.size() - begin);
                              return CandidateBlock{begin, std::span(slots).subspan(begin, size),
                                                    selected.empty() ? selected : selected.subspan(begin / 64, (size + 63) / 64)};
                            })
        .value();
  }

  std::size_t dimension;
  Versions versions;
  std::shared_ptr<VectorArena> arena;
  std::vector<float> rows;
  std::vector<float> queries;
  std::vector<Slot> slots;
  std::vector<std::vector<Neighbour>> truth;
};

std::size_t hits(const std::vector<Neighbour>& truth, const std::vector<std::uint64_t>& found) {
  std::size_t count = 0;
  for (const Neighbour& neighbour : truth) {
    count += std::find(found.begin(), found.end(), neighbour.row) != found.end() ? 1 : 0;
  }
  return count;
}

struct Point {
  std::size_t ef;
  double recall;
  double qps;
};

using SearchFunction = std::function<void(std::size_t query, std::vector<std::uint64_t>& rows)>;

Point measure(const Data& data, const std::vector<std::vector<Neighbour>>& truth, std::size_t ef, const SearchFunction& search) {
  std::vector<std::vector<std::uint64_t>> found(data.queryCount());
  const double seconds = secondsOf([&] {
    for (std::size_t q = 0; q < found.size(); ++q) {
      search(q, found[q]);
    }
  });
  std::size_t right = 0;
  std::size_t wanted = 0;
  for (std::size_t q = 0; q < found.size(); ++q) {
    right += hits(truth[q], found[q]);
    wanted += truth[q].size();
  }
  return {ef, wanted == 0 ? 1 : static_cast<double>(right) / static_cast<double>(wanted),
          static_cast<double>(found.size()) / seconds};
}

// The speed at a recall, between the two points of the curve around it (linear in recall); 0 where the curve does not get there.
double qpsAt(const std::vector<Point>& curve, double recall) {
  for (std::size_t i = 0; i < curve.size(); ++i) {
    if (curve[i].recall >= recall) {
      if (i == 0) {
        return curve[i].qps;
      }
      const Point& below = curve[i - 1];
      const double part = (recall - below.recall) / (curve[i].recall - below.recall);
      return below.qps + part * (curve[i].qps - below.qps);
    }
  }
  return 0;
}

std::vector<HnswEntry> entriesOf(const Data& data) {
  std::vector<HnswEntry> entries;
  for (std::size_t i = 0; i < data.slots.size(); ++i) {
    entries.push_back({i, data.slots[i], 1});
  }
  return entries;
}

void searchInto(const HnswIndex& index, const HnswRequest& request, std::vector<std::uint64_t>& rows) {
  const HnswAnswer answer = index.search(request).value();
  rows.clear();
  for (const Neighbour& neighbour : answer.nearest) {
    rows.push_back(neighbour.row);
  }
}

double mebibytes(std::size_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

double buildOwn(const Data& data, HnswIndex& index, std::size_t threads) {
  const std::vector<HnswEntry> entries = entriesOf(data);
  LoopArena arena(threads);
  return secondsOf([&] { arena.execute([&] { index.build(entries); }); });
}

double buildPeer(const Data& data, bench::HnswlibIndex& peer, std::size_t threads) {
  return secondsOf([&] {
    peer.insert(data.row(0).data(), 0);
    std::atomic<std::size_t> next{1};
    std::vector<std::thread> workers;
    for (std::size_t t = 0; t < threads; ++t) {
      workers.emplace_back([&] {
        for (std::size_t i = next.fetch_add(1); i < data.slots.size(); i = next.fetch_add(1)) {
          peer.insert(data.row(i).data(), i);
        }
      });
    }
    for (std::thread& worker : workers) {
      worker.join();
    }
  });
}

// ---- parts ----

void searchPart(const Settings& settings, const Data& data) {
  HnswIndex index(data.arena, settings.options);
  const double seconds = buildOwn(data, index, settings.threads);
  bench::HnswlibIndex peer(data.dimension, settings.rows, settings.options.m, settings.options.ef_construction);
  const bool has_peer = settings.peers && bench::HnswlibIndex::available();
  const double peer_seconds = has_peer ? buildPeer(data, peer, settings.threads) : 0;
  const HnswMemory memory = index.memory();
  std::printf("  build, %zu thread(s)  trefoil %.2f s   hnswlib %.2f s   ratio %.2f\n", settings.threads, seconds, peer_seconds,
              seconds / peer_seconds);
  std::printf(
      "  memory MiB          trefoil codes %.1f links %.1f entries %.1f   hnswlib %.1f   codes and links / hnswlib %.3f\n",
      mebibytes(memory.codes), mebibytes(memory.links), mebibytes(memory.entries), mebibytes(peer.memoryBytes()),
      static_cast<double>(memory.codes + memory.links) / static_cast<double>(peer.memoryBytes()));
  std::vector<Point> mine;
  std::vector<Point> theirs;
  std::printf("  %6s %18s %24s\n", "ef", "trefoil", "hnswlib");
  for (const std::size_t ef : {10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 100, 128, 160, 200, 256, 320, 400, 512, 640, 800}) {
    std::vector<double> mine_qps;
    std::vector<double> their_qps;
    Point own{};
    Point other{};
    for (int round = 0; round < 3; ++round) {
      own = measure(data, data.truth, ef, [&](std::size_t q, std::vector<std::uint64_t>& rows) {
        searchInto(index, {.query = data.query(q), .k = kBest, .ef_search = ef}, rows);
      });
      mine_qps.push_back(own.qps);
      if (has_peer) {
        peer.setEf(ef);
        other = measure(data, data.truth, ef,
                        [&](std::size_t q, std::vector<std::uint64_t>& rows) { peer.search(data.query(q).data(), kBest, rows); });
        their_qps.push_back(other.qps);
      }
    }
    own.qps = median(mine_qps);
    mine.push_back(own);
    if (has_peer) {
      other.qps = median(their_qps);
      theirs.push_back(other);
    }
    std::printf("  %6zu %8.4f %9.0f %12.4f %9.0f\n", ef, own.recall, own.qps, other.recall, other.qps);
    if (own.recall > 0.995 && (!has_peer || other.recall > 0.995)) {
      break;
    }
  }
  for (const double recall : {0.95, 0.99}) {
    const double own = qpsAt(mine, recall);
    const double other = qpsAt(theirs, recall);
    std::printf("  QPS at recall %.2f   trefoil %.0f   hnswlib %.0f   ratio %.2f\n", recall, own, other, own / other);
  }
}

void threadsPart(const Settings& settings, const Data& data) {
  double seconds[2];
  for (const std::size_t threads : {std::size_t{1}, std::size_t{2}}) {
    HnswIndex index(data.arena, settings.options);
    seconds[threads - 1] = buildOwn(data, index, threads);
    const Point point = measure(data, data.truth, 64, [&](std::size_t q, std::vector<std::uint64_t>& rows) {
      searchInto(index, {.query = data.query(q), .k = kBest, .ef_search = 64}, rows);
    });
    double peer_seconds = 0;
    if (settings.peers && bench::HnswlibIndex::available()) {
      bench::HnswlibIndex peer(data.dimension, settings.rows, settings.options.m, settings.options.ef_construction);
      peer_seconds = buildPeer(data, peer, threads);
    }
    std::printf("  build, %zu threads   trefoil %.2f s (recall %.4f at ef 64)   hnswlib %.2f s   ratio %.2f\n", threads,
                seconds[threads - 1], point.recall, peer_seconds, seconds[threads - 1] / peer_seconds);
  }
  std::printf("  two threads are %.2fx faster\n", seconds[0] / seconds[1]);
}

volatile std::uint64_t sink;

void exactPart(const Data& data) {
  const std::size_t words = data.slots.size() * data.arena->stride() * sizeof(float) / sizeof(std::uint64_t);
  std::vector<std::vector<double>> times(3);
  constexpr std::size_t kBlockRows = 2048;
  const std::size_t blocks = (data.slots.size() + kBlockRows - 1) / kBlockRows;
  const auto block = [&](std::size_t index) {
    const std::size_t begin = index * kBlockRows;
    return CandidateBlock{begin, std::span(data.slots).subspan(begin, std::min(kBlockRows, data.slots.size() - begin)), {}};
  };
  // The same memory is read, run by run: what the machine gives one thread for these bytes.
  const auto read_arena = [&] {
    std::uint64_t sum = 0;
    std::size_t slot = 0;
    while (slot < data.slots.size()) {
      const VectorArena::Run run = data.arena->runFrom(Slot{static_cast<std::uint32_t>(slot)});
      const std::size_t size = std::min(run.size, data.slots.size() - slot);
      sum += bench::readAll(run.floats, size * data.arena->stride() * sizeof(float));
      slot += size;
    }
    sink = sum;
  };
  for (std::size_t round = 0; round < std::min<std::size_t>(101, data.queryCount()); ++round) {
    times[0].push_back(secondsOf(read_arena));
    times[1].push_back(secondsOf([&] {
      sink = exactSearch(*data.arena, {Metric::kCosine, data.query(round), kBest}, blocks, block,
                         {.parallel = false, .cancelled = {}})
                 .value()
                 .size();
    }));
  }
  const double bytes = static_cast<double>(words) * 8;
  std::printf("  one by one   reading the bytes %.3f ms (%.1f GB/s)   exact search %.3f ms = %.0f %% of the bandwidth\n",
              median(times[0]) * 1e3, bytes / median(times[0]) / 1e9, median(times[1]) * 1e3,
              100 * median(times[0]) / median(times[1]));
  const bench::FaissFlat peer(data.dimension, data.rows.data(), data.slots.size());
  for (const std::size_t batch : {std::size_t{100}, std::size_t{500}}) {
    std::vector<double> mine;
    std::vector<double> theirs;
    std::size_t same = 0;
    std::vector<std::int64_t> labels(batch * kBest);
    for (int round = 0; round < 5; ++round) {
      std::vector<std::vector<Neighbour>> found;
      mine.push_back(secondsOf([&] {
        found = exactSearchBatch(*data.arena, {Metric::kCosine, {data.queries.data(), batch * data.dimension}, kBest}, blocks,
                                 block, {.parallel = false, .cancelled = {}})
                    .value();
      }));
      if (bench::FaissFlat::available()) {
        theirs.push_back(secondsOf([&] { peer.search(data.queries.data(), batch, kBest, labels.data()); }));
      }
      same = 0;
      for (std::size_t q = 0; q < batch; ++q) {
        same += hits(found[q], {labels.begin() + static_cast<std::ptrdiff_t>(q * kBest),
                                labels.begin() + static_cast<std::ptrdiff_t>((q + 1) * kBest)});
      }
    }
    const double own = median(mine) * 1e3 / static_cast<double>(batch);
    const double other = theirs.empty() ? 0 : median(theirs) * 1e3 / static_cast<double>(batch);
    std::printf("  batch of %zu   trefoil %.4f ms a query   faiss %.4f ms   ratio %.2f   same rows %zu of %zu\n", batch, own,
                other, other / own, same, batch * kBest);
  }
}

void filtersPart(const Settings& settings, const Data& data) {
  HnswIndex index(data.arena, settings.options);
  index.build(entriesOf(data));
  std::printf("  %-12s %9s %9s %8s %9s %8s   %s\n", "rows", "passing", "QPS", "recall", "short", "callable", "strategy");
  std::mt19937_64 random(7);
  for (const double part : {0.5, 0.1, 0.01, 0.001, 0.0001}) {
    const std::size_t count = std::max<std::size_t>(1, static_cast<std::size_t>(part * static_cast<double>(settings.rows)));
    for (const char* kind : {"any", "near", "far", "thin"}) {
      // Near and far: by the distance from one point, for queries from around that point. Thin: of the rows nearer to it than
      // most, only one in a hundred of those that would be drawn.
      std::vector<std::size_t> order(settings.rows);
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::vector<double> key(settings.rows);
      const std::span<const float> point = data.query(0);
      for (std::size_t i = 0; i < settings.rows; ++i) {
        const double away = distance(Metric::kCosine, point, data.row(i));
        const auto chance = static_cast<double>(random() >> 11) * 0x1p-53;
        key[i] = kind[0] == 'n'   ? away
                 : kind[0] == 'f' ? -away
                 : kind[0] == 't' ? chance + (away < 0.8 && random() % 100 != 0 ? 1 : 0)
                                  : chance;
      }
      std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count - 1), order.end(),
                       [&](std::size_t left, std::size_t right) { return key[left] < key[right]; });
      std::vector<std::uint64_t> words((settings.rows + 63) / 64);
      for (std::size_t i = 0; i < count; ++i) {
        words[order[i] / 64] |= std::uint64_t{1} << order[i] % 64;
      }
      // Queries: for near and far those nearest to the point.
      std::vector<std::size_t> queries(data.queryCount());
      std::iota(queries.begin(), queries.end(), std::size_t{0});
      if (kind[0] != 'a') {
        std::sort(queries.begin(), queries.end(), [&](std::size_t left, std::size_t right) {
          return distance(Metric::kCosine, point, data.query(left)) < distance(Metric::kCosine, point, data.query(right));
        });
      }
      queries.resize(std::min<std::size_t>(queries.size(), 200));
      const std::vector<std::vector<Neighbour>> truth = data.nearest(words);
      RowFilter bitmap;
      bitmap.bitmap = RowBitmap{0, words};
      RowFilter callable;
      callable.matches = [&](std::uint64_t row) { return (words[row / 64] >> row % 64 & 1) != 0; };
      double qps[2];
      std::size_t right = 0;
      std::size_t wanted = 0;
      std::size_t short_answers = 0;
      std::map<std::string, std::size_t> strategies;
      for (const RowFilter* filter : {&callable, &bitmap}) {
        std::vector<HnswAnswer> answers;
        answers.reserve(queries.size());
        const double seconds = secondsOf([&] {
          for (const std::size_t q : queries) {
            answers.push_back(index.search({.query = data.query(q), .k = kBest, .filter = filter}).value());
          }
        });
        qps[filter == &bitmap ? 0 : 1] = static_cast<double>(queries.size()) / seconds;
        right = wanted = 0;
        strategies.clear();
        for (std::size_t i = 0; i < queries.size(); ++i) {
          std::vector<std::uint64_t> rows;
          for (const Neighbour& neighbour : answers[i].nearest) {
            rows.push_back(neighbour.row);
          }
          right += hits(truth[queries[i]], rows);
          wanted += truth[queries[i]].size();
          short_answers += rows.size() < std::min(kBest, count) ? 1 : 0;
          ++strategies[std::string(name(answers[i].report.strategy))];
        }
      }
      std::printf("  %-12s %8.2f%% %9.0f %8.4f %9zu %8.0f  ", kind, part * 100, qps[0],
                  static_cast<double>(right) / static_cast<double>(wanted), short_answers, qps[1]);
      for (const auto& [strategy, times] : strategies) {
        std::printf(" %s (%zu)", strategy.c_str(), times);
      }
      std::printf("\n");
    }
  }
}

void churnPart(const Settings& settings, Data& data) {
  HnswIndex index(data.arena, settings.options);
  index.build(entriesOf(data));
  const auto speed = [&](const HnswIndex& of) {
    Point best{};
    for (int round = 0; round < 3; ++round) {
      const Point point = measure(data, data.truth, 64, [&](std::size_t q, std::vector<std::uint64_t>& rows) {
        searchInto(of, {.query = data.query(q), .k = kBest, .ef_search = 64}, rows);
        for (std::uint64_t& row : rows) {
          row %= settings.rows;
        }
      });
      best = {64, point.recall, std::max(best.qps, point.qps)};
    }
    return best;
  };
  const std::size_t memory = index.memory().total();
  const Point fresh = speed(index);
  std::printf("  fresh        recall %.4f   %.0f QPS   %.1f MiB   (ef 64)\n", fresh.recall, fresh.qps, mebibytes(memory));
  std::mt19937_64 random(3);
  std::vector<std::uint64_t> row_of(settings.rows);  // the row id that stands for a vector now
  std::iota(row_of.begin(), row_of.end(), std::uint64_t{0});
  double purge_seconds = 0;
  double longest_call = 0;
  const double seconds = secondsOf([&] {
    for (Lsn round = 1; round <= 20; ++round) {
      std::vector<std::size_t> order(settings.rows);
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::shuffle(order.begin(), order.end(), random);
      order.resize(settings.rows / 2);
      for (const std::size_t i : order) {
        index.markDead(row_of[i], 10 * round);
      }
      for (bool finished = false; !finished;) {
        const double call = secondsOf([&] { finished = index.purge(kNoSnapshot).finished; });
        purge_seconds += call;
        longest_call = std::max(longest_call, call);
      }
      for (const std::size_t i : order) {
        row_of[i] = round * settings.rows + i;
        index.insert(row_of[i], data.slots[i], 10 * round + 5);
      }
    }
  });
  const Point churned = speed(index);
  std::printf(
      "  20 rounds    recall %.4f   %.0f QPS   %.1f MiB = %.3fx   speed %.2fx   (%.1f s, of them purging %.1f s, longest call "
      "%.1f ms)\n",
      churned.recall, churned.qps, mebibytes(index.memory().total()),
      static_cast<double>(index.memory().total()) / static_cast<double>(memory), churned.qps / fresh.qps, seconds, purge_seconds,
      longest_call * 1e3);
}

void restartPart(const Settings& settings, const Data& data) {
  HnswIndex index(data.arena, settings.options);
  const double build = secondsOf([&] { index.build(entriesOf(data)); });
  std::vector<std::string> chunks;
  std::size_t bytes = 0;
  const double write = secondsOf([&] {
    (void)index.write(kLatest, [&](std::string_view chunk) {
      chunks.emplace_back(chunk);
      bytes += chunk.size();
      return Status{};
    });
  });
  std::unique_ptr<HnswIndex> back;
  const double read = secondsOf([&] {
    std::size_t next = 0;
    back = HnswIndex::read(
               data.arena,
               [&]() -> Result<std::string_view> { return next < chunks.size() ? std::string_view(chunks[next++]) : ""; },
               [&](std::uint64_t row) { return data.slots[row]; })
               .value();
  });
  const double touch = secondsOf([&] {
    std::uint64_t sum = 0;
    for (const std::string& chunk : chunks) {
      sum += bench::readAll(chunk.data(), chunk.size());
    }
    sink = sum;
  });
  const auto recall = [&](const HnswIndex& of) {
    return measure(data, data.truth, 64,
                   [&](std::size_t q, std::vector<std::uint64_t>& rows) {
                     searchInto(of, {.query = data.query(q), .k = kBest, .ef_search = 64}, rows);
                   })
        .recall;
  };
  std::printf(
      "  built in %.2f s; written in %.3f s, %.1f MiB; read in %.3f s (the bytes alone %.3f s); recall %.4f before, %.4f after\n",
      build, write, mebibytes(bytes), read, touch, recall(index), recall(*back));
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::size_t equals = argument.find('=');
    const std::string key = argument.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : argument.substr(equals + 1);
    const std::size_t number = std::strtoull(value.c_str(), nullptr, 10);
    if (key == "--part") {
      settings.part = value;
    } else if (key == "--rows") {
      settings.rows = number;
    } else if (key == "--dim") {
      settings.dimension = number;
    } else if (key == "--queries") {
      settings.queries = number;
    } else if (key == "--threads") {
      settings.threads = number;
    } else if (key == "--m") {
      settings.options.m = number;
    } else if (key == "--efc") {
      settings.options.ef_construction = number;
    } else if (key == "--alone") {
      settings.peers = false;
    } else if (key == "--codes") {
      settings.options.codes = value == "int8"      ? HnswCodes::kInt8
                               : value == "float16" ? HnswCodes::kFloat16
                               : value == "float32" ? HnswCodes::kFloat32
                                                    : HnswCodes::kAuto;
    } else {
      std::fprintf(stderr, "unknown option %s\n", argument.c_str());
      return 2;
    }
  }
  if (const Status status = checkHnswOptions(settings.options); !status.ok()) {
    std::fprintf(stderr, "%s\n", status.error().message.c_str());
    return 2;
  }
  std::printf("vector %s: %zu x %zu, cosine, top %zu, m %zu, ef_construction %zu, kernels %s\n", settings.part.c_str(),
              settings.rows, settings.dimension, kBest, settings.options.m, settings.options.ef_construction, kernels().name);
  Data data(settings);
  const std::vector<std::pair<const char*, std::function<void()>>> parts = {
      {"search", [&] { searchPart(settings, data); }},
      {"threads", [&] { threadsPart(settings, data); }},
      {"exact", [&] { exactPart(data); }},
      {"filters", [&] { filtersPart(settings, data); }},
      {"churn", [&] { churnPart(settings, data); }},
      {"restart", [&] { restartPart(settings, data); }},
  };
  for (const auto& [name, run] : parts) {
    if (settings.part == name) {
      run();
      return 0;
    }
  }
  std::fprintf(stderr, "unknown part %s\n", settings.part.c_str());
  return 2;
}
