#include "bench/floor/floor_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "base/check.h"
#include "bench/floor/command_scanner.h"
#include "server/sockets.h"

namespace flashdb::bench {
namespace {

constexpr uint32_t kBacklog = 511;
constexpr size_t kInputKeep = 64 * 1024;
constexpr size_t kOutputKeep = 256 * 1024;
constexpr size_t kOutputHigh = size_t{64} << 20;
// A shard with nothing to do sleeps no longer than this either.
constexpr uint64_t kSleepNanos = 100'000'000;

}  // namespace

// ---- Connection ---------------------------------------------------------------------------------

FloorConnection::FloorConnection(FloorServer& server, int fd) : server_(server), fd_(fd) {
  receive_op_.Bind<&FloorConnection::OnReceived>(*this);
  send_op_.Bind<&FloorConnection::OnSent>(*this);
  Receive();
}

FloorConnection::~FloorConnection() { ::close(fd_); }

void FloorConnection::Receive() {
  receiving_ = true;
  server_.ring().MultishotReceive(fd_, receive_op_);
}

void FloorConnection::OnReceived(int32_t result, uint32_t flags) {
  if ((flags & IORING_CQE_F_MORE) == 0) receiving_ = false;
  if (result > 0) {
    ReceiveBuffers& buffers = server_.ring().receive_buffers();
    std::span<const char> bytes = buffers.Data(flags, result);
    if (!closing_) in_.append(bytes.data(), bytes.size());
    buffers.Recycle(flags);
    server_.MarkReady(*this);
  } else if (result != -ENOBUFS) {
    Close();
  }
  if (closing_) {
    server_.MarkDirty(*this);
  } else if (!receiving_) {
    Receive();
  }
}

void FloorConnection::Work() {
  if (closing_) return;
  std::string_view left = in_;
  CommandKind kind{};
  size_t length = 0;
  bool known = true;
  while ((known = ScanCommand(left, &kind, &length)) && length > 0) {
    left.remove_prefix(length);
    if (kind == CommandKind::kGet) {
      out_ += server_.get_reply();
    } else {
      out_ += kind == CommandKind::kPing ? "+PONG\r\n" : "+OK\r\n";
    }
  }
  in_.erase(0, in_.size() - left.size());
  if (in_.empty() && in_.capacity() > kInputKeep) std::string().swap(in_);
  // Nobody waits for a client that does not read: this is no server for everyday use.
  if (!known || out_.size() > kOutputHigh) Close();
  server_.MarkDirty(*this);
}

void FloorConnection::Flush() {
  if (closing_ || sending_now_ || out_.empty()) return;
  sending_.swap(out_);
  sent_ = 0;
  sending_now_ = true;
  server_.ring().Send(fd_, sending_, send_op_);
}

void FloorConnection::OnSent(int32_t result) {
  sending_now_ = false;
  server_.MarkDirty(*this);
  if (closing_) return;
  if (result <= 0) {
    Close();
    return;
  }
  sent_ += static_cast<size_t>(result);
  if (sent_ < sending_.size()) {
    sending_now_ = true;
    server_.ring().Send(fd_, std::span(sending_).subspan(sent_), send_op_);
    return;
  }
  sending_.clear();
  if (sending_.capacity() > kOutputKeep) std::string().swap(sending_);
}

void FloorConnection::Close() {
  if (closing_) return;
  closing_ = true;
  ::shutdown(fd_, SHUT_RDWR);
  server_.MarkDirty(*this);
}

// ---- Server -------------------------------------------------------------------------------------

FloorServer::FloorServer(const FloorOptions& options)
    : get_reply_(
          fmt::format("${}\r\n{}\r\n", options.value_size, std::string(options.value_size, 'v'))) {
  accept_op_.Bind<&FloorServer::Accept>(*this);
}

StatusOr<std::unique_ptr<FloorServer>> FloorServer::Start(const FloorOptions& options,
                                                          uint16_t* port) {
  std::unique_ptr<FloorServer> server(new FloorServer(options));
  FLASHDB_ASSIGN_OR_RETURN(server->ring_, Ring::Create({}));
  FLASHDB_ASSIGN_OR_RETURN(Listening listening, ListenOn(options.host, options.port, kBacklog));
  *port = listening.port;
  server->listener_ = listening.fd;
  server->ring_->MultishotAccept(listening.fd, server->accept_op_);
  return server;
}

void FloorServer::Accept(int32_t result, uint32_t flags) {
  if (result >= 0) {
    int on = 1;
    (void)::setsockopt(result, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connections_.push_back(std::make_unique<FloorConnection>(*this, result));
  } else {
    FLASHDB_CHECK(result == -EMFILE || result == -ENFILE || result == -ECONNABORTED,
                  "accept: error {}", -result);
  }
  if ((flags & IORING_CQE_F_MORE) == 0) ring_->MultishotAccept(listener_, accept_op_);
}

void FloorServer::MarkReady(FloorConnection& connection) {
  if (connection.listed_ready) return;
  connection.listed_ready = true;
  ready_.push_back(&connection);
}

void FloorServer::MarkDirty(FloorConnection& connection) {
  if (connection.listed_dirty) return;
  connection.listed_dirty = true;
  dirty_.push_back(&connection);
}

void FloorServer::FlushOutput() {
  flushing_.swap(dirty_);
  for (FloorConnection* connection : flushing_) {
    connection->listed_dirty = false;
    connection->Flush();
    if (!connection->Dead()) continue;
    std::erase(ready_, connection);
    std::erase_if(connections_,
                  [connection](const auto& other) { return other.get() == connection; });
  }
  flushing_.clear();
}

void FloorServer::Run() {
  for (;;) {
    working_.swap(ready_);
    for (FloorConnection* connection : working_) {
      connection->listed_ready = false;
      connection->Work();
    }
    working_.clear();
    FlushOutput();
    ring_->Turn(kSleepNanos);
  }
}

}  // namespace flashdb::bench
