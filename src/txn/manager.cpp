#include "txn/manager.hpp"

#include <random>

#include "aof/checkpoint.hpp"
#include "base/logging.hpp"
#include "base/memory_reserve.hpp"
#include "base/query_memory.hpp"
#include "kv/effects.hpp"
#include "kv/view.hpp"
#include "sql/effects.hpp"
#include "txn/transaction.hpp"

namespace trefoil::txn {

namespace {

// Kinds of checkpoint units. Persisted: append only, never renumber.
enum class UnitKind : std::uint16_t { kKv = 1, kSql = 2, kVectorIndex = 3 };

// Expired keys that are removed together: the partition is locked for some microseconds.
constexpr std::size_t kExpiredKeys = 32;
constexpr std::size_t kExpiredBytes = 2048;

}  // namespace

Snapshot::~Snapshot() {
  if (manager_ != nullptr) {
    manager_->closeSnapshot(lsn_);
  }
}

Result<std::unique_ptr<Manager>> Manager::open(const ManagerOptions& options) {
  Env& env = options.env != nullptr ? *options.env : Env::system();
  std::unique_ptr<Manager> manager(new Manager(env));
  if (!options.directory.empty()) {
    if (Status recovered = manager->recover(options); !recovered.ok()) {
      Error error = std::move(recovered).error();
      if (error.code == ErrorCode::kCorruption && error.hint.empty()) {
        error.hint = "run 'trefoil check " + options.directory + "': it explains the damage";
      }
      return error;
    }
    return manager;
  }
  kv::StoreOptions kv = options.kv;
  env.randomBytes({reinterpret_cast<char*>(&kv.hash_seed), sizeof kv.hash_seed});
  manager->kv_ = std::make_unique<kv::Store>(manager->versions_, kv);
  manager->sql_ = std::make_unique<sql::Store>(manager->versions_);
  return manager;
}

Manager::~Manager() = default;

Status Manager::recover(const ManagerOptions& options) {
  TREFOIL_ASSIGN(std::unique_ptr<aof::Recovery> recovery, aof::Recovery::open(env_, options.directory, options.log));
  kv::StoreOptions kv = options.kv;
  kv.hash_seed = recovery->manifest().hash_seed;
  kv_ = std::make_unique<kv::Store>(versions_, kv);
  sql_ = std::make_unique<sql::Store>(versions_);
  next_unit_ = recovery->manifest().next_unit;
  kv_->setLoading(true);
  if (recovery->checkpoint() != nullptr) {
    TREFOIL_TRY(loadCheckpoint(*recovery->checkpoint()));
  }
  TREFOIL_TRY(replay(*recovery));
  kv_->setLoading(false);
  TREFOIL_ASSIGN(log_, recovery->finish());
  report_ = recovery->report();
  return {};
}

Status Manager::loadCheckpoint(const aof::CheckpointReader& reader) {
  for (const aof::UnitEntry& unit : reader.units()) {
    const auto kind = static_cast<UnitKind>(unit.kind);
    if (kind == UnitKind::kVectorIndex) {
      TREFOIL_TRY(loadVectorIndex(reader, unit));
      continue;
    }
    if (kind != UnitKind::kKv && kind != UnitKind::kSql) {
      return Error(ErrorCode::kCorruption, "the checkpoint holds a unit of an unknown kind " + std::to_string(unit.kind) +
                                               ": it was written by a newer version");
    }
    // What was captured was born before the capture's LSN, and is seen by a snapshot taken at that very LSN: the log may end
    // there.
    const WriteContext context = WriteContext::live(versions_, unit.lsn - 1);
    TREFOIL_TRY(reader.read(unit, [&](std::string_view chunk) { return applyAll(chunk, context); }));
    (kind == UnitKind::kKv ? kv_captured_ : sql_captured_) = unit.lsn;  // from now on, older changes are skipped
  }
  return {};
}

// A unit of a graph: a chunk that names table and index, then the graph's own. It comes after the tables, of the same instant.
Status Manager::loadVectorIndex(const aof::CheckpointReader& reader, const aof::UnitEntry& unit) {
  std::vector<std::string> chunks;
  TREFOIL_TRY(reader.read(unit, [&](std::string_view chunk) {
    chunks.emplace_back(chunk);
    return Status();
  }));
  EffectReader head(chunks.empty() ? std::string_view() : chunks.front());
  const auto table = static_cast<sql::TableId>(head.getVarint());
  const auto index = static_cast<sql::IndexId>(head.getVarint());
  std::size_t next = 1;
  const Status loaded = sql_->loadVectorIndex(table, index, [&]() -> Result<std::string_view> {
    return next < chunks.size() ? std::string_view(chunks[next++]) : std::string_view();
  });
  if (!loaded.ok()) {
    logWarning("the vector index {} of table {} will be built again: {}", index, table, loaded.error().message);
  }
  return {};
}

Status Manager::replay(aof::Recovery& recovery) {
  aof::LogRecord record;
  std::string settled;
  const auto apply = [&]() -> Status {
    TREFOIL_ASSIGN(const std::string_view effects, sql::settleRevisions(record.payload, settled));
    return applyAll(effects, WriteContext::live(versions_, record.lsn));
  };
  while (true) {
    TREFOIL_ASSIGN(const bool more, recovery.next(record));
    if (!more) {
      return {};
    }
    if (Status applied = apply(); !applied.ok()) {
      Error error = std::move(applied).error();
      error.message = "log record at lsn " + std::to_string(record.lsn) + ": " + error.message;
      return error;
    }
  }
}

Status Manager::applyAll(std::string_view effects, const WriteContext& context) {
  EffectReader reader(effects);
  while (!reader.done()) {
    const std::uint8_t kind = reader.getByte();
    if (kv::isKvEffect(kind)) {
      TREFOIL_TRY(context.stamp >= kv_captured_ ? kv_->apply(kind, reader, context) : kv::skipEffect(kind, reader));
    } else if (sql::isSqlEffect(kind)) {
      TREFOIL_TRY(context.stamp >= sql_captured_ ? sql_->apply(kind, reader, context) : sql::skipEffect(kind, reader));
    } else {
      return Error(ErrorCode::kCorruption, "unknown effect kind " + std::to_string(kind));
    }
  }
  if (!reader.ok()) {
    return reader.error();
  }
  return {};
}

Snapshot Manager::openSnapshot() {
  const ExclusiveGuard alone(gate_);
  const Lsn lsn = log_ != nullptr ? log_->end() : memory_lsn_.fetch_add(1, std::memory_order_relaxed) + 1;
  versions_.registerSnapshot(lsn);
  return {*this, lsn};
}

void Manager::closeSnapshot(Lsn lsn) {
  versions_.releaseSnapshot(lsn);
}

Status Manager::admitWrite() {
  return log_ == nullptr ? Status() : log_->admit();
}

Status Manager::awaitRoom() {
  return log_ == nullptr ? Status() : log_->awaitRoom();
}

std::shared_ptr<const Doubt> Manager::doubt() {
  const std::lock_guard lock(doubt_mutex_);
  if (doubt_ == nullptr || doubt_range_ != log_->inDoubt()) {
    const auto doubt = std::make_shared<Doubt>();
    const auto add = [&](aof::RecordKind kind, std::string_view payload) { doubt->addRecord(kind, payload, *kv_); };
    if (const std::optional<aof::Log::InDoubt> range = log_->visitInDoubt(add); range) {
      doubt_range_ = *range;
    } else {
      doubt->addEverything();
      doubt_range_ = {};  // look again
    }
    doubt_ = doubt;
  }
  return doubt_;
}

bool Manager::isLarge(std::string_view effects) const {
  return log_ != nullptr && effects.size() > log_->smallPayloadBytes();
}

std::optional<Lsn> Manager::commitLive(std::string_view effects) {
  TREFOIL_ASSERT(!effects.empty());
  aof::PreparedCommit prepared;
  if (log_ != nullptr && !log_->tryPrepare(effects, prepared)) {
    return std::nullopt;
  }
  const SharedGuard inside(gate_);
  aof::Appended appended{memory_lsn_.load(std::memory_order_relaxed), 0};
  if (log_ != nullptr) {
    appended = log_->append(prepared);
  }
  // The bytes are in the log: memory must agree with them.
  const QueryMemory::Scope not_the_statements(nullptr);
  memory_reserve::mustNotFail([&] {
    const Status applied = applyAll(effects, WriteContext::live(versions_, appended.lsn));
    TREFOIL_ASSERT(applied.ok());
  });
  return appended.end;
}

Status Manager::checkpoint() {
  if (log_ == nullptr) {
    return Error(ErrorCode::kUnsupported, "this database lives in memory only: there is no directory to write a checkpoint to");
  }
  TREFOIL_ASSIGN(const std::unique_ptr<aof::CheckpointWriter> writer, aof::CheckpointWriter::begin(*log_));
  return writeUnits(*writer);
}

// One snapshot for all units. The format allows units of different instants, and recovery heeds each unit's LSN.
Status Manager::writeUnits(aof::CheckpointWriter& writer) {
  const Snapshot snapshot = openSnapshot();
  const auto sink = [&](std::string_view effects) { return writer.write(effects); };
  TREFOIL_TRY(writer.beginUnit({.id = next_unit_, .kind = static_cast<std::uint16_t>(UnitKind::kKv), .lsn = snapshot.lsn()}));
  TREFOIL_TRY(kv_->capture(snapshot.lsn(), sink));
  TREFOIL_TRY(writer.endUnit());
  TREFOIL_TRY(
      writer.beginUnit({.id = next_unit_ + 1, .kind = static_cast<std::uint16_t>(UnitKind::kSql), .lsn = snapshot.lsn()}));
  TREFOIL_TRY(sql_->capture(snapshot.lsn(), sink));
  TREFOIL_TRY(writer.endUnit());
  std::uint64_t next_unit = next_unit_ + 2;
  for (const sql::Store::VectorIndexCapture& capture : sql_->captureVectorIndexes(snapshot.lsn())) {
    TREFOIL_TRY(
        writer.beginUnit({.id = next_unit++, .kind = static_cast<std::uint16_t>(UnitKind::kVectorIndex), .lsn = snapshot.lsn()}));
    EffectBuffer head;
    head.putVarint(capture.table);
    head.putVarint(capture.id);
    TREFOIL_TRY(writer.write(head.bytes()));
    TREFOIL_TRY(capture.index->write(snapshot.lsn(), [&](std::string_view chunk) { return writer.write(chunk); }));
    TREFOIL_TRY(writer.endUnit());
  }
  TREFOIL_TRY(writer.finish(next_unit));
  next_unit_ = next_unit;
  return {};
}

bool Manager::followVectorIndexes() {
  bool more = false;
  if (sql_->vectorIndexesAreBehind()) {
    const Snapshot snapshot = openSnapshot();
    more = sql_->followVectorIndexes(snapshot.lsn());
  }
  return more;
}

bool Manager::buildVectorIndex(const sql::NewVectorIndex& index) {
  const Snapshot snapshot = openSnapshot();
  return sql_->buildVectorIndex(index, snapshot.lsn());
}

std::size_t Manager::sweepExpired(UnixMs now, std::size_t budget) {
  const kv::SweepResult sweep = kv_->sweepExpired(now, budget);
  const std::span<const kv::ExpiredKey> expired = sweep.expired;
  const auto partition_of = [&](const kv::ExpiredKey& one) { return kv::Store::partition(kv_->key(one.db, one.key)); };
  std::size_t removed = 0;
  // While the log refuses writes, expired keys stay, unseen.
  for (std::size_t begin = 0; begin < expired.size() && awaitRoom().ok();) {
    const kv::PartitionId partition = partition_of(expired[begin]);
    std::size_t bytes = expired[begin].key.size();
    std::size_t end = begin + 1;
    while (end < expired.size() && partition_of(expired[end]) == partition && end - begin < kExpiredKeys &&
           bytes < kExpiredBytes) {
      bytes += expired[end++].key.size();
    }
    removed += removeExpired(expired.subspan(begin, end - begin), now);
    begin = end;
  }
  return removed;
}

std::size_t Manager::removeExpired(std::span<const kv::ExpiredKey> keys, UnixMs now) {
  const kv::PartitionId partition = kv::Store::partition(kv_->key(keys.front().db, keys.front().key));
  std::size_t removed = 0;
  const auto remove_from = [&](kv::View& view) {
    removed = 0;
    for (const kv::ExpiredKey& one : keys) {
      removed += view.removeIfExpired(kv_->key(one.db, one.key)) ? 1 : 0;
    }
  };
  EffectBuffer effects;
  {
    const kv::PartitionLocks locks(*kv_, {&partition, 1});
    kv::View view = kv::View::live(*kv_, effects, now);
    remove_from(view);
    if (removed == 0 || commitLive(effects.bytes())) {
      return removed;
    }
  }
  const auto in_transaction = [&](Transaction& own) -> Status {
    remove_from(own.kv());
    return {};
  };
  const bool done = isLarge(effects.bytes()) && runTransaction(*this, now, in_transaction).ok();
  return done ? removed : 0;
}

}  // namespace trefoil::txn
