// Reaper: frees large values behind the scenes, so that no DEL, FLUSHDB or overwrite pauses for them.
//
// Takes entries that nobody can see any more. A thread of its own starts with the first value that is worth it; small ones are
// freed on the spot. Thread safety: all functions.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "kv/directory.hpp"
#include "kv/entry.hpp"

namespace trefoil::kv {

class Reaper {
 public:
  // What `context` refers to outlives the reaper.
  explicit Reaper(const DirectoryContext& context) : context_(context) {}
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;
  // Frees what is left, then returns.
  ~Reaper();

  // Frees the entry with all that it owns, now or soon.
  void free(Entry* entry);
  // Frees many entries.
  void free(std::vector<Entry*> entries);
  // Frees directories with all their entries: a whole keyspace.
  void free(std::vector<std::unique_ptr<Directory>> directories);
  // The entry's block and its roots, but not what is in its trees: another version has that.
  static void freeShared(Entry* entry);
  // Returns when everything that was handed over is freed. For tests and MEMORY PURGE.
  void drain();

 private:
  static constexpr std::size_t kLargeElements = 64;
  static constexpr std::size_t kLargeBytes = std::size_t{1} << 20;

  struct Work {
    std::vector<Entry*> entries;
    std::vector<std::unique_ptr<Directory>> directories;
  };

  static bool isSmall(const Entry& entry);
  static void freeNow(Entry* entry);
  void freeNow(Directory& directory) const;
  void enqueue(Work work);
  void run();

  const DirectoryContext context_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::vector<Work> queue_;
  bool busy_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace trefoil::kv
