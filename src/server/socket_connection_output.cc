// SocketConnection: replies, their gates, and what becomes of clients that do not read.
#include <algorithm>

#include "commands/engine.h"
#include "server/shard_server.h"
#include "server/socket_connection.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

constexpr size_t kOutputKeep = 256 * 1024;
// So much output is sent although more will follow soon.
constexpr size_t kSendAtOnce = 16 * 1024;

}  // namespace

void SocketConnection::AddGate(uint64_t start, ShardId shard, Lsn lsn) {
  NoteLatest(shard, lsn);
  if (server_.shard().commits().IsSettled(shard, lsn)) return;
  OutputGate& gate = gates_.emplace_back();  // and not copied: see Run::AddGate
  gate.start = start;
  gate.shard = shard;
  gate.lsn = lsn;
}

void SocketConnection::NoteLatest(ShardId shard, Lsn lsn) {
  if (latest_.size() <= shard) latest_.resize(shard + size_t{1}, 0);
  latest_[shard] = std::max(latest_[shard], lsn);
}

void SocketConnection::AddUnsettled(std::vector<Gate>& gates) const {
  const CommitQueue& commits = server_.shard().commits();
  for (size_t i = 0; i < latest_.size(); ++i) {
    auto shard = static_cast<ShardId>(i);
    if (!commits.IsSettled(shard, latest_[i])) gates.push_back({shard, latest_[i]});
  }
}

size_t SocketConnection::Releasable() {
  CommitQueue& commits = server_.shard().commits();
  while (!gates_.empty()) {
    const OutputGate& gate = gates_.front();
    if (commits.IsSettled(gate.shard, gate.lsn)) {
      gates_.pop_front();
    } else if (!commits.HasFailed(gate.shard)) {
      if (!waiter_.registered) commits.AddWaiter(gate.shard, waiter_);
      return static_cast<size_t>(gate.start - out_start_);
    } else if (gate.message_bytes == 0) {
      FailGated();
    } else {
      DropMessage();
    }
  }
  return out_.size();
}

// A message that tells of a write which may be lost: its publisher gets an error, its subscribers
// hear nothing. They lose their connection for nobody else's write.
void SocketConnection::DropMessage() {
  const OutputGate dropped = gates_.front();
  out_.erase(static_cast<size_t>(dropped.start - out_start_), dropped.message_bytes);
  while (!gates_.empty() && gates_.front().start == dropped.start &&
         gates_.front().message_bytes != 0) {
    gates_.pop_front();
  }
  for (OutputGate& gate : gates_) gate.start -= dropped.message_bytes;
}

// What the gated replies tell may never be durable, so nobody may be told. Nor what would come
// after them: without them a client could not tell which reply is whose.
void SocketConnection::FailGated() {
  const OutputGate& gate = gates_.front();
  out_.resize(static_cast<size_t>(gate.start - out_start_));
  AppendFailure(out_, server_.shard().commits().FailureOf(gate.shard));
  gates_.clear();
  cut_short_ = close_after_output_ = true;
}

// A call of the kernel costs more than many replies. What follows within microseconds - from
// another shard, or after a write to the page cache - goes out together with what is there. For a
// disk nothing waits that need not.
bool SocketConnection::MoreFollowsSoon(size_t bytes) const {
  if (bytes >= kSendAtOnce) return false;
  bool gated = bytes < out_.size();
  return ExpectsMore() || (gated && server_.config().sync != SyncMode::kAlways);
}

void SocketConnection::Flush() {
  if (closing_ || sending_now_) return;
  size_t bytes = Releasable();
  if (bytes > 0 && MoreFollowsSoon(bytes)) return;
  if (bytes > 0) {
    if (bytes == out_.size()) {
      sending_.swap(out_);
    } else {
      sending_.assign(out_, 0, bytes);
      out_.erase(0, bytes);
    }
    out_start_ += bytes;
    sent_ = 0;
    sending_now_ = true;
    server_.engine().stats.output_bytes += bytes;
    ++server_.engine().stats.writes;
    server_.shard().ring().Send(session_.fd, sending_, send_op_);
  } else if (close_after_output_ && out_.empty() && !busy_) {
    OnOutputEnded();
  }
}

void SocketConnection::OnSent(int32_t result) {
  sending_now_ = false;
  server_.MarkDirty(*this);
  if (closing_) return;
  if (result <= 0) {
    CloseNow();
    return;
  }
  sent_ += static_cast<size_t>(result);
  if (sent_ < sending_.size()) {
    sending_now_ = true;
    server_.shard().ring().Send(session_.fd, std::span(sending_).subspan(sent_), send_op_);
    return;
  }
  sending_.clear();
  sent_ = 0;
  if (sending_.capacity() > kOutputKeep) std::string().swap(sending_);
  if (InputInUse() || in_at_ < in_.size() || receive_paused_ || end_of_input_) {
    server_.MarkReady(*this);  // it may have been held back by its output
  }
}

void SocketConnection::Push(std::string_view bytes, std::span<const Gate> gates) {
  if (closing_ || close_after_output_) return;
  const CommitQueue& commits = server_.shard().commits();
  for (const Gate& gate : gates) {
    if (commits.IsSettled(gate.shard, gate.lsn)) continue;
    gates_.push_back({OutputEnd(), gate.shard, gate.lsn, bytes.size()});
  }
  out_.append(bytes);
  server_.MarkDirty(*this);
  CheckOutputLimit();
}

void SocketConnection::CheckOutputLimit() {
  const OutputBufferLimit& limit =
      session_.subscribed() ? server_.limits().pubsub : server_.limits().normal;
  size_t owed = OutputBytes();
  UnixMillis now = server_.shard().keys().now();
  bool over = limit.hard != 0 && owed > limit.hard;
  if (limit.soft == 0 || owed <= limit.soft) {
    over_soft_limit_since_ = 0;
  } else if (over_soft_limit_since_ == 0) {
    over_soft_limit_since_ = now;
  } else {
    over |= now - over_soft_limit_since_ >= static_cast<UnixMillis>(limit.soft_seconds) * 1000;
  }
  if (!over) return;
  ++server_.engine().stats.output_limit_disconnects;
  server_.LogClosed(session_, "it does not read its replies (client-output-buffer-limit)");
  CloseNow();
}

}  // namespace flashdb
