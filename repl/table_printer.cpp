// Table mode: rows as psql aligns them, replies as redis-cli shows them.
//
//    id | name           Numbers are aligned to the right. The whole result set is collected first, as widths are known only
//   ----+-------         then. If it is wider than the terminal, the widest columns are cut, with an ellipsis in each cut cell.
//     1 | ann
//   (1 row)
#include <algorithm>

#include "base/format_number.hpp"
#include "repl/display_width.hpp"
#include "repl/printer.hpp"
#include "sql/types.hpp"

namespace trefoil::repl {
namespace {

constexpr std::size_t kNarrowest = 4;  // no column is cut below this

class TablePrinter final : public Printer {
 public:
  TablePrinter(Output& output, std::size_t width) : output_(output), width_(width) {}

  void columns(std::span<const ColumnHead> heads) override {
    heads_.assign(heads.begin(), heads.end());
    widths_.assign(heads.size(), 1);
    cells_.clear();
    text_.clear();
    for (std::size_t i = 0; i < heads.size(); ++i) {
      std::string printable;
      widths_[i] = std::max<std::size_t>(1, appendPrintable(printable, heads[i].name));
      heads_[i].name = std::move(printable);
    }
    rows_ = 0;
  }

  void row(std::span<const Datum> values) override {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t offset = text_.size();
      std::size_t cells = 4;
      if (values[i].isNull()) {
        text_ += "NULL";
      } else {
        value_.clear();
        sql::appendText(value_, values[i]);
        cells = appendPrintable(text_, value_);
      }
      cells_.push_back({offset, static_cast<std::uint32_t>(text_.size() - offset), static_cast<std::uint32_t>(cells)});
      widths_[i] = std::max(widths_[i], cells);
    }
    ++rows_;
  }

  void endRows() override {
    fitToTerminal();
    std::string& out = output_.buffer();
    for (std::size_t i = 0; i < heads_.size(); ++i) {
      appendCell(out, i, heads_[i].name, displayWidth(heads_[i].name), heads_[i].number);
    }
    for (std::size_t i = 0; i < heads_.size(); ++i) {
      out += i == 0 ? "" : "+";
      out.append(widths_[i] + 2, '-');
    }
    out += '\n';
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const Cell& cell = cells_[i];
      const std::size_t column = i % heads_.size();
      appendCell(out, column, std::string_view(text_).substr(cell.offset, cell.bytes), cell.cells, heads_[column].number);
      output_.written();
    }
    out += '(';
    char number[kMaxIntegerChars];
    out.append(number, formatUnsigned(number, rows_));
    out += rows_ == 1 ? " row)\n" : " rows)\n";
    output_.written();
  }

  void reply(const FlatReply& tree) override {
    std::size_t index = 0;
    appendNode(output_.buffer(), tree, index, 0);
    output_.written();
  }

 private:
  struct Cell {
    std::size_t offset;
    std::uint32_t bytes;
    std::uint32_t cells;
  };

  // Cuts the widest columns, evenly, until the line fits.
  void fitToTerminal() {
    if (width_ == 0 || heads_.empty()) {
      return;
    }
    const std::size_t frame = 3 * heads_.size() - 1;  // a blank at both sides of a cell, a bar between cells
    std::size_t total = frame;
    for (const std::size_t width : widths_) {
      total += width;
    }
    while (total > width_) {
      const auto widest = std::max_element(widths_.begin(), widths_.end());
      if (*widest <= kNarrowest) {
        return;  // too many columns for this terminal: let it wrap
      }
      std::size_t second = kNarrowest;
      for (const std::size_t width : widths_) {
        if (width < *widest) {
          second = std::max(second, width);
        }
      }
      const std::size_t step = std::max<std::size_t>(1, std::min(total - width_, *widest - second) / 2);
      *widest -= step;
      total -= step;
    }
  }

  void appendCell(std::string& out, std::size_t column, std::string_view text, std::size_t cells, bool right) {
    const bool last = column + 1 == heads_.size();
    out += column == 0 ? " " : "| ";
    const std::size_t width = widths_[column];
    if (cells > width) {
      cells = appendFitted(out, text, width);
      out.append(last ? 0 : width - cells, ' ');
    } else if (right) {
      out.append(width - cells, ' ');
      out.append(text);
    } else {
      out.append(text);
      out.append(last ? 0 : width - cells, ' ');
    }
    out += last ? "\n" : " ";
  }

  // `indent`: cells already taken on this line, so that the elements of a nested aggregate stand below each other.
  void appendNode(std::string& out, const FlatReply& tree, std::size_t& index, std::size_t indent) {
    const ReplyNode& node = tree[index++];
    switch (node.kind) {
      case ReplyKind::kNull:
        out += "(nil)\n";
        return;
      case ReplyKind::kInteger:
        out += "(integer) ";
        break;
      case ReplyKind::kDouble:
        out += "(double) ";
        break;
      case ReplyKind::kBoolean:
        out += node.integer != 0 ? "(true)\n" : "(false)\n";
        return;
      case ReplyKind::kBulk:
        appendQuoted(out, tree.bytes(node));
        out += '\n';
        return;
      case ReplyKind::kError:
        out += "(error) ";
        break;
      case ReplyKind::kSimple:
        break;
      default:
        appendAggregate(out, tree, node, index, indent);
        return;
    }
    appendScalar(out, tree, node);
    out += '\n';
  }

  void appendAggregate(std::string& out, const FlatReply& tree, const ReplyNode node, std::size_t& index, std::size_t indent) {
    const bool map = node.kind == ReplyKind::kMap;
    if (node.size == 0) {
      out += map ? "(empty hash)\n" : node.kind == ReplyKind::kSet ? "(empty set)\n" : "(empty array)\n";
      return;
    }
    const std::size_t entries = map ? node.size / 2 : node.size;
    char number[kMaxIntegerChars];
    const std::size_t digits = formatUnsigned(number, entries);
    for (std::size_t i = 0; i < entries; ++i) {
      if (i != 0) {
        out.append(indent, ' ');
      }
      const std::size_t length = formatUnsigned(number, i + 1);
      out.append(digits - length, ' ');
      out.append(number, length);
      out += map ? "# " : node.kind == ReplyKind::kSet ? "~ " : ") ";
      std::size_t inner = indent + digits + 2;
      if (map) {
        const std::size_t line = out.size();
        appendNode(out, tree, index, inner);
        out.pop_back();
        inner += out.size() - line + 4;
        out += " => ";
      }
      appendNode(out, tree, index, inner);
    }
  }

  // As redis-cli quotes: every byte that is not printable ASCII is escaped, except that valid UTF-8 is shown as such.
  static void appendQuoted(std::string& out, std::string_view bytes) {
    out += '"';
    while (!bytes.empty()) {
      const Character character = firstCharacter(bytes);
      if (character.valid && (character.code == '"' || character.code == '\\')) {
        out += '\\';
      }
      appendPrintable(out, bytes.substr(0, character.bytes));
      bytes.remove_prefix(character.bytes);
    }
    out += '"';
  }

  Output& output_;
  std::size_t width_;
  std::vector<ColumnHead> heads_;
  std::vector<std::size_t> widths_;
  std::vector<Cell> cells_;
  std::string text_;
  std::string value_;
  std::size_t rows_ = 0;
};

}  // namespace

std::unique_ptr<Printer> makeTablePrinter(Output& output, std::size_t width) {
  return std::make_unique<TablePrinter>(output, width);
}

}  // namespace trefoil::repl
