// Which of a shard's connections have something to do, and what is done with them in a turn. Used
// by its shard's thread only. Sockets are none of its business, so the simulation uses it as it is.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "commands/run.h"
#include "server/socket_connection.h"

namespace flashdb {

/// Lists connections and owns none: who destroys a listed one must have got it from Flush().
class ConnectionLists {
 public:
  /// The next Work() serves it. Marked during Work(): the one after.
  void MarkReady(SocketConnection& connection);
  /// The next Flush() looks after it.
  void MarkDirty(SocketConnection& connection);

  /// Executes what the ready connections have received, each up to its budget, and begins little
  /// after `for_nanos`. True if some are ready again, or still. `here` is the shard whose
  /// connections they are.
  bool Work(Shard& here, uint64_t for_nanos);

  /// Sends what the dirty connections may send. `bury(SocketConnection&)` gets each one that is
  /// dead and on no list any more: it may destroy it.
  template <typename Bury>
  void Flush(Bury bury) {
    flushing_.swap(dirty_);
    for (SocketConnection* connection : flushing_) {
      connection->listed_dirty = false;
      connection->Flush();
      if (!connection->Dead()) continue;
      Unlist(*connection);
      bury(*connection);
    }
    flushing_.clear();
  }

  /// Runs are lent: that few of them, used again and again, stay in the cache.
  std::unique_ptr<Run> BorrowRun();
  void ReturnRun(std::unique_ptr<Run> run);

 private:
  size_t WorkTogether(Shard& here, std::span<SocketConnection* const> waiting,
                      uint64_t until_nanos);
  void Unlist(SocketConnection& connection);

  std::vector<SocketConnection*> ready_;
  std::vector<SocketConnection*> working_;
  std::vector<SocketConnection*> dirty_;
  std::vector<SocketConnection*> flushing_;
  std::vector<std::unique_ptr<Run>> idle_runs_;
};

}  // namespace flashdb
