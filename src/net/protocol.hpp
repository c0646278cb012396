// Protocol: what the bytes of a connection mean. It cuts requests off the input, and makes the sink that writes their answers;
// when what is read, run and sent is the connection's business (connection.hpp), and the same for all.
//
//   RespProtocol   Redis's, RESP2 and RESP3
//   HttpProtocol   HTTP/1.1, for those who watch over the server
//
// Thread safety: none; a protocol belongs to its connection. A sink may be used by a worker while the connection is parked.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "engine/reply.hpp"
#include "net/batch.hpp"
#include "net/byte_buffer.hpp"

namespace trefoil {
class Session;
class Settings;
}  // namespace trefoil

namespace trefoil::net {

class Protocol {
 public:
  Protocol() = default;
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;
  virtual ~Protocol() = default;

  // What was found at the head of the input.
  struct Cut {
    std::size_t size = 0;     // bytes that were understood
    std::size_t lacking = 1;  // so many more must come before there can be another request
    bool more = true;         // there may be one already
    bool refuses = false;     // the last of them is no statement: refuse() says so, behind the answers to the others
    bool ends = false;        // the connection ends behind the last answer
    bool hangs_up = false;    // the connection ends at once, and nothing is run: this peer means somebody else
  };
  // Cuts requests off `input`, which is all that has come and was not understood, until the batch is full: their words view the
  // input, or live as long as the program (or the batch says that it borrows_at_end).
  virtual Cut cut(std::string_view input, Batch& batch) = 0;
  // Some of what was cut did not run: the input comes again from there.
  virtual void restart() = 0;
  virtual void refuse(Reply& reply) = 0;
  // A sink for answers, which writes to `out`.
  virtual std::unique_ptr<Reply> replyInto(ByteBuffer& out) = 0;
};

// What there is to know of a protocol while nobody speaks it yet.
struct ProtocolType {
  std::unique_ptr<Protocol> (*create)(const Session& session, const Settings& settings);
  // A client that has sent no whole request for so many seconds is closed; 0: it may take its time.
  int patience_s;
  bool has_messages;  // what a session hears comes among its answers
  // What is told, in whole answers, to who is sent away.
  std::string_view denied;  // by protected mode
  std::string_view too_many_clients;
  std::string_view out_of_memory;
};

extern const ProtocolType kRespProtocol;
extern const ProtocolType kHttpProtocol;

}  // namespace trefoil::net
