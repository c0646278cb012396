#include "vector/exact_search.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>

#include <tbb/blocked_range.h>
#include <tbb/enumerable_thread_specific.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

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
  double bound = scoring.bound(best.worst());
  float raw[kGroupRows];

  const auto consider = [&](std::uint64_t row, float sum, float row_norm) {
    if (scoring.mayPass(sum, row_norm, bound)) {
      best.offer({row, scoring.distance(sum, row_norm)});
      bound = scoring.bound(best.worst());
    }
  };
  forEachGroup(arena, block, [&](const CandidateGroup& group) {
    if (group.run.floats != nullptr) {
      run(query_.data(), group.run.floats, arena.stride(), group.run.size, raw);
      for (std::uint64_t rows = group.members; rows != 0; rows &= rows - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(rows));
        consider(group.first_row + i, raw[i - group.first_member], group.run.squared_norms[i - group.first_member]);
      }
      return;
    }
    const float* pointers[kGroupRows];
    std::size_t count = 0;
    for (std::uint64_t rows = group.members; rows != 0; rows &= rows - 1) {
      pointers[count++] = arena.at(group.slots[std::countr_zero(rows)]).data();
    }
    gather(query_.data(), pointers, arena.stride(), count, raw);
    count = 0;
    for (std::uint64_t rows = group.members; rows != 0; rows &= rows - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(rows));
      consider(group.first_row + i, raw[count++], arena.squaredNorm(group.slots[i]));
    }
  });
}

double PreparedQuery::distanceTo(const VectorArena& arena, Slot slot) const {
  const Kernels& use = kernels();
  const float* const row = arena.at(slot).data();
  const float raw = (metric_ == Metric::kL2 ? use.squaredL2 : use.dot)(query_.data(), row, arena.stride());
  return Scoring{metric_, squared_norm_}.distance(raw, arena.squaredNorm(slot));
}

namespace {

// Runs body(index, state of this worker) for every block, on this thread or on all of the current TBB arena.
template <typename State, typename Body>
Status forEachBlock(std::size_t block_count, const SearchOptions& options, tbb::enumerable_thread_specific<State>& states,
                    const Body& body) {
  std::atomic<bool> stopped{false};
  const auto visit = [&](std::size_t index, State& state) {
    if (stopped.load(std::memory_order_relaxed)) {
      return;
    }
    if (options.cancelled && options.cancelled()) {
      stopped.store(true, std::memory_order_relaxed);
      return;
    }
    body(index, state);
  };
  if (options.parallel && block_count > 1) {
    // Isolated: a thread that waits for the last blocks must not pick up another statement meanwhile.
    tbb::this_task_arena::isolate([&] {
      tbb::parallel_for(tbb::blocked_range<std::size_t>(0, block_count), [&](const tbb::blocked_range<std::size_t>& range) {
        State& state = states.local();
        for (std::size_t index = range.begin(); index != range.end(); ++index) {
          visit(index, state);
        }
      });
    });
  } else {
    State& state = states.local();
    for (std::size_t index = 0; index < block_count; ++index) {
      visit(index, state);
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
  tbb::enumerable_thread_specific<TopK> best([&] { return TopK(request.k); });
  TREFOIL_TRY(
      forEachBlock(block_count, options, best, [&](std::size_t index, TopK& mine) { query.scan(arena, block(index), mine); }));
  TopK all(request.k);
  for (const TopK& one : best) {
    all.merge(one);
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
        error_(matrixErrorBound(stride_)),
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
    std::vector<float> norms;
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
        worker.norms.push_back(arena_.squaredNorm(group.slots[i]));
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
    worker.estimates.resize(count_ * count);
    kernels().dotMatrix(padded_.data(), count_, side_by_side(worker), count, stride_, worker.estimates.data());
    for (std::size_t q = 0; q < count_; ++q) {
      choose(worker, q, worker.estimates.data() + q * count, worker.best[q]);
    }
    worker.rows.clear();
    worker.floats.clear();
    worker.norms.clear();
  }

  const float* side_by_side(Worker& worker) const {
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
    const Metric metric = request_.metric;
    const Scoring scoring{metric, squared_norms_[q]};
    const double query_norm = std::sqrt(static_cast<double>(squared_norms_[q]));
    const auto exact = metric == Metric::kL2 ? kernels().squaredL2 : kernels().dot;
    double bound = scoring.bound(best.worst());
    for (std::size_t i = 0; i < worker.rows.size(); ++i) {
      const double row_norm = std::sqrt(static_cast<double>(worker.norms[i]));
      const double slack = error_ * query_norm * row_norm;
      double favourable = estimates[i] + slack;
      if (metric == Metric::kL2) {
        const double norms = squared_norms_[q] + static_cast<double>(worker.norms[i]);
        favourable = norms - 2 * static_cast<double>(estimates[i]) - 2 * slack - 2 * error_ * norms;
      }
      if (!scoring.mayPass(favourable, worker.norms[i], bound)) {
        continue;
      }
      const float raw = exact(padded_.data() + q * stride_, worker.floats[i], stride_);
      if (scoring.mayPass(raw, worker.norms[i], bound)) {
        best.offer({worker.rows[i], scoring.distance(raw, worker.norms[i])});
        bound = scoring.bound(best.worst());
      }
    }
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
  tbb::enumerable_thread_specific<BatchSearch::Worker> workers([&] { return search.makeWorker(); });
  TREFOIL_TRY(forEachBlock(block_count, options, workers,
                           [&](std::size_t index, BatchSearch::Worker& mine) { search.scan(block(index), mine); }));
  std::vector<std::vector<Neighbour>> results;
  for (std::size_t q = 0; q < request.queries.size() / dimension; ++q) {
    TopK all(request.k);
    for (const BatchSearch::Worker& worker : workers) {
      all.merge(worker.best[q]);
    }
    results.push_back(all.take());
  }
  return results;
}

}  // namespace trefoil::vector
