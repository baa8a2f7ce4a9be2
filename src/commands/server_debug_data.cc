#include "commands/server_debug_data.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/coding.h"
#include "base/hash.h"
#include "base/numbers.h"
#include "commands/engine.h"
#include "shards/hash_value.h"
#include "shards/transaction.h"

namespace flashdb {
namespace {

/// Keys that one transaction of POPULATE makes, and bytes of values it stays below.
constexpr size_t kKeysPerPiece = 256;
constexpr size_t kBytesPerPiece = size_t{1} << 20;
/// Keys that one visit of DIGEST looks at.
constexpr size_t kKeysPerVisit = 512;

// ---- DIGEST ------------------------------------------------------------------------------------

/// 160 bits; adding is commutative and takes back what is added twice.
struct Digest {
  XXH128_hash_t low{};
  uint32_t high = 0;

  void Add(const Digest& other) {
    low.low64 ^= other.low.low64;
    low.high64 ^= other.low.high64;
    high ^= other.high;
  }
  std::string Hex() const {
    return fmt::format("{:016x}{:016x}{:08x}", low.low64, low.high64, high);
  }
};

/// Hash values of keys in memory have a seed of their own in each process; these have not.
Digest DigestOf(std::string_view bytes) {
  Digest digest;
  digest.low = XXH3_128bits(bytes.data(), bytes.size());
  digest.high = XXH32(bytes.data(), bytes.size(), 0);
  return digest;
}

Digest DigestOfValue(const Entry& entry) {
  std::string bytes;
  PutByte(bytes, static_cast<uint8_t>(entry.type));
  Digest digest;
  if (const HashValue* hash = HashOf(entry)) {
    hash->ForEachLive(INT64_MIN, [&](const HashField& field) {
      std::string one;
      PutBytes(one, field.name);
      PutBytes(one, field.value);
      PutByte(one, field.expire_at != 0 ? 1 : 0);
      digest.Add(DigestOf(one));
    });
  } else {
    digest = DigestOf(entry.string());
  }
  PutByte(bytes, entry.has(Entry::kHasExpiry) ? 1 : 0);
  bytes += digest.Hex();
  return DigestOf(bytes);
}

Digest DigestOfEntry(uint32_t db, const Entry& entry) {
  std::string bytes;
  PutByte(bytes, static_cast<uint8_t>(db));
  PutBytes(bytes, entry.key());
  bytes += DigestOfValue(entry).Hex();
  return DigestOf(bytes);
}

/// Where a walk over one shard goes on.
struct WalkPoint {
  uint32_t db = 0;
  uint32_t slot;
  uint64_t cursor = 0;
  bool done() const { return db >= kDatabaseCount; }
};

Digest DigestPiece(Keyspace& keys, WalkPoint& at) {
  Digest sum;
  size_t seen = 0;
  while (!at.done() && seen < kKeysPerVisit) {
    if (keys.SizeOfSlot(at.db, static_cast<SlotId>(at.slot)) != 0) {
      at.cursor = keys.ScanSlot(at.db, static_cast<SlotId>(at.slot), at.cursor,
                                kKeysPerVisit - seen, [&](const Entry& entry) {
                                  sum.Add(DigestOfEntry(at.db, entry));
                                  ++seen;
                                });
    }
    if (at.cursor != 0) continue;
    const bool next_db = ++at.slot == keys.end_slot() || keys.Size(at.db) == 0;
    if (!next_db) continue;
    at.slot = keys.first_slot();
    ++at.db;
  }
  return sum;
}

Task<Digest> DigestOfShard(Engine& engine, Transaction& transaction, ShardId shard) {
  Digest sum;
  WalkPoint at{.slot = FirstSlot(shard, ShardCount())};
  while (!at.done()) {
    auto visit = [&at](Keyspace& keys) { return DigestPiece(keys, at); };
    sum.Add(co_await transaction.AtShard(shard, visit));
    co_await engine.services.Sleep(0);  // the next piece in the next turn
  }
  co_return sum;
}

// Of each shard only the latest gate is kept: it implies the earlier ones.
void PassGates(const Transaction& transaction, SessionContext& context) {
  for (const Gate& gate : transaction.gates()) {
    auto known = std::find_if(context.gates->begin(), context.gates->end(),
                              [&](const Gate& other) { return other.shard == gate.shard; });
    if (known == context.gates->end()) {
      context.gates->push_back(gate);
    } else {
      known->lsn = std::max(known->lsn, gate.lsn);
    }
  }
}

// ---- POPULATE ----------------------------------------------------------------------------------

struct Population {
  std::string_view prefix = "key";
  size_t count = 0;
  size_t size = 0;  // of each value; 0: as long as its text
  uint32_t db = 0;

  std::string Key(size_t i) const { return fmt::format("{}:{}", prefix, i); }
  std::string Value(size_t i) const {
    std::string value = fmt::format("value:{}", i);
    if (size != 0) value.resize(size, '\0');
    return value;
  }
  size_t PerPiece() const {
    return std::clamp<size_t>(kBytesPerPiece / (size + 1), 1, kKeysPerPiece);
  }
};

std::optional<size_t> ParsePositive(std::string_view text, ReplyWriter& reply) {
  const std::optional<int64_t> number = ParseInt64(text);
  if (number && *number >= 0) return static_cast<size_t>(*number);
  reply.Error(number ? "ERR value is out of range, must be positive" : kNotInteger);
  return std::nullopt;
}

std::optional<Population> ParsePopulation(SessionContext& context) {
  const ArgView args = context.args;
  Population population{.db = context.session.db};
  const std::optional<size_t> count = ParsePositive(args[2], context.reply);
  if (!count) return std::nullopt;
  population.count = *count;
  if (args.size() > 3) population.prefix = args[3];
  if (args.size() > 4) {
    const std::optional<size_t> size = ParsePositive(args[4], context.reply);
    if (!size) return std::nullopt;
    population.size = *size;
  }
  if (population.size <= context.engine.max_string_bytes) return population;
  context.reply.Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  return std::nullopt;
}

bool PutPiece(Keyspace& keys, const Population& population, size_t first, size_t end) {
  for (size_t i = first; i < end; ++i) {
    const std::string name = population.Key(i);
    const KeyRef key = MakeKey(name);
    if (!keys.Owns(key.slot)) continue;
    if (keys.Find(population.db, key, Keyspace::Touch::kQuiet) != nullptr) continue;
    keys.SetString(population.db, key, population.Value(i), 0);
  }
  return true;
}

// An error line if a shard refuses to write.
Task<std::optional<std::string>> Populate(SessionContext& context, const Population& population,
                                          size_t first, size_t end) {
  Transaction piece(true);
  for (size_t i = first; i < end; ++i) piece.AddSlot(SlotOf(population.Key(i)));
  std::optional<std::string> refusal =
      co_await piece.Lock((end - first) * (population.size + population.prefix.size() + 64));
  if (!refusal) {
    auto put = [&](ShardId, Keyspace& keys) { return PutPiece(keys, population, first, end); };
    const std::vector<ShardId> shards = piece.Participants();
    co_await piece.AtEach(shards, put);
  }
  co_await piece.Finish();
  PassGates(piece, context);
  co_return refusal;
}

}  // namespace

Task<void> DebugPopulate(SessionContext& context) {
  const std::optional<Population> population = ParsePopulation(context);
  if (!population) co_return;
  for (size_t first = 0; first < population->count;) {
    const size_t end = std::min(population->count, first + population->PerPiece());
    const std::optional<std::string> refusal = co_await Populate(context, *population, first, end);
    if (refusal) co_return context.reply.Error(*refusal);
    first = end;
  }
  context.reply.Ok();
}

Task<void> DebugDigest(SessionContext& context) {
  Transaction transaction(false);
  transaction.AddAllSlots();
  co_await transaction.Lock(0);
  Digest sum;
  for (ShardId shard : AllShards()) {
    sum.Add(co_await DigestOfShard(context.engine, transaction, shard));
  }
  co_await transaction.Finish();
  PassGates(transaction, context);
  context.reply.Simple(sum.Hex());
}

Task<void> DebugDigestValue(SessionContext& context) {
  const ArgView names = context.args.subspan(2);
  Transaction transaction(false);
  for (std::string_view name : names) transaction.AddSlot(SlotOf(name));
  co_await transaction.Lock(0);
  context.reply.Array(names.size());
  for (std::string_view name : names) {
    const KeyRef key = MakeKey(name);
    auto read = [&](Keyspace& keys) {
      const Entry* entry = keys.Find(context.session.db, key, Keyspace::Touch::kQuiet);
      return entry == nullptr ? Digest{} : DigestOfValue(*entry);
    };
    const Digest digest = co_await transaction.At(key.slot, read);
    context.reply.Simple(digest.Hex());
  }
  co_await transaction.Finish();
  PassGates(transaction, context);
}

}  // namespace flashdb
