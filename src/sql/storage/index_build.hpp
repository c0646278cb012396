// IndexBuild: makes a B+tree index over the rows of a table beside its writers, and follows them.
//
//   reach(version at snapshot 1)   all rows ─ parallel morsels ─▶ sorted runs of entries ─ merge ─▶ full leaves
//   reach(version at snapshot 2)   what differs from the version reached: old keys out, new keys in; and so on, nearer each time
//   catchUp(live version)          the same under the table's lock, if little is left: then the tree is published with the table
//
// Writers leave no notes and know nothing of the build. As long as the snapshot of the version reached is open, whatever they
// change is copied, so that the changes show in the addresses of pages, blocks and chunks (table_version.hpp): equal addresses
// mean equal content.
//
// The tree is nobody else's until it is published, so its nodes are changed in place; they are born before every snapshot, which
// makes whoever changes them later copy them for snapshots that do not see them: harmless.
//
// Thread safety: none; parallel inside.
#pragma once

#include <functional>
#include <optional>

#include "base/status.hpp"
#include "base/versions.hpp"
#include "sql/storage/index_tree.hpp"
#include "sql/storage/schema.hpp"
#include "sql/storage/table_version.hpp"

namespace trefoil::sql {

class IndexBuild {
 public:
  // Asked between portions of work, by any thread: an error ends the build.
  using Check = std::function<Status()>;

  IndexBuild(SchemaPointer schema, IndexDefinition index);
  IndexBuild(const IndexBuild&) = delete;
  IndexBuild& operator=(const IndexBuild&) = delete;
  ~IndexBuild();  // frees the tree, unless it was released

  [[nodiscard]] const IndexDefinition& definition() const { return index_; }
  // Holds the rows of the version that was reached last.
  [[nodiscard]] const IndexTree& tree() const { return tree_; }

  // Takes in what `version` has. The version reached before must still be seen by an open snapshot, or be locked.
  // kUniqueViolation, `could not create unique index "…"` with DETAIL, for a duplicate. After an error the build is of no use.
  Status reach(const TableVersion& version, const Check& check, bool parallel);
  // The same under the table's lock. kConflict, and the tree is as it was, if more has changed than can be taken in within a few
  // milliseconds: reach() it under a snapshot first. From the eighth time on that happens, a little more is allowed each time.
  Status catchUp(const TableVersion& version);
  // The tree is part of a published version now.
  void release() { released_ = true; }

 private:
  [[nodiscard]] std::vector<BytesKey> sortedRun(const TableVersion& version, std::uint32_t first_block) const;
  Status load(const TableVersion& version, const Check& check, bool parallel);
  // No more than so many changes between two versions.
  struct Budget {
    std::size_t blocks;
    std::size_t rows;
  };
  [[nodiscard]] bool isFar(const TableVersion& version, Budget budget) const;
  Status follow(const TableVersion& version, const Check& check);
  [[nodiscard]] Error duplicate(const TableVersion& version, RowId row) const;

  const SchemaPointer schema_;
  const IndexDefinition index_;
  IndexTree tree_;
  const TableVersion* reached_ = nullptr;
  std::size_t attempts_ = 0;
  bool released_ = false;
};

}  // namespace trefoil::sql
