// PrivateValue: what a transaction has made of one key, which at COMMIT takes the place of what the store holds.
//
// A collection shares its tree nodes with the version that it was copied from. `nodes` lists what this copy has of its own, and
// what of the shared it has replaced, so there are two ends: the copy is dropped, and its own nodes with it; or Store::adopt()
// puts it in place, and the replaced nodes are retired when it dies.
//
// Thread safety: none; the View owns it, and whoever holds the partition's lock adopts it.
#pragma once

#include <utility>

#include "base/memory_account.hpp"
#include "base/versions.hpp"
#include "kv/change.hpp"
#include "kv/entry.hpp"
#include "kv/reaper.hpp"
#include "kv/value_type.hpp"

namespace trefoil::kv {

class PrivateValue final : private Discarder {
 public:
  // Of a key that is absent.
  PrivateValue() = default;
  // A copy of `entry`, whose bytes or nodes nobody changes meanwhile; in a block with room for `slack` bytes more.
  PrivateValue(const Entry& entry, std::size_t slack) {
    entry_ = copyOf(entry, slack);
    shares_ = entry.isLarge();
    count();
  }
  PrivateValue(const PrivateValue&) = delete;
  PrivateValue& operator=(const PrivateValue&) = delete;
  ~PrivateValue() override {
    if (entry_ != nullptr) {
      discard(entry_);
    }
  }

  // nullptr: the key is absent.
  [[nodiscard]] const Entry* entry() const { return entry_; }

  // Applies an effect, whose head has been read.
  Status change(EffectKind kind, EffectReader& reader, std::string_view key, const PackedLimits& limits,
                std::uint64_t hash_seed) {
    const WriteContext write = WriteContext::privateCopy(nodes_, kTransaction);
    Status status = changeEntry(kind, reader, key, entry_, {write, limits, hash_seed, *this});
    count();
    return status;
  }

  // Before adoption, without a lock, so that it takes no time: `snapshot` is the one that the copy was made under.
  void seal(Lsn snapshot) { nodes_.seal(snapshot); }

  // Adoption: the entry is the store's from now on.
  Entry* adopt(Versions& versions, Lsn lsn) {
    nodes_.adopt(versions, lsn);
    memory_.set(0);
    return std::exchange(entry_, nullptr);
  }
  // Whether nodes of the version that was copied live on in the adopted one, or are retired by this copy.
  [[nodiscard]] bool shares() const { return shares_; }

 private:
  static constexpr std::uint64_t kTransaction = 1;  // copies never meet those of another transaction: one number does for all

  void discard(Entry* entry) override {
    Reaper::freeShared(entry);
    nodes_.drop();
    shares_ = false;
  }
  // Its block; what is in its nodes is about what its effects have staged.
  void count() { memory_.set(entry_ == nullptr ? 0 : entry_->allocatedBytes()); }

  Entry* entry_ = nullptr;
  bool shares_ = false;
  PrivateNodes nodes_;
  MemoryCharge memory_{MemoryLeaf::kTransactions};
};

}  // namespace trefoil::kv
