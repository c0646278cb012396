// OBJECT: how a key's value is stored, and how the key is used. None of it is a use.
// https://redis.io/docs/latest/commands/object-idletime/
// https://redis.io/docs/latest/commands/object-freq/
#include "engine/commands/arguments.hpp"
#include "kv/value_type.hpp"

namespace trefoil::commands {

namespace {

constexpr std::string_view kAfterSwitch =
    "Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";

kv::Tracking tracking(CommandCall& call) {
  return call.kv.store().accesses().tracking();
}

// Answers null if there is no such key, and otherwise what `answer` says.
template <typename Answer>
Status describe(CommandCall& call, Answer&& answer) {
  const kv::Key key = keyAt(call, 2);
  const kv::Entry* entry = call.kv.peek(key);
  if (entry == nullptr) {
    call.reply.null();
    return {};
  }
  return answer(key, *entry);
}

}  // namespace

Status objectEncoding(CommandCall& call) {
  return describe(call, [&](const kv::Key&, const kv::Entry& entry) -> Status {
    call.reply.bulk(kv::typeOf(entry).encoding(entry));
    return {};
  });
}

// Values are not shared between keys.
Status objectRefCount(CommandCall& call) {
  return describe(call, [&](const kv::Key&, const kv::Entry&) -> Status {
    call.reply.integer(1);
    return {};
  });
}

Status objectFreq(CommandCall& call) {
  return describe(call, [&](const kv::Key& key, const kv::Entry&) -> Status {
    if (tracking(call) != kv::Tracking::kFrequency) {
      return Error(ErrorCode::kInvalid,
                   "An LFU maxmemory policy is not selected, access frequency not tracked. " + std::string(kAfterSwitch));
    }
    call.reply.integer(call.kv.store().accesses().frequency(call.kv.accessOf(key)));
    return {};
  });
}

// Under a policy that does not ask when keys are used, that is tracked from the first time on that somebody wants to know.
Status objectIdleTime(CommandCall& call) {
  return describe(call, [&](const kv::Key& key, const kv::Entry&) -> Status {
    kv::AccessTracker& accesses = call.kv.store().accesses();
    if (tracking(call) == kv::Tracking::kFrequency) {
      return Error(ErrorCode::kInvalid,
                   "An LFU maxmemory policy is selected, idle time not tracked. " + std::string(kAfterSwitch));
    }
    if (tracking(call) == kv::Tracking::kNone) {
      accesses.begin(kv::Tracking::kRecency, call.now);
    }
    call.reply.integer(accesses.idleMs(call.kv.accessOf(key)) / 1000);
    return {};
  });
}

}  // namespace trefoil::commands
