// Raw mode: what other programs read. Rows as sqlite3's list mode and psql -At print them (values separated by '|', NULL is
// empty), replies as redis-cli --raw does (bare values, one a line, aggregates flattened).
#include "repl/printer.hpp"
#include "sql/types/value_text.hpp"

namespace trefoil::repl {
namespace {

class RawPrinter final : public Printer {
 public:
  explicit RawPrinter(Output& output) : output_(output) {}

  void columns(std::span<const ColumnHead> heads) override {
    types_.clear();
    for (const ColumnHead& head : heads) {
      types_.push_back(head.type);
    }
  }
  void endRows() override {}

  void row(std::span<const Datum> values) override {
    std::string& out = output_.buffer();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i != 0) {
        out += '|';
      }
      sql::appendText(out, types_[i], values[i]);
    }
    out += '\n';
    output_.written();
  }

  void reply(const FlatReply& tree) override {
    std::string& out = output_.buffer();
    for (std::size_t i = 0; i < tree.size(); ++i) {
      const ReplyNode& node = tree[i];
      if (FlatReply::isAggregate(node.kind)) {
        continue;
      }
      appendScalar(out, tree, node);
      out += '\n';
    }
    output_.written();
  }

 private:
  Output& output_;
  std::vector<sql::SqlType> types_;
};

}  // namespace

std::unique_ptr<Printer> makeRawPrinter(Output& output) {
  return std::make_unique<RawPrinter>(output);
}

}  // namespace trefoil::repl
