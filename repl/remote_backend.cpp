// Statements on a server: SQL goes through the command SQL, whose answer has the column names in front.
#include <charconv>

#include "base/ascii_case.hpp"
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
      return failure->fatal ? failure : sqlFailure(failure->message);
    }
    followTransaction(sql);
    answers.begin(false);
    if (isTable()) {
      printTable(answers);
    } else if (reply_[0].kind == ReplyKind::kInteger) {
      answers.affected(upperCase(firstWord(sql)), reply_[0].integer);
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
    closing_ = closing_ || equalsIgnoringCase(words[0], "quit");
    answers.begin(false);
    answers.reply(reply_);
    answers.end();
    return std::nullopt;
  }

  void cancel() override {}  // the client that waits sees the interrupt itself
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
  static std::string_view firstWord(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) {
      return {};
    }
    return text.substr(begin, text.find_first_of(" \t\r\n;(", begin) - begin);
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

  // "ERR syntax error at or near "FORM" at character 10; DETAIL: …; HINT: …" taken apart again (engine/reply.hpp puts it
  // together). A text that merely looks alike in the message loses nothing but its place.
  static Failure sqlFailure(std::string_view text) {
    Failure failure;
    if (text.starts_with("ERR ")) {
      text.remove_prefix(4);
    }
    failure.hint = takeTail(text, "; HINT: ");
    failure.detail = takeTail(text, "; DETAIL: ");
    failure.message = text;
    const std::string character = takeTail(text, " at character ");
    std::size_t position = 0;
    const auto [end, error] = std::from_chars(character.data(), character.data() + character.size(), position);
    if (!character.empty() && error == std::errc() && end == character.data() + character.size() && position > 0) {
      failure.message = text;
      failure.position = position - 1;
    }
    return failure;
  }
  // What is behind `mark`, which goes with it.
  static std::string takeTail(std::string_view& text, std::string_view mark) {
    const std::size_t at = text.rfind(mark);
    if (at == std::string_view::npos) {
      return {};
    }
    std::string tail(text.substr(at + mark.size()));
    text = text.substr(0, at);
    return tail;
  }

  // The prompt shows what the shell knows; the server alone decides.
  void followTransaction(std::string_view statement) {
    const std::string_view word = firstWord(statement);
    const auto is_one_of = [word](std::initializer_list<std::string_view> words) {
      return std::any_of(words.begin(), words.end(), [word](std::string_view other) { return equalsIgnoringCase(word, other); });
    };
    if (is_one_of({"begin", "start", "multi"})) {
      in_transaction_ = true;
    } else if (is_one_of({"commit", "end", "abort", "exec", "discard", "reset"}) ||
               (is_one_of({"rollback"}) && upperCase(statement).find(" TO ") == std::string::npos)) {
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
