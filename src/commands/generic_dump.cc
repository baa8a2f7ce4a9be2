#include "commands/generic_dump.h"

#include <algorithm>

#include "base/coding.h"
#include "base/crc32c.h"
#include "base/numbers.h"
#include "commands/generic.h"

namespace flashdb::generic {
namespace {

constexpr size_t kFooterBytes = sizeof(uint16_t) + sizeof(uint32_t);

struct RestoreOptions {
  bool replace = false;
  bool absolute = false;
  std::optional<int64_t> idle_seconds;
  std::optional<int64_t> frequency;
};

// A value for IDLETIME or FREQ: within [0, high], else the error `message`.
std::optional<int64_t> ParseOptionValue(std::string_view text, int64_t high,
                                        std::string_view message, ReplyWriter& reply) {
  std::optional<int64_t> value = ParseInteger(text, reply);
  if (!value || (*value >= 0 && *value <= high)) return value;
  reply.Error(message);
  return std::nullopt;
}

// FREQ is checked and then left alone: as in Redis it counts under an LFU policy only.
std::optional<RestoreOptions> ParseRestoreOptions(ArgView args, ReplyWriter& reply) {
  constexpr std::string_view kBadIdle = "ERR Invalid IDLETIME value, must be >= 0";
  constexpr std::string_view kBadFrequency = "ERR Invalid FREQ value, must be >= 0 and <= 255";
  RestoreOptions options;
  for (size_t i = 0; i < args.size(); ++i) {
    bool more = i + 1 < args.size();
    if (EqualsIgnoreCase(args[i], "REPLACE")) {
      options.replace = true;
    } else if (EqualsIgnoreCase(args[i], "ABSTTL")) {
      options.absolute = true;
    } else if (EqualsIgnoreCase(args[i], "IDLETIME") && more && !options.frequency) {
      options.idle_seconds = ParseOptionValue(args[++i], INT64_MAX, kBadIdle, reply);
      if (!options.idle_seconds) return std::nullopt;
    } else if (EqualsIgnoreCase(args[i], "FREQ") && more && !options.idle_seconds) {
      options.frequency = ParseOptionValue(args[++i], 255, kBadFrequency, reply);
      if (!options.frequency) return std::nullopt;
    } else {
      reply.Error(kSyntaxError);
      return std::nullopt;
    }
  }
  return options;
}

// When the restored key expires, 0 = never; nothing after an error reply.
std::optional<UnixMillis> ParseExpiry(std::string_view text, bool absolute, UnixMillis now,
                                      ReplyWriter& reply) {
  std::optional<int64_t> ttl = ParseInteger(text, reply);
  if (!ttl) return std::nullopt;
  if (*ttl == 0 || (absolute && *ttl > 0)) return ttl;
  if (*ttl < 0 || *ttl > INT64_MAX - now) {
    reply.Error("ERR Invalid TTL value, must be >= 0");
    return std::nullopt;
  }
  return now + *ttl;
}

bool IsKnownType(uint8_t type) {
  return type == static_cast<uint8_t>(ValueType::kString) ||
         type == static_cast<uint8_t>(ValueType::kHash);
}

}  // namespace

std::string EncodeDump(const Entry& entry) {
  std::string payload;
  PutByte(payload, static_cast<uint8_t>(entry.type));
  Keyspace::EncodeValue(entry, payload);
  PutFixed<uint16_t>(payload, kDumpVersion);
  PutFixed<uint32_t>(payload, Crc32c(payload));
  return payload;
}

std::optional<DumpedValue> DecodeDump(std::string_view payload) {
  if (payload.size() < 1 + kFooterBytes) return std::nullopt;
  size_t body = payload.size() - kFooterBytes;
  uint16_t version = LoadLittle<uint16_t>(payload.data() + body);
  uint32_t checksum = LoadLittle<uint32_t>(payload.data() + body + sizeof(version));
  if (version > kDumpVersion) return std::nullopt;
  if (checksum != Crc32c(payload.substr(0, body + sizeof(version)))) return std::nullopt;
  return DumpedValue{static_cast<uint8_t>(payload[0]), payload.substr(1, body - 1)};
}

void Dump(CommandContext& context) {
  const Entry* entry = context.keys.Find(context.db, context.key, context.touch());
  if (entry == nullptr) return context.reply.Null();
  context.reply.Bulk(EncodeDump(*entry));
}

void Restore(CommandContext& context) {
  ReplyWriter& reply = context.reply;
  Keyspace& keys = context.keys;
  std::optional<RestoreOptions> options = ParseRestoreOptions(context.args.subspan(4), reply);
  if (!options) return;
  if (!options->replace && keys.Find(context.db, context.key, Keyspace::Touch::kQuiet) != nullptr) {
    return reply.Error("BUSYKEY Target key name already exists.");
  }
  std::optional<UnixMillis> at =
      ParseExpiry(context.args[2], options->absolute, context.now(), reply);
  if (!at) return;
  std::optional<DumpedValue> dumped = DecodeDump(context.args[3]);
  if (!dumped) return reply.Error("ERR DUMP payload version or checksum are wrong");

  // The image is only judged by decoding it, so a value that has expired already comes and goes.
  bool expired = *at != 0 && *at <= context.now();
  constexpr std::string_view kBadFormat = "ERR Bad data format";
  if (!IsKnownType(dumped->type)) return reply.Error(kBadFormat);
  Status restored = keys.Restore(context.db, context.key, static_cast<ValueType>(dumped->type),
                                 dumped->image, expired ? 0 : *at);
  if (!restored.ok()) return reply.Error(kBadFormat);
  if (expired) keys.Delete(context.db, context.key);
  if (options->idle_seconds) {
    int64_t idle = std::min<int64_t>(*options->idle_seconds, Entry::kAccessMask);
    keys.SetAccess(context.db, context.key, static_cast<uint32_t>(context.now() / 1000 - idle));
  }
  reply.Ok();
}

}  // namespace flashdb::generic
