#include "vector/exact_search.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "base/parallel.hpp"
#include "vector/candidate_groups.hpp"
#include "vector/kernels.hpp"
#include "vector/scoring.hpp"

namespace trefoil::vector {

bool nearer(const Neighbour& left, const Neighbour& right) {
  const bool left_nan = std::isnan(left.distance);
  const bool right_nan = std::isnan(right.distance);
  if (left_nan || right_nan) {
    return left_nan == right_nan ? left.row < right.row : right_nan;
  }
  return left.distance < right.distance || (left.distance == right.distance && left.row < right.row);
}

void TopK::offer(const Neighbour& candidate) {
  if (heap_.size() < k_) {
    heap_.push_back(candidate);
    std::push_heap(heap_.begin(), heap_.end(), nearer);
    return;
  }
  if (k_ > 0 && nearer(candidate, heap_.front())) {
    std::pop_heap(heap_.begin(), heap_.end(), nearer);
    heap_.back() = candidate;
    std::push_heap(heap_.begin(), heap_.end(), nearer);
  }
}

void TopK::merge(const TopK& other) {
  for (const Neighbour& candidate : other.heap_) {
    offer(candidate);
  }
}

double TopK::worst() const {
  if (!full()) {
    return std::numeric_limits<double>::infinity();
  }
  if (k_ == 0) {
    return -std::numeric_limits<double>::infinity();
  }
  const double distance = heap_.front().distance;
  return std::isnan(distance) ? std::numeric_limits<double>::infinity() : distance;
}

bool TopK::mayEnter(double candidate_distance) const {
  return !(candidate_distance > worst());
}

std::vector<Neighbour> TopK::take() {
  std::sort_heap(heap_.begin(), heap_.end(), nearer);
  return std::move(heap_);
}

Result<PreparedQuery> PreparedQuery::make(const VectorArena& arena, const SearchRequest& request) {
  TREFOIL_TRY(checkSameDimension(arena.dimension(), request.query.size()));
  TREFOIL_TRY(checkElements(request.query));
  TREFOIL_TRY(checkDirection(request.metric, request.query));
  PreparedQuery prepared;
  prepared.metric_ = request.metric;
  prepared.query_ = AlignedFloats(arena.stride());
  std::copy(request.query.begin(), request.query.end(), prepared.query_.data());
  prepared.squared_norm_ = kernels().dot(request.query.data(), request.query.data(), request.query.size());
  return prepared;
}

void PreparedQuery::scan(const VectorArena& arena, const CandidateBlock& block, TopK& best) const {
  const Kernels& use = kernels();
  const auto run = metric_ == Metric::kL2 ? use.squaredL2Run : use.dotRun;
  const auto gather = metric_ == Metric::kL2 ? use.squaredL2Gather : use.dotGather;
  const Scoring scoring{metric_, squared_norm_};
  forEachGroup(arena, block, [&](const CandidateGroup& group) {
    // One entry a candidate: of the run's rows from the first member on, or of the members alone.
    float raw[kGroupRows];
    float norms[kGroupRows];
    std::size_t count = 0;
    if (group.run.floats != nullptr) {
      count = group.run.size;
      run(query_.data(), group.run.floats, arena.stride(), count, raw);
      std::memcpy(norms, group.run.squared_norms, count * sizeof(float));
    } else {
      const float* pointers[kGroupRows];
      for (std::uint64_t rows = group.members; rows != 0; rows &= rows - 1) {
        const Slot slot = group.slots[std::countr_zero(rows)];
        pointers[count] = arena.at(slot).data();
        norms[count++] = arena.squaredNorm(slot);
      }
      gather(query_.data(), pointers, arena.stride(), count, raw);
    }
    std::uint64_t passed = scoring.mayPass(raw, norms, count, scoring.limit(best.worst()));
    if (passed == 0) [[likely]] {
      return;
    }
    std::uint64_t members = group.members >> group.first_member;
    for (std::size_t i = 0; members != 0; ++i, members &= members - 1) {
      const auto offset = static_cast<std::size_t>(std::countr_zero(members));
      const std::size_t entry = group.run.floats != nullptr ? offset : i;
      if ((passed >> entry & 1) != 0) {
        best.offer({group.first_row + group.first_member + offset, scoring.distance(raw[entry], norms[entry])});
      }
    }
  });
}

void PreparedQuery::scan(const VectorArena& arena, std::span<const std::uint64_t> rows, std::span<const Slot> slots,
                         TopK& best) const {
  const auto gather = metric_ == Metric::kL2 ? kernels().squaredL2Gather : kernels().dotGather;
  const Scoring scoring{metric_, squared_norm_};
  for (std::size_t begin = 0; begin < slots.size(); begin += kGroupRows) {
    const std::size_t count = std::min(kGroupRows, slots.size() - begin);
    const float* pointers[kGroupRows];
    float raw[kGroupRows];
    float norms[kGroupRows];
    for (std::size_t i = 0; i < count; ++i) {
      pointers[i] = arena.at(slots[begin + i]).data();
      norms[i] = arena.squaredNorm(slots[begin + i]);
    }
    gather(query_.data(), pointers, arena.stride(), count, raw);
    for (std::uint64_t passed = scoring.mayPass(raw, norms, count, scoring.limit(best.worst())); passed != 0;
         passed &= passed - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(passed));
      best.offer({rows[begin + i], scoring.distance(raw[i], norms[i])});
    }
  }
}

double PreparedQuery::distanceTo(const VectorArena& arena, Slot slot) const {
  const Kernels& use = kernels();
  const float* const row = arena.at(slot).data();
  const float raw = (metric_ == Metric::kL2 ? use.squaredL2 : use.dot)(query_.data(), row, arena.stride());
  return Scoring{metric_, squared_norm_}.distance(raw, arena.squaredNorm(slot));
}

namespace {

// Runs body(index, state of this worker) for every block, on this thread or on all of its arena. A worker's state is made when it
// first has something to do.
template <typename State, typename MakeState, typename Body>
Status forEachBlock(std::size_t block_count, const SearchOptions& options, std::vector<std::optional<State>>& states,
                    const MakeState& make, const Body& body) {
  std::atomic<bool> stopped{false};
  const auto visit = [&](std::size_t index, std::size_t worker) {
    if (stopped.load(std::memory_order_relaxed)) {
      return;
    }
    if (options.cancelled && options.cancelled()) {
      stopped.store(true, std::memory_order_relaxed);
      return;
    }
    if (!states[worker]) {
      states[worker].emplace(make());
    }
    body(index, *states[worker]);
  };
  if (options.parallel && block_count > 1) {
    states.resize(parallelism());
    parallelFor(block_count, visit);
  } else {
    states.resize(1);
    for (std::size_t index = 0; index < block_count; ++index) {
      visit(index, 0);
    }
  }
  if (stopped.load()) {
    return Error(ErrorCode::kCancelled, "canceling statement due to user request");
  }
  return {};
}

}  // namespace

Result<std::vector<Neighbour>> exactSearch(const VectorArena& arena, const SearchRequest& request, std::size_t block_count,
                                           const BlockSource& block, const SearchOptions& options) {
  TREFOIL_ASSIGN(const PreparedQuery query, PreparedQuery::make(arena, request));
  std::vector<std::optional<TopK>> best;
  TREFOIL_TRY(forEachBlock(
      block_count, options, best, [&] { return TopK(request.k); },
      [&](std::size_t index, TopK& mine) { query.scan(arena, block(index), mine); }));
  TopK all(request.k);
  for (const std::optional<TopK>& one : best) {
    if (one) {
      all.merge(*one);
    }
  }
  return all.take();
}

namespace {

// Rows of a block that go into one matrix product, side by side: as they lie in the arena, or copied.
class BatchSearch {
 public:
  BatchSearch(const VectorArena& arena, const BatchRequest& request)
      : arena_(arena),
        request_(request),
        count_(request.queries.size() / arena.dimension()),
        stride_(arena.stride()),
        error_(matrixErrorBound(kernels(), stride_)),
        padded_(count_ * stride_) {
    for (std::size_t q = 0; q < count_; ++q) {
      const std::span<const float> query = request.queries.subspan(q * arena.dimension(), arena.dimension());
      std::copy(query.begin(), query.end(), padded_.data() + q * stride_);
      squared_norms_.push_back(kernels().dot(query.data(), query.data(), query.size()));
    }
  }

  struct Worker {
    std::vector<TopK> best;
    AlignedFloats packed;          // rows copied from scattered slots
    std::vector<float> estimates;  // count x rows
    std::vector<std::uint64_t> rows;
    std::vector<const float*> floats;
    std::vector<float> squared_norms;  // these and their roots to a multiple of sixteen rows while estimates are looked at
    std::vector<float> norms;
    float largest_norm = 0;
  };
  [[nodiscard]] Worker makeWorker() const {
    Worker worker;
    worker.best.assign(count_, TopK(request_.k));
    return worker;
  }

  void scan(const CandidateBlock& block, Worker& worker) const {
    forEachGroup(arena_, block, [&](const CandidateGroup& group) {
      for (std::uint64_t rows = group.members; rows != 0; rows &= rows - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(rows));
        worker.rows.push_back(group.first_row + i);
        worker.floats.push_back(arena_.at(group.slots[i]).data());
        worker.squared_norms.push_back(arena_.squaredNorm(group.slots[i]));
      }
      if (worker.rows.size() + kGroupRows > kBatchRows) {
        multiply(worker);
      }
    });
    multiply(worker);
  }

 private:
  static constexpr std::size_t kBatchRows = 512;  // with 128 dimensions 256 KiB: they stay in L2 for all queries

  void multiply(Worker& worker) const {
    const std::size_t count = worker.rows.size();
    if (count == 0) {
      return;
    }
    worker.estimates.resize(count_ * count + 16);  // read to a multiple of sixteen
    worker.squared_norms.resize((count + 15) / 16 * 16);
    worker.norms.resize(worker.squared_norms.size());
    kernels().squareRoots(worker.squared_norms.data(), count, worker.norms.data());
    worker.largest_norm = *std::max_element(worker.norms.begin(), worker.norms.end());
    kernels().dotMatrix(padded_.data(), count_, sideBySide(worker), count, stride_, worker.estimates.data());
    for (std::size_t q = 0; q < count_; ++q) {
      choose(worker, q, worker.estimates.data() + q * count, worker.best[q]);
    }
    worker.rows.clear();
    worker.floats.clear();
    worker.squared_norms.clear();
  }

  const float* sideBySide(Worker& worker) const {
    const std::size_t count = worker.rows.size();
    bool contiguous = true;
    for (std::size_t i = 1; i < count && contiguous; ++i) {
      contiguous = worker.floats[i] == worker.floats[0] + i * stride_;
    }
    if (contiguous) {
      return worker.floats[0];
    }
    if (worker.packed.size() == 0) {
      worker.packed = AlignedFloats(kBatchRows * stride_);
    }
    for (std::size_t i = 0; i < count; ++i) {
      std::copy(worker.floats[i], worker.floats[i] + stride_, worker.packed.data() + i * stride_);
    }
    return worker.packed.data();
  }

  // Rows whose estimate, at its most favourable, could still enter are computed again by the kernel whose sums count.
  void choose(const Worker& worker, std::size_t q, const float* estimates, TopK& best) const {
    const Scoring scoring{request_.metric, squared_norms_[q]};
    const float* const query = padded_.data() + q * stride_;
    const auto exact = request_.metric == Metric::kL2 ? kernels().squaredL2 : kernels().dot;
    for (std::size_t begin = 0; begin < worker.rows.size(); begin += kGroupRows) {
      const std::size_t count = std::min(kGroupRows, worker.rows.size() - begin);
      for (std::uint64_t rows = mayPass(scoring, worker, estimates, begin, count, best.worst()); rows != 0; rows &= rows - 1) {
        const std::size_t i = begin + static_cast<std::size_t>(std::countr_zero(rows));
        const float raw = exact(query, worker.floats[i], stride_);
        best.offer({worker.rows[i], scoring.distance(raw, worker.squared_norms[i])});
      }
    }
  }

  // Scoring::mayPass for estimates, of `count` rows from `begin` on: the limit is made generous by what they may be off, at the
  // most.
  [[nodiscard]] std::uint64_t mayPass(const Scoring& scoring, const Worker& worker, const float* estimates, std::size_t begin,
                                      std::size_t count, double worst) const {
    const auto error = static_cast<float>(error_);
    const float query_norm = std::sqrt(static_cast<float>(scoring.query_squared_norm));
    const float limit = scoring.limit(worst);
    switch (request_.metric) {
      case Metric::kCosine:  // a limit on dot / |row|
        return kernels().atLeastScaled(estimates + begin, worker.norms.data() + begin, count, limit - error * query_norm);
      case Metric::kInnerProduct:
        return kernels().atLeast(estimates + begin, count, limit - error * query_norm * worker.largest_norm);
      case Metric::kL2:
        break;
    }
    float squares[kGroupRows];
    const auto query_squared_norm = static_cast<float>(scoring.query_squared_norm);
    for (std::size_t i = 0; i < count; ++i) {
      // |q - r|^2 = |q|^2 + |r|^2 - 2 q.r, each of them and its float32 sum off by its share
      squares[i] = (query_squared_norm + worker.squared_norms[begin + i]) * (1 - 3 * error) - 2 * estimates[begin + i];
    }
    return kernels().atMost(squares, count, limit);
  }

  const VectorArena& arena_;
  const BatchRequest& request_;
  const std::size_t count_;
  const std::size_t stride_;
  const double error_;
  AlignedFloats padded_;
  std::vector<float> squared_norms_;
};

}  // namespace

Result<std::vector<std::vector<Neighbour>>> exactSearchBatch(const VectorArena& arena, const BatchRequest& request,
                                                             std::size_t block_count, const BlockSource& block,
                                                             const SearchOptions& options) {
  const std::size_t dimension = arena.dimension();
  TREFOIL_ASSERT(request.queries.size() % dimension == 0);
  for (std::size_t begin = 0; begin < request.queries.size(); begin += dimension) {
    const std::span<const float> query = request.queries.subspan(begin, dimension);
    TREFOIL_TRY(checkElements(query));
    TREFOIL_TRY(checkDirection(request.metric, query));
  }
  const BatchSearch search(arena, request);
  std::vector<std::optional<BatchSearch::Worker>> workers;
  TREFOIL_TRY(forEachBlock(
      block_count, options, workers, [&] { return search.makeWorker(); },
      [&](std::size_t index, BatchSearch::Worker& mine) { search.scan(block(index), mine); }));
  std::vector<std::vector<Neighbour>> results;
  for (std::size_t q = 0; q < request.queries.size() / dimension; ++q) {
    TopK all(request.k);
    for (const std::optional<BatchSearch::Worker>& worker : workers) {
      if (worker) {
        all.merge(worker->best[q]);
      }
    }
    results.push_back(all.take());
  }
  return results;
}

}  // namespace trefoil::vector
