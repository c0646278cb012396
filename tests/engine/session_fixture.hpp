// A database in memory (or in a directory) with one session, and statements as a person types them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/database.hpp"
#include "engine/reply_tree.hpp"
#include "engine/session.hpp"
#include "parser/command_line.hpp"

namespace trefoil {

// Runs one command line on a session and describes the answer (ReplyValue::describe).
inline std::string runOn(Session& session, std::string_view line) {
  const Result<std::vector<std::string>> words = parser::splitCommandLine(line);
  if (!words.ok()) {
    return "(error) " + words.error().message;
  }
  const std::vector<std::string_view> args(words->begin(), words->end());
  ReplyTree reply;
  session.execute({.args = args, .sql = {}, .parameters = {}}, reply);
  return reply.last().describe();
}

// The same for SQL text.
inline std::string runSqlOn(Session& session, std::string_view sql, std::vector<Datum> parameters = {}) {
  ReplyTree reply;
  session.execute({.args = {}, .sql = sql, .parameters = parameters}, reply);
  return reply.last().describe();
}

class SessionFixture {
 public:
  explicit SessionFixture(const std::string& directory = "", Env* env = nullptr) {
    auto opened = Database::open({.directory = directory, .env = env});
    if (!opened.ok()) {
      throw std::runtime_error(opened.error().message);
    }
    database = std::move(opened).value();
    session = database->connect();
  }

  std::string run(std::string_view line) const { return runOn(*session, line); }
  std::string sql(std::string_view text, std::vector<Datum> parameters = {}) const {
    return runSqlOn(*session, text, std::move(parameters));
  }
  [[nodiscard]] std::unique_ptr<Session> connect() const { return database->connect(); }

  std::unique_ptr<Database> database;
  std::unique_ptr<Session> session;
};

}  // namespace trefoil
