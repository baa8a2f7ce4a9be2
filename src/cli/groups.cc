// flashq groups: list, create, describe, delete, members.
#include "cli/api_paths.h"
#include "cli/command.h"
#include "cli/errors.h"

namespace flashdb::cli {
namespace {

struct GroupOptions {
  std::string name;
};

struct ListOptions {
  bool names = false;
};

Status List(Context& context, const ListOptions& options) {
  FLASHDB_ASSIGN_OR_RETURN(Json answer, context.client().Call({.target = "/groups"}));
  Output& output = context.output();
  if (options.names) {
    for (const Json& group : Member(answer, "groups")) output.Line(StringOf(group, "group"));
    return OkStatus();
  }
  if (output.json()) {
    output.PrintJson(answer);
    return OkStatus();
  }
  Table table({"GROUP", "MEMBERS", "CREATED"});
  for (const Json& group : Member(answer, "groups")) {
    table.Add({StringOf(group, "group"), std::to_string(Member(group, "members").size()),
               StringOf(group, "created_at")});
  }
  if (table.empty()) {
    output.Note("There are no groups yet. Create one: flashq groups create NAME");
  } else {
    output.Print(table);
  }
  return OkStatus();
}

Table MembersOf(const Json& group) {
  Table table({"MEMBER", "CLIENT", "TOPIC", "PARTITIONS", "LAST SEEN"});
  for (const Json& member : Member(group, "members")) {
    const std::string name = StringOf(member, "member");
    const std::string client = StringOf(member, "client");
    const std::string seen = StringOf(member, "last_seen");
    for (const Json& share : Member(member, "assignments")) {
      table.Add(
          {name, client, StringOf(share, "topic"), ToText(Member(share, "partitions")), seen});
    }
    if (Member(member, "assignments").empty()) table.Add({name, client, "", "", seen});
  }
  return table;
}

Status ShowMembers(Context& context, const Json& group) {
  Output& output = context.output();
  if (output.json()) {
    output.PrintJson(group);
    return OkStatus();
  }
  const Table table = MembersOf(group);
  if (table.empty()) {
    output.Note(
        "The group has no members now. Join it: flashq subscribe TOPIC --group GROUP --member "
        "NAME");
  } else {
    output.Print(table);
  }
  return OkStatus();
}

Status Create(Context& context, const GroupOptions& options) {
  FLASHDB_ASSIGN_OR_RETURN(Json answer,
                           context.client().Call("PUT", GroupPath(options.name), Json::object()));
  if (context.output().json()) {
    context.output().PrintJson(answer);
  } else {
    context.output().Line(fmt::format("created group {}", options.name));
  }
  return OkStatus();
}

Status Describe(Context& context, const GroupOptions& options) {
  FLASHDB_ASSIGN_OR_RETURN(Json group, context.client().Call({.target = GroupPath(options.name)}));
  Output& output = context.output();
  if (!output.json()) {
    output.Line(fmt::format("{}  created {}, generation {}",
                            output.Styled(Style::kBold, StringOf(group, "group")),
                            StringOf(group, "created_at"), IntOf(group, "generation")));
  }
  return ShowMembers(context, group);
}

Status Members(Context& context, const GroupOptions& options) {
  FLASHDB_ASSIGN_OR_RETURN(Json group, context.client().Call({.target = GroupPath(options.name)}));
  if (!context.output().json()) return ShowMembers(context, group);
  context.output().PrintJson(Member(group, "members"));
  return OkStatus();
}

Status Delete(Context& context, const GroupOptions& options) {
  FLASHDB_RETURN_IF_ERROR(
      context.client().Call({.method = "DELETE", .target = GroupPath(options.name)}).status());
  if (context.output().json()) {
    context.output().PrintJson({{"group", options.name}, {"deleted", true}});
  } else {
    context.output().Line(fmt::format("deleted group {} with its offsets", options.name));
  }
  return OkStatus();
}

void AddGroupCommand(CLI::App* groups, Command* chosen, const char* word, const char* what,
                     Status (*run)(Context&, const GroupOptions&)) {
  CLI::App* command = groups->add_subcommand(word, what);
  auto options = std::make_shared<GroupOptions>();
  command->add_option("group", options->name, "the group's name")->required()->type_name("GROUP");
  Choose(command, chosen, options, run);
}

}  // namespace

void AddGroupsCommands(CLI::App& root, Command* chosen) {
  CLI::App* groups = root.add_subcommand("groups", "list, create, describe, delete groups");
  groups->require_subcommand(0, 1);
  CLI::App* list = groups->add_subcommand("list", "all groups (also: flashq groups)");
  auto list_options = std::make_shared<ListOptions>();
  list->add_flag("--names", list_options->names, "names only, one on each line");
  Choose(list, chosen, list_options, &List);
  AddGroupCommand(groups, chosen, "create", "make a group", &Create);
  AddGroupCommand(groups, chosen, "describe", "when it was made, and its members", &Describe);
  AddGroupCommand(groups, chosen, "members", "who is in it, and each one's partitions", &Members);
  AddGroupCommand(groups, chosen, "delete", "delete a group and its offsets", &Delete);
  Choose(groups, chosen, std::make_shared<ListOptions>(), &List);
}

}  // namespace flashdb::cli
