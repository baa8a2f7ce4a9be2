// Whether the server is well: /health for people, /healthz and /readyz for whoever restarts it.
#include "api/exchange.h"
#include "api/route.h"
#include "commands/server.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

// Which shard's log has failed, if one has. Every shard hears of it.
std::optional<ShardId> FailedShard(const HttpExchange& exchange) {
  return exchange.engine.shard.commits().FirstFailed();
}

Task<void> Health(HttpExchange& exchange) {
  const Engine& engine = exchange.engine;
  const std::optional<ShardId> failed = FailedShard(exchange);
  const UnixMillis now = engine.clock.NowMillis();
  JsonWriter json = exchange.Json(failed.has_value() ? 503 : 200);
  json.BeginObject();
  json.Key("status").String(failed.has_value() ? "failed" : "ok");
  json.Key("version").String(FLASHDB_VERSION);
  json.Key("shards").Uint(ShardCount());
  json.Key("started_at").Time(engine.services.facts().started_at);
  json.Key("now").Time(now);
  json.Key("uptime_seconds").Int((now - engine.services.facts().started_at) / 1000);
  if (failed.has_value()) {
    json.Key("failed_shard").Uint(*failed);
    json.Key("message").Text(engine.shard.commits().FailureOf(*failed));
  }
  json.EndObject();
  co_return;
}

// The process answers. It needs no restart while only its disk is full or broken.
Task<void> Alive(HttpExchange& exchange) {
  exchange.Json().BeginObject().Key("status").String("ok").EndObject();
  co_return;
}

// Nothing is answered before the log has been recovered, so what is left to ask is whether it is
// still well.
Task<void> Ready(HttpExchange& exchange) {
  const std::optional<ShardId> failed = FailedShard(exchange);
  if (!failed.has_value()) {
    exchange.Json().BeginObject().Key("status").String("ready").EndObject();
    co_return;
  }
  exchange.Fail(503, "log_failed", exchange.engine.shard.commits().FailureOf(*failed));
}

}  // namespace

std::vector<Route> HealthRoutes() {
  return {
      {.method = HttpMethod::kGet,
       .path = "/health",
       .handler = &Health,
       .id = "getHealth",
       .tag = "server",
       .summary = "Whether the server is well, and which one it is.",
       .responses = {{200, "It is.", {{kJsonType, "Health"}}},
                     {503, "It refuses writes: its log has failed.", {{kJsonType, "Health"}}}},
       .open = true},
      {.method = HttpMethod::kGet,
       .path = "/healthz",
       .handler = &Alive,
       .id = "getLiveness",
       .tag = "server",
       .summary = "Whether the process answers.",
       .responses = {{200, "It does.", {{kJsonType, "State"}}}},
       .open = true},
      {.method = HttpMethod::kGet,
       .path = "/readyz",
       .handler = &Ready,
       .id = "getReadiness",
       .tag = "server",
       .summary = "Whether all data is there and writes are taken.",
       .responses = {{200, "Yes.", {{kJsonType, "State"}}}},
       .open = true},
  };
}

}  // namespace flashdb
