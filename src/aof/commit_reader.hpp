// CommitReader: the committed transactions of a log, one by one in LSN order, those in parts put together. Recovery reads a log
// at rest so, and whoever follows a database one in use (log_tail.hpp).
//
// Thread safety: none.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "aof/log_walker.hpp"
#include "aof/segment.hpp"
#include "base/status.hpp"
#include "base/types.hpp"

namespace trefoil::aof {

// One committed transaction, its parts already put together.
struct LogRecord {
  Lsn lsn = 0;  // of its commit record
  Lsn end = 0;  // behind that
  std::uint32_t epoch = 0;
  std::uint8_t version = 0;  // of the payload: record_format.hpp
  std::string_view payload;  // valid until the next call of next()
};

class CommitReader {
 public:
  // The walker outlives it; nobody else calls its next().
  explicit CommitReader(LogWalker& walker) : walker_(walker) {}

  // As LogWalker::next(), and kCorruption if a part is not there any more.
  Result<bool> next(LogRecord& record);

 private:
  Status joinParts(std::string_view last_piece);

  LogWalker& walker_;
  // Of the segment that was last asked for a part: large transactions come one after the other.
  std::unique_ptr<SegmentReader> part_reader_;
  std::string joined_;
};

}  // namespace trefoil::aof
