// A session's part in client-side caching: CLIENT TRACKING and CLIENT CACHING, and what it reads (engine/tracking.hpp).
//
// Its messages leave behind the answer of the statement in which they have come, so an invalidation is never ahead of the value
// that it is about; and those of its own changes come behind the answers to these, as in Redis 7.
#include <optional>

#include "engine/command_meta.hpp"
#include "engine/database_impl.hpp"
#include "engine/session_impl.hpp"

namespace trefoil {

namespace {

constexpr std::size_t kMaxPrefixes = 10'000;

using Prefixes = std::set<std::string, std::less<>>;

// One of them that begins with the new one, or that the new one begins with. None of them overlaps with another.
std::optional<std::string_view> overlapping(const Prefixes& prefixes, std::string_view prefix) {
  const auto next = prefixes.lower_bound(prefix);
  if (next != prefixes.end() && next->starts_with(prefix)) {
    return *next;
  }
  if (next != prefixes.begin() && prefix.starts_with(*std::prev(next))) {
    return *std::prev(next);
  }
  return std::nullopt;
}

// Whether a key begins with one of them; "" may be there besides others.
bool covers(const Prefixes& prefixes, std::string_view key) {
  const auto next = prefixes.upper_bound(key);
  return prefixes.contains("") || (next != prefixes.begin() && key.starts_with(*std::prev(next)));
}

Error overlapError(std::string_view prefix, std::string_view what, std::string_view other) {
  return Error(ErrorCode::kInvalid, "Prefix '" + std::string(prefix) + "' overlaps with " + std::string(what) + " prefix '" +
                                        std::string(other) + "'. Prefixes for a single client must not overlap.");
}

Status checkPrefixes(const Prefixes& existing, std::span<const std::string_view> given) {
  Prefixes provided;
  for (const std::string_view prefix : given) {
    if (const auto other = overlapping(existing, prefix); other) {
      return overlapError(prefix, "an existing", *other);
    }
    if (const auto other = overlapping(provided, prefix); other) {
      return overlapError(*other, "another provided", prefix);
    }
    provided.emplace(prefix);
  }
  if (existing.size() + given.size() > kMaxPrefixes) {
    return Error(ErrorCode::kLimit, "this session has too many prefixes");
  }
  return {};
}

}  // namespace

// https://redis.io/docs/latest/commands/client-tracking/; the checks, and their order, are Redis's.
Status SessionMessages::beginTracking(const TrackingOptions& options) {
  const auto wants = [&](ClientTracking::Flag flag) { return (options.flags & flag) != 0; };
  const bool broadcasts = wants(ClientTracking::kBroadcast);
  if (!broadcasts && !options.prefixes.empty()) {
    return Error(ErrorCode::kInvalid, "PREFIX option requires BCAST mode to be enabled");
  }
  if (tracking.is(ClientTracking::kOn) && tracking.is(ClientTracking::kBroadcast) != broadcasts) {
    return Error(ErrorCode::kInvalid,
                 "You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a "
                 "different mode.");
  }
  if (broadcasts && (wants(ClientTracking::kOptIn) || wants(ClientTracking::kOptOut))) {
    return Error(ErrorCode::kInvalid, "OPTIN and OPTOUT are not compatible with BCAST");
  }
  if (wants(ClientTracking::kOptIn) && wants(ClientTracking::kOptOut)) {
    return Error(ErrorCode::kInvalid, "You can't specify both OPTIN mode and OPTOUT mode");
  }
  if ((wants(ClientTracking::kOptIn) && tracking.is(ClientTracking::kOptOut)) ||
      (wants(ClientTracking::kOptOut) && tracking.is(ClientTracking::kOptIn))) {
    return Error(ErrorCode::kInvalid,
                 "You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a "
                 "different mode.");
  }
  TREFOIL_TRY(checkPrefixes(tracking.prefixes, options.prefixes));
  Tracking& all = session_.database.tracking();
  if (!tracking.is(ClientTracking::kOn)) {
    all.add(session_.id);
  }
  const std::uint32_t caching = tracking.flags.load(std::memory_order_relaxed) & ClientTracking::kCaching;
  tracking.redirect.store(options.redirect, std::memory_order_relaxed);
  tracking.flags.store(caching | ClientTracking::kOn | options.flags, std::memory_order_relaxed);
  is_plain_ = false;
  const auto add_prefix = [&](std::string_view prefix) {
    tracking.prefixes.emplace(prefix);
    all.addPrefix(prefix, session_.id);
  };
  for (const std::string_view prefix : options.prefixes) {
    add_prefix(prefix);
  }
  if (broadcasts && options.prefixes.empty()) {
    add_prefix("");
  }
  return {};
}

void SessionMessages::stopTracking() {
  if (!tracking.is(ClientTracking::kOn)) {
    return;
  }
  Tracking& all = session_.database.tracking();
  for (const std::string& prefix : tracking.prefixes) {
    all.removePrefix(prefix, session_.id);
  }
  tracking.prefixes.clear();
  tracking.flags.store(0, std::memory_order_relaxed);
  tracking.redirect.store(0, std::memory_order_relaxed);
  all.remove(session_.id);
}

// Before a command looks at its keys. As in Redis it is what a command is, not what it finds, that counts.
void SessionMessages::rememberReads(const CommandMeta& meta, std::span<const std::string_view> args, bool of_transaction) {
  const bool broadcasts = tracking.is(ClientTracking::kBroadcast);
  if ((meta.flags & kRead) == 0 || (broadcasts ? !of_transaction : !tracking.remembers())) {
    return;
  }
  Tracking& all = session_.database.tracking();
  forEachKey(meta, args, [&](std::size_t index, std::uint16_t) {
    if (!of_transaction) {
      all.remember(args[index], session_.id);
    } else if (!broadcasts || covers(tracking.prefixes, args[index])) {
      all.disclaim(args[index], session_.id);
    }
  });
}

// Behind a statement: CLIENT CACHING is for the next one that is no CLIENT, or for the MULTI that this begins.
void SessionMessages::endTracked(int command) {
  if (!tracking.is(ClientTracking::kOn)) {
    return;
  }
  const bool is_client = command >= 0 && kCommands[static_cast<std::size_t>(command)].name.starts_with("CLIENT");
  if (!session_.queue.isOpen() && !is_client) {
    tracking.set(ClientTracking::kCaching, false);
  }
  session_.database.tracking().trim();
}

}  // namespace trefoil
