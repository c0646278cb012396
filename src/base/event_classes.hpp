// The classes of keyspace events, as the setting notify-keyspace-events names them with a letter each.
// https://redis.io/docs/latest/develop/use/keyspace-notifications/#configuration
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trefoil {

// Bits.
enum EventClass : std::uint32_t {
  kEventsOfKeyspace = 1U << 0,  // tell __keyspace@<db>__:<key>
  kEventsOfKeyevent = 1U << 1,  // tell __keyevent@<db>__:<event>
  kEventGeneric = 1U << 2,
  kEventString = 1U << 3,
  kEventList = 1U << 4,
  kEventSet = 1U << 5,
  kEventHash = 1U << 6,
  kEventSortedSet = 1U << 7,
  kEventExpired = 1U << 8,
  kEventEvicted = 1U << 9,
  kEventStream = 1U << 10,
  kEventModule = 1U << 11,
  kEventKeyMiss = 1U << 12,
  kEventNew = 1U << 13,
};

namespace event_classes {

struct Letter {
  char letter;
  std::uint32_t bit;
};
// Those that 'A' stands for, in the order in which Redis lists them.
inline constexpr auto kAll = std::to_array<Letter>({{'g', kEventGeneric},
                                                    {'$', kEventString},
                                                    {'l', kEventList},
                                                    {'s', kEventSet},
                                                    {'h', kEventHash},
                                                    {'z', kEventSortedSet},
                                                    {'x', kEventExpired},
                                                    {'e', kEventEvicted},
                                                    {'t', kEventStream},
                                                    {'d', kEventModule}});
inline constexpr auto kOthers =
    std::to_array<Letter>({{'n', kEventNew}, {'K', kEventsOfKeyspace}, {'E', kEventsOfKeyevent}, {'m', kEventKeyMiss}});

constexpr std::uint32_t all() {
  std::uint32_t bits = 0;
  for (const Letter& one : kAll) {
    bits |= one.bit;
  }
  return bits;
}

// Nothing for a letter that there is not.
constexpr std::optional<std::uint32_t> parse(std::string_view letters) {
  std::uint32_t bits = 0;
  for (const char letter : letters) {
    std::uint32_t bit = letter == 'A' ? all() : 0;
    for (const Letter& one : kAll) {
      bit |= one.letter == letter ? one.bit : 0;
    }
    for (const Letter& one : kOthers) {
      bit |= one.letter == letter ? one.bit : 0;
    }
    if (bit == 0) {
      return std::nullopt;
    }
    bits |= bit;
  }
  return bits;
}

// As CONFIG GET shows them.
inline std::string text(std::uint32_t bits) {
  std::string letters;
  if ((bits & all()) == all()) {
    letters = "A";
  } else {
    for (const Letter& one : kAll) {
      letters.append((bits & one.bit) != 0 ? 1 : 0, one.letter);
    }
  }
  for (const Letter& one : kOthers) {
    letters.append((bits & one.bit) != 0 ? 1 : 0, one.letter);
  }
  return letters;
}

}  // namespace event_classes

}  // namespace trefoil
