#include "vector/hnsw.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "base/assert.hpp"
#include "base/crc32c.hpp"

namespace trefoil::vector {

namespace {

constexpr Lsn kAlive = ~Lsn{0};

Error outOfBounds(std::size_t value, const char* option, std::size_t least, std::size_t most) {
  return Error(ErrorCode::kInvalid, "value " + std::to_string(value) + " out of bounds for option \"" + option + "\"")
      .withDetail("Valid values are between \"" + std::to_string(least) + "\" and \"" + std::to_string(most) + "\".");
}

}  // namespace

Status checkHnswOptions(const HnswOptions& options) {
  if (options.m < kMinHnswM || options.m > kMaxHnswM) {
    return outOfBounds(options.m, "m", kMinHnswM, kMaxHnswM);
  }
  if (options.ef_construction < kMinEfConstruction || options.ef_construction > kMaxEfConstruction) {
    return outOfBounds(options.ef_construction, "ef_construction", kMinEfConstruction, kMaxEfConstruction);
  }
  if (options.ef_construction < 2 * options.m) {
    return Error(ErrorCode::kInvalid, "ef_construction must be greater than or equal to 2 * m");
  }
  return {};
}

Status checkEfSearch(std::int64_t ef_search) {
  if (ef_search >= 1 && ef_search <= static_cast<std::int64_t>(kMaxEfSearch)) {
    return {};
  }
  return Error(ErrorCode::kInvalid, std::to_string(ef_search) +
                                        " is outside the valid range for parameter \"hnsw.ef_search\" (1 .. " +
                                        std::to_string(kMaxEfSearch) + ")");
}

std::string_view name(HnswStrategy strategy) {
  switch (strategy) {
    case HnswStrategy::kGraph:
      return "graph";
    case HnswStrategy::kFilteredGraph:
      return "filtered graph";
    case HnswStrategy::kExact:
      return "exact";
    case HnswStrategy::kGraphThenExact:
      break;
  }
  return "graph, then exact";
}

class HnswGraph {
 public:
  struct Entry {
    std::uint64_t row;
    Slot slot;
    Lsn born;
    Lsn died;
  };
  HnswGraph(std::shared_ptr<const VectorArena> arena_in, const HnswOptions& options_in)
      : arena(std::move(arena_in)), options(options_in) {}

  std::shared_ptr<const VectorArena> arena;
  HnswOptions options;
  mutable std::shared_mutex mutex;
  std::vector<Entry> entries;
  std::unordered_map<std::uint64_t, std::size_t> live;
};

HnswIndex::HnswIndex(std::shared_ptr<const VectorArena> arena, const HnswOptions& options)
    : graph_(std::make_unique<HnswGraph>(std::move(arena), options)) {
  TREFOIL_ASSERT(checkHnswOptions(options).ok());
}

HnswIndex::~HnswIndex() = default;

const HnswOptions& HnswIndex::options() const {
  return graph_->options;
}

const VectorArena& HnswIndex::arena() const {
  return *graph_->arena;
}

bool HnswIndex::insert(std::uint64_t row, Slot slot, Lsn born) {
  const std::unique_lock lock(graph_->mutex);
  const auto known = graph_->live.find(row);
  if (known != graph_->live.end()) {
    HnswGraph::Entry& older = graph_->entries[known->second];
    if (older.slot == slot) {
      return false;
    }
    older.died = born;
  }
  graph_->live[row] = graph_->entries.size();
  graph_->entries.push_back({row, slot, born, kAlive});
  return true;
}

void HnswIndex::build(std::span<const HnswEntry> entries) {
  for (const HnswEntry& entry : entries) {
    insert(entry.row, entry.slot, entry.born);
  }
}

bool HnswIndex::markDead(std::uint64_t row, Lsn died) {
  const std::unique_lock lock(graph_->mutex);
  const auto known = graph_->live.find(row);
  if (known == graph_->live.end()) {
    return false;
  }
  graph_->entries[known->second].died = died;
  graph_->live.erase(known);
  return true;
}

PurgeProgress HnswIndex::purge(Lsn oldest_snapshot, std::size_t /*budget*/, bool /*eager*/) {
  const std::unique_lock lock(graph_->mutex);
  PurgeProgress progress;
  std::vector<HnswGraph::Entry> kept;
  for (const HnswGraph::Entry& entry : graph_->entries) {
    if (entry.died == kAlive || (oldest_snapshot != kNoSnapshot && oldest_snapshot <= entry.died)) {
      progress.remaining += entry.died == kAlive ? 0 : 1;
      if (entry.died == kAlive) {
        graph_->live[entry.row] = kept.size();
      }
      kept.push_back(entry);
    } else {
      ++progress.removed;
    }
  }
  graph_->entries.swap(kept);
  return progress;
}

Result<HnswAnswer> HnswIndex::search(const HnswRequest& request) const {
  TREFOIL_ASSIGN(const PreparedQuery query,
                 PreparedQuery::make(*graph_->arena, {graph_->options.metric, request.query, request.k}));
  const std::shared_lock lock(graph_->mutex);
  HnswAnswer answer;
  answer.report.strategy = HnswStrategy::kExact;
  answer.report.reason = "every row";
  answer.report.entries = graph_->entries.size();
  TopK best(request.k);
  for (const HnswGraph::Entry& entry : graph_->entries) {
    if (entry.born >= request.snapshot || request.snapshot > entry.died ||
        (request.snapshot == kLatest && entry.died != kAlive)) {
      continue;
    }
    if (request.filter != nullptr) {
      ++answer.report.tested;
      const RowFilter& filter = *request.filter;
      if (filter.bitmap) {
        const std::uint64_t bit = entry.row - filter.bitmap->first_row;
        if (bit / 64 >= filter.bitmap->words.size() || (filter.bitmap->words[bit / 64] >> bit % 64 & 1) == 0) {
          continue;
        }
      } else if (!filter.matches(entry.row)) {
        continue;
      }
    }
    ++answer.report.ranked;
    best.offer({entry.row, query.distanceTo(*graph_->arena, entry.slot)});
  }
  answer.nearest = best.take();
  return answer;
}

class HnswIndex::Cursor::State {
 public:
  std::vector<Neighbour> rows;
  std::size_t position = 0;
  std::size_t batch = 0;
  HnswReport report;
};

HnswIndex::Cursor::Cursor(std::unique_ptr<State> state) : state_(std::move(state)) {}
HnswIndex::Cursor::Cursor(Cursor&&) noexcept = default;
HnswIndex::Cursor& HnswIndex::Cursor::operator=(Cursor&&) noexcept = default;
HnswIndex::Cursor::~Cursor() = default;

Result<std::vector<Neighbour>> HnswIndex::Cursor::next() {
  const std::size_t count = std::min(state_->batch, state_->rows.size() - state_->position);
  const auto begin = state_->rows.begin() + static_cast<std::ptrdiff_t>(state_->position);
  state_->position += count;
  state_->batch *= 2;
  return std::vector<Neighbour>(begin, begin + static_cast<std::ptrdiff_t>(count));
}

const HnswReport& HnswIndex::Cursor::report() const {
  return state_->report;
}

Result<HnswIndex::Cursor> HnswIndex::open(const HnswRequest& request) const {
  HnswRequest all = request;
  all.k = SIZE_MAX;
  TREFOIL_ASSIGN(HnswAnswer answer, search(all));
  auto state = std::make_unique<Cursor::State>();
  state->rows = std::move(answer.nearest);
  state->report = answer.report;
  state->batch = std::max<std::size_t>(1, request.k);
  return Cursor(std::move(state));
}

std::size_t HnswIndex::liveEntries() const {
  const std::shared_lock lock(graph_->mutex);
  return graph_->live.size();
}

std::size_t HnswIndex::deadEntries() const {
  const std::shared_lock lock(graph_->mutex);
  return graph_->entries.size() - graph_->live.size();
}

Slot HnswIndex::slotOf(std::uint64_t row) const {
  const std::shared_lock lock(graph_->mutex);
  const auto known = graph_->live.find(row);
  return known == graph_->live.end() ? kNoSlot : graph_->entries[known->second].slot;
}

HnswMemory HnswIndex::memory() const {
  const std::shared_lock lock(graph_->mutex);
  HnswMemory memory;
  memory.entries = graph_->entries.capacity() * sizeof(HnswGraph::Entry) + graph_->live.size() * 40;
  return memory;
}

void HnswIndex::verify() const {
  const std::shared_lock lock(graph_->mutex);
  for (const auto& [row, position] : graph_->live) {
    TREFOIL_ASSERT(graph_->entries[position].row == row && graph_->entries[position].died == kAlive);
  }
}

namespace {

constexpr std::string_view kMagic = "TFHNSW00";

struct Head {
  std::uint64_t metric;
  std::uint64_t m;
  std::uint64_t ef_construction;
  std::uint64_t rows;
};

}  // namespace

Status HnswIndex::write(Lsn snapshot, const ChunkSink& sink) const {
  std::vector<std::uint64_t> rows;
  {
    const std::shared_lock lock(graph_->mutex);
    for (const HnswGraph::Entry& entry : graph_->entries) {
      if (entry.born < snapshot && snapshot <= entry.died) {
        rows.push_back(entry.row);
      }
    }
  }
  const HnswOptions& options = graph_->options;
  const Head head{static_cast<std::uint64_t>(options.metric), options.m, options.ef_construction, rows.size()};
  std::string chunk(kMagic);
  chunk.append(reinterpret_cast<const char*>(&head), sizeof(head));
  TREFOIL_TRY(sink(chunk));
  constexpr std::size_t kRowsPerChunk = 8192;
  for (std::size_t begin = 0; begin < rows.size(); begin += kRowsPerChunk) {
    const std::size_t count = std::min(kRowsPerChunk, rows.size() - begin);
    const std::string_view bytes(reinterpret_cast<const char*>(rows.data() + begin), count * sizeof(std::uint64_t));
    const std::uint32_t checksum = crc32c(bytes);
    chunk.assign(reinterpret_cast<const char*>(&checksum), sizeof(checksum));
    chunk.append(bytes);
    TREFOIL_TRY(sink(chunk));
  }
  return {};
}

Result<std::unique_ptr<HnswIndex>> HnswIndex::read(std::shared_ptr<const VectorArena> arena, const ChunkSource& source,
                                                   const std::function<Slot(std::uint64_t row)>& slot_of) {
  const auto corrupt = [](const char* what) { return Error(ErrorCode::kCorruption, std::string("hnsw index: ") + what); };
  TREFOIL_ASSIGN(std::string_view chunk, source());
  Head head{};
  if (chunk.size() != kMagic.size() + sizeof(head) || !chunk.starts_with(kMagic)) {
    return corrupt("not the head of an index");
  }
  std::memcpy(&head, chunk.data() + kMagic.size(), sizeof(head));
  HnswOptions options{static_cast<Metric>(head.metric), head.m, head.ef_construction, HnswCodes::kFloat32};
  if (head.metric > static_cast<std::uint64_t>(Metric::kInnerProduct) || !checkHnswOptions(options).ok()) {
    return corrupt("options out of range");
  }
  auto index = std::make_unique<HnswIndex>(std::move(arena), options);
  for (std::uint64_t read = 0; read < head.rows;) {
    TREFOIL_ASSIGN(chunk, source());
    std::uint32_t checksum = 0;
    if (chunk.size() <= sizeof(checksum) || (chunk.size() - sizeof(checksum)) % sizeof(std::uint64_t) != 0) {
      return corrupt("a truncated chunk");
    }
    std::memcpy(&checksum, chunk.data(), sizeof(checksum));
    chunk.remove_prefix(sizeof(checksum));
    if (crc32c(chunk) != checksum) {
      return corrupt("a chunk with a wrong checksum");
    }
    for (; !chunk.empty(); chunk.remove_prefix(sizeof(std::uint64_t)), ++read) {
      std::uint64_t row = 0;
      std::memcpy(&row, chunk.data(), sizeof(row));
      const Slot slot = slot_of(row);
      if (slot == kNoSlot) {
        return corrupt("a row that its table does not have");
      }
      index->insert(row, slot, 0);
    }
  }
  return index;
}

}  // namespace trefoil::vector
