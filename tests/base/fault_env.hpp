// FaultEnv: an Env that fails when told to, and a disk that forgets on "crash" what was never synced.
//
// It wraps another Env (the real one, on a temporary directory) and keeps beside it, in memory, what a disk would hold after a
// power cut. The rules are the strict reading of POSIX, the ones that our log has to live with:
//
//   write, truncate   volatile until the file's sync()
//   a name            created, renamed or removed: volatile until syncDirectory() of its directory, whatever the file's state
//   a failed sync()   loses the file's unsynced writes for good: they stay readable, but no later sync makes them durable
//
//   FaultEnv env(Env::system());
//   env.failAt(n, {.kinds = kSync, .fault = Fault::kIoError});     the n-th sync from now fails, once
//   env.failAt(n, {.kinds = kAnyCall, .persistent = true});        the process is cut off at its n-th call
//   env.crash();            files become what was durable; all open files are dead; every call fails until …
//   env.restart();          … the next process starts. Destroy the old database before (it holds the lock), after crash().
//   env.crash(seed);        as crash(), but some of the unsynced writes and the first of the unsynced names survive
//
// Loop n over 1 … calls(kinds) of a clean run to visit every failure point. The clock may be stopped with setNow().
// What is durable is decided here: the wrapped Env is never asked to sync, so loops over failure points are fast.
// Contents are kept in memory as well, so keep files small. Thread-safe: one mutex around everything.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/env.hpp"

namespace trefoil::testing {

// Kinds of calls, to be combined with |.
using CallKinds = std::uint32_t;
inline constexpr CallKinds kOpen = 1;
inline constexpr CallKinds kRead = 2;
inline constexpr CallKinds kWrite = 4;
inline constexpr CallKinds kSync = 8;
inline constexpr CallKinds kTruncate = 16;
inline constexpr CallKinds kRename = 32;
inline constexpr CallKinds kRemove = 64;
inline constexpr CallKinds kSyncDirectory = 128;
inline constexpr CallKinds kList = 256;
inline constexpr CallKinds kCreateDirectory = 512;
inline constexpr CallKinds kLock = 1024;
inline constexpr CallKinds kSize = 2048;
inline constexpr CallKinds kAnyCall = 4095;
inline constexpr CallKinds kAnyChange = kWrite | kSync | kTruncate | kRename | kRemove | kSyncDirectory;

enum class Fault {
  kIoError,     // EIO, nothing done
  kNoSpace,     // ENOSPC, nothing done
  kShortWrite,  // the first half of a write reaches the file, then ENOSPC (nothing done for other calls)
};

struct FaultPlan {
  CallKinds kinds = kAnyCall;
  Fault fault = Fault::kIoError;
  bool persistent = false;    // every such call from the n-th on, until clearFault()
  std::string path_contains;  // only calls on paths with this text in them
};

class FaultEnv final : public Env {
 public:
  explicit FaultEnv(Env& wrapped) : wrapped_(wrapped) {}

  // The `nth` call (1 is the next one) that matches the plan fails. One plan at a time.
  void failAt(std::uint64_t nth, FaultPlan plan) {
    const std::lock_guard lock(mutex_);
    plan_ = std::move(plan);
    countdown_ = nth;
    fired_ = false;
  }
  void clearFault() {
    const std::lock_guard lock(mutex_);
    plan_.reset();
  }
  // Whether the plan has made a call fail.
  [[nodiscard]] bool fired() const {
    const std::lock_guard lock(mutex_);
    return fired_;
  }
  // How many calls of these kinds were made so far, failed ones included.
  [[nodiscard]] std::uint64_t calls(CallKinds kinds) const {
    const std::lock_guard lock(mutex_);
    std::uint64_t sum = 0;
    for (const auto& [kind, count] : calls_) {
      sum += (kind & kinds) != 0 ? count : 0;
    }
    return sum;
  }

  // A power cut. With a seed, a random part of what was not synced survives: any of a file's writes (perhaps half of one), and
  // in each directory the first few of the changes to its names.
  void crash(std::optional<std::uint64_t> seed = std::nullopt) {
    const std::lock_guard lock(mutex_);
    const std::map<std::string, std::string> left = leftBy(seed);
    std::set<std::string> touched;
    for (const Names* names : {&names_, &durable_names_}) {
      for (const auto& [path, inode] : *names) {
        touched.insert(path);
      }
    }
    for (const auto& [directory, changes] : unsynced_names_) {
      for (const NameChange& change : changes) {
        touched.insert(change.path);
      }
    }
    unsynced_names_.clear();
    for (const std::string& path : touched) {
      if (wrapped_.exists(path)) {
        must(wrapped_.remove(path));
      }
    }
    durable_names_.clear();
    for (const auto& [path, bytes] : left) {
      auto file = wrapped_.open(path, OpenMode::kCreateNew);
      TREFOIL_ASSERT(file.ok());
      must(file.value()->write(0, bytes));
      durable_names_[path] = std::make_shared<Inode>(Inode{.durable = bytes, .unsynced = {}});
    }
    names_ = durable_names_;
    ++generation_;
    down_ = true;
    plan_.reset();
  }
  // What crash(seed) would leave, by path. Nothing happens.
  [[nodiscard]] std::map<std::string, std::string> afterPowerCut(std::uint64_t seed) const {
    const std::lock_guard lock(mutex_);
    return leftBy(seed);
  }
  // Calls work again; files opened before the crash stay dead.
  void restart() {
    const std::lock_guard lock(mutex_);
    down_ = false;
  }

  // Stops the clock at `unix_us`; setNow(std::nullopt) lets it run again.
  void setNow(std::optional<std::int64_t> unix_us) {
    const std::lock_guard lock(mutex_);
    fixed_now_ = unix_us;
  }
  void advance(std::int64_t micros) {
    const std::lock_guard lock(mutex_);
    TREFOIL_ASSERT(fixed_now_.has_value());
    *fixed_now_ += micros;
  }
  // randomBytes() comes from this seed instead of the system.
  void seedRandom(std::uint64_t seed) {
    const std::lock_guard lock(mutex_);
    random_.emplace(seed);
  }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const std::lock_guard lock(mutex_);
    TREFOIL_TRY(before(kOpen, path));
    const bool existed = wrapped_.exists(path);
    std::shared_ptr<Inode> inode;
    if (existed && mode != OpenMode::kCreateNew) {
      TREFOIL_ASSIGN(inode, known(path));
    }
    TREFOIL_ASSIGN(std::unique_ptr<File> file, wrapped_.open(path, mode));
    if (!existed) {
      inode = std::make_shared<Inode>();
      changeName({.path = path, .inode = inode});
    } else if (mode == OpenMode::kReplace) {
      inode->unsynced.push_back({.offset = 0, .bytes = {}, .truncates = true});
    }
    return std::unique_ptr<File>(std::make_unique<FaultFile>(*this, std::move(file), std::move(inode), path, generation_));
  }

  Status rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(mutex_);
    TREFOIL_TRY(before(kRename, from));
    TREFOIL_ASSERT(parentOf(from) == parentOf(to));  // across directories a rename is not one change; we never do it
    TREFOIL_ASSIGN(auto inode, known(from));
    if (wrapped_.exists(to)) {
      TREFOIL_TRY(known(to));
    }
    TREFOIL_TRY(wrapped_.rename(from, to));
    changeName({.path = to, .inode = std::move(inode), .renamed_from = from});
    return {};
  }

  Status remove(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    TREFOIL_TRY(before(kRemove, path));
    if (wrapped_.exists(path)) {
      TREFOIL_TRY(known(path));
    }
    TREFOIL_TRY(wrapped_.remove(path));
    changeName({.path = path, .inode = nullptr});
    return {};
  }

  Status createDirectory(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    TREFOIL_TRY(before(kCreateDirectory, path));
    return wrapped_.createDirectory(path);
  }

  Status syncDirectory(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    TREFOIL_TRY(before(kSyncDirectory, path));
    if (const auto found = unsynced_names_.find(withoutSlash(path)); found != unsynced_names_.end()) {
      for (const NameChange& change : found->second) {
        change.apply(durable_names_);
      }
      unsynced_names_.erase(found);
    }
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    TREFOIL_TRY(before(kList, path));
    return wrapped_.list(path);
  }

  bool exists(const std::string& path) override { return wrapped_.exists(path); }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    TREFOIL_TRY(before(kLock, path));
    return wrapped_.lock(path);
  }

  UnixMs now() override { return {nowMicros() / 1000}; }
  std::int64_t nowMicros() override {
    const std::lock_guard lock(mutex_);
    return fixed_now_ ? *fixed_now_ : wrapped_.nowMicros();
  }
  std::int64_t monotonicMicros() override { return wrapped_.monotonicMicros(); }
  void randomBytes(std::span<char> out) override {
    const std::lock_guard lock(mutex_);
    if (!random_) {
      return wrapped_.randomBytes(out);
    }
    for (char& byte : out) {
      byte = static_cast<char>((*random_)());
    }
  }

 private:
  struct UnsyncedWrite {
    std::uint64_t offset;  // the new size, if it truncates
    std::string bytes;
    bool truncates = false;
  };

  // A file as the disk knows it, whatever its names.
  struct Inode {
    std::string durable;
    std::vector<UnsyncedWrite> unsynced;  // in order

    void apply(const UnsyncedWrite& write) {
      if (write.truncates) {
        durable.resize(write.offset);
      } else if (!write.bytes.empty()) {
        durable.resize(std::max<std::size_t>(durable.size(), write.offset + write.bytes.size()));
        std::memcpy(durable.data() + write.offset, write.bytes.data(), write.bytes.size());
      }
    }
    void sync() {
      for (const UnsyncedWrite& write : unsynced) {
        apply(write);
      }
      unsynced.clear();
    }
    // Power is cut: each unsynced write is lost, or with `random` perhaps kept, or kept in part.
    void settle(std::mt19937_64* random) {
      for (UnsyncedWrite& write : unsynced) {
        const std::uint64_t fate = random != nullptr ? (*random)() % 4 : 0;
        if (fate == 1) {
          write.bytes.resize((*random)() % (write.bytes.size() + 1));
        }
        if (fate != 0) {
          apply(write);
        }
      }
      unsynced.clear();
    }
  };

  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  struct NameChange {
    std::string path;
    std::shared_ptr<Inode> inode;  // null: the name is removed
    std::string renamed_from = {};

    void apply(Names& names) const {
      if (!renamed_from.empty()) {
        names.erase(renamed_from);
      }
      if (inode != nullptr) {
        names[path] = inode;
      } else {
        names.erase(path);
      }
    }
  };

  class FaultFile final : public File {
   public:
    FaultFile(FaultEnv& env, std::unique_ptr<File> file, std::shared_ptr<Inode> inode, std::string path, std::uint64_t generation)
        : env_(env), file_(std::move(file)), inode_(std::move(inode)), path_(std::move(path)), generation_(generation) {}

    Result<std::size_t> read(std::uint64_t offset, std::span<char> buffer) override {
      const std::lock_guard lock(env_.mutex_);
      TREFOIL_TRY(env_.before(kRead, path_, generation_));
      return file_->read(offset, buffer);
    }
    Status write(std::uint64_t offset, std::string_view bytes) override {
      const std::lock_guard lock(env_.mutex_);
      Status fault = env_.before(kWrite, path_, generation_);
      if (!fault.ok()) {
        if (!env_.last_fault_was_short_) {
          return fault;
        }
        bytes = bytes.substr(0, bytes.size() / 2);
      }
      TREFOIL_TRY(file_->write(offset, bytes));
      inode_->unsynced.push_back({.offset = offset, .bytes = std::string(bytes)});
      return fault;
    }
    Status sync() override {
      const std::lock_guard lock(env_.mutex_);
      if (Status fault = env_.before(kSync, path_, generation_); !fault.ok()) {
        inode_->unsynced.clear();
        return fault;
      }
      inode_->sync();
      return {};
    }
    Status allocate(std::uint64_t offset, std::uint64_t bytes) override {
      const std::lock_guard lock(env_.mutex_);
      TREFOIL_TRY(env_.before(kTruncate, path_, generation_));
      TREFOIL_ASSIGN(const std::uint64_t size, file_->size());
      if (offset + bytes > size) {
        TREFOIL_TRY(file_->truncate(offset + bytes));
        inode_->unsynced.push_back({.offset = offset + bytes, .bytes = {}, .truncates = true});
      }
      return {};
    }
    Status truncate(std::uint64_t size) override {
      const std::lock_guard lock(env_.mutex_);
      TREFOIL_TRY(env_.before(kTruncate, path_, generation_));
      TREFOIL_TRY(file_->truncate(size));
      inode_->unsynced.push_back({.offset = size, .bytes = {}, .truncates = true});
      return {};
    }
    Result<std::uint64_t> size() override {
      const std::lock_guard lock(env_.mutex_);
      TREFOIL_TRY(env_.before(kSize, path_, generation_));
      return file_->size();
    }

   private:
    FaultEnv& env_;
    const std::unique_ptr<File> file_;
    const std::shared_ptr<Inode> inode_;
    const std::string path_;
    const std::uint64_t generation_;
  };

  // Counts the call, and says whether it is to fail. With mutex_ held, as all below.
  Status before(CallKinds kind, const std::string& path, std::optional<std::uint64_t> generation = std::nullopt) {
    ++calls_[kind];
    last_fault_was_short_ = false;
    if (down_ || (generation && *generation != generation_)) {
      return failure("after the crash: ", path, EIO);
    }
    if (!plan_ || (plan_->kinds & kind) == 0 || path.find(plan_->path_contains) == std::string::npos) {
      return {};
    }
    if (countdown_ > 1) {
      --countdown_;
      return {};
    }
    fired_ = true;
    last_fault_was_short_ = plan_->fault == Fault::kShortWrite;
    Status status = failure("injected: ", path, plan_->fault == Fault::kIoError ? EIO : ENOSPC);
    if (!plan_->persistent) {
      plan_.reset();
    }
    return status;
  }

  static Status failure(const char* why, const std::string& path, int code) {
    Error error(ErrorCode::kIo, why + ("'" + path) + "': " + std::strerror(code));
    error.system_errno = code;
    return error;
  }

  static void must(const Status& status) { TREFOIL_ASSERT(status.ok()); }

  // The inode of an existing file. One that we did not see being made was there before us: durable as it is.
  Result<std::shared_ptr<Inode>> known(const std::string& path) {
    if (const auto found = names_.find(path); found != names_.end()) {
      return found->second;
    }
    TREFOIL_ASSIGN(const std::unique_ptr<File> file, wrapped_.open(path, OpenMode::kRead));
    TREFOIL_ASSIGN(const std::uint64_t size, file->size());
    auto inode = std::make_shared<Inode>();
    inode->durable.resize(size);
    TREFOIL_TRY(file->read(0, inode->durable));
    names_[path] = inode;
    durable_names_[path] = inode;
    return inode;
  }

  [[nodiscard]] std::map<std::string, std::string> leftBy(std::optional<std::uint64_t> seed) const {
    std::mt19937_64 random(seed.value_or(0));
    Names names = durable_names_;
    for (const auto& [directory, changes] : unsynced_names_) {
      const std::size_t kept = seed ? random() % (changes.size() + 1) : 0;
      for (std::size_t i = 0; i < kept; ++i) {
        changes[i].apply(names);
      }
    }
    std::map<const Inode*, Inode> settled;
    std::map<std::string, std::string> left;
    for (const auto& [path, inode] : names) {
      const auto [copy, is_first] = settled.try_emplace(inode.get(), *inode);
      if (is_first) {
        copy->second.settle(seed ? &random : nullptr);
      }
      left[path] = copy->second.durable;
    }
    return left;
  }

  void changeName(NameChange change) {
    change.apply(names_);
    unsynced_names_[parentOf(change.path)].push_back(std::move(change));
  }

  static std::string withoutSlash(std::string path) {
    while (path.size() > 1 && path.back() == '/') {
      path.pop_back();
    }
    return path;
  }
  static std::string parentOf(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    return slash == std::string::npos ? "." : withoutSlash(path.substr(0, slash + 1));
  }

  Env& wrapped_;
  mutable std::mutex mutex_;
  Names names_;                                                    // as the running process sees them
  Names durable_names_;                                            // as the disk holds them
  std::map<std::string, std::vector<NameChange>> unsynced_names_;  // by directory, in order
  std::uint64_t generation_ = 0;                                   // of open files: crash() makes the older ones dead
  bool down_ = false;                                              // between crash() and restart()
  std::optional<FaultPlan> plan_;
  std::uint64_t countdown_ = 0;
  bool fired_ = false;
  bool last_fault_was_short_ = false;
  std::map<CallKinds, std::uint64_t> calls_;
  std::optional<std::int64_t> fixed_now_;
  std::optional<std::mt19937_64> random_;
};

}  // namespace trefoil::testing
