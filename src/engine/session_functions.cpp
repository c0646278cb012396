#include "engine/session_functions.hpp"

#include "engine/database_impl.hpp"
#include "engine/list_source.hpp"
#include "engine/session_impl.hpp"

namespace trefoil {

namespace {

using Rows = Result<std::unique_ptr<sql::RowSource>>;

Rows listSessions(Database::Impl& database) {
  auto rows = std::make_unique<ListSource>(7);
  const std::int64_t now_us = database.env().nowMicros();
  database.forEachSession([&](const Session::Impl& session) {
    rows->addInteger(static_cast<std::int64_t>(session.id));
    rows->addText(session.facts.address);
    rows->addText(session.facts.name);
    rows->addInteger((now_us - session.facts.connected_at_us) / 1'000'000);
    rows->addText(std::string(session.facts.activityName()));
    rows->addInteger(session.facts.activeMillis());
    rows->addText(std::string(session.facts.statement()));
  });
  return std::unique_ptr<sql::RowSource>(std::move(rows));
}

Rows end(Database::Impl& database, std::span<const Datum> arguments, bool with_connection) {
  auto rows = std::make_unique<ListSource>(1);
  if (arguments[0].isNull()) {
    rows->addNull();
    return std::unique_ptr<sql::RowSource>(std::move(rows));
  }
  bool found = false;
  database.forEachSession([&](Session::Impl& session) {
    if (static_cast<std::int64_t>(session.id) != arguments[0].asInteger()) {
      return;
    }
    found = true;
    if (with_connection) {
      session.kill();
    } else {
      session.control.stop(StatementControl::Stop::kUserRequest);
    }
  });
  rows->addBool(found);
  return std::unique_ptr<sql::RowSource>(std::move(rows));
}

}  // namespace

void addSessionFunctions(sql::TableFunctions& functions, Database::Impl& database) {
  const sql::SqlType text = sql::SqlType::text();
  const sql::SqlType bigint = sql::SqlType::bigint();
  const sql::SqlType boolean = sql::SqlType::boolean();
  functions.add({"trefoil_sessions",
                 {},
                 0,
                 {{"id", bigint},
                  {"address", text},
                  {"name", text},
                  {"age_s", bigint},
                  {"state", text},
                  {"running_ms", bigint},
                  {"statement", text}},
                 [&database](sql::ExecContext&, std::span<const Datum>) { return listSessions(database); }});
  const auto add_ending = [&](const char* name, bool with_connection) {
    sql::TableFunction function{
        name, {bigint}, 1, {{name, boolean}}, [&database, with_connection](sql::ExecContext&, auto arguments) {
          return end(database, arguments, with_connection);
        }};
    function.is_value = true;
    functions.add(std::move(function));
  };
  add_ending("pg_cancel_backend", false);
  add_ending("pg_terminate_backend", true);
}

}  // namespace trefoil
