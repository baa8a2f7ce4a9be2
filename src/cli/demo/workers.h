// Members of a group at work, each with a thread and a connection: what the demo shows of sharing.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/status.h"
#include "cli/api_client.h"
#include "cli/membership.h"

namespace flashdb::cli {

/// Joins a group and reads its share until the object goes. The members are thread-safe.
class Worker {
 public:
  struct State {
    bool alive = true;
    std::vector<int64_t> partitions;
    int64_t records = 0;
    std::string latest;  // value, printable
    Status error;        // what ended it
  };

  Worker(ApiOptions options, std::string group, std::string topic, std::string name,
         std::chrono::milliseconds session_timeout);
  /// Leaves the group, unless it crashed.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Stops without a word to the server, as if it had been killed.
  void Crash();
  State state() const;
  const std::string& name() const { return name_; }

 private:
  void Run();
  Status Work();
  Status ReadShare(ApiClient& client, const Membership& membership);

  const ApiOptions options_;
  const std::string group_;
  const std::string topic_;
  const std::string name_;
  const std::chrono::milliseconds session_timeout_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> crash_{false};
  mutable std::mutex mutex_;
  State state_;
  std::thread thread_;
};

}  // namespace flashdb::cli
