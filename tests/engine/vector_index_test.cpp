// CREATE INDEX … USING hnsw through sessions: what the index answers is compared with the same query that no index can serve.
#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <thread>

#include "tests/base/temporary_directory.hpp"
#include "tests/engine/session_fixture.hpp"

namespace trefoil {

namespace {

constexpr int kDimension = 8;

std::string randomVector(std::mt19937& random) {
  // Around one of 32 centres, as embeddings are.
  const unsigned cluster = random() % 32;
  std::mt19937 centre(cluster);
  std::uniform_real_distribution<float> place(-1, 1);
  std::normal_distribution<float> noise(0, 0.2F);
  std::string text = "[";
  for (int i = 0; i < kDimension; ++i) {
    text += (i == 0 ? "" : ",") + std::to_string(place(centre) + noise(random));
  }
  return text + "]";
}

std::vector<std::int64_t> ids(Session& session, const std::string& sql) {
  const Result<ResultSet> rows = session.execute(sql);
  INFO(sql);
  REQUIRE(rows.ok());
  std::vector<std::int64_t> found;
  for (const auto row : *rows) {
    found.push_back(row[0].asInteger());
  }
  return found;
}

std::string explain(Session& session, const std::string& sql) {
  const Result<ResultSet> rows = session.execute("EXPLAIN ANALYZE " + sql);
  REQUIRE(rows.ok());
  std::string text;
  for (const auto row : *rows) {
    text += std::string(row[0].asBytes()) + "\n";
  }
  return text;
}

struct Items : SessionFixture {
  explicit Items(const std::string& directory = "") : SessionFixture(directory) {}

  void create(int rows) {
    sql("CREATE TABLE items (id INTEGER PRIMARY KEY, kind INTEGER, emb VECTOR(8))");
    insert(*session, 0, rows);
  }
  void insert(Session& by, int from, int to) {
    for (int next = from; next < to;) {
      std::string text = "INSERT INTO items VALUES ";
      for (int i = 0; i < 500 && next < to; ++i, ++next) {
        text +=
            (i == 0 ? "(" : ",(") + std::to_string(next) + "," + std::to_string(next % 100) + ",'" + randomVector(random) + "')";
      }
      REQUIRE(runSqlOn(by, text).find("error") == std::string::npos);
    }
  }
  void index(const std::string& operators = "vector_l2_ops") {
    REQUIRE(sql("CREATE INDEX by_emb ON items USING hnsw (emb " + operators + ")") == "OK");
  }
  // Waits until searches need not look at rows one by one.
  void settle(const std::string& op = "<->") {
    for (int i = 0; i < 5000; ++i) {
      const std::string text = explain(*session, "SELECT id FROM items ORDER BY emb " + op + " '[1,0,0,0,0,0,0,0]' LIMIT 1");
      if (text.find("Not In The Graph Yet: 0") != std::string::npos) {
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    FAIL("the index does not catch up");
  }
  // The part of the true answer that the index finds, over some queries; its answers must have the right length.
  double recall(Session& by, const std::string& where = "", int k = 10, int queries = 20, const std::string& op = "<->") {
    std::size_t right = 0;
    std::size_t wanted = 0;
    for (int i = 0; i < queries; ++i) {
      const std::string distance = "emb " + op + " '" + randomVector(random) + "'";
      const std::string from = "SELECT id FROM items " + where + " ORDER BY ";
      // Two statements, so of one instant: inside BEGIN, or while nobody writes.
      const auto found = ids(by, from + distance + " LIMIT " + std::to_string(k));
      const auto truth = ids(by, std::string(from).append("(").append(distance).append(") + 0.0 LIMIT ") + std::to_string(k));
      REQUIRE(found.size() == truth.size());
      wanted += truth.size();
      for (const std::int64_t id : truth) {
        right += std::find(found.begin(), found.end(), id) != found.end() ? 1 : 0;
      }
    }
    return wanted == 0 ? 1 : static_cast<double>(right) / static_cast<double>(wanted);
  }

  std::mt19937 random{42};
};

constexpr double kRecall = 0.95;

}  // namespace

TEST_CASE("An index over rows that are there, and over those that come, finds what an exact search finds") {
  for (const char* const pair : {"vector_l2_ops <->", "vector_cosine_ops <=>", "vector_ip_ops <#>"}) {
    const std::string text = pair;
    const std::string op = text.substr(text.find(' ') + 1);
    Items items;
    items.create(12000);
    items.index(text.substr(0, text.find(' ')));
    const std::string query = "SELECT id FROM items ORDER BY emb " + op + " '[1,0,0,0,0,0,0,0]' LIMIT 10";
    CHECK(explain(*items.session, query).find("Vector Index by_emb: graph (no filter), 12000 entries") != std::string::npos);
    CHECK(items.recall(*items.session, "", 10, 30, op) >= kRecall);
    items.insert(*items.session, 12000, 14000);
    CHECK(items.recall(*items.session, "", 10, 30, op) >= kRecall);
  }
}

TEST_CASE("Whatever the filter lets pass, the answer is complete") {
  Items items;
  items.create(5000);
  items.index();
  for (const char* const where : {"WHERE kind < 50", "WHERE kind < 10", "WHERE kind = 7", "WHERE id = 4711", "WHERE kind < 0",
                                  "WHERE id >= 4990", "WHERE emb <-> '[1,0,0,0,0,0,0,0]' > 2"}) {
    CHECK(items.recall(*items.session, where) >= kRecall);
  }
  CHECK(items.recall(*items.session, "", 1) >= kRecall);
  CHECK(items.recall(*items.session, "", 100) >= kRecall);
  CHECK(items.recall(*items.session, "", 100'000, 1) == 1);
  const std::string q = " ORDER BY emb <-> '[0.5,0,0,0,0,0,0,0]' LIMIT ";
  const auto all = ids(*items.session, "SELECT id FROM items" + q + "20");
  const auto behind = ids(*items.session, "SELECT id FROM items" + q + "10 OFFSET 10");
  CHECK(std::equal(behind.begin(), behind.end(), all.begin() + 10, all.end()));
}

TEST_CASE("A filter's rows are found again after each change of the table") {
  Items items;
  items.create(3000);
  items.index();
  const auto check = [&](Session& by, const std::string& where) {
    auto found = ids(by, "SELECT id FROM items WHERE " + where + " ORDER BY emb <-> '[1,0,0,0,0,0,0,0]' LIMIT 150");
    std::sort(found.begin(), found.end());
    CHECK(found == ids(by, "SELECT id FROM items WHERE " + where + " ORDER BY id"));
    return found.size();
  };
  const auto both = [&](Session& by) {  // the second time from what the first has kept
    CHECK(check(by, "kind = 7") == check(by, "kind = 7"));
    check(by, "kind = 8");
    check(by, "kind = 7 AND id < 1000");
    check(by, "kind IN (7, 8)");
  };
  const auto other = items.connect();
  both(*items.session);
  both(*other);
  for (const char* const change : {"INSERT INTO items VALUES (9000, 7, '[1,0,0,0,0,0,0,0]'), (9001, 7, NULL)",
                                   "UPDATE items SET kind = 8 WHERE id = 7", "UPDATE items SET kind = 7 WHERE id = 8",
                                   "DELETE FROM items WHERE id = 107", "DELETE FROM items WHERE kind = 7 AND id > 2000",
                                   "UPDATE items SET id = id + 10000 WHERE kind = 7", "CREATE INDEX by_kind ON items (kind)",
                                   "INSERT INTO items VALUES (9002, 7, '[0,1,0,0,0,0,0,0]')", "DROP INDEX by_kind"}) {
    INFO(change);
    REQUIRE(items.sql(change).find("error") == std::string::npos);
    both(*items.session);
    both(*other);
    // What a transaction has changed counts for itself alone.
    REQUIRE(runSqlOn(*other, "BEGIN") == "OK");
    REQUIRE(runSqlOn(*other, "UPDATE items SET kind = 7 WHERE kind = 9").find("error") == std::string::npos);
    REQUIRE(runSqlOn(*other, "DELETE FROM items WHERE id = 307 OR id = 10307").find("error") == std::string::npos);
    both(*other);
    both(*items.session);
    REQUIRE(runSqlOn(*other, "ROLLBACK") == "OK");
    both(*other);
  }
  for (const int kind : {7, 8, 7}) {
    const std::string answer = items.sql(
        "SELECT count(*) FROM (SELECT id FROM items WHERE kind = $1 ORDER BY emb <-> '[1,0,0,0,0,0,0,0]' "
        "LIMIT 150) AS nearest",
        {Datum::integer(kind)});
    CHECK(answer == items.sql("SELECT count(*) FROM items WHERE kind = $1", {Datum::integer(kind)}));
  }
  REQUIRE(items.sql("TRUNCATE items") == "OK");
  both(*items.session);
  items.insert(*items.session, 0, 1000);
  both(*items.session);
}

TEST_CASE("Searches with a WHERE find what matches while rows come to match and cease to") {
  Items items;
  items.create(2000);
  items.index();
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> searchers;
  for (int t = 0; t < 3; ++t) {
    searchers.emplace_back([&] {
      const auto session = items.connect();
      while (!done) {
        for (const int kind : {7, 8}) {
          const Result<ResultSet> rows = session->execute("SELECT kind FROM items WHERE kind = " + std::to_string(kind) +
                                                          " ORDER BY emb <-> '[1,0,0,0,0,0,0,0]' LIMIT 100");
          wrong += rows.ok() ? 0 : 1;
          for (const auto row : *rows) {
            wrong += row[0].asInteger() == kind ? 0 : 1;
          }
        }
      }
    });
  }
  for (int i = 0; i < 400; ++i) {
    const int id = (i % 20) * 100 + 7 + i % 2;
    REQUIRE(items.sql("UPDATE items SET kind = 15 - kind WHERE id = " + std::to_string(id)).find("error") == std::string::npos);
    std::this_thread::yield();
  }
  done = true;
  for (std::thread& searcher : searchers) {
    searcher.join();
  }
  CHECK(wrong == 0);
}

TEST_CASE("EXPLAIN ANALYZE says which way a search went") {
  Items items;
  items.create(15000);
  items.index();
  const auto why = [&](const std::string& where, const std::string& limit) {
    const std::string text =
        explain(*items.session, "SELECT id FROM items " + where + " ORDER BY emb <-> '[1,0,0,0,0,0,0,0]' LIMIT " + limit);
    const auto at = text.find("Vector Index by_emb: ");
    return at == std::string::npos ? text : text.substr(at + 21, text.find('\n', at) - at - 21);
  };
  CHECK(why("", "10").starts_with("graph (no filter), 15000 entries"));
  CHECK(why("WHERE kind < 90", "10").starts_with("filtered graph (many rows match), 15000 entries, 13500 may match"));
  CHECK(why("WHERE kind = 1", "10").starts_with("exact (reading the matching rows is cheaper), 15000 entries, 150 may match"));
  CHECK(why("", "12000") == "not used, exact search (LIMIT asks for a large part of the rows)");
  items.sql("CREATE INDEX by_kind ON items (kind)");
  const auto all = [&](const std::string& where) {
    return explain(*items.session, "SELECT id FROM items " + where + " ORDER BY emb <-> '[1,0,0,0,0,0,0,0]' LIMIT 10");
  };
  CHECK(all("WHERE kind = 1").find("Index Scan using by_kind on items") != std::string::npos);
  CHECK(why("WHERE kind = 1", "10").starts_with("exact (reading the matching rows is cheaper), 15000 entries, 150 may match"));
  CHECK(all("WHERE kind < 50").find("Index by_kind: not used, its range holds a large part of the table") != std::string::npos);
  CHECK(why("WHERE kind < 90", "10").starts_with("filtered graph (many rows match), 15000 entries, 13500 may match"));
  CHECK(items.recall(*items.session, "WHERE kind = 1 AND id > 1000") == 1);
  items.sql("DELETE FROM items WHERE id > 100");
  CHECK(why("", "3") == "not used, exact search (few rows)");
}

TEST_CASE("EXPLAIN says which way a search is likely to go, and why") {
  Items items;
  items.create(5000);
  const auto expected = [&](const std::string& where, const std::string& limit, const std::string& op = "<->") {
    const std::string text =
        items.sql("EXPLAIN SELECT id FROM items " + where + " ORDER BY emb " + op + " '[1,0,0,0,0,0,0,0]' LIMIT " + limit);
    const auto at = text.find("expected: ");
    return at == std::string::npos ? text : text.substr(at + 10, text.find('"', at) - at - 10);
  };
  CHECK(expected("", "10") == "exact (no index)");
  items.run("BEGIN");
  items.index();
  CHECK(expected("", "10") == "exact (the index is being built)");
  items.run("ROLLBACK");
  items.index();
  CHECK(expected("", "10") == "graph, or exact where that is cheaper");
  CHECK(expected("", "10", "<=>") == "exact (no index)");
  CHECK(expected("", "300 OFFSET 13") == "exact (LIMIT asks for a large part of the rows)");
  CHECK(expected("WHERE kind < 50", "10") == "filtered graph, or exact where that is cheaper (about 1500 of 5000 rows match)");
  CHECK(expected("WHERE id = 5", "10") == "exact (about 1 of 5000 rows match)");
  CHECK(expected("WHERE id > 5 AND kind = 7 AND id < 4000", "10") == "exact (about 22 of 5000 rows match)");
  items.sql("DELETE FROM items WHERE id >= 200");
  CHECK(expected("", "1") == "exact (few rows)");  // asked again each time
}

TEST_CASE("A transaction searches its own rows, and its own instant") {
  Items items;
  items.create(3000);
  items.index();
  auto other = items.connect();
  const std::string nearest = "SELECT id FROM items ORDER BY emb <-> '[9,9,9,9,9,9,9,9]' LIMIT 1";
  const std::int64_t before = ids(*items.session, nearest)[0];

  items.run("BEGIN");
  items.sql("INSERT INTO items VALUES (100000, 1, '[9,9,9,9,9,9,9,9]')");
  CHECK(ids(*items.session, nearest) == std::vector<std::int64_t>{100000});
  CHECK(ids(*other, nearest) == std::vector<std::int64_t>{before});
  items.sql("UPDATE items SET emb = '[-9,-9,-9,-9,-9,-9,-9,-9]' WHERE id = 100000");
  CHECK(ids(*items.session, nearest) == std::vector<std::int64_t>{before});
  items.sql("DELETE FROM items WHERE id = " + std::to_string(before));
  CHECK(ids(*items.session, nearest) != std::vector<std::int64_t>{before});
  CHECK(items.recall(*items.session) >= kRecall);
  items.run("ROLLBACK");
  CHECK(ids(*items.session, nearest) == std::vector<std::int64_t>{before});

  // What others do is unseen, however far the index has followed it.
  items.run("BEGIN");
  CHECK(ids(*items.session, nearest) == std::vector<std::int64_t>{before});
  runSqlOn(*other, "INSERT INTO items VALUES (100001, 1, '[9,9,9,9,9,9,9,9]')");
  runSqlOn(*other, "UPDATE items SET emb = '[-9,-9,-9,-9,-9,-9,-9,-9]' WHERE id = " + std::to_string(before));
  CHECK(ids(*other, nearest) == std::vector<std::int64_t>{100001});
  for (int i = 0; i < 30; ++i) {
    CHECK(ids(*items.session, nearest) == std::vector<std::int64_t>{before});
    runSqlOn(*other,
             "UPDATE items SET emb = '[-9,-9,-9,-9,-9,-9,-9,-" + std::to_string(i) + "]' WHERE id = " + std::to_string(before));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  items.run("COMMIT");
  CHECK(ids(*items.session, nearest) == std::vector<std::int64_t>{100001});
  CHECK(items.recall(*items.session) >= kRecall);
}

TEST_CASE("A search is a conflict at COMMIT if what it found has changed, or something as near has come") {
  for (const bool indexed : {true, false}) {
    Items items;
    items.create(1000);
    items.sql("CREATE TABLE answers (id INTEGER)");
    items.sql("INSERT INTO items VALUES (5000, 7, '[90,0,0,0,0,0,0,0]'), (5001, 7, '[91,0,0,0,0,0,0,0]')");
    items.sql("INSERT INTO items VALUES (5002, 7, '[95,0,0,0,0,0,0,0]'), (5003, 7, NULL)");
    if (indexed) {
      items.index();
      items.settle();
    }
    auto other = items.connect();
    const std::string nearest = "SELECT id FROM items ORDER BY emb <-> '[90,0,0,0,0,0,0,0]' LIMIT 2";
    // What COMMIT answers if others do this between the search and it. Then it is undone.
    const auto commit = [&](const std::string& search, const std::vector<std::string>& others,
                            const std::string& own = "INSERT INTO answers VALUES (1)") {
      items.run("BEGIN");
      CHECK(items.sql(search).find("error") == std::string::npos);
      CHECK(items.sql(own).find("error") == std::string::npos);
      for (const std::string& text : others) {
        CHECK(runSqlOn(*other, text).find("error") == std::string::npos);
      }
      return items.run("COMMIT");
    };
    const auto conflicts = [](const std::string& answer) { return answer.find("could not serialize") != std::string::npos; };
    const std::string far = "'[50,0,0,0,0,0,0,0]'";
    const std::string near = "'[90.5,0,0,0,0,0,0,0]'";

    // Far away, without a vector, or another column of another row: nothing it saw.
    CHECK(commit(nearest, {"INSERT INTO items VALUES (6000, 1, " + far + "), (6001, 1, NULL)"}) == "OK");
    CHECK(commit(nearest, {"UPDATE items SET emb = '[51,0,0,0,0,0,0,0]' WHERE id = 6000"}) == "OK");
    CHECK(commit(nearest, {"UPDATE items SET emb = NULL WHERE id = 6000", "DELETE FROM items WHERE id < 500"}) == "OK");
    CHECK(commit(nearest, {"UPDATE items SET kind = 8 WHERE id = 5002"}) == "OK");
    CHECK(commit(nearest, {"DELETE FROM items WHERE id = 5002"}) == "OK");
    CHECK(commit(nearest, {}, "INSERT INTO items VALUES (6002, 1, " + near + ")") == "OK");
    items.sql("DELETE FROM items WHERE id = 6002");

    CHECK(conflicts(commit(nearest, {"INSERT INTO items VALUES (7000, 1, " + near + ")"})));
    CHECK(conflicts(commit(nearest, {"UPDATE items SET kind = 8 WHERE id = 7000"})));
    CHECK(conflicts(commit(nearest, {"DELETE FROM items WHERE id = 7000"})));
    CHECK(conflicts(commit(nearest, {"UPDATE items SET emb = " + near + " WHERE id = 6000"})));
    CHECK(conflicts(commit(nearest, {"UPDATE items SET emb = NULL WHERE id = 6000"})));
    CHECK(conflicts(commit(nearest, {"INSERT INTO items VALUES (7001, 1, '[91,0,0,0,0,0,0,0]')"})));  // as near as the last
    items.sql("DELETE FROM items WHERE id = 7001");
    CHECK(commit(nearest + " OFFSET 1", {"INSERT INTO items VALUES (7002, 1, '[-900,0,0,0,0,0,0,0]')"}) == "OK");
    CHECK(conflicts(commit(nearest + " OFFSET 1", {"INSERT INTO items VALUES (7003, 1, " + near + ")"})));
    items.sql("DELETE FROM items WHERE id = 7003");

    // Its own rows are among what it has found, and do not conflict with themselves.
    const std::string insert = "INSERT INTO items VALUES (8000, 1, " + near + ")";
    items.run("BEGIN");
    items.sql(insert);
    CHECK(ids(*items.session, nearest) == std::vector<std::int64_t>{5000, 8000});
    runSqlOn(*other, "INSERT INTO items VALUES (8001, 1, '[91,0.1,0,0,0,0,0,0]')");
    CHECK(items.run("COMMIT") == "OK");
    items.sql("DELETE FROM items WHERE id >= 8000");

    // Fewer rows than it wanted: whatever comes would have been among them.
    const std::string many = "SELECT id FROM items ORDER BY emb <-> '[90,0,0,0,0,0,0,0]' LIMIT 5000";
    CHECK(conflicts(commit(many, {"INSERT INTO items VALUES (8002, 1, NULL)"})));
    // With a WHERE by an index, its range and nothing else.
    const std::string some = "SELECT id FROM items WHERE id >= 5000 AND id < 6000 ORDER BY emb <-> '[0,0,0,0,0,0,0,0]' LIMIT 2";
    CHECK(commit(some, {"INSERT INTO items VALUES (8003, 1, '[0,0,0,0,0,0,0,0]')"}) == "OK");
    CHECK(conflicts(commit(some, {"INSERT INTO items VALUES (5500, 1, " + far + ")"})));
    CHECK(conflicts(commit("SELECT id FROM items WHERE kind > 3 ORDER BY emb <-> '[0,0,0,0,0,0,0,0]' LIMIT 2",
                           {"DELETE FROM items WHERE id = 8003"})));  // which reads all
    CHECK(conflicts(commit(nearest, {"TRUNCATE items"})));
  }
}

TEST_CASE("No two rows get nearer to each other than each of their transactions allowed", "[threads]") {
  Items items;
  items.create(0);
  constexpr int kThreads = 3;
  std::vector<std::thread> threads;
  std::atomic<int> added{0};
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      const auto session = items.connect();
      std::mt19937 random(static_cast<unsigned>(thread));
      for (int i = 0; i < 300; ++i) {
        const std::string place = "'[" + std::to_string(random() % 1000) + ",0,0,0,0,0,0,0]'";
        runOn(*session, "BEGIN");
        const std::string distance = "emb <-> " + place;
        const auto nearest = session->execute("SELECT " + distance + " FROM items ORDER BY 1 LIMIT 1");
        bool free = nearest.ok();
        for (const auto row : *nearest) {
          free = free && row[0].asReal() > 20;
        }
        if (free) {
          runSqlOn(*session, "INSERT INTO items VALUES (" + std::to_string(thread * 1000 + i) + ", 1, " + place + ")");
        }
        added += runOn(*session, "COMMIT") == "OK" && free ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(added > 5);
  CHECK(items.sql("SELECT count(*) FROM items") == "[[(integer) " + std::to_string(added) + "]]");
  CHECK(items.sql("SELECT count(*) FROM items a, items b WHERE a.id < b.id AND a.emb <-> b.emb <= 20") == "[[(integer) 0]]");
}

TEST_CASE("NULL and zero vectors come last, and TRUNCATE and DROP INDEX leave nothing behind") {
  Items items;
  items.create(1000);
  items.index("vector_cosine_ops");
  items.sql("INSERT INTO items VALUES (5000, 777, NULL), (5001, 777, '[0,0,0,0,0,0,0,0]'), (5002, 777, '[1,0,0,0,0,0,0,0]')");
  const std::string query = "SELECT id FROM items WHERE kind = 777 ORDER BY emb <=> '[1,0,0,0,0,0,0,0]' LIMIT 5";
  items.settle("<=>");
  CHECK(ids(*items.session, query) == std::vector<std::int64_t>{5002, 5001, 5000});
  items.sql("UPDATE items SET emb = NULL WHERE id = 5002");
  CHECK(ids(*items.session, query) == std::vector<std::int64_t>{5001, 5000, 5002});
  items.settle("<=>");
  CHECK(ids(*items.session, query) == std::vector<std::int64_t>{5001, 5000, 5002});

  auto other = items.connect();
  runOn(*other, "BEGIN");
  CHECK(ids(*other, query).size() == 3);
  items.sql("TRUNCATE items");
  CHECK(ids(*items.session, query).empty());
  CHECK(ids(*other, query).size() == 3);
  runOn(*other, "COMMIT");
  items.insert(*items.session, 0, 2000);
  CHECK(items.recall(*items.session, "", 10, 20, "<=>") >= kRecall);
  CHECK(items.sql("DROP INDEX by_emb") == "OK");
  CHECK(items.recall(*items.session, "", 10, 5, "<=>") == 1);
}

TEST_CASE("CREATE INDEX inside a transaction, and rolled back") {
  Items items;
  items.create(1000);
  items.run("BEGIN");
  items.index();
  items.insert(*items.session, 1000, 1500);
  CHECK(items.recall(*items.session) == 1);  // exact: not built
  items.run("ROLLBACK");
  CHECK(items.sql("DROP INDEX by_emb").find("does not exist") != std::string::npos);
  items.run("BEGIN");
  items.index();
  items.insert(*items.session, 1000, 1500);
  items.run("COMMIT");
  items.settle();
  CHECK(items.recall(*items.session) >= kRecall);
}

TEST_CASE("CREATE INDEX that is cancelled leaves nothing behind") {
  Items items;
  items.create(8000);
  const std::string slow = "CREATE INDEX by_emb ON items USING hnsw (emb vector_l2_ops) WITH (m = 100, ef_construction = 1000)";
  std::string answer;
  std::thread creating([&] { answer = items.sql(slow); });
  const auto other = items.connect();
  while (runSqlOn(*other, "SELECT count(*) FROM trefoil_indexes() WHERE index_name = 'by_emb'") == "[[(integer) 0]]") {
    std::this_thread::yield();
  }
  items.session->cancel();
  creating.join();
  CHECK(answer.find("canceling statement due to user request") != std::string::npos);
  CHECK(items.sql("DROP INDEX by_emb").find("does not exist") != std::string::npos);

  items.sql("SET statement_timeout = 50");
  CHECK(items.sql(slow).find("canceling statement due to statement timeout") != std::string::npos);
  items.sql("SET statement_timeout = 0");
  CHECK(items.sql("DROP INDEX by_emb").find("does not exist") != std::string::npos);
  items.index();
  CHECK(items.recall(*items.session) >= kRecall);
}

TEST_CASE("The memory of vectors and their indexes is told") {
  Items items;
  const auto memory = [&](const std::string& name) {
    const std::string info = items.run("INFO memory");
    const auto at = info.find("\n" + name + ":");
    REQUIRE(at != std::string::npos);
    return std::stoll(info.substr(at + name.size() + 2));
  };
  items.create(3000);
  CHECK(memory("used_memory_vectors") >= 3000 * 8 * 4);
  CHECK(memory("used_memory_vector_indexes") == 0);
  items.index();
  CHECK(memory("used_memory_vector_indexes") >= 3000 * 8);
  items.sql("DROP INDEX by_emb");
  CHECK(memory("used_memory_vector_indexes") == 0);
  items.sql("DROP TABLE items");
  CHECK(memory("used_memory_vectors") == 0);
}

TEST_CASE("Searches beside writers are right at their instants", "[threads]") {
  Items items;
  items.create(2000);
  items.index();
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&, writer] {
      const auto session = items.connect();
      std::mt19937 random(static_cast<unsigned>(writer));
      for (int i = 0; !stop; ++i) {
        const std::string id = std::to_string(random() % 2000 / 2 * 2 + static_cast<unsigned>(writer));
        switch (random() % 4) {
          case 0:
            runSqlOn(*session, "DELETE FROM items WHERE id = " + id);
            break;
          case 1:
            runSqlOn(*session, "INSERT INTO items VALUES (" + id + ", 1, '" + randomVector(random) + "')");
            break;
          case 2:
            runSqlOn(*session, "UPDATE items SET emb = '" + randomVector(random) + "' WHERE id = " + id);
            break;
          default:
            runOn(*session, "BEGIN");
            runSqlOn(*session, "UPDATE items SET emb = '" + randomVector(random) + "' WHERE id < 20");
            runOn(*session, random() % 2 == 0 ? "ROLLBACK" : "COMMIT");
        }
      }
    });
  }
  double worst = 1;
  for (int round = 0; round < 40; ++round) {
    items.run("BEGIN");
    worst = std::min(worst, items.recall(*items.session, round % 2 == 0 ? "" : "WHERE id % 2 = 0", 10, 5));
    items.run("COMMIT");
  }
  stop = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(worst >= 0.8);  // of 50 rows
  CHECK(items.recall(*items.session) >= kRecall);
}

TEST_CASE("After a restart index and rows agree") {
  testing::TemporaryDirectory directory;
  {
    Items items(directory.path());
    items.create(2000);
    items.index();
    items.sql("DELETE FROM items WHERE id % 7 = 0");
    items.sql("CHECKPOINT");
    items.insert(*items.session, 2000, 2500);
    items.sql("DELETE FROM items WHERE id % 5 = 0");
    items.sql("UPDATE items SET emb = '[3,3,3,3,3,3,3,3]' WHERE id = 1");
  }
  Items items(directory.path());
  CHECK(items.recall(*items.session) >= kRecall);
  items.settle();
  CHECK(items.recall(*items.session) >= kRecall);
  CHECK(ids(*items.session, "SELECT id FROM items ORDER BY emb <-> '[3,3,3,3,3,3,3,3]' LIMIT 1") == std::vector<std::int64_t>{1});
}

TEST_CASE("A graph in a checkpoint is taken as it is, and what came after it is followed") {
  testing::TemporaryDirectory directory;
  {
    Items items(directory.path());
    items.create(20'000);
    items.index();
    items.sql("DELETE FROM items WHERE id % 9 = 0");
    auto other = items.connect();  // a snapshot that keeps dead entries while the checkpoint is written
    runOn(*other, "BEGIN");
    CHECK(ids(*other, "SELECT count(*) FROM items").size() == 1);
    items.sql("DELETE FROM items WHERE id % 11 = 0");
    CHECK(items.sql("CHECKPOINT") == "OK");
    runOn(*other, "COMMIT");
    items.sql("DELETE FROM items WHERE id % 13 = 0");
    items.insert(*items.session, 20'000, 20'100);
  }
  for (int i = 0; i < 2; ++i) {
    Items items(directory.path());
    // Nothing had to be built: that takes longer.
    const std::string text = explain(*items.session, "SELECT id FROM items ORDER BY emb <-> '[1,0,0,0,0,0,0,0]' LIMIT 5");
    CHECK(text.find("the index is being built") == std::string::npos);
    CHECK(items.recall(*items.session) >= kRecall);
    items.settle();
    CHECK(items.recall(*items.session, "WHERE kind < 30") >= kRecall);
    CHECK(items.sql("CHECKPOINT") == "OK");
    items.sql("UPDATE items SET emb = '" + randomVector(items.random) + "' WHERE id % 17 = 0");
  }
}

TEST_CASE("SEARCH is the query in short") {
  Items items;
  items.create(1000);
  items.index();
  items.sql("INSERT INTO items VALUES (9000, 5, '[7,7,7,7,7,7,7,7]')");
  CHECK(items.run("SEARCH items emb [7,7,7,7,7,7,7,7] 1").find("9000") != std::string::npos);
  CHECK(items.run("SEARCH items emb [7, 7, 7, 7, 7, 7, 7, 7] 1").find("9000") != std::string::npos);
  CHECK(items.run("SEARCH items id [7,7] 1").find("column \"id\" is of type integer, not vector") != std::string::npos);
  CHECK(items.run("SEARCH items embedding [7,7] 1").find("column \"embedding\" does not exist") != std::string::npos);
  CHECK(items.run("SEARCH nothing emb [7,7] 1").find("relation \"nothing\" does not exist") != std::string::npos);
  CHECK(items.run("SEARCH items emb [7,7] 1").find("different vector dimensions") != std::string::npos);
  CHECK(items.run("SEARCH items emb 1").find("wrong number of arguments") != std::string::npos);
  items.run("MULTI");
  items.run("SEARCH items emb [7,7,7,7,7,7,7,7] 1");
  CHECK(items.run("EXEC").find("9000") != std::string::npos);
}

TEST_CASE("A vector may come as the bytes of its floats") {
  Items items;
  items.create(1000);
  items.index();
  const auto bytes = [](std::vector<float> values) {
    return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  };
  // Over RESP every parameter is just bytes.
  const auto sql = [&](const std::string& text, const std::vector<std::string>& parameters) {
    std::vector<std::string_view> words{"SQL", text};
    words.insert(words.end(), parameters.begin(), parameters.end());
    ReplyTree reply;
    items.session->execute({.args = words, .sql = {}, .parameters = {}}, reply);
    return reply.last().describe();
  };
  const std::string sevens = bytes({7, 7, 7, 7, 7, 7, 7, 7});
  CHECK(sql("INSERT INTO items VALUES (9000, 5, $1)", {sevens}).find('1') != std::string::npos);
  CHECK(ids(*items.session, "SELECT id FROM items WHERE emb = '[7,7,7,7,7,7,7,7]'") == std::vector<std::int64_t>{9000});
  const std::string nearest = "SELECT id FROM items ORDER BY emb <-> $1 LIMIT 1";
  CHECK(sql(nearest, {sevens}).find("9000") != std::string::npos);
  CHECK(sql(nearest, {"[7,7,7,7,7,7,7,7]"}).find("9000") != std::string::npos);
  CHECK(sql(nearest, {bytes({0, 0, 0, 0, 0, 0, 0, 0})}).find("(error)") == std::string::npos);
  CHECK(sql(nearest, {bytes({7, 7})}).find("different vector dimensions 8 and 2") != std::string::npos);
  CHECK(sql(nearest, {bytes({7, NAN, 7, 7, 7, 7, 7, 7})}).find("NaN not allowed in vector") != std::string::npos);
  // Every byte a letter: floats all the same.
  CHECK(sql("INSERT INTO items VALUES (9001, 5, $1)", {"S$Q?nT >S$Q?nT >S$Q?nT >S$Q?nT >"}).find('1') != std::string::npos);
  CHECK(sql("SELECT id FROM items ORDER BY emb <=> $1 LIMIT 1", {"S$Q?nT >S$Q?nT >S$Q?nT >S$Q?nT >"}).find("9001") !=
        std::string::npos);
  CHECK(sql(nearest, {"words"}).find("invalid input syntax for type vector") != std::string::npos);
  CHECK(sql(nearest, {"1,2,3,4,5,6,7,8."}).find("Vector contents must start with") != std::string::npos);
  CHECK(sql(nearest, {" [1,2,3,4,5,6,7,8,9] "}).find("different vector dimensions 8 and 9") != std::string::npos);
  CHECK(sql(nearest, {sevens + "\x01"}).find("invalid input syntax for type vector") != std::string::npos);
  const auto search = [&](const std::string& vector) {
    const std::vector<std::string_view> words{"SEARCH", "items", "emb", vector, "1"};
    ReplyTree reply;
    items.session->execute({.args = words, .sql = {}, .parameters = {}}, reply);
    return reply.last().describe();
  };
  CHECK(search(sevens).find("9000") != std::string::npos);
  // Where types are known, a blob.
  const auto rows = items.session->execute(nearest, std::vector<Datum>{Datum::blob(sevens)});
  REQUIRE(rows.ok());
  CHECK((*rows->begin())[0].asInteger() == 9000);
  CHECK(items.session->execute(nearest, std::vector<Datum>{Datum::blob("abc")}).error().message ==
        "a vector in binary has 4 bytes for each dimension, not 3 in all");
}

TEST_CASE("hnsw.ef_search is a session's own") {
  Items items;
  auto other = items.connect();
  CHECK(items.sql("SHOW hnsw.ef_search") == "[[\"64\"]]");
  CHECK(items.sql("SET hnsw.ef_search = 200") == "OK");
  CHECK(items.sql("SHOW hnsw.ef_search") == "[[\"200\"]]");
  CHECK(runSqlOn(*other, "SHOW hnsw.ef_search") == "[[\"64\"]]");
  CHECK(items.sql("SET hnsw.ef_search = 1001")
            .find("1001 is outside the valid range for parameter \"hnsw.ef_search\" (1 .. 1000)") != std::string::npos);
  CHECK(items.sql("SET hnsw.ef_search = -1").find("-1 is outside the valid range") != std::string::npos);
  CHECK(items.sql("SET hnsw.ef_search = many").find("invalid value for parameter \"hnsw.ef_search\"") != std::string::npos);
  CHECK(items.sql("SET hnsw.ef_search TO DEFAULT") == "OK");
  CHECK(items.sql("SHOW hnsw.ef_search") == "[[\"64\"]]");
}

}  // namespace trefoil
