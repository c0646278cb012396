// The files of tests/sqllogic through a session: with the shape cache, live point statements and snapshots. And those of
// tests/engine/sqllogic, which need a session: transactions, keys beside tables.
#include <catch2/catch.hpp>

#include "parser/statement_splitter.hpp"
#include "tests/base/forwarding_env.hpp"
#include "tests/engine/session_fixture.hpp"
#include "tests/sqllogic/scripts.hpp"

namespace trefoil {
namespace {

// now() as in the tests of `sql`.
struct FixedClock final : testing::ForwardingEnv {
  using ForwardingEnv::ForwardingEnv;
  UnixMs now() override { return UnixMs{1'700'000'000'000}; }
  std::int64_t nowMicros() override { return now().value * 1000; }
};

class SessionConnection final : public sqllogic::Connection {
 public:
  explicit SessionConnection(Session& session) : session_(session) {}

  sqllogic::QueryResult execute(std::string_view sql) override {
    sqllogic::QueryResult result;
    parser::StatementSplitter splitter;
    const std::string text = std::string(sql) + ";";
    for (std::string_view rest = text; !rest.empty(); splitter.reset()) {
      rest.remove_prefix(splitter.feed(rest));
      if (!splitter.complete()) {
        break;
      }
      if (splitter.statement().empty()) {
        continue;
      }
      const Result<ResultSet> answer = session_.execute(splitter.statement());
      if (!answer.ok()) {
        const Error& error = answer.error();
        result.error = error.message + (error.detail.empty() ? "" : "\nDETAIL: " + error.detail) +
                       (error.hint.empty() ? "" : "\nHINT: " + error.hint);
        return result;
      }
      result.rows.clear();
      result.types.clear();
      for (const sql::ColumnInfo& column : answer->columnInfo()) {
        result.types.push_back(column.type);
      }
      for (const ResultSet::Row row : *answer) {
        auto& values = result.rows.emplace_back();
        for (std::size_t column = 0; column < answer->columnInfo().size(); ++column) {
          values.emplace_back(row[column]);
        }
      }
    }
    result.ok = true;
    return result;
  }

 private:
  Session& session_;
};

}  // namespace

TEST_CASE("sqllogic files give the expected results through a session") {
  const std::string folder = GENERATE(as<std::string>{}, "tests/sqllogic", "tests/engine/sqllogic");
  FixedClock clock(Env::system());
  const auto scripts = sqllogic::ownScripts(folder);
  REQUIRE(!scripts.empty());
  for (const sqllogic::Script& script : scripts) {
    INFO(script.path.string());
    const SessionFixture fixture("", &clock);
    SessionConnection connection(*fixture.session);
    const sqllogic::Report report = script.run(connection);
    INFO(sqllogic::describe(report));
    CHECK(report.failures.empty());
    CHECK(report.records > 0);
  }
}

}  // namespace trefoil
