// Set commands. Redis: t_set.c.
#include <unordered_set>

#include "engine/commands/arguments.hpp"

namespace trefoil::commands {

namespace {

constexpr std::string_view kMustBePositive = "value is out of range, must be positive";
constexpr std::int64_t kMaxRepeats = 1 << 24;  // of SRANDMEMBER: an answer stays within bounds, however small the set

void replySet(Reply& reply, const std::vector<std::string>& members) {
  reply.set(members.size());
  for (const std::string& member : members) {
    reply.bulk(member);
  }
}

// The sets of args[first…]; absent ones are empty.
Result<std::vector<kv::SetHandle>> setsFrom(CommandCall& call, std::size_t first) {
  std::vector<kv::SetHandle> sets;
  for (std::size_t i = first; i < call.args.size(); ++i) {
    TREFOIL_ASSIGN(const kv::SetHandle set, call.kv.set(keyAt(call, i)));
    sets.push_back(set);
  }
  return sets;
}

// Of at least one set.
using Combine = Result<std::vector<std::string>> (*)(CommandCall& call, std::span<const kv::SetHandle> sets);

// Members of the smallest set that are in all others.
Result<std::vector<std::string>> intersection(CommandCall& call, std::span<const kv::SetHandle> sets) {
  const auto smallest = std::min_element(sets.begin(), sets.end(),
                                         [](const kv::SetHandle& a, const kv::SetHandle& b) { return a.size() < b.size(); });
  std::vector<std::string> members;
  for (kv::ElementCursor cursor = smallest->first(); cursor.valid(); cursor.next()) {
    TREFOIL_TRY(call.kv.goOn());
    if (std::all_of(sets.begin(), sets.end(), [&](const kv::SetHandle& set) { return set.contains(cursor.member()); })) {
      members.emplace_back(cursor.member());
    }
  }
  return members;
}

Result<std::vector<std::string>> unionOf(CommandCall& call, std::span<const kv::SetHandle> sets) {
  std::vector<std::string> members;
  std::unordered_set<std::string_view> seen;
  for (const kv::SetHandle& set : sets) {
    for (kv::ElementCursor cursor = set.first(); cursor.valid(); cursor.next()) {
      TREFOIL_TRY(call.kv.goOn());
      if (seen.insert(cursor.member()).second) {
        members.emplace_back(cursor.member());
      }
    }
  }
  return members;
}

// Members of the first set that are in no other.
Result<std::vector<std::string>> difference(CommandCall& call, std::span<const kv::SetHandle> sets) {
  std::vector<std::string> members;
  for (kv::ElementCursor cursor = sets[0].first(); cursor.valid(); cursor.next()) {
    TREFOIL_TRY(call.kv.goOn());
    if (std::none_of(sets.begin() + 1, sets.end(), [&](const kv::SetHandle& set) { return set.contains(cursor.member()); })) {
      members.emplace_back(cursor.member());
    }
  }
  return members;
}

Status replyCombined(CommandCall& call, Combine combine) {
  TREFOIL_ASSIGN(const std::vector<kv::SetHandle> sets, setsFrom(call, 1));
  TREFOIL_ASSIGN(const std::vector<std::string> members, combine(call, sets));
  replySet(call.reply, members);
  return {};
}

Status storeCombined(CommandCall& call, Combine combine, Cause cause) {
  TREFOIL_ASSIGN(const std::vector<kv::SetHandle> sets, setsFrom(call, 2));
  TREFOIL_ASSIGN(const std::vector<std::string> members, combine(call, sets));
  const kv::Key target = keyAt(call, 1);
  {
    const kv::View::Because why(call.kv, members.empty() ? Cause::kDel : Cause::kNone);
    call.kv.remove(target);
  }
  const std::vector<std::string_view> views(members.begin(), members.end());
  const kv::View::Because why(call.kv, cause);
  call.kv.setAdd(target, views);
  call.reply.integer(static_cast<std::int64_t>(members.size()));
  return {};
}

}  // namespace

Status sadd(CommandCall& call) {
  const kv::Key key = keyAt(call, 1);
  TREFOIL_TRY(call.kv.set(key));
  call.reply.integer(static_cast<std::int64_t>(call.kv.setAdd(key, call.args.subspan(2))));
  return {};
}

Status srem(CommandCall& call) {
  const kv::Key key = keyAt(call, 1);
  TREFOIL_TRY(call.kv.set(key));
  call.reply.integer(static_cast<std::int64_t>(call.kv.setRemove(key, call.args.subspan(2))));
  return {};
}

Status smembers(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::SetHandle set, call.kv.set(keyAt(call, 1)));
  call.reply.set(set.size());
  for (kv::ElementCursor cursor = set.first(); cursor.valid(); cursor.next()) {
    call.reply.bulk(cursor.member());
  }
  return {};
}

Status sismember(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::SetHandle set, call.kv.set(keyAt(call, 1)));
  call.reply.integer(set.contains(call.args[2]) ? 1 : 0);
  return {};
}

Status smismember(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::SetHandle set, call.kv.set(keyAt(call, 1)));
  call.reply.array(call.args.size() - 2);
  for (const std::string_view member : call.args.subspan(2)) {
    call.reply.integer(set.contains(member) ? 1 : 0);
  }
  return {};
}

Status scard(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::SetHandle set, call.kv.set(keyAt(call, 1)));
  call.reply.integer(static_cast<std::int64_t>(set.size()));
  return {};
}

Status spop(CommandCall& call) {
  if (call.args.size() > 3) {
    return syntaxError();
  }
  const bool counted = call.args.size() == 3;
  std::int64_t wanted = 1;
  if (counted) {
    TREFOIL_ASSIGN(wanted, integerArgument(call.args[2], 0, kMustBePositive));
  }
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::SetHandle set, call.kv.set(key));
  TREFOIL_TRY(call.kv.spend(std::min(static_cast<std::size_t>(wanted), set.size())));
  std::vector<std::string> members;
  for (const std::size_t index : randomIndices(call, static_cast<std::size_t>(wanted), set.size())) {
    members.emplace_back(set.at(index).member());
  }
  const std::vector<std::string_view> views(members.begin(), members.end());
  const kv::View::Because why(call.kv, Cause::kSPop);
  call.kv.setRemove(key, views);
  if (counted) {
    replySet(call.reply, members);
  } else if (members.empty()) {
    call.reply.null();
  } else {
    call.reply.bulk(members[0]);
  }
  return {};
}

Status srandmember(CommandCall& call) {
  if (call.args.size() > 3) {
    return syntaxError();
  }
  const bool counted = call.args.size() == 3;
  std::int64_t wanted = 1;
  if (counted) {
    TREFOIL_ASSIGN(wanted, integerArgument(call.args[2]));
    if (wanted < -kMaxRepeats) {
      return Error(ErrorCode::kInvalid, "value is out of range, value must between " + std::to_string(-kMaxRepeats) + " and " +
                                            std::to_string(INT64_MAX));
    }
  }
  TREFOIL_ASSIGN(const kv::SetHandle set, call.kv.set(keyAt(call, 1)));
  if (!set.exists()) {
    counted ? call.reply.array(0) : call.reply.null();
    return {};
  }
  if (!counted) {
    call.reply.bulk(set.at(randomBits(call) % set.size()).member());
    return {};
  }
  TREFOIL_TRY(
      call.kv.spend(wanted < 0 ? static_cast<std::size_t>(-wanted) : std::min(static_cast<std::size_t>(wanted), set.size())));
  if (wanted < 0) {  // with repeats, exactly that many
    call.reply.array(static_cast<std::size_t>(-wanted));
    for (std::int64_t i = wanted; i < 0; ++i) {
      call.reply.bulk(set.at(randomBits(call) % set.size()).member());
    }
    return {};
  }
  const std::vector<std::size_t> indices = randomIndices(call, static_cast<std::size_t>(wanted), set.size());
  call.reply.array(indices.size());
  for (const std::size_t index : indices) {
    call.reply.bulk(set.at(index).member());
  }
  return {};
}

Status smove(CommandCall& call) {
  const kv::Key from = keyAt(call, 1);
  const kv::Key to = keyAt(call, 2);
  const std::string_view member = call.args[3];
  TREFOIL_ASSIGN(const kv::SetHandle source, call.kv.set(from));
  if (source.exists()) {
    TREFOIL_TRY(call.kv.set(to));
  }
  const bool there = source.contains(member);
  if (there && call.args[1] != call.args[2]) {
    call.kv.setRemove(from, {&member, 1});
    call.kv.setAdd(to, {&member, 1});
  }
  call.reply.integer(there ? 1 : 0);
  return {};
}

Status sinter(CommandCall& call) {
  return replyCombined(call, intersection);
}
Status sunion(CommandCall& call) {
  return replyCombined(call, unionOf);
}
Status sdiff(CommandCall& call) {
  return replyCombined(call, difference);
}
Status sinterstore(CommandCall& call) {
  return storeCombined(call, intersection, Cause::kSInterStore);
}
Status sunionstore(CommandCall& call) {
  return storeCombined(call, unionOf, Cause::kSUnionStore);
}
Status sdiffstore(CommandCall& call) {
  return storeCombined(call, difference, Cause::kSDiffStore);
}

Status sscan(CommandCall& call) {
  return scanCollection(call, call.kv.set(keyAt(call, 1)),
                        [](std::vector<std::string>& found, const kv::Element& element) { found.emplace_back(element.member); });
}

}  // namespace trefoil::commands
