// Waiting for keys: BLPOP and whatever else has a client wait until there is something to take under a key.
//
//   statement, under the locks of its keys     finds nothing ─ Store::await(): joins the queue of each key in the interest tables
//   a commit, under the locks of its keys      applies ─ the keys with a queue are noted ─ Store::serveWaiting(): whoever waits
//                                              longest is served first, by a change of its own, under the same locks
//   the waiter, when it is over                Store::stopWaiting(): leaves the queues
//
// So nobody comes between a change and those who have waited for it, and they are served before whoever made the change has its
// answer. What a served waiter changes may make other keys ready; that goes on until nothing is left. Only a waiter that needs a
// lock that is not to be had under those that are held is served just after they are let go (Store::serveLater()), and one that
// takes very much by a worker; those behind it wait for that.
//
// Thread safety: as said in store.hpp. A waiter's places in the queues are guarded by the partitions' locks.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "kv/store.hpp"

namespace trefoil::kv {

// Those who wait for one key, first come first served.
struct WaitQueue {
  struct Waiting {
    KeyWaiter* waiter;
    std::size_t place;  // which of the waiter's places this is
  };
  std::string key;
  std::list<Waiting> waiters;
};

// Somebody who waits for keys. Must not go before Store::stopWaiting() was called for it.
class KeyWaiter {
 public:
  KeyWaiter() = default;
  KeyWaiter(const KeyWaiter&) = delete;
  KeyWaiter& operator=(const KeyWaiter&) = delete;
  virtual ~KeyWaiter() = default;

  enum class Outcome : std::uint8_t {
    kServed,   // it waits no longer
    kByOther,  // the same, but a worker serves it, who calls Store::serveKey() for those behind it when that is done
    kOver,     // it has not waited any longer
    kNotYet,   // what is there is nothing for it
    kLater,    // it has to be served when these locks have been let go
  };
  // There is something under a key for which it waits. On the thread that has put it there, with the lock of the key's partition
  // held; `alone`: that is the only lock held. Takes what it waits for through the log, and tells its client. Does not throw.
  virtual Outcome serve(const Key& key, bool alone) = 0;

 private:
  friend class Store;
  struct Place {
    int db;
    std::uint64_t hash;
    WaitQueue* queue;  // null once it has left
    std::list<WaitQueue::Waiting>::iterator at;
  };
  std::vector<Place> places_;  // each is guarded by the lock of its key's partition
};

}  // namespace trefoil::kv
