#include "repl/shell.hpp"

#include "repl/completion.hpp"
#include "repl/interrupt.hpp"
#include "repl/line_editor.hpp"

namespace trefoil::repl {
namespace {

std::string promptOf(const std::string& name, Backend& backend, const StatementReader& reader) {
  using Inside = parser::StatementSplitter::Inside;
  if (reader.inside() == Inside::kNothing) {
    return name + (backend.inTransaction() ? "*> " : "> ");
  }
  std::string open = ".";
  switch (reader.inside()) {
    case Inside::kString:
      open = "'";
      break;
    case Inside::kName:
      open = "\"";
      break;
    case Inside::kParentheses:
      open = "(";
      break;
    case Inside::kComment:
      open = "/*";
      break;
    default:
      break;
  }
  open += "..> ";
  return std::string(name.size() + 2 > open.size() ? name.size() + 2 - open.size() : 0, ' ') + open;
}

}  // namespace

void runShell(Backend& backend, Runner& runner, const std::string& name) {
  StatementReader reader;
  const CaughtInterrupts interrupts(backend);
  LineEditor editor([&](std::string_view line) { return complete(line, reader.inside(), backend); });
  std::string line;
  std::string statement;  // its lines so far, for the history
  while (!runner.wantsStop() && !runner.outputFailed() && signalToLeave() == 0) {
    switch (editor.read(promptOf(name, backend, reader), line)) {
      case LineEditor::Outcome::kEnd:
        runner.flush();
        return;
      case LineEditor::Outcome::kInterrupted:
        reader.clear();
        statement.clear();
        continue;
      case LineEditor::Outcome::kLine:
        break;
    }
    statement += statement.empty() ? line : "\n" + line;
    reader.append(line + "\n");
    runner.runAvailable(reader, "");
    runner.flush();
    if (takeInterrupt()) {  // it was for what ran
      reader.clear();
    }
    if (reader.inside() == parser::StatementSplitter::Inside::kNothing) {
      if (!statement.empty()) {
        editor.remember(statement);
      }
      statement.clear();
    }
  }
}

}  // namespace trefoil::repl
