#include "sql/storage/index_build.hpp"

#include <algorithm>
#include <bit>
#include <mutex>

#include "base/parallel.hpp"
#include "sql/storage/table_reader.hpp"
#include "sql/storage/table_writer.hpp"
#include "sql/types/sql_type.hpp"

namespace trefoil::sql {

namespace {

// Blocks whose rows are one run: some milliseconds of sorting.
constexpr std::uint32_t kRunBlocks = 64;
// Entries merged, or changed blocks looked at, between two checks.
constexpr std::size_t kMergedBetweenChecks = std::size_t{1} << 16;
constexpr std::size_t kBlocksBetweenChecks = 64;
// What is taken in under the table's lock.
constexpr std::size_t kFewBlocks = 128;
constexpr std::size_t kFewRows = 1024;
constexpr std::size_t kPatience = 8;

constexpr Lsn kOldest = 1;

// Everything is changed in place: nobody else sees the tree.
WriteContext ownTree() {
  return {.stamp = kOldest, .writable_from = 0, .versions = nullptr, .private_nodes = nullptr};
}

// Hands out the entries of sorted runs in order.
class Merge {
 public:
  explicit Merge(const std::vector<std::vector<BytesKey>>& runs) {
    for (const auto& run : runs) {
      if (!run.empty()) {
        heads_.push_back({run.data(), run.data() + run.size()});
      }
    }
    for (std::size_t i = heads_.size(); i-- > 0;) {
      sink(i);
    }
  }
  // Null at the end.
  const BytesKey* next() {
    if (heads_.empty()) {
      return nullptr;
    }
    Head& first = heads_.front();
    const BytesKey* const entry = first.at++;
    if (first.at == first.end) {
      first = heads_.back();
      heads_.pop_back();
    }
    sink(0);
    return entry;
  }

 private:
  struct Head {
    const BytesKey* at;
    const BytesKey* end;
  };
  // A heap: the run with the smallest entry is first.
  void sink(std::size_t i) {
    for (std::size_t child = 2 * i + 1; child < heads_.size(); i = child, child = 2 * i + 1) {
      if (child + 1 < heads_.size() && IndexTree::less(*heads_[child + 1].at, *heads_[child].at)) {
        ++child;
      }
      if (!IndexTree::less(*heads_[child].at, *heads_[i].at)) {
        return;
      }
      std::swap(heads_[child], heads_[i]);
    }
  }
  std::vector<Head> heads_;
};

// visit(slot, had, has) for each row of a changed block that came, went, or has other values in the columns of the index.
template <typename Visit>
void forEachChangedKey(const IndexDefinition& index, const Block* then, const Block* now, const Visit& visit) {
  const auto same_chunk = [&](std::uint32_t column) { return then->column(column) == now->column(column); };
  const bool same_chunks =
      then != nullptr && now != nullptr && std::all_of(index.columns.begin(), index.columns.end(), same_chunk);
  const auto same_values = [&](std::uint32_t slot) {
    return std::all_of(index.columns.begin(), index.columns.end(), [&](std::uint32_t column) {
      return same_chunk(column) || identical(blockValue(*then, column, slot, nullptr), blockValue(*now, column, slot, nullptr));
    });
  };
  for (std::uint32_t word = 0; word < kBlockWords; ++word) {
    const std::uint64_t had = then == nullptr ? 0 : then->present[word];
    const std::uint64_t has = now == nullptr ? 0 : now->present[word];
    for (std::uint64_t rest = same_chunks ? had ^ has : had | has; rest != 0; rest &= rest - 1) {
      const std::uint64_t bit = rest & -rest;
      const std::uint32_t slot = word * 64 + static_cast<std::uint32_t>(std::countr_zero(rest));
      if ((had & has & bit) == 0 || !same_values(slot)) {
        visit(slot, (had & bit) != 0, (has & bit) != 0);
      }
    }
  }
}

}  // namespace

IndexBuild::IndexBuild(SchemaPointer schema, IndexDefinition index)
    : schema_(std::move(schema)), index_(std::move(index)), tree_(TableWriter::emptyTree(*schema_, index_)) {}

IndexBuild::~IndexBuild() {
  if (!released_) {
    tree_.destroy();
  }
}

Status IndexBuild::reach(const TableVersion& version, const Check& check, bool parallel) {
  TREFOIL_TRY(reached_ == nullptr ? load(version, check, parallel) : follow(version, check));
  reached_ = &version;
  return {};
}

Status IndexBuild::catchUp(const TableVersion& version) {
  TREFOIL_ASSERT(reached_ != nullptr);
  const std::size_t more = attempts_ < kPatience ? 0 : std::min<std::size_t>(attempts_ - kPatience, 20);
  ++attempts_;
  if (isFar(version, {kFewBlocks << more, kFewRows << more})) {
    return Error(ErrorCode::kConflict, "the table was changed while the index was built");
  }
  TREFOIL_TRY(follow(version, {}));
  reached_ = &version;
  return {};
}

Error IndexBuild::duplicate(const TableVersion& version, RowId row) const {
  const TableReader reader(&version);
  const std::string values = schema_->keyText(index_, [&](std::uint32_t column) { return reader.value(row, column); });
  return Error(ErrorCode::kUniqueViolation, "could not create unique index \"" + index_.name + "\"")
      .withDetail("Key " + schema_->columnList(index_) + "=(" + values + ") is duplicated.");
}

// ---------------------------------------------------------------------------------------------------------------------- all rows

std::vector<BytesKey> IndexBuild::sortedRun(const TableVersion& version, std::uint32_t first_block) const {
  const WriteContext context = ownTree();
  std::vector<BytesKey> run;
  IndexKey key;
  for (std::uint32_t number = first_block; number < first_block + kRunBlocks; ++number) {
    const Block* const block = version.findBlock(number);
    if (block == nullptr) {
      continue;
    }
    run.reserve(run.size() + block->rows);
    forEachBit(block->present, [&](std::uint32_t slot) {
      makeRowKey(tree_, index_, *block, slot, key);
      if (!key.omitted) {
        run.push_back(tree_.makeEntry(key, makeRowId(number, slot), context));
      }
    });
  }
  if (!std::is_sorted(run.begin(), run.end(), &IndexTree::less)) {
    std::sort(run.begin(), run.end(), &IndexTree::less);
  }
  return run;
}

Status IndexBuild::load(const TableVersion& version, const Check& check, bool parallel) {
  std::vector<std::vector<BytesKey>> runs((version.block_count - version.first_block + kRunBlocks - 1) / kRunBlocks);
  Status status;
  std::mutex status_mutex;
  const auto goes_on = [&] {
    Status checked = check ? check() : Status();
    const std::lock_guard lock(status_mutex);
    if (status.ok()) {
      status = std::move(checked);
    }
    return status.ok();
  };
  const auto make_run = [&](std::size_t run, std::size_t) {
    if (goes_on()) {
      runs[run] = sortedRun(version, version.first_block + static_cast<std::uint32_t>(run) * kRunBlocks);
    }
  };
  if (parallel) {
    parallelFor(runs.size(), make_run);
  } else {
    for (std::size_t run = 0; run < runs.size(); ++run) {
      make_run(run, 0);
    }
  }
  Merge merge(runs);
  const TableReader reader(&version);
  const auto has_null = [&](RowId row) {
    return std::any_of(index_.columns.begin(), index_.columns.end(),
                       [&](std::uint32_t column) { return reader.value(row, column).isNull(); });
  };
  const BytesKey* latest = nullptr;
  std::size_t merged = 0;
  const auto next = [&]() -> const BytesKey* {
    const bool is_time = merged++ % kMergedBetweenChecks == 0;
    const BytesKey* const entry = status.ok() && (!is_time || goes_on()) ? merge.next() : nullptr;
    if (entry != nullptr && index_.unique && latest != nullptr && IndexTree::sameKey(*latest, *entry) &&
        !has_null(static_cast<RowId>(entry->row))) {
      status = duplicate(version, static_cast<RowId>(entry->row));
      IndexTree::dropEntry(*entry);
      return nullptr;
    }
    return latest = entry;
  };
  tree_.load(next, ownTree());
  while (const BytesKey* const left = merge.next()) {
    IndexTree::dropEntry(*left);
  }
  return status;
}

// ----------------------------------------------------------------------------------------------------------------------- changes

bool IndexBuild::isFar(const TableVersion& version, Budget budget) const {
  bool far = false;
  forEachChangedBlock(*reached_, version, [&](std::uint32_t, const Block* then, const Block* now) {
    far = budget.blocks == 0;
    if (!far) {
      --budget.blocks;
      forEachChangedKey(index_, then, now, [&](std::uint32_t, bool, bool) {
        far = far || budget.rows == 0;
        budget.rows -= far ? 0 : 1;
      });
    }
    return !far;
  });
  return far;
}

// Every old key leaves before the first new one enters: what a commit has moved from one row to another is no duplicate.
Status IndexBuild::follow(const TableVersion& version, const Check& check) {
  const WriteContext context = ownTree();
  Status status;
  IndexKey key;
  std::size_t looked_at = 0;
  const auto goes_on = [&] {
    if (status.ok() && check && ++looked_at % kBlocksBetweenChecks == 0) {
      status = check();
    }
    return status.ok();
  };
  forEachChangedBlock(*reached_, version, [&](std::uint32_t number, const Block* then, const Block* now) {
    forEachChangedKey(index_, then, now, [&](std::uint32_t slot, bool had, bool) {
      if (had) {
        makeRowKey(tree_, index_, *then, slot, key);
        tree_.erase(key, makeRowId(number, slot), context);
      }
    });
    return goes_on();
  });
  TREFOIL_TRY(std::move(status));
  forEachChangedBlock(*reached_, version, [&](std::uint32_t number, const Block* then, const Block* now) {
    forEachChangedKey(index_, then, now, [&](std::uint32_t slot, bool, bool has) {
      if (has && status.ok()) {
        makeRowKey(tree_, index_, *now, slot, key);
        if (!tree_.insert(key, makeRowId(number, slot), context)) {
          status = duplicate(version, makeRowId(number, slot));
        }
      }
    });
    return goes_on();
  });
  return status;
}

}  // namespace trefoil::sql
