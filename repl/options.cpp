#include "repl/options.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>

namespace trefoil::repl {
namespace {

constexpr const char* kVersion = "trefoil 0.1.0";

// What the command line says about settings, by name.
using SettingTexts = std::map<std::string, std::string>;

void addSettings(CLI::App& app, SettingTexts& texts) {
  for (const SettingSpec& spec : settingSpecs()) {
    if (spec.change == SettingSpec::Change::kFixed || spec.id == Setting::kDir) {
      continue;
    }
    const std::string name(spec.name);
    app.add_option_function<std::string>(
           "--" + name, [&texts, name](const std::string& value) { texts[name] = value; },
           std::string(spec.doc) + (spec.default_text.empty() ? "" : " [" + std::string(spec.default_text) + "]"))
        ->type_name("VALUE")
        ->group("Settings");
  }
}

// DIR and --dir mean the same.
void addDirectory(CLI::App& app, std::string& positional, std::string& option) {
  app.add_option("DIR", positional, "Data directory; without one everything lives in memory only");
  app.add_option("--dir", option, "The same as DIR");
}

void addShellOptions(CLI::App& app, Options& options, std::string& mode) {
  app.add_option("-c,--command", options.statements, "Runs these statements instead of reading standard input")
      ->type_name("STATEMENTS")
      ->allow_extra_args(false);
  app.add_option("--mode", mode, "How answers look: table (on a terminal), raw (otherwise), csv or json")
      ->type_name("MODE")
      ->check(CLI::IsMember({"table", "raw", "csv", "json"}));
  app.add_flag("--continue-on-error", options.continue_on_error, "A script goes on after a statement that failed");
}

Status loadSettings(const Options& options, const SettingTexts& texts, const std::string& directory, Settings& settings) {
  if (!options.config_file.empty()) {
    TREFOIL_TRY(settings.loadFile(Env::system(), options.config_file));
  }
  TREFOIL_TRY(settings.loadEnvironment(environ));
  for (const auto& [name, value] : texts) {
    TREFOIL_TRY(settings.set(name, value, Settings::Source::kCommandLine));
  }
  if (!directory.empty()) {
    TREFOIL_TRY(settings.set("dir", directory, Settings::Source::kCommandLine));
  }
  return {};
}

}  // namespace

std::optional<Options> parseOptions(int count, char** arguments, Settings& settings, int& exit_code) {
  Options options;
  SettingTexts texts;
  std::string positional;
  std::string directory;
  std::string mode;
  CLI::App app("Trefoil: a key-value store, a SQL engine and a vector index over one transaction log.", "trefoil");
  app.set_version_flag("--version", kVersion);
  app.add_option("--config", options.config_file, "Configuration file: lines of `name value`")->type_name("FILE");
  addDirectory(app, positional, directory);
  addShellOptions(app, options, mode);
  addSettings(app, texts);
  app.require_subcommand(0, 1);

  CLI::App* const serve = app.add_subcommand("serve", "Serves a database to Redis clients");
  serve->add_option("--config", options.config_file, "Configuration file: lines of `name value`")->type_name("FILE");
  addDirectory(*serve, positional, directory);
  addSettings(*serve, texts);

  CLI::App* const connect = app.add_subcommand("connect", "Opens the shell on a server");
  connect->add_option("URL", options.url, "redis://[[user]:password@]host[:port][/database]")->required();
  addShellOptions(*connect, options, mode);

  CLI::App* const check = app.add_subcommand("check", "Verifies the files of a data directory");
  addDirectory(*check, positional, directory);
  check->add_flag("--repair", options.repair, "Cuts the log at the first damage; what is behind it is lost");

  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    // CLI11 has codes of its own; ours are 0 and 2, as usual for a wrong command line.
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  options.action = serve->parsed()     ? Action::kServe
                   : connect->parsed() ? Action::kConnect
                   : check->parsed()   ? Action::kCheck
                                       : Action::kShell;
  options.mode = modeByName(mode);
  Status status;
  if (!positional.empty() && !directory.empty() && positional != directory) {
    status = Error(ErrorCode::kInvalid, "two directories given: " + positional + " and " + directory);
  } else {
    status = loadSettings(options, texts, positional.empty() ? directory : positional, settings);
  }
  if (!status.ok()) {
    std::cerr << "trefoil: " << status.error().message << '\n';
    exit_code = 2;
    return std::nullopt;
  }
  return options;
}

}  // namespace trefoil::repl
