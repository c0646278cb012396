// JSON mode: a result set is an array of objects, one a line; a command's reply is one value a line (a map is an object, a set an
// array). Every output parses, and none drives a terminal: bytes that are no UTF-8 become \u00XX, unprintable characters \uXXXX,
// and a double that JSON does not know is a string, as PostgreSQL's to_json has it: "NaN", "Infinity".
#include <cmath>

#include "base/format_number.hpp"
#include "repl/display_width.hpp"
#include "repl/printer.hpp"
#include "sql/types/value_text.hpp"

namespace trefoil::repl {
namespace {

void appendEscape(std::string& out, char32_t code) {
  constexpr char kHex[] = "0123456789abcdef";
  out += {'\\', 'u', kHex[(code >> 12) & 15], kHex[(code >> 8) & 15], kHex[(code >> 4) & 15], kHex[code & 15]};
}

void appendJsonString(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const Character character = firstCharacter(text);
    const char32_t code = character.code;
    if (code == '"' || code == '\\') {
      out += '\\';
      out += static_cast<char>(code);
    } else if (code == '\n') {
      out += "\\n";
    } else if (code == '\r') {
      out += "\\r";
    } else if (code == '\t') {
      out += "\\t";
    } else if (!character.valid || isUnprintable(code)) {
      appendEscape(out, code);
    } else {
      out.append(text.substr(0, character.bytes));
    }
    text.remove_prefix(character.bytes);
  }
  out += '"';
}

// A value of type json, on one line: its line ends and tabs stand between its tokens, what else is unprintable in its strings.
void appendJsonValue(std::string& out, std::string_view json) {
  while (!json.empty()) {
    const Character character = firstCharacter(json);
    if (!isUnprintable(character.code)) {
      out.append(json.substr(0, character.bytes));
    } else if (character.code < 0x20) {
      out += ' ';
    } else {
      appendEscape(out, character.code);
    }
    json.remove_prefix(character.bytes);
  }
}

void appendJsonDouble(std::string& out, double value) {
  std::string text = sql::toText(sql::SqlType::doublePrecision(), Datum::real(value));
  if (std::isfinite(value)) {
    out += text;
  } else {
    appendJsonString(out, text);
  }
}

class JsonPrinter final : public Printer {
 public:
  explicit JsonPrinter(Output& output) : output_(output) {}

  void columns(std::span<const ColumnHead> heads) override {
    names_.clear();
    types_.clear();
    for (const ColumnHead& head : heads) {
      types_.push_back(head.type);
      std::string name;
      appendJsonString(name, head.name);
      names_.push_back(std::move(name));
    }
    rows_ = 0;
    output_.write('[');
  }

  void row(std::span<const Datum> values) override {
    std::string& out = output_.buffer();
    out += rows_++ == 0 ? "{" : ",\n{";
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i != 0) {
        out += ',';
      }
      out += names_[i];
      out += ':';
      appendDatum(out, types_[i], values[i]);
    }
    out += '}';
    output_.written();
  }

  void endRows() override { output_.write("]\n"); }

  void reply(const FlatReply& tree) override {
    std::size_t index = 0;
    appendNode(output_.buffer(), tree, index);
    output_.buffer() += '\n';
    output_.written();
  }

 private:
  void appendDatum(std::string& out, const sql::SqlType& type, const Datum& value) {
    if (value.isNull()) {
      out += "null";
    } else if (value.type() == Type::kBool) {
      out += value.asBool() ? "true" : "false";
    } else if (type.is(sql::TypeId::kJson)) {
      appendJsonValue(out, value.asBytes());
    } else if (type.isInteger() || type.is(sql::TypeId::kVector) ||  // [1,2,3] is JSON
               (type.isFloat() && std::isfinite(value.asReal()))) {
      sql::appendText(out, type, value);
    } else {
      text_.clear();
      sql::appendText(text_, type, value);
      appendJsonString(out, text_);
    }
  }

  // Depth is bounded by whoever built the tree.
  void appendNode(std::string& out, const FlatReply& tree, std::size_t& index) {
    const ReplyNode& node = tree[index++];
    switch (node.kind) {
      case ReplyKind::kNull:
        out += "null";
        break;
      case ReplyKind::kDouble:
        appendJsonDouble(out, node.real);
        break;
      case ReplyKind::kInteger:
      case ReplyKind::kBoolean:
        appendScalar(out, tree, node);
        break;
      case ReplyKind::kSimple:
      case ReplyKind::kBulk:
      case ReplyKind::kError:
        appendJsonString(out, tree.bytes(node));
        break;
      case ReplyKind::kMap:
        appendMap(out, tree, node.size, index);
        break;
      default:
        out += '[';
        for (std::size_t i = 0; i < node.size; ++i) {
          if (i != 0) {
            out += ',';
          }
          appendNode(out, tree, index);
        }
        out += ']';
    }
  }

  void appendMap(std::string& out, const FlatReply& tree, std::size_t children, std::size_t& index) {
    out += '{';
    for (std::size_t i = 0; i + 1 < children; i += 2) {
      if (i != 0) {
        out += ',';
      }
      std::string key;
      if (!FlatReply::isAggregate(tree[index].kind)) {
        appendScalar(key, tree, tree[index++]);
      } else {
        appendNode(key, tree, index);
      }
      appendJsonString(out, key);
      out += ':';
      appendNode(out, tree, index);
    }
    out += '}';
  }

  Output& output_;
  std::vector<std::string> names_;
  std::vector<sql::SqlType> types_;
  std::string text_;
  std::size_t rows_ = 0;
};

}  // namespace

std::unique_ptr<Printer> makeJsonPrinter(Output& output) {
  return std::make_unique<JsonPrinter>(output);
}

}  // namespace trefoil::repl
