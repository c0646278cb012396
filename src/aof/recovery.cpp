#include "aof/recovery.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include "aof/checkpoint.hpp"
#include "aof/flusher.hpp"
#include "aof/log_walker.hpp"
#include "aof/open_parts.hpp"
#include "aof/segment.hpp"

namespace trefoil::aof {
namespace {

constexpr std::size_t kCopyBytes = std::size_t{1} << 20;

bool isLogFile(const std::string& name) {
  return name.starts_with("log-") && name.ends_with(".tfl");
}
bool isBaseFile(const std::string& name) {
  return name.starts_with("base-") && name.ends_with(".tfs");
}

Error missingManifest(const std::string& directory, const std::string& data) {
  return {ErrorCode::kCorruption, "'" + manifestPath(directory) + "' is missing, but there is data: '" + data + "'"};
}

// A directory without a manifest is empty, or the first opening died before its manifest was there: then it holds at most a
// segment with nothing but a head. Anything else is somebody's data.
Status checkNothingIsLost(Env& env, const std::string& directory) {
  TREFOIL_ASSIGN(const std::vector<std::string> names, env.list(directory));
  for (const std::string& name : names) {
    const std::string path = pathIn(directory, name);
    bool has_data = isBaseFile(name);
    if (isLogFile(name)) {
      TREFOIL_ASSIGN(const std::unique_ptr<File> file, env.open(path, Env::OpenMode::kRead));
      TREFOIL_ASSIGN(const std::uint64_t size, file->size());
      has_data = size > kSegmentHeaderBytes;
    }
    if (has_data) {
      return missingManifest(directory, path);
    }
  }
  return {};
}

// Files of ours that the manifest does not name: left over by a crash or a failed removal. What cannot be removed waits for next
// time.
void removeUnnamed(Env& env, const std::string& directory, const Manifest& manifest) {
  const auto names = env.list(directory);
  if (!names.ok()) {
    return;
  }
  for (const std::string& name : names.value()) {
    const bool named = (manifest.base && name == baseName(manifest.base->number)) ||
                       std::any_of(manifest.segments.begin(), manifest.segments.end(),
                                   [&](const SegmentEntry& segment) { return name == segmentName(segment.number); });
    if (!named && (isLogFile(name) || isBaseFile(name) || name == "MANIFEST.tmp")) {
      (void)env.remove(pathIn(directory, name));
    }
  }
}

}  // namespace

struct Recovery::State {
  Env& env;
  std::string directory;
  LogOptions options;
  std::unique_ptr<FileLock> lock;
  Manifest manifest;
  std::unique_ptr<CheckpointReader> checkpoint;
  std::unique_ptr<LogWalker> walker;
  bool at_end = false;
  RecoveryReport report;

  // Parts are remembered by place and read again when their commit record comes: those of transactions that never committed cost
  // nothing.
  struct PartPlace {
    std::size_t segment;
    Lsn lsn;
  };
  std::map<Lsn, std::vector<PartPlace>> groups;
  std::map<std::size_t, std::unique_ptr<SegmentReader>> part_readers;  // by index in the manifest
  std::string joined;

  Status addPart(const RecordView& record);
  Status joinParts(const RecordView& record);
  Error inconsistent(const RecordView& record, const std::string& what) const;
  Result<std::unique_ptr<File>> copyTail(const SegmentEntry& from, Lsn end, const SegmentIdentity& to, std::uint64_t number);
};

Error Recovery::State::inconsistent(const RecordView& record, const std::string& what) const {
  return {ErrorCode::kCorruption,
          "'" + directory + "': the record at lsn " + std::to_string(record.header.lsn) + " is intact, but " + what};
}

Status Recovery::State::addPart(const RecordView& record) {
  PartPrefix prefix;
  if (record.payload.size() < sizeof(prefix)) {
    return inconsistent(record, "too short for a part");
  }
  std::memcpy(&prefix, record.payload.data(), sizeof(prefix));
  std::vector<PartPlace>& parts = groups[prefix.group == 0 ? record.header.lsn : prefix.group];
  if (prefix.number != parts.size()) {
    return inconsistent(record, "it is part " + std::to_string(prefix.number) + " of its transaction, and " +
                                    std::to_string(parts.size()) + " came before");
  }
  parts.push_back({.segment = walker->segmentIndex(), .lsn = record.header.lsn});
  return {};
}

Status Recovery::State::joinParts(const RecordView& record) {
  PartPrefix prefix;
  if (record.payload.size() < sizeof(prefix)) {
    return inconsistent(record, "too short for the end of a transaction in parts");
  }
  std::memcpy(&prefix, record.payload.data(), sizeof(prefix));
  const auto group = groups.find(prefix.group);
  const std::size_t found = group == groups.end() ? 0 : group->second.size();
  if (found == 0 || found != prefix.number) {
    return inconsistent(
        record, "its transaction has " + std::to_string(prefix.number) + " parts, and " + std::to_string(found) + " are there");
  }
  joined.clear();
  std::string part;
  for (const PartPlace& place : group->second) {
    std::unique_ptr<SegmentReader>& reader = part_readers[place.segment];
    if (reader == nullptr) {
      const SegmentEntry& entry = manifest.segments[place.segment];
      TREFOIL_ASSIGN(reader, SegmentReader::open(env, pathIn(directory, segmentName(entry.number)), entry));
    }
    TREFOIL_TRY(reader->readPayload(place.lsn, part));
    joined.append(part, sizeof(PartPrefix));
  }
  joined.append(record.payload.substr(sizeof(PartPrefix)));
  groups.erase(group);
  return {};
}

Recovery::Recovery(std::unique_ptr<State> state) : state_(std::move(state)) {}
Recovery::~Recovery() = default;

Result<std::unique_ptr<Recovery>> Recovery::open(Env& env, const std::string& directory, const LogOptions& options) {
  auto state = std::make_unique<State>(State{.env = env, .directory = directory, .options = options});
  TREFOIL_TRY(env.createDirectory(directory));
  TREFOIL_ASSIGN(state->lock, env.lock(lockPath(directory)));
  if (env.exists(manifestPath(directory))) {
    auto manifest = ManifestStore::read(env, directory);
    if (!manifest.ok()) {
      return withCheckHint(std::move(manifest).error(), directory);
    }
    state->manifest = std::move(manifest).value();
  } else {
    TREFOIL_TRY(checkNothingIsLost(env, directory));
    state->report.created = true;
    char seed[8];
    env.randomBytes(seed);
    std::memcpy(&state->manifest.hash_seed, seed, sizeof(seed));
  }
  if (state->manifest.base) {
    auto checkpoint = CheckpointReader::open(env, pathIn(directory, baseName(state->manifest.base->number)));
    if (!checkpoint.ok()) {
      return withCheckHint(std::move(checkpoint).error(), directory);
    }
    state->checkpoint = std::move(checkpoint).value();
  }
  state->walker = std::make_unique<LogWalker>(env, directory, state->manifest);
  return std::unique_ptr<Recovery>(new Recovery(std::move(state)));
}

const Manifest& Recovery::manifest() const {
  return state_->manifest;
}
const CheckpointReader* Recovery::checkpoint() const {
  return state_->checkpoint.get();
}
const RecoveryReport& Recovery::report() const {
  return state_->report;
}

Result<bool> Recovery::next(LogRecord& record) {
  State& state = *state_;
  RecordView view;
  while (!state.at_end) {
    TREFOIL_ASSIGN(const bool found, state.walker->next(view));
    if (!found) {
      break;
    }
    record = {.lsn = view.header.lsn, .epoch = view.header.epoch, .payload = view.payload};
    switch (view.header.kind) {
      case RecordKind::kMark:
        continue;
      case RecordKind::kPart:
        TREFOIL_TRY(state.addPart(view));
        continue;
      case RecordKind::kCommitParts:
        TREFOIL_TRY(state.joinParts(view));
        record.payload = state.joined;
        ++state.report.records;
        return true;
      case RecordKind::kCommit:
        ++state.report.records;
        return true;
    }
    return Error(ErrorCode::kUnsupported, "'" + state.directory + "': the record at lsn " + std::to_string(record.lsn) +
                                              " is of a kind unknown to this program");
  }
  const Lsn end = state.walker->validEnd();
  if (state.manifest.base && end < state.manifest.base->needs) {
    return Error(ErrorCode::kCorruption, "'" + state.directory + "': the checkpoint needs the log up to lsn " +
                                             std::to_string(state.manifest.base->needs) + ", but it ends at " +
                                             std::to_string(end));
  }
  state.at_end = true;
  state.report.segments = state.manifest.segments.size();
  state.report.dropped_bytes = state.walker->droppedBytes();
  state.report.dropped_reason = state.walker->droppedReason();
  return false;
}

// A fresh segment with the records [to.start, end) of an old one, under the new epoch. Not synced.
Result<std::unique_ptr<File>> Recovery::State::copyTail(const SegmentEntry& from, Lsn end, const SegmentIdentity& to,
                                                        std::uint64_t number) {
  TREFOIL_ASSIGN(std::unique_ptr<File> file, createSegment(env, pathIn(directory, segmentName(number)), to));
  if (to.start == end) {
    return file;
  }
  TREFOIL_ASSIGN(const std::unique_ptr<SegmentReader> reader,
                 SegmentReader::open(env, pathIn(directory, segmentName(from.number)), from));
  reader->seek(to.start);
  std::string batch;
  Lsn written = to.start;
  while (reader->position() < end) {
    RecordView record;
    TREFOIL_ASSIGN(const SegmentReader::Outcome outcome, reader->next(record));
    if (outcome != SegmentReader::Outcome::kRecord) {
      return Error(ErrorCode::kCorruption, reader->describe(reader->position()) + ": " + reader->badReason());
    }
    RecordHeader header = record.header;
    header.epoch = to.epoch;
    header.crc = recordCrc(header, crc32c(record.payload), to.salt);
    batch.append(reinterpret_cast<const char*>(&header), sizeof(header));
    batch.append(record.payload);
    batch.resize(static_cast<std::size_t>(record.end() - written), '\0');
    if (batch.size() >= kCopyBytes || record.end() == end) {
      TREFOIL_TRY(file->write(kSegmentHeaderBytes + (written - to.start), batch));
      written = record.end();
      batch.clear();
    }
  }
  return file;
}

Result<std::unique_ptr<Log>> Recovery::finish() {
  State& state = *state_;
  TREFOIL_ASSERT(state.at_end);
  const Lsn end = state.walker->validEnd();
  const std::uint64_t number = state.manifest.next_file;
  SegmentIdentity fresh{.epoch = state.manifest.epoch + 1, .start = end};
  char salt[4];
  state.env.randomBytes(salt);
  std::memcpy(&fresh.salt, salt, sizeof(salt));
  std::unique_ptr<File> file;
  if (state.manifest.segments.empty()) {
    fresh.synced = fresh.start;
    TREFOIL_ASSIGN(file, state.copyTail({}, end, fresh, number));
  } else {
    const SegmentEntry& last = state.manifest.segments.back();
    fresh.start = std::clamp(state.walker->syncedMark(), last.start, end);
    fresh.synced = fresh.start;
    TREFOIL_ASSIGN(file, state.copyTail(last, end, fresh, number));
  }
  TREFOIL_TRY(file->sync());
  TREFOIL_TRY(state.env.syncDirectory(state.directory));

  auto store = std::make_unique<ManifestStore>(state.env, state.directory, state.manifest);
  TREFOIL_TRY(store->update([&](Manifest& manifest) {
    manifest.epoch = fresh.epoch;
    manifest.next_file = number + 1;
    manifest.synced = end;
    if (!manifest.segments.empty()) {
      manifest.segments.back().end = fresh.start;
      if (manifest.segments.back().start == fresh.start) {
        manifest.segments.pop_back();  // nothing of it is left
      }
    }
    manifest.segments.push_back({.number = number, .epoch = fresh.epoch, .start = fresh.start, .end = std::nullopt});
  }));
  removeUnnamed(state.env, state.directory, store->current());
  return std::unique_ptr<Log>(new Log({.options = state.options,
                                       .lock = std::move(state.lock),
                                       .manifest = std::move(store),
                                       .file = std::move(file),
                                       .end = end,
                                       .salt = fresh.salt}));
}

}  // namespace trefoil::aof
