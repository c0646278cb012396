// Cause: which event an effect tells of. It stands behind the effect's kind wherever the effect goes (log, checkpoint,
// followers), so what is told of a change is the same on a replica and after a restart.
// https://redis.io/docs/latest/develop/use/keyspace-notifications/
#pragma once

#include <cstdint>
#include <string_view>

namespace trefoil {

enum class Cause : std::uint8_t {
#define CAUSE(number, name, text) name = number,
#include "base/causes.def"
#undef CAUSE
};

// Its text in causes.def; empty also for a number that a newer program knows.
constexpr std::string_view causeName(Cause cause) {
  switch (cause) {
#define CAUSE(number, name, text) \
  case Cause::name:               \
    return text;
#include "base/causes.def"
#undef CAUSE
  }
  return {};
}

}  // namespace trefoil
