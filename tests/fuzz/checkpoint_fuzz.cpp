// Any bytes as a checkpoint: the reader refuses it, or gives units of exactly the bytes that its directory promises. An odd first
// byte has the checksums made right, as the fuzzer cannot compute them; the bits of the second byte say which units' entries in
// the directory are then taken from the bytes of a block instead of from where the unit lies.
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "aof/checkpoint.hpp"
#include "base/assert.hpp"
#include "base/crc32c.hpp"
#include "tests/fuzz/memory_env.hpp"

namespace {

using namespace trefoil;       // NOLINT: a fuzzer
using namespace trefoil::aof;  // NOLINT

constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kBlockHeaderBytes = 32;
constexpr std::size_t kFooterBytes = 32;

template <typename Number>
void put(std::string& bytes, std::size_t at, Number value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}
template <typename Number>
Number get(const std::string& bytes, std::size_t at) {
  Number value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

// The checksum of the block there, whose length is right.
void makeBlockRight(std::string& bytes, std::size_t at) {
  const std::string_view block = std::string_view(bytes).substr(at, kBlockHeaderBytes + get<std::uint32_t>(bytes, at));
  put(bytes, at + 4, crc32c(block.substr(kBlockHeaderBytes), crc32c(block.substr(8, kBlockHeaderBytes - 8))));
}

// A file of the blocks in `content`, each of at most 255 bytes, a unit each, and a directory of them.
std::string makeRight(const std::string& content, std::uint8_t placed) {
  std::string file("TREFOILS\1\0\0\0\0\0\0\0", kHeaderBytes);
  put(file, 12, crc32c(std::string_view(file).substr(0, 12)));
  std::vector<UnitEntry> units;
  for (std::size_t at = 0; at + kBlockHeaderBytes <= content.size();) {
    const std::size_t length = std::min<std::size_t>(content[at] & 255, content.size() - at - kBlockHeaderBytes);
    const std::size_t offset = file.size();
    file.append(content, at, kBlockHeaderBytes + length);
    at += kBlockHeaderBytes + length;
    put(file, offset, static_cast<std::uint32_t>(length));
    makeBlockRight(file, offset);
    const auto number = get<std::uint32_t>(file, offset + 24);
    const bool goes_on =
        !units.empty() && number == units.back().blocks && get<std::uint64_t>(file, offset + 8) == units.back().id;
    if (!goes_on) {
      units.push_back({.offset = offset});
    }
    UnitEntry& unit = units.back();
    unit.id = get<std::uint64_t>(file, offset + 8);
    unit.lsn = get<std::uint64_t>(file, offset + 16);
    unit.kind = get<std::uint16_t>(file, offset + 28);
    unit.bytes += length;
    unit.blocks += 1;
    if ((placed >> units.size() % 8 & 1) != 0 && length >= sizeof(unit)) {  // whatever the block's own bytes say
      std::memcpy(&unit, file.data() + offset + kBlockHeaderBytes, sizeof(unit));
    }
  }
  const std::size_t directory = file.size();
  file.append(kBlockHeaderBytes, '\0');
  put(file, directory, static_cast<std::uint32_t>(units.size() * sizeof(UnitEntry)));
  file.append(reinterpret_cast<const char*>(units.data()), units.size() * sizeof(UnitEntry));
  makeBlockRight(file, directory);
  const std::size_t footer = file.size();
  file.append(kFooterBytes, '\0');
  put(file, footer, std::uint64_t{directory});
  put(file, footer + 8, std::uint64_t{units.size()});
  put(file, footer + 16, crc32c(std::string_view(file).substr(footer, 16)));
  std::memcpy(file.data() + footer + 24, "TREFOILE", 8);
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const std::string content(reinterpret_cast<const char*>(data) + 2, size - 2);
  fuzz::MemoryEnv env;
  env.put("d/base-1.tfs", data[0] % 2 == 1 ? makeRight(content, data[1]) : content);
  const auto reader = CheckpointReader::open(env, "d", {.number = 1, .start = 64, .needs = 64});
  if (!reader.ok()) {
    return 0;
  }
  for (const UnitEntry& unit : reader.value()->units()) {
    std::uint64_t bytes = 0;
    const Status status = reader.value()->read(unit, [&](std::string_view chunk) {
      bytes += chunk.size();
      return Status();
    });
    TREFOIL_ASSERT(status.ok() ? bytes == unit.bytes : status.error().code == ErrorCode::kCorruption);
  }
  return 0;
}
