// LoadConnection: requests out, replies in, latencies.
#include <unistd.h>

#include "base/cycles.h"
#include "bench/load/client.h"

namespace flashdb::bench {

LoadConnection::LoadConnection(Ring& ring, Workload& work, Group& group, int fd,
                               std::vector<LoadConnection*>& dirty)
    : ring_(ring), work_(work), group_(group), fd_(fd), dirty_(dirty) {
  receive_op_.Bind<&LoadConnection::OnReceived>(*this);
  send_op_.Bind<&LoadConnection::OnSent>(*this);
  depth_ = DepthOf(work.options);
  pending_ = std::make_unique<Pending[]>(depth_);
  out_ = std::make_unique<char[]>(depth_ * work.requests.most_bytes());
}

LoadConnection::~LoadConnection() { ::close(fd_); }

void LoadConnection::Start() { ring_.MultishotReceive(fd_, receive_op_); }

void LoadConnection::MarkDirty() {
  if (listed_dirty) return;
  listed_dirty = true;
  dirty_.push_back(this);
}

void LoadConnection::Lose(std::string_view why) {
  if (lost_) return;
  lost_ = true;
  ++work_.errors;
  if (work_.first_error.empty()) work_.first_error = why;
}

// ---- Out ----------------------------------------------------------------------------------------

void LoadConnection::Refill() {
  if (sending_ || lost_) return;
  uint32_t depth = work_.filling ? depth_ : work_.options.pipeline;
  if (under_way_ >= depth) return;
  uint64_t now = CycleCount();
  char* end = out_.get();
  while (under_way_ < depth) {
    if (work_.filling && work_.fill_next == work_.options.keys) break;
    end = PutNext(end, now);
  }
  if (end == out_.get()) return;
  sending_ = true;
  ring_.Send(fd_, {out_.get(), end}, send_op_);
}

char* LoadConnection::PutNext(char* to, uint64_t now) {
  uint32_t place = pending_first_ + under_way_;
  if (place >= depth_) place -= depth_;
  ++under_way_;
  uint64_t key;
  Kind kind = kSet;
  if (work_.filling) {
    key = work_.fill_next++;
  } else {
    key = group_.first_key + work_.random.Below(group_.keys);
    kind = (work_.random.Next() >> 32) < group_.set_below ? kSet : kGet;
  }
  pending_[place] = {now, kind};
  return kind == kSet ? work_.requests.PutSet(to, key) : work_.requests.PutGet(to, key);
}

void LoadConnection::OnSent(int32_t result) {
  sending_ = false;
  if (result <= 0) {
    Lose("a connection was lost: " + MessageOf(ErrnoStatus(result == 0 ? EPIPE : -result, "send")));
    return;
  }
  if (under_way_ < work_.options.pipeline || work_.filling) MarkDirty();
}

// ---- In -----------------------------------------------------------------------------------------

void LoadConnection::OnReceived(int32_t result, uint32_t flags) {
  if (result > 0) {
    uint64_t now = CycleCount();
    ReceiveBuffers& buffers = ring_.receive_buffers();
    bool known = scanner_.Scan(buffers.Data(flags, result),
                               [this, now](Reply reply) { OnReply(reply, now); });
    buffers.Recycle(flags);
    if (!known) Lose("the server sent what is no reply to GET or SET");
    MarkDirty();
  } else if (result == 0) {
    Lose("the server closed a connection");
  } else if (result != -ENOBUFS) {
    Lose("a connection was lost: " + MessageOf(ErrnoStatus(-result, "receive")));
  }
  if ((flags & IORING_CQE_F_MORE) == 0 && !lost_) Start();
}

void LoadConnection::OnReply(Reply reply, uint64_t now) {
  if (under_way_ == 0) {
    Lose("the server sent a reply to no command");
    return;
  }
  const Pending& pending = pending_[pending_first_];
  if (++pending_first_ == depth_) pending_first_ = 0;
  --under_way_;
  ++work_.answered;
  group_.latency[pending.kind].Record(work_.Nanos(now - pending.sent_at));
  if (reply == Reply::kValue) return;
  if (reply == Reply::kNil && pending.kind == kGet) {
    ++group_.misses;
    return;
  }
  ++work_.errors;
  if (work_.first_error.empty()) {
    work_.first_error = reply == Reply::kError ? scanner_.first_error() : "SET was answered nil";
  }
}

}  // namespace flashdb::bench
