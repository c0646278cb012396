// Any text as a manifest, with the checksum it should have (its own last line, if it has one): it is refused, or it comes back to
// the letter, and a directory that has nothing but this manifest is opened and checked without harm.
#include <cstdint>
#include <cstdio>
#include <string>

#include "aof/check.hpp"
#include "aof/manifest.hpp"
#include "aof/recovery.hpp"
#include "base/assert.hpp"
#include "base/crc32c.hpp"
#include "tests/fuzz/memory_env.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trefoil;       // NOLINT: a fuzzer
  using namespace trefoil::aof;  // NOLINT
  std::string text(reinterpret_cast<const char*>(data), size);
  if (text.find("\ncrc ") == std::string::npos) {
    char line[16];
    std::snprintf(line, sizeof(line), "crc %08x\n", crc32c(text));
    text += line;
  }
  const auto decoded = Manifest::decode(text, "d/MANIFEST");
  if (!decoded.ok()) {
    return 0;
  }
  TREFOIL_ASSERT(decoded->encode() == text);
  fuzz::MemoryEnv env;
  env.put("d/MANIFEST", text);
  const auto report = check(env, "d", {.repair = true});
  TREFOIL_ASSERT(report.ok() && !report->damages.empty());  // its files are missing
  (void)report->text();
  auto recovery = Recovery::open(env, "d", {.ring_bytes = 4096});
  TREFOIL_ASSERT(recovery.ok() == report->repaired);
  if (recovery.ok()) {
    LogRecord record;
    TREFOIL_ASSERT(!(*recovery)->next(record).value());
    TREFOIL_ASSERT((*recovery)->finish().ok());
  }
  return 0;
}
