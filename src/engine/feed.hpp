// Feed: what one session is told of the commits, one message a commit, in their order, each with the position behind it:
//
//   [feed, position, [change, …]]         feed_changes.hpp; a large commit comes in several, and only the last has a position
//   [feed, position, []]                  now and then, where the filter wants nothing: how far it is
//   [feed, nil, error text]               it has ended: its place in the log is gone
//
// A feed reads at the pace of its client: while much waits in the outbox, it does not go on, in the middle of a commit either. So
// nothing is kept for it but the log, and the bytes of one commit.
//
// Thread safety: step() is the feeder's; stop() and the rest from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.hpp"
#include "engine/feed_changes.hpp"
#include "engine/message.hpp"
#include "engine/outbox.hpp"
#include "txn/commit_source.hpp"

namespace trefoil {

class FeedMessage final : public Message {
 public:
  // `position` may be empty.
  FeedMessage(std::string position, std::vector<ReplyValue> changes, std::size_t bytes);
  // The end.
  explicit FeedMessage(std::string error);
  void pushTo(Reply& reply) const override;

 private:
  const std::string position_;
  const std::vector<ReplyValue> changes_;
  const std::string error_;
};

class Feed {
 public:
  Feed(std::unique_ptr<txn::CommitSource> source, FeedTables tables, FeedFilter filter, std::shared_ptr<Outbox> outbox);

  // Tells of some commits. kIdle: of all that there are. kFull: its client has to take some first. kEnded: it is not to be called
  // again.
  enum class Step : std::uint8_t { kMore, kIdle, kFull, kEnded };
  Step step();
  // Behind this nothing of it comes into the outbox.
  void stop();

 private:
  Status tellSome(bool& found);
  bool post(std::string position, std::vector<ReplyValue> changes, std::size_t bytes);
  bool postMessage(const MessagePointer& message);

  const std::unique_ptr<txn::CommitSource> source_;
  FeedTables tables_;
  const FeedFilter filter_;
  const std::shared_ptr<Outbox> outbox_;
  std::optional<FeedCommit> commit_;  // that it is in the middle of
  std::optional<ReplyValue> ahead_;   // its next change, which had no room in the last message
  bool commit_is_told_ = false;       // some of it
  Lsn told_ = 0;                      // how far the client knows it to be
  bool wanted_ = true;                // changed with the outbox's lock
};

}  // namespace trefoil
