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
  out_ = std::make_unique<char[]>(depth_ * work.most_bytes());
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
  pending_[place] = {now, kRequest};
  if (!work_.fixed) return PutKeyed(to, pending_[place]);
  uint64_t number = work_.next_number;
  if (++work_.next_number == work_.options.keys) work_.next_number = 0;
  return work_.fixed->Put(to, number);
}

char* LoadConnection::PutKeyed(char* to, Pending& pending) {
  uint64_t key;
  pending.kind = kSet;
  if (work_.filling) {
    key = work_.fill_next++;
  } else {
    key = group_.first_key + work_.random.Below(group_.keys);
    pending.kind = (work_.random.Next() >> 32) < group_.set_below ? kSet : kGet;
  }
  return pending.kind == kSet ? work_.requests.PutSet(to, key) : work_.requests.PutGet(to, key);
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
    work_.received += static_cast<uint64_t>(result);
    bool known = Scan(buffers.Data(flags, result), now);
    buffers.Recycle(flags);
    if (!known) {
      const std::string& problem = http_scanner_.problem();
      Lose(problem.empty() ? "the server sent what is no reply" : problem);
    }
    MarkDirty();
  } else if (result == 0) {
    Lose("the server closed a connection");
  } else if (result != -ENOBUFS) {
    Lose("a connection was lost: " + MessageOf(ErrnoStatus(-result, "receive")));
  }
  if ((flags & IORING_CQE_F_MORE) == 0 && !lost_) Start();
}

bool LoadConnection::Scan(std::span<const char> bytes, uint64_t now) {
  auto on_reply = [this, now](Reply reply) { OnReply(reply, now); };
  if (work_.options.replies == Protocol::kHttp) return http_scanner_.Scan(bytes, on_reply);
  return scanner_.Scan(bytes, on_reply);
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
  if (reply == Reply::kNil && pending.kind != kSet) {
    ++group_.misses;
    return;
  }
  ++work_.errors;
  if (!work_.first_error.empty()) return;
  if (reply == Reply::kNil) {
    work_.first_error = "SET was answered nil";
  } else {
    const std::string& http_error = http_scanner_.first_error();
    work_.first_error = http_error.empty() ? scanner_.first_error() : http_error;
  }
}

}  // namespace flashdb::bench
