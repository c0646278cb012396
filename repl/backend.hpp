// What the shell talks to: an embedded database or a server. Both take one statement and answer through `Answers`.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "repl/answers.hpp"

namespace trefoil {
class Database;
}

namespace trefoil::repl {

class RespClient;

// Why a statement failed, in the words that the user shall read.
struct Failure {
  std::string message;
  std::string detail;
  std::string hint;
  std::optional<std::size_t> position;  // byte offset in the statement
  bool fatal = false;                   // the connection is gone: no further statement can succeed
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::optional<Failure> runSql(std::string_view sql, Answers& answers) = 0;
  virtual std::optional<Failure> runCommand(std::span<const std::string_view> words, Answers& answers) = 0;
  // Asks the statement that runs to end with an error. Called from a signal handler.
  virtual void cancel() = 0;
  // QUIT or SHUTDOWN was answered.
  virtual bool wantsClose() = 0;
  // Shown in the prompt.
  virtual bool inTransaction() = 0;
  // Tables, columns and indexes, for completion.
  virtual std::vector<std::string> names() = 0;
  // Whether what was answered so far may be shown (see Output).
  virtual Status awaitFence() = 0;
};

std::unique_ptr<Backend> embeddedBackend(Database& database);
// `connects_again`: a statement after a lost connection connects anew; otherwise the loss is fatal, as a script needs it.
std::unique_ptr<Backend> remoteBackend(std::unique_ptr<RespClient> client, bool connects_again);

}  // namespace trefoil::repl
