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

namespace trefoil::repl {

// redis://[[user]:password@]host[:port][/database]
struct ServerUrl {
  std::string user;
  std::string password;
  std::string host;
  std::string port = "6379";
  std::string database;
};
Result<ServerUrl> parseServerUrl(std::string_view text);

class RespClient {
 public:
  explicit RespClient(ServerUrl server) : server_(std::move(server)) {}
  ~RespClient();
  RespClient(const RespClient&) = delete;
  RespClient& operator=(const RespClient&) = delete;

  // Whom it calls, as whom, and which database it selects: what connect() brings about, also a second time.
  [[nodiscard]] ServerUrl& server() { return server_; }

  // Connects, authenticates, asks for RESP3 with attributes and selects the database. A connection that was there is given up.
  Status connect();
  // The same without the connecting, for a session that lost what it was told.
  Status greet();
  void hangUp();
  // False once either side has hung up.
  [[nodiscard]] bool isConnected() const;

  // Sends one command and waits for its reply. An error reply is a reply; an Error means that the connection is of no use any
  // more: it is gone, or a Ctrl-C in the shell (interrupt.hpp) ended the waiting (kCancelled) and the reply would come too late.
  Status call(std::span<const std::string_view> arguments, FlatReply& reply);

  // The same in parts, so that a large reply passes through: after send() receive() gives the reply, of an aggregate the head
  // alone and then each of its elements (RespReplyParser::takeApart).
  Status send(std::span<const std::string_view> arguments);
  Status receive(parser::RespReply& reply);
  // The same, and what the server says without being asked, too: a push, whole.
  Status receiveAny(parser::RespReply& reply);
  // Of the reply that receive() gave last.
  [[nodiscard]] const std::vector<parser::RespReply>& attributes() const { return parser_.attributes(); }
  // All of the reply that begins with `head`.
  Status receiveRest(const parser::RespReply& head, FlatReply& reply);

 private:
  ServerUrl server_;
  int socket_ = -1;
  parser::RespReplyParser parser_;
  std::string received_;
  std::string request_;
};

}  // namespace trefoil::repl
