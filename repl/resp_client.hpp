// A RESP client that waits: what `trefoil connect` talks through.
//
// Replies are parsed by parser/resp.hpp, which bounds their depth: a server is input too.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "parser/resp.hpp"
#include "repl/flat_reply.hpp"
#include "repl/link.hpp"
#include "repl/target.hpp"

namespace trefoil::repl {

class RespClient {
 public:
  explicit RespClient(Target server) : server_(std::move(server)) {}

  // Whom it calls, as whom, and which database it selects: what connect() brings about, also a second time.
  [[nodiscard]] Target& server() { return server_; }

  // Connects, authenticates, asks for RESP3 with attributes and selects the database. A connection that was there is given up.
  Status connect();
  // The same without the connecting, for a session that lost what it was told.
  Status greet();
  void hangUp() { link_.reset(); }
  // False once either side has hung up. Takes in what has come.
  [[nodiscard]] bool isConnected();

  // Sends one command and waits for its reply. An error reply is a reply; an Error means that the connection is of no use any
  // more: it is gone, or a Ctrl-C in the shell (interrupt.hpp) ended the waiting (kCancelled) and the reply would come too late.
  Status call(std::span<const std::string_view> arguments, FlatReply& reply);

  // The same in parts, so that a large reply passes through: after send() receive() gives the reply, of an aggregate the head
  // alone and then each of its elements (RespReplyParser::takeApart).
  Status send(std::span<const std::string_view> arguments);
  Status receive(parser::RespReply& reply);
  // The same, and a push, too, which comes whole: what the server says without being asked, or, where elements of an aggregate
  // are expected, one of them (the confirmation of a SUBSCRIBE in an EXEC's answer).
  Status receiveAny(parser::RespReply& reply);
  // Of the reply that receive() gave last.
  [[nodiscard]] const std::vector<parser::RespReply>& attributes() const { return parser_.attributes(); }
  // All of the reply that begins with `head`.
  Status receiveRest(const parser::RespReply& head, FlatReply& reply);

 private:
  Target server_;
  std::unique_ptr<Link> link_;  // null: not connected
  parser::RespReplyParser parser_;
  std::string received_;
  std::string request_;
};

}  // namespace trefoil::repl
