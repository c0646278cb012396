// Statements on a server: SQL goes through the command SQL, whose answer has the column names in front.
#include "base/format_number.hpp"
#include "repl/backend.hpp"
#include "repl/resp_client.hpp"

namespace trefoil::repl {
namespace {

class RemoteBackend final : public Backend {
 public:
  explicit RemoteBackend(std::unique_ptr<RespClient> client) : client_(std::move(client)) {}

  std::optional<Failure> runSql(std::string_view sql, Answers& answers) override {
    const std::string_view words[] = {"SQL", sql};
    if (auto failure = call(words)) {
      return failure;
    }
    followTransaction(sql);
    answers.begin(false);
    if (isTable()) {
      printTable(answers);
    } else if (reply_[0].kind == ReplyKind::kInteger) {
      answers.affected(tagOf(sql), reply_[0].integer);
    } else {
      answers.done("OK");
    }
    answers.end();
    return std::nullopt;
  }

  std::optional<Failure> runCommand(std::span<const std::string_view> words, Answers& answers) override {
    if (auto failure = call(words)) {
      return failure;
    }
    followTransaction(words[0]);
    closing_ = closing_ || equals(words[0], "quit");
    answers.begin(false);
    answers.reply(reply_);
    answers.end();
    return std::nullopt;
  }

  bool wantsClose() override { return closing_; }
  bool inTransaction() override { return in_transaction_; }
  Status awaitFence() override { return {}; }  // the server sends nothing before

  std::vector<std::string> names() override {
    const std::string_view words[] = {"SQL", "SELECT name FROM trefoil_tables() UNION SELECT column_name FROM trefoil_columns()"};
    std::vector<std::string> names;
    if (!client_->call(words, reply_).ok() || !isTable()) {
      return names;
    }
    for (std::size_t i = 0; i < reply_.size(); ++i) {
      if (reply_[i].kind == ReplyKind::kBulk) {
        names.emplace_back(reply_.bytes(reply_[i]));
      }
    }
    return names;
  }

 private:
  static bool equals(std::string_view word, std::string_view lower) {
    return word.size() == lower.size() &&
           std::equal(word.begin(), word.end(), lower.begin(), [](char a, char b) { return (a | 0x20) == b; });
  }
  static std::string_view firstWord(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) {
      return {};
    }
    return text.substr(begin, text.find_first_of(" \t\r\n;(", begin) - begin);
  }
  static std::string tagOf(std::string_view sql) {
    std::string tag(firstWord(sql));
    for (char& byte : tag) {
      byte = byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 32) : byte;
    }
    return tag;
  }

  std::optional<Failure> call(std::span<const std::string_view> words) {
    if (const Status status = client_->call(words, reply_); !status.ok()) {
      closing_ = true;
      return Failure{status.error().message, "", "", std::nullopt, true};
    }
    if (reply_[0].kind == ReplyKind::kError) {
      return Failure{std::string(reply_.bytes(reply_[0])), "", "", std::nullopt, false};
    }
    return std::nullopt;
  }

  // The prompt shows what the shell knows; the server alone decides.
  void followTransaction(std::string_view statement) {
    const std::string_view word = firstWord(statement);
    if (equals(word, "begin") || equals(word, "multi")) {
      in_transaction_ = true;
    } else if (equals(word, "commit") || equals(word, "rollback") || equals(word, "exec") || equals(word, "discard")) {
      in_transaction_ = false;
    }
  }

  // An array of arrays whose first holds only names.
  [[nodiscard]] bool isTable() const {
    if (reply_[0].kind != ReplyKind::kArray || reply_.size() < 2 || reply_[1].kind != ReplyKind::kArray) {
      return false;
    }
    for (std::size_t i = 0; i < reply_[1].size; ++i) {
      if (i + 2 >= reply_.size() || reply_[i + 2].kind != ReplyKind::kBulk) {
        return false;
      }
    }
    return true;
  }

  [[nodiscard]] Datum datum(const ReplyNode& node) const {
    switch (node.kind) {
      case ReplyKind::kInteger:
        return Datum::integer(node.integer);
      case ReplyKind::kDouble:
        return Datum::real(node.real);
      case ReplyKind::kBoolean:
        return Datum::boolean(node.integer != 0);
      case ReplyKind::kNull:
        return Datum::null();
      default:
        return Datum::text(reply_.bytes(node));
    }
  }

  void printTable(Answers& answers) {
    const std::size_t columns = reply_[1].size;
    std::vector<ColumnHead> heads;
    std::size_t at = 2;
    for (std::size_t i = 0; i < columns; ++i) {
      heads.push_back({std::string(reply_.bytes(reply_[at++])), false});
    }
    const std::size_t first_row = at;
    for (std::size_t i = 0; first_row + 1 + i < reply_.size() && i < columns; ++i) {
      const ReplyKind kind = reply_[first_row + 1 + i].kind;
      heads[i].number = kind == ReplyKind::kInteger || kind == ReplyKind::kDouble;
    }
    answers.columns(heads);
    std::vector<Datum> values(columns);
    for (std::size_t row = 1; row < reply_[0].size; ++row) {
      ++at;  // the row's own node
      for (std::size_t i = 0; i < columns && at < reply_.size(); ++i) {
        values[i] = datum(reply_[at++]);
      }
      answers.row(values);
    }
    answers.endRows();
  }

  std::unique_ptr<RespClient> client_;
  FlatReply reply_;
  bool closing_ = false;
  bool in_transaction_ = false;
};

}  // namespace

std::unique_ptr<Backend> remoteBackend(std::unique_ptr<RespClient> client) {
  return std::make_unique<RemoteBackend>(std::move(client));
}

}  // namespace trefoil::repl
