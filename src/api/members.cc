// Members of consumer groups: join, be alive, leave.
#include "api/exchange.h"
#include "api/json_object.h"
#include "api/route.h"
#include "api/topic_json.h"

namespace flashdb {
namespace {

constexpr uint64_t kDefaultSessionMillis = 30'000;

struct JoinBody {
  std::string member;
  std::string client;
  std::vector<std::string> topics;
  uint64_t session_timeout_ms = kDefaultSessionMillis;
};

StatusOr<JoinBody> ReadJoin(std::string_view text) {
  JsonBody json;
  FLASHDB_ASSIGN_OR_RETURN(simdjson::dom::element root, json.Parse(text));
  JoinBody body;
  JsonObject object(root, "a member");
  body.member = object.Text("member").value_or("");
  body.client = object.Text("client").value_or("");
  body.session_timeout_ms =
      object.Number("session_timeout_ms", 0, UINT32_MAX).value_or(kDefaultSessionMillis);
  if (const auto topics = object.Array("topics")) {
    for (simdjson::dom::element topic : *topics) {
      std::string_view name;
      if (topic.get_string().get(name) != simdjson::SUCCESS) {
        return absl::InvalidArgumentError("a member: \"topics\" are strings");
      }
      body.topics.emplace_back(name);
    }
  }
  FLASHDB_RETURN_IF_ERROR(object.Finish());
  return body;
}

void ShowMembership(HttpExchange& exchange, const StatusOr<Membership>& membership) {
  if (!membership.ok()) return exchange.Fail(membership.status());
  JsonWriter json = exchange.Json();
  WriteMembership(json, *membership);
}

Task<void> Join(HttpExchange& exchange) {
  StatusOr<JoinBody> body = ReadJoin(exchange.request.body);
  if (!body.ok()) co_return exchange.Fail(body.status());
  if (body->client.empty()) body->client = exchange.session.peer_address;
  StatusOr<Membership> membership =
      co_await JoinGroup(exchange.Path("group"), std::move(body->member), std::move(body->client),
                         std::move(body->topics), body->session_timeout_ms, exchange.gates);
  ShowMembership(exchange, membership);
}

Task<void> Beat(HttpExchange& exchange) {
  StatusOr<Membership> membership =
      co_await Heartbeat(exchange.Path("group"), exchange.Path("member"), exchange.gates);
  ShowMembership(exchange, membership);
}

Task<void> Leave(HttpExchange& exchange) {
  Status status =
      co_await LeaveGroup(exchange.Path("group"), exchange.Path("member"), exchange.gates);
  if (!status.ok()) co_return exchange.Fail(status);
  exchange.NoContent();
}

}  // namespace

std::vector<Route> MemberRoutes() {
  const std::vector<BodySpec> membership = {{kJsonType, "Membership"}};
  return {
      {.method = HttpMethod::kPost,
       .path = "/groups/{group}/members",
       .handler = &Join,
       .id = "joinGroup",
       .tag = "groups",
       .summary = "Joins a group: the partitions of the topics are shared out over its members. "
                  "Joining again under the same name renews the membership. Creates the group.",
       .bodies = {{kJsonType, "Join"}},
       .body_required = true,
       .responses = {{200, "The member and its partitions.", membership}}},
      {.method = HttpMethod::kPost,
       .path = "/groups/{group}/members/{member}/heartbeat",
       .handler = &Beat,
       .id = "heartbeat",
       .tag = "groups",
       .summary = "Says that the member is alive and asks for its partitions, which may have "
                  "changed: what is not in the answer goes to others from then on.",
       .responses = {{200, "The member and its partitions.", membership}}},
      {.method = HttpMethod::kDelete,
       .path = "/groups/{group}/members/{member}",
       .handler = &Leave,
       .id = "leaveGroup",
       .tag = "groups",
       .summary = "Leaves: the member's partitions go to the others at once.",
       .responses = {{204, "It has left."}}},
  };
}

}  // namespace flashdb
