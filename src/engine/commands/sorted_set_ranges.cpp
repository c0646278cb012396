// Sorted set commands over ranges: by rank, by score, by name. Redis: t_zset.c.
//
// Whatever a range is given by, it becomes a range of ranks first: both ends are looked up by counting, and what lies between is
// walked from either side.
#include <cmath>
#include <cstdlib>

#include "engine/commands/arguments.hpp"

namespace trefoil::commands {

namespace {

enum class RangeBy { kRank, kScore, kName };

// Ranks [first, first + count).
using RankRange = IndexRange;

struct ScoreBound {
  double score = 0;
  bool exclusive = false;
};

std::optional<ScoreBound> scoreBound(std::string_view text) {
  ScoreBound bound;
  if (!text.empty() && text.front() == '(') {
    bound.exclusive = true;
    text.remove_prefix(1);
  }
  const auto score = parseScoreBound(text);
  if (!score) {
    return std::nullopt;
  }
  bound.score = *score;
  return bound;
}

// - and + are the ends, [name includes, (name excludes.
struct NameBound {
  enum class Kind { kLowest, kHighest, kIncluding, kExcluding };
  Kind kind;
  std::string_view name;
};

std::optional<NameBound> nameBound(std::string_view text) {
  if (text == "-") {
    return NameBound{NameBound::Kind::kLowest, {}};
  }
  if (text == "+") {
    return NameBound{NameBound::Kind::kHighest, {}};
  }
  if (!text.empty() && (text.front() == '[' || text.front() == '(')) {
    return NameBound{text.front() == '[' ? NameBound::Kind::kIncluding : NameBound::Kind::kExcluding, text.substr(1)};
  }
  return std::nullopt;
}

// Members before the bound: those equal to it count where it is a minimum that excludes or a maximum that includes them.
std::size_t countBefore(const kv::SortedSetHandle& set, const NameBound& bound, bool is_minimum) {
  switch (bound.kind) {
    case NameBound::Kind::kLowest:
      return 0;
    case NameBound::Kind::kHighest:
      return set.size();
    case NameBound::Kind::kIncluding:
      return set.countBelowName(bound.name, !is_minimum);
    case NameBound::Kind::kExcluding:
      return set.countBelowName(bound.name, is_minimum);
  }
  return 0;
}

// What a range command asks for. Read completely before the key is looked at, as Redis does.
struct RangeQuery {
  RangeBy by = RangeBy::kRank;
  bool reverse = false;  // ranks count from the end; of scores and names the maximum is given first
  // By `by`, one of the three:
  std::int64_t start = 0;
  std::int64_t stop = 0;
  ScoreBound low_score;
  ScoreBound high_score;
  NameBound low_name{};
  NameBound high_name{};
  // Options
  bool with_scores = false;
  bool limited = false;
  std::int64_t offset = 0;
  std::int64_t limit = -1;
};

// LIMIT and WITHSCORES, and with `all` also BYSCORE, BYLEX and REV, from args[4] on.
Status readOptions(CommandCall& call, bool all, RangeQuery& query) {
  for (std::size_t i = 4; i < call.args.size(); ++i) {
    const std::string_view option = call.args[i];
    if (isWord(option, "WITHSCORES")) {
      query.with_scores = true;
    } else if (isWord(option, "LIMIT") && i + 2 < call.args.size()) {
      TREFOIL_ASSIGN(query.offset, integerArgument(call.args[i + 1]));
      TREFOIL_ASSIGN(query.limit, integerArgument(call.args[i + 2]));
      query.limited = true;
      i += 2;
    } else if (all && query.by == RangeBy::kRank && isWord(option, "BYSCORE")) {
      query.by = RangeBy::kScore;
    } else if (all && query.by == RangeBy::kRank && isWord(option, "BYLEX")) {
      query.by = RangeBy::kName;
    } else if (all && !query.reverse && isWord(option, "REV")) {
      query.reverse = true;
    } else {
      return syntaxError();
    }
  }
  if (query.limited && query.by == RangeBy::kRank && query.limit != -1) {
    return Error(ErrorCode::kInvalid, "syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
  }
  if (query.with_scores && query.by == RangeBy::kName) {
    return Error(ErrorCode::kInvalid, "syntax error, WITHSCORES not supported in combination with BYLEX");
  }
  return {};
}

// Reads args[2] and args[3].
Status readBounds(CommandCall& call, RangeQuery& query) {
  const std::string_view minimum = call.args[query.reverse ? 3 : 2];
  const std::string_view maximum = call.args[query.reverse ? 2 : 3];
  switch (query.by) {
    case RangeBy::kRank: {
      TREFOIL_ASSIGN(query.start, integerArgument(call.args[2]));
      TREFOIL_ASSIGN(query.stop, integerArgument(call.args[3]));
      return {};
    }
    case RangeBy::kScore: {
      const auto low = scoreBound(minimum);
      const auto high = scoreBound(maximum);
      if (!low || !high) {
        return Error(ErrorCode::kInvalid, "min or max is not a float");
      }
      query.low_score = *low;
      query.high_score = *high;
      return {};
    }
    case RangeBy::kName: {
      const auto low = nameBound(minimum);
      const auto high = nameBound(maximum);
      if (!low || !high) {
        return Error(ErrorCode::kInvalid, "min or max not valid string range item");
      }
      query.low_name = *low;
      query.high_name = *high;
      return {};
    }
  }
  return {};
}

RankRange resolve(const kv::SortedSetHandle& set, const RangeQuery& query) {
  std::size_t from = 0;
  std::size_t to = 0;
  switch (query.by) {
    case RangeBy::kRank: {
      RankRange range = indexRange(query.start, query.stop, set.size());
      if (query.reverse) {
        range.first = set.size() - range.first - range.count;
      }
      return range;
    }
    case RangeBy::kScore:
      from = set.countBelow(query.low_score.score, query.low_score.exclusive);
      to = set.countBelow(query.high_score.score, !query.high_score.exclusive);
      break;
    case RangeBy::kName:
      from = countBefore(set, query.low_name, true);
      to = countBefore(set, query.high_name, false);
      break;
  }
  return {from, to > from ? to - from : 0};
}

// A range of ranks has no limit: of it, Redis takes LIMIT with a count of -1 and does not heed it.
RankRange applyLimit(RankRange range, const RangeQuery& query) {
  if (!query.limited || query.by == RangeBy::kRank) {
    return range;
  }
  if (query.offset < 0 || static_cast<std::uint64_t>(query.offset) >= range.count) {
    return {};
  }
  const auto offset = static_cast<std::size_t>(query.offset);
  const std::size_t left = range.count - offset;
  const std::size_t count = query.limit < 0 ? left : std::min(left, static_cast<std::size_t>(query.limit));
  return {query.reverse ? range.first + left - count : range.first + offset, count};
}

Status replyRange(CommandCall& call, RangeQuery query, bool all_options) {
  TREFOIL_TRY(readOptions(call, all_options, query));
  TREFOIL_TRY(readBounds(call, query));
  TREFOIL_ASSIGN(const kv::SortedSetHandle set, call.kv.sortedSet(keyAt(call, 1)));
  const RankRange range = applyLimit(resolve(set, query), query);
  TREFOIL_TRY(call.kv.spend(range.count));
  if (query.with_scores) {
    replyScoredArray(call, range.count);
  } else {
    call.reply.array(range.count);
  }
  if (range.count == 0) {
    return {};
  }
  kv::ElementCursor cursor = set.at(query.reverse ? range.first + range.count - 1 : range.first);
  for (std::size_t i = 0; i < range.count; ++i) {
    if (query.with_scores) {
      replyScored(call, cursor.member(), cursor.score());
    } else {
      call.reply.bulk(cursor.member());
    }
    query.reverse ? cursor.previous() : cursor.next();
  }
  return {};
}

Status countRange(CommandCall& call, RangeBy by) {
  RangeQuery query;
  query.by = by;
  TREFOIL_TRY(readBounds(call, query));
  TREFOIL_ASSIGN(const kv::SortedSetHandle set, call.kv.sortedSet(keyAt(call, 1)));
  const RankRange range = resolve(set, query);
  call.reply.integer(static_cast<std::int64_t>(range.count));
  return {};
}

Status removeRange(CommandCall& call, RangeBy by, Cause cause) {
  RangeQuery query;
  query.by = by;
  TREFOIL_TRY(readBounds(call, query));
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::SortedSetHandle set, call.kv.sortedSet(key));
  const RankRange range = resolve(set, query);
  TREFOIL_TRY(call.kv.spend(range.count));
  std::vector<std::string_view> members;
  kv::ElementCursor cursor = range.count == 0 ? kv::ElementCursor() : set.at(range.first);
  for (std::size_t i = 0; i < range.count; ++i, cursor.next()) {
    members.push_back(cursor.member());
  }
  const kv::View::Because why(call.kv, cause);
  call.kv.sortedSetRemove(key, members);
  call.reply.integer(static_cast<std::int64_t>(members.size()));
  return {};
}

}  // namespace

Status zrange(CommandCall& call) {
  return replyRange(call, {}, true);
}

Status zrevrange(CommandCall& call) {
  RangeQuery query;
  query.reverse = true;
  return replyRange(call, query, false);
}

Status zrangebyscore(CommandCall& call) {
  RangeQuery query;
  query.by = RangeBy::kScore;
  return replyRange(call, query, false);
}

Status zrevrangebyscore(CommandCall& call) {
  RangeQuery query;
  query.by = RangeBy::kScore;
  query.reverse = true;
  return replyRange(call, query, false);
}

Status zrangebylex(CommandCall& call) {
  RangeQuery query;
  query.by = RangeBy::kName;
  return replyRange(call, query, false);
}

Status zrevrangebylex(CommandCall& call) {
  RangeQuery query;
  query.by = RangeBy::kName;
  query.reverse = true;
  return replyRange(call, query, false);
}

Status zcount(CommandCall& call) {
  return countRange(call, RangeBy::kScore);
}
Status zlexcount(CommandCall& call) {
  return countRange(call, RangeBy::kName);
}
Status zremrangebyrank(CommandCall& call) {
  return removeRange(call, RangeBy::kRank, Cause::kZRemRangeByRank);
}
Status zremrangebyscore(CommandCall& call) {
  return removeRange(call, RangeBy::kScore, Cause::kZRemRangeByScore);
}
Status zremrangebylex(CommandCall& call) {
  return removeRange(call, RangeBy::kName, Cause::kZRemRangeByLex);
}

}  // namespace trefoil::commands
