// SteppingEnv: every call about files is two steps, one before and one behind it, and randomness comes from the seed.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/base/forwarding_env.hpp"
#include "tests/schedule/scheduler.hpp"

namespace trefoil::schedule {

// A call between two steps.
template <typename Call>
auto stepping(const char* what, Call&& call) {
  step(what);
  auto result = call();
  step("done");
  return result;
}

class SteppingEnv final : public testing::ForwardingEnv {
 public:
  SteppingEnv(Env& to, std::uint64_t seed) : ForwardingEnv(to), random_(seed) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    return stepping("open", [&]() -> Result<std::unique_ptr<File>> {
      TREFOIL_ASSIGN(std::unique_ptr<File> file, ForwardingEnv::open(path, mode));
      return std::unique_ptr<File>(std::make_unique<SteppingFile>(std::move(file)));
    });
  }
  Status rename(const std::string& from, const std::string& to) override {
    return stepping("rename", [&] { return ForwardingEnv::rename(from, to); });
  }
  Status remove(const std::string& path) override {
    return stepping("remove", [&] { return ForwardingEnv::remove(path); });
  }
  Status syncDirectory(const std::string& path) override {
    return stepping("sync a directory", [&] { return ForwardingEnv::syncDirectory(path); });
  }
  Result<std::vector<std::string>> list(const std::string& path) override {
    return stepping("list", [&] { return ForwardingEnv::list(path); });
  }
  void randomBytes(std::span<char> out) override {
    for (char& byte : out) {
      byte = static_cast<char>(random_());
    }
  }

 private:
  class SteppingFile final : public File {
   public:
    explicit SteppingFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
    Result<std::size_t> read(std::uint64_t offset, std::span<char> buffer) override {
      return stepping("read", [&] { return file_->read(offset, buffer); });
    }
    Status write(std::uint64_t offset, std::string_view bytes) override {
      return stepping("write", [&] { return file_->write(offset, bytes); });
    }
    Status sync() override {
      return stepping("sync", [&] { return file_->sync(); });
    }
    Status allocate(std::uint64_t offset, std::uint64_t bytes) override {
      return stepping("allocate", [&] { return file_->allocate(offset, bytes); });
    }
    Status truncate(std::uint64_t size) override {
      return stepping("truncate", [&] { return file_->truncate(size); });
    }
    Result<std::uint64_t> size() override {
      return stepping("size", [&] { return file_->size(); });
    }
    bool hasOtherNames() override { return file_->hasOtherNames(); }

   private:
    const std::unique_ptr<File> file_;
  };

  std::mt19937_64 random_;
};

}  // namespace trefoil::schedule
