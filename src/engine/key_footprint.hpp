// Which partitions a command's keys lie in: what is locked while it runs. Built from the command table's key specifications.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/ascii_case.hpp"
#include "engine/command_meta.hpp"
#include "kv/integer_text.hpp"
#include "kv/store.hpp"

namespace trefoil {

// Sorted and unique once sort() was called. Up to 16 partitions live within the object.
class KeyFootprint {
 public:
  void add(kv::PartitionId id) {
    if (size_ < inline_.size() && overflow_.empty()) [[likely]] {
      inline_[size_++] = id;
    } else {
      addToOverflow(id);
    }
  }
  void addDatabase(int db) {
    for (std::uint32_t i = 0; i < kv::kPartitions; ++i) {
      add({(static_cast<std::uint32_t>(db) << kv::kPartitionBits) | i});
    }
  }
  // What a command locks. Reads of a whole database take their own short locks, one partition at a time.
  void addCommand(const kv::Store& store, const CommandMeta& meta, std::span<const std::string_view> args, int db) {
    constexpr std::uint32_t kMoreThanItsKeys = kWholeDatabase | kAllDatabases | kOptionDb;
    const std::size_t key = meta.only_key;
    if (key != 0 && key < args.size() && (meta.flags & kMoreThanItsKeys) == 0) [[likely]] {
      add(kv::Store::partition(db, store.hash(args[key])));
    } else {
      addAnyCommand(store, meta, args, db);
    }
  }
  void sort() {
    if (size_ > 1) {
      sortSeveral();
    }
  }
  [[nodiscard]] std::span<const kv::PartitionId> partitions() const {
    return overflow_.empty() ? std::span<const kv::PartitionId>(inline_.data(), size_)
                             : std::span<const kv::PartitionId>(overflow_);
  }

 private:
  // Most commands have one key, and what follows is no part of their way.
  [[gnu::noinline]] void addAnyCommand(const kv::Store& store, const CommandMeta& meta, std::span<const std::string_view> args,
                                       int db) {
    if ((meta.flags & kAllDatabases) != 0 && (meta.flags & kWrite) != 0) {
      for (int i = 0; i < store.databases(); ++i) {
        addDatabase(i);
      }
    } else if ((meta.flags & kWholeDatabase) != 0 && (meta.flags & kWrite) != 0) {
      addDatabase(db);
    } else {
      std::size_t last_key = 0;
      forEachKey(meta, args, [&](std::size_t index, std::uint16_t) {
        add(kv::Store::partition(db, store.hash(args[index])));
        last_key = index;
      });
      if ((meta.flags & kOptionDb) != 0) {
        addOptionDb(store, args, last_key);
      }
    }
  }
  [[gnu::noinline]] void addToOverflow(kv::PartitionId id) {
    if (overflow_.empty()) {
      overflow_.assign(inline_.begin(), inline_.end());
    }
    overflow_.push_back(id);
  }
  [[gnu::noinline]] void sortSeveral() {
    if (overflow_.empty()) {
      const auto end = inline_.begin() + static_cast<std::ptrdiff_t>(size_);
      std::sort(inline_.begin(), end);
      size_ = static_cast<std::size_t>(std::unique(inline_.begin(), end) - inline_.begin());
      return;
    }
    std::sort(overflow_.begin(), overflow_.end());
    overflow_.erase(std::unique(overflow_.begin(), overflow_.end()), overflow_.end());
  }
  // Of whatever looks like that option: a lock too many does no harm.
  void addOptionDb(const kv::Store& store, std::span<const std::string_view> args, std::size_t last_key) {
    for (std::size_t i = last_key + 1; i + 1 < args.size(); ++i) {
      const std::optional<std::int64_t> db = kv::parseInteger(args[i + 1]);
      if (equalsIgnoringCase(args[i], "DB") && db && *db >= 0 && *db < store.databases()) {
        add(kv::Store::partition(static_cast<int>(*db), store.hash(args[last_key])));
      }
    }
  }

  std::size_t size_ = 0;
  std::array<kv::PartitionId, 16> inline_;
  std::vector<kv::PartitionId> overflow_;
};

}  // namespace trefoil
