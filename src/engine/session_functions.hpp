// Who is connected, and what runs, for those who ask in SQL:
//
//   trefoil_sessions()           id, address, name, age_s, state (idle, waiting, running), running_ms, statement
//   pg_cancel_backend(id)        ends the statement of a session
//   pg_terminate_backend(id)     and closes its connection
//
// The last two are PostgreSQL's: SELECT pg_cancel_backend(7), or FROM it, as from a table of one row. They answer
// whether there is such a session.
#pragma once

#include "engine/database.hpp"
#include "sql/expressions/table_function.hpp"

namespace trefoil {

void addSessionFunctions(sql::TableFunctions& functions, Database::Impl& database);

}  // namespace trefoil
