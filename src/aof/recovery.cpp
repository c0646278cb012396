#include "aof/recovery.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "aof/checkpoint.hpp"
#include "aof/flusher.hpp"
#include "aof/log_position.hpp"
#include "aof/log_walker.hpp"
#include "aof/segment.hpp"

namespace trefoil::aof {
namespace {

constexpr std::size_t kCopyBytes = std::size_t{1} << 20;

Error missingManifest(const std::string& directory, const std::string& data) {
  return Error(ErrorCode::kCorruption, "'" + manifestPath(directory) + "' is missing, but there is data: '" + data + "'")
      .withHint("restore the manifest from a copy of the whole directory, or begin a new database in another one");
}

// What may lie in a directory before it becomes a database: the traces of a first opening that died, what a file system, a
// desktop or version control puts everywhere, and the server's own configuration and log.
bool mayLieInNewDirectory(const std::string& name) {
  return isSegmentName(name) || isBaseName(name) || name == "LOCK" || name == "MANIFEST.tmp" || name == "lost+found" ||
         name == ".DS_Store" || name == ".gitkeep" || name == ".gitignore" || name.ends_with(".conf") || name.ends_with(".log");
}

// A directory without a manifest must not be one that other people keep their files in.
Status checkNotForeign(Env& env, const std::string& directory) {
  TREFOIL_ASSIGN(const std::vector<std::string> names, env.list(directory));
  const auto foreign = std::find_if_not(names.begin(), names.end(), mayLieInNewDirectory);
  if (foreign == names.end()) {
    return {};
  }
  return Error(ErrorCode::kInvalid, "'" + directory + "' holds no database, but other files: '" + *foreign + "'")
      .withHint("begin a new database in a directory of its own");
}

// A directory without a manifest is empty, or the first opening died before its manifest was there: then it holds at most a
// segment with nothing but a head. Anything else is somebody's data.
Status checkNothingIsLost(Env& env, const std::string& directory) {
  TREFOIL_ASSIGN(const std::vector<std::string> names, env.list(directory));
  for (const std::string& name : names) {
    const std::string path = pathIn(directory, name);
    bool has_data = isBaseName(name);
    if (isSegmentName(name)) {
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

// Files of ours that the manifest does not name: left over by a crash or a failed removal, and no newer than the manifest
// (checkNewest). What cannot be removed waits for next time.
void removeUnnamed(Env& env, const std::string& directory, const Manifest& manifest) {
  const auto names = env.list(directory);
  if (!names.ok()) {
    return;
  }
  for (const std::string& name : names.value()) {
    const bool named = (manifest.base && name == baseName(manifest.base->number)) ||
                       std::any_of(manifest.segments.begin(), manifest.segments.end(),
                                   [&](const SegmentEntry& segment) { return name == segmentName(segment.number); });
    if (!named && (isSegmentName(name) || isBaseName(name) || name == "MANIFEST.tmp")) {
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
  std::optional<LogWalker> walker;
  std::optional<CommitReader> commits;
  bool at_end = false;
  RecoveryReport report;
  Status failure;

  Result<std::unique_ptr<File>> copyTail(const SegmentEntry& from, Lsn end, const SegmentIdentity& to, std::uint64_t number);
};

Recovery::Recovery(std::unique_ptr<State> state) : state_(std::move(state)) {}
Recovery::~Recovery() = default;

Result<std::unique_ptr<Recovery>> Recovery::open(Env& env, const std::string& directory, const LogOptions& options) {
  auto state = std::make_unique<State>(State{.env = env, .directory = directory, .options = options});
  TREFOIL_TRY(env.createDirectory(directory));
  if (!env.exists(manifestPath(directory))) {
    TREFOIL_TRY(checkNotForeign(env, directory));  // before it gets a file of ours
  }
  TREFOIL_ASSIGN(state->lock, env.lock(lockPath(directory)));
  if (env.exists(manifestPath(directory))) {
    TREFOIL_ASSIGN(state->manifest, ManifestStore::read(env, directory));
  } else {
    TREFOIL_TRY(checkNothingIsLost(env, directory));
    state->report.created = true;
    char seed[8];
    env.randomBytes(seed);
    std::memcpy(&state->manifest.hash_seed, seed, sizeof(seed));
  }
  if (state->manifest.base) {
    TREFOIL_ASSIGN(state->checkpoint, CheckpointReader::open(env, directory, *state->manifest.base));
  }
  state->walker.emplace(env, directory, state->manifest);
  state->commits.emplace(*state->walker);
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
  if (!state_->failure.ok()) {
    return state_->failure.error();
  }
  Result<bool> found = nextCommit(record);
  if (!found.ok()) {
    state_->failure = found.error();
  }
  return found;
}

Result<bool> Recovery::nextCommit(LogRecord& record) {
  State& state = *state_;
  if (state.at_end) {
    return false;
  }
  TREFOIL_ASSIGN(const bool found, state.commits->next(record));
  if (found) {
    ++state.report.records;
    return true;
  }
  TREFOIL_TRY(checkNewest(state.env, state.directory, state.manifest, state.walker->validEnd()));
  // The walker ends nowhere below what was on disk when the manifest was written, and the manifest asks for no more.
  TREFOIL_ASSERT(!state.manifest.base || state.walker->validEnd() >= state.manifest.base->needs);
  state.at_end = true;
  state.report.segments = state.manifest.segments.size();
  state.report.dropped_bytes = state.walker->droppedBytes();
  state.report.dropped_reason = state.walker->droppedReason();
  return false;
}

// A fresh segment with the records [to.start, end) of an old one, under the new epoch. Not synced; but the old one is, so that no
// crash leaves us with more in the copy than in what it was made from.
Result<std::unique_ptr<File>> Recovery::State::copyTail(const SegmentEntry& from, Lsn end, const SegmentIdentity& to,
                                                        std::uint64_t number) {
  TREFOIL_ASSIGN(std::unique_ptr<File> file, createSegment(env, pathIn(directory, segmentName(number)), to));
  if (to.start == end) {
    return file;
  }
  TREFOIL_ASSIGN(const std::unique_ptr<SegmentReader> reader,
                 SegmentReader::open(env, pathIn(directory, segmentName(from.number)), from));
  reader->seek(to.start);
  TREFOIL_TRY(reader->sync());
  std::string batch;
  Lsn written = to.start;
  while (reader->position() < end) {
    RecordView record;
    TREFOIL_ASSIGN(const SegmentReader::Outcome outcome, reader->next(record));
    if (outcome != SegmentReader::Outcome::kRecord) {
      return damageIn(directory, reader->describe(reader->position()) + " was intact a moment ago: " + reader->badReason());
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
  Openings openings = Openings::of(state.manifest);
  if (state.manifest.segments.empty()) {
    fresh.synced = fresh.start;
    TREFOIL_ASSIGN(file, state.copyTail({}, end, fresh, number));
  } else {
    const SegmentEntry& last = state.manifest.segments.back();
    fresh.start = std::clamp(state.walker->syncedMark(), last.start, end);
    fresh.synced = fresh.start;
    TREFOIL_ASSIGN(file, state.copyTail(last, end, fresh, number));
    TREFOIL_ASSIGN(const std::unique_ptr<SegmentReader> ended,
                   SegmentReader::open(state.env, pathIn(state.directory, segmentName(last.number)), last));
    openings.add(ended->salt(), end);
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
    openings.putInto(manifest);
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
