#include "base/status.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

namespace trefoil {
namespace {

Error failure() {
  return {ErrorCode::kConflict, "try again"};
}

TEST_CASE("a Result holds a value or an error") {
  Result<std::string> good = std::string("yes");
  CHECK(good.ok());
  CHECK(*good == "yes");
  CHECK(good->size() == 3);
  Result<std::string> bad = failure();
  CHECK_FALSE(bad.ok());
  CHECK(bad.error().code == ErrorCode::kConflict);
  bad = std::string("now");
  CHECK(bad.ok());
  Result<std::unique_ptr<int>> movable = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = *std::move(movable);
  CHECK(*taken == 5);
}

TEST_CASE("a Status moves, and is one pointer") {
  static_assert(sizeof(Status) == sizeof(void*));
  Status status;
  CHECK(status.ok());
  status = failure();
  CHECK_FALSE(status.ok());
  Status other = std::move(status);
  REQUIRE_FALSE(other.ok());
  CHECK(other.error().message == "try again");
  other = Status();
  CHECK(other.ok());
}

TEST_CASE("an Error carries detail, hint and position") {
  const Error error = failure().at(7).withDetail("key 1").withHint("retry");
  CHECK(error.position == 7u);
  CHECK(error.detail == "key 1");
  CHECK(error.hint == "retry");
  CHECK(error.system_errno == 0);
}

Status step(int& steps, bool ok) {
  ++steps;
  if (ok) {
    return {};
  }
  return failure();
}

Result<int> number(bool ok) {
  if (ok) {
    return 21;
  }
  return failure();
}

Status twoSteps(int& steps, bool first_ok) {
  TREFOIL_TRY(step(steps, first_ok));
  TREFOIL_TRY(step(steps, true));
  return {};
}

Result<int> doubled(bool ok) {
  TREFOIL_ASSIGN(const int half, number(ok));
  return 2 * half;
}

TEST_CASE("TRY and ASSIGN return the first error") {
  int steps = 0;
  CHECK(twoSteps(steps, true).ok());
  CHECK(steps == 2);
  CHECK(twoSteps(steps, false).error().message == "try again");
  CHECK(steps == 3);
  CHECK(doubled(true).value() == 42);
  CHECK(doubled(false).error().code == ErrorCode::kConflict);
}

}  // namespace
}  // namespace trefoil
