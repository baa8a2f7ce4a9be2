// MEMORY: what keys and databases take up.
#include <malloc.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <string>
#include <vector>

#include "base/numbers.h"
#include "commands/generic.h"
#include "shards/transaction.h"

// There if mimalloc is linked in.
extern "C" void mi_collect(bool force) noexcept __attribute__((weak));

namespace flashdb::generic {
namespace {

struct MemoryUse {
  size_t bytes = 0;
  std::array<size_t, kDatabaseCount> keys{};
  std::array<size_t, kDatabaseCount> volatile_keys{};

  size_t AllKeys() const {
    size_t all = 0;
    for (size_t count : keys) all += count;
    return all;
  }
};

MemoryUse MeasureShard(Keyspace& keys) {
  MemoryUse use;
  use.bytes = keys.MemoryBytes();
  for (uint32_t db = 0; db < kDatabaseCount; ++db) {
    use.keys[db] = keys.Size(db);
    use.volatile_keys[db] = keys.VolatileSize(db);
  }
  return use;
}

MemoryUse Sum(const std::vector<MemoryUse>& shards) {
  MemoryUse all;
  for (const MemoryUse& shard : shards) {
    all.bytes += shard.bytes;
    for (uint32_t db = 0; db < kDatabaseCount; ++db) {
      all.keys[db] += shard.keys[db];
      all.volatile_keys[db] += shard.volatile_keys[db];
    }
  }
  return all;
}

// Resident bytes of the process; nothing where /proc is not mounted.
std::optional<size_t> ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  size_t total_pages = 0;
  size_t resident_pages = 0;
  if (!(statm >> total_pages >> resident_pages)) return std::nullopt;
  return resident_pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

void PutCount(ReplyWriter& reply, std::string_view name, size_t value) {
  reply.Bulk(name);
  reply.Integer(static_cast<int64_t>(value));
}

void PutDatabase(ReplyWriter& reply, uint32_t db, const MemoryUse& use) {
  reply.Bulk(fmt::format("db.{}", db));
  reply.Map(2);
  PutCount(reply, "keys", use.keys[db]);
  PutCount(reply, "keys.volatile", use.volatile_keys[db]);
}

void ReplyStats(ReplyWriter& reply, const MemoryUse& use, std::optional<size_t> resident) {
  size_t databases = 0;
  for (size_t keys : use.keys) databases += keys != 0 ? 1 : 0;
  size_t keys = use.AllKeys();
  reply.Map(databases + 4 + (resident ? 2 : 0));
  for (uint32_t db = 0; db < kDatabaseCount; ++db) {
    if (use.keys[db] != 0) PutDatabase(reply, db, use);
  }
  PutCount(reply, "total.allocated", use.bytes);
  PutCount(reply, "keys.count", keys);
  PutCount(reply, "keys.bytes-per-key", keys != 0 ? use.bytes / keys : 0);
  PutCount(reply, "dataset.bytes", use.bytes);
  if (!resident) return;
  PutCount(reply, "allocator.resident", *resident);
  reply.Bulk("fragmentation");
  reply.Double(use.bytes != 0 ? static_cast<double>(*resident) / static_cast<double>(use.bytes)
                              : 0);
}

std::string Diagnosis(const MemoryUse& use, std::optional<size_t> resident) {
  constexpr size_t kTooLittle = size_t{5} << 20;
  std::string facts = fmt::format("{} keys take up {} bytes", use.AllKeys(), use.bytes);
  if (resident) facts += fmt::format(", the process has {} bytes resident", *resident);
  if (use.bytes < kTooLittle) return facts + ". That is too little to judge.\n";
  if (resident && *resident > use.bytes + use.bytes / 2) {
    return facts +
           ". That is over half as much again as the data: connection buffers, free memory after a "
           "peak, or fragmentation. MEMORY PURGE gives free memory back to the system.\n";
  }
  return facts + ". Nothing is wrong.\n";
}

// The options of MEMORY USAGE. SAMPLES changes nothing: sizes are kept exactly, not estimated.
bool UsageOptionsFit(ArgView options, ReplyWriter& reply) {
  for (size_t i = 0; i < options.size(); i += 2) {
    if (!EqualsIgnoreCase(options[i], "SAMPLES") || i + 1 == options.size()) {
      reply.Error(kSyntaxError);
      return false;
    }
    std::optional<int64_t> samples = ParseInteger(options[i + 1], reply);
    if (!samples) return false;
    if (*samples < 0) {
      reply.Error(kSyntaxError);
      return false;
    }
  }
  return true;
}

}  // namespace

void MemoryUsage(CommandContext& context) {
  if (!UsageOptionsFit(context.args.subspan(3), context.reply)) return;
  const Entry* entry = context.keys.Find(context.db, context.key, Keyspace::Touch::kQuiet);
  if (entry == nullptr) return context.reply.Null();
  context.reply.Integer(static_cast<int64_t>(EntryMemoryBytes(*entry)));
}

Task<void> MemoryDoctor(TransactionContext& context) {
  std::vector<MemoryUse> shards = co_await context.AtAll(&MeasureShard);
  context.reply.Verbatim("txt", Diagnosis(Sum(shards), ResidentBytes()));
}

Task<void> MemoryStats(TransactionContext& context) {
  std::vector<MemoryUse> shards = co_await context.AtAll(&MeasureShard);
  ReplyStats(context.reply, Sum(shards), ResidentBytes());
}

// Each thread has a heap of its own with mimalloc, so each shard purges its own.
Task<void> MemoryPurge(TransactionContext& context) {
  auto purge = [](Keyspace&) {
    if (mi_collect != nullptr) {
      mi_collect(true);
    } else {
      malloc_trim(0);
    }
    return true;
  };
  co_await context.AtAll(purge);
  context.reply.Ok();
}

void MemoryMallocStats(SessionContext& context) {
  context.reply.Bulk("The memory allocator keeps no statistics. See MEMORY STATS and INFO memory.");
}

void MemoryHelp(SessionContext& context) {
  static constexpr std::string_view kLines[] = {
      "DOCTOR",
      "    Judge whether the server's memory use is in order.",
      "MALLOC-STATS",
      "    Show the statistics of the memory allocator.",
      "PURGE",
      "    Give free memory back to the operating system.",
      "STATS",
      "    Show what the server's memory is used for.",
      "USAGE <key> [SAMPLES <count>]",
      "    Tell how many bytes <key> takes up with its value. SAMPLES is accepted and ignored:",
      "    the size is exact.",
  };
  WriteHelp(context.reply, "MEMORY", kLines);
}

}  // namespace flashdb::generic
