// flashq health.
#include "cli/command.h"

namespace flashdb::cli {
namespace {

struct HealthOptions {};

Status Health(Context& context, const HealthOptions& /*options*/) {
  const ApiRequest request = {.target = "/health"};
  FLASHDB_ASSIGN_OR_RETURN(ApiReply reply, context.client().Send(request));
  auto answer = ParseJson(reply.body);
  if (!answer.ok() || !answer->is_object()) {
    return reply.status == 200
               ? absl::DataLossError(fmt::format("GET /health: the answer is no JSON; is {} a "
                                                 "FlashDB server?",
                                                 context.api_options().server))
               : RefusalOf(request, reply);
  }
  Output& output = context.output();
  if (output.json()) {
    output.PrintJson(*answer);
  } else {
    for (const auto& [name, value] : answer->items()) {
      output.Line(fmt::format("{}: {}", output.Styled(Style::kBold, name),
                              value.is_string() ? value.get<std::string>() : ToText(value)));
    }
  }
  return reply.status == 200 ? OkStatus() : RefusalOf(request, reply);
}

}  // namespace

void AddHealthCommand(CLI::App& root, Command* chosen) {
  CLI::App* health = root.add_subcommand("health", "whether the server is well");
  Choose(health, chosen, std::make_shared<HealthOptions>(), &Health);
}

}  // namespace flashdb::cli
