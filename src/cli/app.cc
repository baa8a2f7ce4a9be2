#include "cli/app.h"

#include <algorithm>

#include "cli/errors.h"

namespace flashdb::cli {
namespace {

constexpr const char* kFooter =
    "Environment: FLASHQ_SERVER, FLASHQ_PASSWORD, NO_COLOR.\n"
    "Exit codes: 0 done, 1 refused, 2 wrong usage, 3 server not reachable, 4 timed out.\n"
    "New here? `flashq demo` shows it all in five minutes.";

void AddGlobalOptions(CLI::App& app, GlobalOptions* options) {
  app.set_version_flag("--version", std::string("flashq ") + FLASHDB_VERSION);
  app.add_option("--server", options->server, "URL of the server's HTTP port")
      ->envname("FLASHQ_SERVER")
      ->capture_default_str()
      ->type_name("URL");
  app.add_option("--password-file", options->password_file,
                 "file whose first line is the server's password (else FLASHQ_PASSWORD)")
      ->type_name("FILE");
  app.add_option("--timeout", options->timeout_seconds, "how long a request may take")
      ->capture_default_str()
      ->type_name("SECONDS");
  app.add_flag("--json", options->json, "print JSON, one document on each line");
}

// Words that CLI11 could not make sense of, or asked-for help; both are printed.
int Explain(const CLI::App& app, const CLI::ParseError& error, const Streams& streams) {
  if (error.get_exit_code() == 0) return app.exit(error, streams.out, streams.err);
  streams.err << "flashq: " << error.what() << "; see flashq --help, or --help after a command"
              << std::endl;
  return kExitUsage;
}

Status Run(Context& context, const GlobalOptions& options, const Command& command) {
  FLASHDB_RETURN_IF_ERROR(context.Configure(options));
  Status status = command(context);
  status.Update(context.output().Flush());
  return status;
}

}  // namespace

std::unique_ptr<CLI::App> MakeApp(GlobalOptions* options, Command* chosen) {
  auto app = std::make_unique<CLI::App>("flashq: topics, records and groups of a FlashDB server",
                                        "flashq");
  app->fallthrough();          // --json and the like may stand anywhere
  app->require_subcommand(1);  // and no further word is taken for a command
  AddGlobalOptions(*app, options);
  AddTopicsCommands(*app, chosen);
  AddProduceCommand(*app, chosen);
  AddFetchCommand(*app, chosen);
  AddSubscribeCommand(*app, chosen);
  AddGroupsCommands(*app, chosen);
  AddOffsetsCommands(*app, chosen);
  AddBenchCommand(*app, chosen);
  AddHealthCommand(*app, chosen);
  AddDemoCommand(*app, chosen);
  AddCompletionCommand(*app, chosen);
  app->footer(kFooter);  // after the commands, which would inherit it
  return app;
}

int RunFlashq(std::vector<std::string> words, const Streams& streams) {
  GlobalOptions options;
  Command command;
  auto app = MakeApp(&options, &command);
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
  try {
    app->parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return Explain(*app, error, streams);
  }
  Context context(streams);
  const Status status = Run(context, options, command);
  if (!status.ok()) context.output().Error(status);
  return ExitCodeOf(status);
}

}  // namespace flashdb::cli
