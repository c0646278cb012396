// A blocking RESP client: what `trefoil connect` talks through.
//
// Replies are read into a FlatReply without recursion; how deep and how long they may be is bounded, since a server is input too.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "net/byte_buffer.hpp"
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
  Status call(std::span<const std::string_view> arguments, FlatReply& reply);

 private:
  explicit RespClient(int socket) : socket_(socket) {}
  Status greet(const ServerUrl& url);
  Status send(std::string_view bytes);
  Status receive();
  Status readReply(FlatReply& reply);
  // A line without its end; the view lives until the next read.
  Result<std::string_view> readLine();
  Status readNode(FlatReply& reply, std::size_t& children);
  Status readBytes(FlatReply& reply, ReplyKind kind, std::string_view count);

  int socket_;
  net::ByteBuffer input_;
  std::string request_;
};

}  // namespace trefoil::repl
