// Connection: birth and what is RESP's own of its socket.
#include "server/connection.h"

#include "commands/engine.h"
#include "server/shard_server.h"
#include "shards/shard.h"

namespace flashdb {

Connection::Connection(ShardServer& server, int fd, uint64_t id)
    : SocketConnection(server, fd, id) {}

LinkBuffers Connection::Buffers() const {
  LinkBuffers buffers = SocketConnection::Buffers();
  if (busy_ || session_.postponed) {
    for (std::string_view arg : next_request_.args) buffers.argument_bytes += arg.size();
  }
  if (run_ != nullptr) buffers.output_allocated += run_->buffer.capacity();
  return buffers;
}

void Connection::AppendFailure(std::string& out, const std::string& why) {
  out += fmt::format(
      "-MISCONF What this command did or read is not safely on disk: it may or may not be there "
      "after a restart. The connection is closed; {}\r\n",
      why);
}

const char* Connection::TimeIsUp() {
  const uint64_t limit_seconds = server_.config().timeout;
  const UnixMillis now = server_.shard().keys().now();
  bool idle = limit_seconds != 0 && !session_.subscribed() && !busy_ && !session_.postponed &&
              now - session_.last_active_at > static_cast<UnixMillis>(limit_seconds * 1000);
  return idle ? "it was idle for longer than timeout" : nullptr;
}

}  // namespace flashdb
