// Who has reserved a table goes first; others wait for it, but not without end.
#include "sql/storage/table_reservation.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/sql/storage/store_fixture.hpp"

using namespace trefoil;
using namespace trefoil::sql;
using namespace trefoil::sql::test;

TEST_CASE("a reservation is in the way of all but its holder, until it is given back", "[reservation]") {
  TableReservation reservation;
  CHECK_FALSE(reservation.isTaken(0));
  CHECK_FALSE(reservation.isTaken(1));
  reservation.await();  // for nobody
  reservation.take(1);
  CHECK_FALSE(reservation.isTaken(1));
  CHECK(reservation.isTaken(2));
  CHECK(reservation.isTaken(0));
  reservation.giveBack();
  CHECK_FALSE(reservation.isTaken(2));
}

TEST_CASE("who takes a reservation waits for all who have it; who waits goes on when it is given back", "[reservation]") {
  TableReservation reservation;
  reservation.take(1);
  std::atomic<int> inside = 0;
  std::atomic<int> holders = 0;
  std::atomic<int> served = 0;
  std::atomic<int> faults = 0;
  std::vector<std::thread> threads;
  for (std::uint64_t who = 2; who < 8; ++who) {
    threads.emplace_back([&, who] {
      reservation.take(who);
      faults += ++inside != 1 || reservation.isTaken(who) || !reservation.isTaken(who + 1) ? 1 : 0;
      ++holders;
      --inside;
      reservation.giveBack();
    });
    threads.emplace_back([&] {
      while (reservation.isTaken(0)) {
        reservation.await();
      }
      ++served;
    });
  }
  CHECK(holders == 0);
  CHECK(served == 0);
  reservation.giveBack();
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(holders == 6);
  CHECK(served == 6);
  CHECK(faults == 0);
  CHECK_FALSE(reservation.isTaken(0));
}

TEST_CASE("patience ends, and the reservation is still there", "[reservation]") {
  TableReservation reservation;
  reservation.take(1);
  reservation.await();
  CHECK(reservation.isTaken(2));
}

TEST_CASE("a store knows who has reserved which of its tables", "[reservation][store]") {
  Database database;
  std::vector<TableId> tables;
  for (const char* const name : {"a", "b", "c"}) {
    TableSchema schema;
    schema.name = name;
    schema.columns = {column("id", SqlType::bigint())};
    tables.push_back(database.create(schema));
  }
  Store& store = database.store;
  const auto isReserved = [&](TableId table, std::uint64_t who) { return store.isReserved(table, who); };
  CHECK_FALSE(store.hasReservations());
  std::vector<std::shared_ptr<TableReservation>> taken;
  REQUIRE(database.underLocks([&](View& view) { return view.dropTable(tables[1]); }).ok());
  std::vector<TableFootprint> footprint(3);
  for (std::size_t i = 0; i < tables.size(); ++i) {
    footprint[i].table = tables[i];
  }
  store.reserve(footprint, 7, taken);
  CHECK(taken.size() == 2);  // one was dropped
  CHECK(store.hasReservations());
  CHECK_FALSE(isReserved(tables[0], 7));
  CHECK(isReserved(tables[0], 8));
  CHECK_FALSE(isReserved(tables[1], 8));
  CHECK(isReserved(tables[2], 8));
  CHECK(store.awaitReservation(tables[1]));
  CHECK_FALSE(store.awaitReservation(tables[2]));  // without patience

  std::thread waiting([&] {
    while (!store.awaitReservation(tables[0])) {
    }
  });
  REQUIRE(database.underLocks([&](View& view) { return view.dropTable(tables[2]); }).ok());
  CHECK_FALSE(isReserved(tables[2], 8));
  store.giveBack(taken);
  waiting.join();
  CHECK(taken.empty());
  CHECK_FALSE(store.hasReservations());
  CHECK_FALSE(isReserved(tables[0], 8));
}
