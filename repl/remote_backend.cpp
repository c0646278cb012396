// Statements on a server, through RESP3 with attributes (net/resp_writer.hpp): they say what the columns of a table are called
// and hold, so that a value is shown as an embedded database would show it, and take an error apart.
//
// RESP has no way to stop a statement but to hang up: the server ends a statement with its client. So a Ctrl-C costs the
// session's state, an open transaction above all, and so does a server that goes away. On a terminal the next statement connects
// again, as the same user and to the same database, unless the user has to know first that the transaction is gone. A script
// ends.
#include "base/ascii_case.hpp"
#include "repl/backend.hpp"
#include "repl/fail.hpp"
#include "repl/resp_client.hpp"
#include "sql/types/value_text.hpp"

namespace trefoil::repl {
namespace {

using Attributes = std::vector<parser::RespReply>;

const parser::RespReply* find(const Attributes& attributes, std::string_view name) {
  for (std::size_t i = 0; i + 1 < attributes.size(); i += 2) {
    if (attributes[i].text == name) {
      return &attributes[i + 1];
    }
  }
  return nullptr;
}

std::string textOf(const Attributes& attributes, std::string_view name) {
  const parser::RespReply* const found = find(attributes, name);
  return found == nullptr ? std::string() : found->text;
}

std::string_view firstWord(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_first_of(" \t\r\n;(", begin) - begin);
}

bool isOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [word](std::string_view other) { return equalsIgnoringCase(word, other); });
}

struct Column {
  std::string name;
  sql::SqlType type;
};

// From an attribute: [[name, type], …]. A type that this program does not know is shown as the text that it comes as.
std::vector<Column> columnsOf(const parser::RespReply& attribute) {
  std::vector<Column> columns;
  for (const parser::RespReply& described : attribute.elements) {
    if (described.elements.size() != 2) {
      continue;
    }
    const std::string& type_name = described.elements[1].text;
    const Result<sql::SqlType> type = sql::resolveTypeName(std::string_view(type_name).substr(0, type_name.find('(')), {});
    columns.push_back({described.elements[0].text, type.ok() ? *type : sql::SqlType::text()});
  }
  return columns;
}

// A cell as the value that it was; texts are viewed.
Datum valueOf(const parser::RespReply& cell, const sql::SqlType& type, sql::ByteArena& arena) {
  switch (cell.type) {
    case parser::RespType::kNull:
      return Datum::null();
    case parser::RespType::kInteger:
      return Datum::integer(cell.integer);
    case parser::RespType::kDouble:
      return Datum::real(cell.real);
    case parser::RespType::kBoolean:
      return Datum::boolean(cell.integer != 0);
    default:
      break;
  }
  if (isBytes(type.storage())) {
    return Datum::bytes(type.storage(), cell.text);
  }
  const Result<Datum> parsed = sql::parseText(type, cell.text, arena);
  return parsed.ok() ? *parsed : Datum::text(cell.text);
}

class RemoteBackend final : public Backend {
 public:
  RemoteBackend(std::unique_ptr<RespClient> client, bool connects_again)
      : client_(std::move(client)), connects_again_(connects_again) {}

  std::optional<Failure> runSql(std::string_view sql, Answers& answers) override {
    const std::string_view words[] = {"SQL", sql};
    std::optional<Failure> failure = run(words, false, answers);
    followTransaction(sql, failure.has_value());
    return failure;
  }

  std::optional<Failure> runCommand(std::span<const std::string_view> words, Answers& answers) override {
    if (!in_transaction_ && isOneOf(words[0], {"subscribe", "psubscribe", "ssubscribe", "monitor"})) {
      return listen(words, answers);
    }
    std::optional<Failure> failure = run(words, true, answers);
    followTransaction(words[0], failure.has_value());
    if (!failure) {
      followSession(words);
    }
    return failure;
  }

  void cancel() override {}  // the client that waits sees the interrupt itself
  bool wantsClose() override { return closing_; }
  bool inTransaction() override { return in_transaction_; }
  Status awaitFence() override { return {}; }  // the server sends nothing before

  std::vector<std::string> names() override {
    const std::string_view words[] = {"SQL", "SELECT name FROM trefoil_tables() UNION SELECT column_name FROM trefoil_columns()"};
    std::vector<std::string> names;
    if (!client_->isConnected()) {
      return names;
    }
    if (!client_->call(words, reply_).ok()) {
      client_->hangUp();
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
  std::optional<Failure> run(std::span<const std::string_view> words, bool is_command, Answers& answers) {
    if (std::optional<Failure> failure = ensureConnected(answers)) {
      return failure;
    }
    std::optional<Failure> failure;
    answers.begin(false);
    const Status status = converse(words, is_command, answers, failure);
    answers.end();
    return status.ok() ? failure : lostStatement(status.error());
  }

  // Shows what comes from now on. Ctrl-C ends that, and the connection with it: the next statement connects again.
  std::optional<Failure> listen(std::span<const std::string_view> words, Answers& answers) {
    if (std::optional<Failure> failure = ensureConnected(answers)) {
      return failure;
    }
    Status status = client_->send(words);
    for (bool is_first = true; status.ok(); is_first = false) {
      parser::RespReply head;
      status = client_->receiveAny(head);
      if (status.ok() && is_first && head.isError()) {
        return failureOf(head.text, client_->attributes(), {}, true);
      }
      if (status.ok()) {
        status = client_->receiveRest(head, reply_);
      }
      if (status.ok()) {
        answers.begin(false);
        answers.reply(reply_);
        answers.end();
        answers.output().flush();
      }
    }
    if (status.error().code != ErrorCode::kCancelled) {
      return lostStatement(status.error());
    }
    client_->hangUp();
    return std::nullopt;
  }

  // One statement and its answer. An error that the server answers is put into `failure`.
  Status converse(std::span<const std::string_view> words, bool is_command, Answers& answers, std::optional<Failure>& failure) {
    TREFOIL_TRY(client_->send(words));
    parser::RespReply head;
    TREFOIL_TRY(client_->receive(head));
    const Attributes& attributes = client_->attributes();
    if (head.isError()) {
      failure = failureOf(head.text, attributes, is_command ? std::string_view() : words.back(), is_command);
      return {};
    }
    if (const parser::RespReply* const described = find(attributes, "columns")) {
      return showTable(columnsOf(*described), static_cast<std::size_t>(head.integer), answers);
    }
    if (const parser::RespReply* const tag = find(attributes, "tag")) {
      head.type == parser::RespType::kInteger ? answers.affected(tag->text, head.integer) : answers.done(tag->text);
      return {};
    }
    TREFOIL_TRY(client_->receiveRest(head, reply_));
    answers.reply(reply_);
    return {};
  }

  Status showTable(const std::vector<Column>& columns, std::size_t rows, Answers& answers) {
    std::vector<ColumnHead> heads;
    for (const Column& column : columns) {
      heads.emplace_back(column.name, column.type);
    }
    answers.columns(heads);
    std::vector<Datum> values(columns.size());
    sql::ByteArena arena;
    parser::RespReply row;
    for (std::size_t i = 0; i < rows; ++i) {
      TREFOIL_TRY(client_->receiveAny(row));
      arena.reset();
      for (std::size_t at = 0; at < columns.size(); ++at) {
        values[at] = at < row.elements.size() ? valueOf(row.elements[at], columns[at].type, arena) : Datum::null();
      }
      answers.row(values);
    }
    answers.endRows();
    return {};
  }

  // The byte where a character of `text` begins, which is UTF-8.
  static std::size_t offsetOf(std::size_t character, std::string_view text) {
    std::size_t at = 0;
    for (; character > 0 && at < text.size(); --character) {
      do {
        ++at;
      } while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
    }
    return at;
  }

  // `sql`: the statement, in which the server counts characters.
  static Failure failureOf(const std::string& line, const Attributes& attributes, std::string_view sql, bool is_command) {
    Failure failure;
    failure.message = line;
    if (const parser::RespReply* const message = find(attributes, "message")) {
      // A command's error begins with the word that Redis's clients look at.
      failure.message = (is_command ? line.substr(0, line.find(' ') + 1) : std::string()) + message->text;
    }
    failure.detail = textOf(attributes, "detail");
    failure.hint = textOf(attributes, "hint");
    if (const parser::RespReply* const position = find(attributes, "position")) {
      failure.position = offsetOf(static_cast<std::size_t>(position->integer), sql);
    }
    return failure;
  }

  std::optional<Failure> ensureConnected(Answers& answers) {
    if (client_->isConnected()) {
      return std::nullopt;
    }
    client_->hangUp();
    if (!connects_again_) {
      return Failure{"server closed the connection", "", "", std::nullopt, true};
    }
    if (std::exchange(in_transaction_, false)) {
      return Failure{"the connection to the server is lost, and the open transaction with it", "",
                     "The statement was not sent. The next one connects again; begin the transaction anew.", std::nullopt, false};
    }
    if (const Status status = client_->connect(); !status.ok()) {
      return Failure{status.error().message, "", "", std::nullopt, false};
    }
    answers.output().flush();
    writeError("NOTICE: connected again to " + client_->server().shown() +
               "; what SET, WATCH and the like had set for the session is gone\n");
    return std::nullopt;
  }

  // The connection is of no use any more; what became of the statement only the server knows.
  Failure lostStatement(const Error& error) {
    client_->hangUp();
    const bool lost_transaction = std::exchange(in_transaction_, false);
    if (error.code == ErrorCode::kCancelled) {
      return Failure{"canceling statement due to user request",
                     lost_transaction ? "The shell has hung up to stop it: the open transaction is rolled back."
                                      : "The shell has hung up to stop it.",
                     "", std::nullopt, false};
    }
    return Failure{error.message,
                   lost_transaction ? "The open transaction is rolled back, unless this was its COMMIT."
                                    : "Whether the statement was carried out is not known.",
                   "", std::nullopt, !connects_again_};
  }

  // The prompt shows what the shell knows; the server alone decides.
  void followTransaction(std::string_view statement, bool failed) {
    const std::string_view word = firstWord(statement);
    if (isOneOf(word, {"begin", "start", "multi"})) {
      in_transaction_ = in_transaction_ || !failed;
    } else if (isOneOf(word, {"commit", "end", "abort", "exec", "discard", "reset"}) ||
               (isOneOf(word, {"rollback"}) && upperCase(statement).find(" TO ") == std::string::npos)) {
      in_transaction_ = false;
    }
  }

  // What the next connection has to be told again, and what this one lacks after commands that change it.
  void followSession(std::span<const std::string_view> words) {
    Target& server = client_->server();
    const std::string_view word = words[0];
    if (isOneOf(word, {"quit", "shutdown"})) {
      closing_ = true;
    } else if (isOneOf(word, {"select", "use"}) && words.size() == 2) {
      server.database = words[1];
    } else if (isOneOf(word, {"auth"}) && words.size() >= 2) {
      server.user = words.size() > 2 ? words[1] : std::string_view();
      server.password = words.back();
    } else if (isOneOf(word, {"hello"})) {
      for (std::size_t i = 2; i + 2 < words.size(); ++i) {
        if (isOneOf(words[i], {"auth"})) {
          server.user = words[i + 1];
          server.password = words[i + 2];
        }
      }
    } else if (isOneOf(word, {"reset"})) {
      server.database.clear();
    }
    if (isOneOf(word, {"hello", "reset", "auth"})) {  // the shell needs RESP3 with attributes, whatever was asked for
      if (const Status status = client_->greet(); !status.ok() && status.error().code != ErrorCode::kInvalid) {
        client_->hangUp();
      }
    }
  }

  std::unique_ptr<RespClient> client_;
  bool connects_again_;
  FlatReply reply_;
  bool closing_ = false;
  bool in_transaction_ = false;
};

}  // namespace

std::unique_ptr<Backend> remoteBackend(std::unique_ptr<RespClient> client, bool connects_again) {
  return std::make_unique<RemoteBackend>(std::move(client), connects_again);
}

}  // namespace trefoil::repl
