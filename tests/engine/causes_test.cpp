// What the log says that each change came of: Redis's keyspace events, in their order, and SQL's words.
#include <catch2/catch.hpp>

#include "aof/recovery.hpp"
#include "engine/database_impl.hpp"
#include "kv/view.hpp"
#include "tests/base/temporary_directory.hpp"
#include "tests/engine/session_fixture.hpp"
#include "txn/effects.hpp"

namespace trefoil {

namespace {

struct Case {
  std::string_view setup;  // lines, as in `run`
  std::string_view run;
  std::string_view told;  // "cause key", in order; of rows "cause #table"
};

const std::vector<Case> kCases = {
    {"", "SET k v", "set k"},
    {"", "SET k v EX 100", "set k"},
    {"SET k 1 EX 100", "SET k v KEEPTTL", "set k"},
    {"", "SETEX k 100 v", "set k"},
    {"", "MSET a 1 b 2", "set a, set b"},
    {"SET k 1", "INCR k", "incrby k"},
    {"", "DECRBY k 5", "incrby k"},
    {"", "INCRBYFLOAT k 1.5", "incrbyfloat k"},
    {"", "APPEND k v", "append k"},
    {"", "SETRANGE k 3 v", "setrange k"},
    {"SET k v", "GETSET k w", "set k"},
    {"SET k v", "GETDEL k", "del k"},
    {"SET k v", "GETEX k EX 100", "expire k"},
    {"SET k v EX 100", "GETEX k PERSIST", "persist k"},
    {"SET a 1\nSET b 2", "DEL a b c", "del a, del b"},
    {"SET k v", "EXPIRE k 100", "expire k"},
    {"SET k v", "EXPIRE k -1", "del k"},
    {"SET k v EX 100", "PERSIST k", "persist k"},
    {"SET a 1\nSET b 2", "RENAME a b", "rename_from a, rename_to b"},
    {"RPUSH a 1 2 3\nEXPIRE a 100", "RENAME a b", "rename_from a, rename_to b"},
    {"SADD a 1 2", "COPY a b", "copy_to b"},
    {"", "RPUSH l a b", "rpush l"},
    {"", "LPUSH l a", "lpush l"},
    {"RPUSH l a b", "LPOP l", "lpop l"},
    {"RPUSH l a b", "RPOP l 2", "rpop l, del l"},
    {"RPUSH l a b", "LSET l 0 c", "lset l"},
    {"RPUSH l a b", "LINSERT l BEFORE b c", "linsert l"},
    {"RPUSH l a b a", "LREM l 0 a", "lrem l, lrem l"},
    {"RPUSH l a a", "LREM l 0 a", "lrem l, del l"},
    {"RPUSH l a b c", "LTRIM l 0 1", "ltrim l"},
    {"RPUSH l a b c", "LTRIM l 5 9", "ltrim l, del l"},
    {"RPUSH l a", "LMOVE l m LEFT RIGHT", "rpush m, lpop l, del l"},
    {"", "HSET h f v g w", "hset h"},
    {"", "HINCRBY h f 2", "hincrby h"},
    {"", "HINCRBYFLOAT h f 2.5", "hincrbyfloat h"},
    {"HSET h f v g w", "HDEL h f", "hdel h"},
    {"HSET h f v", "HDEL h f", "hdel h, del h"},
    {"", "SADD s a b", "sadd s"},
    {"SADD s a b", "SREM s a b", "srem s, del s"},
    {"SADD s a b", "SPOP s", "spop s"},
    {"SADD s a b", "SPOP s 2", "spop s, del s"},
    {"SADD s a b", "SMOVE s t a", "srem s, sadd t"},
    {"SADD s a b\nSET t v", "SUNIONSTORE t s", "sunionstore t"},
    {"SADD s a\nSADD t a", "SINTERSTORE u s t", "sinterstore u"},
    {"SADD s a\nSET u v", "SDIFFSTORE u s s", "del u"},
    {"", "ZADD z 1 a", "zadd z"},
    {"", "ZADD z INCR 1 a", "zincr z"},
    {"", "ZINCRBY z 1 a", "zincr z"},
    {"ZADD z 1 a 2 b", "ZREM z a", "zrem z"},
    {"ZADD z 1 a 2 b", "ZPOPMIN z", "zpopmin z"},
    {"ZADD z 1 a 2 b", "ZPOPMAX z 2", "zpopmax z, del z"},
    {"ZADD z 1 a 2 b", "ZREMRANGEBYSCORE z 1 1", "zremrangebyscore z"},
    {"ZADD z 1 a 2 b", "ZREMRANGEBYRANK z 0 0", "zremrangebyrank z"},
    {"ZADD z 0 a 0 b", "ZREMRANGEBYLEX z [a [a", "zremrangebylex z"},
    {"SET k v", "FLUSHDB", "flushdb "},
    {"", "MULTI\nSET k 1\nINCR k\nDEL k\nEXEC", "set k, incrby k, del k"},
    {"", "SQL \"CREATE TABLE t (id int PRIMARY KEY, x int)\"", "create table #1"},
    {"", "SQL \"INSERT INTO t VALUES (1, 1), (2, 2)\"", "insert #1, insert #1"},
    {"", "SQL \"UPDATE t SET x = 3 WHERE id = 1\"", "update #1"},
    {"", "SQL \"INSERT INTO t VALUES (1, 5) ON CONFLICT (id) DO UPDATE SET x = 5\"", "update #1"},
    {"", "BEGIN\nSET k v\nSQL \"DELETE FROM t WHERE id = 1\"\nCOMMIT", "set k, delete #1"},
    {"", "SQL \"CREATE INDEX by_x ON t (x)\"", "create index #1"},
    {"", "SQL \"DROP INDEX by_x\"", "drop index #1"},
    {"", "SQL \"TRUNCATE t\"", "truncate #1"},
    {"", "SQL \"DROP TABLE t\"", "drop table #1"},
};

void runLines(const SessionFixture& fixture, std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string answer = fixture.run(lines.substr(0, end));
    CAPTURE(lines.substr(0, end), answer);
    REQUIRE_FALSE(answer.starts_with("(error)"));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

void tell(std::string& told, Cause cause, const std::string& of) {
  if (!causeName(cause).empty()) {
    told += (told.empty() ? "" : ", ") + std::string(causeName(cause)) + " " + of;
  }
}

}  // namespace

TEST_CASE("the log says what each change came of", "[engine]") {
  const testing::TemporaryDirectory directory;
  std::vector<std::pair<Lsn, Lsn>> records;  // of each case
  {
    const SessionFixture fixture(directory.path());
    const aof::Log& log = *fixture.database->impl().manager().log();
    for (const Case& one : kCases) {
      runLines(fixture, "FLUSHALL");
      runLines(fixture, one.setup);
      const Lsn begin = log.end();
      runLines(fixture, one.run);
      records.emplace_back(begin, log.end());
    }
  }
  std::vector<std::string> told(kCases.size());
  const auto recovery = aof::Recovery::open(Env::system(), directory.path(), {}).value();
  aof::LogRecord record;
  for (std::size_t at = 0; recovery->next(record).value();) {
    while (at < records.size() && record.lsn >= records[at].second) {
      ++at;
    }
    if (at == records.size() || record.lsn < records[at].first) {
      continue;
    }
    const Status read = txn::forEachEffect(
        EffectReader(record.payload),
        [&](std::uint8_t kind, EffectReader& reader) {
          EffectReader head = reader;
          const Cause cause = reader.cause();
          (void)head.getVarint();
          tell(told[at], cause, static_cast<kv::EffectKind>(kind) == kv::EffectKind::kFlush ? "" : std::string(head.getString()));
          return kv::skipEffect(kind, reader);
        },
        [&](std::uint8_t kind, EffectReader& reader) {
          EffectReader head = reader;
          tell(told[at], reader.cause(), "#" + std::to_string(head.getVarint()));
          return sql::skipEffect(kind, reader);
        });
    REQUIRE(read.ok());
  }
  for (std::size_t i = 0; i < kCases.size(); ++i) {
    CAPTURE(kCases[i].run);
    CHECK(told[i] == kCases[i].told);
  }
}

TEST_CASE("the removal of an expired key says so, by whomever it is written", "[engine]") {
  SessionFixture fixture;
  EffectBuffer effects;
  txn::Manager& manager = fixture.database->impl().manager();
  fixture.run("SET k v PX 1");
  const kv::Key key = manager.kv().key(0, "k");
  const UnixMs later{fixture.database->impl().env().now().value + 1000};
  const bool swept = GENERATE(true, false);
  {
    const kv::PartitionId partition = kv::Store::partition(key);
    const kv::PartitionLocks lock(manager.kv(), {&partition, 1});
    kv::View view = kv::View::live(manager.kv(), effects, later);
    const kv::View::Because why(view, Cause::kIncrBy);
    swept ? view.removeIfExpired(key) : view.append(key, "w") == 1;
  }
  EffectReader reader(effects.bytes());
  CHECK(static_cast<kv::EffectKind>(reader.getKind()) == kv::EffectKind::kRemove);
  CHECK(reader.cause() == Cause::kExpired);
}

}  // namespace trefoil
