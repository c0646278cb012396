// MANIFEST: which files make up the database, and what is known to be on disk. Text, replaced as a whole:
// written to MANIFEST.tmp, synced, renamed, directory synced. A reader therefore sees the old one or the new one. There is one
// way to write each: a line that is repeated, missing or out of order is damage, whatever the checksum says.
//
//   TREFOILM 1
//   epoch 3                                         of the records written since the last opening
//   next_file 9                                     numbers of base and log files are never used twice
//   next_unit 812                                   checkpoint unit ids are never used twice
//   hash_seed 9f86d081884c7d65
//   base base-7.tfs start 81264 needs 90112         the checkpoint: replay begins at `start`, and agrees with it from `needs` on
//   synced 131072                                   everything below was on disk when this was written
//   segment log-6.tfl epoch 2 start 65600 end 98304
//   segment log-8.tfl epoch 3 start 98304 end -     in LSN order, without gaps; `-` is in use: it ends where its records end.
//                                                   (One gap, up to `needs`: a repair has cut the log below the checkpoint.)
//   property partitions 00000400                    bytes of the floors above, in hex
//   crc 1a2b3c4d                                    crc32c of all above, newline included
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aof/record_format.hpp"
#include "base/env.hpp"
#include "base/status.hpp"
#include "base/types.hpp"

namespace trefoil::aof {

inline constexpr std::uint64_t kMaxManifestBytes = std::uint64_t{16} << 20;

struct SegmentEntry {
  std::uint64_t number = 0;
  std::uint32_t epoch = 0;
  Lsn start = 0;
  std::optional<Lsn> end;  // none: in use when the manifest was written
  bool operator==(const SegmentEntry&) const = default;
};

struct BaseEntry {
  std::uint64_t number = 0;
  Lsn start = 0;  // replay from here on; what lies below is in the units
  Lsn needs = 0;  // the highest capture LSN: units captured earlier need the log up to here to agree with those captured last
  bool operator==(const BaseEntry&) const = default;
};

struct Manifest {
  std::uint32_t epoch = 0;
  std::uint64_t next_file = 1;
  std::uint64_t next_unit = 1;
  std::uint64_t hash_seed = 0;
  std::optional<BaseEntry> base;
  Lsn synced = 0;
  std::vector<SegmentEntry> segments;
  std::map<std::string, std::string> properties;  // names without spaces; values are any bytes
  bool operator==(const Manifest&) const = default;

  [[nodiscard]] std::string encode() const;
  // kCorruption with line and reason, kUnsupported if a newer program wrote it; `path` is for the message.
  static Result<Manifest> decode(std::string_view text, const std::string& path);
};

// Paths in a data directory.
std::string pathIn(const std::string& directory, const std::string& name);
std::string manifestPath(const std::string& directory);
std::string lockPath(const std::string& directory);
std::string segmentName(std::uint64_t number);
std::string baseName(std::uint64_t number);
// Whether that is such a name, to the letter: what people call their copies is not ours.
bool isSegmentName(const std::string& name);
bool isBaseName(const std::string& name);
// The number in a segment's name; nothing if it is none.
std::optional<std::uint64_t> segmentNumber(const std::string& name);

// kCorruption with what a person should do about it. `what` has file and offset.
Error damageIn(const std::string& directory, std::string what);
// kUnsupported: a newer program wrote what is there. `what` has file and offset, and names the thing that is not known.
Error unknownFormat(const std::string& what);

// The manifest of an open directory: the only writer of the file. Thread-safe.
class ManifestStore {
 public:
  ManifestStore(Env& env, std::string directory, Manifest manifest)
      : env_(env), directory_(std::move(directory)), manifest_(std::move(manifest)) {}

  // As Manifest::decode; kIo if there is none.
  static Result<Manifest> read(Env& env, const std::string& directory);

  [[nodiscard]] Manifest current() const;
  // Applies `change` to a copy, puts the copy on disk, and only then makes it current. After an error either may be on disk, so
  // `change` must leave every file that the old one names in place until this returned ok, and those that it would have named,
  // too. kLimit if it would become too large to be read again.
  Status update(const std::function<void(Manifest&)>& change);
  // A number for a new file. Not on disk until the next update; a crash in between reuses it, for a file that nobody knew.
  std::uint64_t takeFileNumber();

  [[nodiscard]] Env& env() const { return env_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string pathOf(const std::string& name) const { return pathIn(directory_, name); }

 private:
  Env& env_;
  const std::string directory_;
  std::mutex update_mutex_;  // held while the file is written: one change after the other
  mutable std::mutex mutex_;
  Manifest manifest_;
};

}  // namespace trefoil::aof
