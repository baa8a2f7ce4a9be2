// The floor: the server's event loop and sockets with no server behind them. It answers every
// command at once without doing its work, so no server with this loop can be faster: the bar that
// FlashDB is measured against.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "io/ring.h"

namespace flashdb::bench {

struct FloorOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 0;         // 0: any free one
  uint32_t value_size = 32;  // bytes of the bulk string that GET is answered with
  int cpu = -1;              // core to run on; -1: any
};

class FloorServer;

/// One client. Receives, sends and batches as Connection (src/server/connection.h) does.
class FloorConnection {
 public:
  FloorConnection(FloorServer& server, int fd);
  ~FloorConnection();
  FloorConnection(const FloorConnection&) = delete;
  FloorConnection& operator=(const FloorConnection&) = delete;

  /// Answers what has arrived.
  void Work();
  /// Hands the answers to the ring, unless earlier ones are still on their way.
  void Flush();
  /// Nothing refers to it any more: may be destroyed.
  bool Dead() const { return closing_ && !receiving_ && !sending_now_; }

  bool listed_ready = false;
  bool listed_dirty = false;

 private:
  void Receive();
  void OnReceived(int32_t result, uint32_t flags);
  void OnSent(int32_t result);
  void Close();

  FloorServer& server_;
  const int fd_;
  BoundOp<FloorConnection> receive_op_;
  BoundOp<FloorConnection> send_op_;
  std::string in_;
  std::string out_;
  std::string sending_;
  size_t sent_ = 0;
  bool receiving_ = false;
  bool sending_now_ = false;
  bool closing_ = false;
};

/// Used by one thread. Runs until the process ends.
class FloorServer {
 public:
  /// Listens; `*port` is the port.
  static StatusOr<std::unique_ptr<FloorServer>> Start(const FloorOptions& options, uint16_t* port);

  [[noreturn]] void Run();

  Ring& ring() { return *ring_; }
  const std::string& get_reply() const { return get_reply_; }
  void MarkReady(FloorConnection& connection);
  void MarkDirty(FloorConnection& connection);

 private:
  explicit FloorServer(const FloorOptions& options);
  void Accept(int32_t result, uint32_t flags);
  void FlushOutput();

  std::string get_reply_;
  BoundOp<FloorServer> accept_op_;
  int listener_ = -1;
  std::vector<std::unique_ptr<FloorConnection>> connections_;
  std::vector<FloorConnection*> ready_;
  std::vector<FloorConnection*> working_;
  std::vector<FloorConnection*> dirty_;
  std::vector<FloorConnection*> flushing_;
  std::unique_ptr<Ring> ring_;
};

}  // namespace flashdb::bench
