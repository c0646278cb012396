#include "net/resp_writer.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "engine/database.hpp"
#include "engine/session.hpp"
#include "sql/types/chunk.hpp"

namespace trefoil::net {
namespace {

std::string written(int protocol, const std::function<void(Reply&)>& push) {
  ByteBuffer out;
  RespReply reply(out, protocol);
  push(reply);
  return std::string(out.bytes());
}

TEST_CASE("each kind of value in RESP2 and RESP3") {
  struct Case {
    const char* name;
    std::function<void(Reply&)> push;
    std::string resp2;
    std::string resp3;
  };
  const double infinity = std::numeric_limits<double>::infinity();
  const Case cases[] = {
      {"simple", [](Reply& r) { r.simple("OK"); }, "+OK\r\n", "+OK\r\n"},
      {"integer", [](Reply& r) { r.integer(-42); }, ":-42\r\n", ":-42\r\n"},
      {"largest", [](Reply& r) { r.integer(INT64_MAX); }, ":9223372036854775807\r\n", ":9223372036854775807\r\n"},
      {"smallest", [](Reply& r) { r.integer(INT64_MIN); }, ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"},
      {"bulk", [](Reply& r) { r.bulk(std::string_view("a\r\n\0b", 5)); }, std::string("$5\r\na\r\n\0b\r\n", 11),
       std::string("$5\r\na\r\n\0b\r\n", 11)},
      {"empty bulk", [](Reply& r) { r.bulk(""); }, "$0\r\n\r\n", "$0\r\n\r\n"},
      {"null", [](Reply& r) { r.null(); }, "$-1\r\n", "_\r\n"},
      {"null array", [](Reply& r) { r.nullArray(); }, "*-1\r\n", "_\r\n"},
      {"real", [](Reply& r) { r.real(3.1); }, "$3\r\n3.1\r\n", ",3.1\r\n"},
      {"whole real", [](Reply& r) { r.real(-7); }, "$2\r\n-7\r\n", ",-7\r\n"},
      {"infinity", [=](Reply& r) { r.real(-infinity); }, "$4\r\n-inf\r\n", ",-inf\r\n"},
      {"true", [](Reply& r) { r.boolean(true); }, ":1\r\n", "#t\r\n"},
      {"false", [](Reply& r) { r.boolean(false); }, ":0\r\n", "#f\r\n"},
      {"verbatim", [](Reply& r) { r.verbatim("hi"); }, "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"},
      {"array", [](Reply& r) { r.array(12); }, "*12\r\n", "*12\r\n"},
      {"map", [](Reply& r) { r.map(7); }, "*14\r\n", "%7\r\n"},
      {"set", [](Reply& r) { r.set(3); }, "*3\r\n", "~3\r\n"},
      {"affected", [](Reply& r) { r.affected("INSERT", 5); }, ":5\r\n", ":5\r\n"},
      {"done", [](Reply& r) { r.done("CREATE TABLE"); }, "+OK\r\n", "+OK\r\n"},
  };
  for (const Case& test : cases) {
    INFO(test.name);
    CHECK(written(2, test.push) == test.resp2);
    CHECK(written(3, test.push) == test.resp3);
  }
}

TEST_CASE("an error is one line") {
  CHECK(written(2, [](Reply& r) { r.error(Error(ErrorCode::kInvalid, "two\r\nlines")); }) == "-ERR two  lines\r\n");
}

TEST_CASE("rewind takes back what was pushed after the mark") {
  CHECK(written(2, [](Reply& r) {
          r.integer(1);
          const Reply::Mark mark = r.mark();
          r.array(100);
          r.bulk(std::string(5000, 'x'));
          r.rewind(mark);
          r.integer(2);
        }) == ":1\r\n:2\r\n");
}

// A table of an integer, a text, a double, a boolean and a column of NULLs with `count` equal rows.
void pushTable(Reply& reply, TableForm form, std::uint32_t count) {
  const std::vector<sql::ColumnInfo> heads = {{"id", sql::SqlType::bigint()},
                                              {"name", sql::SqlType::text()},
                                              {"price", sql::SqlType::doublePrecision()},
                                              {"ok", sql::SqlType::boolean()},
                                              {"none", sql::SqlType::text()}};
  const std::vector<std::int64_t> ids(count, 7);
  const sql::StringRef name{std::string_view("a long enough name")};
  const std::vector<double> prices(count, 2.5);
  const std::vector<std::uint8_t> flags(count, 1);
  sql::Chunk chunk;
  chunk.columns = {{Type::kInteger, false, false, ids.data(), nullptr},
                   {Type::kText, true, false, &name, nullptr},
                   {Type::kDouble, false, false, prices.data(), nullptr},
                   {Type::kBool, false, false, flags.data(), nullptr},
                   {Type::kNull, false, false, nullptr, nullptr}};
  chunk.rows = {nullptr, count};
  reply.beginTable(heads, form);
  if (count > 0) {
    reply.rows(chunk);
  }
  reply.endTable();
}

TEST_CASE("tables are arrays of rows, with the names first for the command SQL") {
  const std::string row2 = "*5\r\n:7\r\n$18\r\na long enough name\r\n$3\r\n2.5\r\n:1\r\n$-1\r\n";
  const std::string row3 = "*5\r\n:7\r\n$18\r\na long enough name\r\n,2.5\r\n#t\r\n_\r\n";
  const std::string names = "*5\r\n$2\r\nid\r\n$4\r\nname\r\n$5\r\nprice\r\n$2\r\nok\r\n$4\r\nnone\r\n";
  CHECK(written(2, [](Reply& r) { pushTable(r, TableForm::kRowsOnly, 0); }) == "*0\r\n");
  CHECK(written(2, [](Reply& r) { pushTable(r, TableForm::kNamesAndRows, 0); }) == "*1\r\n" + names);
  CHECK(written(2, [](Reply& r) { pushTable(r, TableForm::kRowsOnly, 1); }) == "*1\r\n" + row2);
  CHECK(written(3, [](Reply& r) { pushTable(r, TableForm::kNamesAndRows, 1); }) == "*2\r\n" + names + row3);
}

TEST_CASE("a table's head grows with its rows, wherever it begins") {
  for (const std::uint32_t count : {9U, 10U, 99U, 100U, 2000U}) {
    std::string rows;
    for (std::uint32_t i = 0; i < count; ++i) {
      rows += "*5\r\n:7\r\n$18\r\na long enough name\r\n$3\r\n2.5\r\n:1\r\n$-1\r\n";
    }
    CHECK(written(2, [&](Reply& r) {
            r.array(2);
            pushTable(r, TableForm::kRowsOnly, count);
            r.integer(1);
          }) == "*2\r\n*" + std::to_string(count) + "\r\n" + rows + ":1\r\n");
  }
}

TEST_CASE("once a table's rows are written, there is room for its head") {
  sql::ColumnBuffer numbers(Type::kInteger, sql::kMaxChunkRows);
  const sql::ColumnInfo columns[] = {{"n", sql::SqlType::bigint()}};
  for (std::uint32_t count = 10; count <= sql::kMaxChunkRows; ++count) {
    ByteBuffer out;
    RespReply reply(out, 2);
    reply.beginTable(columns, TableForm::kRowsOnly);
    sql::Chunk chunk;
    chunk.columns = {numbers.view()};
    chunk.rows = {nullptr, count};
    reply.rows(chunk);
    const std::size_t room = out.room().size();
    const std::size_t size = out.size();
    reply.endTable();
    REQUIRE(out.size() > size);
    REQUIRE(out.size() - size <= room);
  }
}

TEST_CASE("attributes describe answers of SQL to sessions that ask for them") {
  const auto database = Database::open({}).value();
  const auto session = database->connect();
  const auto run = [&](std::initializer_list<std::string_view> words) {
    ByteBuffer out;
    RespReply reply(out, *session);
    const std::vector<std::string_view> args(words);
    session->execute({.args = args, .sql = {}, .parameters = {}}, reply);
    return std::string(out.bytes());
  };
  CHECK(run({"CLIENT", "ATTRIBUTES", "ON"}) == "-ERR CLIENT ATTRIBUTES needs RESP3: send HELLO 3 before it\r\n");
  run({"HELLO", "3"});
  CHECK(run({"SQL", "CREATE TABLE t (a INTEGER, b VARCHAR(5))"}) == "+OK\r\n");
  CHECK(run({"CLIENT", "ATTRIBUTES", "ON"}) == "+OK\r\n");
  CHECK(run({"SQL", "DROP TABLE t"}) == "|1\r\n$3\r\ntag\r\n$10\r\nDROP TABLE\r\n+OK\r\n");
  run({"SQL", "CREATE TABLE t (a INTEGER, b VARCHAR(5))"});
  CHECK(run({"SQL", "INSERT INTO t VALUES (1, 'x')"}) == "|1\r\n$3\r\ntag\r\n$6\r\nINSERT\r\n:1\r\n");
  const std::string table =
      "|1\r\n$7\r\ncolumns\r\n*2\r\n*2\r\n$1\r\na\r\n$7\r\ninteger\r\n"
      "*2\r\n$1\r\nb\r\n$20\r\ncharacter varying(5)\r\n*1\r\n*2\r\n:1\r\n$1\r\nx\r\n";
  CHECK(run({"SQL", "SELECT a, b FROM t"}) == table);
  CHECK(run({"SELECT a, b FROM t"}) == table);
  CHECK(run({"SQL", "SELECT b + 1 FROM t"}).starts_with("|4\r\n$4\r\ncode\r\n$5\r\n42883\r\n$7\r\nmessage\r\n"));
  CHECK(run({"SQL", "SELECT x"}).find("$8\r\nposition\r\n:7\r\n-ERR ") != std::string::npos);
  CHECK(run({"SET", "k", "v"}) == "+OK\r\n");
  run({"HELLO", "2"});
  CHECK(run({"SQL", "SELECT a FROM t"}) == "*2\r\n*1\r\n$1\r\na\r\n*1\r\n:1\r\n");
  run({"RESET"});
  run({"HELLO", "3"});
  CHECK(run({"SQL", "SELECT a FROM t"}) == "*2\r\n*1\r\n$1\r\na\r\n*1\r\n:1\r\n");
}

TEST_CASE("the buffer keeps its bytes while it moves them") {
  ByteBuffer buffer;
  std::string model;
  std::uint64_t state = 88172645463325252ULL;
  for (int i = 0; i < 20000; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    const std::size_t size = state % 700;
    switch ((state >> 20) % 4) {
      case 0:
      case 1: {
        const std::string bytes(size, static_cast<char>('a' + i % 26));
        buffer.append(bytes);
        model += bytes;
        break;
      }
      case 2: {
        const std::size_t count = std::min(size * 2, model.size());
        buffer.consume(count);
        model.erase(0, count);
        break;
      }
      default:
        if (!model.empty()) {
          const std::size_t keep = model.size() - std::min(model.size(), size / 8);
          buffer.truncate(keep);
          model.resize(keep);
        } else {
          buffer.release();
        }
    }
    REQUIRE(buffer.bytes() == model);
  }
}

}  // namespace
}  // namespace trefoil::net
