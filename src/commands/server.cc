// The server family: joins its files' rows, and has the commands that need no file of their own.
#include "commands/server.h"

#include <algorithm>
#include <array>

#include "base/numbers.h"

namespace flashdb {
namespace {

constexpr std::string_view kNoCheckpoints =
    "every acknowledged write is in the log already, and this version writes no checkpoints; to "
    "back up, stop the server and copy its directory";

void Time(SessionContext& context) {
  int64_t now = context.engine.clock.NowMicros();
  context.reply.Array(2);
  context.reply.BulkInteger(now / 1'000'000);
  context.reply.BulkInteger(now % 1'000'000);
}

void LastSave(SessionContext& context) {
  context.reply.Integer(context.engine.services.facts().started_at / 1000);
}

void RefuseSave(SessionContext& context) { ReplyNotSupported(context, kNoCheckpoints); }

void Role(SessionContext& context) {
  context.reply.Array(3);
  context.reply.Bulk("master");
  context.reply.Integer(0);
  context.reply.EmptyArray();
}

void ReplicaOf(SessionContext& context) {
  bool to_master =
      EqualsIgnoreCase(context.args[1], "no") && EqualsIgnoreCase(context.args[2], "one");
  if (to_master) return context.reply.Ok();
  ReplyNotSupported(context, "FlashDB runs on one machine; REPLICAOF NO ONE is accepted");
}

struct ShutdownOptions {
  bool save = false;
  bool no_save = false;
  bool abort = false;
  bool other = false;

  bool Contradict() const { return (save && no_save) || (abort && (save || no_save || other)); }
};

bool ParseShutdown(ArgView words, ShutdownOptions& options) {
  for (std::string_view word : words) {
    if (EqualsIgnoreCase(word, "save")) {
      options.save = true;
    } else if (EqualsIgnoreCase(word, "nosave")) {
      options.no_save = true;
    } else if (EqualsIgnoreCase(word, "abort")) {
      options.abort = true;
    } else if (EqualsIgnoreCase(word, "now") || EqualsIgnoreCase(word, "force")) {
      options.other = true;
    } else {
      return false;
    }
  }
  return !options.Contradict();
}

// As in Redis there is no reply: the connection closes when the server ends. The log is written out
// whatever the options say.
void Shutdown(SessionContext& context) {
  ShutdownOptions options;
  if (!ParseShutdown(context.args.subspan(1), options)) return context.reply.Error(kSyntaxError);
  if (options.abort) return context.reply.Error("ERR No shutdown in progress.");
  context.engine.services.RequestShutdown();
}

void Lolwut(SessionContext& context) {
  constexpr std::string_view kPicture =
      "          ______\n"
      "         /     /\n"
      "        /     /\n"
      "       /     /___\n"
      "      /         /\n"
      "     /____     /\n"
      "         /   /\n"
      "        /  /\n"
      "       / /\n"
      "      //\n"
      "     /\n";
  context.reply.Verbatim("txt", fmt::format("{}\nFlashDB ver. {} (speaks Redis {})\n", kPicture,
                                            FLASHDB_VERSION, kRedisVersion));
}

void ModuleList(SessionContext& context) { context.reply.EmptyArray(); }

void ModuleHelp(SessionContext& context) {
  ReplyHelp(context, {"LIST", "    List modules: there are never any."});
}

constexpr std::string_view kGroup = "server";
constexpr uint32_t kReplica = kAdmin | kNoScript | kStale;
constexpr CommandDoc kSaveDoc = {"Not supported: writes are durable when they are acknowledged.",
                                 "1.0.0", kGroup, "O(1)"};
constexpr CommandDoc kReplicaDoc = {"Accepts NO ONE only: there is no replication.", "5.0.0",
                                    kGroup, "O(1)"};

constexpr std::array kRows = {
    OnSession("time", 1, kLoading | kStale | kFast, &Time,
              {"Tells the server's time.", "2.6.0", kGroup, "O(1)"}),
    WithAcl(OnSession("lastsave", 1, kLoading | kStale | kFast, &LastSave,
                      {"Tells when the state was last saved as a whole: at the start.", "1.0.0",
                       kGroup, "O(1)"}),
            "@admin @dangerous"),
    OnSession("save", 1, kAdmin | kNoScript | kNoMulti, &RefuseSave, kSaveDoc),
    OnSession("bgsave", -1, kAdmin | kNoScript, &RefuseSave, kSaveDoc),
    OnSession("bgrewriteaof", 1, kAdmin | kNoScript, &RefuseSave, kSaveDoc),
    WithAcl(OnSession("role", 1, kNoScript | kLoading | kStale | kFast, &Role,
                      {"Tells the replication role.", "2.8.12", kGroup, "O(1)"}),
            "@admin @dangerous"),
    OnSession("replicaof", 3, kReplica, &ReplicaOf, kReplicaDoc),
    OnSession("slaveof", 3, kReplica, &ReplicaOf, kReplicaDoc),
    OnSession("shutdown", -1, kAdmin | kNoScript | kLoading | kStale | kNoMulti, &Shutdown,
              {"Writes the log out and ends the server.", "1.0.0", kGroup, "O(1)"}),
    OnSession("lolwut", -1, kReadOnly | kFast, &Lolwut,
              {"Draws a picture and tells the version.", "5.0.0", kGroup, ""}),
    Container("module", {"Commands on modules.", "4.0.0", kGroup, "Depends on subcommand."}),
    OnSession("module|help", 2, kLoading | kStale, &ModuleHelp,
              {"Explains the subcommands.", "5.0.0", kGroup, "O(1)"}),
    OnSession("module|list", 2, kAdmin | kNoScript, &ModuleList,
              {"Lists modules: there are never any.", "4.0.0", kGroup, "O(1)"}),
};

std::vector<Command> JoinRows() {
  std::vector<Command> rows(kRows.begin(), kRows.end());
  for (std::span<const Command> part :
       {CommandCommands(), InfoCommands(), ConfigCommands(), SlowLogCommands(), LatencyCommands(),
        AclCommands(), DebugCommands()}) {
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return rows;
}

}  // namespace

std::span<const Command> ServerCommands() {
  static const std::vector<Command> rows = JoinRows();
  return rows;
}

void ReplyHelp(SessionContext& context, std::initializer_list<std::string_view> lines) {
  context.reply.Array(lines.size() + 3);
  context.reply.Simple(fmt::format("{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
                                   ToUpper(context.args[0])));
  for (std::string_view line : lines) context.reply.Simple(line);
  context.reply.Simple("HELP");
  context.reply.Simple("    Print this help.");
}

void ReplyNotSupported(SessionContext& context, std::string_view why) {
  std::string name = ToUpper(context.args[0]);
  bool has_sub =
      context.args.size() > 1 && FindSubcommand(context.args[0], context.args[1]) != nullptr;
  if (has_sub) name += " " + ToUpper(context.args[1]);
  context.reply.Error(fmt::format("ERR {} is not supported: {}", name, why));
}

std::string ToUpper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c & ~0x20);
  }
  return upper;
}

}  // namespace flashdb
