#include "net/connection.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "base/logging.hpp"
#include "engine/database.hpp"
#include "engine/output_limits.hpp"
#include "net/event_loop.hpp"

namespace trefoil::net {
namespace {

// A connection's turn: rounds of read, run, write before others have theirs.
constexpr int kTurns = 16;
// A statement of a client that has hung up ends after more than so many.
constexpr int kOrphanTicks = 1;
// Of a frame that is still arriving: room for so many times of what is there. Room that is not written to is only addresses.
constexpr std::size_t kRoomAhead = 3;
// A frame from this size on has a block for itself, if no others have come with it.
constexpr std::size_t kLargeFrame = std::size_t{1} << 20;
// Whoever may keep such a block leaves the frame's words but one: so many may be copied before, and bytes of them.
constexpr std::size_t kFewWords = 16;
constexpr std::size_t kShortWords = std::size_t{4} << 10;
// Unfinished frames up to this size move to a buffer of their own size, so that the loop gets its large one back.
constexpr std::size_t kSmallRemainder = std::size_t{4} << 10;

// Moves all of a frame's words but one, the longest, out of its block, and returns that; null: they are too many, or too long.
std::string_view* moveShortWords(std::vector<std::string_view>& words, std::vector<std::string>& to) {
  if (words.size() > kFewWords) {
    return nullptr;
  }
  const auto by_size = [](std::string_view a, std::string_view b) { return a.size() < b.size(); };
  const auto longest = std::max_element(words.begin(), words.end(), by_size);
  to.resize(words.size());
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words.begin() + static_cast<std::ptrdiff_t>(i) == longest) {
      continue;
    }
    if (words[i].size() > kShortWords) {
      return nullptr;
    }
    to[i] = words[i];
    words[i] = to[i];
  }
  return &*longest;
}

}  // namespace

Connection::Connection(EventLoop& loop, NewClient client, std::unique_ptr<Session> session)
    : loop_(loop),
      type_(*client.protocol),
      channel_(std::move(client.channel)),
      session_(std::move(session)),
      session_id_(session_->id()),
      protocol_(type_.create(*session_, loop.settings())),
      reply_(protocol_->replyInto(output_)) {}

// Who sees the connection's end finds nothing of its session any more.
Connection::~Connection() {
  TREFOIL_ASSERT(!parked_);
  slow_.reset();
  reply_.reset();
  protocol_.reset();
  session_.reset();
  channel_->shutdown();
}

void Connection::onEvents(std::uint32_t events) {
  if (dead_) {
    return;
  }
  idle_ticks_ = 0;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    hung_up_ = true;
    gone_ = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (parked_ && (gone_ || session_->waits())) {
      die();
      return;
    }
    if (parked_) {
      loop_.watch(*this);
    }
  }
  const bool both = channel_->crosses();
  if ((events & EPOLLIN) != 0 || hung_up_ || both) {
    readable_ = true;
  }
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0 || both) {
    writable_ = true;
  }
  serve();
}

// A connection for whose bytes there is no memory is closed, and the others go on.
void Connection::serve() {
  try {
    serveTurns();
  } catch (const std::bad_alloc&) {
    if (output_.empty() && !parked_) {
      channel_->write(type_.out_of_memory);
    }
    logWarning("a connection is closed: there is no memory for what it sends or gets ({} bytes of input, {} of output)",
               input_.size(), output_.size());
    die();
  }
  // An idle connection has no buffers: this is seldom news.
  const std::size_t held = input_.capacity() + output_.capacity() + input_.size() + output_.size();
  if (held != noted_bytes_ && !parked_ && !dead_) {
    noted_bytes_ = held;
    session_->setBuffers({input_.size(), input_.capacity(), output_.size(), output_.capacity()});
  }
}

void Connection::serveTurns() {
  for (int turn = 0; turn < kTurns && !dead_; ++turn) {
    if (turn > 0 && mayBeSentSoon()) {
      loop_.sendSoon(*this);
      return keepRemainder();
    }
    if (!flush()) {
      die();
      return;
    }
    if (parked_) {
      return;
    }
    if (!writable_ && !checkUnread()) {
      die();
      return;
    }
    if (std::exchange(turn_is_over_, false)) {
      break;
    }
    if (closing_) {
      if (output_.empty()) {
        die();
      }
      return;
    }
    if (output_.size() > kStopReadingAt) {
      return;  // goes on when the client has fetched some: EPOLLOUT, or the disk
    }
    if (frames_waiting_) {
      if (!runFrames()) {
        die();
        return;
      }
      continue;
    }
    if (!readable_) {
      keepRemainder();
      return;
    }
    if (!receive()) {
      die();
      return;
    }
    if (input_.size() >= kTurnBytes) {
      break;
    }
  }
  if (!dead_) {
    loop_.serveAgain(*this);
  }
}

// A frame that needs more room gets it step by step, as its bytes arrive: never more than a few times of what has come. What ends
// with the next step gets no more than that, so that the last read of a large frame stops at its end, and it fills its block.
// (The step before leaves a third at least, so the steps stay few.)
void Connection::makeRoom() {
  const std::size_t there = input_.size();
  if (input_.room().size() >= std::min(lacking_, kReadBytes)) {
    return;
  }
  if (lacking_ <= kRoomAhead * there && lacking_ >= std::max(kReadBytes, there / kRoomAhead)) {
    input_.reserveExactly(lacking_);
  } else {
    input_.reserve(std::min(lacking_, std::max(kReadBytes, (kRoomAhead - 1) * there)));
  }
}

// One read. False: the client is gone, or sends more than it may.
bool Connection::receive() {
  if (input_.capacity() == 0) {
    input_ = loop_.lendBuffer();
  }
  makeRoom();
  const auto room = input_.room().first(std::min(input_.room().size(), kTurnBytes));
  const auto [got, then] = channel_->read(room);
  input_.wrote(got);
  // Its end may have been told already, and is not told again.
  readable_ = then == Transfer::Then::kMore || (got != 0 && hung_up_);
  if (then == Transfer::Then::kEnd) {
    closing_ = true;  // the client sends no more, but it may still read: it gets its answers first
  }
  if (got == 0) {
    return then != Transfer::Then::kBroken;
  }
  frames_waiting_ = true;
  return input_.size() <= static_cast<std::size_t>(loop_.settings().integer(Setting::kQueryBufferLimit));
}

// Runs one batch. False: the connection is to be closed at once.
bool Connection::runFrames() {
  Batch& batch = loop_.batch();
  batch.clear();
  const Protocol::Cut cut = protocol_->cut(input_.bytes(), batch);
  frames_waiting_ = cut.more;
  lacking_ = cut.lacking;
  if (cut.hangs_up) {
    return false;
  }
  if (batch.statements.empty() && !cut.refuses) {
    input_.consume(cut.size);
    return true;
  }
  requestless_ticks_ = 0;
  if (output_.capacity() == 0) {
    output_ = loop_.lendBuffer();
  }
  const std::size_t output_before = output_.size();
  BatchOutcome outcome;
  if (!batch.statements.empty()) {
    outcome = session_->executeBatch(batch.statements, *reply_);
    loop_.noteQueries(outcome.query_us);
  }
  std::size_t answered = outcome.answered;
  const Lsn fence = batch.statements.empty() ? 0 : session_->fence();  // a parked session is the worker's
  if (session_->wantsClose()) {
    closing_ = true;
  } else if (answered < batch.statements.size()) {
    const std::size_t begin = answered == 0 ? 0 : batch.ends[answered - 1];
    input_.consume(begin);
    if (session_->waits()) {
      if (!session_->isPostponed()) {
        input_.consume(batch.ends[answered] - begin);
      }
      parkWaiting();
    } else if (outcome.lane) {
      park(answered, batch.ends[answered] - begin, cut.ends && !cut.refuses && answered + 1 == batch.statements.size(),
           *outcome.lane);
    } else {
      frames_waiting_ = true;
      turn_is_over_ = true;
    }
    protocol_->restart();  // the words of an inline command are the protocol's until here
    lacking_ = 1;
  } else {
    input_.consume(cut.size);
    if (cut.refuses) {
      protocol_->refuse(*reply_);
      ++answered;
    }
    closing_ = closing_ || cut.ends;
  }
  const std::uint64_t begin = std::exchange(output_end_, output_end_ + output_.size() - output_before);
  addFence(begin, fence, answered);
  if (output_.empty()) {
    loop_.returnBuffer(output_);
  }
  return true;
}

// Hands one statement of the batch, the first `frame_size` bytes of input_, to a worker. Its words view them; they stay where
// they are until it is done, and if they are large and nothing follows, the worker frees them, or keeps what it needs. `ends`:
// the connection ends behind the answer.
void Connection::park(std::size_t slow, std::size_t frame_size, bool ends, SlowLane lane) {
  Batch& batch = loop_.batch();
  slow_ = std::make_unique<SlowStatement>();
  slow_->ends = ends;
  slow_->reply = protocol_->replyInto(slow_->output);
  const auto words = batch.statements[slow].args;
  if (batch.borrows_at_end && slow + 1 == batch.statements.size()) {
    slow_->own_words.assign(words.begin(), words.end());
    slow_->words.assign(slow_->own_words.begin(), slow_->own_words.end());
  } else {
    slow_->words.swap(batch.words[slow]);  // there may be very many
  }
  slow_->frame_end = frame_size;
  if (frame_size >= kLargeFrame && frame_size == input_.size()) {
    std::string_view* const long_word = moveShortWords(slow_->words, slow_->own_words);
    slow_->block = input_.giveAway();
    slow_->block.offer(long_word);
    slow_->frame_end = 0;
  }
  runOnWorker(lane);
}

void Connection::runOnWorker(SlowLane lane) {
  parked_ = true;
  orphaned_ticks_ = 0;
  const auto work = [this] {
    Statement statement;
    statement.args = slow_->words;
    statement.block = slow_->block.isOffered() ? &slow_->block : nullptr;
    session_->executeOrWait(statement, *slow_->reply);
    if (session_->waits()) {
      return loop_.waiting(this);
    }
    slow_->fence = session_->fence();
    slow_->block.release();
    loop_.finished(this);
  };
  if (const Result<std::uint64_t> ticket = loop_.database().submit(work, lane); ticket.ok()) {
    ticket_ = *ticket;
  } else {
    slow_->reply->error(ticket.error());
    loop_.finished(this);
  }
  if (hung_up_) {
    loop_.watch(*this);
  }
}

// The statement that the batch has stopped at waits, or has to be begun again later.
void Connection::parkWaiting() {
  parked_ = true;
  ticket_ = 0;
  if (!session_->isPostponed()) {
    slow_ = std::make_unique<SlowStatement>();
    slow_->reply = protocol_->replyInto(slow_->output);
  }
  keepRemainder();
  awaitSession();
}

// From here on the session may be woken.
void Connection::awaitSession() {
  waiting_ = true;
  loop_.setTimer(*this, session_->waitDeadline());
  session_->onWaitOver([this] { loop_.finished(this); });
  if (hung_up_ || dead_ || loop_.stopping()) {
    session_->endWait(WaitEnd::kGone);
  }
}

void Connection::onTimer() {
  session_->endWait(session_->isPostponed() ? WaitEnd::kGoOn : WaitEnd::kTimeout);
}

// The statement that waits, or that a worker runs or is about to, is to end.
void Connection::cancelParked() {
  TREFOIL_ASSERT(parked_);
  if (session_->waits()) {
    session_->endWait(WaitEnd::kGone);
  } else if (loop_.database().withdraw(ticket_)) {
    slow_->reply->error(Error(ErrorCode::kCancelled, "canceling statement: the client has hung up"));
    loop_.finished(this);
  } else {
    session_->cancel(StatementControl::Stop::kClientGone);
  }
}

void Connection::onSlowDone() {
  TREFOIL_ASSERT(parked_);
  parked_ = false;
  waiting_ = false;
  loop_.setTimer(*this, INT64_MAX);
  if (dead_) {
    loop_.bury(*this);
    return;
  }
  if (session_->waits()) {
    const bool is_answered = session_->finishWait(slow_ != nullptr ? *slow_->reply : *reply_);
    if (!is_answered && slow_ != nullptr) {
      return runOnWorker(SlowLane::kStatements);
    }
    if (!is_answered) {
      frames_waiting_ = true;
      return serve();
    }
    slow_->fence = session_->fence();
  }
  input_.consume(slow_->frame_end);
  frames_waiting_ = !input_.empty();
  const std::uint64_t begin = std::exchange(output_end_, output_end_ + slow_->output.size());
  if (output_.empty()) {
    loop_.returnBuffer(output_);
    output_.swap(slow_->output);
  } else {
    output_.append(slow_->output.bytes());
  }
  const Lsn fence = slow_->fence;
  closing_ = closing_ || slow_->ends;
  slow_.reset();
  addFence(begin, fence, 1);
  if (session_->wantsClose() || loop_.stopping()) {
    closing_ = true;
  }
  serve();
}

// What was put out from `begin` on, so many answers, may leave when the log has reached `lsn`, the session's fence; and not
// before what was put out earlier.
void Connection::addFence(std::uint64_t begin, Lsn lsn, std::size_t answers) {
  if (begin == output_end_ || (fences_.empty() && lsn <= loop_.database().reachedLsn())) {
    return;
  }
  if (!fences_.empty() && fences_.back().lsn == lsn) {
    fences_.back().answers += answers;
  } else {
    fences_.push_back({begin, lsn, answers});
  }
}

// How much of the output may leave. Drops the fences that are passed.
std::size_t Connection::sendable() {
  if (fences_.empty()) {
    return output_.size();
  }
  const Lsn reached = loop_.database().reachedLsn();
  std::size_t passed = 0;
  while (passed < fences_.size() && fences_[passed].lsn <= reached) {
    ++passed;
  }
  fences_.erase(fences_.begin(), fences_.begin() + static_cast<std::ptrdiff_t>(passed));
  if (fences_.empty()) {
    return output_.size();
  }
  if (const Status hope = loop_.database().hopeOf(fences_.front().lsn); !hope.ok()) {
    replaceFenced(reached, hope.error());
    return output_.size();
  }
  const auto highest =
      std::max_element(fences_.begin(), fences_.end(), [](const Fence& a, const Fence& b) { return a.lsn < b.lsn; });
  loop_.awaitLog(*this, highest->lsn);
  return static_cast<std::size_t>(fences_.front().begin - (output_end_ - output_.size()));
}

// The disk failed or is full: every answer behind a fence that is not `reached` becomes this error.
void Connection::replaceFenced(Lsn reached, const Error& error) {
  const std::uint64_t begin = fences_.front().begin;
  const auto kept = static_cast<std::size_t>(begin - (output_end_ - output_.size()));
  const std::string fenced(output_.bytes().substr(kept));
  output_.truncate(kept);
  for (std::size_t i = 0; i < fences_.size(); ++i) {
    const std::uint64_t end = i + 1 < fences_.size() ? fences_[i + 1].begin : output_end_;
    if (fences_[i].lsn <= reached) {
      output_.append(std::string_view(fenced).substr(fences_[i].begin - begin, end - fences_[i].begin));
      continue;
    }
    for (std::size_t answer = 0; answer < fences_[i].answers; ++answer) {
      reply_->error(error);
    }
  }
  output_end_ = begin + (output_.size() - kept);
  fences_.clear();
}

void Connection::onMessages() {
  if (dead_) {
    return;
  }
  if (session_->lostMessages()) {
    logWarning("client {} is closed: it has not read its messages, which are more than client-output-buffer-limit allows",
               session_id_);
    die();
    return;
  }
  has_messages_ = true;
  serve();
}

// Puts messages into the output, while there is room.
void Connection::speak() {
  std::vector<Outbox::Item>& items = loop_.messages();
  while (output_.size() < kSpeakBytes) {
    items.clear();
    const std::size_t left = session_->takeMessages(items, kSpeakBytes - output_.size());
    if (output_.capacity() == 0 && !items.empty()) {
      output_ = loop_.lendBuffer();
    }
    for (const Outbox::Item& item : items) {
      const std::size_t before = output_.size();
      reply_->message(*item.message);
      const std::uint64_t begin = std::exchange(output_end_, output_end_ + output_.size() - before);
      addFence(begin, item.fence, 0);
    }
    if (left == 0 || items.empty()) {
      has_messages_ = false;
      break;
    }
  }
  items.clear();
}

// Of a client that takes no bytes at present. False: it leaves more unread than it may.
bool Connection::checkUnread() {
  const Session::MessageFigures figures = session_->messageFigures();
  const auto unread = static_cast<std::int64_t>(output_.size() + figures.bytes);
  const OutputLimits& limits = loop_.database().outputLimits();
  if (unread < limits.lowest(figures.client_class)) {
    over_since_us_ = 0;
    return true;
  }
  loop_.watch(*this);
  if (!limits.exceeded(figures.client_class, unread, loop_.database().env().monotonicMicros(), over_since_us_)) {
    return true;
  }
  logWarning("client {} is closed: it has left {} bytes unread, more than client-output-buffer-limit allows", session_id_,
             unread);
  return false;
}

// Whether it has answered a short burst that is over, and can send that at any time.
bool Connection::mayBeSentSoon() const {
  const bool is_over = !frames_waiting_ && !readable_ && !parked_ && !closing_ && !turn_is_over_;
  return is_over && writable_ && !output_.empty() && output_.size() <= kShortAnswers && fences_.empty() && !has_messages_;
}

// Sends what may leave. False: the client is gone.
bool Connection::flush() {
  if (has_messages_ && writable_ && (!parked_ || waiting_) && !closing_) [[unlikely]] {
    speak();
  }
  if (output_.empty() || !writable_) {
    return true;
  }
  std::size_t rest = sendable();
  std::size_t left = kTurnBytes;
  while (rest > 0) {
    if (left == 0) {
      loop_.serveAgain(*this);
      return true;
    }
    const auto [sent, then] = channel_->write(output_.bytes().substr(0, std::min(rest, left)));
    output_.consume(sent);
    rest -= sent;
    left -= sent;
    if (then != Transfer::Then::kMore) {
      writable_ = false;
      return then == Transfer::Then::kWait;
    }
  }
  if (output_.empty()) {
    loop_.returnBuffer(output_);
    if (has_messages_ && (!parked_ || waiting_) && !closing_) [[unlikely]] {
      loop_.serveAgain(*this);
    }
  }
  return true;
}

// Before a pause: gives the loop its buffer back if there is nothing or little in it.
void Connection::keepRemainder() {
  if (input_.empty()) {
    if (input_.capacity() != 0) {
      loop_.returnBuffer(input_);
    }
  } else if (input_.size() <= kSmallRemainder && input_.capacity() >= kReadBytes) {
    ByteBuffer small;
    small.append(input_.bytes());
    input_.swap(small);
    small.clear();
    loop_.returnBuffer(small);
  }
}

void Connection::beginStop() {
  if (dead_) {
    return;
  }
  closing_ = true;
  if (parked_ && session_->waits()) {
    session_->endWait(WaitEnd::kGone);
  }
  serve();
}

bool Connection::onTick() {
  const bool orphaned = parked_ && (hung_up_ || dead_);
  if (orphaned && ++orphaned_ticks_ > kOrphanTicks) {
    cancelParked();  // again and again: one that had not begun when it was asked has not heard it
  }
  if (dead_) {
    return orphaned;
  }
  const bool hurries = type_.patience_s != 0;
  if (hurries && !parked_ && ++requestless_ticks_ > type_.patience_s) {
    die();
    return false;
  }
  const bool unread = !parked_ && !writable_;
  if (unread && !checkUnread()) {
    die();
    return false;
  }
  return orphaned || hurries || (unread && over_since_us_ != 0);
}

void Connection::die() {
  if (dead_) {
    return;
  }
  dead_ = true;
  if (parked_) {
    channel_->shutdown();
    cancelParked();
    loop_.watch(*this);
  } else {
    loop_.bury(*this);
  }
}

}  // namespace trefoil::net
