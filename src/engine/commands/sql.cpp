// Commands that are statements of SQL in another form.
#include <string>
#include <vector>

#include "engine/command.hpp"
#include "engine/row_sink.hpp"
#include "engine/search.hpp"
#include "engine/session_impl.hpp"

namespace trefoil::commands {

// SQL "<statement>" [parameter …]: parameters are texts, NULL cannot be given.
Status sql(CommandCall& call) {
  std::vector<Datum> parameters;
  parameters.reserve(call.args.size() - 2);
  for (const std::string_view arg : call.args.subspan(2)) {
    parameters.push_back(Datum::text(arg));
  }
  return call.session.impl().sql.execute(call.args[1], parameters, TableForm::kNamesAndRows, call.reply);
}

Status search(CommandCall& call) {
  const std::span<const std::string_view> args = call.args;
  Session::Impl& session = call.session.impl();
  TREFOIL_ASSIGN(const std::string text, searchStatement(session, args));
  // The vector may have come as several words: [1, 2, 3].
  std::string query;
  for (const std::string_view word : args.subspan(3, args.size() - 4)) {
    query += (query.empty() ? "" : " ") + std::string(word);
  }
  const Datum parameters[] = {Datum::text(query), Datum::text(args.back())};
  return session.sql.execute(text, parameters, TableForm::kNamesAndRows, call.reply);
}

// The last row of the table function digest() (engine/digest.hpp).
Status digest(CommandCall& call) {
  ResultSet result;
  ResultSetSink sink(result);
  TREFOIL_TRY(call.session.impl().sql.run("SELECT digest FROM digest() WHERE kind = 'all'", {}, sink));
  call.reply.bulk((*result.begin())[0].asBytes());
  return {};
}

}  // namespace trefoil::commands
