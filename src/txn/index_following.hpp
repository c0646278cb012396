// What follows the tables behind the commit: vector indexes, brought nearer to them in pieces of work, each under a snapshot of
// its own. No caller may hold a lock. Thread safety: any number of callers.
#pragma once

#include "sql/storage/store.hpp"
#include "txn/commit.hpp"

namespace trefoil::txn {

// One piece. True: go on, there is much to do. When to call it: sql::Store::followSignal().
inline bool followVectorIndexes(Committer& committer, sql::Store& store) {
  if (!store.vectorIndexesAreBehind()) {
    return false;
  }
  const Snapshot snapshot = committer.openSnapshot();
  return store.followVectorIndexes(snapshot.lsn());
}

// Builds one new vector index, in pieces, on the caller's thread and those of its arena. The follower leaves it alone meanwhile:
// two that take turns would be in each other's way.
class VectorIndexBuild {
 public:
  VectorIndexBuild(Committer& committer, sql::Store& store, const sql::NewVectorIndex& index)
      : committer_(committer), store_(store), index_(index) {
    store.claimVectorIndex(index, true);
  }
  VectorIndexBuild(const VectorIndexBuild&) = delete;
  VectorIndexBuild& operator=(const VectorIndexBuild&) = delete;
  // What is left is the follower's.
  ~VectorIndexBuild() { store_.claimVectorIndex(index_, false); }

  // One piece. False: it is built, or gone.
  [[nodiscard]] bool goOn() const {
    const Snapshot snapshot = committer_.openSnapshot();
    return store_.buildVectorIndex(index_, snapshot.lsn());
  }

 private:
  Committer& committer_;
  sql::Store& store_;
  const sql::NewVectorIndex index_;
};

}  // namespace trefoil::txn
