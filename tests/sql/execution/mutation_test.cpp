// Statements that nobody would write: those of tests/sqllogic with words dropped, doubled, swapped and mixed. Each must be
// answered or refused; none may stop the process, hang or damage a table. TREFOIL_MUTATIONS=n runs n of them (and a seed by
// TREFOIL_SEED).
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>

#include "tests/sql/sql_fixture.hpp"

namespace trefoil::sql::test {
namespace {

std::vector<std::string> wordsOf(const std::string& sql) {
  std::vector<std::string> words;
  std::string word;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    if (c == '\'') {
      const std::size_t end = sql.find('\'', i + 1);
      words.push_back(sql.substr(i, end == std::string::npos ? end : end - i + 1));
      i = end == std::string::npos ? sql.size() : end;
    } else if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.') {
      word += c;
      const char next = i + 1 < sql.size() ? sql[i + 1] : ' ';
      if (std::isalnum(static_cast<unsigned char>(next)) == 0 && next != '_' && next != '.') {
        words.push_back(std::move(word));
        word.clear();
      }
    } else if (c != ' ' && c != '\n') {
      words.emplace_back(1, c);
      while (i + 1 < sql.size() && std::string_view("<>=|-").find(sql[i + 1]) != std::string_view::npos && words.back() != "(") {
        words.back() += sql[++i];
      }
    }
  }
  return words;
}

std::vector<std::vector<std::string>> statements() {
  std::filesystem::path at = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  while (!std::filesystem::exists(at / "tests/sqllogic/runner.hpp") && at.has_relative_path()) {
    at = at.parent_path();
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(at / "tests/sqllogic")) {
    if (entry.path().extension() == ".slt") {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<std::vector<std::string>> all;
  for (const auto& file : files) {
    std::ifstream in(file);
    std::string line;
    std::string sql;
    bool inside = false;
    while (std::getline(in, line)) {
      if (line.starts_with("statement") || line.starts_with("query")) {
        inside = true;
        sql.clear();
      } else if (inside && (line.empty() || line == "----")) {
        all.push_back(wordsOf(sql));
        inside = false;
      } else if (inside) {
        sql += line + " ";
      }
    }
  }
  return all;
}

}  // namespace

TEST_CASE("mutated statements are answered or refused") {
  const auto originals = statements();
  REQUIRE(originals.size() > 100);
  const char* const wanted = std::getenv("TREFOIL_MUTATIONS");
  const char* const wanted_seed = std::getenv("TREFOIL_SEED");
  const std::size_t count = wanted == nullptr ? 1500 : std::strtoul(wanted, nullptr, 10);
  const std::uint64_t seed = wanted_seed == nullptr ? 7 : std::strtoull(wanted_seed, nullptr, 10);
  std::cout << "mutations: seed " << seed << "\n";
  std::mt19937_64 random(seed);
  const auto pick = [&](std::size_t size) { return static_cast<std::size_t>(random() % size); };
  auto database = std::make_unique<SqlDatabase>();
  std::size_t answered = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 500 == 0) {
      database = std::make_unique<SqlDatabase>(i % 1000 == 0 ? kMaxChunkRows : 3);
      database->time_limit_ms = 100;         // some of them count to the end of the numbers
      for (const auto& words : originals) {  // the tables, and some rows
        if (words.size() > 2 && (words[0] == "CREATE" || words[0] == "INSERT")) {
          std::string sql;
          for (const std::string& word : words) {
            sql += word + " ";
          }
          (void)database->query(sql);
        }
      }
    }
    std::vector<std::string> words = originals[pick(originals.size())];
    const std::size_t mutations = pick(10) == 0 ? 4 : pick(3);
    for (std::size_t m = 0; m < mutations && !words.empty(); ++m) {
      const std::size_t at = pick(words.size());
      const auto& other = originals[pick(originals.size())];
      switch (pick(6)) {
        case 0:
          words.erase(words.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        case 1:
          words.insert(words.begin() + static_cast<std::ptrdiff_t>(at), words[at]);
          break;
        case 2:
          std::swap(words[at], words[pick(words.size())]);
          break;
        case 3:
          words[at] = other[pick(other.size())];
          break;
        case 4:  // a piece of another statement
          words.insert(words.begin() + static_cast<std::ptrdiff_t>(at),
                       other.begin() + static_cast<std::ptrdiff_t>(pick(other.size())), other.end());
          break;
        default: {
          const char* const odd[] = {"NULL",
                                     "-1",
                                     "0",
                                     "''",
                                     "9223372036854775807",
                                     "1e308",
                                     "'[1,2]'::vector",
                                     "*",
                                     "(SELECT 1)",
                                     "$1",
                                     "x",
                                     "a.id",
                                     "count(*)",
                                     "'2024-01-01'::date",
                                     "true",
                                     "x'00'"};
          words[at] = odd[pick(std::size(odd))];
        }
      }
    }
    std::string sql;
    for (const std::string& word : words) {
      sql += word + " ";
    }
    INFO(sql);
    const Datum parameters[] = {Datum::integer(1), Datum::text("2"), Datum::null()};
    auto outcome = database->query(sql, parameters);
    answered += outcome.status.ok() ? 1 : 0;
    if (!outcome.status.ok()) {
      REQUIRE(!outcome.status.error().message.empty());
    }
    if (i % 500 == 499) {
      database->database.store.verify();
    }
  }
  INFO(answered << " answered");
  CHECK(answered > count / 50);
}

}  // namespace trefoil::sql::test
