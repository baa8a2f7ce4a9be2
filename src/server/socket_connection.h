// What any client's socket needs, whatever protocol is spoken on it: input that is gathered, output
// that waits for the commit queue, limits, an end.
//
// Output is released by the commit queue: a gate says from which output byte on nothing may be sent
// before a shard has settled an LSN. Used by its shard's thread only.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "commands/session.h"
#include "io/ring.h"
#include "shards/commit_queue.h"

namespace flashdb {

class ShardServer;
struct Run;

class SocketConnection : public SessionLink {
 public:
  ~SocketConnection() override;
  SocketConnection(const SocketConnection&) = delete;
  SocketConnection& operator=(const SocketConnection&) = delete;

  Session& session() { return session_; }

  /// Parses what has arrived. The next run if it begins on this shard, else nullptr: its keys are
  /// worth loading before Work() executes it.
  virtual Run* Prepare() { return nullptr; }
  /// Executes what has arrived, up to a budget, and begins little after `until_nanos`
  /// (MonotonicNanos of the shard's clock); true if more is left.
  virtual bool Work(uint64_t until_nanos) = 0;
  /// Sends what has been released.
  void Flush();
  /// Closed, and nothing refers to it any more: may be destroyed.
  bool Dead() const { return closing_ && !receiving_ && !sending_now_ && !busy_; }
  /// Checks time limits and soft output limits; once a second or so.
  void Housekeep();

  // SessionLink.
  void Push(std::string_view bytes, std::span<const Gate> gates) override;
  void AddUnsettled(std::vector<Gate>& gates) const override;
  void Close(bool after_output) override;
  size_t OutputBytes() const override { return out_.size() + sending_.size() - sent_; }
  size_t InputBytes() const override { return in_.size() - in_at_ + later_in_.size(); }
  LinkBuffers Buffers() const override;

  // Set by the lists (connection_lists.h).
  bool listed_ready = false;
  bool listed_dirty = false;

 protected:
  /// Takes over `fd`. Begins to receive at once.
  SocketConnection(ShardServer& server, int fd, uint64_t id);

  /// Whether Work() had better leave what has arrived to its next call.
  bool TurnIsOver(uint64_t until_nanos) const;

  // ---- What a protocol adds ------------------------------------------------------------------

  /// Something refers to in_: it must not move. What arrives goes to later_in_.
  virtual bool InputInUse() const = 0;
  /// More output follows within microseconds and had better go out with what is there.
  virtual bool ExpectsMore() const { return false; }
  /// Appends what the client is told in place of output that may never be settled; the connection
  /// is closed after it. `why`: for people.
  virtual void AppendFailure(std::string& out, const std::string& why) = 0;
  /// Why the connection has to be closed now, nullptr if it may stay. Once a second or so.
  virtual const char* TimeIsUp() = 0;
  /// All that was owed before the close has been sent.
  virtual void OnOutputEnded() { CloseNow(); }
  /// The connection is closing; a coroutine that waits for the client had better end.
  virtual void OnClosing() {}

  // ---- Input (socket_connection.cc) ----------------------------------------------------------

  /// Asks for more input, unless there is no room or no more to come.
  void ReceiveMore();
  /// Drops what has been executed; true if input that came meanwhile is now there to parse.
  bool TidyInput();
  /// All of `input` has been executed.
  void Drain(std::string& input);
  void GiveBackInput();
  /// So much unread output that nothing more is executed before the client reads.
  bool Paused() const { return OutputBytes() > kOutputHigh; }

  // ---- Output (socket_connection_output.cc) --------------------------------------------------

  static constexpr size_t kOutputHigh = size_t{64} << 20;

  void AddGate(uint64_t start, ShardId shard, Lsn lsn);
  void NoteLatest(ShardId shard, Lsn lsn);
  void CheckOutputLimit();
  uint64_t OutputEnd() const { return out_start_ + out_.size(); }
  void CloseNow();
  /// A run or a coroutine has ended: what waits in the input may go on.
  void Resume();

  ShardServer& server_;
  Session session_;

  std::string in_;
  size_t in_at_ = 0;       // what is not executed yet begins here
  std::string later_in_;   // arrived while something refers to in_
  size_t most_input_ = 0;  // that was in one of them since the last Housekeep

  std::string out_;
  uint64_t out_start_ = 0;  // absolute offset of out_'s first byte

  bool busy_ = false;  // a run or a coroutine is under way
  bool end_of_input_ = false;
  bool close_after_output_ = false;
  bool cut_short_ = false;  // an error took the place of output; no more may follow
  bool closing_ = false;

 private:
  struct Waiter : SettleWaiter {
    SocketConnection* connection = nullptr;
  };
  struct OutputGate {
    uint64_t start;  // counted from the first byte ever put out
    ShardId shard;
    Lsn lsn;
    size_t message_bytes = 0;  // of the pushed message that it holds back; 0: it holds back replies
  };

  void Receive();
  void OnReceived(int32_t result, uint32_t flags);
  void Append(std::span<const char> bytes);
  void OnEndOfInput();
  bool InputIsFull() const;
  size_t Releasable();
  bool MoreFollowsSoon(size_t bytes) const;
  void FailGated();
  void DropMessage();
  void OnSent(int32_t result);

  BoundOp<SocketConnection> receive_op_;
  BoundOp<SocketConnection> send_op_;
  Waiter waiter_;
  std::deque<OutputGate> gates_;
  std::vector<Lsn> latest_;  // by shard: the highest that the client's commands depend on
  std::string sending_;
  size_t sent_ = 0;
  UnixMillis over_soft_limit_since_ = 0;
  bool receiving_ = false;
  bool receive_paused_ = false;
  bool sending_now_ = false;
};

}  // namespace flashdb
