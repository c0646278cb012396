#include "sql/storage/vector_index.hpp"

#include <algorithm>
#include <bit>

#include "sql/storage/table_version.hpp"

namespace trefoil::sql {

namespace {

// The follower works in pieces of a few tenths of a second at most, since a snapshot is open so long, and whoever wants to cancel
// it waits so long: so many rows, times the candidates that an insertion looks at.
constexpr std::size_t kWorkAtOnce = 400'000;
constexpr std::size_t kMostRowsAtOnce = 4096;
constexpr std::size_t kParallelFrom = 64;
// More pending rows than this, and than a part of all, and reading them one by one is no better than reading all.
constexpr std::size_t kFewPending = 2000;
constexpr std::size_t kPendingPart = 8;

// Nodes that a purge looks at. A pass over the graph has to be through before the rows that die meanwhile are another large part
// of it, or dead entries would gather faster than they leave for as long as rows keep changing.
constexpr std::size_t kLeastPurged = 1024;
constexpr std::size_t kPurgedPerNote = 8;

constexpr std::string_view kBuilding = "the index is being built";

// visit(row, slot) for each row of the block that has a vector.
template <typename Visit>
void forEachVector(const TableVersion& version, std::uint32_t block_number, std::uint32_t column, const Visit& visit) {
  const Block* block = version.findBlock(block_number);
  if (block == nullptr) {
    return;
  }
  const auto* const slots = block->column(column)->as<vector::Slot>();
  forEachBit(block->present, [&](std::uint32_t slot) {
    if (const vector::Slot place = slots[block->position(slot)]; place != vector::kNoSlot) {
      visit(static_cast<std::uint64_t>(makeRowId(block_number, slot)), place);
    }
  });
}

bool isSelected(std::span<const std::uint64_t> selected, std::uint64_t row) {
  return row / 64 < selected.size() && ((selected[row / 64] >> (row % 64)) & 1) != 0;
}

}  // namespace

VectorIndex::VectorIndex(std::shared_ptr<const vector::VectorArena> arena, const VectorIndexDefinition& definition, bool empty)
    : column_(definition.column),
      rows_at_once_(std::min(kMostRowsAtOnce, kWorkAtOnce / definition.ef_construction)),
      arena_(std::move(arena)),
      graph_(std::make_unique<vector::HnswIndex>(
          arena_,
          vector::HnswOptions{.metric = definition.metric, .m = definition.m, .ef_construction = definition.ef_construction})),
      ready_(empty) {}

// ----------------------------------------------------------------------------------------------------------------------
// following

void VectorIndex::noteChange(RowId row, vector::Slot slot, Lsn lsn) {
  const std::lock_guard lock(mutex_);
  incoming_.push_back({static_cast<std::uint64_t>(row), slot, lsn});
}

void VectorIndex::merge() const {
  for (const Change& change : incoming_) {
    const auto [found, added] = pending_.try_emplace(change.row, Pending{change.lsn, change.lsn, change.slot});
    if (!added) {
      found->second.last = change.lsn;
      found->second.slot = change.slot;
    }
  }
  incoming_.clear();
}

bool VectorIndex::isBehind() const {
  const std::lock_guard lock(mutex_);
  return !ready_ || !incoming_.empty() || !pending_.empty();
}

std::size_t VectorIndex::waitingRows() const {
  const std::lock_guard lock(mutex_);
  return incoming_.size() + pending_.size();
}

bool VectorIndex::isReady() const {
  const std::lock_guard lock(mutex_);
  return ready_;
}

bool VectorIndex::follow(const TableVersion& version, Lsn snapshot) {
  const std::lock_guard alone(follow_mutex_);
  return isReady() ? take(version, snapshot, false) : build(version, snapshot);
}

bool VectorIndex::reach(const TableVersion& version, Lsn snapshot) {
  const std::lock_guard alone(follow_mutex_);
  if (!isReady()) {
    return false;
  }
  while (take(version, snapshot, true)) {
  }
  const std::lock_guard lock(mutex_);
  return exact_until_ < snapshot;
}

bool VectorIndex::build(const TableVersion& version, Lsn snapshot) {
  std::vector<vector::HnswEntry> entries;
  const std::uint64_t first = next_row_;
  const std::uint64_t end = static_cast<std::uint64_t>(makeRowId(version.block_count, 0));
  std::uint64_t next = first;
  while (next < end && entries.size() < rows_at_once_) {
    const auto row = static_cast<RowId>(next);
    const Block* block = version.findBlock(blockOf(row));
    if (block == nullptr || slotOf(row) >= block->extent) {
      next = static_cast<std::uint64_t>(makeRowId(blockOf(row) + 1, 0));
      continue;
    }
    if (const vector::Slot slot = version.vectorSlot(row, column_); slot != vector::kNoSlot) {
      entries.push_back({next, slot, 0});
    }
    ++next;
  }
  graph_->build(entries);
  const std::lock_guard lock(mutex_);
  merge();
  next_row_ = next;  // nothing fails from here on; entries that a piece which failed left behind are found to be there
  // What these rows' notes below the snapshot say is in the graph now. Rows to come are read when it is their turn.
  std::erase_if(pending_, [&](const auto& entry) {
    return entry.first >= first && entry.first < next_row_ && entry.second.last < snapshot;
  });
  exact_until_ = std::max(exact_until_, snapshot - 1);
  ready_ = next_row_ >= end;
  return !ready_;
}

bool VectorIndex::take(const TableVersion& version, Lsn snapshot, bool whole) {
  struct Note {
    std::uint64_t row;
    Pending pending;
  };
  std::vector<Note> notes;
  {
    const std::lock_guard lock(mutex_);
    merge();
    for (auto entry = pending_.begin(); entry != pending_.end() && notes.size() < rows_at_once_; ++entry) {
      if (entry->second.last < snapshot || (whole && entry->second.first < snapshot)) {
        notes.push_back({entry->first, entry->second});
      }
    }
  }
  std::vector<vector::HnswEntry> entries;
  Lsn skipped = kNoSnapshot;
  for (const Note& note : notes) {
    // Before the insertion: a slot that was freed and used again for the same row would pass for the entry that is there.
    graph_->markDead(note.row, note.pending.first);
    if (note.pending.first != note.pending.last) {
      skipped = std::max(skipped, std::min(note.pending.last, snapshot - 1));
    }
    // The slot that the snapshot sees is that of the last change, unless the row has been changed again since.
    const bool is_last = note.pending.last < snapshot;
    const vector::Slot slot = is_last ? note.pending.slot : version.vectorSlot(static_cast<RowId>(note.row), column_);
    if (slot != vector::kNoSlot) {
      entries.push_back({note.row, slot, is_last ? note.pending.last : note.pending.first});
    }
  }
  if (entries.size() >= kParallelFrom) {
    graph_->build(entries);
  } else {
    for (const vector::HnswEntry& entry : entries) {
      graph_->insert(entry.row, entry.slot, entry.born);
    }
  }
  taken_.fetch_add(notes.size(), std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  merge();
  exact_until_ = std::max(exact_until_, skipped);
  for (const Note& note : notes) {
    const auto found = pending_.find(note.row);
    if (found->second.last < snapshot) {
      pending_.erase(found);
    } else {
      found->second.first = snapshot;  // what the graph does not know of it came at or after the snapshot
    }
  }
  return notes.size() >= rows_at_once_;
}

bool VectorIndex::purge(Lsn oldest_snapshot) {
  if (graph_->deadEntries() == 0) {
    return false;
  }
  const std::size_t budget = std::max(kLeastPurged, kPurgedPerNote * taken_.exchange(0, std::memory_order_relaxed));
  const vector::PurgeProgress progress = graph_->purge(oldest_snapshot, budget);
  return !progress.finished || (progress.remaining != 0 && oldest_snapshot != kNoSnapshot);
}

std::size_t VectorIndex::memoryBytes() const {
  return graph_->memory().total();
}

// ----------------------------------------------------------------------------------------------------------------------
// searching

std::string_view VectorIndex::whyNotLocked(Lsn snapshot) const {
  if (!ready_) {
    return kBuilding;
  }
  if (snapshot == kNoSnapshot) {
    return "the statement holds locks instead of a snapshot";
  }
  if (snapshot <= exact_until_) {
    return "the snapshot is older than what the index has kept";
  }
  if (pending_.size() > std::max(kFewPending, graph_->liveEntries() / kPendingPart)) {
    return "the index is far behind the table";
  }
  return {};
}

std::string_view VectorIndex::whyNot(Lsn snapshot) const {
  const std::lock_guard lock(mutex_);
  merge();
  return whyNotLocked(snapshot);
}

Result<std::optional<VectorSearchAnswer>> VectorIndex::search(const VectorSearch& request, std::string_view& why) const {
  // Rows that the graph may not answer for. Taken before the graph is asked: what the follower does meanwhile concerns these rows
  // alone, or is after the snapshot.
  std::vector<std::uint64_t> apart;
  {
    const std::lock_guard lock(mutex_);
    merge();
    why = whyNotLocked(request.snapshot);
    if (!why.empty()) {
      return std::optional<VectorSearchAnswer>();
    }
    for (const auto& [row, pending] : pending_) {
      if (pending.first < request.snapshot) {
        apart.push_back(row);
      }
    }
  }
  const TableVersion& version = *request.version;
  for (const RowId row : version.changed_vectors) {
    apart.push_back(static_cast<std::uint64_t>(row));
  }
  std::sort(apart.begin(), apart.end());
  apart.erase(std::unique(apart.begin(), apart.end()), apart.end());
  const auto is_apart = [&](std::uint64_t row) { return std::binary_search(apart.begin(), apart.end(), row); };
  // Most rows apart are new, and the graph need not be told to leave out what it has not. What it learns meanwhile is sorted out
  // below: it is right, but here twice.
  const bool must_leave_out =
      std::any_of(apart.begin(), apart.end(), [&](std::uint64_t row) { return graph_->slotOf(row) != vector::kNoSlot; });

  vector::RowFilter filter;
  std::vector<std::uint64_t> words;
  const bool filtered = !request.selected.empty();
  if (filtered) {
    filter.match_count = request.selected_count;
  }
  if (filtered && apart.empty()) {
    filter.bitmap = vector::RowBitmap{0, request.selected};
  } else if (filtered) {
    words.assign(request.selected.begin(), request.selected.end());
    for (const std::uint64_t row : apart) {
      if (row / 64 < words.size()) {
        words[row / 64] &= ~(std::uint64_t{1} << (row % 64));
      }
    }
    filter.bitmap = vector::RowBitmap{0, words};
  } else if (must_leave_out) {
    filter.matches = [&](std::uint64_t row) { return !is_apart(row); };
    filter.match_count = graph_->liveEntries();
  }
  TREFOIL_ASSIGN(vector::HnswAnswer found, graph_->search({.query = request.query,
                                                           .k = request.k,
                                                           .ef_search = request.ef_search,
                                                           .snapshot = request.snapshot,
                                                           .filter = filtered || must_leave_out ? &filter : nullptr,
                                                           .cancelled = request.cancelled}));
  VectorSearchAnswer answer{std::move(found.nearest), found.report, apart.size()};
  if (apart.empty()) {
    return std::optional(std::move(answer));
  }
  vector::TopK best(request.k);
  for (const vector::Neighbour& neighbour : answer.nearest) {
    if (!is_apart(neighbour.row)) {
      best.offer(neighbour);
    }
  }
  TREFOIL_ASSIGN(const vector::PreparedQuery query,
                 vector::PreparedQuery::make(*arena_, {graph_->options().metric, request.query, request.k}));
  for (const std::uint64_t row : apart) {
    const vector::Slot slot = version.vectorSlot(static_cast<RowId>(row), column_);
    if (slot != vector::kNoSlot && (!filtered || isSelected(request.selected, row))) {
      best.offer({row, query.distanceTo(*arena_, slot)});
    }
  }
  answer.nearest = best.take();
  return std::optional(std::move(answer));
}

// ---------------------------------------------------------------------------------------------------------------------
// checkpoint

Status VectorIndex::write(Lsn snapshot, const vector::HnswIndex::ChunkSink& sink) const {
  return graph_->write(snapshot, sink);
}

Status VectorIndex::read(const TableVersion& version, const vector::HnswIndex::ChunkSource& source) {
  auto loaded = vector::HnswIndex::read(arena_, source,
                                        [&](std::uint64_t row) { return version.vectorSlot(static_cast<RowId>(row), column_); });
  if (!loaded.ok()) {
    return std::move(loaded).error();
  }
  std::size_t vectors = 0;
  std::size_t agreeing = 0;
  for (std::uint32_t number = 0; number < version.block_count; ++number) {
    forEachVector(version, number, column_, [&](std::uint64_t row, vector::Slot slot) {
      ++vectors;
      agreeing += (*loaded)->slotOf(row) == slot ? 1 : 0;
    });
  }
  if (agreeing != vectors) {
    return Error(ErrorCode::kCorruption, "a vector index does not hold the rows of its table");
  }
  if ((*loaded)->liveEntries() != vectors || (*loaded)->options().metric != graph_->options().metric ||
      (*loaded)->options().m != graph_->options().m) {
    return Error(ErrorCode::kCorruption, "a vector index does not agree with its definition");
  }
  graph_ = std::move(loaded).value();
  const std::lock_guard lock(mutex_);
  ready_ = true;
  return {};
}

}  // namespace trefoil::sql
