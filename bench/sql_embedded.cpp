// SQL inside the program, prepared statements, a million rows (id pk, k, grp, price, name), everything in memory, on one CPU:
//
//   beside SQLite     point select, update by key (autocommit, and in a transaction), insert in a transaction
//   beside DuckDB     group by 100 groups, filter and count (and SQLite's time for the same)
//
// CPU time of the process for each operation; rounds alternate between the engines; medians.
//
//   bench_sql_embedded [--rows N] [--rounds N] [--all-cpus]
//
// DuckDB is a shared library that is looked up at run time, and left out with a line when it is not there: $TREFOIL_DUCKDB names
// libduckdb.so, for example the one in the npm package @duckdb/node-bindings-linux-x64.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <dlfcn.h>
#include <sched.h>

#include "engine/database.hpp"

#ifdef TREFOIL_HAVE_SQLITE3
#include <sqlite3.h>
#endif

namespace {

std::int64_t rows = 1000000;
std::size_t rounds = 5;

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "bench_sql_embedded: %s\n", message.c_str());
  std::exit(1);
}

// The same row in every engine.
struct Row {
  explicit Row(std::int64_t id_in)
      : id(id_in),
        k(id_in * 7919 % 1000003),
        group(id_in * 31 % 100),
        price(static_cast<double>(id_in * 7919 % 1000) * 0.25),
        name("name " + std::to_string(id_in)) {}
  std::int64_t id;
  std::int64_t k;
  std::int64_t group;
  double price;
  std::string name;
};

constexpr const char* kCreate = "CREATE TABLE t (id BIGINT PRIMARY KEY, k BIGINT, grp BIGINT, price DOUBLE PRECISION, name TEXT)";
constexpr const char* kInsert = "INSERT INTO t VALUES ($1, $2, $3, $4, $5)";
constexpr const char* kSelect = "SELECT name, price FROM t WHERE id = $1";
constexpr const char* kUpdate = "UPDATE t SET price = $2 WHERE id = $1";
constexpr const char* kGroup = "SELECT grp, count(*), sum(price) FROM t GROUP BY grp";
constexpr const char* kFilter = "SELECT count(*) FROM t WHERE price < 100";

// One engine under test. Every call ends the program with the engine's message if it fails.
class Engine {
 public:
  virtual ~Engine() = default;
  [[nodiscard]] virtual const char* name() const = 0;
  virtual void run(const char* sql) = 0;
  virtual void insert(const Row& row) = 0;
  virtual double select(std::int64_t id) = 0;
  virtual void update(std::int64_t id, double price) = 0;
  // The sum of all numbers in the answer: that it is the same everywhere is checked.
  virtual double analyse(const char* sql) = 0;
};

class Trefoil final : public Engine {
 public:
  Trefoil() : database_(value(trefoil::Database::open({}))), session_(database_->connect()) {
    run(kCreate);
    insert_ = value(session_->prepare(kInsert));
    select_ = value(session_->prepare(kSelect));
    update_ = value(session_->prepare(kUpdate));
  }
  [[nodiscard]] const char* name() const override { return "trefoil"; }
  void run(const char* sql) override { (void)value(session_->execute(sql)); }
  void insert(const Row& row) override {
    using trefoil::Datum;
    const Datum parameters[] = {Datum::integer(row.id), Datum::integer(row.k), Datum::integer(row.group), Datum::real(row.price),
                                Datum::text(row.name)};
    check(insert_->execute(parameters, result_));
  }
  double select(std::int64_t id) override {
    const trefoil::Datum parameters[] = {trefoil::Datum::integer(id)};
    check(select_->execute(parameters, result_));
    const auto row = *result_.begin();
    return row[1].asReal() + static_cast<double>(row[0].asBytes().size());
  }
  void update(std::int64_t id, double price) override {
    const trefoil::Datum parameters[] = {trefoil::Datum::integer(id), trefoil::Datum::real(price)};
    check(update_->execute(parameters, result_));
  }
  double analyse(const char* sql) override {
    auto& statement = analyses_[sql];
    if (!statement) {
      statement = value(session_->prepare(sql));
    }
    check(statement->execute({}, result_));
    double sum = 0;
    for (const auto row : result_) {
      for (std::size_t column = 0; column < result_.columnInfo().size(); ++column) {
        const trefoil::Datum datum = row[column];
        sum += datum.isFixed() ? static_cast<double>(datum.asInteger()) : datum.asReal();
      }
    }
    return sum;
  }

 private:
  template <typename T>
  static T value(trefoil::Result<T> result) {
    if (!result.ok()) {
      fail("trefoil: " + result.error().message);
    }
    return std::move(result).value();
  }
  static void check(trefoil::Status status) {
    if (!status.ok()) {
      fail("trefoil: " + status.error().message);
    }
  }

  std::unique_ptr<trefoil::Database> database_;
  std::unique_ptr<trefoil::Session> session_;
  std::unique_ptr<trefoil::PreparedStatement> insert_;
  std::unique_ptr<trefoil::PreparedStatement> select_;
  std::unique_ptr<trefoil::PreparedStatement> update_;
  std::map<const char*, std::unique_ptr<trefoil::PreparedStatement>> analyses_;
  trefoil::ResultSet result_;
};

#ifdef TREFOIL_HAVE_SQLITE3
class Sqlite final : public Engine {
 public:
  Sqlite() {
    check(sqlite3_open(":memory:", &database_));
    run("CREATE TABLE t (id INTEGER PRIMARY KEY, k INT, grp INT, price REAL, name TEXT)");
    insert_ = prepare("INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5)");
    select_ = prepare("SELECT name, price FROM t WHERE id = ?1");
    update_ = prepare("UPDATE t SET price = ?2 WHERE id = ?1");
  }
  ~Sqlite() override {
    for (sqlite3_stmt* statement : {insert_, select_, update_}) {
      sqlite3_finalize(statement);
    }
    sqlite3_close(database_);
  }
  [[nodiscard]] const char* name() const override { return "SQLite"; }
  void run(const char* sql) override { check(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr)); }
  void insert(const Row& row) override {
    sqlite3_bind_int64(insert_, 1, row.id);
    sqlite3_bind_int64(insert_, 2, row.k);
    sqlite3_bind_int64(insert_, 3, row.group);
    sqlite3_bind_double(insert_, 4, row.price);
    sqlite3_bind_text(insert_, 5, row.name.data(), static_cast<int>(row.name.size()), SQLITE_STATIC);
    finish(insert_);
  }
  double select(std::int64_t id) override {
    sqlite3_bind_int64(select_, 1, id);
    if (sqlite3_step(select_) != SQLITE_ROW) {
      fail("SQLite: no row");
    }
    const double sum = sqlite3_column_double(select_, 1) + sqlite3_column_bytes(select_, 0);
    sqlite3_reset(select_);
    return sum;
  }
  void update(std::int64_t id, double price) override {
    sqlite3_bind_int64(update_, 1, id);
    sqlite3_bind_double(update_, 2, price);
    finish(update_);
  }
  double analyse(const char* sql) override {
    sqlite3_stmt* const statement = prepare(sql);
    double sum = 0;
    while (sqlite3_step(statement) == SQLITE_ROW) {
      for (int column = 0; column < sqlite3_column_count(statement); ++column) {
        sum += sqlite3_column_double(statement, column);
      }
    }
    sqlite3_finalize(statement);
    return sum;
  }

 private:
  void check(int code) {
    if (code != SQLITE_OK) {
      fail(std::string("SQLite: ") + sqlite3_errmsg(database_));
    }
  }
  sqlite3_stmt* prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr));
    return statement;
  }
  void finish(sqlite3_stmt* statement) {
    if (sqlite3_step(statement) != SQLITE_DONE) {
      fail(std::string("SQLite: ") + sqlite3_errmsg(database_));
    }
    sqlite3_reset(statement);
  }

  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* select_ = nullptr;
  sqlite3_stmt* update_ = nullptr;
};
#endif

// The part of DuckDB's stable C interface that is needed, so that its header need not be there to compile.
class DuckDb final : public Engine {
 public:
  static std::unique_ptr<DuckDb> load() {
    const char* const path = std::getenv("TREFOIL_DUCKDB");
    void* const library = dlopen(path != nullptr ? path : "libduckdb.so", RTLD_NOW | RTLD_LOCAL);
    return library != nullptr ? std::unique_ptr<DuckDb>(new DuckDb(library)) : nullptr;
  }
  [[nodiscard]] const char* name() const override { return "DuckDB"; }
  void run(const char* sql) override { (void)analyse(sql); }
  void insert(const Row&) override {}  // filled by one statement, see fillFromRange
  double select(std::int64_t) override { return 0; }
  void update(std::int64_t, double) override {}
  void fillFromRange(std::int64_t count) {
    run("CREATE TABLE t (id BIGINT PRIMARY KEY, k BIGINT, grp BIGINT, price DOUBLE, name TEXT)");
    run(("INSERT INTO t SELECT i, i * 7919 % 1000003, i * 31 % 100, (i * 7919 % 1000) * 0.25, 'name ' || i FROM range(" +
         std::to_string(count) + ") r(i)")
            .c_str());
  }
  double analyse(const char* sql) override {
    Answer answer{};
    if (query_(connection_, sql, &answer) != 0) {
      fail(std::string("DuckDB: ") + error_(&answer));
    }
    double sum = 0;
    for (std::uint64_t row = 0; row < row_count_(&answer); ++row) {
      for (std::uint64_t column = 0; column < column_count_(&answer); ++column) {
        sum += value_double_(&answer, column, row);
      }
    }
    destroy_(&answer);
    return sum;
  }

 private:
  struct Answer {  // duckdb_result
    std::uint64_t counts[3];
    void* pointers[3];
  };

  explicit DuckDb(void* library) {
    const auto find = [&](auto& function, const char* symbol) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, symbol));
      if (function == nullptr) {
        fail(std::string("libduckdb.so has no ") + symbol);
      }
    };
    int (*open)(const char*, void**) = nullptr;
    int (*connect)(void*, void**) = nullptr;
    find(open, "duckdb_open");
    find(connect, "duckdb_connect");
    find(query_, "duckdb_query");
    find(error_, "duckdb_result_error");
    find(row_count_, "duckdb_row_count");
    find(column_count_, "duckdb_column_count");
    find(value_double_, "duckdb_value_double");
    find(destroy_, "duckdb_destroy_result");
    if (open(nullptr, &database_) != 0 || connect(database_, &connection_) != 0) {
      fail("DuckDB does not open");
    }
  }

  void* database_ = nullptr;
  void* connection_ = nullptr;
  int (*query_)(void*, const char*, Answer*) = nullptr;
  const char* (*error_)(Answer*) = nullptr;
  std::uint64_t (*row_count_)(Answer*) = nullptr;
  std::uint64_t (*column_count_)(Answer*) = nullptr;
  double (*value_double_)(Answer*, std::uint64_t, std::uint64_t) = nullptr;
  void (*destroy_)(Answer*) = nullptr;
};

double cpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

volatile double sink;

// Rounds of `body` on each engine in turn; the median CPU seconds for one of `count` operations.
std::vector<double> measure(const std::vector<Engine*>& engines, std::size_t count,
                            const std::function<void(Engine&, std::size_t round)>& body) {
  std::vector<std::vector<double>> times(engines.size());
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t e = 0; e < engines.size(); ++e) {
      const double begin = cpuSeconds();
      body(*engines[e], round);
      times[e].push_back((cpuSeconds() - begin) / static_cast<double>(count));
    }
  }
  std::vector<double> medians;
  for (const auto& one : times) {
    medians.push_back(median(one));
  }
  return medians;
}

void print(const char* what, const std::vector<Engine*>& engines, const std::vector<double>& seconds, double unit,
           const char* unit_name) {
  std::printf("  %-34s", what);
  for (std::size_t e = 0; e < engines.size(); ++e) {
    std::printf("  %s %8.3f %s", engines[e]->name(), seconds[e] * unit, unit_name);
  }
  for (std::size_t e = 1; e < engines.size(); ++e) {
    std::printf("   %.2fx the speed of %s", seconds[e] / seconds[0], engines[e]->name());
  }
  std::printf("\n");
  std::fflush(stdout);
}

void fill(Engine& engine) {
  engine.run("BEGIN");
  for (std::int64_t id = 0; id < rows; ++id) {
    engine.insert(Row(id));
  }
  engine.run("COMMIT");
}

void pointStatements(const std::vector<Engine*>& engines) {
  constexpr std::size_t kOperations = 200000;
  const auto draw = [](std::size_t round) { return std::mt19937_64(round + 1); };
  const auto random_id = [](std::mt19937_64& random) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(rows));
  };
  print("point select", engines,
        measure(engines, kOperations,
                [&](Engine& engine, std::size_t round) {
                  std::mt19937_64 random = draw(round);
                  double sum = 0;
                  for (std::size_t i = 0; i < kOperations; ++i) {
                    sum += engine.select(random_id(random));
                  }
                  sink = sum;
                }),
        1e6, "us");
  for (const bool transaction : {false, true}) {
    print(transaction ? "update by key, in a transaction" : "update by key, autocommit", engines,
          measure(engines, kOperations,
                  [&](Engine& engine, std::size_t round) {
                    std::mt19937_64 random = draw(round);
                    if (transaction) {
                      engine.run("BEGIN");
                    }
                    for (std::size_t i = 0; i < kOperations; ++i) {
                      const std::int64_t id = random_id(random);
                      engine.update(id,
                                    static_cast<double>(id * 7919 % 1000) * 0.25);  // what it was: the analyses stay comparable
                    }
                    if (transaction) {
                      engine.run("COMMIT");
                    }
                  }),
          1e6, "us");
  }
  print("insert, in a transaction", engines,
        measure(engines, kOperations,
                [&](Engine& engine, std::size_t round) {
                  const std::int64_t first = rows + static_cast<std::int64_t>(round * kOperations);
                  engine.run("BEGIN");
                  for (std::int64_t id = first; id < first + static_cast<std::int64_t>(kOperations); ++id) {
                    engine.insert(Row(id));
                  }
                  engine.run("COMMIT");
                }),
        1e6, "us");
  for (Engine* engine : engines) {
    engine->run(("DELETE FROM t WHERE id >= " + std::to_string(rows)).c_str());
  }
}

void analyses(const std::vector<Engine*>& engines) {
  for (const auto& question : {std::pair{"group by 100 groups", kGroup}, std::pair{"filter and count", kFilter}}) {
    const auto& what = question.first;
    const auto& sql = question.second;
    std::vector<double> answers;
    for (Engine* engine : engines) {
      answers.push_back(engine->analyse(sql));
      if (answers.back() != answers.front()) {
        fail(std::string(what) + ": " + engine->name() + " answers differently");
      }
    }
    print(what, engines, measure(engines, 1, [&](Engine& engine, std::size_t) { sink = engine.analyse(sql); }), 1e3, "ms");
  }
}

}  // namespace

int main(int argc, char** argv) {
  bool one_cpu = true;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--all-cpus") {
      one_cpu = false;
    } else if (option == "--rows" && i + 1 < argc) {
      rows = std::strtoll(argv[++i], nullptr, 10);
    } else if (option == "--rounds" && i + 1 < argc) {
      rounds = std::strtoull(argv[++i], nullptr, 10);
    } else {
      std::fprintf(stderr, "usage: bench_sql_embedded [--rows N] [--rounds N] [--all-cpus]\n");
      return 2;
    }
  }
  if (one_cpu) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(sched_getcpu(), &cpus);
    sched_setaffinity(0, sizeof(cpus), &cpus);
  }
  std::printf("%lld rows, prepared statements, in memory, %s, CPU time, medians of %zu rounds\n", static_cast<long long>(rows),
              one_cpu ? "one CPU" : "all CPUs", rounds);
  Trefoil trefoil;
  std::vector<Engine*> engines{&trefoil};
#ifdef TREFOIL_HAVE_SQLITE3
  Sqlite sqlite;
  engines.push_back(&sqlite);
#else
  std::printf("  SQLite was not there when this was built (scripts/deps --bench): left out\n");
#endif
  for (Engine* engine : engines) {
    fill(*engine);
  }
  pointStatements(engines);
  const std::unique_ptr<DuckDb> duck = DuckDb::load();
  if (duck != nullptr) {
    duck->run(one_cpu ? "SET threads = 1" : "SELECT 1");
    duck->fillFromRange(rows);
    engines.insert(engines.begin() + 1, duck.get());
  } else {
    std::printf("  DuckDB is not there (TREFOIL_DUCKDB=…/libduckdb.so): left out\n");
  }
  analyses(engines);
  return 0;
}
