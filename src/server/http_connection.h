// One HTTP client: requests in, one after the other, responses out in the same order. Used by its
// shard's thread only.
#pragma once

#include <coroutine>
#include <string>
#include <string_view>
#include <vector>

#include "api/exchange.h"
#include "http/request_parser.h"
#include "server/socket_connection.h"
#include "shards/task.h"

namespace flashdb {

class HttpConnection final : public SocketConnection {
 public:
  /// Takes over `fd`. Begins to receive at once.
  HttpConnection(ShardServer& server, int fd, uint64_t id);

  bool Work(uint64_t until_nanos) override;

 private:
  class Exchange final : public HttpExchange {
   public:
    explicit Exchange(HttpConnection& connection);
    bool Gone() const override { return connection_.ClientIsGone(); }
    Task<void> AwaitRoom() override;
    void Send(std::string_view bytes) override;
    /// Gets it ready for the parser's request.
    void Reset();

   private:
    HttpConnection& connection_;
  };
  /// `co_await RoomOf{connection}`: until a stream may send more, or nobody listens.
  struct RoomOf {
    HttpConnection& connection;
    bool await_ready() const {
      return connection.ClientIsGone() ||
             (connection.room_waiters_.empty() && connection.HasRoom());
    }
    void await_suspend(std::coroutine_handle<> waiter) {
      connection.room_waiters_.push_back(waiter);
    }
    void await_resume() {}
  };

  // SocketConnection.
  bool InputInUse() const override { return busy_; }
  void AppendFailure(std::string& out, const std::string& why) override;
  const char* TimeIsUp() override;
  void OnOutputEnded() override;
  void OnClosing() override;

  bool ClientIsGone() const {
    return closing_ || cut_short_ || close_after_output_ || end_of_input_;
  }
  bool HasRoom() const;
  bool Step();
  HttpLimits Limits() const;
  void AwaitBody();
  Task<void> Answer();
  void EndResponse();
  void ResumeOneWaiter();
  void PutStream(std::string_view bytes);
  void Refuse(int status, std::string_view code, std::string_view message);
  bool SendsTooSlowly(UnixMillis now) const;
  bool IsStuck(UnixMillis now);

  HttpRequestParser parser_;
  Exchange exchange_;
  std::vector<std::coroutine_handle<>> room_waiters_;
  UnixMillis began_at_ = 0;      // when the first byte of a request came that is not whole yet
  uint64_t consumed_bytes_ = 0;  // of that request
  bool continue_sent_ = false;   // to that request's Expect
  bool in_turn_ = false;         // Work() has started the coroutine and waits for its suspension
  bool stream_begun_ = false;    // the response's head is out
  bool linger_ = false;          // the client may still be sending what nobody will read
  bool lingering_ = false;
  UnixMillis lingers_since_ = 0;
  size_t output_seen_ = 0;         // unsent bytes when last looked at,
  UnixMillis output_seen_at_ = 0;  // and since when it is so many
};

}  // namespace flashdb
