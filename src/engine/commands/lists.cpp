// List commands. Redis: t_list.c.
#include "engine/commands/waiting.hpp"

namespace trefoil::commands {

namespace {

using kv::ListSide;

constexpr std::string_view kMustBePositive = "value is out of range, must be positive";

Status pushValues(CommandCall& call, ListSide side, bool only_present) {
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::ListHandle list, call.kv.list(key));
  if (only_present && !list.exists()) {
    call.reply.integer(0);
    return {};
  }
  call.reply.integer(static_cast<std::int64_t>(call.kv.listPush(key, side, call.args.subspan(2))));
  return {};
}

void replyElements(Reply& reply, kv::ElementCursor cursor, std::size_t count) {
  reply.array(count);
  for (std::size_t i = 0; i < count; ++i, cursor.next()) {
    reply.bulk(cursor.member());
  }
}

// Takes `count` elements of a list that is there, an answer of its own for each.
Status takeElements(CommandCall& call, const kv::Key& key, const kv::ListHandle& list, ListSide side, std::size_t count) {
  TREFOIL_TRY(call.kv.spend(count));
  kv::ElementCursor cursor = side == ListSide::kLeft ? list.first() : list.last();
  for (std::size_t i = 0; i < count; ++i) {
    call.reply.bulk(cursor.member());
    side == ListSide::kLeft ? cursor.next() : cursor.previous();
  }
  call.kv.listPop(key, side, count);
  return {};
}

Status popValues(CommandCall& call, ListSide side) {
  if (call.args.size() > 3) {
    return arityError(call.args[0]);
  }
  const bool counted = call.args.size() == 3;
  std::int64_t wanted = 1;
  if (counted) {
    TREFOIL_ASSIGN(wanted, integerArgument(call.args[2], 0, kMustBePositive));
  }
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::ListHandle list, call.kv.list(key));
  if (!list.exists()) {
    counted ? call.reply.nullArray() : call.reply.null();
    return {};
  }
  const std::size_t count = std::min(static_cast<std::size_t>(wanted), list.size());
  if (counted) {
    call.reply.array(count);
  }
  return takeElements(call, key, list, side, count);
}

std::optional<ListSide> sideArgument(std::string_view argument) {
  if (isWord(argument, "LEFT")) {
    return ListSide::kLeft;
  }
  if (isWord(argument, "RIGHT")) {
    return ListSide::kRight;
  }
  return std::nullopt;
}

// BLPOP, BRPOP: one element of the first list that has any.
Status popOfFirstList(CommandCall& call, ListSide side) {
  TREFOIL_ASSIGN(const std::int64_t timeout_ms, secondsToWait(call.args.back(), call.now));
  for (const std::string_view name : call.args.subspan(1, call.args.size() - 2)) {
    if (!looksAt(call, name)) {
      continue;
    }
    const kv::Key key = call.kv.key(call.db, name);
    TREFOIL_ASSIGN(const kv::ListHandle list, call.kv.list(key));
    if (list.exists()) {
      call.reply.array(2);
      call.reply.bulk(name);
      return takeElements(call, key, list, side, 1);
    }
  }
  return waitForKeys(call, timeout_ms);
}

// LMPOP, BLMPOP. Nothing: no list has any.
Result<bool> popSomeOfFirstList(CommandCall& call, const PopOfFirst& pop) {
  for (const std::string_view name : pop.keys) {
    if (!looksAt(call, name)) {
      continue;
    }
    const kv::Key key = call.kv.key(call.db, name);
    TREFOIL_ASSIGN(const kv::ListHandle list, call.kv.list(key));
    if (list.exists()) {
      const std::size_t count = std::min(pop.count, list.size());
      call.reply.array(2);
      call.reply.bulk(name);
      call.reply.array(count);
      TREFOIL_TRY(takeElements(call, key, list, pop.at_first_word ? ListSide::kLeft : ListSide::kRight, count));
      return true;
    }
  }
  return false;
}

// Takes an element from one list's end to another's, which may be the same.
Status moveElement(CommandCall& call, ListSide from_side, ListSide to_side) {
  const kv::Key from = keyAt(call, 1);
  const kv::Key to = keyAt(call, 2);
  TREFOIL_ASSIGN(const kv::ListHandle source, call.kv.list(from));
  if (!source.exists()) {
    call.reply.null();
    return {};
  }
  TREFOIL_TRY(call.kv.list(to));
  const std::string value((from_side == ListSide::kLeft ? source.first() : source.last()).member());
  const std::string_view pushed = value;
  call.reply.bulk(pushed);
  // In this order, as in Redis: a list that gives its only element to itself is never empty, and keeps its deadline.
  call.kv.listPush(to, to_side, {&pushed, 1});
  call.kv.listPop(from, from_side, 1);
  return {};
}

// BLMOVE, BRPOPLPUSH.
Status moveOrWait(CommandCall& call, ListSide from_side, ListSide to_side) {
  TREFOIL_ASSIGN(const std::int64_t timeout_ms, secondsToWait(call.args.back(), call.now));
  TREFOIL_ASSIGN(const kv::ListHandle source, call.kv.list(keyAt(call, 1)));
  if (!source.exists() && call.wait != nullptr) {
    return waitForKeys(call, timeout_ms);
  }
  return moveElement(call, from_side, to_side);
}

// A position counted from the end if negative; nothing if it is outside.
std::optional<std::size_t> position(std::int64_t index, std::size_t size) {
  const std::int64_t from_start = index < 0 ? index + static_cast<std::int64_t>(size) : index;
  if (from_start < 0 || from_start >= static_cast<std::int64_t>(size)) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(from_start);
}

}  // namespace

Status lpush(CommandCall& call) {
  return pushValues(call, ListSide::kLeft, false);
}
Status rpush(CommandCall& call) {
  return pushValues(call, ListSide::kRight, false);
}
Status lpushx(CommandCall& call) {
  return pushValues(call, ListSide::kLeft, true);
}
Status rpushx(CommandCall& call) {
  return pushValues(call, ListSide::kRight, true);
}
Status lpop(CommandCall& call) {
  return popValues(call, ListSide::kLeft);
}
Status rpop(CommandCall& call) {
  return popValues(call, ListSide::kRight);
}

Status llen(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::ListHandle list, call.kv.list(keyAt(call, 1)));
  call.reply.integer(static_cast<std::int64_t>(list.size()));
  return {};
}

Status lrange(CommandCall& call) {
  TREFOIL_ASSIGN(const std::int64_t start, integerArgument(call.args[2]));
  TREFOIL_ASSIGN(const std::int64_t stop, integerArgument(call.args[3]));
  TREFOIL_ASSIGN(const kv::ListHandle list, call.kv.list(keyAt(call, 1)));
  const IndexRange range = indexRange(start, stop, list.size());
  TREFOIL_TRY(call.kv.spend(range.count));
  replyElements(call.reply, range.count == 0 ? kv::ElementCursor() : list.at(range.first), range.count);
  return {};
}

Status lindex(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::ListHandle list, call.kv.list(keyAt(call, 1)));
  if (!list.exists()) {
    call.reply.null();
    return {};
  }
  TREFOIL_ASSIGN(const std::int64_t index, integerArgument(call.args[2]));
  if (const auto at = position(index, list.size())) {
    call.reply.bulk(list.at(*at).member());
  } else {
    call.reply.null();
  }
  return {};
}

Status lset(CommandCall& call) {
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::ListHandle list, call.kv.list(key));
  if (!list.exists()) {
    return Error(ErrorCode::kInvalid, "no such key");
  }
  TREFOIL_ASSIGN(const std::int64_t index, integerArgument(call.args[2]));
  const auto at = position(index, list.size());
  if (!at) {
    return Error(ErrorCode::kInvalid, "index out of range");
  }
  call.kv.listSet(key, *at, call.args[3]);
  call.reply.simple("OK");
  return {};
}

Status linsert(CommandCall& call) {
  const bool before = isWord(call.args[2], "BEFORE");
  if (!before && !isWord(call.args[2], "AFTER")) {
    return syntaxError();
  }
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::ListHandle list, call.kv.list(key));
  if (!list.exists()) {
    call.reply.integer(0);
    return {};
  }
  std::size_t at = 0;
  kv::ElementCursor cursor = list.first();
  for (; cursor.valid() && cursor.member() != call.args[3]; cursor.next()) {
    ++at;
  }
  if (!cursor.valid()) {
    call.reply.integer(-1);
    return {};
  }
  const std::size_t size = list.size();
  call.kv.listInsert(key, before ? at : at + 1, call.args[4]);
  call.reply.integer(static_cast<std::int64_t>(size + 1));
  return {};
}

Status lrem(CommandCall& call) {
  TREFOIL_ASSIGN(const std::int64_t count, integerArgument(call.args[2]));
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::ListHandle list, call.kv.list(key));
  // Runs of equal elements, by position as of now.
  const bool from_end = count < 0;
  const std::uint64_t limit = count == 0           ? UINT64_MAX
                              : count == INT64_MIN ? std::uint64_t{1} << 63
                                                   : static_cast<std::uint64_t>(std::abs(count));
  std::vector<std::size_t> found;
  std::size_t at = from_end ? list.size() : 0;
  for (kv::ElementCursor cursor = from_end ? list.last() : list.first(); cursor.valid() && found.size() < limit;
       from_end ? cursor.previous() : cursor.next()) {
    at -= from_end ? 1 : 0;
    if (cursor.member() == call.args[3]) {
      found.push_back(at);
    }
    at += from_end ? 0 : 1;
  }
  // Erased from the back, so that the positions that are left stay true.
  if (!from_end) {
    std::reverse(found.begin(), found.end());
  }
  for (std::size_t i = 0; i < found.size();) {
    std::size_t run = 1;
    while (i + run < found.size() && found[i + run] + run == found[i]) {
      ++run;
    }
    call.kv.listErase(key, found[i] + 1 - run, run);
    i += run;
  }
  call.reply.integer(static_cast<std::int64_t>(found.size()));
  return {};
}

Status ltrim(CommandCall& call) {
  TREFOIL_ASSIGN(const std::int64_t start, integerArgument(call.args[2]));
  TREFOIL_ASSIGN(const std::int64_t stop, integerArgument(call.args[3]));
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::ListHandle list, call.kv.list(key));
  if (list.exists()) {
    const IndexRange range = indexRange(start, stop, list.size());
    TREFOIL_TRY(call.kv.spend(list.size() - range.count));
    call.kv.listTrim(key, range.first, range.count);
  }
  call.reply.simple("OK");
  return {};
}

Status lmove(CommandCall& call) {
  const auto from_side = sideArgument(call.args[3]);
  const auto to_side = sideArgument(call.args[4]);
  if (!from_side || !to_side) {
    return syntaxError();
  }
  return moveElement(call, *from_side, *to_side);
}

Status rpoplpush(CommandCall& call) {
  return moveElement(call, ListSide::kRight, ListSide::kLeft);
}

Status blpop(CommandCall& call) {
  return popOfFirstList(call, ListSide::kLeft);
}
Status brpop(CommandCall& call) {
  return popOfFirstList(call, ListSide::kRight);
}

Status lmpop(CommandCall& call) {
  TREFOIL_ASSIGN(const PopOfFirst pop, popOfFirst(call.args.subspan(1), "LEFT", "RIGHT"));
  TREFOIL_ASSIGN(const bool popped, popSomeOfFirstList(call, pop));
  if (!popped) {
    call.reply.nullArray();
  }
  return {};
}
Status blmpop(CommandCall& call) {
  TREFOIL_ASSIGN(const PopOfFirst pop, popOfFirst(call.args.subspan(2), "LEFT", "RIGHT"));
  TREFOIL_ASSIGN(const std::int64_t timeout_ms, secondsToWait(call.args[1], call.now));
  TREFOIL_ASSIGN(const bool popped, popSomeOfFirstList(call, pop));
  return popped ? Status() : waitForKeys(call, timeout_ms);
}

Status blmove(CommandCall& call) {
  const auto from_side = sideArgument(call.args[3]);
  const auto to_side = sideArgument(call.args[4]);
  if (!from_side || !to_side) {
    return syntaxError();
  }
  return moveOrWait(call, *from_side, *to_side);
}
Status brpoplpush(CommandCall& call) {
  return moveOrWait(call, ListSide::kRight, ListSide::kLeft);
}

}  // namespace trefoil::commands
