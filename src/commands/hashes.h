// Shared by the files of the hash commands.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "commands/command.h"
#include "shards/hash_value.h"

namespace flashdb {

/// Finds the hash at the command's key: nullptr if the key is missing. If the key holds something
/// else, replies with the error and returns nothing.
std::optional<const HashValue*> FindHash(CommandContext& context, Keyspace::Touch touch);

/// The tail "FIELDS numfields field ..." that starts at args[at]. Replies with the error and
/// returns nothing if it is malformed; `count_error` is for a number that is not positive.
std::optional<ArgView> ParseFields(CommandContext& context, size_t at,
                                   std::string_view count_error);

enum class TimeUnit : uint8_t { kSeconds, kMillis };
enum class TimeBase : uint8_t { kNow, kEpoch };

/// The absolute time that `text` means; nothing if it is no such thing (replied with `command`'s
/// name).
std::optional<UnixMillis> ParseFieldTime(CommandContext& context, std::string_view text,
                                         TimeBase base, TimeUnit unit, std::string_view command);

// hash_walk.cc
void RunHRandField(CommandContext& context);
void RunHScan(CommandContext& context);

// hash_expiry.cc
void RunHExpire(CommandContext& context);
void RunHPExpire(CommandContext& context);
void RunHExpireAt(CommandContext& context);
void RunHPExpireAt(CommandContext& context);
void RunHTtl(CommandContext& context);
void RunHPTtl(CommandContext& context);
void RunHExpireTime(CommandContext& context);
void RunHPExpireTime(CommandContext& context);
void RunHPersist(CommandContext& context);

// hash_ex.cc
void RunHGetEx(CommandContext& context);
void RunHSetEx(CommandContext& context);

}  // namespace flashdb
