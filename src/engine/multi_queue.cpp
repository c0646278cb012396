#include "engine/multi_queue.hpp"

namespace trefoil {

namespace {

constexpr std::size_t kMaxQueuedStatements = 1'000'000;

}  // namespace

void MultiQueue::discard() {
  close();
  statements_ = std::vector<QueuedStatement>();  // with its room
  charge_.set(0);
  memory_.store(0, std::memory_order_relaxed);
  count_.store(0, std::memory_order_relaxed);
}

Status MultiQueue::add(const Statement& statement, int command, std::size_t most_bytes) {
  QueuedStatement copy;
  copy.command = command;
  std::size_t bytes = sizeof(QueuedStatement) + statement.sql.size();
  for (const std::string_view arg : statement.args) {
    copy.args.emplace_back(arg);
    bytes += arg.size() + sizeof(std::string);
  }
  copy.sql = statement.sql;
  for (const Datum& parameter : statement.parameters) {
    copy.parameters.emplace_back(parameter);
  }
  copy.table_form = statement.table_form;
  if (statements_.size() >= kMaxQueuedStatements || charge_.bytes() + bytes > most_bytes) {
    return Error(ErrorCode::kLimit, "too much is queued in this MULTI")
        .withHint("Queue less, or raise \"client-query-buffer-limit\".");
  }
  charge_.set(charge_.bytes() + bytes);
  memory_.store(charge_.bytes(), std::memory_order_relaxed);
  statements_.push_back(std::move(copy));
  count_.store(statements_.size(), std::memory_order_relaxed);
  return {};
}

}  // namespace trefoil
