// The real environment: plain libc calls (so that a fault-injecting libc works on us as well), restarted after EINTR, carried on
// after short reads and writes. Every failure says the call, the path and the system's text, and keeps the errno.
#include "base/env.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstring>
#include <system_error>
#include <thread>

namespace trefoil {
namespace {

Error ioError(std::string_view call, const std::string& path, int code = errno) {
  Error error(ErrorCode::kIo, std::string(call) + " '" + path + "': " + std::generic_category().message(code));
  error.system_errno = code;
  return error;
}

// Calls `call` again for as long as a signal interrupts it.
template <typename Call>
auto restarted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) {
    result = call();
  }
  return result;
}

// An open descriptor, closed on destruction.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);  // not restarted: on Linux the descriptor is gone even after EINTR
    }
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }

 private:
  const int fd_;
};

class SystemFile final : public File {
 public:
  SystemFile(int fd, std::string path) : descriptor_(fd), path_(std::move(path)) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<char> buffer) override {
    std::size_t done = 0;
    while (done < buffer.size()) {
      const ssize_t n = restarted([&] {
        return ::pread(descriptor_.get(), buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset + done));
      });
      if (n < 0) {
        return ioError("read", path_);
      }
      if (n == 0) {
        break;
      }
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  Status write(std::uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n =
          restarted([&] { return ::pwrite(descriptor_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
      if (n < 0) {
        return ioError("write", path_);
      }
      if (n == 0) {
        return ioError("write", path_, EIO);  // no progress and no reason: do not try for ever
      }
      bytes.remove_prefix(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  Status sync() override {
    if (restarted([&] { return ::fdatasync(descriptor_.get()); }) != 0) {
      return ioError("fdatasync", path_);
    }
    return {};
  }

  void startWriteback(std::uint64_t offset, std::uint64_t bytes) override {
    // Whether it works, fdatasync will say: with this flag alone the call takes no error away from it.
    static_cast<void>(
        ::sync_file_range(descriptor_.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes), SYNC_FILE_RANGE_WRITE));
  }

  void dropCached(std::uint64_t offset, std::uint64_t bytes) override {
    static_cast<void>(
        ::posix_fadvise(descriptor_.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes), POSIX_FADV_DONTNEED));
  }

  Status allocate(std::uint64_t offset, std::uint64_t bytes) override {
    if (restarted([&] { return ::fallocate(descriptor_.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(bytes)); }) !=
        0) {
      return ioError("fallocate", path_);
    }
    return {};
  }

  Status truncate(std::uint64_t size) override {
    if (restarted([&] { return ::ftruncate(descriptor_.get(), static_cast<off_t>(size)); }) != 0) {
      return ioError("truncate", path_);
    }
    return {};
  }

  Result<std::uint64_t> size() override {
    struct stat info {};
    if (::fstat(descriptor_.get(), &info) != 0) {
      return ioError("stat", path_);
    }
    return static_cast<std::uint64_t>(info.st_size);
  }

  bool hasOtherNames() override {
    struct stat info {};
    return ::fstat(descriptor_.get(), &info) == 0 && info.st_nlink > 1;
  }

  // Error-free: a regular file with one name. Anything else has been put there by somebody.
  Status requireOwn() {
    struct stat info {};
    if (::fstat(descriptor_.get(), &info) != 0) {
      return ioError("stat", path_);
    }
    if (!S_ISREG(info.st_mode) || info.st_nlink > 1) {
      return Error(ErrorCode::kIo,
                   "'" + path_ + "' is not a file of ours: it is no regular file, or has a second name elsewhere");
    }
    return {};
  }

 private:
  Descriptor descriptor_;
  const std::string path_;
};

// flock belongs to the open file description: closing the descriptor releases it, and so does the death of the process.
class SystemLock final : public FileLock {
 public:
  SystemLock(int directory, int fd, const std::string& path) : directory_(directory), file_(fd, path) {}
  Status writeOwner() {
    TREFOIL_TRY(file_.requireOwn());
    TREFOIL_TRY(file_.truncate(0));
    return file_.write(0, std::to_string(::getpid()) + "\n");
  }

 private:
  Descriptor directory_;
  SystemFile file_;
};

bool isSymbolicLink(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode);
}

Error openError(const std::string& path, int code = errno) {
  if ((code == ELOOP || code == EEXIST) && isSymbolicLink(path)) {
    Error error(ErrorCode::kIo, "'" + path + "' is a symbolic link: the files of a database are not reached through one");
    error.system_errno = code;
    return std::move(error).withHint("Remove the link. To keep the data elsewhere, let the whole directory be a link.");
  }
  return ioError("open", path, code);
}

// What somebody has put in a file's place is neither followed (a link) nor waited for (a pipe).
constexpr int kOwnFile = O_NOFOLLOW | O_NONBLOCK;

int openFile(const std::string& path, int flags) {
  return restarted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0600); });
}

class SystemEnv final : public Env {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    int flags = kOwnFile;
    switch (mode) {
      case OpenMode::kRead:
        flags |= O_RDONLY;
        break;
      case OpenMode::kReadThroughLink:
        flags = O_RDONLY;
        break;
      case OpenMode::kReadWrite:
        flags |= O_RDWR;
        break;
      case OpenMode::kCreateNew:
      case OpenMode::kReplace:
        flags |= O_RDWR | O_CREAT | O_EXCL;
        break;
    }
    int fd = openFile(path, flags);
    if (fd < 0 && errno == EEXIST && mode == OpenMode::kReplace && !isSymbolicLink(path)) {
      TREFOIL_TRY(remove(path));
      fd = openFile(path, flags);
    }
    if (fd < 0) {
      return openError(path);
    }
    return std::unique_ptr<File>(std::make_unique<SystemFile>(fd, path));
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return ioError("rename to '" + to + "' of", from);
    }
    return {};
  }

  Status remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) {
      return ioError("remove", path);
    }
    return {};
  }

  Status createDirectory(const std::string& path) override { return makeDirectory(path, 0700); }

  Status makeDirectory(const std::string& path, mode_t mode) {
    if (isDirectory(path)) {
      return {};
    }
    if (path.size() >= PATH_MAX) {  // also bounds the recursion
      return ioError("create directory", path, ENAMETOOLONG);
    }
    const std::string parent = parentOf(path);
    if (parent != path) {
      TREFOIL_TRY(makeDirectory(parent, 0777));
    }
    if (::mkdir(path.c_str(), mode) != 0) {
      const int code = errno;
      if (code == EEXIST && isDirectory(path)) {
        return {};  // another process was quicker
      }
      return ioError("create directory", path, code);
    }
    return syncDirectory(parent);
  }

  Status syncDirectory(const std::string& path) override {
    const Descriptor directory(restarted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (!directory.valid()) {
      return ioError("open", path);
    }
    // EINVAL: this file system has nothing to sync for a directory.
    if (restarted([&] { return ::fsync(directory.get()); }) != 0 && errno != EINVAL) {
      return ioError("fsync", path);
    }
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& path) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
    if (directory == nullptr) {
      return ioError("list", path);
    }
    std::vector<std::string> names;
    for (;;) {
      errno = 0;  // readdir tells its end from an error by errno alone
      const dirent* const entry = ::readdir(directory.get());
      if (entry == nullptr) {
        if (errno != 0) {
          return ioError("list", path);
        }
        break;
      }
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") {
        names.emplace_back(name);
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  // Also a link that leads nowhere: something is there.
  bool exists(const std::string& path) override {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0;
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    const std::string parent = parentOf(path);
    const int directory = openFile(parent, O_RDONLY | O_DIRECTORY);
    if (directory < 0) {
      return ioError("open", parent);
    }
    const int fd = openFile(path, O_RDWR | O_CREAT | kOwnFile);
    const int code = errno;
    auto lock = std::make_unique<SystemLock>(directory, fd, path);
    if (fd < 0) {
      return openError(path, code);
    }
    // Where directories cannot be locked (NFS takes locks on files that are open for writing only), the file's lock stands alone.
    bool taken = tryLock(directory) != 0 && errno == EWOULDBLOCK;
    if (!taken && tryLock(fd) != 0) {
      if (errno != EWOULDBLOCK) {
        return ioError("lock", path);
      }
      taken = true;
    }
    if (taken) {
      const std::string owner = lockOwner(fd);
      return Error(ErrorCode::kBusy, "'" + path + "' is locked by " + (owner.empty() ? "another process" : "process " + owner));
    }
    TREFOIL_TRY(lock->writeOwner());
    return std::unique_ptr<FileLock>(std::move(lock));
  }

  UnixMs now() override { return {nowMicros() / 1000}; }

  std::int64_t nowMicros() override { return micros<std::chrono::system_clock>(); }

  std::int64_t monotonicMicros() override { return micros<std::chrono::steady_clock>(); }

  void randomBytes(std::span<char> out) override {
    while (!out.empty()) {
      const ssize_t n = restarted([&] { return ::getrandom(out.data(), out.size(), 0); });
      TREFOIL_ASSERT(n > 0);
      out = out.subspan(static_cast<std::size_t>(n));
    }
  }

 private:
  static int tryLock(int fd) {
    return restarted([&] { return ::flock(fd, LOCK_EX | LOCK_NB); });
  }

  template <typename Clock>
  static std::int64_t micros() {
    return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count();
  }

  // The pid in a lock file that somebody holds; empty if it cannot be learned. A process that has just taken the lock has not
  // written its pid yet: the file is empty, or names one that is gone. That is waited out.
  static std::string lockOwner(int fd) {
    for (int attempt = 0; attempt < 100; ++attempt) {
      char text[16] = {};
      const ssize_t n = ::pread(fd, text, sizeof(text), 0);
      const std::string_view seen(text, n > 0 ? static_cast<std::size_t>(n) : 0);
      const std::string_view owner = seen.substr(0, seen.find('\n'));
      pid_t pid = 0;
      const auto parsed = std::from_chars(owner.data(), owner.data() + owner.size(), pid);
      const bool whole = owner.size() < seen.size() && parsed.ec == std::errc() && pid > 0;
      if (whole && (::kill(pid, 0) == 0 || errno != ESRCH)) {
        return std::string(owner);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return "";
  }

  static bool isDirectory(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  }

  // "a/b/" and "a/b" -> "a"; "a" -> "."; "/" -> "/".
  static std::string parentOf(const std::string& path) {
    const std::size_t last = path.find_last_not_of('/');
    if (last == std::string::npos) {
      return path.empty() ? "." : "/";
    }
    const std::size_t slash = path.find_last_of('/', last);
    if (slash == std::string::npos) {
      return ".";
    }
    const std::size_t end = path.find_last_not_of('/', slash);
    return end == std::string::npos ? "/" : path.substr(0, end + 1);
  }
};

}  // namespace

Env& Env::system() {
  static SystemEnv env;
  return env;
}

}  // namespace trefoil
