// Row sinks: where a plan's rows go, with the one thing that sql::ResultSink need not know: a statement may start over.
#pragma once

#include "base/query_memory.hpp"
#include "engine/reply.hpp"
#include "engine/result_set.hpp"
#include "sql/types/result_sink.hpp"

namespace trefoil {

class RowSink : public sql::ResultSink {
 public:
  // Forgets what was pushed: the statement runs again from the start (it met a conflict, or its log record found no room).
  virtual void restart() = 0;
};

// Into a reply, as one table.
class ReplySink final : public RowSink {
 public:
  ReplySink(Reply& reply, TableForm form) : reply_(reply), form_(form), mark_(reply.mark()) {}
  Status columns(std::span<const sql::ColumnInfo> columns) override {
    reply_.beginTable(columns, form_);
    return {};
  }
  // What the reply holds back until the last row (RESP does: an array's length comes first) is the statement's.
  Status chunk(const sql::Chunk& chunk) override {
    reply_.rows(chunk);
    return QueryMemory::checkHeld(reply_.mark().position - mark_.position);
  }
  void restart() override { reply_.rewind(mark_); }

 private:
  Reply& reply_;
  TableForm form_;
  Reply::Mark mark_;
};

// Into an embedded program's result set.
class ResultSetSink final : public RowSink {
 public:
  explicit ResultSetSink(ResultSet& result) : result_(result) { result_.clear(); }
  Status columns(std::span<const sql::ColumnInfo> columns) override { return result_.columns(columns); }
  Status chunk(const sql::Chunk& chunk) override { return result_.chunk(chunk); }
  void restart() override { result_.clear(); }

 private:
  ResultSet& result_;
};

}  // namespace trefoil
