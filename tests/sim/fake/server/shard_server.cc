#include "server/shard_server.h"

#include "commands/multi.h"
#include "commands/pubsub.h"

namespace flashdb {

// ---- Sockets -----------------------------------------------------------------------------------

void SimSockets::MultishotReceive(int fd, RingOp& op) {
  Socket& socket = sockets_[fd];
  socket.receive = &op;
  if (socket.shut) EndReceive(socket, 0);
}

// Part of the bytes is let go at once, as a kernel might; the rest is asked for again.
void SimSockets::Send(int fd, std::span<const char> bytes, RingOp& op) {
  Socket& socket = sockets_[fd];
  if (socket.shut || socket.peer == nullptr) {
    completions_.push_back({&op, -EPIPE});
    return;
  }
  size_t size = random_.Below(8) == 0 ? 1 + random_.Below(bytes.size()) : bytes.size();
  completions_.push_back({&op, static_cast<int32_t>(size)});
  socket.peer->OnOutput(std::string_view(bytes.data(), size));
}

void SimSockets::EndReceive(Socket& socket, int32_t result) {
  if (socket.receive != nullptr) completions_.push_back({socket.receive, result});
  socket.receive = nullptr;
}

void SimSockets::Cancel(RingOp& op) {
  for (auto& [fd, socket] : sockets_) {
    if (socket.receive == &op) EndReceive(socket, -ECANCELED);
  }
}

void SimSockets::ClientLeaves(int fd) {
  Socket& socket = sockets_[fd];
  socket.peer = nullptr;
  socket.input.clear();
  socket.shut = true;
  EndReceive(socket, 0);
}

void SimSockets::Shutdown(int fd) {
  Socket& socket = sockets_[fd];
  socket.shut = true;
  EndReceive(socket, 0);
  if (socket.peer != nullptr) socket.peer->OnClosed();
  socket.peer = nullptr;
}

void SimSockets::RunOne(size_t index) {
  End end = completions_[index];
  completions_.erase(completions_.begin() + static_cast<std::ptrdiff_t>(index));
  end.op->on_cqe(*end.op, end.result, 0);
}

bool SimSockets::HasInput(int fd) const {
  auto found = sockets_.find(fd);
  return found != sockets_.end() && found->second.receive != nullptr &&
         !found->second.input.empty();
}

void SimSockets::DeliverInput(int fd) {
  Socket& socket = sockets_[fd];
  size_t size = socket.input.size();
  if (random_.Below(3) == 0) size = 1 + random_.Below(size);
  buffers_.Fill(std::string_view(socket.input).substr(0, size));
  socket.input.erase(0, size);
  socket.receive->on_cqe(*socket.receive, static_cast<int32_t>(size), IORING_CQE_F_MORE);
}

// ---- Connections -------------------------------------------------------------------------------

ShardServer::ShardServer(Shard& shard, ServerServices& services, uint64_t seed,
                         uint64_t serve_nanos)
    : sockets_(seed),
      view_(shard, sockets_),
      engine_{.shard = shard,
              .keys = shard.keys(),
              .services = services,
              .clock = shard.clock(),
              .random = shard.random()},
      serve_nanos_(serve_nanos) {
  engine_.slow_micros = -1;  // real time must decide nothing
  shard.set_hook(this);
}

void ShardServer::Adopt(int fd, uint64_t id, SimPeer& peer) {
  sockets_.Open(fd, peer);
  auto connection = std::make_unique<Connection>(*this, fd, id);
  connection->session().authenticated = true;
  engine_.sessions[id] = &connection->session();
  connections_[id] = std::move(connection);
}

void ShardServer::CloseAll() {
  for (auto& [id, connection] : connections_) connection->Close(false);
}

void ShardServer::Forget(Session& session) {
  sockets_.Shutdown(session.fd);
  engine_.sessions.erase(session.id);
  DropSubscriptions(engine_, session);
  DiscardMulti(session);
  CancelFetch(session.fetch);
}

void ShardServer::FlushOutput() {
  lists_.Flush(
      [this](SocketConnection& connection) { connections_.erase(connection.session().id); });
}

}  // namespace flashdb
