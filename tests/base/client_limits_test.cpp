#include "base/client_limits.hpp"

#include <catch2/catch.hpp>

#include "base/settings.hpp"

namespace trefoil {
namespace {

constexpr const char* kDefaults = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";

}  // namespace

TEST_CASE("Limits of clients are read as Redis reads them") {
  struct Row {
    const char* text;
    const char* then;  // as CONFIG GET shows them, or the error
  };
  const Row row = GENERATE(
      Row{"", kDefaults}, Row{"normal 1mb 0 0", "normal 1048576 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"},
      Row{"PubSub 1k 2kb 3  replica 0 0 0", "normal 0 0 0 slave 0 0 0 pubsub 1000 2048 3"},
      Row{"normal 1 1 1 normal 2 2 2", "normal 2 2 2 slave 268435456 67108864 60 pubsub 33554432 8388608 60"},
      Row{"slave 5 5 5", "normal 0 0 0 slave 5 5 5 pubsub 33554432 8388608 60"},
      Row{"normal 0 0", "Wrong number of arguments in buffer limit configuration."},
      Row{"x", "Wrong number of arguments in buffer limit configuration."},
      Row{"other 0 0 0", "Invalid client class specified in buffer limit configuration."},
      Row{"master 0 0 0", "Invalid client class specified in buffer limit configuration."},
      Row{"normal 1x 0 0", "Error in hard, soft or soft_seconds setting in buffer limit configuration."},
      Row{"normal 0 -1 0", "Error in hard, soft or soft_seconds setting in buffer limit configuration."},
      Row{"normal 0 0 -1", "Error in hard, soft or soft_seconds setting in buffer limit configuration."},
      Row{"normal 0 0 1s", "Error in hard, soft or soft_seconds setting in buffer limit configuration."});
  CAPTURE(row.text);
  const Result<ClientLimits> defaults = parseClientLimits(kDefaults, {});
  REQUIRE(defaults.ok());
  const Result<ClientLimits> limits = parseClientLimits(row.text, *defaults);
  CHECK((limits.ok() ? clientLimitsText(*limits) : limits.error().message) == row.then);
}

TEST_CASE("A setting of limits changes the classes that it names, from wherever it comes") {
  Settings settings;
  CHECK(settings.text(Setting::kClientOutputLimits) == kDefaults);
  CHECK(
      settings.loadText("client-output-buffer-limit normal 1mb 0 0\nclient-output-buffer-limit pubsub 2mb 0 0\n", "x.conf").ok());
  CHECK(
      settings.configSet(std::array{std::pair<std::string_view, std::string_view>("client-output-buffer-limit", "replica 0 0 9")})
          .ok());
  CHECK(settings.text(Setting::kClientOutputLimits) == "normal 1048576 0 0 slave 0 0 9 pubsub 2097152 0 0");
}

}  // namespace trefoil
