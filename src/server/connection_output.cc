// Connection: replies, their gates, and what becomes of clients that do not read.
#include <algorithm>

#include "commands/engine.h"
#include "server/connection.h"
#include "server/shard_server.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

constexpr size_t kOutputKeep = 256 * 1024;

}  // namespace

void Connection::AddGate(uint64_t start, ShardId shard, Lsn lsn) {
  if (!server_.shard().commits().IsSettled(shard, lsn)) gates_.push_back({start, shard, lsn});
}

size_t Connection::Releasable() {
  CommitQueue& commits = server_.shard().commits();
  while (!gates_.empty() && commits.IsSettled(gates_.front().shard, gates_.front().lsn)) {
    gates_.pop_front();
  }
  if (gates_.empty()) return out_.size();
  const OutputGate& gate = gates_.front();
  if (commits.HasFailed(gate.shard)) {
    FailGated();
    return out_.size();
  }
  if (!waiter_.registered) commits.AddWaiter(gate.shard, waiter_);
  return static_cast<size_t>(gate.start - out_start_);
}

// What the gated replies tell will never be durable, so nobody may be told.
void Connection::FailGated() {
  out_.resize(static_cast<size_t>(gates_.front().start - out_start_));
  gates_.clear();
  out_ +=
      "-MISCONF The log failed before this command's outcome was on disk: it may or may not "
      "survive a restart. The connection is closed; check the server's disk.\r\n";
  close_after_output_ = true;
}

void Connection::Flush() {
  if (closing_ || sending_now_) return;
  size_t bytes = Releasable();
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
    CloseNow();
  }
}

void Connection::OnSent(int32_t result) {
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

void Connection::Push(std::string_view bytes) {
  if (closing_ || close_after_output_) return;
  out_.append(bytes);
  server_.MarkDirty(*this);
  CheckOutputLimit();
}

void Connection::CheckOutputLimit() {
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
