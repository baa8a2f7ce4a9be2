// The demo's steps, in order.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "cli/context.h"
#include "cli/demo/screen.h"
#include "cli/demo/server.h"

namespace flashdb::cli {

/// One tour through a server of its own. Every Status may be IsQuit() or Cancelled; all else that
/// is not ok means that the server did not do what the page says.
class Tour {
 public:
  Tour(Context& context, Screen& screen, DemoServer& server)
      : context_(context), screen_(screen), server_(server) {}

  Status Run();

 private:
  Status StartServer();
  Status CreateTopic();
  Status Produce();
  Status Fetch();
  Status Offsets();
  Status Share();
  Status Transaction();
  Status KillAndRecover();
  Status CleanUp();

  // Shows the command and waits; then runs it, as if typed, against the demo's server.
  Status Flashq(const std::vector<std::string>& words, const std::string& curl = "");
  // Runs it without a question and returns what it printed.
  StatusOr<std::string> Quietly(const std::vector<std::string>& words);
  ApiOptions api() const;

  Context& context_;
  Screen& screen_;
  DemoServer& server_;
};

}  // namespace flashdb::cli
