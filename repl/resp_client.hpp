// A blocking RESP client: what `trefoil connect` talks through.
//
// Replies are parsed by parser/resp.hpp, which bounds their depth: a server is input too.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

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
  // Connects, authenticates, asks for RESP3 and selects the database.
  static Result<std::unique_ptr<RespClient>> connect(const ServerUrl& url);
  ~RespClient();
  RespClient(const RespClient&) = delete;
  RespClient& operator=(const RespClient&) = delete;

  // Sends one command and waits for its reply. An error reply is a reply; an Error means that the connection is gone.
  // Ctrl-C in the shell gives it up while the call waits (interrupt.hpp): RESP has no way to cancel a statement.
  Status call(std::span<const std::string_view> arguments, FlatReply& reply);

 private:
  explicit RespClient(int socket) : socket_(socket) {}
  Status greet(const ServerUrl& url);
  [[nodiscard]] Status send(std::string_view bytes) const;
  Status readReply(parser::RespReply& reply);

  int socket_;
  parser::RespReplyParser parser_;
  std::string received_;
  std::string request_;
};

}  // namespace trefoil::repl
