// A library to preload into the program under test (LD_PRELOAD): it stands between the program and the file system.
//
//   FAULT_DIR=/path            only files in this directory are looked at
//   FAULT=call:k:what[:count]  the k-th (from 1) to the (k+count-1)-th call of `call` fail; count 0: all from the k-th on.
//                              call: open pwrite fdatasync fsync rename ftruncate unlink, or any (all of them counted together)
//                              what: ENOSPC, EIO or short (pwrite writes half and says so; other calls go through)
//   FAULT_WHILE=/path          calls fail only while there is such a file, and others are not counted
//   FAULT_COUNT=/path          at each call the number of calls so far is stored there, as text
//   FAULT_JOURNAL=/path        every successful change is appended there, in the order of the calls, so that a test can build the
//                              directory that a power cut would have left (faults.py reads it)
//
// Compiled by the tests with cc; see faults.py.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kMaxFds = 65536 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char ours[kMaxFds];  // fd -> it is a file in FAULT_DIR
static const char* directory;
static size_t directory_size;
static int journal = -1;
static int count_file = -1;
static char fault_call[16];
static long fault_from = 0, fault_to = 0, calls = 0;
static int fault_errno = 0, fault_short = 0;
static const char* fault_while;

__attribute__((constructor)) static void setUp(void) {
  directory = getenv("FAULT_DIR");
  directory_size = directory ? strlen(directory) : 0;
  const char* fault = getenv("FAULT");
  if (fault != NULL) {
    char what[16] = "";
    long count = 1;
    if (sscanf(fault, "%15[^:]:%ld:%15[^:]:%ld", fault_call, &fault_from, what, &count) < 3) abort();
    fault_to = count == 0 ? __LONG_MAX__ : fault_from + count;
    fault_short = strcmp(what, "short") == 0;
    fault_errno = strcmp(what, "ENOSPC") == 0 ? ENOSPC : EIO;
  }
  fault_while = getenv("FAULT_WHILE");
  const char* path = getenv("FAULT_JOURNAL");
  if (path != NULL) journal = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  path = getenv("FAULT_COUNT");
  if (path != NULL) count_file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  unsetenv("LD_PRELOAD");
}

static int inDirectory(const char* path) {
  return directory_size > 0 && path != NULL && strncmp(path, directory, directory_size) == 0 &&
         (path[directory_size] == '/' || path[directory_size] == 0);
}

static int isOurs(int fd) { return fd >= 0 && fd < kMaxFds && ours[fd]; }

// 0: go on; 1: fail with errno; 2: write half.
static int faultNow(const char* call) {
  if (fault_while != NULL && syscall(SYS_faccessat, AT_FDCWD, fault_while, F_OK) != 0) return 0;
  pthread_mutex_lock(&mutex);
  const int counted = strcmp(fault_call, "any") == 0 || strcmp(fault_call, call) == 0;
  const long n = counted ? ++calls : 0;
  if (counted && count_file >= 0) {
    char text[24];
    const int size = snprintf(text, sizeof(text), "%ld\n", calls);
    (void)!syscall(SYS_pwrite64, count_file, text, (size_t)size, 0L);
  }
  pthread_mutex_unlock(&mutex);
  if (n == 0 || n < fault_from || n >= fault_to) return 0;
  if (fault_short) return 2;
  errno = fault_errno;
  return 1;
}

// kind, fd, offset, size of name, size of data, name, data
static void note(char kind, int fd, int64_t offset, const char* name, const void* data, size_t size) {
  if (journal < 0) return;
  struct __attribute__((packed)) {
    uint8_t kind;
    int32_t fd;
    int64_t offset;
    uint32_t name_size;
    uint32_t data_size;
  } head = {(uint8_t)kind, fd, offset, (uint32_t)strlen(name), (uint32_t)size};
  struct iovec parts[3] = {{&head, sizeof(head)}, {(void*)name, head.name_size}, {(void*)data, size}};
  const int saved = errno;
  if (syscall(SYS_writev, journal, parts, 3L) < 0) abort();
  errno = saved;
}

static int openFile(const char* path, int flags, mode_t mode) {
  const int mine = inDirectory(path);
  if (mine && faultNow("open") == 1) return -1;
  if (mine) pthread_mutex_lock(&mutex);
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  if (fd >= 0 && fd < kMaxFds) ours[fd] = (char)mine;
  if (mine && fd >= 0) note(flags & O_TRUNC ? 'O' : 'o', fd, 0, path, NULL, 0);
  if (mine) pthread_mutex_unlock(&mutex);
  return fd;
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return openFile(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return openFile(path, flags, mode);
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  if (isOurs(fd)) {
    const int fault = faultNow("pwrite");
    if (fault == 1) return -1;
    if (fault == 2 && size > 1) size /= 2;
  }
  const ssize_t written = (ssize_t)syscall(SYS_pwrite64, fd, data, size, offset);
  if (isOurs(fd) && written > 0) note('w', fd, offset, "", data, (size_t)written);
  return written;
}
ssize_t pwrite64(int fd, const void* data, size_t size, off_t offset) { return pwrite(fd, data, size, offset); }

int ftruncate(int fd, off_t size) {
  if (isOurs(fd) && faultNow("ftruncate") == 1) return -1;
  const int result = (int)syscall(SYS_ftruncate, fd, size);
  if (isOurs(fd) && result == 0) note('t', fd, size, "", NULL, 0);
  return result;
}
int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }

static int syncFile(int fd, long number, const char* call) {
  if (isOurs(fd) && faultNow(call) == 1) {
    note('f', fd, 0, "", NULL, 0);
    return -1;
  }
  const int result = (int)syscall(number, fd);
  if (isOurs(fd) && result == 0) note('s', fd, 0, "", NULL, 0);
  return result;
}
int fdatasync(int fd) { return syncFile(fd, SYS_fdatasync, "fdatasync"); }
int fsync(int fd) { return syncFile(fd, SYS_fsync, "fsync"); }

int rename(const char* from, const char* to) {
  const int mine = inDirectory(from);
  if (mine && faultNow("rename") == 1) return -1;
  const int result = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  if (mine && result == 0) note('r', -1, 0, from, to, strlen(to));
  return result;
}

int unlink(const char* path) {
  const int mine = inDirectory(path);
  if (mine && faultNow("unlink") == 1) return -1;
  const int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  if (mine && result == 0) note('u', -1, 0, path, NULL, 0);
  return result;
}
