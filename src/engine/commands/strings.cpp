// String commands. Redis: t_string.c.
#include <cmath>

#include "base/format_number.hpp"
#include "engine/commands/arguments.hpp"
#include "engine/commands/option_reader.hpp"
#include "kv/integer_text.hpp"

namespace trefoil::commands {

namespace {

Error tooLongError() {
  return {ErrorCode::kInvalid, "string exceeds maximum allowed size (proto-max-bulk-len)"};
}

Status replyString(CommandCall& call, const kv::StringHandle& string) {
  if (!string.exists()) {
    call.reply.null();
    return {};
  }
  kv::IntegerText room;
  const std::string_view text = string.text(room);
  TREFOIL_TRY(call.kv.spend(text.size() / kv::View::kStepBytes));
  call.reply.bulk(text);
  return {};
}

// Adds to the integer under the key; what INCR, DECR, INCRBY and DECRBY come to.
Status incrementBy(CommandCall& call, std::int64_t amount) {
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::StringHandle string, call.kv.string(key));
  std::int64_t value = 0;
  if (string.exists()) {
    kv::IntegerText room;
    TREFOIL_ASSIGN(value, integerArgument(string.text(room)));
  }
  if (__builtin_add_overflow(value, amount, &value)) {
    return Error(ErrorCode::kInvalid, "increment or decrement would overflow");
  }
  char text[kMaxIntegerChars];
  const std::size_t size = formatInteger(text, value);
  const kv::View::Because why(call.kv, Cause::kIncrBy);
  call.kv.setString(key, {text, size}, string.exists() ? string.deadline() : kNever);
  call.reply.integer(value);
  return {};
}

// What EX, PX, EXAT or PXAT of SET and GETEX say.
struct Expiry {
  ExpiryUnit unit;
  std::string_view amount;
};

Expiry expiryOf(const OptionReader& option) {
  return {*expiryUnit(option.token()), option.value()};
}

// The options of SET.
struct SetOptions {
  bool only_absent = false;   // NX
  bool only_present = false;  // XX
  bool get = false;
  bool keep_deadline = false;
  Deadline deadline;
};

Result<SetOptions> setOptions(CommandCall& call) {
  static const OptionGrammar grammar("SET");
  SetOptions options;
  std::optional<Expiry> expiry;
  OptionReader option(grammar, call.args, 3);
  while (option.next()) {
    if (option.is("NX")) {
      options.only_absent = true;
    } else if (option.is("XX")) {
      options.only_present = true;
    } else if (option.is("GET")) {
      options.get = true;
    } else if (option.is("KEEPTTL")) {
      options.keep_deadline = true;
    } else {
      expiry = expiryOf(option);
    }
  }
  TREFOIL_TRY(option.status());
  if (expiry) {
    TREFOIL_ASSIGN(options.deadline, positiveDeadline(expiry->amount, expiry->unit, call.now, "set"));
  }
  return options;
}

}  // namespace

Status get(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::StringHandle string, call.kv.string(keyAt(call, 1)));
  return replyString(call, string);
}

Status set(CommandCall& call) {
  const kv::Key key = keyAt(call, 1);
  if (call.args.size() == 3) {
    call.kv.setString(key, call.args[2]);
    call.reply.simple("OK");
    return {};
  }
  TREFOIL_ASSIGN(SetOptions options, setOptions(call));
  const kv::Entry* before = nullptr;
  if (options.get || options.only_absent || options.only_present || options.keep_deadline) {
    before = call.kv.find(key);
  }
  if (options.get) {
    TREFOIL_ASSIGN(const kv::StringHandle string, call.kv.string(key));
    TREFOIL_TRY(replyString(call, string));
  }
  if ((options.only_absent && before != nullptr) || (options.only_present && before == nullptr)) {
    if (!options.get) {
      call.reply.null();
    }
    return {};
  }
  const kv::View::Because why(call.kv, options.deadline.never() ? Cause::kSet : Cause::kSetExpire);
  if (options.keep_deadline && before != nullptr) {
    options.deadline = before->deadline();
  }
  call.kv.setString(key, call.args[2], options.deadline);
  if (!options.get) {
    call.reply.simple("OK");
  }
  return {};
}

Status setnx(CommandCall& call) {
  const kv::Key key = keyAt(call, 1);
  const bool absent = !call.kv.exists(key);
  if (absent) {
    call.kv.setString(key, call.args[2]);
  }
  call.reply.integer(absent ? 1 : 0);
  return {};
}

Status setex(CommandCall& call) {
  TREFOIL_ASSIGN(const Deadline deadline, positiveDeadline(call.args[2], {1000, false}, call.now, "setex"));
  const kv::View::Because why(call.kv, Cause::kSetExpire);
  call.kv.setString(keyAt(call, 1), call.args[3], deadline);
  call.reply.simple("OK");
  return {};
}

Status psetex(CommandCall& call) {
  TREFOIL_ASSIGN(const Deadline deadline, positiveDeadline(call.args[2], {1, false}, call.now, "psetex"));
  const kv::View::Because why(call.kv, Cause::kSetExpire);
  call.kv.setString(keyAt(call, 1), call.args[3], deadline);
  call.reply.simple("OK");
  return {};
}

Status getset(CommandCall& call) {
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::StringHandle string, call.kv.string(key));
  TREFOIL_TRY(replyString(call, string));
  call.kv.setString(key, call.args[2]);
  return {};
}

Status getdel(CommandCall& call) {
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::StringHandle string, call.kv.string(key));
  TREFOIL_TRY(replyString(call, string));
  call.kv.remove(key);
  return {};
}

Status getex(CommandCall& call) {
  static const OptionGrammar grammar("GETEX");
  std::optional<Expiry> expiry;
  bool persist = false;
  OptionReader option(grammar, call.args, 2);
  while (option.next()) {
    if (option.is("PERSIST")) {
      persist = true;
    } else {
      expiry = expiryOf(option);
    }
  }
  TREFOIL_TRY(option.status());
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::StringHandle string, call.kv.string(key));
  std::optional<Deadline> deadline = persist ? std::optional(kNever) : std::nullopt;
  if (expiry && string.exists()) {
    TREFOIL_ASSIGN(deadline, positiveDeadline(expiry->amount, expiry->unit, call.now, "getex"));
  }
  TREFOIL_TRY(replyString(call, string));
  if (deadline && deadline->passed(call.now)) {
    call.kv.remove(key);
  } else if (deadline) {
    call.kv.setDeadline(key, *deadline);
  }
  return {};
}

Status mget(CommandCall& call) {
  call.reply.array(call.args.size() - 1);
  for (std::size_t i = 1; i < call.args.size(); ++i) {
    const kv::Entry* entry = call.kv.find(keyAt(call, i));
    const bool is_string = entry != nullptr && entry->type() == kv::ObjectType::kString;
    TREFOIL_TRY(replyString(call, kv::StringHandle(is_string ? entry : nullptr)));
  }
  return {};
}

Status mset(CommandCall& call) {
  if (call.args.size() % 2 == 0) {
    return arityError("mset");
  }
  for (std::size_t i = 1; i < call.args.size(); i += 2) {
    call.kv.setString(keyAt(call, i), call.args[i + 1]);
  }
  call.reply.simple("OK");
  return {};
}

Status msetnx(CommandCall& call) {
  if (call.args.size() % 2 == 0) {
    return arityError("msetnx");
  }
  for (std::size_t i = 1; i < call.args.size(); i += 2) {
    if (call.kv.exists(keyAt(call, i))) {
      call.reply.integer(0);
      return {};
    }
  }
  for (std::size_t i = 1; i < call.args.size(); i += 2) {
    call.kv.setString(keyAt(call, i), call.args[i + 1]);
  }
  call.reply.integer(1);
  return {};
}

Status incr(CommandCall& call) {
  return incrementBy(call, 1);
}
Status decr(CommandCall& call) {
  return incrementBy(call, -1);
}

Status incrby(CommandCall& call) {
  TREFOIL_ASSIGN(const std::int64_t amount, integerArgument(call.args[2]));
  return incrementBy(call, amount);
}

Status decrby(CommandCall& call) {
  TREFOIL_ASSIGN(const std::int64_t amount, integerArgument(call.args[2]));
  if (amount == INT64_MIN) {
    return Error(ErrorCode::kInvalid, "decrement would overflow");
  }
  return incrementBy(call, -amount);
}

Status incrbyfloat(CommandCall& call) {
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::StringHandle string, call.kv.string(key));
  kv::IntegerText room;
  const auto value = string.exists() ? parseLongDouble(string.text(room)) : std::optional<long double>(0);
  const auto amount = parseLongDouble(call.args[2]);
  if (!value || !amount) {
    return notAFloatError();
  }
  const long double sum = *value + *amount;
  if (std::isnan(sum) || std::isinf(sum)) {
    return Error(ErrorCode::kInvalid, "increment would produce NaN or Infinity");
  }
  const std::string text = formatLongDouble(sum);
  const kv::View::Because why(call.kv, Cause::kIncrByFloat);
  call.kv.setString(key, text, string.exists() ? string.deadline() : kNever);
  call.reply.bulk(text);
  return {};
}

Status append(CommandCall& call) {
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::StringHandle string, call.kv.string(key));
  if (string.size() + call.args[2].size() > kv::kMaxStringBytes) {
    return tooLongError();
  }
  TREFOIL_TRY(call.kv.spendOnBlock(key, string.entry(), string.size() + call.args[2].size()));
  call.reply.integer(static_cast<std::int64_t>(call.kv.append(key, call.args[2])));
  return {};
}

Status strlen(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::StringHandle string, call.kv.string(keyAt(call, 1)));
  call.reply.integer(static_cast<std::int64_t>(string.size()));
  return {};
}

Status getrange(CommandCall& call) {
  TREFOIL_ASSIGN(const std::int64_t start, integerArgument(call.args[2]));
  TREFOIL_ASSIGN(const std::int64_t stop, integerArgument(call.args[3]));
  TREFOIL_ASSIGN(const kv::StringHandle string, call.kv.string(keyAt(call, 1)));
  kv::IntegerText room;
  const std::string_view text = string.text(room);
  // A stop before the first byte means the first byte, as in Redis: only a range that is backwards as written is empty.
  const bool backwards = start < 0 && stop < 0 && start > stop;
  const std::int64_t last = stop < 0 ? std::max<std::int64_t>(stop + static_cast<std::int64_t>(text.size()), 0) : stop;
  const IndexRange range = backwards ? IndexRange{} : indexRange(start, last, text.size());
  TREFOIL_TRY(call.kv.spend(range.count / kv::View::kStepBytes));
  call.reply.bulk(text.substr(range.first, range.count));
  return {};
}

Status setrange(CommandCall& call) {
  TREFOIL_ASSIGN(const std::int64_t offset, integerArgument(call.args[2]));
  if (offset < 0) {
    return Error(ErrorCode::kInvalid, "offset is out of range");
  }
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::StringHandle string, call.kv.string(key));
  const std::string_view bytes = call.args[3];
  if (!bytes.empty() && static_cast<std::uint64_t>(offset) + bytes.size() > kv::kMaxStringBytes) {
    return tooLongError();
  }
  if (const std::uint64_t end = bytes.empty() ? 0 : static_cast<std::uint64_t>(offset) + bytes.size(); end > string.size()) {
    TREFOIL_TRY(call.kv.spend((end - string.size()) / kv::View::kStepBytes));  // zeros, for the most part
  }
  if (!bytes.empty()) {
    TREFOIL_TRY(call.kv.spendOnBlock(key, string.entry(), static_cast<std::size_t>(offset) + bytes.size()));
  }
  call.reply.integer(static_cast<std::int64_t>(call.kv.setRange(key, static_cast<std::size_t>(offset), bytes)));
  return {};
}

}  // namespace trefoil::commands
