// What COMMAND and ACL CAT derive from the table.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command.h"

namespace flashdb {

/// Redis's ACL categories in Redis's order, without their "@".
inline constexpr std::array<std::string_view, 21> kAclCategories = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting"};

/// The categories of `command`, without their "@": those that follow from its flags and group as
/// in Redis, and those of its row.
std::vector<std::string_view> AclCategoriesOf(const Command& command);

/// The row for a whole command line: the subcommand's if args[0] is a container; nullptr if there
/// is none.
const Command* FindCommandOf(ArgView args);

/// Every row, each container followed by its subcommands.
std::vector<const Command*> AllRows();

/// What `command` does to its keys, in the words of Redis's key specifications ("RO access").
std::vector<std::string_view> KeyFlagsOf(const Command& command);

/// One element of COMMAND INFO's reply: ten fields, the last of them the subcommands' elements.
void ReplyCommandInfo(ReplyWriter& reply, const Command& command);

/// The value of one name in COMMAND DOCS' reply.
void ReplyCommandDocs(ReplyWriter& reply, const Command& command);

}  // namespace flashdb
