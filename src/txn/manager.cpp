#include "txn/manager.hpp"

#include "txn/load.hpp"

namespace trefoil::txn {

Result<std::unique_ptr<Manager>> Manager::open(const ManagerOptions& options) {
  Env& env = options.env != nullptr ? *options.env : Env::system();
  std::unique_ptr<Manager> manager(new Manager);
  if (!options.directory.empty()) {
    if (Status recovered = manager->recover(env, options); !recovered.ok()) {
      Error error = std::move(recovered).error();
      if (error.code == ErrorCode::kCorruption && error.hint.empty()) {
        error.hint = "run 'trefoil check " + options.directory + "': it explains the damage";
      }
      return error;
    }
    return manager;
  }
  kv::StoreOptions kv = options.kv;
  env.randomBytes({reinterpret_cast<char*>(&kv.hash_seed), sizeof kv.hash_seed});
  manager->kv_ = std::make_unique<kv::Store>(manager->versions_, kv);
  manager->sql_ = std::make_unique<sql::Store>(manager->versions_);
  manager->start(1);
  return manager;
}

Manager::~Manager() = default;

Status Manager::recover(Env& env, const ManagerOptions& options) {
  TREFOIL_ASSIGN(std::unique_ptr<aof::Recovery> recovery, aof::Recovery::open(env, options.directory, options.log));
  kv::StoreOptions kv = options.kv;
  kv.hash_seed = recovery->manifest().hash_seed;
  kv_ = std::make_unique<kv::Store>(versions_, kv);
  sql_ = std::make_unique<sql::Store>(versions_);
  const std::uint64_t next_unit = recovery->manifest().next_unit;
  TREFOIL_TRY(load(*recovery, versions_, *kv_, *sql_));
  TREFOIL_ASSIGN(log_, recovery->finish());
  report_ = recovery->report();
  start(next_unit);
  return {};
}

void Manager::start(std::uint64_t next_unit) {
  committer_.emplace(versions_, *kv_, *sql_, log_.get());
  checkpoints_.emplace(*committer_, *kv_, *sql_, log_.get(), next_unit);
}

}  // namespace trefoil::txn
