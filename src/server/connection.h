// One client's socket: bytes in, runs and coroutines of commands, bytes out in order.
//
// Replies are released by the commit queue: a gate says from which output byte on nothing may be
// sent before a shard has settled an LSN. Used by its shard's thread only.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "commands/run.h"
#include "commands/session.h"
#include "io/ring.h"
#include "resp/request_parser.h"
#include "server/config.h"
#include "shards/commit_queue.h"
#include "shards/task.h"

namespace flashdb {

class ShardServer;

/// Limits that connections share; a shard's copy, changed by CONFIG SET.
struct ConnectionLimits {
  RequestLimits request;
  uint64_t max_query_bytes = uint64_t{1} << 30;
  OutputBufferLimit normal;
  OutputBufferLimit pubsub;
};

class Connection final : public SessionLink {
 public:
  /// Takes over `fd`. Begins to receive at once.
  Connection(ShardServer& server, int fd, uint64_t id);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Session& session() { return session_; }

  /// Parses what has arrived. The next run if it begins on this shard, else nullptr: its keys are
  /// worth loading before Work() executes it.
  Run* Prepare();
  /// Executes what has arrived, up to a budget; true if more is left.
  bool Work();
  /// Sends what has been released.
  void Flush();
  /// Closed, and nothing refers to it any more: may be destroyed.
  bool Dead() const { return closing_ && !receiving_ && !sending_now_ && !busy_; }
  /// Checks idle time and soft output limits; once a second or so.
  void Housekeep(uint64_t idle_limit_seconds);

  // SessionLink.
  void Push(std::string_view bytes, std::span<const Gate> gates) override;
  void AddUnsettled(std::vector<Gate>& gates) const override;
  void Close(bool after_output) override;
  size_t OutputBytes() const override { return out_.size() + sending_.size() - sent_; }
  size_t InputBytes() const override { return in_.size() - in_at_ + later_in_.size(); }
  LinkBuffers Buffers() const override;

  // Set by the ShardServer that lists it.
  bool listed_ready = false;
  bool listed_dirty = false;

 private:
  struct Waiter : SettleWaiter {
    Connection* connection = nullptr;
  };
  struct OutputGate {
    uint64_t start;  // counted from the first byte ever put out
    ShardId shard;
    Lsn lsn;
    size_t message_bytes;  // of the pushed message that it holds back; 0: it holds back replies
  };
  /// What to do with the command that was parsed last and has not been executed yet.
  enum class Next : uint8_t { kNone, kRun, kSession, kSlow, kError };

  // Input (connection.cc).
  void Receive();
  void OnReceived(int32_t result, uint32_t flags);
  void Append(std::span<const char> bytes);
  void OnEndOfInput();
  /// Drops what has been executed; true if input that came meanwhile is now there to parse.
  bool TidyInput();
  bool InputIsFull() const;
  /// Parsed commands that have not been executed yet refer to in_: it must not move.
  bool InputInUse() const { return busy_ || next_ != Next::kNone || RunUnfinished(); }

  // Execution (connection_execute.cc).
  bool WorkForAWhile();
  /// Nothing more is executed for now.
  bool Holds() const { return busy_ || closing_ || close_after_output_ || Paused(); }
  bool RunUnfinished() const { return run_ != nullptr && run_->Unfinished(); }
  bool Step();
  void FillRun();
  bool BelongsToRun(ShardId owner) const;
  bool ParseNext();
  Next Classify();
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
  void FailProtocol();
  bool Paused() const;
  bool WaitsForUnpause(const Command& command);
  void EndReply(size_t start, bool pushed = false);
  void Resume();

  // Output (connection_output.cc).
  void AddGate(uint64_t start, ShardId shard, Lsn lsn);
  void NoteLatest(ShardId shard, Lsn lsn);
  size_t Releasable();
  bool MoreFollowsSoon(size_t bytes) const;
  void FailGated();
  void DropMessage();
  void OnSent(int32_t result);
  void CheckOutputLimit();
  uint64_t OutputEnd() const { return out_start_ + out_.size(); }
  void CloseNow();

  ShardServer& server_;
  Session session_;
  BoundOp<Connection> receive_op_;
  BoundOp<Connection> send_op_;
  Waiter waiter_;

  RequestParser parser_;
  std::string in_;
  size_t in_at_ = 0;      // the current command begins here
  std::string later_in_;  // arrived while a run still refers to in_
  Request next_request_;
  Next next_ = Next::kNone;
  std::string next_error_;
  std::unique_ptr<Run> run_;  // borrowed while commands are under way

  std::string out_;
  uint64_t out_start_ = 0;  // absolute offset of out_'s first byte
  std::deque<OutputGate> gates_;
  std::vector<Lsn> latest_;  // by shard: the highest that the session's commands depend on
  std::string sending_;
  size_t sent_ = 0;
  UnixMillis over_soft_limit_since_ = 0;

  bool receiving_ = false;
  bool receive_paused_ = false;
  bool sending_now_ = false;
  bool busy_ = false;  // a run or a coroutine is under way
  bool end_of_input_ = false;
  bool close_after_output_ = false;
  bool cut_short_ = false;  // an error took the place of replies; no more may follow
  bool closing_ = false;
};

}  // namespace flashdb
