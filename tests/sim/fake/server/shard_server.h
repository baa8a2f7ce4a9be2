// Stands in for server/shard_server.h where the real Connection is compiled into the simulation:
// the same duties for connections, over sockets that exist only in memory.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "commands/engine.h"
#include "server/connection.h"
#include "server/connection_lists.h"
#include "shards/shard.h"
#include "topics/topic_store.h"

namespace flashdb {

/// The client's end of a connection.
class SimPeer {
 public:
  virtual ~SimPeer() = default;
  /// The server has let go of these bytes: nothing can take them back.
  virtual void OnOutput(std::string_view bytes) = 0;
  /// The server has closed the connection.
  virtual void OnClosed() = 0;
};

/// What the last receive brought.
class SimReceiveBuffers {
 public:
  std::span<const char> Data(uint32_t, int32_t) const { return bytes_; }
  void Recycle(uint32_t) { bytes_.clear(); }
  void Fill(std::string_view bytes) { bytes_ = bytes; }

 private:
  std::string bytes_;
};

/// The sockets of one shard, in place of its ring. A completion happens when the simulation runs
/// it.
class SimSockets {
 public:
  explicit SimSockets(uint64_t seed) : random_(seed) {}

  // As Ring.
  void MultishotReceive(int fd, RingOp& op);
  void Send(int fd, std::span<const char> bytes, RingOp& op);
  void Cancel(RingOp& op);
  SimReceiveBuffers& receive_buffers() { return buffers_; }

  // The simulation's side.
  void Open(int fd, SimPeer& peer) { sockets_[fd].peer = &peer; }
  void ClientSends(int fd, std::string_view bytes) { sockets_[fd].input.append(bytes); }
  /// Nobody is at the other end any more.
  void ClientLeaves(int fd);
  /// The server has shut the socket down.
  void Shutdown(int fd);
  size_t pending() const { return completions_.size(); }
  void RunOne(size_t index);
  /// Whether there is input that a receive would take; delivers a piece of it.
  bool HasInput(int fd) const;
  void DeliverInput(int fd);

 private:
  struct Socket {
    SimPeer* peer = nullptr;
    RingOp* receive = nullptr;
    std::string input;
    bool shut = false;
  };
  struct End {
    RingOp* op;
    int32_t result;
  };

  void EndReceive(Socket& socket, int32_t result);

  Random random_;
  std::map<int, Socket> sockets_;
  std::vector<End> completions_;
  SimReceiveBuffers buffers_;
};

class ShardServer final : public TurnHook {
 public:
  /// What a connection sees of its shard.
  class View {
   public:
    View(Shard& shard, SimSockets& sockets) : shard_(shard), sockets_(sockets) {}
    ShardId id() const { return shard_.id(); }
    Keyspace& keys() { return shard_.keys(); }
    CommitQueue& commits() { return shard_.commits(); }
    const Clock& clock() { return shard_.clock(); }
    SimSockets& ring() { return sockets_; }

   private:
    Shard& shard_;
    SimSockets& sockets_;
  };

  ShardServer(Shard& shard, ServerServices& services, uint64_t seed, uint64_t serve_nanos);

  SimSockets& sockets() { return sockets_; }
  void Adopt(int fd, uint64_t id, SimPeer& peer);
  void CloseAll();
  bool Empty() const { return connections_.empty(); }

  // For connections.
  View& shard() { return view_; }
  Engine& engine() { return engine_; }
  const ConnectionLimits& limits() const { return limits_; }
  const Config& config() const { return config_; }
  std::unique_ptr<Run> BorrowRun() { return lists_.BorrowRun(); }
  void ReturnRun(std::unique_ptr<Run> run) { lists_.ReturnRun(std::move(run)); }
  void MarkReady(SocketConnection& connection) { lists_.MarkReady(connection); }
  void MarkDirty(SocketConnection& connection) { lists_.MarkDirty(connection); }
  void RetryLater(SocketConnection& connection) { MarkReady(connection); }
  void Forget(Session& session);
  void LogClosed(const Session&, std::string_view) {}

  // TurnHook.
  bool Work() override {
    TopicStore::Here().Pump();
    return lists_.Work(engine_.shard, serve_nanos_);
  }
  void FlushOutput() override;
  uint64_t NextDeadlineNanos() const override { return TopicStore::Here().NextDeadlineNanos(); }

 private:
  SimSockets sockets_;
  View view_;
  Engine engine_;
  ConnectionLimits limits_;
  Config config_;
  const uint64_t serve_nanos_;
  std::map<uint64_t, std::unique_ptr<SocketConnection>> connections_;
  ConnectionLists lists_;
};

}  // namespace flashdb
