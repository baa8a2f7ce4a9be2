#include "server/shard_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include "commands/multi.h"
#include "commands/pubsub.h"
#include "server/http_connection.h"
#include "server/server.h"
#include "server/sockets.h"

namespace flashdb {
namespace {

constexpr uint64_t kTickNanos = 100'000'000;
// What clients have sent beyond this waits for the next turn, after others' and the log's.
constexpr uint64_t kServeNanos = 500'000;
// For clients beyond maxclients.
constexpr std::string_view kRespRefusal = "-ERR max number of clients reached\r\n";

std::string HttpRefusal() {
  HttpResponse response;
  response.Reset({.keep_alive = false});
  response.AddHeader("Retry-After", "1");
  response.Begin(503, kJsonType) += JsonError(
      "too_many_clients", "max number of clients reached; try again, or raise maxclients");
  response.Finish();
  return std::move(response.text());
}

}  // namespace

ShardServer::ShardServer(Server& server, Shard& shard, TopicStore& topics, const Config& config)
    : server_(server),
      shard_(shard),
      topics_(topics),
      engine_{.shard = shard,
              .keys = shard.keys(),
              .services = server,
              .clock = shard.clock(),
              .random = shard.random()} {
  Configure(config);
  Engine::SetCurrent(&engine_);
  shard.set_hook(this);
}

ShardServer::~ShardServer() {
  for (auto& listener : listeners_) ::close(listener->fd);
}

void ShardServer::Configure(const Config& config) {
  config_ = config;
  limits_.request.max_bulk_bytes = config.proto_max_bulk_len;
  limits_.max_query_bytes = config.client_query_buffer_limit;
  limits_.normal = config.client_output_buffer_limit_normal;
  limits_.pubsub = config.client_output_buffer_limit_pubsub;
  engine_.max_string_bytes = config.proto_max_bulk_len;
  engine_.max_memory = config.maxmemory;
  engine_.max_clients = config.maxclients;
  engine_.slow_micros = config.slowlog_log_slower_than;
  engine_.slow_max_entries = config.slowlog_max_len;
  engine_.latency_threshold_millis = config.latency_monitor_threshold;
  engine_.ArmThresholds();
  engine_.latency_tracking = config.latency_tracking;
  engine_.latency_percentiles = config.latency_tracking_info_percentiles;
  shard_.keys().limits() = {.hash_max_listpack_entries = config.hash_max_listpack_entries,
                            .hash_max_listpack_value = config.hash_max_listpack_value};
  topics_.set_options(TopicOptionsOf(config, shard_.count()));
  shard_.set_active_expire(config.active_expire);
  shard_.set_commit_poll_nanos(uint64_t{config.commit_poll_us} * 1000);
}

// ---- Connections come and go -------------------------------------------------------------------

void ShardServer::Listen(int fd, Protocol protocol, bool spread) {
  listeners_.push_back(std::make_unique<Listener>());
  Listener& listener = *listeners_.back();
  listener.server = this;
  listener.fd = fd;
  listener.protocol = protocol;
  listener.spread = spread;
  listener.on_cqe = [](RingOp& op, int32_t result, uint32_t flags) {
    auto& self = static_cast<Listener&>(op);
    self.server->Accept(self, result, flags);
  };
  Arm(listener);
}

void ShardServer::Arm(Listener& listener) {
  listener.armed = true;
  shard_.ring().MultishotAccept(listener.fd, listener);
}

void ShardServer::Accept(Listener& listener, int32_t result, uint32_t flags) {
  if ((flags & IORING_CQE_F_MORE) == 0) listener.armed = false;
  if (result < 0) {
    if (result != -ECANCELED && !accept_failed_) {
      accept_failed_ = true;
      spdlog::warn("cannot accept a connection: {}; trying again (raise `ulimit -n`?)",
                   MessageOf(ErrnoStatus(-result, "accept")));
    }
    return;  // Tick() arms the listener again
  }
  accept_failed_ = false;
  if (!listener.armed) Arm(listener);
  if (!server_.AdmitConnection()) {
    ++engine_.stats.connections_rejected;
    const std::string refusal =
        listener.protocol == Protocol::kHttp ? HttpRefusal() : std::string(kRespRefusal);
    (void)::send(result, refusal.data(), refusal.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    ::close(result);
    return;
  }
  ShardId home = listener.spread ? server_.NextHome() : shard_.id();
  Envelope mail{.deliver =
                    [](Shard&, const Envelope& arrived) {
                      Server::Here().Adopt(static_cast<int>(arrived.value), Protocol::kResp);
                    },
                .value = static_cast<uint64_t>(result)};
  if (listener.protocol == Protocol::kHttp) {
    mail.deliver = [](Shard&, const Envelope& arrived) {
      Server::Here().Adopt(static_cast<int>(arrived.value), Protocol::kHttp);
    };
  }
  SendMail(home, mail);
}

void ShardServer::Adopt(int fd, Protocol protocol) {
  int on = 1;
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  SetKeepAlive(fd, config_.tcp_keepalive);
  uint64_t id = server_.NextConnectionId();
  std::unique_ptr<SocketConnection> connection;
  if (protocol == Protocol::kHttp) {
    connection = std::make_unique<HttpConnection>(*this, fd, id);
  } else {
    connection = std::make_unique<Connection>(*this, fd, id);
  }
  Session& session = connection->session();
  session.peer_address = PeerAddress(fd);
  session.local_address = LocalAddress(fd);
  session.created_at = session.last_active_at = shard_.keys().now();
  session.authenticated = config_.requirepass.empty();
  engine_.sessions[id] = &session;
  ++engine_.stats.connections_received;
  connections_[id] = std::move(connection);
}

void ShardServer::Forget(Session& session) {
  engine_.sessions.erase(session.id);
  DropSubscriptions(engine_, session);
  DiscardMulti(session);
  CancelFetch(session.fetch);
}

void ShardServer::LogClosed(const Session& session, std::string_view why) {
  spdlog::info("closed client id={} addr={}: {}", session.id, session.peer_address, why);
}

void ShardServer::StopListening() {
  for (auto& listener : listeners_) {
    if (listener->armed) shard_.ring().Cancel(*listener);
    ::shutdown(listener->fd, SHUT_RDWR);
  }
}

void ShardServer::CloseAll() {
  for (auto& [id, connection] : connections_) connection->Close(true);
}

// ---- The turn ----------------------------------------------------------------------------------

void ShardServer::RetryLater(SocketConnection& connection) {
  retry_.push_back(connection.session().id);
}

bool ShardServer::Work() {
  if (shard_.loop_stats().turns % 16 == 0 || next_tick_nanos_ == 0) Tick();
  topics_.Pump();
  return lists_.Work(engine_.shard, kServeNanos);
}

void ShardServer::FlushOutput() {
  lists_.Flush([this](SocketConnection& connection) {
    connections_.erase(connection.session().id);
    server_.ReleaseConnection();
  });
}

void ShardServer::Tick() {
  uint64_t now = shard_.clock().MonotonicNanos();
  if (now < next_tick_nanos_) return;
  next_tick_nanos_ = now + kTickNanos;
  for (auto& listener : listeners_) {
    if (!listener->armed && !server_.ShuttingDown()) Arm(*listener);
  }
  std::vector<uint64_t> retry;
  retry.swap(retry_);
  for (uint64_t id : retry) {
    auto it = connections_.find(id);
    if (it != connections_.end()) MarkReady(*it->second);
  }
  constexpr uint64_t kSecond = 1'000'000'000;
  if (now - last_sample_nanos_ < kSecond) return;
  SampleRates(now - last_sample_nanos_);
  last_sample_nanos_ = now;
  for (auto& [id, connection] : connections_) connection->Housekeep();
}

void ShardServer::SampleRates(uint64_t nanos) {
  double seconds = static_cast<double>(nanos) / 1e9;
  EngineStats& stats = engine_.stats;
  auto rate = [&](uint64_t now, uint64_t before) {
    return now < before ? 0.0 : static_cast<double>(now - before) / seconds;
  };
  stats.commands_per_second = rate(stats.commands, last_sample_.commands);
  stats.input_kib_per_second = rate(stats.input_bytes, last_sample_.input_bytes) / 1024;
  stats.output_kib_per_second = rate(stats.output_bytes, last_sample_.output_bytes) / 1024;
  last_sample_.commands = stats.commands;
  last_sample_.input_bytes = stats.input_bytes;
  last_sample_.output_bytes = stats.output_bytes;
  const Shard::LoopStats& loop = shard_.loop_stats();
  stats.turns_per_second = rate(loop.turns, last_loop_.turns);
  stats.micros_per_turn =
      stats.turns_per_second == 0
          ? 0
          : rate(loop.busy_nanos, last_loop_.busy_nanos) / 1000 / stats.turns_per_second;
  last_loop_ = loop;
  stats.longest_stall_micros = shard_.loop_stats().longest_turn_nanos / 1000;
}

}  // namespace flashdb
