#include "aof/check.hpp"

#include <algorithm>
#include <cstring>

#include "aof/checkpoint.hpp"
#include "aof/log_walker.hpp"
#include "aof/manifest.hpp"
#include "aof/segment.hpp"

namespace trefoil::aof {
namespace {

std::string plural(std::uint64_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

std::uint64_t sizeOf(Env& env, const std::string& path) {
  const auto file = env.open(path, Env::OpenMode::kRead);
  if (!file.ok()) {
    return 0;
  }
  const auto size = file.value()->size();
  return size.ok() ? size.value() : 0;
}

// Every block of every unit; a damaged unit does not hide the next one.
Status checkBase(Env& env, const std::string& directory, const BaseEntry& base, CheckReport& report) {
  const std::string path = pathIn(directory, baseName(base.number));
  const auto damaged = [&](std::uint64_t offset, const Error& error, const std::string& lost) {
    report.damages.push_back({.file = path, .offset = offset, .what = error.message, .lost = lost, .repairable = false});
  };
  const auto reader = CheckpointReader::open(env, directory, base);
  if (!reader.ok() && reader.error().code != ErrorCode::kCorruption) {
    return reader.error();
  }
  if (!reader.ok()) {
    damaged(0, reader.error(), "everything that is not in the log behind lsn " + std::to_string(base.start));
    return {};
  }
  for (const UnitEntry& unit : reader.value()->units()) {
    ++report.units;
    const Status status = reader.value()->read(unit, [](std::string_view) { return Status(); });
    if (!status.ok() && status.error().code != ErrorCode::kCorruption) {
      return status.error();
    }
    if (!status.ok()) {
      damaged(unit.offset, status.error(), "unit " + std::to_string(unit.id) + " (" + plural(unit.bytes, "byte") + ")");
    }
  }
  return {};
}

// What lies in the log behind the place where a repair would cut it.
std::string lossBehind(Env& env, const std::string& directory, const Manifest& manifest, const LogWalker& walker) {
  const LogWalker::Damage& damage = walker.damage();
  const std::uint64_t size = sizeOf(env, damage.path);
  std::uint64_t bytes = size > damage.offset ? size - damage.offset : 0;
  for (std::size_t i = damage.segment + 1; i < manifest.segments.size(); ++i) {
    bytes += sizeOf(env, pathIn(directory, segmentName(manifest.segments[i].number)));
  }
  std::string loss = "the " + plural(bytes, "byte") + " of the log from lsn " + std::to_string(damage.lsn) + " on";
  if (walker.syncedMark() > damage.lsn) {
    loss += ", of which " + plural(walker.syncedMark() - damage.lsn, "byte") + " had been promised to be on disk";
  }
  if (manifest.base && manifest.base->needs > damage.lsn) {
    loss += "; the checkpoint's parts were captured at different moments up to lsn " + std::to_string(manifest.base->needs) +
            ", and without the log up to there they do not agree: transactions may be there in part";
  }
  return loss;
}

Result<bool> checkLog(Env& env, const std::string& directory, const Manifest& manifest, LogWalker& walker, CheckReport& report) {
  report.segments = manifest.segments.size();
  RecordView record;
  while (true) {
    const auto found = walker.next(record);
    if (!found.ok() && found.error().code != ErrorCode::kCorruption) {
      return found.error();
    }
    if (!found.ok()) {
      const LogWalker::Damage& damage = walker.damage();
      report.damages.push_back({.file = damage.path,
                                .offset = damage.offset,
                                .what = damage.what,
                                .lost = lossBehind(env, directory, manifest, walker),
                                .repairable = true});
      return false;
    }
    if (!found.value()) {
      report.torn_tail = walker.droppedReason();
      return true;
    }
    ++report.records;
    report.log_bytes += recordBytes(record.payload.size());
  }
}

// A segment without records.
Result<SegmentEntry> createEmptySegment(Env& env, ManifestStore& store, Lsn start) {
  SegmentEntry entry{.number = store.takeFileNumber(), .epoch = store.current().epoch + 1, .start = start, .end = start};
  SegmentIdentity identity{.epoch = entry.epoch, .start = start, .synced = start};
  char salt[4];
  env.randomBytes(salt);
  std::memcpy(&identity.salt, salt, sizeof(salt));
  TREFOIL_ASSIGN(const std::unique_ptr<File> file, createSegment(env, store.pathOf(segmentName(entry.number)), identity));
  TREFOIL_TRY(file->sync());
  TREFOIL_TRY(env.syncDirectory(store.directory()));
  return entry;
}

// The manifest says that the log ends at the damage; the bytes behind it go only after that is on disk. If the checkpoint needed
// more, the log goes on where that ended: what is committed from now on must not look older than the checkpoint's units.
Status cutLog(Env& env, const std::string& directory, const Manifest& manifest, const LogWalker::Damage& damage) {
  ManifestStore store(env, directory, manifest);
  std::vector<SegmentEntry> segments(manifest.segments.begin(), manifest.segments.begin() + static_cast<long>(damage.segment));
  if (damage.offset != 0) {
    segments.push_back(manifest.segments[damage.segment]);
    segments.back().end = damage.lsn;
  } else if (segments.empty() || segments.back().end != damage.lsn) {  // it held the checkpoint's start
    TREFOIL_ASSIGN(const SegmentEntry empty, createEmptySegment(env, store, damage.lsn));
    segments = {empty};
  }
  if (manifest.base && manifest.base->needs > damage.lsn) {
    TREFOIL_ASSIGN(const SegmentEntry empty, createEmptySegment(env, store, manifest.base->needs));
    segments.push_back(empty);
  }
  TREFOIL_TRY(store.update([&](Manifest& next) {
    next.segments = segments;
    next.epoch = std::max(next.epoch, segments.back().epoch);
    next.synced = *segments.back().end;
  }));
  if (damage.offset == 0) {
    return {};
  }
  TREFOIL_ASSIGN(const std::unique_ptr<File> file, env.open(damage.path, Env::OpenMode::kReadWrite));
  TREFOIL_TRY(file->truncate(damage.offset));
  return file->sync();
}

}  // namespace

Result<CheckReport> check(Env& env, const std::string& directory, const CheckOptions& options) {
  CheckReport report;
  if (!env.exists(manifestPath(directory))) {
    return Error(ErrorCode::kIo, "'" + directory + "' is no data directory: it has no MANIFEST");
  }
  TREFOIL_ASSIGN(const std::unique_ptr<FileLock> lock, env.lock(lockPath(directory)));
  auto manifest = ManifestStore::read(env, directory);
  if (!manifest.ok()) {
    if (manifest.error().code != ErrorCode::kCorruption) {
      return std::move(manifest).error();
    }
    report.damages.push_back({.file = manifestPath(directory),
                              .what = manifest.error().message,
                              .lost = "nothing but the manifest itself, as far as can be seen; it is not known what the files "
                                      "beside it mean without it"});
    return report;
  }
  if (manifest->base) {
    TREFOIL_TRY(checkBase(env, directory, *manifest->base, report));
  }
  LogWalker walker(env, directory, manifest.value());
  TREFOIL_ASSIGN(const bool sound, checkLog(env, directory, manifest.value(), walker, report));
  if (const Status newest = checkNewest(env, directory, manifest.value(), sound ? walker.validEnd() : walker.damage().lsn);
      !newest.ok()) {
    if (newest.error().code != ErrorCode::kCorruption) {
      return newest.error();
    }
    report.damages.push_back({.file = manifestPath(directory),
                              .what = newest.error().message,
                              .lost =
                                  "what is in that file, until the manifest that knows it is back; to do without it, move the "
                                  "file elsewhere",
                              .repairable = false});
  }
  if (!sound && options.repair && report.repairable()) {
    TREFOIL_TRY(cutLog(env, directory, manifest.value(), walker.damage()));
    report.repaired = true;
  }
  return report;
}

bool CheckReport::repairable() const {
  return std::all_of(damages.begin(), damages.end(), [](const Damage& damage) { return damage.repairable; });
}

std::string CheckReport::text() const {
  std::string text = "checked " + plural(segments, "log segment") + ", " + plural(records, "intact record") + " (" +
                     plural(log_bytes, "byte") + "), " + plural(units, "checkpoint unit") + "\n";
  for (const Damage& damage : damages) {
    text += "DAMAGED  " + damage.file + " at offset " + std::to_string(damage.offset) + "\n";
    text += "  what   " + damage.what + "\n";
    text += "  lost   " + damage.lost + "\n";
    if (!damage.repairable) {
      text += "  cannot be repaired by cutting: restore this file from a copy\n";
    } else if (repaired) {
      text += "  repaired: the log now ends there\n";
    } else {
      text += repairable() ? "  --repair cuts the log there\n"
                           : "  not repaired before the other damage is: --repair would cut the log there\n";
    }
  }
  if (!torn_tail.empty()) {
    text += "torn tail (the process or the machine stopped while it was written; the next start drops it): " + torn_tail + "\n";
  }
  if (damages.empty()) {
    text += "sound\n";
  }
  return text;
}

}  // namespace trefoil::aof
