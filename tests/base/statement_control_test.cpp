#include "base/statement_control.hpp"

#include <catch2/catch.hpp>

namespace trefoil {

using Stop = StatementControl::Stop;

TEST_CASE("a request to stop is for the statement that runs, a kill for all that follow", "[base][control]") {
  StatementControl control;
  CHECK(control.check().ok());
  for (const Stop reason : {Stop::kUserRequest, Stop::kClientGone}) {
    control.stop(reason);
    CHECK(control.check().error().code == ErrorCode::kCancelled);
    control.begin(false);
    CHECK(control.check().ok());
  }
  control.stop(Stop::kKilled);
  control.stop(Stop::kUserRequest);
  control.begin(false);
  CHECK(control.check().error().message == "terminating connection due to administrator command");
}

TEST_CASE("the database's timeout is asked for at each look, an own one comes first", "[base][control]") {
  Settings settings;
  StatementControl control(&settings);
  const auto set = [&](std::string_view milliseconds) {
    const std::pair<std::string_view, std::string_view> pair{"statement-timeout", milliseconds};
    REQUIRE(settings.configSet({&pair, 1}).ok());
  };
  const auto times_out = [&] {
    for (int i = 0; i < 1'000'000'000; ++i) {
      if (const Status status = control.check(); !status.ok()) {
        return status.error().code == ErrorCode::kTimeout;
      }
    }
    return false;
  };
  control.begin(false);
  CHECK(control.check().ok());
  set("1");
  CHECK(times_out());
  CHECK_FALSE(control.gaveUp());
  control.setTimeout(0);
  CHECK(control.check().ok());
  control.setTimeout(1);
  set("0");
  CHECK(times_out());
  control.setTimeout(StatementControl::kDatabaseTimeout);
  CHECK(control.check().ok());
}

TEST_CASE("who hurries gives up when the work is used up, and not after it came through", "[base][control]") {
  StatementControl control;
  constexpr std::size_t kMuch = StatementControl::kHurryWork + 1;
  control.begin(true);
  control.limitWork(StatementControl::kHurryWork);
  WorkMeter meter(&control);
  CHECK(meter.charge(StatementControl::kHurryWork).ok());
  CHECK_FALSE(control.gaveUp());
  CHECK(meter.charge(WorkMeter::kWorkBetweenLooks).error().code == ErrorCode::kTimeout);
  CHECK(control.gaveUp());
  CHECK(control.takeTime(false));
  CHECK(control.gaveUp());
  CHECK(meter.charge(kMuch).ok());
  // It was run again by somebody else; and one that nobody has to run again has given up only for itself.
  for (const bool came_through : {false, true}) {
    control.begin(came_through);
    control.hurry();
    CHECK_FALSE(meter.charge(kMuch).ok());
    CHECK(control.takeTime(came_through) != came_through);
    CHECK_FALSE(control.gaveUp());
  }
  CHECK(meter.charge(SIZE_MAX).ok());
}

TEST_CASE("who hurries gives up when the time is over", "[base][control]") {
  StatementControl control;
  control.begin(true);
  control.hurry(1);
  CHECK(control.check().error().code == ErrorCode::kTimeout);
  CHECK(control.gaveUp());
  control.begin(true);
  CHECK(control.check().ok());
}

}  // namespace trefoil
