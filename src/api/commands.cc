// Commands for curl: JSON arrays in, replies as JSON out.
#include <deque>

#include "api/exchange.h"
#include "api/json_body.h"
#include "api/reply_json.h"
#include "api/route.h"
#include "api/run_command.h"

namespace flashdb {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr size_t kMaxCommands = 10'000;  // of one request

// Numbers become text, which must stay where it is.
using Numbers = std::deque<std::string>;

Status AddArgument(element value, Args& args, Numbers& numbers) {
  switch (value.type()) {
    case element_type::STRING:
      args.push_back(value.get_string().value_unsafe());
      return OkStatus();
    case element_type::INT64:
      args.push_back(numbers.emplace_back(fmt::to_string(value.get_int64().value_unsafe())));
      return OkStatus();
    case element_type::UINT64:
      args.push_back(numbers.emplace_back(fmt::to_string(value.get_uint64().value_unsafe())));
      return OkStatus();
    case element_type::DOUBLE:
      args.push_back(numbers.emplace_back(FormatDouble(value.get_double().value_unsafe())));
      return OkStatus();
    default:
      return absl::InvalidArgumentError(
          "a command is an array of strings and numbers, such as [\"SET\", \"key\", 1]");
  }
}

StatusOr<Args> ReadCommand(element value, Numbers& numbers) {
  array words;
  if (value.get_array().get(words) != simdjson::SUCCESS || words.size() == 0) {
    return absl::InvalidArgumentError(
        "send a command as an array, [\"GET\", \"key\"], or several as an array of such arrays");
  }
  Args args;
  for (element word : words) FLASHDB_RETURN_IF_ERROR(AddArgument(word, args, numbers));
  return args;
}

struct Batch {
  std::vector<Args> commands;
  Numbers numbers;
  bool single = false;
};

StatusOr<Batch> ReadBatch(element root) {
  Batch batch;
  array list;
  const bool several = root.get_array().get(list) == simdjson::SUCCESS && list.size() > 0 &&
                       (*list.begin()).is_array();
  if (!several) {
    batch.single = true;
    FLASHDB_ASSIGN_OR_RETURN(Args args, ReadCommand(root, batch.numbers));
    batch.commands.push_back(std::move(args));
    return batch;
  }
  for (element item : list) {
    if (batch.commands.size() == kMaxCommands) {
      return absl::InvalidArgumentError(
          fmt::format("more than {} commands in one request", kMaxCommands));
    }
    FLASHDB_ASSIGN_OR_RETURN(Args args, ReadCommand(item, batch.numbers));
    batch.commands.push_back(std::move(args));
  }
  return batch;
}

bool RefusesOne(HttpExchange& exchange, const Batch& batch) {
  for (const Args& args : batch.commands) {
    const std::string why = RefusesStateless(args);
    if (why.empty()) continue;
    exchange.Fail(422, "stateful_command", why);
    return true;
  }
  return false;
}

Task<void> PostCommands(HttpExchange& exchange) {
  JsonBody body;
  StatusOr<element> root = body.Parse(exchange.request.body);
  StatusOr<Batch> batch = root.ok() ? ReadBatch(*root) : root.status();
  if (!batch.ok()) co_return exchange.Fail(batch.status());
  if (RefusesOne(exchange, *batch)) co_return;
  exchange.session.db = static_cast<uint32_t>(exchange.Number("db"));
  std::string replies;
  for (const Args& args : batch->commands) {
    co_await RunCommand(exchange.engine, exchange.session, args, replies, exchange.gates);
  }
  std::string_view rest = replies;
  JsonWriter json = exchange.Json();
  if (!batch->single) json.BeginArray();
  while (!rest.empty()) WriteReply(json, rest);
  if (!batch->single) json.EndArray();
}

}  // namespace

std::vector<Route> CommandRoutes() {
  return {
      {.method = HttpMethod::kPost,
       .path = "/commands",
       .handler = &PostCommands,
       .id = "runCommands",
       .tag = "keys",
       .summary = "Runs a Redis command, or several one after the other, and gives their replies. "
                  "An error of a command is a reply, {\"error\": \"ERR ...\"}; those before and "
                  "after it are executed all the same.",
       .query = {{.name = "db",
                  .kind = QuerySpec::Kind::kNumber,
                  .doc = "Number of the database.",
                  .max = kDatabaseCount - 1,
                  .fallback = "0"}},
       .bodies = {{kJsonType, "Commands"}},
       .body_required = true,
       .responses = {{200, "The reply, or an array of the replies.", {{kJsonType, "Reply"}}}}},
  };
}

}  // namespace flashdb
