// ACL, as far as a server with the one user "default" has something to say.
#include <array>

#include "base/numbers.h"
#include "base/random.h"
#include "commands/command_info.h"
#include "commands/server.h"

namespace flashdb {
namespace {

constexpr std::string_view kOneUser =
    "there is one user, 'default', whose password CONFIG SET requirepass sets";

void WhoAmI(SessionContext& context) { context.reply.Bulk(context.session.user); }

void Users(SessionContext& context) {
  context.reply.Array(1);
  context.reply.Bulk("default");
}

bool HasPassword(SessionContext& context) {
  return context.engine.services.PasswordRequired(context.engine);
}

// The password's hash, which Redis would show, is nobody's business.
void List(SessionContext& context) {
  context.reply.Array(1);
  context.reply.Bulk(HasPassword(context) ? "user default on sanitize-payload ~* &* +@all"
                                          : "user default on nopass sanitize-payload ~* &* +@all");
}

void GetUser(SessionContext& context) {
  ReplyWriter& reply = context.reply;
  if (context.args[2] != "default") return reply.Null();
  std::vector<std::string_view> flags = {"on"};
  if (!HasPassword(context)) flags.push_back("nopass");
  flags.push_back("sanitize-payload");
  reply.Map(6);
  reply.Bulk("flags");
  reply.Set(flags.size());
  for (std::string_view flag : flags) reply.Bulk(flag);
  reply.Bulk("passwords");
  reply.EmptyArray();
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {"commands", "+@all"}, {"keys", "~*"}, {"channels", "&*"}};
  for (auto [name, rule] : kRules) {
    reply.Bulk(name);
    reply.Bulk(rule);
  }
  reply.Bulk("selectors");
  reply.EmptyArray();
}

void ReplyCategory(ReplyWriter& reply, std::string_view category) {
  std::vector<std::string_view> names;
  for (const Command* row : AllRows()) {
    for (std::string_view has : AclCategoriesOf(*row)) {
      if (has == category) names.push_back(row->name);
    }
  }
  reply.Array(names.size());
  for (std::string_view name : names) reply.Bulk(name);
}

void Cat(SessionContext& context) {
  if (context.args.size() > 3) return context.reply.Error(kSyntaxError);
  if (context.args.size() == 2) {
    context.reply.Array(kAclCategories.size());
    for (std::string_view category : kAclCategories) context.reply.Bulk(category);
    return;
  }
  for (std::string_view category : kAclCategories) {
    if (EqualsIgnoreCase(category, context.args[2])) return ReplyCategory(context.reply, category);
  }
  context.reply.Error(fmt::format("ERR Unknown category '{}'", context.args[2].substr(0, 128)));
}

void GenPass(SessionContext& context) {
  std::optional<int64_t> bits = 256;
  if (context.args.size() == 3) bits = ParseInt64(context.args[2]);
  if (context.args.size() > 3) return context.reply.Error(kSyntaxError);
  if (!bits || *bits <= 0 || *bits > 4096) {
    return context.reply.Error(
        "ERR ACL GENPASS argument must be the number of bits for the output password, a positive "
        "number up to 4096");
  }
  size_t digits = static_cast<size_t>(*bits + 3) / 4;
  std::string password;
  while (password.size() < digits) password += fmt::format("{:016x}", EntropySeed());
  context.reply.Bulk(std::string_view(password).substr(0, digits));
}

// Nothing is ever refused to the one user, so the log of refusals is empty.
void Log(SessionContext& context) {
  bool reset = context.args.size() == 3 && EqualsIgnoreCase(context.args[2], "reset");
  reset ? context.reply.Ok() : context.reply.EmptyArray();
}

void Refuse(SessionContext& context) { ReplyNotSupported(context, kOneUser); }

void Help(SessionContext& context) {
  ReplyHelp(context, {"CAT [<category>]", "    List the categories, or the commands of <category>.",
                      "GENPASS [<bits>]", "    Make a random password.", "GETUSER <username>",
                      "    Tell the rights of a user.", "LIST", "    Tell the rights of all users.",
                      "LOG [<count>|RESET]", "    Empty: nothing is refused to the one user.",
                      "USERS", "    List the users.", "WHOAMI", "    Tell the current user."});
}

constexpr std::string_view kGroup = "server";
constexpr uint32_t kOpen = kNoScript | kLoading | kStale;
constexpr uint32_t kAdminOnly = kOpen | kAdmin;
constexpr CommandDoc kRefused = {"Not supported: there is only the user 'default'.", "6.0.0",
                                 kGroup, "O(1)"};

constexpr std::array kRows = {
    Container("acl",
              {"Commands on users and their rights.", "6.0.0", kGroup, "Depends on subcommand."}),
    OnSession("acl|cat", -2, kOpen, &Cat,
              {"Lists categories or the commands of one.", "6.0.0", kGroup, "O(1)"}),
    OnSession("acl|deluser", -3, kAdminOnly, &Refuse, kRefused),
    OnSession("acl|dryrun", -4, kAdminOnly, &Refuse, kRefused),
    OnSession("acl|genpass", -2, kOpen, &GenPass,
              {"Makes a random password.", "6.0.0", kGroup, "O(1)"}),
    OnSession("acl|getuser", 3, kAdminOnly, &GetUser,
              {"Tells the rights of a user.", "6.0.0", kGroup, "O(1)"}),
    OnSession("acl|help", 2, kLoading | kStale, &Help,
              {"Explains the subcommands.", "6.0.0", kGroup, "O(1)"}),
    OnSession("acl|list", 2, kAdminOnly, &List,
              {"Tells the rights of all users.", "6.0.0", kGroup, "O(1)"}),
    OnSession("acl|load", 2, kAdminOnly, &Refuse, kRefused),
    OnSession("acl|log", -2, kAdminOnly, &Log,
              {"Lists what was refused to users.", "6.0.0", kGroup, "O(1)"}),
    OnSession("acl|save", 2, kAdminOnly, &Refuse, kRefused),
    OnSession("acl|setuser", -3, kAdminOnly, &Refuse, kRefused),
    OnSession("acl|users", 2, kAdminOnly, &Users, {"Lists all users.", "6.0.0", kGroup, "O(1)"}),
    OnSession("acl|whoami", 2, kOpen, &WhoAmI,
              {"Tells the connection's user.", "6.0.0", kGroup, "O(1)"}),
};

}  // namespace

std::span<const Command> AclCommands() { return kRows; }

}  // namespace flashdb
