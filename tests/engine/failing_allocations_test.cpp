// Every allocation of a statement fails once: the N-th, for N from the first to the last. Each time the statement is an error and
// nothing of it is there, or it has succeeded and all of it is; the session goes on either way.
//
// operator new is replaced for this program: it fails where a test says so, as the system's would, new-handler included. (Blocks
// that come from malloc and from slabs are not counted; under a sanitizer its operator new stays.)
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <future>
#include <new>
#include <thread>

#include "base/memory_reserve.hpp"
#include "base/slab_list.hpp"
#include "engine/worker_pool.hpp"
#include "session_fixture.hpp"

namespace {

thread_local constinit long allocations_left = -1;  // until one fails; negative: none does
// The same for all threads together that are not spared.
constinit std::atomic<long> left_elsewhere = -1;
thread_local constinit bool is_spared = false;

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
bool failsNow() {
  if (left_elsewhere.load(std::memory_order_relaxed) >= 0 && !is_spared && left_elsewhere.fetch_sub(1) == 0) {
    return true;
  }
  return allocations_left >= 0 && allocations_left-- == 0;
}

void* allocateOrFail(std::size_t size, std::size_t alignment) {
  if (failsNow()) {
    if (const std::new_handler handler = std::get_new_handler(); handler != nullptr) {
      handler();  // throws, or has made room
    } else {
      throw std::bad_alloc();
    }
  }
  void* const memory =
      alignment == 0 ? std::malloc(size) : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}
#endif

}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void* operator new(std::size_t size) {
  return allocateOrFail(size, 0);
}
void* operator new[](std::size_t size) {
  return allocateOrFail(size, 0);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocateOrFail(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
#endif

namespace trefoil {

namespace {

std::string tableState(const SessionFixture& db) {
  return db.sql("SELECT count(*), sum(id), min(name), max(name) FROM t");
}

std::string state(const SessionFixture& db) {
  return tableState(db) + db.run("GET k") + db.run("HGETALL h") + db.run("ZRANGE z 0 -1") + db.run("LRANGE l 0 -1");
}

void prepare(const SessionFixture& db) {
  db.sql("CREATE TABLE t (id int PRIMARY KEY, name text)");
  db.sql("CREATE INDEX by_name ON t (name)");
  db.sql("INSERT INTO t SELECT i, 'name of row ' || i FROM generate_series(1, 100) g(i)");
  db.run("SET k v");
  db.run("HSET h f v");
  db.run("ZADD z 1 m");
  db.run("RPUSH l a b");
}

// A statement in each of many databases, with the N-th allocation failing. True if one has failed.
bool failsAt(long n, const std::vector<std::string>& lines) {
  SessionFixture db;
  prepare(db);
  const std::string before = state(db);
  const std::string table_before = tableState(db);
  std::string answer;
  bool failed = false;
  {
    allocations_left = -1;
    for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
      db.run(lines[i]);
    }
    const std::vector<std::string> words = parser::splitCommandLine(lines.back()).value();
    const std::vector<std::string_view> args(words.begin(), words.end());
    ReplyTree reply;
    allocations_left = n;
    db.session->execute({.args = args, .sql = {}, .parameters = {}}, reply);
    failed = allocations_left < 0;
    allocations_left = -1;
    answer = reply.last().describe();
  }
  memory_reserve::refill();
  INFO("allocation " << n << ": " << answer);
  if (answer.find("out of memory") != std::string::npos) {
    if (lines.size() > 1 && db.session->inTransaction()) {
      db.run("ROLLBACK");
      db.run("DISCARD");
    }
    if (answer.starts_with("[")) {  // one command of EXEC has failed: it is undone, and the others stand, as in Redis
      CHECK((tableState(db) == table_before) != answer.ends_with("(integer) 1]"));
    } else {
      CHECK(state(db) == before);
    }
  }
  CHECK(db.run("SET another x") == db.run("SET another y"));
  CHECK(db.sql("INSERT INTO t VALUES (1000, 'more')").find('1') != std::string::npos);
  CHECK(db.sql("SELECT count(*) FROM t WHERE id = 1000").find("[[(integer) 1]]") != std::string::npos);
  CHECK(db.sql("SELECT count(*) FROM t WHERE name = 'more'").find("[[(integer) 1]]") != std::string::npos);
  return failed;
}

}  // namespace

TEST_CASE("whichever allocation fails, a statement is done or undone", "[engine][memory]") {
  if (!slabsArePooled()) {
    return;  // a sanitizer's operator new
  }
  const std::vector<std::vector<std::string>> cases = {
      {"SQL \"SELECT name, count(*) FROM t GROUP BY name ORDER BY 2, 1\""},
      {"SQL \"SELECT a.id FROM t a JOIN t b ON a.id = b.id WHERE a.id IN (SELECT id + 1 FROM t) UNION SELECT 7\""},
      {"SQL \"INSERT INTO t SELECT id + 500, repeat(name, 3) FROM t\""},
      {"SQL \"INSERT INTO t VALUES (501, 'a rather long name for a row'), (502, 'b')\""},
      {"SQL \"UPDATE t SET name = name || ' and more' WHERE id % 2 = 0\""},
      {"SQL \"DELETE FROM t WHERE id > 50\""},
      {"SQL \"UPDATE t SET name = 'point' WHERE id = 3\""},
      {"SET k a-value-that-is-longer-than-the-one-before"},
      {"HSET h f1 v1 f2 v2 f3 v3"},
      {"ZADD z 1 a 2 b 3 c"},
      {"RPUSH l c d e f g"},
      {"MULTI", "SET k w", "HSET h g w", "EXEC"},
      {"MULTI", "SET k w", "SQL \"INSERT INTO t VALUES (501, 'x')\"", "EXEC"},
      {"BEGIN", "SET k w", "SQL \"INSERT INTO t VALUES (501, 'x')\"", "SQL \"UPDATE t SET name = 'y'\""},
      {"BEGIN", "SET k w", "SQL \"INSERT INTO t VALUES (501, 'x')\"", "COMMIT"},
  };
  for (const std::vector<std::string>& lines : cases) {
    INFO(lines.back());
    long n = 0;
    while (failsAt(n, lines)) {
      n += n < 60 ? 1 : 1 + n / 20;
      REQUIRE(n < 1'000'000);
    }
    CHECK(n > 0);
  }
}

TEST_CASE("whichever allocation fails, the embedded calls answer with an error or as ever", "[engine][memory]") {
  if (!slabsArePooled()) {
    return;
  }
  SessionFixture db;
  prepare(db);
  constexpr std::string_view kQuery =
      "SELECT a.name FROM t a JOIN t b ON a.id = b.id WHERE a.id IN (SELECT id + 1 FROM t) ORDER BY 1";
  const auto expect = [](const auto& result) {
    if (!result.ok()) {
      CHECK(result.error().code == ErrorCode::kOutOfMemory);
    }
  };
  for (const bool prepared : {false, true}) {
    long n = 0;
    for (bool failed = true; failed; ++n) {
      INFO("allocation " << n << (prepared ? " of a prepared statement" : ""));
      const std::unique_ptr<Session> session = db.connect();  // which has not bound it
      allocations_left = n;
      if (prepared) {
        const Result<std::unique_ptr<PreparedStatement>> statement = session->prepare(kQuery);
        ResultSet rows;
        const Status status = statement.ok() ? (*statement)->execute({}, rows) : Status();
        failed = allocations_left < 0;
        allocations_left = -1;
        expect(statement);
        expect(status);
      } else {
        const Result<ResultSet> rows = session->execute(kQuery);
        failed = allocations_left < 0;
        allocations_left = -1;
        expect(rows);
      }
      REQUIRE(session->execute(kQuery).ok());
    }
    CHECK(n > 50);
  }
}

TEST_CASE("whichever allocation fails, work is queued or refused", "[engine][memory]") {
  if (!slabsArePooled()) {
    return;
  }
  long n = 0;
  for (bool failed = true; failed; ++n) {
    INFO("allocation " << n);
    WorkerPool pool(1);
    std::atomic<bool> ran = false;
    std::function<void()> work = [&] { ran = true; };
    allocations_left = n;
    const auto ticket = pool.submit(std::move(work), SlowLane::kStatements, 100);
    failed = allocations_left < 0;
    allocations_left = -1;
    pool.drain();
    CHECK(ran == ticket.ok());
    if (!ticket.ok()) {
      CHECK(ticket.error().code == ErrorCode::kBusy);
    }
    std::promise<void> done;
    REQUIRE(pool.submit([&] { done.set_value(); }, SlowLane::kStatements, 100).ok());
    done.get_future().wait();
  }
  CHECK(n > 2);
}

TEST_CASE("vector indexes catch up once there is memory again", "[engine][memory]") {
  if (!slabsArePooled()) {
    return;
  }
  is_spared = true;
  SessionFixture db;
  REQUIRE(db.sql("CREATE TABLE v (id int PRIMARY KEY, e vector(3))") == "OK");
  REQUIRE(db.sql("CREATE INDEX by_e ON v USING hnsw (e vector_l2_ops)") == "OK");
  constexpr long kRounds = 60;
  constexpr long kRows = 500;
  for (long n = 0; n <= kRounds; ++n) {
    INFO("allocation " << n);
    left_elsewhere = n < kRounds ? n : -1;
    REQUIRE(db.sql("INSERT INTO v SELECT i, ('[' || i * 7919 % 10007 || ',' || i * 104729 % 10009 || ',' || i * 1299709 % 10037 "
                   "|| ']')::vector FROM generate_series(" +
                   std::to_string(n * kRows) + ", " + std::to_string((n + 1) * kRows - 1) + ") g(i)") == "(integer) 500");
    while (db.sql("EXPLAIN ANALYZE SELECT id FROM v ORDER BY e <-> '[7,1,2]' LIMIT 2").find("Not In The Graph Yet: 0") ==
           std::string::npos) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  REQUIRE(db.sql("SET hnsw.ef_search = 1000") == "OK");  // what can be found at all is found
  for (long i = 0; i < (kRounds + 1) * kRows; i += 61) {
    const std::string where = "[" + std::to_string(i * 7919 % 10007) + "," + std::to_string(i * 104729 % 10009) + "," +
                              std::to_string(i * 1299709 % 10037) + "]";
    CHECK(db.sql("SELECT id FROM v ORDER BY e <-> '" + where + "' LIMIT 1") == "[[(integer) " + std::to_string(i) + "]]");
  }
  left_elsewhere = -1;
  is_spared = false;
}

}  // namespace trefoil
