// WAIT and WAITAOF. There are no replicas, so nobody is waited for and none is ever reported.
#include <string>
#include <utility>

#include "base/numbers.h"
#include "commands/engine.h"
#include "commands/generic.h"

namespace flashdb::generic {
namespace {

bool TimeoutFits(std::string_view text, ReplyWriter& reply) {
  std::optional<int64_t> timeout =
      ParseInteger(text, reply, "ERR timeout is not an integer or out of range");
  if (!timeout) return false;
  if (*timeout < 0) reply.Error("ERR timeout is negative");
  return *timeout >= 0;
}

// With sync=always a reply leaves only after everything its connection wrote before is on disk.
bool RepliesAreDurable(Engine& engine) {
  auto found = engine.services.ConfigGet(engine, "sync");
  return !found.empty() && found.front().second == "always";
}

}  // namespace

void Wait(SessionContext& context) {
  if (!ParseInteger(context.args[1], context.reply)) return;
  if (!TimeoutFits(context.args[2], context.reply)) return;
  context.reply.Integer(0);
}

void WaitAof(SessionContext& context) {
  ReplyWriter& reply = context.reply;
  std::optional<int64_t> local = ParseRange(context.args[1], 0, 1, reply);
  if (!local) return;
  if (!ParseRange(context.args[2], 0, INT64_MAX, reply,
                  "ERR value is out of range, must be positive")) {
    return;
  }
  if (!TimeoutFits(context.args[3], reply)) return;
  bool durable = RepliesAreDurable(context.engine);
  if (*local != 0 && !durable) {
    return reply.Error(
        "ERR WAITAOF cannot wait for the local log, because replies do not wait for the disk. "
        "Start the server with sync=always.");
  }
  reply.Array(2);
  reply.Integer(durable ? 1 : 0);
  reply.Integer(0);
}

}  // namespace flashdb::generic
