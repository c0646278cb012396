// The settings that each session has for itself, and what SET makes of them.
//
// In a transaction block there are two values of each: the one in force, and the one that stays behind COMMIT. SET changes both,
// SET LOCAL only the first. BEGIN and SAVEPOINT remember both, so that ROLLBACK and ROLLBACK TO undo a SET as they undo a write.
// Thread safety: the session's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings.hpp"
#include "base/status.hpp"
#include "parser/ast.hpp"

namespace trefoil {

class SessionSettings {
 public:
  // As the server's settings are now, but for statement-timeout, which follows the server's; `defaults` outlives the session.
  explicit SessionSettings(const Settings& defaults) : defaults_(defaults) { reset(); }
  // Forgets all that was set, and an open block.
  void reset();

  // 0: none. StatementControl::kDatabaseTimeout: the server's, at any time.
  [[nodiscard]] std::int64_t statementTimeoutMs() const { return in_force_.statement_timeout_ms; }
  [[nodiscard]] std::int64_t efSearch() const { return in_force_.ef_search; }

  // SET and RESET. PostgreSQL's units and error texts.
  Status change(const ast::Set& statement);
  // What SHOW says of a setting, the server's own among them.
  [[nodiscard]] std::string shown(const SettingSpec& spec) const;

  // A transaction block; savepoints exist where they are named.
  void begin();
  void end(bool committed);
  void savepoint(std::string_view name);
  void rollbackTo(std::string_view name);
  void release(std::string_view name);

 private:
  struct Values {
    std::int64_t statement_timeout_ms = 0;
    std::int64_t ef_search = 0;
  };
  struct Mark {
    std::string name;  // of the savepoint; empty: BEGIN
    Values in_force;
    Values kept;
  };
  using Member = std::int64_t Values::*;
  // Null for a setting that is the server's alone.
  static Member memberOf(Setting setting);
  // Of a session that has none of its own.
  [[nodiscard]] std::int64_t defaultOf(Setting setting) const;
  [[nodiscard]] std::size_t findMark(std::string_view name) const;
  void put(Member member, std::int64_t value, bool local);

  const Settings& defaults_;
  Values in_force_;
  Values kept_;
  std::vector<Mark> marks_;
};

// The setting of that name: `unrecognized configuration parameter "x"`.
Result<const SettingSpec*> settingNamed(const ast::Name& name);
// As SQL writes it: statement_timeout.
std::string sqlSettingName(const SettingSpec& spec);

}  // namespace trefoil
