// Directories that version 1 of the log and of checkpoints left behind (tests/txn/format_1): effects had no cause. They open, say
// what they said, and the next checkpoint writes them anew.
//
//   closed/   a checkpoint and a log behind it          killed/   a log alone, of a server that was killed
#include <catch2/catch.hpp>

#include <filesystem>
#include <map>

#include "aof/check.hpp"
#include "kv/collection.hpp"
#include "tests/base/temporary_directory.hpp"
#include "txn/manager.hpp"
#include "txn/transaction.hpp"

namespace trefoil::txn {

namespace {

// From where the test program lies.
std::filesystem::path left(std::string_view name) {
  const std::filesystem::path wanted = std::filesystem::path("tests/txn/format_1") / name;
  std::filesystem::path at = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  while (!std::filesystem::exists(at / wanted) && at.has_relative_path()) {
    at = at.parent_path();
  }
  return at / wanted;
}

std::string describe(const kv::Entry& entry) {
  kv::IntegerText room;
  if (entry.type() == kv::ObjectType::kString) {
    return std::string(kv::StringHandle(&entry).text(room));
  }
  std::string text;  // small collections have the order in which they were filled
  for (kv::ElementCursor cursor = kv::CollectionHandle(&entry).first(); cursor.valid(); cursor.next()) {
    text += (text.empty() ? "" : " ") + std::string(cursor.member());
  }
  return text;
}

std::map<std::string, std::string> keysOf(Manager& manager) {
  std::map<std::string, std::string> keys;
  const Status visited =
      manager.kv().visitAll(0, kNoSnapshot, false, [&](const kv::Entry& entry) { keys.emplace(entry.key(), describe(entry)); });
  REQUIRE(visited.ok());
  return keys;
}

std::uint64_t rowsOf(Manager& manager, const std::string& table) {
  Transaction query(manager, UnixMs{1}, Transaction::OneQuery{});
  const sql::SchemaPointer schema = query.sql().findTable(table);
  REQUIRE(schema != nullptr);
  return query.sql().scan(schema->id).rowCount();
}

const std::map<std::string, std::map<std::string, std::string>> kKeys = {
    {"closed",
     {{"b", "hello world!"},
      {"c", "after"},
      {"d", "in-block"},
      {"h", "f g i"},
      {"l", "y z more"},
      {"s", "m o"},
      {"z", "one two"}}},
    {"killed", {{"a", "2"}, {"l", "x y z"}}},
};
const std::map<std::string, std::uint64_t> kRows = {{"closed", 4}, {"killed", 2}};

}  // namespace

TEST_CASE("a directory of version 1 opens, and is of the new version after a checkpoint", "[txn]") {
  const std::string name = GENERATE("closed", "killed");
  const testing::TemporaryDirectory directory;
  std::filesystem::copy(left(name), directory.path(), std::filesystem::copy_options::recursive);
  CHECK(aof::check(Env::system(), directory.path(), {}).ok());
  for (const char* how : {"as it was left", "with a tail of old records in a new segment", "after a checkpoint", "once more"}) {
    CAPTURE(name, how);
    const std::unique_ptr<Manager> manager =
        Manager::open({.directory = directory.path(), .env = nullptr, .log = {}, .kv = {}}).value();
    CHECK(keysOf(*manager) == kKeys.at(name));
    CHECK(rowsOf(*manager, "t") == kRows.at(name));
    if (std::string_view(how) == "after a checkpoint") {
      CHECK(manager->recoveryReport().records > 0);
      REQUIRE(manager->checkpoints().write().ok());
    } else if (std::string_view(how) == "once more") {
      CHECK(manager->recoveryReport().records == 0);
    }
  }
}

}  // namespace trefoil::txn
