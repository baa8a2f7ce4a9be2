// The load: connections in a closed loop on one io_uring, and what they measured.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "bench/load/histogram.h"
#include "bench/load/http_scanner.h"
#include "bench/load/options.h"
#include "bench/load/reply_scanner.h"
#include "bench/load/requests.h"
#include "io/ring.h"

namespace flashdb::bench {

enum Kind : uint8_t { kGet, kSet, kRequest };
inline constexpr size_t kKinds = 3;

/// Connections that do the same, and their latencies in nanoseconds.
struct Group {
  std::string name;
  uint32_t connections = 0;
  double set_share = 0;  // percent
  uint64_t first_key = 0;
  uint64_t keys = 0;

  uint64_t set_below = 0;  // set_share of 2^32
  std::array<Histogram, kKinds> latency;
  uint64_t misses = 0;  // GET answered with nil
};

/// Most commands that a connection has under way in any phase.
uint32_t DepthOf(const LoadOptions& options);

/// What all connections share.
struct Workload {
  Workload(const LoadOptions& load_options, uint64_t nanos_per_cycle_x2_32);

  uint64_t Nanos(uint64_t cycles) const {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(cycles) * nanos_per_cycle) >> 32);
  }

  /// Room for any one request, in bytes.
  size_t most_bytes() const { return fixed ? fixed->size() : requests.most_bytes(); }

  const LoadOptions& options;
  RequestMaker requests;
  std::optional<FixedRequest> fixed;  // with a value it is all that is sent
  uint64_t next_number = 0;           // of the fixed request
  Random random;
  uint64_t nanos_per_cycle;  // times 2^32
  bool filling = false;
  uint64_t fill_next = 0;  // keys from here on are not yet asked for
  uint64_t answered = 0;   // replies since the start
  uint64_t received = 0;   // bytes since the start
  uint64_t errors = 0;
  std::string first_error;
};

/// One socket. In place until the ring is gone.
class LoadConnection {
 public:
  LoadConnection(Ring& ring, Workload& work, Group& group, int fd,
                 std::vector<LoadConnection*>& dirty);
  ~LoadConnection();
  LoadConnection(const LoadConnection&) = delete;
  LoadConnection& operator=(const LoadConnection&) = delete;

  /// Begins to receive. Once.
  void Start();
  /// Sends as many commands as may be under way.
  void Refill();
  uint32_t under_way() const { return under_way_; }
  bool lost() const { return lost_; }

  bool listed_dirty = false;

 private:
  struct Pending {
    uint64_t sent_at;  // cycles
    Kind kind;
  };

  void OnReceived(int32_t result, uint32_t flags);
  bool Scan(std::span<const char> bytes, uint64_t now);
  void OnReply(Reply reply, uint64_t now);
  void OnSent(int32_t result);
  char* PutNext(char* to, uint64_t now);
  char* PutKeyed(char* to, Pending& pending);
  void Lose(std::string_view why);
  void MarkDirty();

  Ring& ring_;
  Workload& work_;
  Group& group_;
  const int fd_;
  std::vector<LoadConnection*>& dirty_;
  BoundOp<LoadConnection> receive_op_;
  BoundOp<LoadConnection> send_op_;
  ReplyScanner scanner_;
  HttpScanner http_scanner_;            // instead of scanner_ if that is what the server speaks
  std::unique_ptr<Pending[]> pending_;  // a ring of `depth_` places
  uint32_t depth_;
  uint32_t pending_first_ = 0;
  uint32_t under_way_ = 0;
  std::unique_ptr<char[]> out_;
  bool sending_ = false;
  bool lost_ = false;
};

/// What one phase (the fill, or the measured time) took.
struct PhaseTimes {
  double seconds = 0;
  uint64_t commands = 0;
  uint64_t received_bytes = 0;
  double client_cpu_seconds = 0;
  double server_cpu_seconds = 0;  // user and system; 0 if no process was named
};

class LoadClient {
 public:
  /// Connects. `options` must outlive the client.
  static StatusOr<std::unique_ptr<LoadClient>> Connect(const LoadOptions& options);
  ~LoadClient();

  /// Writes each key once. An error if a connection is lost or the server stops answering.
  StatusOr<PhaseTimes> Fill();
  /// Warms up, then measures.
  StatusOr<PhaseTimes> Measure();

  const std::vector<std::unique_ptr<Group>>& groups() const { return groups_; }
  uint64_t errors() const { return work_.errors; }
  const std::string& first_error() const { return work_.first_error; }

 private:
  LoadClient(const LoadOptions& options, uint64_t nanos_per_cycle);
  Status Open();
  void AddGroup(Group group);
  Status Turn();
  Status RunFor(double seconds);
  Status RunUntilAnswered(uint64_t count);
  void RefillAll();

  const LoadOptions& options_;
  Workload work_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<LoadConnection*> dirty_;
  std::vector<LoadConnection*> refilling_;
  std::vector<std::unique_ptr<LoadConnection>> connections_;
  std::unique_ptr<Ring> ring_;  // goes first: its operations are in the connections
  uint64_t answered_before_ = 0;
  double progress_at_ = 0;
};

}  // namespace flashdb::bench
