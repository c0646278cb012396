// client-output-buffer-limit: how much a client may leave unread before it is closed, by what kind of client it is.
// https://redis.io/docs/latest/develop/reference/clients/#output-buffer-limits
//
// Its text is four words for each class: `normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60`. Who sets some
// classes leaves the others as they are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.hpp"

namespace trefoil {

enum class ClientClass : std::uint8_t { kNormal, kReplica, kPubSub };
inline constexpr std::size_t kClientClasses = 3;

struct ClientLimit {
  std::int64_t hard = 0;          // bytes; more, and the client is closed at once. 0: no limit
  std::int64_t soft = 0;          // bytes; more for soft_seconds, and it is closed. 0: no limit
  std::int64_t soft_seconds = 0;  // seconds
  bool operator==(const ClientLimit&) const = default;
};

using ClientLimits = std::array<ClientLimit, kClientClasses>;

// `limits`, changed as `text` says. The errors are Redis's.
Result<ClientLimits> parseClientLimits(std::string_view text, ClientLimits limits);
// As CONFIG GET shows them.
std::string clientLimitsText(const ClientLimits& limits);

}  // namespace trefoil
