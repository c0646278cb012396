// A server started for a benchmark: its process, its port, its CPU time and its memory. Ends with the object.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace bench {

class ServerProcess {
 public:
  // Runs `command` with "{port}" replaced by a free loopback port, and waits until PING is answered. Ends the program with a
  // message if that does not happen.
  ServerProcess(std::string name, std::vector<std::string> command);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  // User and system time of all threads so far, in seconds, from /proc/PID/stat.
  [[nodiscard]] double cpuSeconds() const;
  // Resident memory, from /proc/PID/statm.
  [[nodiscard]] std::uint64_t residentBytes() const;
  void stop();

 private:
  std::string name_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

// A blocking connection to 127.0.0.1:port; -1 if refused.
int connectTo(std::uint16_t port);
// Whether `program` is in PATH or is a file that can be run.
bool canRun(const std::string& program);
// An empty directory, removed with its contents when the object goes.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace bench
