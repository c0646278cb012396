// Bounds on what a connection makes the server hold, apart from those that are settings.
#pragma once

#include <cstddef>

namespace trefoil::net {

// Unsent answers beyond this: nothing more is read from the connection until the client fetches some.
inline constexpr std::size_t kStopReadingAt = std::size_t{1} << 20;
// A loop's read buffer: one read takes at most this much, unless a large argument is on its way.
inline constexpr std::size_t kReadBytes = std::size_t{64} << 10;
// A connection's turn ends when so much was sent or received: others have theirs before it goes on. Some tenths of a millisecond.
inline constexpr std::size_t kTurnBytes = std::size_t{1} << 20;
// Buffers from this size on are freed by a worker: giving their pages back takes as long as filling them.
inline constexpr std::size_t kHugeBuffer = std::size_t{4} << 20;
// Messages are put into a connection's output while less than this is in it; the others wait in the outbox, where all share them.
inline constexpr std::size_t kSpeakBytes = kReadBytes - 4096;
// Connections that messages are sent to in one round of a loop: some tenths of a millisecond.
inline constexpr std::size_t kSpeakersPerRound = 32;
// Answers to one burst up to this size wait for those of other connections, so many at most, and all are sent one after the
// other.
inline constexpr std::size_t kShortAnswers = 4096;
inline constexpr std::size_t kMostUnsent = 16;
// Statements of one burst that run as one batch.
inline constexpr std::size_t kMaxBatch = 256;

}  // namespace trefoil::net
