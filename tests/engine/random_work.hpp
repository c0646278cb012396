// Random work on one session, for tests of what follows a database.
#pragma once

#include <random>
#include <string>

#include "tests/engine/session_fixture.hpp"

namespace trefoil {

// One of so many kinds of change, over keys, rows and vectors; the last of them depends on the clock. It needs `kTableOfWork`.
inline constexpr const char* kTableOfWork = "CREATE TABLE t (id INT PRIMARY KEY, x TEXT, e VECTOR(2))";
inline constexpr unsigned kKindsOfWork = 13;
inline void workAtRandom(Session& session, std::mt19937& random, unsigned kinds = kKindsOfWork) {
  const auto number = [&](int below) { return std::to_string(random() % static_cast<unsigned>(below)); };
  switch (random() % kinds) {
    case 0:
      runOn(session, "SET k" + number(20) + " " + number(1000));
      break;
    case 1:
      runOn(session, "INCR n" + number(5));
      break;
    case 2:
      runOn(session, "DEL k" + number(20) + " l" + number(4));
      break;
    case 3:
      runOn(session, "RPUSH l" + number(4) + " a b " + number(9));
      break;
    case 4:
      runOn(session, "LMOVE l" + number(4) + " l" + number(4) + " LEFT RIGHT");
      break;
    case 5:
      runOn(session, "ZADD z " + number(100) + " m" + number(30));
      break;
    case 6:
      runOn(session, "MULTI");
      runOn(session, "HSET h f" + number(9) + " " + number(99));
      runOn(session, "SPOP s");
      runOn(session, "SADD s " + number(50));
      runOn(session, "EXEC");
      break;
    case 7:
      runSqlOn(session,
               "INSERT INTO t VALUES (" + number(200) + ", 'x" + number(9) + "', '[" + number(9) + "," + number(9) + "]')");
      break;
    case 8:
      runSqlOn(session, "UPDATE t SET x = x || '" + number(9) + "' WHERE id < " + number(200));
      break;
    case 9:
      runSqlOn(session, "DELETE FROM t WHERE id = " + number(200));
      break;
    case 10:
      runOn(session, "BEGIN");
      runOn(session, "SET both " + number(100));
      runSqlOn(session, "UPDATE t SET x = 'both" + number(100) + "' WHERE id = " + number(200));
      runOn(session, random() % 4 == 0 ? "ROLLBACK" : "COMMIT");
      break;
    case 11:
      runOn(session, "SET large " + std::string(std::size_t{1} << 20, 'x') + number(9));  // staged by reference
      break;
    default:
      runOn(session, "SET e" + number(9) + " v PX " + number(3));
      break;
  }
}

}  // namespace trefoil
