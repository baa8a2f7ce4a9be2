// Keys for curl: a string's bytes at /keys/NAME.
#include "api/exchange.h"
#include "api/reply_json.h"
#include "api/route.h"
#include "api/run_command.h"

namespace flashdb {
namespace {

constexpr QuerySpec kDb = {.name = "db",
                           .kind = QuerySpec::Kind::kNumber,
                           .doc = "Number of the database.",
                           .max = kDatabaseCount - 1,
                           .fallback = "0"};

// Runs a command on the database that the query names; false after an error response.
Task<bool> Run(HttpExchange& exchange, const Args& args, std::string& reply) {
  exchange.session.db = static_cast<uint32_t>(exchange.Number("db"));
  const size_t start = reply.size();
  co_await RunCommand(exchange.engine, exchange.session, args, reply, exchange.gates);
  const auto error = ErrorOfReply(std::string_view(reply).substr(start));
  if (error.has_value()) exchange.FailWithLine(*error);
  co_return !error.has_value();
}

void NoSuchKey(HttpExchange& exchange) { exchange.Fail(404, "not_found", "there is no such key"); }

Task<void> GetAsJson(HttpExchange& exchange, const std::string& key, std::string_view value) {
  std::string reply;
  const Args args = {"PTTL", key};
  if (!co_await Run(exchange, args, reply)) co_return;
  const int64_t ttl = ParseInt64(TextOfReply(reply).value_or("")).value_or(-1);
  JsonWriter json = exchange.Json();
  json.BeginObject();
  json.BytesMember("key", key).BytesMember("value", value);
  if (ttl >= 0) json.Key("ttl_ms").Int(ttl);
  json.EndObject();
}

Task<void> GetKey(HttpExchange& exchange) {
  const std::string& key = exchange.Path("key");
  std::string reply;
  const Args args = {"GET", key};
  if (!co_await Run(exchange, args, reply)) co_return;
  const std::optional<std::string_view> value = TextOfReply(reply);
  if (!value.has_value()) co_return NoSuchKey(exchange);
  if (exchange.request.Prefers(kJsonType)) {
    co_await GetAsJson(exchange, key, *value);
  } else {
    exchange.Bytes(kBytesType, *value);
  }
}

Task<void> PutKey(HttpExchange& exchange) {
  std::string reply;
  Args args = {"SET", exchange.Path("key"), exchange.request.body};
  const std::optional<std::string_view> ttl = exchange.Text("ttl_ms");
  if (ttl.has_value()) args.insert(args.end(), {"PX", *ttl});
  if (co_await Run(exchange, args, reply)) exchange.NoContent();
}

Task<void> DeleteKey(HttpExchange& exchange) {
  std::string reply;
  const Args args = {"DEL", exchange.Path("key")};
  if (!co_await Run(exchange, args, reply)) co_return;
  if (TextOfReply(reply) == "0") co_return NoSuchKey(exchange);
  exchange.NoContent();
}

}  // namespace

std::vector<Route> KeyRoutes() {
  return {
      {.method = HttpMethod::kGet,
       .path = "/keys/{key}",
       .handler = &GetKey,
       .id = "getKey",
       .tag = "keys",
       .summary = "The bytes of a string. With `Accept: application/json` its name and time to "
                  "live, too.",
       .query = {kDb},
       .responses = {{200, "The value.", {{kBytesType, ""}, {kJsonType, "KeyValue"}}}}},
      {.method = HttpMethod::kPut,
       .path = "/keys/{key}",
       .handler = &PutKey,
       .id = "putKey",
       .tag = "keys",
       .summary = "Stores the body as a string, on disk before the response.",
       .query = {kDb,
                 {.name = "ttl_ms",
                  .kind = QuerySpec::Kind::kNumber,
                  .doc = "Milliseconds after which the key goes away. Without it, it stays.",
                  .min = 1,
                  .max = 1ull << 53}},
       .bodies = {{kBytesType, ""}},
       .responses = {{204, "Stored."}}},
      {.method = HttpMethod::kDelete,
       .path = "/keys/{key}",
       .handler = &DeleteKey,
       .id = "deleteKey",
       .tag = "keys",
       .summary = "Removes a key of any type.",
       .query = {kDb},
       .responses = {{204, "Removed."}}},
  };
}

}  // namespace flashdb
