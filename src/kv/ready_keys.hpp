// ReadyKeys: keys for which somebody waits and under which a commit has put something, on their way to being served
// (waiting.hpp): noted while its effects are applied, in their order. Each thread has its own: who applies serves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trefoil::kv {

class InterestTable;
struct Key;

struct ReadyKey {
  int db;
  std::uint64_t hash;
  std::string bytes;
};

struct ReadyKeys {
  static ReadyKeys& mine() {
    thread_local ReadyKeys ready;
    return ready;
  }

  void leaveForLater(const Key& key);
  void note(int db, std::uint64_t hash, std::string_view key);
  // What is owed has been applied by somebody who came upon it: the keys noted since `begin` are for whoever owed it, and he
  // takes them when he settles. Both with the partition's lock held.
  void leaveToDebtor(std::size_t begin, InterestTable& interest);
  void takeFromDebt(InterestTable& interest);

  std::vector<ReadyKey> keys;   // their partitions' locks are held
  std::vector<ReadyKey> later;  // to be served when no lock is held
  bool serving = false;
};

}  // namespace trefoil::kv
