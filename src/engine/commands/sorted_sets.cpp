// Sorted set commands that change members or look at single ones. Redis: t_zset.c. Ranges are in sorted_set_ranges.cpp.
#include <cmath>
#include <unordered_map>

#include "engine/commands/waiting.hpp"

namespace trefoil::commands {

namespace {

constexpr std::string_view kMustBePositive = "value is out of range, must be positive";

// The members that one ZADD changes, each with its last score: the same member may be named more than once.
class PendingScores {
 public:
  [[nodiscard]] std::optional<double> score(std::string_view member) const {
    const std::size_t at = find(member);
    return at < members_.size() ? std::optional(members_[at].score) : std::nullopt;
  }
  void set(std::string_view member, double score) {
    const std::size_t at = find(member);
    if (at < members_.size()) {
      members_[at].score = score;
      return;
    }
    members_.push_back({score, member});
    if (members_.size() > kLinear) {
      if (places_.empty()) {
        for (std::size_t i = 0; i + 1 < members_.size(); ++i) {
          places_.emplace(members_[i].member, i);
        }
      }
      places_.emplace(member, members_.size() - 1);
    }
  }
  [[nodiscard]] const std::vector<kv::ScoredMember>& members() const { return members_; }

 private:
  static constexpr std::size_t kLinear = 32;

  [[nodiscard]] std::size_t find(std::string_view member) const {
    if (!places_.empty()) {
      const auto it = places_.find(member);
      return it == places_.end() ? members_.size() : it->second;
    }
    std::size_t at = 0;
    while (at < members_.size() && members_[at].member != member) {
      ++at;
    }
    return at;
  }

  std::vector<kv::ScoredMember> members_;
  std::unordered_map<std::string_view, std::size_t> places_;
};

struct AddOptions {
  bool only_absent = false;
  bool only_present = false;
  bool only_greater = false;
  bool only_less = false;
  bool count_changed = false;
  bool increment = false;
  std::size_t first = 2;  // of the score-member pairs among the arguments
};

Result<AddOptions> addOptions(CommandCall& call) {
  AddOptions options;
  for (; options.first < call.args.size(); ++options.first) {
    const std::string_view option = call.args[options.first];
    if (isWord(option, "NX")) {
      options.only_absent = true;
    } else if (isWord(option, "XX")) {
      options.only_present = true;
    } else if (isWord(option, "GT")) {
      options.only_greater = true;
    } else if (isWord(option, "LT")) {
      options.only_less = true;
    } else if (isWord(option, "CH")) {
      options.count_changed = true;
    } else if (isWord(option, "INCR")) {
      options.increment = true;
    } else {
      break;
    }
  }
  const std::size_t left = call.args.size() - options.first;
  if (left == 0 || left % 2 != 0) {
    return syntaxError();
  }
  if (options.only_absent && options.only_present) {
    return Error(ErrorCode::kInvalid, "XX and NX options at the same time are not compatible");
  }
  if ((options.only_greater && options.only_less) || (options.only_absent && (options.only_greater || options.only_less))) {
    return Error(ErrorCode::kInvalid, "GT, LT, and/or NX options at the same time are not compatible");
  }
  if (options.increment && left > 2) {
    return Error(ErrorCode::kInvalid, "INCR option supports a single increment-element pair");
  }
  return options;
}

// The score that a pair comes to; nothing if the options forbid the change.
Result<std::optional<double>> newScore(const AddOptions& options, std::optional<double> before, double score) {
  if (!before) {
    return options.only_present ? std::nullopt : std::optional(score);
  }
  if (options.only_absent) {
    return std::optional<double>();
  }
  const double after = options.increment ? *before + score : score;
  if (std::isnan(after)) {
    return Error(ErrorCode::kInvalid, "resulting score is not a number (NaN)");
  }
  if ((options.only_greater && after <= *before) || (options.only_less && after >= *before)) {
    return std::optional<double>();
  }
  return std::optional(after);
}

Status addScores(CommandCall& call, const AddOptions& options) {
  // All scores are read before anything else is looked at.
  std::vector<double> scores;
  for (std::size_t i = options.first; i < call.args.size(); i += 2) {
    TREFOIL_ASSIGN(const double score, floatArgument(call.args[i]));
    scores.push_back(score);
  }
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::SortedSetHandle set, call.kv.sortedSet(key));
  PendingScores pending;
  std::int64_t added = 0;
  std::int64_t updated = 0;
  std::optional<double> last;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const std::string_view member = call.args[options.first + i * 2 + 1];
    auto before = pending.score(member);
    if (!before) {
      before = set.score(member);
    }
    TREFOIL_ASSIGN(last, newScore(options, before, scores[i]));
    if (last && (!before || *last != *before)) {
      pending.set(member, *last);
      (before ? updated : added) += 1;
    }
  }
  const kv::View::Because why(call.kv, options.increment ? Cause::kZIncr : Cause::kZAdd);
  call.kv.sortedSetPut(key, pending.members());
  if (!options.increment) {
    call.reply.integer(options.count_changed ? added + updated : added);
  } else if (last) {
    call.reply.real(*last);
  } else {
    call.reply.null();
  }
  return {};
}

// Takes `count` members from an end of a sorted set that is there; `say` answers each.
template <typename Say>
Status takeMembers(CommandCall& call, const kv::Key& key, const kv::SortedSetHandle& set, bool lowest, std::size_t count,
                   const Say& say) {
  TREFOIL_TRY(call.kv.spend(count));
  std::vector<std::string_view> members;
  kv::ElementCursor cursor = lowest ? set.first() : set.last();
  for (std::size_t i = 0; i < count; ++i) {
    say(cursor);
    members.push_back(cursor.member());
    lowest ? cursor.next() : cursor.previous();
  }
  const kv::View::Because why(call.kv, lowest ? Cause::kZPopMin : Cause::kZPopMax);
  call.kv.sortedSetRemove(key, members);
  return {};
}

Status popScores(CommandCall& call, bool lowest) {
  if (call.args.size() > 3) {
    return syntaxError();
  }
  const bool counted = call.args.size() == 3;
  std::int64_t wanted = 1;
  if (counted) {
    TREFOIL_ASSIGN(wanted, integerArgument(call.args[2], 0, kMustBePositive));
  }
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::SortedSetHandle set, call.kv.sortedSet(key));
  const std::size_t count = std::min(static_cast<std::size_t>(wanted), set.size());
  if (counted) {
    replyScoredArray(call, count);
  } else {
    call.reply.array(count * 2);
  }
  return takeMembers(call, key, set, lowest, count, [&](const kv::ElementCursor& at) {
    if (counted) {
      replyScored(call, at.member(), at.score());
    } else {
      call.reply.bulk(at.member());
      call.reply.real(at.score());
    }
  });
}

// BZPOPMIN, BZPOPMAX: one member of the first sorted set that has any.
Status popOfFirstSet(CommandCall& call, bool lowest) {
  TREFOIL_ASSIGN(const std::int64_t timeout_ms, secondsToWait(call.args.back(), call.now));
  for (const std::string_view name : call.args.subspan(1, call.args.size() - 2)) {
    if (!looksAt(call, name)) {
      continue;
    }
    const kv::Key key = call.kv.key(call.db, name);
    TREFOIL_ASSIGN(const kv::SortedSetHandle set, call.kv.sortedSet(key));
    if (set.exists()) {
      call.reply.array(3);
      call.reply.bulk(name);
      return takeMembers(call, key, set, lowest, 1, [&](const kv::ElementCursor& at) {
        call.reply.bulk(at.member());
        call.reply.real(at.score());
      });
    }
  }
  return waitForKeys(call, timeout_ms);
}

// ZMPOP, BZMPOP. False: no sorted set has any.
Result<bool> popSomeOfFirstSet(CommandCall& call, const PopOfFirst& pop) {
  for (const std::string_view name : pop.keys) {
    if (!looksAt(call, name)) {
      continue;
    }
    const kv::Key key = call.kv.key(call.db, name);
    TREFOIL_ASSIGN(const kv::SortedSetHandle set, call.kv.sortedSet(key));
    if (set.exists()) {
      const std::size_t count = std::min(pop.count, set.size());
      call.reply.array(2);
      call.reply.bulk(name);
      call.reply.array(count);
      TREFOIL_TRY(takeMembers(call, key, set, pop.at_first_word, count, [&](const kv::ElementCursor& at) {
        call.reply.array(2);
        call.reply.bulk(at.member());
        call.reply.real(at.score());
      }));
      return true;
    }
  }
  return false;
}

Status replyRank(CommandCall& call, bool reverse) {
  if (call.args.size() > 4) {
    return arityError(reverse ? "zrevrank" : "zrank");
  }
  const bool with_score = call.args.size() == 4 && isWord(call.args[3], "WITHSCORE");
  if (call.args.size() > 3 && !with_score) {
    return syntaxError();
  }
  TREFOIL_ASSIGN(const kv::SortedSetHandle set, call.kv.sortedSet(keyAt(call, 1)));
  const auto rank = set.rank(call.args[2]);
  if (!rank) {
    with_score ? call.reply.nullArray() : call.reply.null();
    return {};
  }
  if (with_score) {
    call.reply.array(2);
  }
  call.reply.integer(static_cast<std::int64_t>(reverse ? set.size() - 1 - *rank : *rank));
  if (with_score) {
    call.reply.real(*set.score(call.args[2]));
  }
  return {};
}

void replyScore(Reply& reply, std::optional<double> score) {
  if (score) {
    reply.real(*score);
  } else {
    reply.null();
  }
}

}  // namespace

Status zadd(CommandCall& call) {
  TREFOIL_ASSIGN(const AddOptions options, addOptions(call));
  return addScores(call, options);
}

Status zincrby(CommandCall& call) {
  AddOptions options;
  options.increment = true;
  return addScores(call, options);
}

Status zrem(CommandCall& call) {
  const kv::Key key = keyAt(call, 1);
  TREFOIL_TRY(call.kv.sortedSet(key));
  call.reply.integer(static_cast<std::int64_t>(call.kv.sortedSetRemove(key, call.args.subspan(2))));
  return {};
}

Status zcard(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::SortedSetHandle set, call.kv.sortedSet(keyAt(call, 1)));
  call.reply.integer(static_cast<std::int64_t>(set.size()));
  return {};
}

Status zscore(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::SortedSetHandle set, call.kv.sortedSet(keyAt(call, 1)));
  replyScore(call.reply, set.score(call.args[2]));
  return {};
}

Status zmscore(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::SortedSetHandle set, call.kv.sortedSet(keyAt(call, 1)));
  call.reply.array(call.args.size() - 2);
  for (const std::string_view member : call.args.subspan(2)) {
    replyScore(call.reply, set.score(member));
  }
  return {};
}

Status zrank(CommandCall& call) {
  return replyRank(call, false);
}
Status zrevrank(CommandCall& call) {
  return replyRank(call, true);
}
Status zpopmin(CommandCall& call) {
  return popScores(call, true);
}
Status zpopmax(CommandCall& call) {
  return popScores(call, false);
}

Status bzpopmin(CommandCall& call) {
  return popOfFirstSet(call, true);
}
Status bzpopmax(CommandCall& call) {
  return popOfFirstSet(call, false);
}

Status zmpop(CommandCall& call) {
  TREFOIL_ASSIGN(const PopOfFirst pop, popOfFirst(call.args.subspan(1), "MIN", "MAX"));
  TREFOIL_ASSIGN(const bool popped, popSomeOfFirstSet(call, pop));
  if (!popped) {
    call.reply.nullArray();
  }
  return {};
}
Status bzmpop(CommandCall& call) {
  TREFOIL_ASSIGN(const PopOfFirst pop, popOfFirst(call.args.subspan(2), "MIN", "MAX"));
  TREFOIL_ASSIGN(const std::int64_t timeout_ms, secondsToWait(call.args[1], call.now));
  TREFOIL_ASSIGN(const bool popped, popSomeOfFirstSet(call, pop));
  return popped ? Status() : waitForKeys(call, timeout_ms);
}

Status zscan(CommandCall& call) {
  return scanCollection(call, call.kv.sortedSet(keyAt(call, 1)), [](std::vector<std::string>& found, const kv::Element& element) {
    char text[kMaxDoubleChars];
    found.emplace_back(element.member);
    found.emplace_back(text, formatDouble(text, element.score));
  });
}

}  // namespace trefoil::commands
