// MemoryEnv: a few files in memory, for fuzzers that open a directory some thousand times a second. Nothing fails but what is not
// there; a file is the same for all who have it open. Thread safety: none (the log's own thread may use what it alone has open).
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/env.hpp"

namespace trefoil::fuzz {

class MemoryEnv final : public Env {
 public:
  void put(const std::string& path, std::string bytes) { files_[path] = std::make_shared<std::string>(std::move(bytes)); }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    auto& bytes = files_[path];
    if (bytes == nullptr && (mode == OpenMode::kRead || mode == OpenMode::kReadWrite)) {
      files_.erase(path);
      Error error(ErrorCode::kIo, "open '" + path + "': No such file or directory");
      error.system_errno = ENOENT;
      return error;
    }
    if (bytes == nullptr || mode == OpenMode::kReplace) {
      bytes = std::make_shared<std::string>();
    }
    return std::unique_ptr<File>(std::make_unique<MemoryFile>(bytes));
  }
  Status rename(const std::string& from, const std::string& to) override {
    files_[to] = files_[from];
    files_.erase(from);
    return {};
  }
  Status remove(const std::string& path) override {
    files_.erase(path);
    return {};
  }
  Status createDirectory(const std::string& /*path*/) override { return {}; }
  Status syncDirectory(const std::string& /*path*/) override { return {}; }
  Result<std::vector<std::string>> list(const std::string& path) override {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files_) {
      if (name.starts_with(path + "/")) {
        names.push_back(name.substr(path.size() + 1));
      }
    }
    return names;
  }
  bool exists(const std::string& path) override { return files_.contains(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& /*path*/) override { return std::make_unique<FileLock>(); }
  UnixMs now() override { return {}; }
  std::int64_t nowMicros() override { return 0; }
  std::int64_t monotonicMicros() override { return 0; }
  void randomBytes(std::span<char> out) override { std::memset(out.data(), 7, out.size()); }

 private:
  class MemoryFile final : public File {
   public:
    explicit MemoryFile(std::shared_ptr<std::string> bytes) : bytes_(std::move(bytes)) {}
    Result<std::size_t> read(std::uint64_t offset, std::span<char> buffer) override {
      if (offset > INT64_MAX) {
        return Error(ErrorCode::kIo, "read: Invalid argument");  // as the real one
      }
      if (offset >= bytes_->size()) {
        return std::size_t{0};
      }
      const std::size_t size = std::min<std::size_t>(buffer.size(), bytes_->size() - offset);
      std::memcpy(buffer.data(), bytes_->data() + offset, size);
      return size;
    }
    Status write(std::uint64_t offset, std::string_view bytes) override {
      bytes_->resize(std::max<std::size_t>(bytes_->size(), offset + bytes.size()));
      std::memcpy(bytes_->data() + offset, bytes.data(), bytes.size());
      return {};
    }
    Status sync() override { return {}; }
    Status allocate(std::uint64_t offset, std::uint64_t bytes) override {
      bytes_->resize(std::max<std::size_t>(bytes_->size(), offset + bytes));
      return {};
    }
    Status truncate(std::uint64_t size) override {
      bytes_->resize(size);
      return {};
    }
    Result<std::uint64_t> size() override { return std::uint64_t{bytes_->size()}; }

   private:
    const std::shared_ptr<std::string> bytes_;
  };

  std::map<std::string, std::shared_ptr<std::string>> files_;
};

}  // namespace trefoil::fuzz
