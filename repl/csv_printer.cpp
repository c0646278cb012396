// CSV mode: RFC 4180 with '\n' as line end, a header line before the rows of every result set. NULL is an empty field, an empty
// text is "".
#include "repl/printer.hpp"
#include "sql/types/value_text.hpp"

namespace trefoil::repl {
namespace {

void appendField(std::string& out, std::string_view text) {
  const bool plain =
      !text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos && text.front() != ' ' && text.back() != ' ';
  if (plain) {
    out.append(text);
    return;
  }
  out += '"';
  for (const char byte : text) {
    if (byte == '"') {
      out += '"';
    }
    out += byte;
  }
  out += '"';
}

class CsvPrinter final : public Printer {
 public:
  explicit CsvPrinter(Output& output) : output_(output) {}

  void columns(std::span<const ColumnHead> heads) override {
    types_.clear();
    std::string& out = output_.buffer();
    for (std::size_t i = 0; i < heads.size(); ++i) {
      types_.push_back(heads[i].type);
      if (i != 0) {
        out += ',';
      }
      appendField(out, heads[i].name);
    }
    out += '\n';
  }
  void endRows() override {}

  void row(std::span<const Datum> values) override {
    std::string& out = output_.buffer();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i != 0) {
        out += ',';
      }
      if (!values[i].isNull()) {
        field_.clear();
        sql::appendText(field_, types_[i], values[i]);
        appendField(out, field_);
      }
    }
    out += '\n';
    output_.written();
  }

  void reply(const FlatReply& tree) override {
    std::string& out = output_.buffer();
    bool first = true;
    for (std::size_t i = 0; i < tree.size(); ++i) {
      const ReplyNode& node = tree[i];
      if (FlatReply::isAggregate(node.kind)) {
        continue;
      }
      if (!first) {
        out += ',';
      }
      first = false;
      if (node.kind != ReplyKind::kNull) {
        field_.clear();
        appendScalar(field_, tree, node);
        appendField(out, field_);
      }
    }
    out += '\n';
    output_.written();
  }

 private:
  Output& output_;
  std::vector<sql::SqlType> types_;
  std::string field_;
};

}  // namespace

std::unique_ptr<Printer> makeCsvPrinter(Output& output) {
  return std::make_unique<CsvPrinter>(output);
}

}  // namespace trefoil::repl
