#include "cli/demo/tour.h"

#include <sstream>

#include "cli/api_paths.h"
#include "cli/app.h"
#include "cli/demo/kill_server.h"
#include "cli/demo/redis.h"
#include "cli/demo/sharing.h"
#include "cli/errors.h"
#include "cli/partitions.h"
#include "cli/text.h"

namespace flashdb::cli {
namespace {

constexpr int kSteps = 9;
constexpr const char* kTopic = "orders";
constexpr const char* kGroup = "billing";

// A word as a shell would need it.
std::string Quoted(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789-_./=:,") == std::string::npos;
  return plain ? word : "'" + word + "'";
}

std::string CommandLine(const std::vector<std::string>& words) {
  std::string line = "flashq";
  for (const std::string& word : words) line += " " + Quoted(word);
  return line;
}

// The page says what the server does; if it does something else, that has to be heard.
Status Unexpected(std::string what) {
  return absl::InternalError("the demo saw what it must not: " + std::move(what));
}

}  // namespace

ApiOptions Tour::api() const {
  return {.server = server_.url(), .password = "", .timeout = context_.api_options().timeout};
}

StatusOr<std::string> Tour::Quietly(const std::vector<std::string>& words) {
  std::vector<std::string> all = {"--server", server_.url()};
  all.insert(all.end(), words.begin(), words.end());
  std::ostringstream out;
  std::ostringstream err;
  const int code = RunFlashq(std::move(all), {.in = context_.streams().in,
                                              .out = out,
                                              .err = err,
                                              .in_terminal = false,
                                              .out_terminal = context_.output().colors(),
                                              .err_terminal = false});
  if (code == kExitInterrupted) return absl::CancelledError("interrupted");
  if (code == kExitOk) return out.str();
  return Unexpected(
      fmt::format("{} ended with exit code {}: {}", CommandLine(words), code, err.str()));
}

Status Tour::Flashq(const std::vector<std::string>& words, const std::string& curl) {
  screen_.Command(CommandLine(words));
  if (!curl.empty()) screen_.Command(curl);
  FLASHDB_RETURN_IF_ERROR(screen_.WaitForEnter("run it"));
  FLASHDB_ASSIGN_OR_RETURN(std::string out, Quietly(words));
  screen_.Result(out);
  return OkStatus();
}

Status Tour::Run() {
  screen_.Say(
      "FlashDB keeps keys, as Redis does, and topics, as Kafka does, in one server: what it has\n"
      "acknowledged is on disk. This tour takes about five minutes and leaves nothing behind.");
  FLASHDB_RETURN_IF_ERROR(StartServer());
  FLASHDB_RETURN_IF_ERROR(CreateTopic());
  FLASHDB_RETURN_IF_ERROR(Produce());
  FLASHDB_RETURN_IF_ERROR(Fetch());
  FLASHDB_RETURN_IF_ERROR(Offsets());
  FLASHDB_RETURN_IF_ERROR(Share());
  FLASHDB_RETURN_IF_ERROR(Transaction());
  FLASHDB_RETURN_IF_ERROR(KillAndRecover());
  return CleanUp();
}

Status Tour::StartServer() {
  screen_.Heading(1, kSteps, "A server of your own");
  screen_.Say(
      "One program, no configuration. Here it gets free ports and a temporary directory, so that\n"
      "nothing you have is touched.");
  screen_.Command("flashdb --port PORT --http-port PORT --dir DIRECTORY");
  FLASHDB_RETURN_IF_ERROR(screen_.WaitForEnter("start it"));
  FLASHDB_RETURN_IF_ERROR(server_.Start());
  screen_.Result(fmt::format("process {}, ready after {:.2f} s, data in {}", server_.pid(),
                             server_.start_seconds(), server_.directory()));
  screen_.Say("To play along in another terminal:");
  screen_.Command("export FLASHQ_SERVER=" + server_.url());
  return OkStatus();
}

Status Tour::CreateTopic() {
  screen_.Heading(2, kSteps, "Create a topic");
  screen_.Say(
      "A topic is a log: records are appended at its end and stay, in order. Its partitions can "
      "be\n"
      "read and written side by side; records with the same key share one, so their order holds.");
  return Flashq(
      {"topics", "create", kTopic, "--partitions", "4"},
      fmt::format("curl -X PUT {}/topics/{} -d '{{\"partitions\":4}}'", server_.url(), kTopic));
}

Status Tour::Produce() {
  screen_.Heading(3, kSteps, "Produce");
  screen_.Say(
      "Three orders in one request: all are appended, or none. When the answer comes, they are on\n"
      "disk. The answer names each record's partition and offset, its place for ever.");
  return Flashq({"produce", kTopic, "--key", "ada", "3 apples", "1 pear", "2 plums"},
                fmt::format("curl {}/topics/{}/records -d '{{\"records\":[{{\"key\":\"ada\","
                            "\"value\":\"3 apples\"}}, ...]}}'",
                            server_.url(), kTopic));
}

Status Tour::Fetch() {
  screen_.Heading(4, kSteps, "Fetch");
  screen_.Say(
      "Reading takes nothing away: any number of readers can read the same records, from any\n"
      "offset or time, now or next week. Each line is PARTITION:OFFSET, time, key and value.");
  const std::vector<std::string> fetch = {"fetch", kTopic};
  FLASHDB_RETURN_IF_ERROR(
      Flashq(fetch, fmt::format("curl '{}/topics/{}/records'", server_.url(), kTopic)));
  FLASHDB_ASSIGN_OR_RETURN(std::string again, Quietly(fetch));
  if (again.find("2 plums") == std::string::npos) return Unexpected("a record was there only once");
  screen_.Good("Fetched once more, they are all still there.");
  return OkStatus();
}

Status Tour::Offsets() {
  screen_.Heading(5, kSteps, "Offsets and lag");
  screen_.Say(
      "A group is a name under which the server remembers how far someone has read. Commit after\n"
      "the work is done: after a crash the reading goes on there. Lag is what is still to do.");
  FLASHDB_RETURN_IF_ERROR(Flashq({"fetch", kTopic, "--group", kGroup, "--max", "2", "--commit"}));
  return Flashq({"lag", kGroup}, fmt::format("curl {}/groups/{}/lag", server_.url(), kGroup));
}

Status Tour::Share() {
  screen_.Heading(6, kSteps, "Two workers share a group");
  screen_.Say(
      "Members of a group get different partitions, so each record is worked on once. Watch two\n"
      "while orders pour in. Then one crashes, and the other gets its partitions.");
  screen_.Command(
      fmt::format("flashq subscribe {} --group {} --member alice --commit", kTopic, kGroup));
  screen_.Command(
      fmt::format("flashq subscribe {} --group {} --member bob --commit", kTopic, kGroup));
  FLASHDB_RETURN_IF_ERROR(screen_.WaitForEnter("watch them"));
  FLASHDB_RETURN_IF_ERROR(ShowSharing(screen_, api(), kGroup, kTopic));
  screen_.Good("Every order was handled, although a worker was lost.");
  return OkStatus();
}

Status Tour::Transaction() {
  screen_.Heading(7, kSteps, "A key and a topic, in one step");
  screen_.Say(
      "Services often change a database and then announce it - and a crash in between loses the\n"
      "announcement. Here both are one transaction: all of it is durable, or none.");
  const std::vector<std::vector<std::string>> commands = {
      {"MULTI"},
      {"DECRBY", "stock:apples", "3"},
      {"TOPIC", "APPEND", kTopic, "KEY", "ada", "VALUE", "shipped: 3 apples"},
      {"EXEC"}};
  screen_.Command(fmt::format("redis-cli -p {}", server_.redis_port()));
  for (const auto& words : commands) {
    std::string line;
    for (const std::string& word : words) line += (line.empty() ? "" : " ") + Quoted(word);
    screen_.Result("  > " + line);
  }
  FLASHDB_RETURN_IF_ERROR(screen_.WaitForEnter("run it"));
  FLASHDB_RETURN_IF_ERROR(
      RunRedisCommands(server_.redis_port(), {{"SET", "stock:apples", "100"}}).status());
  FLASHDB_ASSIGN_OR_RETURN(auto replies, RunRedisCommands(server_.redis_port(), commands));
  for (const std::string& reply : replies) screen_.Result(reply);
  if (replies.back().find("(integer) 97") == std::string::npos) {
    return Unexpected("the transaction answered " + replies.back());
  }
  return OkStatus();
}

Status Tour::KillAndRecover() {
  screen_.Heading(8, kSteps, "kill -9");
  screen_.Say(
      "Now the promise is put to the test: orders pour in, one after another, and in the middle "
      "of\n"
      "it the server is killed. Then it starts again and must have every acknowledged one.");
  screen_.Command(fmt::format("kill -9 {}", server_.pid()));
  FLASHDB_RETURN_IF_ERROR(screen_.WaitForEnter("kill it"));
  FLASHDB_ASSIGN_OR_RETURN(CrashReport report, KillWhileProducing(screen_, server_, api(), kTopic));
  screen_.Result(fmt::format("acknowledged before the kill: {} records in {}",
                             FormatCount(static_cast<uint64_t>(report.acknowledged)), kTopic));
  screen_.Result(fmt::format("started again, ready after {:.2f} s", server_.start_seconds()));
  screen_.Result(fmt::format("found after the restart:      {} records{}",
                             FormatCount(static_cast<uint64_t>(report.found)),
                             report.found > report.acknowledged
                                 ? " (one was on its way: its answer was lost, not it)"
                                 : ""));
  if (report.found < report.acknowledged || report.found > report.acknowledged + 1) {
    return Unexpected("acknowledged records are lost, or others were invented");
  }
  FLASHDB_ASSIGN_OR_RETURN(auto stock,
                           RunRedisCommands(server_.redis_port(), {{"GET", "stock:apples"}}));
  if (stock[0] != "\"97\"") return Unexpected("the key is " + stock[0]);
  screen_.Result("GET stock:apples: " + stock[0]);
  screen_.Good("Nothing is lost.");
  return OkStatus();
}

Status Tour::CleanUp() {
  screen_.Heading(9, kSteps, "Clean up");
  screen_.Say(
      "The server stops and its directory is deleted. To start one that stays: scripts/run. Then\n"
      "flashq --help, and the API in your browser at http://127.0.0.1:8080/docs.");
  FLASHDB_RETURN_IF_ERROR(screen_.WaitForEnter("stop the server"));
  server_.Stop();
  screen_.Good("Done. Have fun!");
  return OkStatus();
}

}  // namespace flashdb::cli
