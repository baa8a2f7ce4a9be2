// A blocking client for tests. Requests are formatted by hiredis and its connection is used, so
// that an ordinary client library takes part; replies are read by TakeReply, which knows RESP3 too.
#pragma once

#include <hiredis/hiredis.h>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "e2e/reply.h"

namespace flashdb::e2e {

/// One connection to 127.0.0.1:`port`; movable, not thread-safe. Nothing here throws or fails the
/// test: a lost connection or a timeout is a Reply with lost() and the reason. A lost connection
/// stays so until Reconnect(); after a timeout the reply may still come (GetReply()).
class Client {
 public:
  using Millis = std::chrono::milliseconds;

  /// `timeout` bounds connecting and every wait for a reply.
  explicit Client(uint16_t port, Millis timeout = Millis(10000));

  bool connected() const { return context_ != nullptr && error_.empty(); }
  /// Why it is not connected.
  const std::string& error() const { return error_; }
  /// Drops the connection, and all that is unread, and makes another.
  Status Reconnect();
  void Close();

  /// Sends one command, binary-safe, and waits for its reply.
  Reply Command(std::initializer_list<std::string_view> argv);
  Reply Command(const std::vector<std::string>& argv);
  /// Sends all, then reads as many replies.
  std::vector<Reply> Pipeline(const std::vector<std::vector<std::string>>& commands);
  /// HELLO 3; gives its reply.
  Reply Hello3() { return Command({"HELLO", "3"}); }

  /// Sends without waiting; GetReply() takes the next reply (or push message).
  Status Append(const std::vector<std::string>& argv);
  Reply GetReply();
  Reply GetReply(Millis timeout);

  /// For tests of the protocol itself: any bytes, and the bytes which come until `end` is among
  /// them, the peer closes or the time is over. Returns all received so far (at most up to `end`).
  Status Send(std::string_view bytes);
  std::string ReceiveUntil(std::string_view end);
  /// True if the peer closes the connection within the timeout; skips what it sends before.
  bool WaitForClose();

  /// The connected socket, owned by the client; -1 if there is none.
  int fd() const { return context_ == nullptr ? -1 : context_->fd; }

 private:
  struct Free {
    void operator()(redisContext* context) const { redisFree(context); }
  };
  using Deadline = std::chrono::steady_clock::time_point;

  // Waits for bytes and appends them to input_; Unavailable (error_ is set) when the connection is
  // lost, DeadlineExceeded when it is too late.
  Status Receive(Deadline deadline);
  Deadline DeadlineIn(Millis timeout) const { return std::chrono::steady_clock::now() + timeout; }

  uint16_t port_;
  Millis timeout_;
  std::unique_ptr<redisContext, Free> context_;
  std::string input_;    // received bytes
  size_t consumed_ = 0;  // ... of which so many have been taken
  std::string error_;
};

}  // namespace flashdb::e2e
