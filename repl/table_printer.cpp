// Table mode: rows as psql aligns them, replies as redis-cli shows them.
//
//    id | name           Numbers are aligned to the right. The whole result set is collected first, as widths are known only
//   ----+-------         then. If it is wider than the terminal, the widest columns of text are cut, with an ellipsis in each cut
//     1 | ann            cell; never a number, a date or such, nor what looks like a number in a text. NULL is NULL; the text
//     NULL
//   (1 row)              is shown in quotes, 'NULL'.
#include <algorithm>

#include "base/format_number.hpp"
#include "repl/display_width.hpp"
#include "repl/printer.hpp"
#include "sql/types/value_text.hpp"

namespace trefoil::repl {
namespace {

constexpr std::size_t kNarrowest = 4;  // no column is cut below this
constexpr std::size_t kLongestNumber = 40;

bool looksLikeNumber(std::string_view text) {
  return text.size() <= kLongestNumber && text.find_first_of("0123456789") != std::string_view::npos &&
         text.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
}

// NULL within any number of quotes: a text that needs one more pair, so that none looks like a NULL or like another text.
bool readsLikeNull(std::string_view text) {
  const std::size_t quotes = std::min(text.find_first_not_of('\''), text.size());
  return text.size() == 2 * quotes + 4 && text.substr(quotes, 4) == "NULL" &&
         text.find_first_not_of('\'', quotes + 4) == std::string_view::npos;
}

class TablePrinter final : public Printer {
 public:
  TablePrinter(Output& output, std::size_t width) : output_(output), width_(width) {}

  void columns(std::span<const ColumnHead> heads) override {
    heads_.assign(heads.begin(), heads.end());
    widths_.assign(heads.size(), 1);
    narrowest_.assign(heads.size(), kNarrowest);
    cells_.clear();
    text_.clear();
    for (std::size_t i = 0; i < heads.size(); ++i) {
      std::string printable;
      widths_[i] = std::max<std::size_t>(1, appendPrintable(printable, heads[i].name));
      heads_[i].name = std::move(printable);
      if (!heads[i].text) {
        narrowest_[i] = std::max(narrowest_[i], widths_[i]);
      }
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
        sql::appendText(value_, heads_[i].type, values[i]);
        if (readsLikeNull(value_)) {
          value_ = "'" + value_ + "'";
        }
        cells = appendPrintable(text_, value_);
      }
      if (!heads_[i].text || looksLikeNumber(value_)) {
        narrowest_[i] = std::max(narrowest_[i], cells);
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

  // Cuts the widest columns of text, evenly, until the line fits.
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
      std::size_t widest = heads_.size();
      std::size_t second = 0;  // the width of the next column that could be cut instead
      for (std::size_t i = 0; i < heads_.size(); ++i) {
        if (widths_[i] <= narrowest_[i]) {
          continue;
        }
        if (widest == heads_.size() || widths_[i] > widths_[widest]) {
          second = widest == heads_.size() ? 0 : widths_[widest];
          widest = i;
        } else if (widths_[i] < widths_[widest]) {
          second = std::max(second, widths_[i]);
        }
      }
      if (widest == heads_.size()) {
        return;  // too many columns for this terminal: let it wrap
      }
      const std::size_t room = widths_[widest] - std::max(second, narrowest_[widest]);
      const std::size_t step = std::max<std::size_t>(1, std::min(total - width_, room) / 2);
      widths_[widest] -= step;
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
    text_.clear();
    appendScalar(text_, tree, node);
    appendPrintableLines(out, text_);
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
  std::vector<std::size_t> narrowest_;  // no cell that must be shown whole is wider
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
