#include "base/settings.hpp"

#include <catch2/catch.hpp>
#include <thread>

#include "base/logging.hpp"
#include "tests/base/temporary_directory.hpp"

namespace trefoil {
namespace {

using Source = Settings::Source;
using Pairs = std::vector<std::pair<std::string_view, std::string_view>>;

TEST_CASE("every row of the table is found by its name, its variable, and has a default of its type") {
  const Settings settings;
  std::size_t index = 0;
  for (const SettingSpec& spec : settingSpecs()) {
    CAPTURE(spec.name);
    CHECK(static_cast<std::size_t>(spec.id) == index++);
    CHECK(findSetting(spec.name) == &spec);
    CHECK(spec.doc.ends_with('.'));
    Settings other;
    const std::string variable = environmentName(spec) + "=" + settings.valueText(spec.id);
    const char* const environment[] = {variable.c_str(), nullptr};
    CHECK(other.loadEnvironment(environment).ok());
    CHECK(other.valueText(spec.id) == settings.valueText(spec.id));
  }
  CHECK(findSetting("Statement_Timeout") == &settingSpec(Setting::kStatementTimeout));
  CHECK(findSetting("log-file") == &settingSpec(Setting::kLogFile));
  CHECK(findSetting("hnsw.ef-search") == &settingSpec(Setting::kHnswEfSearch));
  CHECK(findSetting("no-such") == nullptr);
  CHECK(findSetting("") == nullptr);
}

TEST_CASE("choices have the numbers of their enums") {
  Settings settings;
  CHECK(settings.choice<FsyncPolicy>(Setting::kAppendFsync) == FsyncPolicy::kEverySecond);
  REQUIRE(settings.set("appendfsync", "always", Source::kFile).ok());
  CHECK(settings.choice<FsyncPolicy>(Setting::kAppendFsync) == FsyncPolicy::kAlways);
  REQUIRE(settings.set("appendfsync", "NO", Source::kFile).ok());
  CHECK(settings.choice<FsyncPolicy>(Setting::kAppendFsync) == FsyncPolicy::kNo);
  CHECK(settings.choice<LogLevel>(Setting::kLogLevel) == LogLevel::kNotice);
  REQUIRE(settings.set("loglevel", "nothing", Source::kFile).ok());
  CHECK(settings.choice<LogLevel>(Setting::kLogLevel) == LogLevel::kNothing);
}

TEST_CASE("memory sizes are read as Redis reads them") {
  struct Row {
    std::string_view text;
    std::optional<std::int64_t> bytes;
  };
  const Row row = GENERATE(values<Row>({
      {"0", 0},
      {"100", 100},
      {"7b", 7},
      {"1k", 1000},
      {"1kb", 1024},
      {"2M", 2'000'000},
      {"100mb", 100 * 1024 * 1024},
      {"1g", 1'000'000'000},
      {"1GB", 1LL << 30},
      {"9223372036854775807", INT64_MAX},
      {"", std::nullopt},
      {"mb", std::nullopt},
      {"-1", std::nullopt},
      {"1.5gb", std::nullopt},
      {"1 gb", std::nullopt},
      {"1tb", std::nullopt},
      {"9223372036854775808", std::nullopt},
      {"9000000000gb", std::nullopt},
  }));
  CAPTURE(row.text);
  CHECK(parseMemorySize(row.text) == row.bytes);
}

TEST_CASE("shares are bytes or percentages") {
  struct Row {
    std::string_view text;
    std::int64_t number;  // nothing valid: INT64_MIN
    std::string_view shown;
  };
  const Row row = GENERATE(values<Row>({{"0", 0, "0"},
                                        {"10mb", 10 << 20, "10485760"},
                                        {"5%", -5, "5%"},
                                        {"100%", -100, "100%"},
                                        {"0%", 0, "0"},
                                        {"-5%", INT64_MIN, ""},
                                        {"-5", INT64_MIN, ""},
                                        {"%", INT64_MIN, ""},
                                        {"5%%", INT64_MIN, ""},
                                        {"5 %", INT64_MIN, ""},
                                        {"101%", INT64_MIN, ""}}));
  CAPTURE(row.text);
  Settings settings;
  const Status status = settings.set("maxmemory-clients", row.text, Settings::Source::kRunTime);
  CHECK(status.ok() == (row.number != INT64_MIN));
  if (status.ok()) {
    CHECK(settings.integer(Setting::kMaxMemoryClients) == row.number);
    CHECK(settings.valueText(Setting::kMaxMemoryClients) == row.shown);
  }
}

TEST_CASE("permissions are read and shown in octal") {
  Settings settings;
  CHECK(settings.valueText(Setting::kUnixSocketPerm) == "0");
  REQUIRE(settings.set("unixsocketperm", "0750", Source::kFile).ok());
  CHECK(settings.integer(Setting::kUnixSocketPerm) == 0750);
  CHECK(settings.valueText(Setting::kUnixSocketPerm) == "750");
  const auto [text, error] = GENERATE(table<std::string, std::string>({
      {"780", "argument couldn't be parsed as an octal number"},
      {"", "argument couldn't be parsed as an octal number"},
      {"1777", "argument must be between 0 and 777 inclusive"},
      {"-1", "argument must be between 0 and 777 inclusive"},
  }));
  const Status status = settings.set("unixsocketperm", text, Source::kFile);
  REQUIRE(!status.ok());
  CHECK(status.error().message == "setting 'unixsocketperm': " + error);
}

TEST_CASE("CONFIG SET refuses with Redis's words, and changes nothing then") {
  struct Row {
    Pairs pairs;
    std::string error;
  };
  const std::string related = "CONFIG SET failed (possibly related to argument ";
  const Row row = GENERATE_COPY(values<Row>({
      {{{"nope", "1"}}, "Unknown option or number of arguments for CONFIG SET - 'nope'"},
      {{{"timeout", "abc"}}, related + "'timeout') - argument couldn't be parsed into an integer"},
      {{{"timeout", "1s"}}, related + "'timeout') - argument couldn't be parsed into an integer"},
      {{{"timeout", ""}}, related + "'timeout') - argument couldn't be parsed into an integer"},
      {{{"timeout", "99999999999999999999"}}, related + "'timeout') - argument couldn't be parsed into an integer"},
      {{{"timeout", "-1"}}, related + "'timeout') - argument must be between 0 and 2147483647 inclusive"},
      {{{"maxmemory", "lots"}}, related + "'maxmemory') - argument must be a memory value"},
      {{{"proto-max-bulk-len", "1k"}},
       related + "'proto-max-bulk-len') - argument must be between 1048576 and 4294967295 inclusive"},
      {{{"appendfsync", "often"}}, related + "'appendfsync') - argument(s) must be one of the following: always, everysec, no"},
      {{{"databases", "7"}}, related + "'databases') - can't set immutable config"},
      {{{"appendonly", "yes"}}, related + "'appendonly') - can't set immutable config"},
      {{{"save", "900 1"}}, related + "'save') - can't set immutable config"},
      {{{"timeout", "5"}, {"TIMEOUT", "6"}}, related + "'TIMEOUT') - duplicate parameter"},
      {{{"maxmemory-clients", "lots"}}, related + "'maxmemory-clients') - argument must be a memory or percent value"},
      {{{"maxmemory-clients", "101%"}}, related + "'maxmemory-clients') - percentage argument must be less or equal to 100"},
      {{{"maxmemory-policy", "lru"}},
       related + "'maxmemory-policy') - argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, "
                 "volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction"},
      {{{"timeout", "5"}, {"maxmemory", "x"}}, related + "'maxmemory') - argument must be a memory value"},
  }));
  Settings settings;
  const std::uint64_t version = settings.version();
  const Status status = settings.configSet(row.pairs);
  REQUIRE(!status.ok());
  CHECK(status.error().message == row.error);
  CHECK(settings.version() == version);
  CHECK(settings.integer(Setting::kTimeout) == 0);
}

TEST_CASE("CONFIG SET changes all its settings, and tells who listens") {
  Settings settings;
  int seen = 0;
  const std::uint64_t handle = settings.observe(Setting::kMaxMemory, [&] {
    ++seen;
    CHECK(settings.integer(Setting::kMaxMemory) == 100 << 20);
  });
  const std::uint64_t version = settings.version();
  REQUIRE(settings.configSet(Pairs{{"maxmemory", "100mb"}, {"appendfsync", "always"}, {"save", ""}, {"port", "6379"}}).ok());
  CHECK(seen == 1);
  CHECK(settings.version() == version + 2);
  CHECK(settings.valueText(Setting::kAppendFsync) == "always");
  REQUIRE(settings.configSet(Pairs{{"maxmemory", "104857600"}}).ok());  // the same value
  CHECK(seen == 1);
  settings.stopObserving(handle);
  REQUIRE(settings.configSet(Pairs{{"maxmemory", "0"}}).ok());
  CHECK(seen == 1);
}

TEST_CASE("whoever guards settings is asked before they change, and told of all that a call changes") {
  Settings settings;
  std::vector<std::string> asked;
  bool accepts = true;
  int followed = 0;
  const auto prepare = [&](const Settings::Values& value) -> Result<Settings::Follow> {
    asked.push_back(value(Setting::kTlsCertFile) + " " + value(Setting::kTlsKeyFile) + " " + value(Setting::kTimeout));
    CHECK(settings.text(Setting::kTlsCertFile) != "new");  // it is not in force yet
    if (!accepts) {
      return Error(ErrorCode::kInvalid, "no such file");
    }
    return Settings::Follow([&] { ++followed; });
  };
  const std::uint64_t other = settings.guard({Setting::kTimeout}, [&](const Settings::Values&) -> Result<Settings::Follow> {
    return Settings::Follow([&] { followed += 100; });
  });
  const std::uint64_t handle = settings.guard({Setting::kTlsCertFile, Setting::kTlsKeyFile}, prepare);
  REQUIRE(settings.configSet(Pairs{{"timeout", "7"}}).ok());
  CHECK(asked.empty());
  REQUIRE(settings.configSet(Pairs{{"tls-cert-file", "a"}, {"timeout", "8"}, {"tls-key-file", "b"}}).ok());
  CHECK(asked == std::vector<std::string>{"a b 8"});
  REQUIRE(settings.configSet(Pairs{{"tls-cert-file", "a"}}).ok());  // the same name; perhaps not the same file
  CHECK(asked.back() == "a b 8");
  CHECK(asked.size() == 2);
  CHECK(followed == 202);

  accepts = false;
  const Status refused = settings.configSet(Pairs{{"timeout", "9"}, {"tls-cert-file", "new"}});
  REQUIRE(!refused.ok());
  CHECK(refused.error().message == "CONFIG SET failed (possibly related to argument 'tls-cert-file') - no such file");
  CHECK(settings.text(Setting::kTlsCertFile) == "a");
  CHECK(settings.integer(Setting::kTimeout) == 8);
  CHECK(followed == 202);  // nor has he who was asked before

  settings.stopObserving(other);
  settings.stopObserving(handle);
  CHECK(settings.configSet(Pairs{{"tls-cert-file", "new"}}).ok());
}

TEST_CASE("CONFIG GET finds by glob patterns, each setting once") {
  const Settings settings;
  const auto get = [&](std::vector<std::string_view> patterns) { return settings.configGet(patterns); };
  using Found = std::vector<std::pair<std::string, std::string>>;
  CHECK(get({"maxmemory"}) == Found{{"maxmemory", "0"}});
  CHECK(get({"MaxMemory"}) == Found{{"MaxMemory", "0"}});  // as it was asked for
  CHECK(get({"MAXMEMORY*"}) ==
        Found{{"maxmemory", "0"}, {"maxmemory-clients", "0"}, {"maxmemory-policy", "noeviction"}, {"maxmemory-samples", "5"}});
  CHECK(get({"appendfsync", "app*sync", "save"}) == Found{{"appendfsync", "everysec"}, {"save", ""}});
  CHECK(get({"proto-max-bulk-len"}) == Found{{"proto-max-bulk-len", "536870912"}});
  CHECK(get({"log-file"}) == Found{{"log-file", ""}});
  CHECK(get({"nothing"}).empty());
  CHECK(get({"*"}).size() >= settingSpecs().size());
}

TEST_CASE("a source never overrides a higher one, in whatever order they are loaded") {
  Settings settings;
  const auto port = [&] { return settings.integer(Setting::kPort); };
  REQUIRE(settings.set("port", "2", Source::kEnvironment).ok());
  CHECK(port() == 2);
  REQUIRE(settings.loadText("port 1\ntimeout 10\n", "f").ok());
  CHECK(port() == 2);
  REQUIRE(settings.set("port", "3", Source::kCommandLine).ok());
  REQUIRE(settings.set("port", "4", Source::kEnvironment).ok());
  CHECK(port() == 3);
  REQUIRE(settings.set("timeout", "20", Source::kCommandLine).ok());
  REQUIRE(settings.configSet(Pairs{{"timeout", "30"}}).ok());
  CHECK(settings.integer(Setting::kTimeout) == 30);
}

TEST_CASE("a configuration file: comments, blanks, quotes, and errors with their line") {
  Settings settings;
  REQUIRE(settings
              .loadText("# a comment\n\n  port   7000  \r\nbind \"0.0.0.0 ::1\"\n\tDIR '/tmp/a b'\nsave \"\"\n"
                        "appendfsync always",
                        "trefoil.conf")
              .ok());
  CHECK(settings.integer(Setting::kPort) == 7000);
  CHECK(settings.text(Setting::kBind) == "0.0.0.0 ::1");
  CHECK(settings.text(Setting::kDir) == "/tmp/a b");
  CHECK(settings.flag(Setting::kAppendOnly));
  CHECK(settings.choice<FsyncPolicy>(Setting::kAppendFsync) == FsyncPolicy::kAlways);

  const auto [text, error] = GENERATE(table<std::string, std::string>({
      {"port 1\nprot 2\n", "c:2: there is no setting 'prot'"},
      {"port 70000\n", "c:1: setting 'port': argument must be between 0 and 65535 inclusive"},
      {"\n\nport\n", "c:3: setting 'port' has no value"},
      {"appendonly no", "c:1: setting 'appendonly': can't set immutable config"},
      {"dir \"a\tb\"", "c:1: setting 'dir': argument must not contain control characters"},
  }));
  const Status status = settings.loadText(text, "c");
  REQUIRE(!status.ok());
  CHECK(status.error().message == error);
}

TEST_CASE("settings come from a file on disk and from the environment") {
  const testing::TemporaryDirectory directory;
  const std::string path = directory / "trefoil.conf";
  REQUIRE(Env::system().open(path, Env::OpenMode::kCreateNew).value()->write(0, "maxmemory 1gb\nthreads 2\n").ok());
  Settings settings;
  REQUIRE(settings.loadFile(Env::system(), path).ok());
  CHECK(settings.integer(Setting::kMaxMemory) == 1 << 30);
  CHECK_FALSE(settings.loadFile(Env::system(), path + "x").ok());

  const char* const environment[] = {
      "HOME=/", "TREFOIL_THREADS=3", "TREFOIL_HNSW_EF_SEARCH=77", "TREFOIL_UNRELATED=x", "TREFOIL_", nullptr};
  REQUIRE(settings.loadEnvironment(environment).ok());
  CHECK(settings.integer(Setting::kThreads) == 3);
  CHECK(settings.integer(Setting::kHnswEfSearch) == 77);
  const char* const wrong[] = {"TREFOIL_PORT=http", nullptr};
  const Status status = settings.loadEnvironment(wrong);
  REQUIRE(!status.ok());
  CHECK(status.error().message == "TREFOIL_PORT: setting 'port': argument couldn't be parsed into an integer");
}

TEST_CASE("settings are read while they are changed") {
  Settings settings;
  std::atomic<bool> stop = false;
  bool torn = false;
  std::thread reader([&] {
    while (!stop) {
      const std::string dir = settings.text(Setting::kDir);
      const std::int64_t timeout = settings.integer(Setting::kTimeout);
      torn = torn || (!dir.empty() && dir != std::string(dir.size(), dir[0])) || timeout % 7 != 0;
    }
  });
  for (int i = 0; i < 2000; ++i) {
    CHECK(settings.set("dir", std::string(1 + i % 50, static_cast<char>('a' + i % 26)), Source::kCommandLine).ok());
    CHECK(settings.configSet(Pairs{{"timeout", std::to_string(7 * i)}}).ok());
  }
  stop = true;
  reader.join();
  CHECK_FALSE(torn);
}

}  // namespace
}  // namespace trefoil
