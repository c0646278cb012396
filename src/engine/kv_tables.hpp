// KV structures as tables in SQL: kv('user:*'), hash('u:1'), list('queue'), set('tags'), zset('board').
//
//   kv(pattern text)  key text, type text, value text (strings only), expires_at timestamp
//   hash(key text)    field text, value text
//   list(key text)    position bigint, value text
//   set(key text)     member text
//   zset(key text)    member text, score double precision, rank bigint
//
// Keys, members and values are any bytes, SQL's text is UTF-8: what is not is NULL there. Each function has a twin over bytes
// (kv_bytes, hash_bytes, …), in which every text column and the argument are bytea and nothing is lost.
//
// WHERE on the first column, = or IN, looks up instead of scanning.
//
// They read through the statement's own kv::View: the same instant as its tables, own writes of the transaction included, and
// what they read is validated at COMMIT. A key that does not exist has no rows; one of another type is WRONGTYPE.
#pragma once

#include "kv/view.hpp"
#include "sql/expressions/table_function.hpp"

namespace trefoil {

// What ExecContext::host points at: the keyspace as the statement sees it.
struct KvHost {
  kv::View* view = nullptr;
  int db = 0;
};

void registerKvTables(sql::TableFunctions& functions);

}  // namespace trefoil
