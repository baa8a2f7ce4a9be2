// COMMAND and its subcommands.
#include <algorithm>
#include <functional>

#include "base/glob.h"
#include "base/numbers.h"
#include "commands/command_info.h"
#include "commands/server.h"

namespace flashdb {
namespace {

void Count(SessionContext& context) {
  context.reply.Integer(static_cast<int64_t>(AllCommands().size()));
}

void ReplyAll(ReplyWriter& reply) {
  reply.Array(AllCommands().size());
  for (const Command* command : AllCommands()) ReplyCommandInfo(reply, *command);
}

void Info(SessionContext& context) {
  if (context.args.size() == 2) return ReplyAll(context.reply);
  context.reply.Array(context.args.size() - 2);
  for (std::string_view name : context.args.subspan(2)) {
    const Command* command = FindRow(name);
    command != nullptr ? ReplyCommandInfo(context.reply, *command) : context.reply.Null();
  }
}

void Docs(SessionContext& context) {
  std::vector<const Command*> wanted;
  if (context.args.size() == 2) wanted = AllCommands();
  for (std::string_view name : context.args.subspan(2)) {
    const Command* command = FindRow(name);
    if (command != nullptr) wanted.push_back(command);
  }
  context.reply.Map(wanted.size());
  for (const Command* command : wanted) {
    context.reply.Bulk(command->name);
    ReplyCommandDocs(context.reply, *command);
  }
}

void ReplyRowNames(ReplyWriter& reply, const std::function<bool(const Command&)>& wanted) {
  std::vector<std::string_view> names;
  for (const Command* row : AllRows()) {
    if (wanted(*row)) names.push_back(row->name);
  }
  reply.Array(names.size());
  for (std::string_view name : names) reply.Bulk(name);
}

bool HasCategory(const Command& command, std::string_view name) {
  std::vector<std::string_view> categories = AclCategoriesOf(command);
  return std::any_of(categories.begin(), categories.end(),
                     [name](std::string_view has) { return EqualsIgnoreCase(has, name); });
}

void List(SessionContext& context) {
  ArgView args = context.args;
  ReplyWriter& reply = context.reply;
  if (args.size() == 2) return ReplyRowNames(reply, [](const Command&) { return true; });
  if (args.size() != 5 || !EqualsIgnoreCase(args[2], "filterby")) {
    return reply.Error(kSyntaxError);
  }
  std::string_view value = args[4];
  if (EqualsIgnoreCase(args[3], "module")) return reply.EmptyArray();
  if (EqualsIgnoreCase(args[3], "aclcat")) {
    return ReplyRowNames(reply, [value](const Command& row) { return HasCategory(row, value); });
  }
  if (EqualsIgnoreCase(args[3], "pattern")) {
    return ReplyRowNames(
        reply, [value](const Command& row) { return GlobMatch(value, row.name, /*nocase=*/true); });
  }
  reply.Error(kSyntaxError);
}

// Finds the keys in the command line that follows; false after an error reply.
bool FindKeys(SessionContext& context, const Command*& command, std::vector<size_t>& keys) {
  ArgView line = context.args.subspan(2);
  command = FindCommandOf(line);
  std::string_view error;
  if (command == nullptr) {
    error = "ERR Invalid command specified";
  } else if (command->keys.first == 0) {
    error = "ERR The command has no key arguments";
  } else if (!ArityFits(*command, line.size())) {
    error = "ERR Invalid number of arguments specified for command";
  } else {
    ForEachKey(*command, line.size(), [&keys](size_t i) { keys.push_back(i); });
    if (keys.empty()) error = "ERR Invalid arguments specified for command";
  }
  if (!error.empty()) context.reply.Error(error);
  return error.empty();
}

void GetKeys(SessionContext& context) {
  const Command* command = nullptr;
  std::vector<size_t> keys;
  if (!FindKeys(context, command, keys)) return;
  context.reply.Array(keys.size());
  for (size_t key : keys) context.reply.Bulk(context.args[2 + key]);
}

bool HasWord(ArgView args, std::string_view word) {
  return std::any_of(args.begin(), args.end(),
                     [word](std::string_view arg) { return EqualsIgnoreCase(arg, word); });
}

void GetKeysAndFlags(SessionContext& context) {
  const Command* command = nullptr;
  std::vector<size_t> keys;
  if (!FindKeys(context, command, keys)) return;
  std::vector<std::string_view> flags = KeyFlagsOf(*command);
  if (command->name == "set" && !HasWord(context.args.subspan(5), "get")) flags = {"OW", "update"};
  context.reply.Array(keys.size());
  for (size_t key : keys) {
    context.reply.Array(2);
    context.reply.Bulk(context.args[2 + key]);
    context.reply.Set(flags.size());
    for (std::string_view flag : flags) context.reply.Simple(flag);
  }
}

void Help(SessionContext& context) {
  ReplyHelp(context, {"(no subcommand)", "    Describe every command.", "COUNT",
                      "    Tell how many commands there are.", "DOCS [<command-name> ...]",
                      "    Explain all or the named commands.", "GETKEYS <full-command>",
                      "    List the keys in a command line.", "GETKEYSANDFLAGS <full-command>",
                      "    List the keys in a command line and what it does to them.",
                      "INFO [<command-name> ...]", "    Describe all or the named commands.",
                      "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
                      "    List the names of commands."});
}

// Alone, COMMAND is a command of its own; with arguments it is a container.
void Root(SessionContext& context) {
  if (context.args.size() == 1) return ReplyAll(context.reply);
  const Command* sub = FindSubcommand("command", context.args[1]);
  if (sub == nullptr) {
    return context.reply.Error(fmt::format("ERR unknown subcommand '{}'. Try COMMAND HELP.",
                                           context.args[1].substr(0, 128)));
  }
  if (!ArityFits(*sub, context.args.size())) return context.reply.Error(WrongArity(sub->name));
  sub->session(context);
}

constexpr std::string_view kGroup = "server";
constexpr std::string_view kAcl = "@connection";
constexpr std::string_view kPerName = "O(N) in the number of commands named";
constexpr uint32_t kFlags = kLoading | kStale;

constexpr std::array kRows = {
    WithAcl(
        OnSession("command", -1, kFlags, &Root,
                  {"Describes all commands.", "2.8.13", kGroup, "O(N) in the number of commands"}),
        kAcl),
    WithAcl(OnSession("command|count", 2, kFlags, &Count,
                      {"Tells how many commands there are.", "2.8.13", kGroup, "O(1)"}),
            kAcl),
    WithAcl(OnSession("command|docs", -2, kFlags, &Docs,
                      {"Explains commands.", "7.0.0", kGroup, kPerName}),
            kAcl),
    WithAcl(OnSession("command|getkeys", -3, kFlags, &GetKeys,
                      {"Lists the keys in a command line.", "2.8.13", kGroup,
                       "O(N) in the number of arguments"}),
            kAcl),
    WithAcl(OnSession("command|getkeysandflags", -3, kFlags, &GetKeysAndFlags,
                      {"Lists the keys in a command line and what it does to them.", "7.0.0",
                       kGroup, "O(N) in the number of arguments"}),
            kAcl),
    WithAcl(OnSession("command|help", 2, kFlags, &Help,
                      {"Explains the subcommands.", "5.0.0", kGroup, "O(1)"}),
            kAcl),
    WithAcl(OnSession("command|info", -2, kFlags, &Info,
                      {"Describes commands.", "2.8.13", kGroup, kPerName}),
            kAcl),
    WithAcl(OnSession("command|list", -2, kFlags, &List,
                      {"Lists the names of commands.", "7.0.0", kGroup,
                       "O(N) in the number of commands"}),
            kAcl),
};

}  // namespace

std::span<const Command> CommandCommands() { return kRows; }

}  // namespace flashdb
