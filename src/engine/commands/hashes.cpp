// Hash commands. Redis: t_hash.c.
#include <cmath>

#include "base/format_number.hpp"
#include "engine/commands/arguments.hpp"
#include "kv/integer_text.hpp"

namespace trefoil::commands {

namespace {

// The pairs of HSET and HMSET, or an arity error.
Result<std::size_t> setFields(CommandCall& call, std::string_view command) {
  if (call.args.size() % 2 != 0) {
    return arityError(command);
  }
  const kv::Key key = keyAt(call, 1);
  TREFOIL_TRY(call.kv.hash(key));
  thread_local std::vector<kv::FieldValue> pairs;  // kept from call to call: a common HSET allocates nothing
  pairs.clear();
  for (std::size_t i = 2; i < call.args.size(); i += 2) {
    pairs.push_back({call.args[i], call.args[i + 1]});
  }
  return call.kv.hashSet(key, pairs);
}

void replyValue(Reply& reply, std::optional<std::string_view> value) {
  if (value) {
    reply.bulk(*value);
  } else {
    reply.null();
  }
}

Status setField(CommandCall& call, const kv::Key& key, std::string_view field, std::string_view value) {
  const kv::FieldValue pair{field, value};
  call.kv.hashSet(key, {&pair, 1});
  return {};
}

}  // namespace

Status hset(CommandCall& call) {
  TREFOIL_ASSIGN(const std::size_t created, setFields(call, "hset"));
  call.reply.integer(static_cast<std::int64_t>(created));
  return {};
}

Status hmset(CommandCall& call) {
  TREFOIL_TRY(setFields(call, "hmset"));
  call.reply.simple("OK");
  return {};
}

Status hsetnx(CommandCall& call) {
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::HashHandle hash, call.kv.hash(key));
  const bool absent = !hash.get(call.args[2]);
  if (absent) {
    TREFOIL_TRY(setField(call, key, call.args[2], call.args[3]));
  }
  call.reply.integer(absent ? 1 : 0);
  return {};
}

Status hget(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::HashHandle hash, call.kv.hash(keyAt(call, 1)));
  replyValue(call.reply, hash.get(call.args[2]));
  return {};
}

Status hmget(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::HashHandle hash, call.kv.hash(keyAt(call, 1)));
  call.reply.array(call.args.size() - 2);
  for (const std::string_view field : call.args.subspan(2)) {
    replyValue(call.reply, hash.get(field));
  }
  return {};
}

Status hdel(CommandCall& call) {
  const kv::Key key = keyAt(call, 1);
  TREFOIL_TRY(call.kv.hash(key));
  call.reply.integer(static_cast<std::int64_t>(call.kv.hashRemove(key, call.args.subspan(2))));
  return {};
}

Status hlen(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::HashHandle hash, call.kv.hash(keyAt(call, 1)));
  call.reply.integer(static_cast<std::int64_t>(hash.size()));
  return {};
}

Status hstrlen(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::HashHandle hash, call.kv.hash(keyAt(call, 1)));
  call.reply.integer(static_cast<std::int64_t>(hash.get(call.args[2]).value_or("").size()));
  return {};
}

Status hexists(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::HashHandle hash, call.kv.hash(keyAt(call, 1)));
  call.reply.integer(hash.get(call.args[2]) ? 1 : 0);
  return {};
}

Status hgetall(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::HashHandle hash, call.kv.hash(keyAt(call, 1)));
  call.reply.map(hash.size());
  for (kv::ElementCursor cursor = hash.first(); cursor.valid(); cursor.next()) {
    call.reply.bulk(cursor.member());
    call.reply.bulk(cursor.value());
  }
  return {};
}

Status hkeys(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::HashHandle hash, call.kv.hash(keyAt(call, 1)));
  call.reply.array(hash.size());
  for (kv::ElementCursor cursor = hash.first(); cursor.valid(); cursor.next()) {
    call.reply.bulk(cursor.member());
  }
  return {};
}

Status hvals(CommandCall& call) {
  TREFOIL_ASSIGN(const kv::HashHandle hash, call.kv.hash(keyAt(call, 1)));
  call.reply.array(hash.size());
  for (kv::ElementCursor cursor = hash.first(); cursor.valid(); cursor.next()) {
    call.reply.bulk(cursor.value());
  }
  return {};
}

Status hincrby(CommandCall& call) {
  TREFOIL_ASSIGN(const std::int64_t amount, integerArgument(call.args[3]));
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::HashHandle hash, call.kv.hash(key));
  std::int64_t value = 0;
  if (const auto text = hash.get(call.args[2])) {
    const auto number = kv::parseInteger(*text);
    if (!number) {
      return Error(ErrorCode::kInvalid, "hash value is not an integer");
    }
    value = *number;
  }
  if (__builtin_add_overflow(value, amount, &value)) {
    return Error(ErrorCode::kInvalid, "increment or decrement would overflow");
  }
  char text[kMaxIntegerChars];
  const kv::View::Because why(call.kv, Cause::kHIncrBy);
  TREFOIL_TRY(setField(call, key, call.args[2], {text, formatInteger(text, value)}));
  call.reply.integer(value);
  return {};
}

Status hincrbyfloat(CommandCall& call) {
  const auto amount = parseLongDouble(call.args[3]);
  if (!amount) {
    return notAFloatError();
  }
  if (std::isinf(*amount)) {
    return Error(ErrorCode::kInvalid, "value is NaN or Infinity");
  }
  const kv::Key key = keyAt(call, 1);
  TREFOIL_ASSIGN(const kv::HashHandle hash, call.kv.hash(key));
  const auto before = hash.get(call.args[2]);
  const auto value = before ? parseLongDouble(*before) : std::optional<long double>(0);
  if (!value) {
    return Error(ErrorCode::kInvalid, "hash value is not a float");
  }
  const long double sum = *value + *amount;
  if (std::isnan(sum) || std::isinf(sum)) {
    return Error(ErrorCode::kInvalid, "increment would produce NaN or Infinity");
  }
  const std::string text = formatLongDouble(sum);
  const kv::View::Because why(call.kv, Cause::kHIncrByFloat);
  TREFOIL_TRY(setField(call, key, call.args[2], text));
  call.reply.bulk(text);
  return {};
}

Status hscan(CommandCall& call) {
  return scanCollection(call, call.kv.hash(keyAt(call, 1)), [](std::vector<std::string>& found, const kv::Element& element) {
    found.emplace_back(element.member);
    found.emplace_back(element.value);
  });
}

}  // namespace trefoil::commands
