#include "repl/options.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <sstream>

#include "repl/directory_argument.hpp"
#include "repl/fail.hpp"

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

// The two ways to name a directory.
struct Directory {
  std::optional<std::string> word;
  std::optional<std::string> option;
};

void addDirectory(CLI::App& app, Directory& directory) {
  app.add_option("DIR", directory.word, "Data directory; without one everything lives in memory only");
  app.add_option("--dir", directory.option, "The same, for names that DIR refuses to make a new database of");
}

// What was named, if anything was.
Result<std::string> chosenDirectory(const Directory& directory, Action action) {
  if (directory.word && directory.option) {
    return Error(ErrorCode::kInvalid, "two directories given: " + *directory.word + " and " + *directory.option);
  }
  const std::optional<std::string>& chosen = directory.word ? directory.word : directory.option;
  if (chosen && chosen->empty()) {
    return Error(ErrorCode::kInvalid, "the name of the data directory is empty")
        .withHint("without a directory everything lives in memory");
  }
  if (directory.word && action != Action::kCheck) {
    TREFOIL_TRY(checkDirectoryArgument(*directory.word));
  }
  return chosen.value_or("");
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

void addConnectOptions(CLI::App& app, ConnectOptions& options) {
  app.add_option("URL", options.url, "redis://[[user]:password@]host[:port][/database]; rediss:// is the same with --tls");
  app.add_option("-s,--socket", options.socket, "Connects to this unix socket; a URL may give login and database then")
      ->type_name("PATH");
  app.add_flag("--tls", options.tls, "Speaks TLS");
  app.add_option("--cacert", options.ca_certificate, "Certificates of the CAs that are trusted [those that the system trusts]")
      ->type_name("FILE");
  app.add_option("--cert", options.certificate, "The certificate to show to a server that asks for one, with the chain behind it")
      ->type_name("FILE");
  app.add_option("--key", options.key, "The certificate's private key")->type_name("FILE");
  app.add_option("--sni", options.sni, "The name that the server is asked for and whose its certificate must be [the host]")
      ->type_name("NAME");
  app.add_flag("--insecure", options.insecure, "Takes any certificate of the server's");
}

Status loadSettings(const Options& options, const SettingTexts& texts, const Directory& directory, Settings& settings) {
  if (!options.statements.empty() && options.action != Action::kShell && options.action != Action::kConnect) {
    return Error(ErrorCode::kInvalid, "-c belongs to the shell: serve and check run no statements");
  }
  TREFOIL_ASSIGN(const std::string chosen, chosenDirectory(directory, options.action));
  if (!options.config_file.empty()) {
    TREFOIL_TRY(settings.loadFile(Env::system(), options.config_file));
  }
  TREFOIL_TRY(settings.loadEnvironment(environ));
  for (const auto& [name, value] : texts) {
    TREFOIL_TRY(settings.set(name, value, Settings::Source::kCommandLine));
  }
  if (!chosen.empty()) {
    TREFOIL_TRY(settings.set("dir", chosen, Settings::Source::kCommandLine));
  }
  return {};
}

}  // namespace

std::optional<Options> parseOptions(int count, char** arguments, Settings& settings, int& exit_code) {
  Options options;
  SettingTexts texts;
  Directory directory;
  std::string mode;
  std::string topic;
  ConnectOptions connection;
  CLI::App app("Trefoil: a key-value store, a SQL engine and a vector index over one transaction log.", "trefoil");
  app.set_version_flag("--version", kVersion);
  app.add_option("--config", options.config_file, "Configuration file: lines of `name value`")->type_name("FILE");
  addDirectory(app, directory);
  addShellOptions(app, options, mode);
  addSettings(app, texts);
  app.require_subcommand(0, 1);

  CLI::App* const serve = app.add_subcommand("serve", "Serves a database to Redis clients");
  serve->add_option("--config", options.config_file, "Configuration file: lines of `name value`")->type_name("FILE");
  addDirectory(*serve, directory);
  addSettings(*serve, texts);

  CLI::App* const connect = app.add_subcommand("connect", "Opens the shell on a server");
  addConnectOptions(*connect, connection);
  addShellOptions(*connect, options, mode);

  CLI::App* const check = app.add_subcommand("check", "Verifies the files of a data directory");
  addDirectory(*check, directory);
  check->add_flag("--repair", options.repair, "Cuts the log at the first damage; what is behind it is lost");

  CLI::App* const help = app.add_subcommand("help", "Shows this, or what a subcommand takes");
  help->add_option("SUBCOMMAND", topic)->check(CLI::IsMember({"serve", "connect", "check"}));
  CLI::App* const version = app.add_subcommand("version", "Shows the version");

  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    // CLI11 has codes of its own; ours are 0 and 2, as usual for a wrong command line.
    std::ostringstream out;
    std::ostringstream complaint;
    exit_code = app.exit(error, out, complaint) == 0 ? 0 : 2;
    std::cout << out.str();
    writeError(complaint.str());
    return std::nullopt;
  }
  if (version->parsed()) {
    std::cout << kVersion << '\n';
    return std::nullopt;
  }
  if (help->parsed()) {
    app.clear();  // otherwise it is the subcommand `help` that is explained
    std::cout << (topic.empty() ? app.help() : app.get_subcommand(topic)->help("trefoil"));
    return std::nullopt;
  }
  options.action = serve->parsed()     ? Action::kServe
                   : connect->parsed() ? Action::kConnect
                   : check->parsed()   ? Action::kCheck
                                       : Action::kShell;
  options.mode = modeByName(mode);
  Status status = loadSettings(options, texts, directory, settings);
  if (Result<Target> target = targetOf(connection); connect->parsed() && status.ok()) {
    target.ok() ? void(options.target = std::move(*target)) : void(status = target.error());
  }
  if (!status.ok()) {
    static_cast<void>(fail(status.error()));
    exit_code = 2;
    return std::nullopt;
  }
  return options;
}

}  // namespace trefoil::repl
