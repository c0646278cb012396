// Messages that are published when a transaction commits: PUBLISH inside BEGIN and EXEC.
// Thread safety: none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_account.hpp"
#include "engine/pubsub.hpp"

namespace trefoil {

class StagedMessages {
 public:
  struct Staged {
    Topic topic;
    std::string channel;
    std::string payload;
  };

  void add(Topic topic, std::string_view channel, std::string_view payload);
  [[nodiscard]] const std::vector<Staged>& all() const { return staged_; }
  [[nodiscard]] std::size_t bytes() const { return charge_.bytes(); }
  void clear();

  // As SQL's: a name may be there several times, and the newest is meant. One that is not there does nothing.
  void savepoint(std::string_view name);
  void rollbackTo(std::string_view name);
  void release(std::string_view name);

 private:
  struct Savepoint {
    std::string name;
    std::size_t staged;  // so many were there
  };
  void noteBytes();
  [[nodiscard]] std::size_t find(std::string_view name) const;

  std::vector<Staged> staged_;
  std::vector<Savepoint> savepoints_;
  MemoryCharge charge_{MemoryLeaf::kTransactions};
};

}  // namespace trefoil
