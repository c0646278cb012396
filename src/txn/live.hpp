// Live: a statement that runs on the live stores, under locks of its own, with its effects on the stack; and again, if the log
// has no room for them just now.
#pragma once

#include <optional>

#include "base/effect_buffer.hpp"
#include "base/status.hpp"
#include "base/types.hpp"
#include "txn/commit.hpp"

namespace trefoil::txn {

class LiveAttempt {
 public:
  explicit LiveAttempt(Committer& committer) : committer_(committer) {}
  LiveAttempt(const LiveAttempt&) = delete;
  LiveAttempt& operator=(const LiveAttempt&) = delete;

  // What the statement stages goes here.
  [[nodiscard]] EffectBuffer& effects() { return effects_; }
  // What it says at last, with its locks held: it has done all of its work, or it wants to be run as a transaction, of which
  // nothing may be left but what runLive()'s `undo` undoes. It may also say nothing, and is over.
  void commit() {
    if (!effects_.empty()) {
      const std::optional<Lsn> end = committer_.tryCommit(effects_);
      is_over_ = end.has_value();
      end_ = end.value_or(0);
    }
  }
  void giveWay() {
    is_over_ = false;
    gave_way_ = true;
  }

 private:
  template <typename Body, typename Undo>
  friend Status runLive(Committer& committer, Body&& body, Undo&& undo, std::optional<Lsn>& end);

  Committer& committer_;
  EffectBuffer effects_;
  bool is_over_ = true;
  bool gave_way_ = false;
  Lsn end_ = 0;
};

// Calls `body(LiveAttempt&)`, which takes its locks, does its work, commits, and has let the locks go when it returns; again,
// after `undo()`, as long as there is no room for its record. `end` is the position that an answer waits for (0 if nothing was
// changed), or nothing: it is to be run as a transaction. Its own error ends it.
template <typename Body, typename Undo>
Status runLive(Committer& committer, Body&& body, Undo&& undo, std::optional<Lsn>& end) {
  for (;;) {
    LiveAttempt attempt(committer);
    TREFOIL_TRY(body(attempt));
    committer.afterLocks();
    if (attempt.is_over_) [[likely]] {
      end = attempt.end_;
      return {};
    }
    undo();
    if (attempt.gave_way_ || committer.isLarge(attempt.effects_)) {
      end.reset();
      return {};
    }
    TREFOIL_TRY(committer.awaitRoom());
  }
}

}  // namespace trefoil::txn
