// Trefoil as a library: one transaction over a table, a key and a vector, and questions over all three.
//
//   build/release/example_embedded [DIR]       without DIR everything lives in memory
//
// README.md says how it is built, here and in a project of its own.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/database.hpp"
#include "engine/reply_tree.hpp"

namespace {

using trefoil::Datum;

// The pattern for a program that has no better idea than to stop.
template <typename T>
T orDie(trefoil::Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
  }
  return std::move(result).value();
}

void orDie(const trefoil::Status& status) {
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.error().message.c_str());
    std::exit(1);
  }
}

// A Redis command, its answer as text.
std::string command(trefoil::Session& session, std::initializer_list<std::string_view> words) {
  const std::vector<std::string_view> args(words);
  trefoil::ReplyTree reply;
  session.execute({.args = args, .sql = {}, .parameters = {}}, reply);
  return reply.last().describe();
}

void fill(trefoil::Session& session) {
  orDie(session.execute("CREATE TABLE IF NOT EXISTS fruit (id INTEGER PRIMARY KEY, name TEXT NOT NULL, taste VECTOR(2))"));
  orDie(session.execute("BEGIN"));
  orDie(session.execute("DELETE FROM fruit"));
  const auto insert = orDie(session.prepare("INSERT INTO fruit VALUES ($1, $2, $3)"));
  const std::pair<const char*, std::array<float, 2>> fruits[] = {
      {"lemon", {0.1F, 1}}, {"lime", {0.2F, 0.9F}}, {"fig", {1, 0.1F}}};
  trefoil::ResultSet result;
  std::int64_t id = 0;
  for (const auto& [name, taste] : fruits) {
    const Datum values[] = {Datum::integer(++id), Datum::text(name), Datum::vector(taste)};
    orDie(insert->execute(values, result));
  }
  command(session, {"ZADD", "sold", "12", "lemon", "3", "lime", "7", "fig"});
  orDie(session.execute("COMMIT"));
}

}  // namespace

int main(int argc, char** argv) {
  const auto database = orDie(trefoil::Database::open({.directory = argc > 1 ? argv[1] : ""}));
  const auto session = database->connect();
  fill(*session);

  std::printf("like a lemon, and how many were sold:\n");
  const float lemon[] = {0.1F, 1};
  const Datum parameters[] = {Datum::vector(lemon)};
  const trefoil::ResultSet nearest =
      orDie(session->execute("SELECT f.name, f.taste <=> $1, z.score FROM fruit f JOIN zset('sold') z ON z.member = f.name "
                             "ORDER BY f.taste <=> $1 LIMIT 2",
                             parameters));
  for (const trefoil::ResultSet::Row row : nearest) {
    const std::string name(row[0].asBytes());
    std::printf("  %-6s distance %.3f  sold %.0f\n", name.c_str(), row[1].asReal(), row[2].asReal());
  }
  std::printf("best seller: %s\n", command(*session, {"ZRANGE", "sold", "0", "0", "REV"}).c_str());
  return 0;
}
