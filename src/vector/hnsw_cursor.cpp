// Cursors: the walk of Algorithm 2 that goes on where it stopped. What it met and has not returned yet is kept, sorted only as
// far as a batch needs it. When the graph is exhausted, the entries that no link led to are read exactly, so that every entry
// comes.
#include <algorithm>

#include "vector/hnsw_filter.hpp"
#include "vector/hnsw_graph.hpp"

namespace trefoil::vector {

namespace {

constexpr std::size_t kMaxBatch = 1024;
constexpr std::size_t kStepsBetweenLooks = 64;  // expansions between two looks at `cancelled`

}  // namespace

class HnswIndex::Cursor::State {
 public:
  State(const HnswGraph& graph, const HnswRequest& request, PreparedQuery query)
      : graph_(graph),
        request_(request),
        query_(std::move(query)),
        filter_(graph.nodes_, request_),
        scratch_(graph.scratches_.acquire()),
        batch_(std::clamp<std::size_t>(request.k, 1, kMaxBatch)) {
    report_.entries = graph.liveEntries() + graph.deadEntries();
    report_.expected_matches = report_.entries;
    report_.strategy = request.filter == nullptr ? HnswStrategy::kGraph : HnswStrategy::kFilteredGraph;
    report_.reason = "in batches";
    scratch_->visited.reset(graph.nodes_.highWater());
    const HnswGraph::EntryPoint entry = graph.entryPoint();
    if (entry.node != kNoNode) {
      graph.codes_.prepare(request_.query, scratch_->query);
      const NodeId from = graph.descend(*scratch_, scratch_->query, entry, 0);
      scratch_->visited.insert(from);
      meet({graph.distance(*scratch_, scratch_->query, from), from});
    }
  }

  Result<std::vector<Neighbour>> next() {
    TREFOIL_TRY(explore(std::max(request_.ef_search, batch_ + batch_ / 2)));
    std::vector<Neighbour> rows;
    if (!found_.empty()) {
      rows = nearestFound();
    } else if (!read_rest_) {
      readRest();
    }
    for (; rows.size() < batch_ && !rest_.empty(); rest_.pop_back()) {
      rows.push_back(rest_.back());
    }
    batch_ = std::min(2 * batch_, kMaxBatch);
    report_.expanded = scratch_->counts.expanded;
    report_.compared = scratch_->counts.compared;
    report_.tested = filter_.tested();
    return rows;
  }

  [[nodiscard]] const HnswReport& report() const { return report_; }

 private:
  // Until the ef nearest that were found and not returned are nearer than all candidates.
  Status explore(std::size_t ef) {
    ef_ = ef;
    window_ = found_;
    if (window_.size() > ef) {
      std::nth_element(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(ef), window_.end());
      window_.resize(ef);
    }
    std::make_heap(window_.begin(), window_.end());
    for (std::size_t step = 1; !frontier_.empty(); ++step) {
      const Candidate nearest = frontier_.front();
      if (window_.size() == ef && window_.front() < nearest) {
        break;
      }
      if (step % kStepsBetweenLooks == 0 && request_.cancelled && request_.cancelled()) {
        return Error(ErrorCode::kCancelled, "canceling statement due to user request");
      }
      std::pop_heap(frontier_.begin(), frontier_.end(), std::greater<>());
      frontier_.pop_back();
      const std::size_t count = graph_.collect(*scratch_, nearest.node(), 0);
      ++scratch_->counts.expanded;
      graph_.compare(*scratch_, scratch_->query, count);
      for (std::size_t i = 0; i < count; ++i) {
        meet({scratch_->distances[i], scratch_->nodes[i]});
      }
    }
    return {};
  }

  void meet(Candidate candidate) {
    frontier_.push_back(candidate);
    std::push_heap(frontier_.begin(), frontier_.end(), std::greater<>());
    const std::size_t before = found_.size();
    if (graph_.nodes_.isEntry(candidate.node()) && filter_.counts(candidate.node())) {
      found_.push_back(candidate);
    }
    graph_.forEachCompanion(candidate.node(), [&](NodeId companion) {
      if (companion < scratch_->visited.limit() && scratch_->visited.insert(companion) && graph_.nodes_.isEntry(companion) &&
          filter_.counts(companion)) {
        found_.push_back({candidate.distance(), companion});
      }
      return true;
    });
    if (found_.size() == before) {
      return;
    }
    window_.push_back(candidate);
    std::push_heap(window_.begin(), window_.end());
    if (window_.size() > ef_) {
      std::pop_heap(window_.begin(), window_.end());
      window_.pop_back();
    }
  }

  std::vector<Neighbour> nearestFound() {
    const std::size_t count = std::min(batch_, found_.size());
    std::nth_element(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(count - 1), found_.end());
    std::vector<std::uint64_t> rows;
    std::vector<Slot> slots;
    for (const Candidate& candidate : std::span(found_).first(count)) {
      rows.push_back(graph_.nodes_.entry(candidate.node()).row);
      slots.push_back(graph_.nodes_.entry(candidate.node()).slot);
    }
    found_.erase(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(count));
    return ranked(rows, slots);
  }

  void readRest() {
    read_rest_ = true;
    std::vector<std::uint64_t> rows;
    std::vector<Slot> slots;
    const HnswNodes& nodes = graph_.nodes_;
    const NodeId high_water = nodes.highWater();
    for (NodeId node = 0; node < high_water; ++node) {
      if ((node >= scratch_->visited.limit() || !scratch_->visited.contains(node)) && nodes.isEntry(node) &&
          filter_.counts(node)) {
        rows.push_back(nodes.entry(node).row);
        slots.push_back(nodes.entry(node).slot);
      }
    }
    rest_ = ranked(rows, slots);
    std::reverse(rest_.begin(), rest_.end());
  }

  std::vector<Neighbour> ranked(std::span<const std::uint64_t> rows, std::span<const Slot> slots) {
    TopK best(rows.size());
    query_.scan(*graph_.arena_, rows, slots, best);
    report_.ranked += rows.size();
    return best.take();
  }

  const HnswGraph& graph_;
  const HnswRequest request_;
  const PreparedQuery query_;
  EntryFilter filter_;
  const ScratchPool::Borrowed scratch_;
  std::size_t batch_;
  std::size_t ef_ = 1;
  std::vector<Candidate> frontier_;  // met and not expanded: a heap, the nearest on top
  std::vector<Candidate> found_;     // met, in the answer, not returned
  std::vector<Candidate> window_;    // the ef nearest of them: a heap, the furthest on top
  std::vector<Neighbour> rest_;      // entries that no link led to, the nearest at the end
  bool read_rest_ = false;
  HnswReport report_;
};

HnswIndex::Cursor::Cursor(std::unique_ptr<State> state) : state_(std::move(state)) {}
HnswIndex::Cursor::Cursor(Cursor&&) noexcept = default;
HnswIndex::Cursor& HnswIndex::Cursor::operator=(Cursor&&) noexcept = default;
HnswIndex::Cursor::~Cursor() = default;

Result<std::vector<Neighbour>> HnswIndex::Cursor::next() {
  return state_->next();
}

const HnswReport& HnswIndex::Cursor::report() const {
  return state_->report();
}

Result<HnswIndex::Cursor> HnswIndex::open(const HnswRequest& request) const {
  TREFOIL_ASSIGN(PreparedQuery query, PreparedQuery::make(graph_->arena(), {graph_->options().metric, request.query, request.k}));
  return Cursor(std::make_unique<Cursor::State>(*graph_, request, std::move(query)));
}

}  // namespace trefoil::vector
