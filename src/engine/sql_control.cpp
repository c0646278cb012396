// The engine's own statements: settings and CHECKPOINT; BEGIN and its family are the block's (engine/transaction_block.hpp).
#include "engine/database_impl.hpp"
#include "engine/row_sink.hpp"
#include "engine/session_impl.hpp"
#include "engine/sql_runner.hpp"

namespace trefoil {

Result<std::string_view> SqlRunner::runControl(const ast::Statement& statement, RowSink& sink) {
  switch (statement.kind) {
    case ast::StatementKind::kTransaction:
      return session_.block.control(statement.as<ast::Transaction>());
    case ast::StatementKind::kSet:
      TREFOIL_TRY(session_.settings.change(statement.as<ast::Set>()));
      return std::string_view("SET");
    case ast::StatementKind::kShow:
      return showSetting(statement.as<ast::Show>(), sink);
    case ast::StatementKind::kCheckpoint:
      if (currentTransaction() != nullptr) {
        return Error(ErrorCode::kTransactionState, "CHECKPOINT cannot run inside a transaction block");
      }
      TREFOIL_TRY(session_.database.checkpoint());
      return std::string_view("CHECKPOINT");
    default:
      break;
  }
  return Error(ErrorCode::kUnsupported, "this statement is not supported").at(statement.position);
}

// One value under the setting's name; ALL: name, value and description of each.
Result<std::string_view> SqlRunner::showSetting(const ast::Show& statement, RowSink& sink) const {
  const bool all = statement.name.text == "all";
  std::vector<const SettingSpec*> specs;
  if (all) {
    for (const SettingSpec& spec : settingSpecs()) {
      specs.push_back(&spec);
    }
  } else {
    TREFOIL_ASSIGN(const SettingSpec* spec, settingNamed(statement.name));
    specs.push_back(spec);
  }
  std::vector<sql::ColumnInfo> columns;
  if (all) {
    for (const char* const title : {"name", "setting", "description"}) {
      columns.push_back({title, sql::SqlType::text()});
    }
  } else {
    columns.push_back({sqlSettingName(*specs[0]), sql::SqlType::text()});
  }
  TREFOIL_TRY(sink.columns(columns));
  for (const SettingSpec* spec : specs) {
    const std::string value = session_.settings.shown(*spec);
    const std::string setting = sqlSettingName(*spec);
    const std::string_view cells[] = {all ? std::string_view(setting) : std::string_view(value), value, spec->doc};
    std::vector<sql::ColumnBuffer> buffers(columns.size());
    sql::Chunk chunk{{}, {nullptr, 1}};
    for (std::size_t c = 0; c < columns.size(); ++c) {
      buffers[c].reset(Type::kText, 1);
      buffers[c].set(0, Datum::text(cells[c]));
      chunk.columns.push_back(buffers[c].view());
    }
    TREFOIL_TRY(sink.chunk(chunk));
  }
  return std::string_view("SHOW");
}

}  // namespace trefoil
