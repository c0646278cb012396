#include "vector/hnsw.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "vector/hnsw_graph.hpp"

namespace trefoil::vector {

namespace {

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

HnswGraph::HnswGraph(std::shared_ptr<const VectorArena> arena, const HnswOptions& options)
    : arena_(std::move(arena)),
      options_(options),
      codes_(options.metric, options.codes, arena_->dimension()),
      nodes_(options.m, codes_),
      scratches_(codes_) {}

Slot HnswGraph::slotOf(std::uint64_t row) const {
  const ScratchPool::Borrowed scratch = scratches_.acquire();  // keeps the id from being given out again meanwhile
  const NodeId node = nodes_.newest(row);
  return node == kNoNode || nodes_.died(node) != kNotDied ? kNoSlot : nodes_.entry(node).slot;
}

HnswMemory HnswGraph::memory() const {
  return {nodes_.codesBytes(), nodes_.linksBytes(), nodes_.entriesBytes(), scratches_.memoryBytes()};
}

void HnswGraph::verify() const {
  const NodeId high_water = nodes_.highWater();
  const EntryPoint entry = entryPoint();
  std::size_t free = 0;
  std::size_t alive = 0;
  std::size_t in_chains = 0;
  std::size_t leaving = 0;
  std::size_t companions = 0;
  std::size_t in_places = 0;
  TREFOIL_ASSERT(entry.node == kNoNode || (nodes_.isEntry(entry.node) && nodes_.isPlaced(entry.node) &&
                                           !nodes_.isCompanion(entry.node) && nodes_.level(entry.node) == entry.level));
  for (NodeId node = 0; node < high_water; ++node) {
    const NodeState state = nodes_.state(node);
    free += state == NodeState::kFree ? 1 : 0;
    alive += state == NodeState::kAlive ? 1 : 0;
    leaving += state == NodeState::kLeaving ? 1 : 0;
    if (state != NodeState::kFree && !nodes_.isCompanion(node)) {
      forEachCompanion(node, [&](NodeId companion) {
        TREFOIL_ASSERT(nodes_.isSameCode(node, companion) && nodes_.isPlaced(companion));
        TREFOIL_ASSERT(nodes_.state(companion) != NodeState::kFree);
        in_places += nodes_.isEntry(companion) ? 1 : 0;
        return true;
      });
    }
    if (!nodes_.isEntry(node)) {
      continue;
    }
    TREFOIL_ASSERT((state == NodeState::kAlive) == (nodes_.died(node) == kNotDied));
    TREFOIL_ASSERT(state == NodeState::kDead || nodes_.newest(nodes_.entry(node).row) == node);
    if (nodes_.newest(nodes_.entry(node).row) == node) {
      Lsn newer_born = kNotDied;
      for (NodeId link = node; link != kNoNode; link = nodes_.older(link)) {
        TREFOIL_ASSERT(nodes_.isEntry(link) && nodes_.entry(link).row == nodes_.entry(node).row);
        TREFOIL_ASSERT(link == node || (nodes_.state(link) == NodeState::kDead && nodes_.died(link) <= newer_born));
        newer_born = nodes_.entry(link).born;
        ++in_chains;
      }
    }
    companions += nodes_.isCompanion(node) ? 1 : 0;
    if (nodes_.hasLinks(node)) {
      TREFOIL_ASSERT(entry.node != kNoNode && nodes_.level(node) <= entry.level);
    }
    std::vector<NodeId> links;
    for (std::size_t level = 0; level <= nodes_.level(node); ++level) {
      links.resize(nodes_.mostRead(level));
      links.resize(nodes_.readLinks(node, level, links.data()));
      TREFOIL_ASSERT(links.size() <= nodes_.capacity(level));
      TREFOIL_ASSERT((nodes_.isPlaced(node) && !nodes_.isCompanion(node)) || links.empty());
      for (const NodeId link : links) {
        TREFOIL_ASSERT(link < high_water && link != node && nodes_.level(link) >= level && nodes_.isPlaced(link));
        TREFOIL_ASSERT(!nodes_.isCompanion(link));
        TREFOIL_ASSERT(nodes_.state(link) != NodeState::kFree);
        TREFOIL_ASSERT(std::count(links.begin(), links.end(), link) == 1);
      }
    }
  }
  TREFOIL_ASSERT(companions == in_places);
  TREFOIL_ASSERT(free == nodes_.freeIds());
  TREFOIL_ASSERT(alive == liveEntries());
  TREFOIL_ASSERT(high_water - free == liveEntries() + deadEntries());
  TREFOIL_ASSERT(in_chains == high_water - free - leaving);
}

namespace {

HnswOptions chosen(HnswOptions options, std::size_t dimension) {
  constexpr std::size_t kFewDimensions = 32;
  TREFOIL_ASSERT(checkHnswOptions(options).ok());
  if (options.codes == HnswCodes::kAuto) {
    options.codes = dimension < kFewDimensions ? HnswCodes::kFloat32 : HnswCodes::kInt8;
  }
  return options;
}

}  // namespace

HnswIndex::HnswIndex(std::shared_ptr<const VectorArena> arena, const HnswOptions& options) {
  const HnswOptions complete = chosen(options, arena->dimension());
  graph_ = std::make_unique<HnswGraph>(std::move(arena), complete);
}

HnswIndex::~HnswIndex() = default;

const HnswOptions& HnswIndex::options() const {
  return graph_->options();
}

const VectorArena& HnswIndex::arena() const {
  return graph_->arena();
}

bool HnswIndex::insert(std::uint64_t row, Slot slot, Lsn born) {
  return graph_->insert(row, slot, born);
}

void HnswIndex::build(std::span<const HnswEntry> entries) {
  graph_->build(entries);
}

bool HnswIndex::markDead(std::uint64_t row, Lsn died) {
  return graph_->markDead(row, died);
}

PurgeProgress HnswIndex::purge(Lsn oldest_snapshot, std::size_t budget, bool eager) {
  return graph_->purge(oldest_snapshot, budget, eager);
}

Result<HnswAnswer> HnswIndex::search(const HnswRequest& request) const {
  return graph_->search(request);
}

std::size_t HnswIndex::liveEntries() const {
  return graph_->liveEntries();
}

std::size_t HnswIndex::deadEntries() const {
  return graph_->deadEntries();
}

Slot HnswIndex::slotOf(std::uint64_t row) const {
  return graph_->slotOf(row);
}

HnswMemory HnswIndex::memory() const {
  return graph_->memory();
}

void HnswIndex::verify() const {
  graph_->verify();
}

Status HnswIndex::write(Lsn snapshot, const ChunkSink& sink) const {
  return graph_->write(snapshot, sink);
}

Result<std::unique_ptr<HnswIndex>> HnswIndex::read(std::shared_ptr<const VectorArena> arena, const ChunkSource& source,
                                                   const std::function<Slot(std::uint64_t row)>& slot_of) {
  TREFOIL_ASSIGN(const std::string_view chunk, source());
  const std::string head(chunk);
  TREFOIL_ASSIGN(const HnswOptions options, HnswGraph::readOptions(head, arena->dimension()));
  auto index = std::make_unique<HnswIndex>(std::move(arena), options);
  TREFOIL_TRY(index->graph_->read(head, source, slot_of));
  return index;
}

}  // namespace trefoil::vector
