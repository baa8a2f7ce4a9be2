#include "server/config_parameters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <type_traits>

#include "base/types.h"
#include "server/config_values.h"

namespace flashdb {
namespace {

using When = Parameter::When;

template <auto kMember>
using FieldOf = std::remove_reference_t<decltype(std::declval<Config&>().*kMember)>;

// Numbers.
template <auto kMember>
std::string GetNumber(const Config& config) {
  return std::to_string(config.*kMember);
}

template <auto kMember, int64_t kMin, int64_t kMax>
Status SetNumber(Config& config, std::string_view value) {
  FLASHDB_ASSIGN_OR_RETURN(int64_t number, ParseInteger(value, kMin, kMax));
  config.*kMember = static_cast<FieldOf<kMember>>(number);
  return OkStatus();
}

template <auto kMember, uint64_t kMin, uint64_t kMax>
Status SetSize(Config& config, std::string_view value) {
  FLASHDB_ASSIGN_OR_RETURN(config.*kMember, ParseSize(value, kMin, kMax));
  return OkStatus();
}

// Switches.
template <auto kMember>
std::string GetBool(const Config& config) {
  return config.*kMember ? "yes" : "no";
}

template <auto kMember>
Status SetBool(Config& config, std::string_view value) {
  FLASHDB_ASSIGN_OR_RETURN(config.*kMember, ParseYesNo(value));
  return OkStatus();
}

// Texts.
template <auto kMember>
std::string GetText(const Config& config) {
  return config.*kMember;
}

template <auto kMember>
Status SetText(Config& config, std::string_view value) {
  config.*kMember = value;
  return OkStatus();
}

Status SetDirectory(Config& config, std::string_view value) {
  if (value.empty()) return absl::InvalidArgumentError("'' is not a directory");
  config.dir = value;
  return OkStatus();
}

// Choices: the words in the order of the enumerators.
constexpr std::array<std::string_view, 3> kSyncWords = {"always", "periodic", "never"};
constexpr std::array<std::string_view, 3> kAppendfsyncWords = {"always", "everysec", "no"};
constexpr std::array<std::string_view, 2> kStorageWords = {"memory", "file"};
constexpr std::array<std::string_view, 3> kLogWriteWords = {"auto", "direct", "buffered"};
constexpr std::array<std::string_view, 5> kLogLevelWords = {"debug", "verbose", "notice", "warning",
                                                            "nothing"};

template <auto kMember, const auto& kWords>
std::string GetChoice(const Config& config) {
  return std::string(kWords[static_cast<size_t>(config.*kMember)]);
}

template <auto kMember, const auto& kWords>
Status SetChoice(Config& config, std::string_view value) {
  const auto word = std::find(kWords.begin(), kWords.end(), ToLower(value));
  if (word == kWords.end()) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is none of {}", value, fmt::join(kWords, ", ")));
  }
  config.*kMember = static_cast<FieldOf<kMember>>(word - kWords.begin());
  return OkStatus();
}

// Percentiles, separated by spaces; may be none.
std::string GetPercentiles(const Config& config) {
  return fmt::format("{}", fmt::join(config.latency_tracking_info_percentiles, " "));
}

Status SetPercentiles(Config& config, std::string_view value) {
  std::vector<double> percentiles;
  for (std::string_view word : SplitWords(value)) {
    double number = -1;
    auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    bool whole = error == std::errc() && end == word.data() + word.size();
    if (!whole || !(number >= 0 && number <= 100)) {
      return absl::InvalidArgumentError(
          fmt::format("'{}' is not a number from 0.0 to 100.0", word));
    }
    percentiles.push_back(number);
  }
  config.latency_tracking_info_percentiles = std::move(percentiles);
  return OkStatus();
}

// Addresses.
std::string GetBind(const Config& config) { return fmt::format("{}", fmt::join(config.bind, " ")); }

Status SetBind(Config& config, std::string_view value) {
  std::vector<std::string> addresses;
  for (std::string_view word : SplitWords(value)) {
    FLASHDB_RETURN_IF_ERROR(ParseBindAddress(word).status());
    addresses.emplace_back(word);
  }
  if (addresses.empty()) {
    return absl::InvalidArgumentError("no address; name at least one, such as 127.0.0.1");
  }
  config.bind = std::move(addresses);
  return OkStatus();
}

// Output buffer limits: "CLASS HARD SOFT SECONDS", for one or more classes.
std::string GetOutputLimits(const Config& config) {
  auto text = [](const OutputBufferLimit& limit) {
    return fmt::format("{} {} {}", limit.hard, limit.soft, limit.soft_seconds);
  };
  return fmt::format("normal {} slave {} pubsub {}", text(config.client_output_buffer_limit_normal),
                     text(config.client_output_buffer_limit_replica),
                     text(config.client_output_buffer_limit_pubsub));
}

OutputBufferLimit* OutputLimitOf(Config& config, std::string_view client_class) {
  std::string word = ToLower(client_class);
  if (word == "normal") return &config.client_output_buffer_limit_normal;
  if (word == "replica" || word == "slave") return &config.client_output_buffer_limit_replica;
  if (word == "pubsub") return &config.client_output_buffer_limit_pubsub;
  return nullptr;
}

Status SetOutputLimits(Config& config, std::string_view value) {
  const std::vector<std::string_view> words = SplitWords(value);
  if (words.empty() || words.size() % 4 != 0) {
    return absl::InvalidArgumentError(fmt::format(
        "Wrong number of arguments: '{}' is not CLASS HARD SOFT SECONDS, such as `pubsub "
        "32mb 8mb 60`",
        value));
  }
  Config changed = config;
  for (size_t i = 0; i < words.size(); i += 4) {
    OutputBufferLimit* limit = OutputLimitOf(changed, words[i]);
    if (limit == nullptr) {
      return absl::InvalidArgumentError(
          fmt::format("'{}' is none of normal, replica, pubsub", words[i]));
    }
    constexpr uint64_t kAny = std::numeric_limits<uint64_t>::max();
    FLASHDB_ASSIGN_OR_RETURN(limit->hard, ParseSize(words[i + 1], 0, kAny));
    FLASHDB_ASSIGN_OR_RETURN(limit->soft, ParseSize(words[i + 2], 0, kAny));
    FLASHDB_ASSIGN_OR_RETURN(int64_t seconds, ParseInteger(words[i + 3], 0, 86400));
    limit->soft_seconds = static_cast<uint32_t>(seconds);
  }
  config = std::move(changed);
  return OkStatus();
}

// Makers of rows, so that a row of the table names its field once.
template <auto kMember, int64_t kMin, int64_t kMax>
constexpr Parameter Number(std::string_view name, std::string_view group,
                           std::string_view value_name, When when, std::string_view help) {
  return {name, group, value_name, help, when, GetNumber<kMember>, SetNumber<kMember, kMin, kMax>};
}

template <auto kMember, uint64_t kMin, uint64_t kMax = std::numeric_limits<uint64_t>::max()>
constexpr Parameter Size(std::string_view name, std::string_view group, When when,
                         std::string_view help) {
  return {name, group, "BYTES", help, when, GetNumber<kMember>, SetSize<kMember, kMin, kMax>};
}

template <auto kMember>
constexpr Parameter Switch(std::string_view name, std::string_view group, When when,
                           std::string_view help) {
  return {name, group, "yes|no", help, when, GetBool<kMember>, SetBool<kMember>};
}

template <auto kMember, const auto& kWords>
constexpr Parameter Choice(std::string_view name, std::string_view group,
                           std::string_view value_name, When when, std::string_view help) {
  return {
      name, group, value_name, help, when, GetChoice<kMember, kWords>, SetChoice<kMember, kWords>};
}

constexpr Parameter Fixed(std::string_view name, std::string_view value, std::string_view why) {
  return {name, "", "", why, When::kAnyTime, nullptr, nullptr, value};
}

constexpr int64_t kMax32 = std::numeric_limits<int32_t>::max();
constexpr int64_t kMax64 = std::numeric_limits<int64_t>::max();
constexpr std::string_view kNetwork = "Network";
constexpr std::string_view kAccess = "Access";
constexpr std::string_view kCores = "Cores and memory";
constexpr std::string_view kDurability = "Durability";
constexpr std::string_view kTopics = "Topics";
constexpr std::string_view kOperation = "Operation";
constexpr std::string_view kNoEviction =
    "keys are never evicted; with --maxmemory reached, writes that need memory are refused";
constexpr std::string_view kNoReplicas = "there is no replication, so there can be no replicas";

const Parameter kParameters[] = {
    // clang-format off
    {"bind", kNetwork, "ADDRESSES",
     "Addresses to listen on, separated by spaces or commas; * is all IPv4, ::* all\n"
     "IPv6. With a '-' before it, one that is not available is left out.",
     When::kStart, GetBind, SetBind},
    Number<&Config::port, 0, 65535>("port", kNetwork, "PORT", When::kStart,
        "Port for Redis clients. 0 takes any free port and logs it."),
    Number<&Config::shard_ports, 0, 65535>("shard-ports", kNetwork, "PORT", When::kStart,
        "First of a row of ports, one per shard, whose connections are served by that\n"
        "very shard (for cluster-aware clients). 0 is off."),
    Number<&Config::http_port, 0, 65535>("http-port", kNetwork, "PORT", When::kStart,
        "Port for HTTP clients, on the same addresses. 0 is off."),
    Size<&Config::http_max_body, 1 << 10, 1ull << 30>("http-max-body", kNetwork, When::kAnyTime,
        "Largest body of an HTTP request."),
    Number<&Config::http_idle_timeout, 0, 86400>("http-idle-timeout", kNetwork, "SECONDS",
        When::kAnyTime, "Close an HTTP connection that has been idle for so long. 0 is never."),
    Number<&Config::http_request_timeout, 1, 86400>("http-request-timeout", kNetwork, "SECONDS",
        When::kAnyTime,
        "Time in which an HTTP request must arrive, and a second more for each 16kb of it."),
    Number<&Config::maxclients, 1, 10'000'000>("maxclients", kNetwork, "N", When::kAnyTime,
        "Connections at one time; more are refused with an error."),
    Number<&Config::tcp_backlog, 1, 65535>("tcp-backlog", kNetwork, "N", When::kStart,
        "Connections that may wait to be accepted (the kernel caps it at somaxconn)."),
    Number<&Config::tcp_keepalive, 0, 32767>("tcp-keepalive", kNetwork, "SECONDS", When::kAnyTime,
        "Probe silent connections after this time. 0 is off."),
    Number<&Config::timeout, 0, kMax32>("timeout", kNetwork, "SECONDS", When::kAnyTime,
        "Close a connection that has been idle for so long. 0 is never."),
    Size<&Config::proto_max_bulk_len, 1 << 20, 512ull << 20>("proto-max-bulk-len", kNetwork,
        When::kAnyTime, "Largest single argument, hence value."),
    Size<&Config::client_query_buffer_limit, 1 << 20>("client-query-buffer-limit", kNetwork,
        When::kAnyTime, "Input that one connection may have waiting to be run."),
    {"client-output-buffer-limit", kNetwork, "LIMITS",
     "CLASS HARD SOFT SECONDS, for one or more classes of normal, replica, pubsub:\n"
     "a client whose unread replies exceed HARD bytes, or SOFT for SECONDS, is\n"
     "disconnected. 0 is no limit. Classes left out keep theirs.",
     When::kAnyTime, GetOutputLimits, SetOutputLimits},

    {"requirepass", kAccess, "PASSWORD",
     "Password that clients must AUTH with; none if empty. Other users of this\n"
     "machine can see flags: prefer the file or FLASHDB_REQUIREPASS.",
     When::kAnyTime, GetText<&Config::requirepass>, SetText<&Config::requirepass>, {}, true},
    Switch<&Config::protected_mode>("protected-mode", kAccess, When::kAnyTime,
        "Refuse to serve addresses other machines can reach while there is no password."),

    Number<&Config::shards, 0, 1024>("shards", kCores, "N", When::kStart,
        "Shards, each a thread with a core, keys and a log of its own. 0 is one for each\n"
        "core this process may run on. May differ from one start to the next."),
    Size<&Config::maxmemory, 0>("maxmemory", kCores, When::kAnyTime,
        "Memory for data; beyond it, commands that need more are refused. 0 is no limit."),
    Switch<&Config::active_expire>("active-expire", kCores, When::kAnyTime,
        "Remove expired keys in the background, not only when they are met."),
    Number<&Config::hash_max_listpack_entries, 0, kMax32>("hash-max-listpack-entries", kCores, "N",
        When::kAnyTime, "Hashes of up to so many fields are stored compactly."),
    Number<&Config::hash_max_listpack_value, 0, kMax32>("hash-max-listpack-value", kCores, "N",
        When::kAnyTime, "... while no field or value is longer than so many bytes."),

    {"dir", kDurability, "PATH", "Directory of the data; made if missing, locked while in use.",
     When::kStart, GetText<&Config::dir>, SetDirectory},
    Choice<&Config::sync, kSyncWords>("sync", kDurability, "MODE", When::kStart,
        "always:   a write is on disk before anyone sees it; a power cut loses nothing.\n"
        "periodic: replies at once, syncs every --sync-interval-ms; a power cut may lose\n"
        "          that much.\n"
        "never:    replies at once and leaves syncing to the kernel."),
    Number<&Config::sync_interval_ms, 1, 3'600'000>("sync-interval-ms", kDurability, "MS",
        When::kStart, "Milliseconds between syncs with --sync periodic."),
    Number<&Config::commit_records, 1, kMax32>("commit-records", kDurability, "N", When::kStart,
        "Records in one group commit at most; with --sync periodic a sync starts when so\n"
        "many are unsynced."),
    Number<&Config::commit_poll_us, 0, 100'000>("commit-poll-us", kDurability, "US",
        When::kAnyTime,
        "With --sync always, a shard polls for the end of a commit that replies wait for,\n"
        "so many microseconds at most, instead of sleeping: waking up costs tens of them.\n"
        "0 saves the processor time."),
    Size<&Config::commit_bytes, 4096, 1ull << 30>("commit-bytes", kDurability, When::kStart,
        "The same in bytes."),
    Size<&Config::segment_bytes, 64 << 10, 4ull << 30>("segment-bytes", kDurability, When::kStart,
        "Size of a log file, a multiple of 4kb; existing ones keep theirs."),
    Choice<&Config::log_write, kLogWriteWords>("log-write", kDurability, "WAY", When::kStart,
        "direct (O_DIRECT, and O_DSYNC with --sync always), buffered (through the page\n"
        "cache), or auto: a probe at start decides for always, else buffered."),

    Switch<&Config::auto_create_topics>("auto-create-topics", kTopics, When::kAnyTime,
        "Create a topic when somebody appends to it."),
    Choice<&Config::topic_storage, kStorageWords>("topic-storage", kTopics, "KIND", When::kAnyTime,
        "file or memory: where new topics that do not say keep their records. The log\n"
        "has them either way."),
    Size<&Config::topic_max_value, 1024, 64 << 20>("topic-max-value", kTopics, When::kAnyTime,
        "Largest value of a record."),
    Size<&Config::topic_cache, 0>("topic-cache", kTopics, When::kAnyTime,
        "Memory for the records that were appended or read last, all shards together."),
    Size<&Config::topic_segment_bytes, 64 << 10, 1ull << 30>("topic-segment-bytes", kTopics,
        When::kStart, "Size of a file of a topic; what retention removes is whole files."),
    Size<&Config::topic_unflushed, 1 << 20>("topic-unflushed", kTopics, When::kAnyTime,
        "Records that have not reached the topics' files are kept in memory; at half as\n"
        "many bytes (all shards together) the oldest go there, at so many appends wait."),
    Number<&Config::topic_flush_interval_ms, 1, 86'400'000>("topic-flush-interval-ms", kTopics,
        "MS", When::kAnyTime,
        "Milliseconds that records of a partition with less than 256kb of them wait for\n"
        "its files: the more are written at once, the cheaper. The log has them at once."),
    Number<&Config::topic_open_files, 16, 1'000'000>("topic-open-files", kTopics, "N",
        When::kStart, "Files of topics that stay open, all shards together."),

    Choice<&Config::loglevel, kLogLevelWords>("loglevel", kOperation, "LEVEL", When::kAnyTime,
        "debug, verbose, notice, warning or nothing."),
    {"logfile", kOperation, "PATH", "Where to log; standard output if empty.", When::kStart,
     GetText<&Config::logfile>, SetText<&Config::logfile>},
    {"pidfile", kOperation, "PATH", "File to write the process id to; none if empty.", When::kStart,
     GetText<&Config::pidfile>, SetText<&Config::pidfile>},
    Number<&Config::slowlog_log_slower_than, -1, kMax64>("slowlog-log-slower-than", kOperation,
        "US", When::kAnyTime,
        "Microseconds from which a command gets into SLOWLOG. 0 takes all, -1 none."),
    Number<&Config::slowlog_max_len, 0, 1'000'000>("slowlog-max-len", kOperation, "N",
        When::kAnyTime, "Entries that SLOWLOG keeps."),
    Number<&Config::latency_monitor_threshold, 0, kMax32>("latency-monitor-threshold", kOperation,
        "MS", When::kAnyTime, "Milliseconds from which LATENCY records an event. 0 is off."),
    Switch<&Config::latency_tracking>("latency-tracking", kOperation, When::kAnyTime,
        "Keep a histogram of the times of each command (LATENCY HISTOGRAM)."),
    {"latency-tracking-info-percentiles", kOperation, "LIST",
     "Percentiles that INFO latencystats shows, separated by spaces.",
     When::kAnyTime, GetPercentiles, SetPercentiles},

    // Names that clients and redis.conf files know. They are no flags.
    {"appendfsync", "", "", "", When::kStart, GetChoice<&Config::sync, kAppendfsyncWords>,
     SetChoice<&Config::sync, kAppendfsyncWords>},
    Number<&Config::hash_max_listpack_entries, 0, kMax32>("hash-max-ziplist-entries", "", "",
        When::kAnyTime, ""),
    Number<&Config::hash_max_listpack_value, 0, kMax32>("hash-max-ziplist-value", "", "",
        When::kAnyTime, ""),
    Fixed("appendonly", "yes", "the log is always on; --sync says when it reaches the disk"),
    Fixed("databases", "16", "there are 16 databases"),
    Fixed("maxmemory-policy", "noeviction", kNoEviction),
    Fixed("notify-keyspace-events", "", "keyspace notifications are not available"),
    Fixed("cluster-enabled", "no", "this is a single server"),
    Fixed("daemonize", "no", "the server stays in the foreground; use a service manager"),
    Fixed("min-replicas-to-write", "0", kNoReplicas),
    Fixed("replicaof", "", kNoReplicas),
    Fixed("slaveof", "", kNoReplicas),
    Fixed("min-slaves-to-write", "0", kNoReplicas),
    Fixed("enable-debug-command", "yes", "DEBUG is always there, with the little that it can do"),
    Fixed("io-threads", "1", "each shard is a thread that does its own input and output: --shards"),
    Fixed("tls-port", "0", "there is no TLS; put a proxy in front"),
    Fixed("unixsocket", "", "there are no Unix sockets; connect to 127.0.0.1"),
    // clang-format on
};
static_assert(kDatabaseCount == 16, "`databases` above is fixed to it");

// The value as CONFIG GET shall tell it, if it has the right form.
StatusOr<std::string> Normalized(Parameter::Form form, std::string_view value) {
  switch (form) {
    case Parameter::Form::kInteger: {
      FLASHDB_ASSIGN_OR_RETURN(int64_t number, ParseInteger(value, INT64_MIN, INT64_MAX));
      return std::to_string(number);
    }
    case Parameter::Form::kSize: {
      FLASHDB_ASSIGN_OR_RETURN(uint64_t bytes, ParseSize(value, 0, UINT64_MAX));
      return std::to_string(bytes);
    }
    case Parameter::Form::kSizeOrPercent: {
      if (!value.ends_with('%')) return Normalized(Parameter::Form::kSize, value);
      value.remove_suffix(1);
      FLASHDB_ASSIGN_OR_RETURN(int64_t percent, ParseInteger(value, 0, 100));
      return fmt::format("{}%", percent);
    }
    case Parameter::Form::kBool: {
      FLASHDB_ASSIGN_OR_RETURN(bool on, ParseYesNo(value));
      return std::string(on ? "yes" : "no");
    }
    default:
      return std::string(value);
  }
}

Status Remember(const Parameter& parameter, Config& config, std::string_view value) {
  FLASHDB_ASSIGN_OR_RETURN(std::string text, Normalized(parameter.form, value));
  std::string key(parameter.key());
  if (text == parameter.fixed) {
    config.remembered.erase(key);
  } else {
    config.remembered[key] = std::move(text);
  }
  return OkStatus();
}

}  // namespace

std::string Parameter::Get(const Config& config) const {
  if (get != nullptr) return get(config);
  auto found = config.remembered.find(key());
  return found == config.remembered.end() ? std::string(fixed) : found->second;
}

Status Parameter::Set(Config& config, std::string_view value) const {
  if (set != nullptr) return set(config, value);
  if (form != Form::kNone) return Remember(*this, config, value);
  if (ToLower(value) == fixed) return OkStatus();
  return absl::InvalidArgumentError(fmt::format(
      "can't set immutable config: '{}' is not possible, only '{}': {}", value, fixed, help));
}

std::span<const Parameter> Parameters() {
  static const std::vector<Parameter> all = [] {
    std::vector<Parameter> rows(std::begin(kParameters), std::end(kParameters));
    std::span<const Parameter> remembered = RememberedParameters();
    rows.insert(rows.end(), remembered.begin(), remembered.end());
    return rows;
  }();
  return all;
}

const Parameter* FindParameter(std::string_view name) {
  for (const Parameter& parameter : Parameters()) {
    if (parameter.name == name) return &parameter;
  }
  return nullptr;
}

}  // namespace flashdb
