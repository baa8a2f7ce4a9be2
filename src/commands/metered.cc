#include "commands/metered.h"

namespace flashdb {
namespace {

Task<void> RunToEnd(const Command& command, SessionContext& context, OneShotEvent& done) {
  co_await command.session_task(context);
  context.meter.Stop();
  done.Set();
}

}  // namespace

Task<void> RunMetered(const Command& command, SessionContext& context) {
  context.meter.Start();
  if (command.session != nullptr) {
    command.session(context);
    context.meter.Stop();
    co_return;
  }
  OneShotEvent done;
  Detach(RunToEnd(command, context, done));
  context.meter.Stop();  // it has ended, or is suspended now
  co_await done;
}

}  // namespace flashdb
