#include "repl/printer.hpp"

#include "base/format_number.hpp"

namespace trefoil::repl {
namespace {

constexpr std::pair<std::string_view, Mode> kModes[] = {
    {"table", Mode::kTable}, {"raw", Mode::kRaw}, {"csv", Mode::kCsv}, {"json", Mode::kJson}};

}  // namespace

ColumnHead::ColumnHead(std::string column_name, const sql::SqlType& column_type)
    : name(std::move(column_name)),
      type(column_type),
      number(type.isNumeric()),
      text(isBytes(type.storage()) || type.storage() == Type::kVector || type.isUnknown()) {}

std::optional<Mode> modeByName(std::string_view name) {
  for (const auto& [mode_name, mode] : kModes) {
    if (mode_name == name) {
      return mode;
    }
  }
  return std::nullopt;
}

std::string_view modeName(Mode mode) {
  for (const auto& [mode_name, candidate] : kModes) {
    if (candidate == mode) {
      return mode_name;
    }
  }
  return "?";
}

std::unique_ptr<Printer> makePrinter(Mode mode, Output& output, std::size_t width) {
  switch (mode) {
    case Mode::kTable:
      return makeTablePrinter(output, width);
    case Mode::kRaw:
      return makeRawPrinter(output);
    case Mode::kCsv:
      return makeCsvPrinter(output);
    case Mode::kJson:
      return makeJsonPrinter(output);
  }
  return makeRawPrinter(output);
}

void appendScalar(std::string& out, const FlatReply& tree, const ReplyNode& node) {
  char number[kMaxDoubleChars];
  switch (node.kind) {
    case ReplyKind::kInteger:
      out.append(number, formatInteger(number, node.integer));
      break;
    case ReplyKind::kDouble:
      out.append(number, formatDouble(number, node.real));
      break;
    case ReplyKind::kBoolean:
      out.append(node.integer != 0 ? "true" : "false");
      break;
    default:
      if (FlatReply::hasBytes(node.kind)) {
        out.append(tree.bytes(node));
      }
  }
}

}  // namespace trefoil::repl
