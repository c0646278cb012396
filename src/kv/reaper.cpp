#include "kv/reaper.hpp"

#include <utility>

#include "kv/value_type.hpp"

namespace trefoil::kv {

Reaper::~Reaper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

bool Reaper::isSmall(const Entry& entry) {
  return entry.isLarge() ? typeOf(entry).elements(entry) <= kLargeElements : entry.valueSize() <= kLargeBytes;
}

void Reaper::freeNow(Entry* entry) {
  if (entry->isLarge()) {
    typeOf(*entry).free_parts(*entry);
  }
  freeShared(entry);
}

void Reaper::freeShared(Entry* entry) {
  if (entry->isLarge()) {
    typeOf(*entry).free_roots(*entry);
  }
  Entry::free(entry);
}

void Reaper::free(Entry* entry) {
  if (isSmall(*entry)) {
    freeNow(entry);
  } else {
    enqueue({{entry}, {}});
  }
}

void Reaper::free(std::vector<Entry*> entries) {
  if (!entries.empty()) {
    enqueue({std::move(entries), {}});
  }
}

void Reaper::free(std::vector<std::unique_ptr<Directory>> directories) {
  if (!directories.empty()) {
    enqueue({{}, std::move(directories)});
  }
}

void Reaper::freeNow(Directory& directory) const {
  for (std::uint64_t from = 0;;) {
    const Directory::Range range = directory.walk(from, SIZE_MAX, [](Entry& entry) { freeNow(&entry); });
    if (range.at_end) {
      break;
    }
    from = range.next;
  }
  directory.clear(context_);
}

void Reaper::enqueue(Work work) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(work));
  if (!thread_.joinable()) {
    thread_ = std::thread([this] { run(); });
  }
  wake_.notify_one();
}

void Reaper::drain() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return queue_.empty() && !busy_; });
}

void Reaper::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) {
      return;
    }
    const std::vector<Work> works = std::exchange(queue_, {});
    busy_ = true;
    lock.unlock();
    for (const Work& work : works) {
      for (Entry* entry : work.entries) {
        freeNow(entry);
      }
      for (const auto& directory : work.directories) {
        freeNow(*directory);
      }
    }
    lock.lock();
    busy_ = false;
    idle_.notify_all();
  }
}

}  // namespace trefoil::kv
