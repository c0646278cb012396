#include "base/query_memory.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace trefoil {

namespace {

std::string sizeText(std::int64_t bytes) {
  constexpr std::int64_t kMegabyte = 1 << 20;
  return bytes >= 10 * kMegabyte ? std::to_string(bytes / kMegabyte) + " MB" : std::to_string((bytes + 1023) / 1024) + " kB";
}

}  // namespace

thread_local constinit QueryMemory::Scope::Mine QueryMemory::mine_ = {};

Error QueryOutOfMemory::error() const {
  const std::string wants = "The statement holds " + sizeText(held_) + " and asked for " + sizeText(wanted_) + " more; ";
  if (limit_ == Limit::kDatabase) {
    return Error(ErrorCode::kOutOfMemory, "out of memory")
        .withDetail("All of the database holds " + sizeText(MemoryAccount::roughly()) + " and may hold " +
                    sizeText(limit_bytes_) + ".")
        .withHint("Raise \"maxmemory\", or delete something first.");
  }
  if (limit_ == Limit::kStaged) {
    return Error(ErrorCode::kOutOfMemory, "out of memory")
        .withDetail("The transaction has staged " + sizeText(held_) + " and asked for " + sizeText(wanted_) +
                    " more; it may stage " + sizeText(limit_bytes_) + ".")
        .withHint("Change fewer rows in one transaction, or raise \"query-memory\".");
  }
  return Error(ErrorCode::kOutOfMemory, "out of memory")
      .withDetail(wants + "one statement may hold " + sizeText(limit_bytes_) + ".")
      .withHint("Let it collect fewer rows, or raise \"query-memory\".");
}

Error outOfMemoryError(const std::exception& failure) {
  if (const auto* of_query = dynamic_cast<const QueryOutOfMemory*>(&failure); of_query != nullptr) {
    return of_query->error();
  }
  return Error(ErrorCode::kOutOfMemory, "out of memory")
      .withDetail("The system refused an allocation; " + sizeText(MemoryAccount::roughly()) + " are accounted for.")
      .withHint("Set \"maxmemory\" and \"query-memory\" below what this process may have.");
}

// `wanted` is not allocated yet: refused, it is as if it had never been asked for.
void QueryMemory::carryOver(std::int64_t wanted) {
  const std::int64_t delta = std::exchange(mine_.delta, 0);
  const std::int64_t used = used_.fetch_add(delta, std::memory_order_relaxed) + delta;
  MemoryAccount::add(MemoryLeaf::kQueries, delta);
  const bool over = limit_ != 0 && used > limit_;
  const bool all_over = total_ != 0 && used > kSmall && MemoryAccount::roughly() > total_;
  if (over || all_over) [[unlikely]] {
    used_.fetch_sub(wanted, std::memory_order_relaxed);
    MemoryAccount::add(MemoryLeaf::kQueries, -wanted);
    throw QueryOutOfMemory(over ? QueryOutOfMemory::Limit::kStatement : QueryOutOfMemory::Limit::kDatabase,
                           over ? limit_ : total_, used - wanted, wanted);
  }
}

void QueryMemory::checkStaged(std::int64_t bytes) const {
  if (limit_ != 0 && bytes > limit_) {
    throw QueryOutOfMemory(QueryOutOfMemory::Limit::kStaged, limit_, bytes / 2, bytes / 2);
  }
  checkGrowth();
}

void QueryMemory::checkGrowth() const {
  if (grows_ && total_ != 0 && MemoryAccount::roughly() > total_) {
    throw QueryOutOfMemory(QueryOutOfMemory::Limit::kDatabase, total_, used(), 0);
  }
}

Status QueryMemory::checkHeld(std::size_t bytes) {
  const QueryMemory* const statement = mine_.statement;
  if (statement == nullptr) {
    return {};
  }
  const std::int64_t held = statement->used() + static_cast<std::int64_t>(bytes);
  if (statement->limit_ != 0 && held > statement->limit_) {
    return QueryOutOfMemory(QueryOutOfMemory::Limit::kStatement, statement->limit_, held, 0).error();
  }
  if (statement->total_ != 0 && held > kSmall && MemoryAccount::roughly() > statement->total_) {
    return QueryOutOfMemory(QueryOutOfMemory::Limit::kDatabase, statement->total_, held, 0).error();
  }
  return {};
}

void QueryMemory::giveBack() noexcept {
  const std::int64_t delta = std::exchange(mine_.delta, 0);
  if (delta == 0) {
    return;
  }
  used_.fetch_add(delta, std::memory_order_relaxed);
  MemoryAccount::add(MemoryLeaf::kQueries, delta);
}

std::int64_t machineMemory() {
  std::int64_t bytes = std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    bytes = std::min(bytes, static_cast<std::int64_t>(limit.rlim_cur));
  }
  // Of this control group, version 2 and 1; "max" and a missing file leave it as it is.
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::int64_t group = 0;
    if (std::ifstream(path) >> group && group > 0) {
      bytes = std::min(bytes, group);
    }
  }
  return bytes;
}

}  // namespace trefoil
