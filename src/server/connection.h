// One Redis client: bytes in, runs and coroutines of commands, bytes out in order. Used by its
// shard's thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "commands/run.h"
#include "resp/request_parser.h"
#include "server/config.h"
#include "server/socket_connection.h"
#include "shards/task.h"

namespace flashdb {

/// Limits that connections share; a shard's copy, changed by CONFIG SET.
struct ConnectionLimits {
  RequestLimits request;
  uint64_t max_query_bytes = uint64_t{1} << 30;
  OutputBufferLimit normal;
  OutputBufferLimit pubsub;
};

class Connection final : public SocketConnection {
 public:
  /// Takes over `fd`. Begins to receive at once.
  Connection(ShardServer& server, int fd, uint64_t id);

  Run* Prepare() override;
  bool Work(uint64_t until_nanos) override;
  LinkBuffers Buffers() const override;

 private:
  /// What to do with the command that was parsed last and has not been executed yet.
  enum class Next : uint8_t { kNone, kRun, kSession, kSlow, kError };

  // SocketConnection (connection.cc).
  bool InputInUse() const override { return busy_ || next_ != Next::kNone || RunUnfinished(); }
  bool ExpectsMore() const override { return run_ != nullptr && run_->away; }
  void AppendFailure(std::string& out, const std::string& why) override;
  const char* TimeIsUp() override;

  // Execution (connection_execute.cc).
  bool WorkForAWhile(uint64_t until_nanos);
  /// Nothing more is executed for now.
  bool Holds() const { return busy_ || closing_ || close_after_output_ || Paused(); }
  bool RunUnfinished() const { return run_ != nullptr && run_->Unfinished(); }
  bool Step();
  void FillRun();
  bool FitsRun(const Request& request);
  bool ParseNext(Request& request);
  Next Classify(Request& request);
  void ExecuteRun();
  static Connection& ConnectionOf(const Run& run);
  void BeginOutput();
  void EndOutput();
  void FinishRun();
  void ExecuteSession();
  bool StartSlow();
  Task<void> ExecuteSlow();
  void ObserveTask(const SessionContext& context, const Command& command, std::string_view reply);
  void ReplyError(std::string_view line);
  bool WaitsForUnpause(const Command& command);
  void EndReply(size_t start, bool pushed = false);

  RequestParser parser_;
  Request next_request_;
  Next next_ = Next::kNone;
  std::string next_error_;
  std::unique_ptr<Run> run_;  // borrowed while commands are under way
};

}  // namespace flashdb
