// One client's conversation, from the bytes of its channel to statements and from answers to bytes. What they mean is its
// protocol's.
//
//   read → input_ ─cut→ Batch ─Session::executeBatch→ output_ → write
//                         │                            ▲
//                         └─ a slow statement, or one that waits: parked ─┘   (nothing is read or run meanwhile)
//   the session's outbox ──messages, when there is room──▶ output_
//
// Order is kept: frames run one batch after the other, a parked connection runs nothing else, and output leaves from the front.
// Output carries fences: the bytes behind a fence leave when the log has reached it (into the file; under appendfsync always,
// onto the disk), which the loop sees to at the end of a round. If the disk fails first, the answers behind the fence are
// replaced by errors that say that the outcome is unknown.
//
// A large request arrives in a block that it has for itself, and the block goes with it to the worker: the value of a SET stays
// where it has arrived (base/request_block.hpp).
//
// Memory. Buffers are lent by the loop for as long as there are bytes in them; an idle connection has none. Input grows with the
// bytes that arrive, to four times of them at most, not with the lengths that they announce. Output: beyond kStopReadingAt unsent
// bytes nothing more is read or run, so what a client that does not read can pile up is that and one answer.
//
// Messages that nobody asked for just then stay in the outbox, which all its listeners share, until the client takes bytes. What
// may stay unread, of both, is client-output-buffer-limit's to say.
//
// No connection's turn is long: so many bytes are received and sent in one (kTurnBytes), and what is huge is freed by a worker.
//
// Thread safety: owned by its loop. While parked, `session_`, `slow_` and the bytes below the parked frame's end in input_ belong
// to the worker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/request_block.hpp"
#include "base/types.hpp"
#include "engine/session.hpp"
#include "net/byte_buffer.hpp"
#include "net/channel.hpp"
#include "net/limits.hpp"
#include "net/new_client.hpp"
#include "net/protocol.hpp"

namespace trefoil::net {

class EventLoop;

class Connection {
 public:
  Connection(EventLoop& loop, NewClient client, std::unique_ptr<Session> session);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] std::uint64_t sessionId() const { return session_id_; }
  [[nodiscard]] bool dead() const { return dead_; }

  void onEvents(std::uint32_t events);
  // Goes on with whatever can be done now: sends, runs frames, reads.
  void serve();
  void serveTurns();
  // The session has messages in its outbox.
  void onMessages();
  // The worker has run the parked statement, or its wait is over.
  void onSlowDone();
  // The worker has found that it has to wait.
  void awaitSession();
  // The time is over that it had for waiting.
  void onTimer();
  // Takes no more input; dies when its last answer is sent.
  void beginStop();
  // Dies now, whatever is unsent; if a worker runs for it, it is asked to give up, and that is awaited.
  void die();
  // How often this was called since the client was last heard of.
  std::int64_t idleTicks() { return parked_ || session_->isListening() ? 0 : idle_ticks_++; }

  // Asked about once a second while idle-in-transaction-session-timeout is set.
  void endIdleTransaction() {
    if (!parked_) {
      session_->endIdleTransaction();
    }
  }
  // Called about once a second while it answers true, from EventLoop::watch() on. Dies if more stays unread than
  // client-output-buffer-limit allows, or if its protocol's patience is at its end. Cancels a parked statement whose client has
  // hung up: it has a second or two, since who sends no more may still be reading (printf … | nc -N).
  bool onTick();

  // The loop's book-keeping.
  std::size_t index = 0;  // in the loop's list
  bool in_ready_list = false;
  bool in_fenced_list = false;
  bool is_watched = false;
  std::int64_t timer_us = 0;  // when onTimer() is called; 0: never

 private:
  // Some answers, and what they wait for. Positions are those of output_end_.
  struct Fence {
    std::uint64_t begin;
    Lsn lsn;
    std::size_t answers;
  };
  // A statement that a worker runs, or that waits.
  struct SlowStatement {
    std::vector<std::string> own_words;  // those that are not in the input, or not to be looked for there
    std::vector<std::string_view> words;
    std::size_t frame_end = 0;
    RequestBlock block;  // the frame's, if it is large and alone
    ByteBuffer output;
    std::unique_ptr<Reply> reply;  // writes to `output`
    Lsn fence = 0;
    bool ends = false;  // the connection ends behind its answer
  };

  bool runFrames();
  void makeRoom();
  void park(std::size_t slow, std::size_t frame_size, bool ends, SlowLane lane);
  void runOnWorker(SlowLane lane);
  void parkWaiting();
  void addFence(std::uint64_t begin, Lsn lsn, std::size_t answers);
  void replaceFenced(Lsn reached, const Error& error);
  [[nodiscard]] std::size_t sendable();
  bool flush();
  [[nodiscard]] bool mayBeSentSoon() const;
  void speak();
  bool checkUnread();
  bool receive();
  void keepRemainder();
  void cancelParked();

  EventLoop& loop_;
  const ProtocolType& type_;
  const std::unique_ptr<Channel> channel_;
  std::unique_ptr<Session> session_;
  const std::uint64_t session_id_;
  ByteBuffer input_;
  ByteBuffer output_;
  std::unique_ptr<Protocol> protocol_;
  std::unique_ptr<Reply> reply_;  // writes to output_
  std::vector<Fence> fences_;     // by their places
  std::uint64_t output_end_ = 0;  // bytes ever put into output_
  std::unique_ptr<SlowStatement> slow_;
  std::uint64_t ticket_ = 0;        // of the parked statement, if a worker runs it
  std::int64_t over_since_us_ = 0;  // the soft limit of client-output-buffer-limit; 0: it is not
  int orphaned_ticks_ = 0;
  std::int64_t idle_ticks_ = 0;
  int requestless_ticks_ = 0;
  std::size_t noted_bytes_ = 0;  // of its buffers, as the session knows them
  std::size_t lacking_ = 1;      // bytes of input, as the protocol says
  bool readable_ = false;
  bool writable_ = true;
  bool hung_up_ = false;         // the client sends no more,
  bool gone_ = false;            // and does not read either
  bool frames_waiting_ = false;  // input_ may hold a whole frame
  bool turn_is_over_ = false;    // others are served first
  bool has_messages_ = false;    // in the outbox
  bool parked_ = false;
  bool waiting_ = false;  // parked, and no worker has the session: it gets its messages
  bool closing_ = false;  // dies when output_ is sent
  bool dead_ = false;
};

}  // namespace trefoil::net
