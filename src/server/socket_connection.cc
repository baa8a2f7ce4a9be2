// SocketConnection: birth, input, end.
#include "server/socket_connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include "commands/engine.h"
#include "server/shard_server.h"
#include "shards/shard.h"
#include "topics/topic_service.h"

namespace flashdb {
namespace {

// While commands cannot be executed, no more than this is taken from the socket.
constexpr size_t kInputHigh = size_t{1} << 20;
// A drained input buffer larger than this gives its memory back once it has not been needed for a
// while, and one larger than kInputHigh at once.
constexpr size_t kInputKeep = 64 * 1024;

}  // namespace

SocketConnection::SocketConnection(ShardServer& server, int fd, uint64_t id) : server_(server) {
  session_.id = id;
  session_.fd = fd;
  session_.link = this;
  receive_op_.Bind<&SocketConnection::OnReceived>(*this);
  send_op_.Bind<&SocketConnection::OnSent>(*this);
  waiter_.connection = this;
  waiter_.on_progress = [](SettleWaiter& waiter) {
    SocketConnection* connection = static_cast<Waiter&>(waiter).connection;
    connection->server_.MarkDirty(*connection);
  };
  Receive();
}

SocketConnection::~SocketConnection() { ::close(session_.fd); }

void SocketConnection::Receive() {
  receiving_ = true;
  receive_paused_ = false;
  server_.shard().ring().MultishotReceive(session_.fd, receive_op_);
}

bool SocketConnection::InputIsFull() const {
  return (InputInUse() || Paused()) && InputBytes() > kInputHigh;
}

void SocketConnection::OnReceived(int32_t result, uint32_t flags) {
  if ((flags & IORING_CQE_F_MORE) == 0) receiving_ = false;
  if (result > 0) {
    auto& buffers = server_.shard().ring().receive_buffers();
    if (!closing_) Append(buffers.Data(flags, result));
    buffers.Recycle(flags);
  } else if (result == 0) {
    OnEndOfInput();
  } else if (result != -ENOBUFS && result != -ECANCELED) {
    CloseNow();
  }
  if (closing_) {
    server_.MarkDirty(*this);  // it may be dead now
    return;
  }
  if (receiving_ && InputIsFull() && !receive_paused_) {
    receive_paused_ = true;
    server_.shard().ring().Cancel(receive_op_);
  } else {
    ReceiveMore();
  }
}

void SocketConnection::ReceiveMore() {
  if (!receiving_ && !end_of_input_ && !InputIsFull()) Receive();
}

void SocketConnection::Append(std::span<const char> bytes) {
  // Also when nothing refers to in_ any more: what came before these bytes has not moved there yet.
  const bool later = InputInUse() || !later_in_.empty();
  (later ? later_in_ : in_).append(bytes.data(), bytes.size());
  server_.engine().stats.input_bytes += bytes.size();
  ++server_.engine().stats.reads;
  server_.MarkReady(*this);
  if (!InputInUse() && InputBytes() > server_.limits().max_query_bytes) {
    server_.LogClosed(session_, "its unfinished command is longer than client-query-buffer-limit");
    CloseNow();
  }
}

// A client that is done with sending gets what it has asked for, but is not kept waiting for more.
void SocketConnection::OnEndOfInput() {
  end_of_input_ = true;
  CancelFetch(session_.fetch);
  server_.MarkReady(*this);
}

bool SocketConnection::TidyInput() {
  if (in_at_ == in_.size()) {
    Drain(in_);
  } else {
    in_.erase(0, in_at_);
  }
  in_at_ = 0;
  if (later_in_.empty()) return false;
  if (in_.empty()) {
    in_.swap(later_in_);
  } else {
    in_.append(later_in_);
  }
  Drain(later_in_);
  return true;
}

void SocketConnection::Drain(std::string& input) {
  most_input_ = std::max(most_input_, input.size());
  if (input.capacity() > kInputHigh) std::string().swap(input);
  input.clear();
}

void SocketConnection::GiveBackInput() {
  const bool needed = std::exchange(most_input_, 0) > kInputKeep;
  if (needed || InputInUse()) return;
  for (std::string* input : {&in_, &later_in_}) {
    if (input->empty() && input->capacity() > kInputKeep) std::string().swap(*input);
  }
}

void SocketConnection::Close(bool after_output) {
  if (after_output) {
    close_after_output_ = true;
    server_.MarkDirty(*this);
  } else {
    CloseNow();
  }
}

LinkBuffers SocketConnection::Buffers() const {
  LinkBuffers buffers;
  buffers.input_bytes = in_.size() + later_in_.size();
  buffers.input_free = in_.capacity() + later_in_.capacity() - buffers.input_bytes;
  buffers.output_allocated = out_.capacity() + sending_.capacity();
  buffers.reading = receiving_;
  buffers.writing = sending_now_;
  return buffers;
}

void SocketConnection::Resume() {
  busy_ = false;
  server_.MarkDirty(*this);
  if (!closing_) server_.MarkReady(*this);
}

void SocketConnection::CloseNow() {
  if (closing_) return;
  closing_ = true;
  // Ends the receive and a send that is under way.
  ::shutdown(session_.fd, SHUT_RDWR);
  server_.shard().commits().RemoveWaiter(waiter_);
  server_.Forget(session_);
  server_.MarkDirty(*this);
  OnClosing();
}

bool SocketConnection::TurnIsOver(uint64_t until_nanos) const {
  return InputBytes() > 0 && server_.shard().clock().MonotonicNanos() >= until_nanos;
}

void SocketConnection::Housekeep() {
  if (closing_) return;
  if (const char* why = TimeIsUp()) {
    server_.LogClosed(session_, why);
    CloseNow();
    return;
  }
  CheckOutputLimit();
  GiveBackInput();
}

}  // namespace flashdb
