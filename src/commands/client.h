// What CLIENT's files share: how a client is described, which kind it is, and what its names may
// contain.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/types.h"
#include "commands/command.h"
#include "commands/session.h"

namespace flashdb {

inline constexpr std::string_view kBadClientName =
    "ERR Client names cannot contain spaces, newlines or special characters.";

/// The kinds that CLIENT LIST TYPE and CLIENT KILL TYPE know. Nobody is a master or replica here.
enum class ClientType : uint8_t { kNormal, kMaster, kReplica, kPubSub };

/// The type of that name ("slave" is another word for replica), in any case.
std::optional<ClientType> ParseClientType(std::string_view name);
ClientType TypeOf(const Session& session);

/// True if every byte is printable ASCII other than space, so that it can stand in a client's line.
bool IsPlainWord(std::string_view text);

/// The client's line of CLIENT LIST, without a line end: the fields of Redis 7.2 in their order.
std::string DescribeClient(const Session& session, UnixMillis now);

Task<void> ClientList(SessionContext& context);
Task<void> ClientKill(SessionContext& context);

}  // namespace flashdb
