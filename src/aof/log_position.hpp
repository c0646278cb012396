// LogPosition: a place between two commits of a log, for whoever follows it and wants to go on there later: after a reconnection,
// after a restart.
//
//   as text    <opening>-<lsn>[-<back>]     9f86d081-98304     9f86d081-98304-4096     or 0: before the first commit
//
//   opening    the salt of the opening of the directory in which it was read (record_format.hpp), 8 hex digits
//   lsn        commits whose records begin below it are behind
//   back       so many bytes before it begin the parts of a large transaction that was still to be committed there
//
// An LSN alone would not do: what a crash has torn off the log's end is dropped, and other records take its LSNs. So the manifest
// remembers the openings before and where each has ended (Openings): a position of one of them is good if it lies no further.
//
//   property openings := { salt u32, end u64 } *      little-endian; oldest first, those at whose ends the log still is
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aof/manifest.hpp"
#include "base/status.hpp"
#include "base/types.hpp"

namespace trefoil::aof {

struct LogPosition {
  std::uint32_t opening = 0;
  Lsn lsn = kFirstLsn;
  Lsn restart = kFirstLsn;  // lsn - back

  [[nodiscard]] std::string text() const;
  // kInvalid if it is none.
  static Result<LogPosition> parse(std::string_view text);
  // Before the first commit of any log.
  [[nodiscard]] bool isFirst() const { return opening == 0 && lsn == kFirstLsn; }
  friend bool operator==(const LogPosition&, const LogPosition&) = default;
};

// The openings of a directory that are over.
class Openings {
 public:
  static Openings of(const Manifest& manifest);
  void putInto(Manifest& manifest) const;

  // The one with this salt has ended there, and everything below was found again.
  void add(std::uint32_t salt, Lsn end) { ended_.push_back({salt, end}); }
  // Where the log of that opening agrees with today's up to; nothing if it is not remembered.
  [[nodiscard]] std::optional<Lsn> endOf(std::uint32_t salt) const;

 private:
  struct Ended {
    std::uint32_t salt;
    Lsn end;
  };
  static constexpr std::size_t kMost = 1024;
  std::vector<Ended> ended_;
};

}  // namespace trefoil::aof
