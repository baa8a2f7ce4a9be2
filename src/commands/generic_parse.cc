#include <fmt/format.h>

#include <limits>
#include <string>

#include "base/numbers.h"
#include "commands/generic.h"

namespace flashdb::generic {

std::optional<int64_t> ParseInteger(std::string_view text, ReplyWriter& reply,
                                    std::string_view message) {
  std::optional<int64_t> value = ParseInt64(text);
  if (!value) reply.Error(message);
  return value;
}

std::optional<int64_t> ParseRange(std::string_view text, int64_t low, int64_t high,
                                  ReplyWriter& reply, std::string_view message) {
  std::optional<int64_t> value = ParseInteger(text, reply, message.empty() ? kNotInteger : message);
  if (!value || (*value >= low && *value <= high)) return value;
  if (message.empty()) {
    reply.Error(fmt::format("ERR value is out of range, value must between {} and {}", low, high));
  } else {
    reply.Error(message);
  }
  return std::nullopt;
}

std::optional<uint32_t> ParseDatabase(std::string_view text, ReplyWriter& reply,
                                      std::string_view message) {
  std::optional<int64_t> index = ParseRange(text, std::numeric_limits<int32_t>::min(),
                                            std::numeric_limits<int32_t>::max(), reply, message);
  if (!index) return std::nullopt;
  if (*index < 0 || *index >= int64_t{kDatabaseCount}) {
    reply.Error(kDatabaseOutOfRange);
    return std::nullopt;
  }
  return static_cast<uint32_t>(*index);
}

void WriteHelp(ReplyWriter& reply, std::string_view container,
               std::span<const std::string_view> lines) {
  reply.Array(lines.size() + 3);
  reply.Simple(
      fmt::format("{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", container));
  for (std::string_view line : lines) reply.Simple(line);
  reply.Simple("HELP");
  reply.Simple("    Print this help.");
}

const Entry* Peek(CommandContext& context, const KeyRef& key) {
  const Entry* entry = context.keys.Find(context.db, key, Keyspace::Touch::kQuiet);
  Keyspace::Stats& stats = context.keys.stats();
  ++(entry != nullptr ? stats.hits : stats.misses);
  return entry;
}

}  // namespace flashdb::generic
