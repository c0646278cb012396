// StatementResolver: from the text of a SQL statement to its plan.
//
//   text ─ shape cache ─┬─ hit: a plan and its parameters
//                       └─ miss: parse, bind, remember
//
// Thread safety: none; the session's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.hpp"
#include "engine/session.hpp"
#include "engine/shape_cache.hpp"
#include "parser/ast.hpp"
#include "sql/bind/bind.hpp"
#include "sql/plan/plan.hpp"
#include "sql/types/byte_arena.hpp"
#include "sql/types/sql_type.hpp"

namespace trefoil {

// Valid until the session resolves the next statement.
struct ResolvedStatement {
  std::shared_ptr<const sql::Plan> plan;             // null for a statement of the engine itself:
  std::shared_ptr<parser::ParsedStatement> control;  // BEGIN, SET, SHOW, CHECKPOINT …
  std::span<const Datum> literals;                   // parameters behind the statement's own, if it was bound so
  std::span<const std::uint32_t> literal_positions;  // of each, in the statement's bytes
  std::uint64_t shape_hash = 0;
};

class StatementResolver {
 public:
  explicit StatementResolver(Session::Impl& session) : session_(session) {}

  // Those that the engine runs itself.
  static bool isControl(const ast::Statement& statement);

  Result<const ResolvedStatement*> resolve(std::string_view text);
  // The same, to learn what it costs: if the next thing that happens is that this text is resolved, that is done already.
  Result<const ResolvedStatement*> lookAt(std::string_view text);
  // It is not what happens next, or another thread does it.
  void lookAway() { looked_at_ = {}; }
  // What was resolved last; empty if that failed.
  [[nodiscard]] const ResolvedStatement& latest() const { return resolved_; }
  // Its plan is stale.
  void forgetLatest() { shapes_.erase(resolved_.shape_hash); }

  // Against the catalog as the session sees it now.
  Result<std::shared_ptr<const sql::Plan>> bind(const parser::ParsedStatement& statement, bool literals_as_parameters);
  // The statement's own parameters and then its literals: what a resolved statement's plan wants. Valid until the next call.
  Result<std::span<const Datum>> parametersOf(const ResolvedStatement& resolved, std::span<const Datum> given);
  // The same in the types that the plan wants. Usually they have them already and nothing is copied. Valid until the next call.
  Result<std::span<const Datum>> convert(const sql::Plan& plan, std::span<const Datum> given);

 private:
  Session::Impl& session_;
  ShapeCache shapes_;
  ResolvedStatement resolved_;
  std::string_view looked_at_;  // what resolved_ was made from, if it was to be looked at only
  std::vector<Datum> assembled_;
  std::vector<Datum> converted_;
  sql::ByteArena arena_;  // of converted values
};

}  // namespace trefoil
