#include "commands/command_info.h"

#include <algorithm>
#include <utility>

namespace flashdb {
namespace {

constexpr std::pair<CommandFlag, std::string_view> kFlagNames[] = {
    {kWrite, "write"},   {kReadOnly, "readonly"}, {kDenyOom, "denyoom"},  {kAdmin, "admin"},
    {kPubSub, "pubsub"}, {kNoScript, "noscript"}, {kLoading, "loading"},  {kStale, "stale"},
    {kFast, "fast"},     {kNoAuth, "no_auth"},    {kNoMulti, "no_multi"},
};

// The category that a group's name stands for; empty where Redis derives none.
std::string_view CategoryOfGroup(std::string_view group) {
  if (group == "generic") return "keyspace";
  if (group == "transactions") return "transaction";
  if (group == "sorted-set") return "sortedset";
  constexpr std::array<std::string_view, 10> kSame = {
      "string", "hash",        "list", "set",        "stream",
      "bitmap", "hyperloglog", "geo",  "connection", "scripting"};
  return std::find(kSame.begin(), kSame.end(), group) != kSame.end() ? group : "";
}

template <typename Name>
void ReplyNames(ReplyWriter& reply, const std::vector<Name>& names) {
  reply.Set(names.size());
  for (const Name& name : names) reply.Simple(name);
}

// What commands do to their keys where it is neither "RO access" nor "RW access update", as Redis's
// own command tables (src/commands/*.json, versions 7.2 and 7.4) tell it.
struct KeyUse {
  std::string_view flags[3];
  std::string_view commands;  // each between blanks
};

constexpr KeyUse kKeyUses[] = {
    {{"RO"},
     " exists touch type strlen hlen hexists hstrlen object|encoding object|freq "
     "object|idletime object|refcount memory|usage "},
    {{"RW", "access", "delete"}, " getdel move "},
    {{"RW", "delete"}, " hdel "},
    {{"RM", "delete"}, " del unlink "},
    {{"OW", "insert"}, " setnx msetnx "},
    {{"OW", "update"}, " setex psetex mset restore "},
    {{"RW", "insert"}, " append hsetnx "},
    {{"RW", "update"},
     " setrange hset hmset expire pexpire expireat pexpireat persist hexpire "
     "hpexpire hexpireat hpexpireat hpersist "},
};

std::vector<std::string> FlagNamesOf(const Command& command) {
  std::vector<std::string> names;
  for (auto [flag, name] : kFlagNames) {
    if (command.has(flag)) names.emplace_back(name);
  }
  return names;
}

void ReplyInteger(ReplyWriter& reply, std::string_view name, int64_t value) {
  reply.Bulk(name);
  reply.Integer(value);
}

// One key specification: the range of the row, as Redis words it.
void ReplyKeySpecs(ReplyWriter& reply, const Command& command) {
  const KeyRange& keys = command.keys;
  if (keys.first == 0) return reply.EmptyArray();
  reply.Array(1);
  reply.Map(3);
  reply.Bulk("flags");
  ReplyNames(reply, KeyFlagsOf(command));
  reply.Bulk("begin_search");
  reply.Map(2);
  reply.Bulk("type");
  reply.Bulk("index");
  reply.Bulk("spec");
  reply.Map(1);
  ReplyInteger(reply, "index", keys.first);
  reply.Bulk("find_keys");
  reply.Map(2);
  reply.Bulk("type");
  reply.Bulk("range");
  reply.Bulk("spec");
  reply.Map(3);
  ReplyInteger(reply, "lastkey", keys.last < 0 ? keys.last : keys.last - keys.first);
  ReplyInteger(reply, "keystep", keys.step);
  ReplyInteger(reply, "limit", 0);
}

}  // namespace

std::vector<std::string_view> KeyFlagsOf(const Command& command) {
  std::string word = fmt::format(" {} ", command.name);
  for (const KeyUse& use : kKeyUses) {
    if (use.commands.find(word) == std::string_view::npos) continue;
    auto end = std::find(std::begin(use.flags), std::end(use.flags), "");
    return {std::begin(use.flags), end};
  }
  if (command.has(kWrite)) return {"RW", "access", "update"};
  return {"RO", "access"};
}

std::vector<std::string_view> AclCategoriesOf(const Command& command) {
  std::vector<std::string_view> categories;
  auto add = [&categories](std::string_view category) {
    bool known = std::find(categories.begin(), categories.end(), category) != categories.end();
    if (!category.empty() && !known) categories.push_back(category);
  };
  std::string_view rest = command.acl_categories;
  while (!rest.empty()) {
    size_t end = std::min(rest.find(' '), rest.size());
    add(rest.substr(rest.starts_with('@'), end - rest.starts_with('@')));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  add(CategoryOfGroup(command.doc.group));
  if (command.has(kWrite)) add("write");
  if (command.has(kReadOnly)) add("read");
  if (command.has(kAdmin)) add("admin");
  if (command.has(kAdmin)) add("dangerous");
  if (command.has(kPubSub)) add("pubsub");
  add(command.has(kFast) ? "fast" : "slow");
  return categories;
}

const Command* FindCommandOf(ArgView args) {
  const Command* command = args.empty() ? nullptr : FindCommand(args[0]);
  if (command == nullptr || args.size() < 2) return command;
  if (const Command* sub = FindSubcommand(args[0], args[1])) return sub;
  bool has_handler = command->local != nullptr || command->transaction != nullptr ||
                     command->session != nullptr || command->session_task != nullptr;
  return has_handler ? command : nullptr;
}

std::vector<const Command*> AllRows() {
  std::vector<const Command*> rows;
  for (const Command* command : AllCommands()) {
    rows.push_back(command);
    for (const Command* sub : SubcommandsOf(command->name)) rows.push_back(sub);
  }
  return rows;
}

void ReplyCommandInfo(ReplyWriter& reply, const Command& command) {
  reply.Array(10);
  reply.Bulk(command.name);
  reply.Integer(command.arity);
  ReplyNames(reply, FlagNamesOf(command));
  reply.Integer(command.keys.first);
  reply.Integer(command.keys.last);
  reply.Integer(command.keys.step);
  std::vector<std::string> categories;
  for (std::string_view category : AclCategoriesOf(command)) {
    categories.push_back(fmt::format("@{}", category));
  }
  ReplyNames(reply, categories);
  reply.EmptyArray();  // tips
  ReplyKeySpecs(reply, command);
  std::vector<const Command*> subcommands = SubcommandsOf(command.name);
  reply.Array(subcommands.size());
  for (const Command* sub : subcommands) ReplyCommandInfo(reply, *sub);
}

void ReplyCommandDocs(ReplyWriter& reply, const Command& command) {
  std::vector<const Command*> subcommands = SubcommandsOf(command.name);
  const CommandDoc& doc = command.doc;
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  if (!doc.summary.empty()) fields.emplace_back("summary", doc.summary);
  if (!doc.since.empty()) fields.emplace_back("since", doc.since);
  fields.emplace_back("group", doc.group.empty() ? "generic" : doc.group);
  if (!doc.complexity.empty()) fields.emplace_back("complexity", doc.complexity);
  reply.Map(fields.size() + (subcommands.empty() ? 0 : 1));
  for (auto [name, value] : fields) {
    reply.Bulk(name);
    reply.Bulk(value);
  }
  if (subcommands.empty()) return;
  reply.Bulk("subcommands");
  reply.Map(subcommands.size());
  for (const Command* sub : subcommands) {
    reply.Bulk(sub->name);
    ReplyCommandDocs(reply, *sub);
  }
}

}  // namespace flashdb
