// Commands on keys whatever they hold. Redis: db.c, expire.c, object.c.
#include "base/ascii_case.hpp"
#include "base/glob.hpp"
#include "engine/commands/arguments.hpp"
#include "engine/commands/option_reader.hpp"
#include "kv/value_type.hpp"

namespace trefoil::commands {

namespace {

Status removeKeys(CommandCall& call) {
  std::int64_t removed = 0;
  for (std::size_t i = 1; i < call.args.size(); ++i) {
    removed += call.kv.remove(keyAt(call, i)) ? 1 : 0;
  }
  call.reply.integer(removed);
  return {};
}

Error noSuchKeyError() {
  return {ErrorCode::kInvalid, "no such key"};
}

// NX, XX, GT, LT of EXPIRE and its family.
struct ExpireConditions {
  bool only_without = false;
  bool only_with = false;
  bool only_later = false;
  bool only_earlier = false;
};

Result<ExpireConditions> expireConditions(CommandCall& call) {
  ExpireConditions conditions;
  for (std::size_t i = 3; i < call.args.size(); ++i) {
    const std::string_view option = call.args[i];
    if (isWord(option, "NX")) {
      conditions.only_without = true;
    } else if (isWord(option, "XX")) {
      conditions.only_with = true;
    } else if (isWord(option, "GT")) {
      conditions.only_later = true;
    } else if (isWord(option, "LT")) {
      conditions.only_earlier = true;
    } else {
      return Error(ErrorCode::kInvalid, "Unsupported option " + std::string(option));
    }
  }
  if (conditions.only_without && (conditions.only_with || conditions.only_later || conditions.only_earlier)) {
    return Error(ErrorCode::kInvalid, "NX and XX, GT or LT options at the same time are not compatible");
  }
  if (conditions.only_later && conditions.only_earlier) {
    return Error(ErrorCode::kInvalid, "GT and LT options at the same time are not compatible");
  }
  return conditions;
}

Status expireKey(CommandCall& call, kv::Key key, ExpiryUnit unit, std::string_view command) {
  TREFOIL_ASSIGN(const ExpireConditions conditions, expireConditions(call));
  TREFOIL_ASSIGN(const Deadline deadline, anyDeadline(call.args[2], unit, call.now, command));
  const kv::Entry* entry = call.kv.find(key);
  // A key without a deadline counts as one that expires never.
  if (entry == nullptr || (conditions.only_without && entry->hasDeadline()) || (conditions.only_with && !entry->hasDeadline()) ||
      (conditions.only_later && deadline <= entry->deadline()) || (conditions.only_earlier && deadline >= entry->deadline())) {
    call.reply.integer(0);
    return {};
  }
  if (deadline.passed(call.now)) {
    call.kv.remove(key);
  } else {
    TREFOIL_TRY(call.kv.spendOnBlock(key, entry, entry->valueSize(), !entry->hasDeadline()));
    call.kv.setDeadline(key, deadline);
  }
  call.reply.integer(1);
  return {};
}

// Of a deadline, which may be as late as numbers go.
constexpr std::int64_t roundedSeconds(std::int64_t ms) {
  return ms / 1000 + (ms % 1000 >= 500 ? 1 : 0);
}

// -2: no key, -1: no deadline, else what `convert` makes of the deadline.
template <typename Convert>
Status replyDeadline(CommandCall& call, Convert&& convert) {
  const kv::Entry* entry = call.kv.peek(keyAt(call, 1));
  if (entry == nullptr) {
    call.reply.integer(-2);
  } else if (!entry->hasDeadline()) {
    call.reply.integer(-1);
  } else {
    call.reply.integer(convert(entry->deadline().unix_ms));
  }
  return {};
}

Status flushDatabases(CommandCall& call, int first, int last) {
  if (call.args.size() > 2 || (call.args.size() == 2 && !isWord(call.args[1], "ASYNC") && !isWord(call.args[1], "SYNC"))) {
    return syntaxError();
  }
  for (int db = first; db <= last; ++db) {
    call.kv.flush(db);
  }
  call.reply.simple("OK");
  return {};
}

}  // namespace

Status del(CommandCall& call) {
  return removeKeys(call);
}
Status unlink(CommandCall& call) {
  return removeKeys(call);
}
Status exists(CommandCall& call) {
  std::int64_t count = 0;
  for (std::size_t i = 1; i < call.args.size(); ++i) {
    count += call.kv.peek(keyAt(call, i)) != nullptr ? 1 : 0;
  }
  call.reply.integer(count);
  return {};
}
// A use of each key, also of a client's that has said NO-TOUCH.
Status touch(CommandCall& call) {
  call.kv.noteUses(true);
  std::int64_t count = 0;
  for (std::size_t i = 1; i < call.args.size(); ++i) {
    count += call.kv.exists(keyAt(call, i)) ? 1 : 0;
  }
  call.reply.integer(count);
  return {};
}

Status type(CommandCall& call) {
  const kv::Entry* entry = call.kv.peek(keyAt(call, 1));
  call.reply.simple(entry == nullptr ? "none" : kv::typeName(*entry));
  return {};
}

Status expire(CommandCall& call) {
  return expireKey(call, keyAt(call, 1), {1000, false}, "expire");
}
Status pexpire(CommandCall& call) {
  return expireKey(call, keyAt(call, 1), {1, false}, "pexpire");
}
Status expireat(CommandCall& call) {
  return expireKey(call, keyAt(call, 1), {1000, true}, "expireat");
}
Status pexpireat(CommandCall& call) {
  return expireKey(call, keyAt(call, 1), {1, true}, "pexpireat");
}

Status ttl(CommandCall& call) {
  return replyDeadline(call, [&](std::int64_t ms) { return roundedSeconds(ms - call.now.value); });
}
Status pttl(CommandCall& call) {
  return replyDeadline(call, [&](std::int64_t ms) { return ms - call.now.value; });
}
Status expiretime(CommandCall& call) {
  return replyDeadline(call, roundedSeconds);
}
Status pexpiretime(CommandCall& call) {
  return replyDeadline(call, [](std::int64_t ms) { return ms; });
}

Status persist(CommandCall& call) {
  const kv::Key key = keyAt(call, 1);
  const kv::Entry* entry = call.kv.find(key);
  const bool has_deadline = entry != nullptr && entry->hasDeadline();
  if (has_deadline) {
    TREFOIL_TRY(call.kv.spendOnBlock(key, entry, entry->valueSize(), true));
    call.kv.setDeadline(key, kNever);
  }
  call.reply.integer(has_deadline ? 1 : 0);
  return {};
}

Status keys(CommandCall& call) {
  std::vector<std::string> names;
  TREFOIL_TRY(call.kv.forEachKey(call.db, call.args[1], [&](const kv::Entry& entry) { names.emplace_back(entry.key()); }));
  replyBulks(call.reply, names);
  return {};
}

Status scan(CommandCall& call) {
  TREFOIL_ASSIGN(const std::uint64_t cursor, scanCursor(call.args[1]));
  static const OptionGrammar grammar("SCAN");
  TREFOIL_ASSIGN(const ScanOptions options, scanOptions(grammar, call.args, 1));
  TREFOIL_TRY(call.kv.spend(std::min(options.count, call.kv.store().size(call.db))));
  std::vector<std::string> names;
  const std::uint64_t next = call.kv.scan(call.db, cursor, options.count, [&](const kv::Entry& entry) {
    if ((!options.match || globMatch(*options.match, entry.key())) &&
        (!options.type || equalsIgnoringCase(kv::typeName(entry), *options.type))) {
      names.emplace_back(entry.key());
    }
  });
  replyScan(call.reply, next, names);
  return {};
}

Status dbsize(CommandCall& call) {
  TREFOIL_ASSIGN(const std::size_t size, call.kv.databaseSize(call.db));
  call.reply.integer(static_cast<std::int64_t>(size));
  return {};
}

Status randomkey(CommandCall& call) {
  const auto name = call.kv.randomKey(call.db, [&] { return randomBits(call); });
  if (name) {
    call.reply.bulk(*name);
  } else {
    call.reply.null();
  }
  return {};
}

Status flushdb(CommandCall& call) {
  return flushDatabases(call, call.db, call.db);
}
Status flushall(CommandCall& call) {
  return flushDatabases(call, 0, call.kv.store().databases() - 1);
}

Status rename(CommandCall& call) {
  const kv::Key from = keyAt(call, 1);
  if (!call.kv.exists(from)) {
    return noSuchKeyError();
  }
  if (call.args[1] != call.args[2]) {
    TREFOIL_TRY(call.kv.spendOn(call.kv.find(from)));
    call.kv.moveValue(from, keyAt(call, 2), Cause::kRenameFrom, Cause::kRenameTo);
  }
  call.reply.simple("OK");
  return {};
}

Status renamenx(CommandCall& call) {
  const kv::Key from = keyAt(call, 1);
  if (!call.kv.exists(from)) {
    return noSuchKeyError();
  }
  const kv::Key to = keyAt(call, 2);
  const bool free = call.args[1] != call.args[2] && !call.kv.exists(to);
  if (free) {
    TREFOIL_TRY(call.kv.spendOn(call.kv.find(from)));
    call.kv.moveValue(from, to, Cause::kRenameFrom, Cause::kRenameTo);
  }
  call.reply.integer(free ? 1 : 0);
  return {};
}

Status copy(CommandCall& call) {
  bool replace = false;
  int to_db = call.db;
  static const OptionGrammar grammar("COPY");
  OptionReader option(grammar, call.args, 3);
  while (option.next()) {
    if (option.is("REPLACE")) {
      replace = true;
      continue;
    }
    TREFOIL_ASSIGN(const std::int64_t db, integerArgument(option.value()));
    if (db < 0 || db >= call.kv.store().databases()) {
      return Error(ErrorCode::kInvalid, "DB index is out of range");
    }
    to_db = static_cast<int>(db);
  }
  TREFOIL_TRY(option.status());
  if (call.args[1] == call.args[2] && to_db == call.db) {
    return Error(ErrorCode::kInvalid, "source and destination objects are the same");
  }
  const kv::Key from = keyAt(call, 1);
  const kv::Key to = call.kv.key(to_db, call.args[2]);
  const bool copied = call.kv.exists(from) && (replace || !call.kv.exists(to));
  if (copied) {
    TREFOIL_TRY(call.kv.spendOn(call.kv.find(from)));
    call.kv.copyValue(from, to, Cause::kCopyTo);
  }
  call.reply.integer(copied ? 1 : 0);
  return {};
}

}  // namespace trefoil::commands
