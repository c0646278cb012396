// Statements on a database in this process. ShellReply is the engine's Reply: a command's answer is collected as a FlatReply, a
// table's rows go straight to the printer.
#include "engine/database.hpp"
#include "engine/reply.hpp"
#include "engine/reply_tree.hpp"
#include "engine/session.hpp"
#include "engine/statement.hpp"
#include "repl/backend.hpp"
#include "repl/fail.hpp"
#include "sql/types/chunk.hpp"
#include "sql/types/value_text.hpp"

namespace trefoil::repl {
namespace {

class ShellReply final : public Reply {
 public:
  // Before each statement.
  void begin(Answers& answers, bool is_command) {
    answers_ = &answers;
    is_command_ = is_command;
    failure_.reset();
    tree_.clear();
    missing_.clear();
  }
  // After it: prints a command's answer.
  void end() {
    if (!tree_.empty()) {
      answers_->reply(tree_);
    }
  }
  std::optional<Failure> takeFailure() { return std::move(failure_); }

  void simple(std::string_view text) override {
    tree_.addBytes(ReplyKind::kSimple, text);
    filled();
  }
  void integer(std::int64_t value) override {
    tree_.addInteger(value);
    filled();
  }
  void bulk(std::string_view bytes) override {
    tree_.addBytes(ReplyKind::kBulk, bytes);
    filled();
  }
  void null() override {
    tree_.addNull();
    filled();
  }
  void nullArray() override { null(); }
  void real(double value) override {
    tree_.addDouble(value);
    filled();
  }
  void boolean(bool value) override {
    tree_.addBoolean(value);
    filled();
  }
  void verbatim(std::string_view text) override { simple(text); }
  void array(std::size_t size) override { open(ReplyKind::kArray, size); }
  void map(std::size_t pairs) override { open(ReplyKind::kMap, pairs * 2); }
  void set(std::size_t size) override { open(ReplyKind::kSet, size); }
  void push(std::size_t size) override {
    if (missing_.empty() && !tree_.empty()) {  // SUBSCRIBE confirms each of its channels
      answers_->reply(tree_);
      tree_.clear();
    }
    open(ReplyKind::kPush, size);
  }

  void error(const Error& error) override {
    if (!missing_.empty()) {  // within EXEC's answer
      tree_.addBytes(ReplyKind::kError, redisErrorText(error));
      filled();
      return;
    }
    // A command's error begins with the word that Redis's clients look at.
    failure_ = Failure{is_command_ ? redisErrorText(Error(error.code, error.message)) : error.message, error.detail, error.hint,
                       error.position, false};
  }

  void beginTable(std::span<const sql::ColumnInfo> columns, TableForm) override {
    nested_table_ = !missing_.empty();
    types_.clear();
    for (const sql::ColumnInfo& column : columns) {
      types_.push_back(column.type);
    }
    if (nested_table_) {
      nested_at_ = tree_.size();
      tree_.addAggregate(ReplyKind::kArray, 0);
      return;
    }
    std::vector<ColumnHead> heads;
    for (const sql::ColumnInfo& column : columns) {
      heads.emplace_back(column.name, column.type);
    }
    answers_->columns(heads);
  }

  void rows(const sql::Chunk& chunk) override {
    values_.resize(chunk.columns.size());
    sql::forEachPosition(chunk.rows, [&](std::uint32_t position) {
      for (std::size_t i = 0; i < values_.size(); ++i) {
        values_[i] = chunk.columns[i].datum(position);
      }
      if (nested_table_) {
        addNestedRow();
      } else {
        answers_->row(values_);
      }
    });
  }

  void endTable() override {
    if (nested_table_) {
      filled();
    } else {
      answers_->endRows();
    }
  }

  void affected(std::string_view tag, std::int64_t rows) override {
    if (!missing_.empty()) {
      integer(rows);
    } else {
      answers_->affected(tag, rows);
    }
  }
  void done(std::string_view tag) override {
    if (!missing_.empty()) {
      simple("OK");
    } else {
      answers_->done(tag);
    }
  }

  [[nodiscard]] Mark mark() const override { return {tree_.size()}; }
  void rewind(Mark mark) override {
    tree_.rewind(mark.position);
    failure_.reset();
    if (mark.position == 0) {
      missing_.clear();
      answers_->takeBack();
    }
  }

 private:
  void open(ReplyKind kind, std::size_t children) {
    tree_.addAggregate(kind, children);
    if (children == 0) {
      filled();
    } else {
      missing_.push_back(children);
    }
  }
  // One value is complete: closes every aggregate that it completes.
  void filled() {
    while (!missing_.empty() && --missing_.back() == 0) {
      missing_.pop_back();
    }
  }
  void addNestedRow() {
    tree_.addAggregate(ReplyKind::kArray, values_.size());
    for (std::size_t i = 0; i < values_.size(); ++i) {
      addNestedValue(types_[i], values_[i]);
    }
    tree_.grow(nested_at_);
  }
  // As a cell is sent over RESP3.
  void addNestedValue(const sql::SqlType& type, const Datum& value) {
    if (value.isNull()) {
      tree_.addNull();
    } else if (type.isInteger()) {
      tree_.addInteger(value.asInteger());
    } else if (type.is(sql::TypeId::kDouble)) {
      tree_.addDouble(value.asReal());
    } else if (type.is(sql::TypeId::kBoolean)) {
      tree_.addBoolean(value.asBool());
    } else if (value.isBytes()) {
      tree_.addBytes(ReplyKind::kBulk, value.asBytes());
    } else {
      text_.clear();
      sql::appendText(text_, type, value);
      tree_.addBytes(ReplyKind::kBulk, text_);
    }
  }

  Answers* answers_ = nullptr;
  bool is_command_ = false;
  bool nested_table_ = false;
  std::size_t nested_at_ = 0;
  FlatReply tree_;
  std::vector<std::size_t> missing_;  // elements still to come of each open aggregate
  std::vector<sql::SqlType> types_;   // of the table's columns
  std::vector<Datum> values_;
  std::string text_;
  std::optional<Failure> failure_;
};

// Whether the engine may run it twice: everything that writes may be tried again after a conflict.
bool onlyReads(std::string_view sql) {
  const std::size_t begin = sql.find_first_not_of(" \t\r\n(");
  if (begin == std::string_view::npos) {
    return true;
  }
  const char first = static_cast<char>(sql[begin] | 0x20);
  return first == 's' || first == 'v';  // SELECT, SET, SHOW, VALUES; a WITH may hold an INSERT
}

class EmbeddedBackend final : public Backend {
 public:
  explicit EmbeddedBackend(Database& database) : database_(database), session_(database.connect()) {
    session_->setAddress("shell");
    const std::string_view hello[] = {"HELLO", "3"};  // scores in pairs, as on a server
    ReplyTree greeting;
    session_->execute({.args = hello, .sql = {}, .parameters = {}}, greeting);
  }

  std::optional<Failure> runSql(std::string_view sql, Answers& answers) override {
    Statement statement;
    statement.sql = sql;
    return run(statement, answers, !onlyReads(sql));
  }
  std::optional<Failure> runCommand(std::span<const std::string_view> words, Answers& answers) override {
    Statement statement;
    statement.args = words;
    return run(statement, answers, true);
  }
  void cancel() override { session_->cancel(); }
  bool wantsClose() override { return session_->wantsClose(); }
  bool inTransaction() override { return session_->inTransaction(); }
  std::vector<std::string> names() override { return database_.catalogNames(); }
  Status awaitFence() override { return session_->awaitFence(); }

 private:
  std::optional<Failure> run(const Statement& statement, Answers& answers, bool repeatable) {
    reply_.begin(answers, statement.sql.empty());
    answers.begin(repeatable);
    session_->execute(statement, reply_);
    reply_.end();
    answers.end();
    std::optional<Failure> failure = reply_.takeFailure();
    showMessages(answers);
    return failure;
  }
  // What has come to it: nobody but this session speaks here, so there is nothing to wait for.
  void showMessages(Answers& answers) {
    for (;;) {
      const Result<MessagePointer> message = session_->takeMessage();
      if (!message.ok()) {
        writeError("NOTICE: " + message.error().message + "\n");
        continue;
      }
      if (*message == nullptr) {
        return;
      }
      reply_.begin(answers, true);
      answers.begin(false);
      (*message)->pushTo(reply_);
      reply_.end();
      answers.end();
    }
  }

  Database& database_;
  std::unique_ptr<Session> session_;
  ShellReply reply_;
};

}  // namespace

std::unique_ptr<Backend> embeddedBackend(Database& database) {
  return std::make_unique<EmbeddedBackend>(database);
}

}  // namespace trefoil::repl
