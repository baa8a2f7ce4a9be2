// SCAN, KEYS, RANDOMKEY: coroutines that go from shard to shard.
#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "base/numbers.h"
#include "base/slots.h"
#include "commands/engine.h"
#include "commands/generic.h"
#include "commands/generic_scan.h"
#include "shards/transaction.h"

namespace flashdb::generic {
namespace {

/// Keys that one visit of KEYS looks at: about a quarter of a millisecond.
constexpr size_t kKeysPerTurn = 1024;
/// Pieces (some tens of KiB each) put together in one turn.
constexpr size_t kPiecesJoinedPerTurn = 8;

/// Resumes in the next turn of this shard's event loop.
Task<void> NextTurn() { return Engine::Current().services.Sleep(0); }

void ReplyNames(ReplyWriter& reply, const ScanPage& page) {
  reply.Array(page.names);
  reply.out().append(page.encoded);
}

// Appends what a further visit found.
void Join(ScanPage& all, const ScanPage& more) {
  all.encoded.append(more.encoded);
  all.names += more.names;
  all.seen += more.seen;
  all.next = more.next;
}

Task<ScanPage> ScanFrom(TransactionContext& context, ScanPosition from, const ScanFilter& filter,
                        size_t count) {
  ScanPage page;
  page.next = from;
  while (!page.next.done() && page.seen < count) {
    size_t wanted = count - page.seen;
    uint32_t shard_slot = page.next.slot;
    auto visit = [&](Keyspace& keys) {
      return ScanShard(keys, context.db, page.next, filter, wanted);
    };
    ScanPage more = co_await context.At(static_cast<SlotId>(shard_slot), visit);
    Join(page, more);
  }
  co_return page;
}

std::optional<std::string> RandomName(Keyspace& keys, uint32_t db, uint64_t seed) {
  Random random(seed);
  const Entry* entry = keys.RandomEntry(db, random);
  if (entry == nullptr) return std::nullopt;
  return std::string(entry->key());
}

}  // namespace

Task<void> Scan(TransactionContext& context) {
  std::optional<uint64_t> number = ParseUint64(context.args[1]);
  std::optional<ScanPosition> from = number ? UnpackScanCursor(*number) : std::nullopt;
  if (!from) {
    context.reply.Error("ERR invalid cursor");
    co_return;
  }
  std::optional<ScanOptions> options = ParseScanOptions(context.args.subspan(2), context.reply);
  if (!options) co_return;
  size_t count = std::min(options->count, kMaxScanCount);
  ScanPage page = co_await ScanFrom(context, *from, options->filter, count);
  std::string cursor;
  AppendUint64(cursor, PackScanCursor(page.next));
  context.reply.Array(2);
  context.reply.Bulk(cursor);
  ReplyNames(context.reply, page);
}

// Every slot is locked, so nothing moves between the pieces and no key is reported twice. Pieces
// are small, and each takes a turn of the event loop of its own, here and where it runs.
Task<void> Keys(TransactionContext& context) {
  ScanFilter filter{.pattern = context.args[1]};
  std::vector<std::string> pieces;
  size_t names = 0;
  size_t bytes = 0;
  for (ScanPosition at; !at.done();) {
    auto visit = [&](Keyspace& keys) {
      return ScanShard(keys, context.db, at, filter, kKeysPerTurn);
    };
    ScanPage piece = co_await context.At(static_cast<SlotId>(at.slot), visit);
    at = piece.next;
    names += piece.names;
    bytes += piece.encoded.size();
    if (piece.names != 0) pieces.push_back(std::move(piece.encoded));
    co_await NextTurn();
  }
  context.reply.Array(names);
  std::string& out = context.reply.out();
  out.reserve(out.size() + bytes);
  for (size_t i = 0; i < pieces.size(); ++i) {
    out.append(pieces[i]);
    std::string().swap(pieces[i]);
    if (i % kPiecesJoinedPerTurn == kPiecesJoinedPerTurn - 1) co_await NextTurn();
  }
}

// A shard is drawn in proportion to its keys, then a key of it. A shard of which only expired keys
// are left is taken out of the draw.
Task<void> RandomKey(TransactionContext& context) {
  auto size = [&context](Keyspace& keys) { return keys.Size(context.db); };
  std::vector<size_t> sizes = co_await context.AtAll(size);
  Random& random = context.random;
  for (size_t total; (total = std::accumulate(sizes.begin(), sizes.end(), size_t{0})) != 0;) {
    size_t shard = PickWeighted(sizes, random.Below(total));
    uint64_t seed = random.Next();
    auto draw = [&context, seed](Keyspace& keys) { return RandomName(keys, context.db, seed); };
    uint32_t slot = FirstSlot(static_cast<uint32_t>(shard), static_cast<uint32_t>(sizes.size()));
    std::optional<std::string> name = co_await context.At(static_cast<SlotId>(slot), draw);
    if (name) {
      context.reply.Bulk(*name);
      co_return;
    }
    sizes[shard] = 0;
  }
  context.reply.Null();
}

}  // namespace flashdb::generic
