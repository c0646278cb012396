// Env: files, clock and randomness behind one interface, so that tests can inject faults and choose the time.
//
// The real one (Env::system()) calls libc: open, pread, pwrite, fdatasync, rename, … Nothing else in src/ touches files, clocks
// or random devices. What it makes is its owner's alone (files 0600, directories 0700), and it never gets at a file through a
// symbolic link that somebody has put in its place: opening one is an error, renaming and removing are about the link itself.
// FaultEnv (tests/base/fault_env.hpp) wraps one, fails the Nth call, and forgets unsynced bytes on "crash".
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "base/types.hpp"

namespace trefoil {

// An open file. Thread safety: pread and pwrite may run concurrently; close by destruction (errors there are of no consequence:
// what must be durable was synced before).
class File {
 public:
  virtual ~File() = default;
  // Reads up to buffer.size() bytes at `offset`; fewer only at the end of the file.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<char> buffer) = 0;
  // Writes all of `bytes` at `offset`, carrying on after short writes. On error part of it may be in the file.
  virtual Status write(std::uint64_t offset, std::string_view bytes) = 0;
  // fdatasync. After an error the file's unsynced content is unknown for ever: never sync it again and believe it.
  virtual Status sync() = 0;
  // A hint: these bytes are complete and may be on their way to the disk before sync() asks for them, which is then shorter.
  virtual void startWriteback(std::uint64_t /*offset*/, std::uint64_t /*bytes*/) {}
  // A hint: what is on disk of these bytes will not be read soon, and the memory that caches it is better used for something
  // else.
  virtual void dropCached(std::uint64_t /*offset*/, std::uint64_t /*bytes*/) {}
  // Makes room on the disk for these bytes, which read as zeros until they are written; the file grows if it ends before. Writing
  // there is cheaper than at the end of a file. kUnsupported where the file system cannot.
  virtual Status allocate(std::uint64_t offset, std::uint64_t bytes) = 0;
  virtual Status truncate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size() = 0;
  // Whether the file has a second name (a hard link: somebody's copy of it), whose content every change would change, too.
  virtual bool hasOtherNames() { return false; }
};

// Holds an exclusive lock on a file until destroyed.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class Env {
 public:
  enum class OpenMode {
    kRead,
    kReadWrite,
    kCreateNew,        // fails if there is a file of that name
    kReplace,          // a new file; one of that name is removed before, and not changed: it may have other names
    kReadThroughLink,  // kRead of a file that the user named
  };

  virtual ~Env() = default;
  // The process-wide real environment.
  static Env& system();

  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status remove(const std::string& path) = 0;
  virtual Status createDirectory(const std::string& path) = 0;  // and its parents, as mkdir -p; fine if it exists
  virtual Status syncDirectory(const std::string& path) = 0;
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;  // names, sorted, without . and ..
  virtual bool exists(const std::string& path) = 0;
  // flock(LOCK_EX | LOCK_NB) on `path`, writing our pid into it, and on the directory that it lies in, so that nobody gets in who
  // removes the file. kBusy with the owner's pid in the message when taken.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;

  virtual UnixMs now() = 0;                           // wall clock
  virtual std::int64_t nowMicros() = 0;               // wall clock, microseconds since 1970
  virtual std::int64_t monotonicMicros() = 0;         // for intervals
  virtual void randomBytes(std::span<char> out) = 0;  // from the system's generator
};

}  // namespace trefoil
