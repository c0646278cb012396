#include "sql/storage/table.hpp"

#include <algorithm>

#include "sql/storage/table_writer.hpp"

namespace trefoil::sql {

namespace {

// Some of the content may be older than the version that led to it, so this is born at 0 and waits for every snapshot that is
// open.
struct RetiredContent : Stamped {
  TableVersion version;
};

void freeContent(Stamped* object) {
  auto* content = static_cast<RetiredContent*>(object);
  TableWriter::destroyContent(content->version);
  delete content;
}

}  // namespace

Table::~Table() {
  TREFOIL_ASSERT(live_ == nullptr);
  TREFOIL_ASSERT(history_.empty());
}

std::uint64_t Table::liveRows() const {
  const std::lock_guard lock(history_mutex_);  // what it holds in place is not retired
  return live_ == nullptr ? 0 : live_->rows.get();
}

const TableVersion* Table::versionAt(Lsn snapshot) const {
  const std::lock_guard lock(history_mutex_);
  if (live_ != nullptr && live_->born < snapshot) {
    return live_;
  }
  for (auto version = history_.rbegin(); version != history_.rend(); ++version) {
    if ((*version)->born < snapshot) {
      return *version;
    }
  }
  return nullptr;
}

TableVersion& Table::writableVersion(const WriteContext& context) {
  TREFOIL_ASSERT(live_ != nullptr);
  if (!context.isWritable(*live_)) {
    auto* copy = new TableVersion(*live_);
    copy->born = context.stamp;
    publish(copy, context);
  }
  live_->changed = context.stamp;
  return *live_;
}

void Table::publish(TableVersion* next, const WriteContext& context) {
  TableVersion* old = live_;
  if (next != nullptr) {
    next->changed = context.stamp;
  }
  {
    const std::lock_guard lock(history_mutex_);
    if (old != nullptr) {
      history_.push_back(old);
    }
    live_ = next;
  }
  if (old != nullptr) {
    context.retire(*old, &freeVersion);
  }
}

void Table::retireContent(const WriteContext& context) {
  TREFOIL_ASSERT(live_ != nullptr);
  TableVersion content = *live_;
  publish(nullptr, context);
  sql::retireContent(std::move(content), context);
}

void retireContent(TableVersion content, const WriteContext& context) {
  content.owner.reset();
  context.versions->retire(new RetiredContent{{0}, std::move(content)}, &freeContent, context.stamp);
}

void Table::destroyContent() {
  if (live_ == nullptr) {
    return;
  }
  TableVersion* version = live_;
  live_ = nullptr;
  TableWriter::destroyContent(*version);
  delete version;  // and with it perhaps this table
}

void Table::freeVersion(Stamped* object) {
  auto* version = static_cast<TableVersion*>(object);
  const std::shared_ptr<Table> owner = version->owner;
  {
    const std::lock_guard lock(owner->history_mutex_);
    std::erase(owner->history_, version);
  }
  delete version;
}

std::uint64_t Table::reserveBlocks(std::uint64_t blocks) {
  std::uint64_t next = next_row_.load(std::memory_order_relaxed);
  std::uint64_t first = 0;
  do {
    first = (next + kBlockRows - 1) / kBlockRows * kBlockRows;
  } while (!next_row_.compare_exchange_weak(next, first + blocks * kBlockRows, std::memory_order_relaxed));
  return first;
}

void Table::noteRowUsed(std::uint64_t row) {
  std::uint64_t next = next_row_.load(std::memory_order_relaxed);
  while (next <= row && !next_row_.compare_exchange_weak(next, row + 1, std::memory_order_relaxed)) {
  }
}

}  // namespace trefoil::sql
