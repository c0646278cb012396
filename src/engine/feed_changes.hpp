// What a commit has changed, for those who follow it by FEED: its effects in words.
//
//   a key    {key: k, db: 0, event: hset [, old: {f: before}, new: {f: after}]}
//   a row    {table: t, row: 17, event: update [, key: {id: 5}] [, old: {…}, new: {…}]}
//   a table  {table: t, event: "create table"}
//
// `event` is the effect's cause (base/causes.def). A row is named by its number, which is never given again, and by its primary
// key as it was before the change. With VALUES, `new` is what the change says: a value, or the fields, members, items or columns
// that it gives; null if it gives none. `old` is what those were; it is there where the log has it (txn/old_values.hpp).
//
// Effects name tables and columns by numbers. FeedTables knows what they stood for at each place of the log: it begins with the
// catalog of a snapshot, is taken back to where the feed begins by what the commits in between say that they have changed, and
// from there on follows them.
//
// Thread safety: none.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "engine/reply_tree.hpp"
#include "sql/storage/effects.hpp"
#include "sql/storage/schema.hpp"
#include "txn/old_values.hpp"

namespace trefoil {

class FeedTables {
 public:
  explicit FeedTables(const std::vector<sql::SchemaPointer>& tables);

  // A commit that the snapshot holds, and that the feed is going to tell of: takeBack() undoes all that were noted.
  Status note(std::string_view effects, bool has_causes);
  void takeBack();

  // The reader stands behind the kind.
  Status follow(sql::EffectKind kind, EffectReader reader);
  // Null: unknown, which only a log of an older version leaves.
  [[nodiscard]] const sql::TableSchema* find(sql::TableId table) const;

 private:
  std::map<sql::TableId, sql::SchemaPointer> tables_;
  // What to do to go back, in the order in which it was noted: a table is to be as this says, or gone.
  std::vector<std::pair<sql::TableId, sql::SchemaPointer>> before_;
};

struct FeedFilter {
  std::vector<std::string> keys;    // patterns
  std::vector<std::string> tables;  // names
  bool values = false;

  // Without any, everything is meant.
  [[nodiscard]] bool wantsKey(std::string_view key) const;
  [[nodiscard]] bool wantsTable(std::string_view table) const;
};

// One commit, change by change, so that whoever tells of a large one need not hold all of it in words. Effects, tables and filter
// outlive it; when it is done the tables are those behind the commit.
class FeedCommit {
 public:
  FeedCommit(std::string_view effects, bool has_causes, FeedTables& tables, const FeedFilter& filter);
  // First.
  Status begin();
  [[nodiscard]] bool done() const { return reader_.done(); }
  // The next effect; nothing if the filter does not want it. kCorruption if the bytes are no effects.
  Result<std::optional<ReplyValue>> next();

 private:
  Status tellKey(std::uint8_t kind, EffectReader& reader);
  Status tellRow(std::uint8_t kind, EffectReader& reader);

  EffectReader reader_;
  FeedTables& tables_;
  const FeedFilter& filter_;
  std::optional<txn::OldValues> old_;  // where they are logged
  std::uint64_t number_ = 0;           // of the next effect
  std::optional<ReplyValue> change_;
};

}  // namespace trefoil
