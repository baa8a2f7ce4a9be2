#include "server/http_connection.h"

#include <sys/socket.h>

#include "api/serve.h"
#include "commands/engine.h"
#include "server/shard_server.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

constexpr int kRequestsPerTurn = 16;
// A stream pauses while so many bytes wait to be sent.
constexpr size_t kStreamHigh = size_t{1} << 20;
// Room that is made for a body before it has come.
constexpr uint64_t kReserveAtOnce = uint64_t{1} << 20;
// A client may take longer than http-request-timeout while it sends so many bytes per millisecond.
constexpr uint64_t kSlowestBytesPerMilli = 16;
// How long input is dropped after a refusal, so that the client gets to read it: closing a socket
// with unread input would cut the response off.
constexpr UnixMillis kLingerMillis = 2000;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

HttpConnection::HttpConnection(ShardServer& server, int fd, uint64_t id)
    : SocketConnection(server, fd, id), exchange_(*this) {
  session_.last_command = "http";
  ++HttpStats::Here().connections_received;
}

// ---- Requests ----------------------------------------------------------------------------------

bool HttpConnection::Work(uint64_t until_nanos) {
  while (!room_waiters_.empty() && HasRoom()) ResumeOneWaiter();
  if (lingering_) in_at_ = in_.size();
  for (int requests = 0; requests < kRequestsPerTurn; ++requests) {
    if (busy_ || closing_ || Paused()) return false;
    if (requests > 0 && TurnIsOver(until_nanos)) return true;
    if (!close_after_output_ && Step()) continue;
    if (TidyInput() && !lingering_) continue;
    ReceiveMore();
    if (end_of_input_) {
      if (lingering_) CloseNow();
      Close(true);
    }
    return false;
  }
  return true;
}

HttpLimits HttpConnection::Limits() const {
  return {.max_body_bytes = server_.config().http_max_body};
}

// Starts the next request; false if none is whole.
bool HttpConnection::Step() {
  if (in_at_ == in_.size() && !parser_.head_done()) return false;
  if (in_.capacity() - in_.size() < HttpRequest::kBodyPadding) {
    in_.reserve(in_.size() + in_.size() / 2 + HttpRequest::kBodyPadding);
  }
  size_t consumed = 0;
  const auto result = parser_.Parse(std::string_view(in_).substr(in_at_), Limits(), &consumed);
  in_at_ += consumed;
  consumed_bytes_ += consumed;
  if (result == HttpRequestParser::Result::kNeedMore) {
    if (began_at_ == 0) began_at_ = server_.shard().keys().now();
    if (parser_.head_done()) AwaitBody();
    return false;
  }
  began_at_ = 0;
  consumed_bytes_ = 0;
  continue_sent_ = false;
  session_.last_active_at = server_.shard().keys().now();
  if (result == HttpRequestParser::Result::kError) {
    const HttpParseError& error = parser_.error();
    Refuse(error.status, error.code, error.message);
    return true;
  }
  busy_ = in_turn_ = true;
  Detach(Answer());
  in_turn_ = false;
  return true;
}

// The head of a request is there, its body is not.
void HttpConnection::AwaitBody() {
  const uint64_t size = std::min(parser_.sized_body_bytes(), kReserveAtOnce);
  if (in_at_ == in_.size()) {
    in_.clear();
    in_at_ = 0;
  }
  in_.reserve(in_at_ + size + HttpRequest::kBodyPadding);
  if (!parser_.request().expects_continue || std::exchange(continue_sent_, true)) return;
  if (InputBytes() > 0) return;  // it has not waited
  out_ += kContinue;
  server_.MarkDirty(*this);
}

Task<void> HttpConnection::Answer() {
  exchange_.Reset();
  stream_begun_ = false;
  co_await ServeHttp(exchange_);
  EndResponse();
  parser_.ReleaseBody();
  session_.last_active_at = server_.shard().keys().now();
  if (in_turn_) {
    busy_ = false;
    server_.MarkDirty(*this);
  } else {
    Resume();
  }
}

void HttpConnection::EndResponse() {
  if (closing_ || cut_short_) return;
  HttpResponse& response = exchange_.response;
  if (response.streaming()) {
    PutStream({});
    response.AppendLastChunk(out_);
  } else {
    response.Finish();
    for (const Gate& gate : exchange_.gates) AddGate(OutputEnd(), gate.shard, gate.lsn);
    if (out_.empty()) {
      out_.swap(response.text());
    } else {
      out_.append(response.text());
    }
  }
  if (!response.keep_alive()) close_after_output_ = true;
  CheckOutputLimit();
}

void HttpConnection::Refuse(int status, std::string_view code, std::string_view message) {
  HttpResponse response;
  response.Reset({.keep_alive = false});
  response.Begin(status, kJsonType) += JsonError(code, message);
  response.Finish();
  out_ += response.text();
  linger_ = close_after_output_ = true;
  server_.MarkDirty(*this);
}

void HttpConnection::AppendFailure(std::string& out, const std::string& why) {
  if (exchange_.response.streaming() && busy_) return;  // its end says nothing more
  HttpResponse response;
  response.Reset({.keep_alive = false});
  response.Begin(503, kJsonType) += JsonError(
      "log_failed",
      "What this request did or read is not safely on disk: it may or may not be there after a "
      "restart. The connection is closed; " +
          why);
  response.Finish();
  out += response.text();
}

// ---- Streams -----------------------------------------------------------------------------------

HttpConnection::Exchange::Exchange(HttpConnection& connection)
    : HttpExchange(connection.parser_.request(), connection.server_.engine(), connection.session_),
      connection_(connection) {}

void HttpConnection::Exchange::Reset() {
  response.Reset({.http11 = request.http11,
                  .keep_alive = request.keep_alive,
                  .head_only = request.method == HttpMethod::kHead});
  Clear();
}

Task<void> HttpConnection::Exchange::AwaitRoom() { co_await RoomOf{connection_}; }

void HttpConnection::Exchange::Send(std::string_view bytes) {
  if (!Gone()) connection_.PutStream(bytes);
}

bool HttpConnection::HasRoom() const { return ClientIsGone() || OutputBytes() <= kStreamHigh; }

// In turn, or one of several streams in a response could starve.
void HttpConnection::ResumeOneWaiter() {
  const std::coroutine_handle<> waiter = room_waiters_.front();
  room_waiters_.erase(room_waiters_.begin());
  waiter.resume();
}

void HttpConnection::PutStream(std::string_view bytes) {
  for (const Gate& gate : exchange_.gates) AddGate(OutputEnd(), gate.shard, gate.lsn);
  exchange_.gates.clear();
  if (!std::exchange(stream_begun_, true)) out_ += exchange_.response.text();
  exchange_.response.AppendChunk(out_, bytes);
  server_.MarkDirty(*this);
  CheckOutputLimit();
}

// ---- Time and the end --------------------------------------------------------------------------

bool HttpConnection::SendsTooSlowly(UnixMillis now) const {
  if (began_at_ == 0) return false;
  const uint64_t received = consumed_bytes_ + InputBytes();
  const uint64_t allowed =
      uint64_t{server_.config().http_request_timeout} * 1000 + received / kSlowestBytesPerMilli;
  return static_cast<uint64_t>(std::max<UnixMillis>(now - began_at_, 0)) > allowed;
}

// Output waits for a client that does not read at all.
bool HttpConnection::IsStuck(UnixMillis now) {
  if (OutputBytes() != output_seen_ || OutputBytes() == 0) {
    output_seen_ = OutputBytes();
    output_seen_at_ = now;
  }
  return now - output_seen_at_ > UnixMillis{server_.config().http_idle_timeout} * 1000;
}

const char* HttpConnection::TimeIsUp() {
  const UnixMillis now = server_.shard().keys().now();
  const UnixMillis idle_limit = UnixMillis{server_.config().http_idle_timeout} * 1000;
  if (lingering_) {
    if (now - lingers_since_ > kLingerMillis) CloseNow();
    return nullptr;
  }
  if (idle_limit != 0 && IsStuck(now)) return "it does not read its response (http-idle-timeout)";
  if (busy_ || close_after_output_) return nullptr;
  if (SendsTooSlowly(now)) {
    Refuse(408, "request_timeout", "the request did not arrive within http-request-timeout");
  } else if (idle_limit != 0 && began_at_ == 0 && OutputBytes() == 0 &&
             now - session_.last_active_at > idle_limit) {
    CloseNow();  // keep-alive's usual end
  }
  return nullptr;
}

void HttpConnection::OnOutputEnded() {
  if (lingering_) return;
  if (!linger_ || end_of_input_) return CloseNow();
  lingering_ = true;
  lingers_since_ = server_.shard().keys().now();
  ::shutdown(session_.fd, SHUT_WR);
  server_.MarkReady(*this);
}

void HttpConnection::OnClosing() {
  if (!room_waiters_.empty()) server_.MarkReady(*this);
}

}  // namespace flashdb
