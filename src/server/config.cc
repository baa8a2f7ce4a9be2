#include "server/config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <filesystem>
#include <map>

#include "server/config_file.h"
#include "server/config_parameters.h"
#include "server/config_values.h"

namespace flashdb {
namespace {

constexpr std::string_view kDescription =
    "FlashDB: a durable key-value store that Redis clients can talk to.\n"
    "Flags win over environment variables (--log-write is FLASHDB_LOG_WRITE), these over the\n"
    "file, which has lines such as `log-write direct`. BYTES take kb, mb and gb.\n"
    "Defaults are in brackets.";

constexpr std::string_view kExamples =
    "Examples:\n"
    "  flashdb --dir /var/lib/flashdb\n"
    "      Serve 127.0.0.1:6379 on all cores; a write is on disk before it is answered.\n"
    "  flashdb --bind 0.0.0.0 --config /etc/flashdb.conf --maxmemory 8gb\n"
    "      Serve the network; the file holds `requirepass \"...\"`.\n"
    "  flashdb --sync periodic --sync-interval-ms 200\n"
    "      Faster writes; a power cut may lose the last 200 ms of them.\n";

Status InSource(std::string_view source, const Status& status) {
  return Status(status.code(), fmt::format("{}: {}", source, MessageOf(status)));
}

std::string VariableOf(std::string_view name) {
  std::string variable = "FLASHDB_";
  for (char c : name) variable += c == '-' ? '_' : static_cast<char>(toupper(c));
  return variable;
}

std::map<std::string, std::string> ReadEnvironment(const char* const* environment) {
  std::map<std::string, std::string> variables;
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    std::string_view entry = *environment;
    size_t equals_sign = entry.find('=');
    if (!entry.starts_with("FLASHDB_") || equals_sign == std::string_view::npos) continue;
    variables.emplace(entry.substr(0, equals_sign), entry.substr(equals_sign + 1));
  }
  return variables;
}

Status ApplyFile(Config& config, const std::string& path) {
  FLASHDB_ASSIGN_OR_RETURN(std::vector<ConfigLine> lines, ReadConfigFile(path));
  for (const ConfigLine& line : lines) {
    const std::string where = fmt::format("{}:{}", path, line.number);
    const Parameter* parameter = FindParameter(line.name);
    if (parameter == nullptr) {
      return absl::InvalidArgumentError(fmt::format(
          "{}: there is no parameter '{}'; `flashdb --help` lists them", where, line.name));
    }
    Status status = parameter->Set(config, line.value);
    if (!status.ok()) return InSource(fmt::format("{}: {}", where, line.name), status);
  }
  return OkStatus();
}

Status ApplyEnvironment(Config& config, const std::map<std::string, std::string>& variables) {
  for (const Parameter& parameter : Parameters()) {
    if (!parameter.is_flag()) continue;
    auto found = variables.find(VariableOf(parameter.name));
    if (found == variables.end()) continue;
    Status status = parameter.Set(config, found->second);
    if (!status.ok()) return InSource("environment variable " + found->first, status);
  }
  return OkStatus();
}

std::string HelpOf(const Parameter& parameter) {
  std::string value = parameter.Get(Config{});
  if (parameter.value_name == "BYTES") value = FormatSize(std::stoull(value));
  if (parameter.name == "client-output-buffer-limit") {
    value = "normal 1gb 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60";
  }
  if (value.empty()) value = "none";
  return fmt::format("{}{}[{}]", parameter.help, value.size() > 20 ? "\n" : " ", value);
}

// The words after argv[0] with `--flag=value` split in two, for CLI11 takes `--flag=` for a flag
// without its value. Each flag but --help and --version takes one word, whatever it looks like.
std::vector<std::string> SplitFlags(int argc, const char* const* argv) {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const size_t equals_sign = word.find('=');
    const bool flag = word.starts_with("--") && word != "--help" && word != "--version";
    words.emplace_back(word.substr(0, flag ? equals_sign : word.size()));
    if (!flag) continue;
    if (equals_sign != std::string_view::npos) {
      words.emplace_back(word.substr(equals_sign + 1));
    } else if (i + 1 < argc) {
      words.emplace_back(argv[++i]);
    }
  }
  return words;
}

// The flags, as texts; what they mean is for the table of parameters to say.
class CommandLine {
 public:
  CommandLine() : app_(std::string(kDescription), "flashdb") {
    app_.footer(std::string(kExamples));
    app_.allow_extras();
    app_.get_formatter()->column_width(8);  // texts on lines of their own
    app_.get_formatter()->label("OPTIONS", "FLAGS");
    app_.set_help_flag("-h,--help", "Show this text and exit.")->group("General");
    app_.set_version_flag("-v,--version", "FlashDB " FLASHDB_VERSION, "Show the version and exit.")
        ->group("General");
    AddOption("config", "FILE", "Read this file first. Also FLASHDB_CONFIG.", "General");
    for (const Parameter& parameter : Parameters()) {
      if (!parameter.is_flag()) continue;
      AddOption(parameter.name, parameter.value_name, HelpOf(parameter), parameter.group);
    }
  }

  /// True if the process shall go on; false if `out` has what the user asked for.
  StatusOr<bool> Parse(int argc, const char* const* argv, std::ostream& out) {
    std::vector<std::string> words = SplitFlags(argc, argv);
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    try {
      app_.parse(std::move(words));
    } catch (const CLI::CallForHelp&) {
      out << app_.help();
      return false;
    } catch (const CLI::CallForVersion&) {
      out << app_.version() << "\n";
      return false;
    } catch (const CLI::ParseError& error) {
      return absl::InvalidArgumentError(
          fmt::format("command line: {}; `flashdb --help` shows the usage", error.what()));
    }
    FLASHDB_RETURN_IF_ERROR(CheckExtras());
    return true;
  }

  std::optional<std::string> ConfigFile() const {
    const std::vector<std::string>& files = app_.get_option("--config")->results();
    return files.empty() ? std::nullopt : std::optional(files.back());
  }

  Status Apply(Config& config) const {
    for (const Parameter& parameter : Parameters()) {
      if (!parameter.is_flag()) continue;
      const std::string flag = fmt::format("--{}", parameter.name);
      for (const std::string& value : app_.get_option(flag)->results()) {
        Status status = parameter.Set(config, value);
        if (!status.ok()) return InSource(flag, status);
      }
    }
    return OkStatus();
  }

 private:
  void AddOption(std::string_view name, std::string_view value_name, const std::string& help,
                 std::string_view group) {
    CLI::Option* option = app_.add_option(fmt::format("--{}", name), CLI::callback_t(Accept), help);
    option->type_name(std::string(value_name))->group(std::string(group));
    option->type_size(1)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }

  static bool Accept(const CLI::results_t&) { return true; }

  // Names only the first unknown word, and not what follows it: that may be a password.
  Status CheckExtras() const {
    const std::vector<std::string> extras = app_.remaining();
    if (extras.empty()) return OkStatus();
    if (!extras.front().starts_with('-')) {
      return absl::InvalidArgumentError(
          "command line: a value without a flag before it; a configuration file is named with "
          "--config FILE, values with spaces need quotes");
    }
    return absl::InvalidArgumentError(
        fmt::format("command line: there is no flag {}; `flashdb --help` lists them",
                    extras.front().substr(0, extras.front().find('='))));
  }

  CLI::App app_;
};

Status CheckProtection(const Config& config) {
  if (!config.protected_mode || !config.requirepass.empty()) return OkStatus();
  for (const std::string& text : config.bind) {
    FLASHDB_ASSIGN_OR_RETURN(BindAddress address, ParseBindAddress(text));
    if (address.loopback) continue;
    return absl::InvalidArgumentError(fmt::format(
        "bind {}: other machines could reach this address, and there is no password. Set one "
        "(--requirepass, or better FLASHDB_REQUIREPASS or the file), bind to 127.0.0.1, or accept "
        "the risk with --protected-mode no",
        text));
  }
  return OkStatus();
}

bool IsLoopback(const std::string& host, bool& valid) {
  in_addr v4;
  in6_addr v6;
  valid = true;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  valid = false;
  return false;
}

}  // namespace

StatusOr<BindAddress> ParseBindAddress(std::string_view text) {
  BindAddress address;
  address.may_fail = text.starts_with('-');
  address.host = text.substr(address.may_fail ? 1 : 0);
  if (address.host == "*") address.host = "0.0.0.0";
  if (address.host == "::*") address.host = "::";
  bool valid = false;
  address.loopback = IsLoopback(address.host, valid);
  if (valid) return address;
  return absl::InvalidArgumentError(
      fmt::format("'{}' is not a numeric IP address (nor *, ::*); for localhost write 127.0.0.1 or "
                  "::1",
                  text));
}

Status ValidateConfig(const Config& config) {
  FLASHDB_RETURN_IF_ERROR(CheckProtection(config));
  if (config.segment_bytes % 4096 != 0) {
    return absl::InvalidArgumentError(
        fmt::format("segment-bytes {}: not a multiple of 4096", config.segment_bytes));
  }
  const uint32_t shards = ShardCount(config);
  if (config.shard_ports == 0) return OkStatus();
  const uint32_t last = config.shard_ports + shards - 1;
  if (last > 65535) {
    return absl::InvalidArgumentError(fmt::format(
        "shard-ports {}: {} shards need the ports up to {}, beyond 65535; choose a lower one",
        config.shard_ports, shards, last));
  }
  if (config.port >= config.shard_ports && config.port <= last) {
    return absl::InvalidArgumentError(
        fmt::format("shard-ports {}: its ports up to {} include port {}; choose another one",
                    config.shard_ports, last, config.port));
  }
  return OkStatus();
}

uint32_t ShardCount(const Config& config) {
  if (config.shards != 0) return config.shards;
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return 1;
  return static_cast<uint32_t>(std::clamp(CPU_COUNT(&cores), 1, 1024));
}

std::string DescribeConfig(const Config& config) {
  std::vector<std::string> settings;
  const Config defaults;
  for (const Parameter& parameter : Parameters()) {
    if (!parameter.is_flag() || parameter.Get(config) == parameter.Get(defaults)) continue;
    settings.push_back(fmt::format("{}={}", parameter.name,
                                   parameter.secret ? "(hidden)" : parameter.Get(config)));
  }
  return fmt::format("{}", fmt::join(settings, " "));
}

StatusOr<std::optional<Config>> ParseConfig(int argc, const char* const* argv,
                                            const char* const* environment, std::ostream& out) {
  CommandLine command_line;
  FLASHDB_ASSIGN_OR_RETURN(bool go_on, command_line.Parse(argc, argv, out));
  if (!go_on) return std::optional<Config>();
  const std::map<std::string, std::string> variables = ReadEnvironment(environment);
  std::optional<std::string> file = command_line.ConfigFile();
  if (auto found = variables.find("FLASHDB_CONFIG"); !file && found != variables.end()) {
    file = found->second;
  }
  Config config;
  if (file) {
    FLASHDB_RETURN_IF_ERROR(ApplyFile(config, *file));
    config.config_file = std::filesystem::absolute(*file).string();
  }
  FLASHDB_RETURN_IF_ERROR(ApplyEnvironment(config, variables));
  FLASHDB_RETURN_IF_ERROR(command_line.Apply(config));
  FLASHDB_RETURN_IF_ERROR(ValidateConfig(config));
  return std::optional<Config>(std::move(config));
}

}  // namespace flashdb
