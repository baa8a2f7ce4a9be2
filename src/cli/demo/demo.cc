// flashq demo: a tour through a server of its own.
#include "cli/command.h"
#include "cli/demo/screen.h"
#include "cli/demo/server.h"
#include "cli/demo/tour.h"
#include "cli/errors.h"
#include "cli/interrupt.h"

namespace flashdb::cli {
namespace {

struct DemoOptions {
  std::string server_binary;
  bool automatic = false;
};

Status RunTour(Context& context, const DemoOptions& options, const std::string& binary) {
  // In this order: at the end the server goes first, then the terminal is as it was.
  Interrupt interrupt(Interrupt::Second::kIsIgnored);
  Screen screen(context, options.automatic);
  DemoServer server(binary);
  return Tour(context, screen, server).Run();
}

Status Demo(Context& context, const DemoOptions& options) {
  if (context.output().json()) return UsageError("the demo is for people; leave out --json");
  if (!options.automatic && !context.streams().in_terminal) {
    return UsageError("the demo waits for keys, but its input is no terminal; try --auto");
  }
  FLASHDB_ASSIGN_OR_RETURN(const std::string binary, FindServerBinary(options.server_binary));
  const Status status = RunTour(context, options, binary);
  if (!IsQuit(status) && !absl::IsCancelled(status)) return status;
  context.output().Line("\nThe server is stopped and its directory deleted. Bye!");
  return IsQuit(status) ? OkStatus() : status;
}

}  // namespace

void AddDemoCommand(CLI::App& root, Command* chosen) {
  CLI::App* demo = root.add_subcommand("demo", "a tour of five minutes, with a server of its own");
  auto options = std::make_shared<DemoOptions>();
  demo->add_option("--server-binary", options->server_binary,
                   "the server's program; else flashdb beside flashq or in PATH")
      ->type_name("FILE");
  demo->add_flag("--auto", options->automatic, "go on without waiting for Enter");
  Choose(demo, chosen, options, &Demo);
}

}  // namespace flashdb::cli
