// Answering requests: the choice of a strategy, the walk among rows of which only some count, exact search over the index's own
// entries, and cursors.
//
// What a search costs is estimated in nanoseconds of the machine that it was measured on; only the ratios count. With n entries
// of which m match:
//
//   exact            the codes of m rows read, and either m rows looked up or n entries asked
//   filtered graph   for each of ef results n / m nodes expanded
//
// Exact search needs few vectors: a code gives a lower bound of its row's distance (codes.hpp), and only rows whose bound is not
// above the k-th distance found so far are ranked in float32. The answer is that of reading all of them.
//
// The walk explores through rows that do not match: they are candidates for the next step and never results. (ACORN, Patel et
// al., SIGMOD 2024, goes over them to their neighbours without comparing them; with byte codes a comparison is as cheap as the
// look at the filter that it would save, and where few rows match exact search is cheaper than either.) Where the matching rows
// are far from the query the walk meets none, or hardly any: as soon as it would cost more than the exact search if it went on to
// find as few as so far, or has cost more than its budget, it gives up, and the exact search follows. So no filter makes a search
// cost more than about twice the cheaper way's price, and mostly one and a half times.
#include <algorithm>
#include <bit>
#include <utility>

#include "base/assert.hpp"
#include "vector/hnsw_filter.hpp"
#include "vector/hnsw_graph.hpp"
#include "vector/kernels.hpp"

namespace trefoil::vector {

namespace {

constexpr double kLookUpPrice = 30;   // from a row id to its entry
constexpr double kTestPrice = 2.5;    // an entry that the filter is asked about
constexpr double kComparePrice = 40;  // a node met by the filtered walk, but for its code
constexpr double kCodeBytePrice = 0.05;
constexpr double kScanPrice = 4;  // a row's code read in the order of the ids, but for its bytes
constexpr double kScanBytePrice = 0.02;
constexpr double kRankPrice = 20;          // a row ranked in float32, but for its vector
constexpr double kRankBytePrice = 0.06;    // from memory, here and there
constexpr double kRankedPart = 0.02;       // of the rows whose codes are read
constexpr double kExpandPrice = 200;       // the links of a node, most of which lead to nodes met before
constexpr double kComparedPerStep = 4;     // those that do not
constexpr std::size_t kFewTimesK = 8;      // entries for each row asked for, below which reading all is cheaper
constexpr std::size_t kMostPooled = 4096;  // beyond, keeping a pool sorted costs more than heaps do
constexpr std::size_t kSample = 256;       // entries that an unknown filter is tried on
constexpr std::size_t kFewEntries = 256;   // reading all of them costs no more than a walk
constexpr double kEnoughToTell = 16;       // matches expected before their absence says anything
constexpr double kMostSpent = 0.5;         // of the exact search's price, on a walk that may be given up
constexpr std::size_t kBlock = 16;         // expansions between two looks at prices and `cancelled`

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
      return exactPrice() <= walkPrice() ? exact("reading all rows is cheaper") : unfiltered();
    }
    report_.expected_matches = expectedMatches();
    if (report_.expected_matches <= ef_) {
      return exact("few rows match");
    }
    if (exactPrice() <= walkPrice()) {
      return exact("reading the matching rows is cheaper");
    }
    report_.strategy = HnswStrategy::kFilteredGraph;
    report_.reason = "many rows match";
    return walkOrExact();
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
    // One of every so many ids, at no regular place: ids may come in the order of rows, and a filter may go by every other row.
    const NodeId high_water = graph_.nodes_.highWater();
    std::size_t looked = 0;
    std::size_t passed = 0;
    const std::size_t step = std::max<std::size_t>(1, high_water / kSample);
    std::uint64_t place = 0;
    for (std::size_t from = 0; from + step <= high_water; from += step) {
      place += 0x9E3779B97F4A7C15;  // the golden ratio's fraction: its multiples are spread evenly, and are of no period
      const auto id = static_cast<NodeId>(from + (place >> 32) % step);
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
    return request_.filter != nullptr && request_.filter->bitmap &&
           static_cast<double>(report_.expected_matches) * kLookUpPrice < static_cast<double>(report_.entries) * kTestPrice;
  }
  [[nodiscard]] double exactPrice() const {
    const auto matches = static_cast<double>(report_.expected_matches);
    const double scan_price = kScanPrice + kScanBytePrice * static_cast<double>(graph_.codes_.codeBytes());
    const double rank_price = kRankPrice + kRankBytePrice * static_cast<double>(graph_.arena_->stride() * sizeof(float));
    const double way_price = byRows() ? matches * kLookUpPrice : static_cast<double>(report_.entries) * kTestPrice;
    return matches * (scan_price + kRankedPart * rank_price) + way_price;
  }
  [[nodiscard]] double walkPrice() const {
    return static_cast<double>(ef_) / matchingPart() * (kExpandPrice + kComparedPerStep * comparePrice());
  }
  // Of the entries, those that are expected to match.
  [[nodiscard]] double matchingPart() const {
    return static_cast<double>(std::max<std::size_t>(1, report_.expected_matches)) /
           static_cast<double>(std::max<std::size_t>(1, report_.entries));
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
    graph_.codes_.prepare(request_.query, scratch_->query);
    graph_.codes_.prepareBounds(scratch_->query);
    TREFOIL_TRY(byRows() ? exactByRows() : exactByEntries());
    sift();
    flush();
    return {};
  }

  Status exactByRows() {
    const RowBitmap& bitmap = *request_.filter->bitmap;
    for (std::size_t w = 0; w < bitmap.words.size(); ++w) {
      if (w % 1024 == 0 && request_.cancelled && request_.cancelled()) {
        return cancelledError();
      }
      for (std::uint64_t word = bitmap.words[w]; word != 0; word &= word - 1) {
        const std::uint64_t row = bitmap.first_row + w * 64 + static_cast<std::uint64_t>(std::countr_zero(word));
        // The row's entry that the snapshot sees, if any.
        NodeId node = graph_.nodes_.newest(row);
        while (node != kNoNode && !filter_.isVisible(node)) {
          node = graph_.nodes_.older(node);
        }
        if (node != kNoNode) {
          consider(node, 1);
        }
      }
    }
    return {};
  }
  Status exactByEntries() {
    const NodeId high_water = graph_.nodes_.highWater();
    for (NodeId first = 0; first < high_water; first += HnswNodes::kBlock) {
      if (first % 4096 == 0 && request_.cancelled && request_.cancelled()) {
        return cancelledError();
      }
      const std::size_t count = std::min<std::size_t>(HnswNodes::kBlock, high_water - first);
      consider(first, filter_.select(first, count));
    }
    return {};
  }

  // The ids first + i for the bits i.
  void consider(NodeId first, std::uint64_t members) {
    Scratch& scratch = *scratch_;
    considered_ += graph_.nodes_.gatherCodes(first, members,
                                             {scratch.nodes.data() + considered_, scratch.codes.data() + considered_,
                                              scratch.lengths.data() + considered_, scratch.error_classes.data() + considered_});
    if (considered_ > Scratch::kMostNodes - HnswNodes::kBlock) {
      sift();
    }
  }
  // Offers the considered nodes that may be among the nearest.
  void sift() {
    if (considered_ == 0) {
      return;
    }
    graph_.bound(*scratch_, scratch_->query, considered_);
    for (std::size_t begin = 0; begin < considered_; begin += kGroup) {
      std::uint64_t passed = kernels().atMost(scratch_->distances.data() + begin, std::min(kGroup, considered_ - begin),
                                              graph_.codes_.limit(best_.worst()));
      for (; passed != 0; passed &= passed - 1) {
        offer(scratch_->nodes[begin + static_cast<std::size_t>(std::countr_zero(passed))]);
      }
      if (pending_ >= kSoon) {
        flush();
      }
    }
    considered_ = 0;
  }

  // ---- float32 ----

  void offer(NodeId node) {
    const HnswNodes::Entry& entry = graph_.nodes_.entry(node);
    rows_[pending_] = entry.row;
    slots_[pending_++] = entry.slot;
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
      return walkOrExact();
    }
    const std::size_t dead = graph_.deadEntries();
    const bool settled = dead == 0 && graph_.newest_born_.load(std::memory_order_acquire) < request_.snapshot;
    // Entries that the snapshot does not see take places in the pool. Where they are few, a larger pool makes up for them; where
    // they turn out to be many, near this query, the walk that counts them not is taken.
    const std::size_t margin = settled ? 0 : ef_ / 4 + 8;
    if (!settled && dead * 8 > report_.entries) {
      report_.reason = "many dead entries";
      return walkOrExact();
    }
    graph_.codes_.prepare(request_.query, scratch_->query);
    const NodeId nearest = graph_.descend(*scratch_, scratch_->query, entry, 0);
    graph_.walk(*scratch_, scratch_->query, nearest, 0, ef_ + margin, std::max(rankedOf(ef_), ef_ / 2));
    const double spent = static_cast<double>(scratch_->counts.expanded) * kExpandPrice +
                         static_cast<double>(scratch_->counts.compared) * comparePrice();
    if (spent > exactPrice()) {  // all are about as far from each other: what the walk has found is some of the nearest
      report_.strategy = HnswStrategy::kGraphThenExact;
      report_.reason = "the walk met many of the rows";
      return exact();
    }
    const std::span<const Candidate> found = scratch_->pool.all();
    const std::size_t wanted = rankedOf(found.size());
    std::size_t visible = 0;
    std::size_t i = 0;
    for (; i < found.size() && visible < wanted; ++i) {
      visible += countsAnyAt(found[i].node()) ? 1 : 0;
    }
    const std::size_t ranked = rank(found.first(i));
    if (ranked < request_.k || (i - visible) * 4 > ef_ + margin) {
      report_.reason = ranked < request_.k ? "the graph had too few" : "dead entries nearby";
      return walkOrExact();
    }
    return {};
  }

  // Whether there is a row for the answer at the node's place.
  bool countsAnyAt(NodeId place) {
    bool counts = graph_.nodes_.isEntry(place) && filter_.counts(place);
    if (!counts && graph_.companions_.load(std::memory_order_acquire) != 0) {
      graph_.forEachCompanion(place, [&](NodeId companion) {
        counts = graph_.nodes_.isEntry(companion) && filter_.counts(companion);
        return !counts;
      });
    }
    return counts;
  }

  // By its code, and so that of its companions.
  bool isRuledOut(NodeId place) {
    sift();
    consider(place, 1);
    graph_.bound(*scratch_, scratch_->query, std::exchange(considered_, 0));
    return scratch_->distances[0] > graph_.codes_.limit(best_.worst());
  }

  // Offers the rows at these places, nearest first; how many there are, not counting those that are ruled out once there are k.
  std::size_t rank(std::span<const Candidate> places) {
    std::size_t count = 0;
    for (const Candidate place : places) {
      if (graph_.nodes_.isEntry(place.node()) && filter_.counts(place.node())) {
        ++count;
        offer(place.node());
      }
    }
    flush();
    if (graph_.companions_.load(std::memory_order_acquire) == 0) {
      return count;
    }
    graph_.codes_.prepareBounds(scratch_->query);
    for (const Candidate place : places) {
      if (graph_.nodes_.next(place.node()) == kNoNode || isRuledOut(place.node())) {
        continue;
      }
      graph_.forEachCompanion(place.node(), [&](NodeId companion) {
        if (graph_.nodes_.isEntry(companion) && filter_.counts(companion)) {
          ++count;
          consider(companion, 1);
        }
        return true;
      });
    }
    sift();
    flush();
    return count;
  }

  // Algorithm 2 with results and candidates apart, since not all candidates can be results. Given up, for the exact search, where
  // that is the cheaper way.
  Status walkOrExact() {
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
      if (!countsAnyAt(candidate.node())) {
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
    const std::size_t tested_before = filter_.tested();
    const double exact_price = exactPrice();
    const double budget = std::clamp(2 * walkPrice(), kMostSpent * exact_price, exact_price);
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
        const auto tested = static_cast<double>(filter_.tested() - tested_before);
        const double price = static_cast<double>(step) * kExpandPrice + compared * comparePrice() + tested * kTestPrice;
        const double found = static_cast<double>(std::max<std::size_t>(1, results.size()));
        const bool too_few = compared * matchingPart() > kEnoughToTell && price * static_cast<double>(ef_) / found > exact_price;
        if (too_few || price > budget) {
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
    if (!spent) {
      std::sort(results.begin(), results.end());
      results.resize(rankedOf(results.size()));
      if (rank(results) >= request_.k) {
        return {};
      }
    }
    report_.strategy = HnswStrategy::kGraphThenExact;
    report_.reason = spent ? "matching rows are far from the query" : "the graph had too few";
    return exact();
  }

  static constexpr std::size_t kGroup = 64;
  static constexpr std::size_t kSoon = 16;  // a better k-th distance is worth more than a full group

  const HnswGraph& graph_;
  const HnswRequest& request_;
  const PreparedQuery query_;
  EntryFilter filter_;
  const ScratchPool::Borrowed scratch_;
  TopK best_;
  const std::size_t ef_;
  HnswReport report_;
  std::size_t considered_ = 0;  // in scratch_->nodes
  std::size_t pending_ = 0;     // in rows_ and slots_
  std::uint64_t rows_[kGroup];
  Slot slots_[kGroup];
};

Result<HnswAnswer> HnswGraph::search(const HnswRequest& request) const {
  TREFOIL_ASSIGN(PreparedQuery query, PreparedQuery::make(*arena_, {options_.metric, request.query, request.k}));
  return GraphSearch(*this, request, std::move(query)).run();
}

}  // namespace trefoil::vector
