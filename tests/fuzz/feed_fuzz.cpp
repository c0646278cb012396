// What a feed reads: positions from a hostile client, effects from a damaged log. Whatever the bytes, there is an error or there
// are changes; what is read as a position is written as the same one.
#include <cstdint>
#include <string_view>
#include <vector>

#include "aof/log_position.hpp"
#include "base/assert.hpp"
#include "engine/feed_changes.hpp"

using namespace trefoil;  // NOLINT: a program

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const Result<aof::LogPosition> position = aof::LogPosition::parse(bytes); position.ok()) {
    TREFOIL_ASSERT(aof::LogPosition::parse(position->text()).value() == *position);
  }
  for (const bool values : {false, true}) {
    FeedTables tables{std::vector<sql::SchemaPointer>()};
    FeedFilter filter;
    filter.values = values;
    std::size_t changes = 0;
    FeedCommit commit(bytes, true, tables, filter);
    Status told = commit.begin();
    while (told.ok() && !commit.done()) {
      const Result<std::optional<ReplyValue>> change = commit.next();
      if (!change.ok()) {
        told = Status(change.error());
      } else if (*change) {
        TREFOIL_ASSERT((*change)->kind == ReplyValue::Kind::kMap && (*change)->elements.size() % 2 == 0);
        ++changes;
      }
    }
    TREFOIL_ASSERT(told.ok() || told.error().code == ErrorCode::kCorruption);
    TREFOIL_ASSERT(changes <= size);
    if (tables.note(bytes, true).ok()) {
      tables.takeBack();
    }
  }
  return 0;
}
