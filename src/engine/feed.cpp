#include "engine/feed.hpp"

#include "engine/reply.hpp"

namespace trefoil {

namespace {

// What a message holds at most, about; what may wait in the outbox before the feed goes on; and how much one step reads.
constexpr std::size_t kMessageBytes = std::size_t{256} << 10;
constexpr std::size_t kMostWaiting = std::size_t{1} << 20;
constexpr std::size_t kStepPieces = 256;
constexpr std::size_t kStepEffects = 4096;
// So much of the log passes before a client is told where it is, though nothing was for it.
constexpr Lsn kSilentBytes = std::size_t{1} << 20;

std::size_t bytesOf(const ReplyValue& value) {
  std::size_t bytes = sizeof(ReplyValue) + value.text.size();
  for (const ReplyValue& element : value.elements) {
    bytes += bytesOf(element);
  }
  return bytes;
}

}  // namespace

FeedMessage::FeedMessage(std::string position, std::vector<ReplyValue> changes, std::size_t bytes)
    : Message(position.size() + bytes), position_(std::move(position)), changes_(std::move(changes)) {}

FeedMessage::FeedMessage(std::string error) : Message(error.size()), error_(std::move(error)) {}

void FeedMessage::pushTo(Reply& reply) const {
  reply.push(3);
  reply.bulk("feed");
  position_.empty() ? reply.null() : reply.bulk(position_);
  if (!error_.empty()) {
    reply.bulk(error_);
    return;
  }
  reply.array(changes_.size());
  for (const ReplyValue& change : changes_) {
    change.pushTo(reply);
  }
}

Feed::Feed(std::unique_ptr<txn::CommitSource> source, FeedTables tables, FeedFilter filter, std::shared_ptr<Outbox> outbox)
    : source_(std::move(source)),
      tables_(std::move(tables)),
      filter_(std::move(filter)),
      outbox_(std::move(outbox)),
      told_(source_->position().lsn) {}

Feed::Step Feed::step() {
  for (std::size_t i = 0; i < kStepPieces; ++i) {
    if (outbox_->bytes() > kMostWaiting) {
      return Step::kFull;
    }
    bool found = false;
    const Status told = tellSome(found);
    if (!told.ok()) {
      postMessage(std::make_shared<const FeedMessage>(redisErrorText(told.error())));
      return Step::kEnded;
    }
    if (!found) {
      return Step::kIdle;
    }
  }
  return Step::kMore;
}

// A message, or so many effects of which there is nothing to tell.
Status Feed::tellSome(bool& found) {
  if (!commit_) {
    txn::CommitSource::Commit commit;
    TREFOIL_ASSIGN(found, source_->next(commit));
    if (!found) {
      return {};
    }
    commit_.emplace(commit.effects, commit.has_causes, tables_, filter_);
    commit_is_told_ = false;
    TREFOIL_TRY(commit_->begin());
  }
  found = true;
  std::vector<ReplyValue> changes;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < kStepEffects && (ahead_ || !commit_->done()); ++i) {
    if (!ahead_) {
      TREFOIL_ASSIGN(ahead_, commit_->next());
    }
    if (ahead_ && bytes >= kMessageBytes) {
      break;
    }
    if (ahead_) {
      bytes += bytesOf(*ahead_);
      changes.push_back(std::move(*ahead_));
      ahead_.reset();
    }
  }
  commit_is_told_ = commit_is_told_ || !changes.empty();
  if (ahead_ || !commit_->done()) {
    if (!changes.empty()) {
      post({}, std::move(changes), bytes);
    }
    return {};
  }
  commit_.reset();
  const aof::LogPosition position = source_->position();
  if (commit_is_told_ || position.lsn - told_ >= kSilentBytes) {
    post(position.text(), std::move(changes), bytes);
    told_ = position.lsn;
  }
  return {};
}

bool Feed::post(std::string position, std::vector<ReplyValue> changes, std::size_t bytes) {
  return postMessage(std::make_shared<const FeedMessage>(std::move(position), std::move(changes), bytes));
}

bool Feed::postMessage(const MessagePointer& message) {
  return outbox_->post(message, 0, &wanted_);
}

void Feed::stop() {
  outbox_->whileUnposted([this] { wanted_ = false; });
}

}  // namespace trefoil
