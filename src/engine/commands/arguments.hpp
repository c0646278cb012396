// What the command handlers share: reading arguments as Redis reads them, with its error texts, and small forms of reply.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/glob.hpp"
#include "base/status.hpp"
#include "engine/command.hpp"
#include "engine/commands/option_reader.hpp"
#include "kv/collection.hpp"
#include "kv/view.hpp"

namespace trefoil::commands {

inline kv::Key keyAt(CommandCall& call, std::size_t index) {
  return call.kv.key(call.db, call.args[index]);
}

// Whether an argument is this keyword (given in upper case), in any case.
bool isWord(std::string_view argument, std::string_view word);

// "value is not an integer or out of range"
Result<std::int64_t> integerArgument(std::string_view argument);
// The same within a range, "value is out of range, must be positive" and the like outside of it.
Result<std::int64_t> integerArgument(std::string_view argument, std::int64_t minimum, std::string_view out_of_range);
// "value is not a valid float". Infinities are floats, NaN is not.
Result<double> floatArgument(std::string_view argument);
std::optional<double> parseDouble(std::string_view text);
// Of a range of scores. Redis is more liberal there (t_zset.c, zslParseRange): what the C library's strtod takes, blanks in front
// and the empty text included.
std::optional<double> parseScoreBound(std::string_view text);
std::optional<long double> parseLongDouble(std::string_view text);
// As INCRBYFLOAT stores it: 17 digits behind the point, without trailing zeros.
std::string formatLongDouble(long double value);

// The deadline that an expiry option names; "invalid expire time in '…' command" if it is none. `unit_ms` is 1 or 1000.
struct ExpiryUnit {
  std::int64_t unit_ms;
  bool absolute;
  bool operator==(const ExpiryUnit&) const = default;
};
// EX, PX, EXAT, PXAT.
std::optional<ExpiryUnit> expiryUnit(std::string_view option);
Result<Deadline> positiveDeadline(std::string_view argument, ExpiryUnit unit, UnixMs now, std::string_view command);
// For EXPIRE and its family, where the past is allowed.
Result<Deadline> anyDeadline(std::string_view argument, ExpiryUnit unit, UnixMs now, std::string_view command);

// Positions [first, first + count) of a range with Redis's start and stop, which count from the end if negative.
struct IndexRange {
  std::size_t first = 0;
  std::size_t count = 0;
};
IndexRange indexRange(std::int64_t start, std::int64_t stop, std::size_t size);

// The options of SCAN and its family.
struct ScanOptions {
  std::size_t count = 10;
  std::optional<std::string_view> match;
  std::optional<std::string_view> type;
};
// "invalid cursor". As Redis's strtoul takes them: an empty one is 0, and a plus may stand in front.
Result<std::uint64_t> scanCursor(std::string_view argument);
// Reads those behind the cursor, args[at].
Result<ScanOptions> scanOptions(const OptionGrammar& grammar, std::span<const std::string_view> args, std::size_t at);
// The answer: the next cursor and the elements.
void replyScan(Reply& reply, std::uint64_t next, const std::vector<std::string>& elements);

// SSCAN, HSCAN, ZSCAN: one step over a collection. `append` adds to the answer what an element stands for. As in Redis, nobody
// looks at the options where there is no key.
template <typename Handle, typename Append>
Status scanCollection(CommandCall& call, const Result<Handle>& collection, Append&& append) {
  TREFOIL_ASSIGN(const std::uint64_t cursor, scanCursor(call.args[2]));
  if (!collection.ok()) {
    return collection.error();
  }
  std::vector<std::string> found;
  if (collection->size() == 0) {
    replyScan(call.reply, 0, found);
    return {};
  }
  static const OptionGrammar grammar("SSCAN");  // the others have the same
  TREFOIL_ASSIGN(const ScanOptions options, scanOptions(grammar, call.args, 2));
  TREFOIL_TRY(call.kv.spend(std::min(options.count, collection->size())));
  const std::uint64_t next = collection->scan(cursor, options.count, [&](const kv::Element& element) {
    if (!options.match || globMatch(*options.match, element.member)) {
      append(found, element);
    }
  });
  replyScan(call.reply, next, found);
  return {};
}

// A member with its score: two elements in RESP2, a pair of its own in RESP3.
void replyScored(CommandCall& call, std::string_view member, double score);
// Announces `count` of them.
void replyScoredArray(CommandCall& call, std::size_t count);

// 64 random bits, from a generator of this thread that the environment has seeded.
std::uint64_t randomBits(CommandCall& call);
// `count` different numbers below `size`, in random order; all of them if there are fewer.
std::vector<std::size_t> randomIndices(CommandCall& call, std::size_t count, std::size_t size);

// Announces and pushes texts.
void replyBulks(Reply& reply, const std::vector<std::string>& texts);

}  // namespace trefoil::commands
