// A simulated client: sends operations in pipelines, reads replies, hands them to the families.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "server/shard_server.h"
#include "sim/simulation.h"
#include "sim/workload.h"

namespace flashdb {

class SimClient final : public SimPeer {
 public:
  SimClient(SimContext& sim, SimResult& result) : sim_(sim), result_(result) {}

  /// A new connection, with nothing under way.
  void Connected(ShardId home, int fd);
  /// It will not be heard of until it connects again; nor are its operations under way.
  void Gone() { connected_ = false; }
  bool connected() const { return connected_; }
  ShardId home() const { return home_; }
  int fd() const { return fd_; }

  /// Starts an operation; what to put on the wire.
  std::string Begin(Op op);
  size_t outstanding() const { return outstanding_.size(); }
  /// After a crash: what was not answered never will be.
  void LoseAll();
  void set_trace(bool trace) { trace_ = trace; }

  // SimPeer.
  void OnOutput(std::string_view bytes) override;
  void OnClosed() override { connected_ = false; }

 private:
  bool TakeOne();
  void Judge(const Op& op);

  SimContext& sim_;
  SimResult& result_;
  ShardId home_ = 0;
  int fd_ = -1;
  bool connected_ = false;
  bool trace_ = false;
  std::deque<Op> outstanding_;
  std::string received_;
  size_t taken_ = 0;               // bytes of it
  std::vector<SimReply> replies_;  // to the operation at the front
};

}  // namespace flashdb
