// Answering requests: the choice of a strategy, the walk among rows of which only some count, exact search over the index's own
// entries, and cursors.
//
// What a search costs is estimated in nanoseconds of the machine that it was measured on; only the ratios count. With n entries
// of which m match:
//
//   exact            m rows read in float32, and either m rows looked up or n entries asked
//   filtered graph   for each of ef results n / m nodes expanded
//
// The walk explores through rows that do not match: they are candidates for the next step and never results. (ACORN, Patel et
// al., SIGMOD 2024, goes over them to their neighbours without comparing them; with byte codes a comparison is as cheap as the
// look at the filter that it would save, and where few rows match exact search is cheaper than either.) Where the matching rows
// are far from the query the walk meets none: as soon as it has met far fewer than chance would have it, or has cost as much as
// the exact search would have, it gives up, and the exact search follows. So no filter makes a search cost more than about twice
// the cheaper way's price.
#include <algorithm>
#include <bit>

#include "base/assert.hpp"
#include "vector/hnsw_filter.hpp"
#include "vector/hnsw_graph.hpp"

namespace trefoil::vector {

namespace {

constexpr double kLookUpPrice = 20;   // from a row id to its entry
constexpr double kTestPrice = 4;      // an entry that the filter is asked about
constexpr double kComparePrice = 40;  // a node met by the filtered walk, but for its code
constexpr double kCodeBytePrice = 0.05;
constexpr double kRowPrice = 20;           // a row read in float32, but for its vector
constexpr double kRowBytePrice = 0.06;     // from memory, here and there
constexpr double kComparedPerStep = 10;    // nodes that an expansion meets for the first time
constexpr std::size_t kFewTimesK = 8;      // entries for each row asked for, below which reading all is cheaper
constexpr std::size_t kMostPooled = 4096;  // beyond, keeping a pool sorted costs more than heaps do
constexpr std::size_t kSample = 256;       // entries that an unknown filter is tried on
constexpr std::size_t kFewEntries = 256;   // reading all of them costs no more than a walk
constexpr double kEnoughToTell = 16;       // matches expected before their absence says anything; and then this factor too few
constexpr std::size_t kBlock = 64;         // expansions between two looks at `cancelled`

Error cancelledError() {
  return Error(ErrorCode::kCancelled, "canceling statement due to user request");
}

}  // namespace

// One request under way.
class GraphSearch {
 public:
  GraphSearch(const HnswGraph& graph, const HnswRequest& request, PreparedQuery query)
      : graph_(graph),
        request_(request),
        query_(std::move(query)),
        filter_(graph.nodes_, request),
        scratch_(graph.scratches_.acquire()),
        best_(request.k),
        ef_(std::max(request.ef_search, request.k)) {
    report_.entries = graph.liveEntries() + graph.deadEntries();
  }

  Result<HnswAnswer> run() {
    if (request_.k > 0) {
      TREFOIL_TRY(choose());
    }
    report_.expanded = scratch_->counts.expanded;
    report_.compared = scratch_->counts.compared;
    report_.tested = filter_.tested();
    return HnswAnswer{best_.take(), report_};
  }

 private:
  Status choose() {
    const std::size_t entries = report_.entries;
    if (entries <= kFewEntries) {
      return exact("few rows");
    }
    if (request_.k >= entries / kFewTimesK) {
      return exact("k asks for many of the rows");
    }
    if (request_.filter == nullptr) {
      report_.expected_matches = entries;
      return unfiltered();
    }
    report_.expected_matches = expectedMatches();
    const double matches = static_cast<double>(std::max<std::size_t>(1, report_.expected_matches));
    const double exact_price = exactPrice();
    if (matches <= static_cast<double>(ef_)) {
      return exact("few rows match");
    }
    const double walk_price =
        static_cast<double>(ef_) * static_cast<double>(entries) / matches * kComparedPerStep * comparePrice();
    if (exact_price <= walk_price) {
      return exact("reading the matching rows is cheaper");
    }
    report_.strategy = HnswStrategy::kFilteredGraph;
    report_.reason = "many rows match";
    return walkOrExact(exact_price);
  }

  // ---- the filter ----

  [[nodiscard]] std::size_t expectedMatches() {
    const RowFilter& filter = *request_.filter;
    if (filter.match_count) {
      return std::min(*filter.match_count, report_.entries);
    }
    if (filter.bitmap) {
      std::size_t count = 0;
      for (const std::uint64_t word : filter.bitmap->words) {
        count += static_cast<std::size_t>(std::popcount(word));
      }
      return std::min(count, report_.entries);
    }
    // Every so manieth id: nodes come in no order that a filter could know.
    const NodeId high_water = graph_.nodes_.highWater();
    std::size_t looked = 0;
    std::size_t passed = 0;
    const std::size_t step = std::max<std::size_t>(1, high_water / kSample);
    for (std::size_t node = step / 2; node < high_water; node += step) {
      const auto id = static_cast<NodeId>(node);
      if (graph_.nodes_.isEntry(id)) {
        ++looked;
        passed += filter_.counts(id) ? 1 : 0;
      }
    }
    return looked == 0 ? 0 : report_.entries * passed / looked;
  }
  // ---- exact ----

  // Whether the rows of a bitmap are looked up one by one (or else all entries asked).
  [[nodiscard]] bool byRows() const {
    return request_.filter != nullptr && request_.filter->bitmap && report_.expected_matches * 8 < report_.entries;
  }
  [[nodiscard]] double exactPrice() const {
    const auto matches = static_cast<double>(report_.expected_matches);
    const double row_price = kRowPrice + kRowBytePrice * static_cast<double>(graph_.arena_->stride() * sizeof(float));
    return byRows() ? matches * (row_price + kLookUpPrice)
                    : matches * row_price + static_cast<double>(report_.entries) * kTestPrice;
  }
  [[nodiscard]] double comparePrice() const {
    return kComparePrice + kCodeBytePrice * static_cast<double>(graph_.codes_.codeBytes());
  }

  Status exact(std::string_view reason) {
    report_.strategy = HnswStrategy::kExact;
    report_.reason = reason;
    return exact();
  }
  Status exact() {
    best_ = TopK(request_.k);
    return byRows() ? exactByRows() : exactByEntries();
  }

  Status exactByRows() {
    const RowBitmap& bitmap = *request_.filter->bitmap;
    for (std::size_t w = 0; w < bitmap.words.size(); ++w) {
      if (w % 1024 == 0 && request_.cancelled && request_.cancelled()) {
        return cancelledError();
      }
      for (std::uint64_t word = bitmap.words[w]; word != 0; word &= word - 1) {
        const std::uint64_t row = bitmap.first_row + w * 64 + static_cast<std::uint64_t>(std::countr_zero(word));
        offerVisible(row);
      }
    }
    flush();
    return {};
  }
  // The row's entry that the snapshot sees, if any.
  void offerVisible(std::uint64_t row) {
    const HnswNodes& nodes = graph_.nodes_;
    for (NodeId node = nodes.newest(row); node != kNoNode; node = nodes.older(node)) {
      const HnswNodes::Entry& entry = nodes.entry(node);
      if (filter_.isVisible(node)) {
        offer(row, entry.slot);
        return;
      }
    }
  }
  Status exactByEntries() {
    const NodeId high_water = graph_.nodes_.highWater();
    for (NodeId node = 0; node < high_water; ++node) {
      if (node % 4096 == 0 && request_.cancelled && request_.cancelled()) {
        return cancelledError();
      }
      if (graph_.nodes_.isEntry(node) && filter_.counts(node)) {
        offer(graph_.nodes_.entry(node).row, graph_.nodes_.entry(node).slot);
      }
    }
    flush();
    return {};
  }

  // ---- float32 ----

  void offer(std::uint64_t row, Slot slot) {
    rows_[pending_] = row;
    slots_[pending_++] = slot;
    if (pending_ == kGroup) {
      flush();
    }
  }
  void flush() {
    query_.scan(*graph_.arena_, {rows_, pending_}, {slots_, pending_}, best_);
    report_.ranked += pending_;
    pending_ = 0;
  }

  // How many of the pool's best are ranked: codes put a few of them in the wrong order.
  [[nodiscard]] std::size_t rankedOf(std::size_t found) const {
    const std::size_t k = request_.k;
    switch (graph_.options_.codes) {
      case HnswCodes::kInt8:
        return std::min(found, 2 * k + 16);
      case HnswCodes::kFloat16:
        return std::min(found, k + k / 4 + 4);
      default:
        return std::min(found, k + 4);
    }
  }

  // ---- the graph ----

  Status unfiltered() {
    report_.strategy = HnswStrategy::kGraph;
    report_.reason = "no filter";
    const HnswGraph::EntryPoint entry = graph_.entryPoint();
    if (entry.node == kNoNode) {
      return exact("the graph is empty");
    }
    if (ef_ > kMostPooled) {
      return walkOrExact(exactPrice());
    }
    const std::size_t dead = graph_.deadEntries();
    const bool settled = dead == 0 && graph_.newest_born_.load(std::memory_order_acquire) < request_.snapshot;
    // Entries that the snapshot does not see take places in the pool. Where they are few, a larger pool makes up for them; where
    // they turn out to be many, near this query, the walk that counts them not is taken.
    const std::size_t margin = settled ? 0 : ef_ / 4 + 8;
    if (!settled && dead * 8 > report_.entries) {
      report_.reason = "many dead entries";
      return walkOrExact(exactPrice());
    }
    graph_.codes_.prepare(request_.query, scratch_->query);
    const NodeId nearest = graph_.descend(*scratch_, scratch_->query, entry, 0);
    graph_.walk(*scratch_, scratch_->query, nearest, 0, ef_ + margin, std::max(rankedOf(ef_), ef_ / 2));
    const std::span<const Candidate> found = scratch_->pool.all();
    const std::size_t wanted = rankedOf(found.size());
    std::size_t visible = 0;
    std::size_t i = 0;
    for (; i < found.size() && visible < wanted; ++i) {
      const NodeId node = found[i].node();
      const HnswNodes::Entry& slot = graph_.nodes_.entry(node);
      if (graph_.nodes_.isEntry(node) && filter_.isVisible(node)) {
        ++visible;
        offer(slot.row, slot.slot);
      }
    }
    flush();
    if (visible < request_.k || (i - visible) * 4 > ef_ + margin) {
      report_.reason = visible < request_.k ? "the graph had too few" : "dead entries nearby";
      return walkOrExact(exactPrice());
    }
    return {};
  }

  // Algorithm 2 with results and candidates apart, since not all candidates can be results. Ends early with `spent` when it has
  // made more than `budget` comparisons.
  Status walkOrExact(double budget) {
    const HnswGraph::EntryPoint entry = graph_.entryPoint();
    if (entry.node == kNoNode) {
      return exact("the graph is empty");
    }
    Scratch& scratch = *scratch_;
    best_ = TopK(request_.k);
    graph_.codes_.prepare(request_.query, scratch.query);
    const NodeId from = graph_.descend(scratch, scratch.query, entry, 0);
    scratch.visited.reset(graph_.nodes_.highWater());
    std::vector<Candidate>& frontier = scratch.candidates;  // a heap, the nearest on top
    std::vector<Candidate> results;                         // a heap, the furthest on top
    frontier.clear();
    results.reserve(ef_ + 1);
    const auto meet = [&](Candidate candidate) {
      if (results.size() == ef_ && !(candidate < results.front())) {
        return;
      }
      frontier.push_back(candidate);
      std::push_heap(frontier.begin(), frontier.end(), std::greater<>());
      if (!graph_.nodes_.isEntry(candidate.node()) || !filter_.counts(candidate.node())) {
        return;
      }
      results.push_back(candidate);
      std::push_heap(results.begin(), results.end());
      if (results.size() > ef_) {
        std::pop_heap(results.begin(), results.end());
        results.pop_back();
      }
    };
    scratch.visited.insert(from);
    meet({graph_.distance(scratch, scratch.query, from), from});
    const std::size_t before = scratch.counts.compared;
    const double part =
        static_cast<double>(report_.expected_matches) / static_cast<double>(std::max<std::size_t>(1, report_.entries));
    bool spent = false;
    for (std::size_t step = 1; !frontier.empty(); ++step) {
      const Candidate nearest = frontier.front();
      if (results.size() == ef_ && results.front() < nearest) {
        break;
      }
      if (step % kBlock == 0) {
        if (request_.cancelled && request_.cancelled()) {
          return cancelledError();
        }
        const auto compared = static_cast<double>(scratch.counts.compared - before);
        const bool too_few = results.size() < ef_ && compared * part > kEnoughToTell &&
                             static_cast<double>(results.size()) < compared * part / kEnoughToTell;
        if (too_few || compared * comparePrice() > budget) {
          spent = true;
          break;
        }
      }
      std::pop_heap(frontier.begin(), frontier.end(), std::greater<>());
      frontier.pop_back();
      const std::size_t count = graph_.collect(scratch, nearest.node(), 0);
      ++scratch.counts.expanded;
      if (!frontier.empty()) {
        graph_.nodes_.prefetchLinks(frontier.front().node(), 0);
      }
      graph_.compare(scratch, scratch.query, count);
      for (std::size_t i = 0; i < count; ++i) {
        meet({scratch.distances[i], scratch.nodes[i]});
      }
    }
    if (spent || results.size() < request_.k) {
      report_.strategy = HnswStrategy::kGraphThenExact;
      report_.reason = spent ? "matching rows are far from the query" : "the graph had too few";
      return exact();
    }
    std::sort(results.begin(), results.end());
    results.resize(rankedOf(results.size()));
    for (const Candidate& result : results) {
      const HnswNodes::Entry& found = graph_.nodes_.entry(result.node());
      offer(found.row, found.slot);
    }
    flush();
    return {};
  }

  static constexpr std::size_t kGroup = 64;

  const HnswGraph& graph_;
  const HnswRequest& request_;
  const PreparedQuery query_;
  EntryFilter filter_;
  const ScratchPool::Borrowed scratch_;
  TopK best_;
  const std::size_t ef_;
  HnswReport report_;
  std::size_t pending_ = 0;
  std::uint64_t rows_[kGroup];
  Slot slots_[kGroup];
};

Result<HnswAnswer> HnswGraph::search(const HnswRequest& request) const {
  TREFOIL_ASSIGN(PreparedQuery query, PreparedQuery::make(*arena_, {options_.metric, request.query, request.k}));
  return GraphSearch(*this, request, std::move(query)).run();
}

}  // namespace trefoil::vector
