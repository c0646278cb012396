/* A C program as people write them with hiredis: used by tests/acceptance/hiredis.sh. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

static void check(int condition, const char* what) {
  if (!condition) {
    fprintf(stderr, "failed: %s\n", what);
    ++failures;
  }
}

int main(int count, char** arguments) {
  if (count < 2) {
    return 2;
  }
  redisContext* context = redisConnect("127.0.0.1", atoi(arguments[1]));
  if (context == NULL || context->err) {
    fprintf(stderr, "cannot connect\n");
    return 1;
  }
  redisReply* reply = redisCommand(context, "SET %b %b", "key\0x", (size_t)5, "a\r\nb", (size_t)4);
  check(reply && reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "OK") == 0, "SET");
  freeReplyObject(reply);
  reply = redisCommand(context, "GET %b", "key\0x", (size_t)5);
  check(reply && reply->type == REDIS_REPLY_STRING && reply->len == 4 && memcmp(reply->str, "a\r\nb", 4) == 0, "GET");
  freeReplyObject(reply);
  reply = redisCommand(context, "GET missing");
  check(reply && reply->type == REDIS_REPLY_NIL, "nil");
  freeReplyObject(reply);

  for (int i = 0; i < 10000; ++i) {
    redisAppendCommand(context, "RPUSH list %d", i);
  }
  for (int i = 0; i < 10000; ++i) {
    check(redisGetReply(context, (void**)&reply) == REDIS_OK && reply->integer == i + 1, "pipelined RPUSH");
    freeReplyObject(reply);
  }
  reply = redisCommand(context, "LRANGE list 0 -1");
  check(reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 10000 && strcmp(reply->element[9999]->str, "9999") == 0,
        "LRANGE");
  freeReplyObject(reply);

  freeReplyObject(redisCommand(context, "SQL %s", "CREATE TABLE c (id INTEGER PRIMARY KEY, name TEXT)"));
  reply = redisCommand(context, "SQL %s %d %s", "INSERT INTO c VALUES ($1, $2)", 7, "seven");
  check(reply && reply->type == REDIS_REPLY_INTEGER && reply->integer == 1, "INSERT");
  freeReplyObject(reply);
  reply = redisCommand(context, "SQL %s", "SELECT id, name FROM c");
  check(reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[1]->element[0]->integer == 7 &&
            strcmp(reply->element[0]->element[1]->str, "name") == 0,
        "SELECT");
  freeReplyObject(reply);
  reply = redisCommand(context, "SQL %s", "SELECT nonsense");
  check(reply && reply->type == REDIS_REPLY_ERROR, "error");
  freeReplyObject(reply);
  redisFree(context);
  return failures == 0 ? 0 : 1;
}
