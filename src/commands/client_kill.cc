// CLIENT KILL, in its old form (an address) and the new one (options).
#include "base/numbers.h"
#include "commands/client.h"
#include "commands/engine.h"
#include "commands/metered.h"

namespace flashdb {
namespace {

struct KillFilter {
  std::optional<std::string> address;
  std::optional<std::string> local_address;
  std::optional<std::string> user;
  std::optional<ClientType> type;
  std::optional<uint64_t> id;
  std::optional<int64_t> min_age_seconds;
  uint64_t spared_id = 0;  // SKIPME: the caller; 0 spares nobody

  bool Matches(const Session& session, UnixMillis now) const {
    return !(address && session.peer_address != *address) &&
           !(local_address && session.local_address != *local_address) &&
           !(user && session.user != *user) && !(type && TypeOf(session) != *type) &&
           !(id && session.id != *id) && session.id != spared_id &&
           !(min_age_seconds && (now - session.created_at) / 1000 < *min_age_seconds);
  }
};

// Each of these takes one option's value; an empty text means it is good, else it is the error.
std::string SetId(KillFilter& filter, std::string_view value) {
  auto id = ParseInt64(value);
  if (!id || *id < 1) return "ERR client-id should be greater than 0";
  filter.id = static_cast<uint64_t>(*id);
  return {};
}

std::string SetType(KillFilter& filter, std::string_view value) {
  filter.type = ParseClientType(value);
  return filter.type ? "" : fmt::format("ERR Unknown client type '{}'", value);
}

std::string SetUser(KillFilter& filter, std::string_view value) {
  if (value != "default") return fmt::format("ERR No such user '{}'", value);
  filter.user = value;
  return {};
}

std::string SetMaxAge(KillFilter& filter, std::string_view value) {
  auto seconds = ParseInt64(value);
  if (!seconds || *seconds < 1) return "ERR maxage is not an integer or out of range";
  filter.min_age_seconds = *seconds;
  return {};
}

std::string SetOption(KillFilter& filter, std::string_view option, std::string_view value,
                      uint64_t self) {
  if (EqualsIgnoreCase(option, "id")) return SetId(filter, value);
  if (EqualsIgnoreCase(option, "type")) return SetType(filter, value);
  if (EqualsIgnoreCase(option, "user")) return SetUser(filter, value);
  if (EqualsIgnoreCase(option, "maxage")) return SetMaxAge(filter, value);
  if (EqualsIgnoreCase(option, "addr")) {
    filter.address = value;
  } else if (EqualsIgnoreCase(option, "laddr")) {
    filter.local_address = value;
  } else if (EqualsIgnoreCase(option, "skipme") && EqualsIgnoreCase(value, "yes")) {
    filter.spared_id = self;
  } else if (EqualsIgnoreCase(option, "skipme") && EqualsIgnoreCase(value, "no")) {
    filter.spared_id = 0;
  } else {
    return std::string(kSyntaxError);
  }
  return {};
}

// The filter of "CLIENT KILL option value ...", or the error's text.
std::string ParseKill(ArgView args, uint64_t self, KillFilter& filter) {
  filter.spared_id = self;
  for (size_t i = 2; i < args.size(); i += 2) {
    if (i + 1 == args.size()) return std::string(kSyntaxError);
    std::string error = SetOption(filter, args[i], args[i + 1], self);
    if (!error.empty()) return error;
  }
  return {};
}

// Kills this shard's matching clients; `caller` still gets its reply.
size_t KillHere(const KillFilter& filter, uint64_t caller) {
  Engine& engine = Engine::Current();
  std::vector<uint64_t> matching;  // closing changes the map of sessions
  for (const auto& [id, session] : engine.sessions) {
    if (!session->killed && filter.Matches(*session, engine.clock.NowMillis())) {
      matching.push_back(id);
    }
  }
  for (uint64_t id : matching) {
    auto it = engine.sessions.find(id);
    if (it == engine.sessions.end()) continue;
    it->second->killed = true;
    it->second->link->Close(/*after_output=*/id == caller);
  }
  return matching.size();
}

}  // namespace

Task<void> ClientKill(SessionContext& context) {
  KillFilter filter;
  bool old_form = context.args.size() == 3;
  if (old_form) {
    filter.address = context.args[2];
  } else {
    std::string error = ParseKill(context.args, context.session.id, filter);
    if (!error.empty()) co_return context.reply.Error(error);
  }
  auto kill = [&filter, self = context.session.id](ShardId) { return KillHere(filter, self); };
  std::vector<size_t> counts = co_await MeteredOnAll(context, kill);
  size_t killed = 0;
  for (size_t count : counts) killed += count;
  if (!old_form) co_return context.reply.Integer(static_cast<int64_t>(killed));
  killed != 0 ? context.reply.Ok() : context.reply.Error("ERR No such client");
}

}  // namespace flashdb
