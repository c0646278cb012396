#include "base/cause.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace trefoil {

// Logs and checkpoints hold these numbers: a cause may be added, never renumbered or renamed.
TEST_CASE("causes keep their numbers and names") {
  std::string all;
  for (int number = 0; number < 256; ++number) {
    if (const std::string_view name = causeName(static_cast<Cause>(number)); !name.empty()) {
      all += std::to_string(number) + " " + std::string(name) + "\n";
    }
  }
  CHECK(all.starts_with(R"(1 set
2 set
3 setrange
4 append
5 incrby
6 incrbyfloat
7 del
8 expired
9 evicted
10 expire
11 persist
12 rename_from
13 rename_to
14 move_from
15 move_to
16 copy_to
17 restore
18 sortstore
19 flushdb
20 lpush
21 rpush
22 lpop
23 rpop
24 lset
25 linsert
26 lrem
27 ltrim
30 hset
31 hincrby
32 hincrbyfloat
33 hdel
40 sadd
41 srem
42 spop
43 sinterstore
44 sunionstore
45 sdiffstore
50 zadd
51 zincr
52 zrem
53 zremrangebyscore
54 zremrangebyrank
55 zremrangebylex
56 zpopmin
57 zpopmax
58 zinterstore
59 zunionstore
60 zdiffstore
61 zrangestore
128 insert
129 update
130 delete
131 truncate
132 create table
133 drop table
134 create index
135 drop index
136 rename table
)"));
}

}  // namespace trefoil
