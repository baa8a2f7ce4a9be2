// DBSIZE, FLUSHDB, FLUSHALL, SWAPDB: whole databases, with every slot locked.
#include <numeric>
#include <vector>

#include "base/numbers.h"
#include "commands/generic.h"
#include "shards/transaction.h"

namespace flashdb::generic {
namespace {

// ASYNC and SYNC come to the same: either way the keys are gone at once, and their memory is given
// back piece by piece.
bool FlushOptionsFit(const TransactionContext& context) {
  ArgView args = context.args;
  if (args.size() == 1) return true;
  if (args.size() == 2 &&
      (EqualsIgnoreCase(args[1], "SYNC") || EqualsIgnoreCase(args[1], "ASYNC"))) {
    return true;
  }
  context.reply.Error(kSyntaxError);
  return false;
}

Task<void> Flush(TransactionContext& context, uint32_t first_db, uint32_t end_db) {
  auto flush = [=](Keyspace& keys) {
    for (uint32_t db = first_db; db < end_db; ++db) keys.Flush(db);
    return true;
  };
  co_await context.AtAll(flush);
  context.reply.Ok();
}

}  // namespace

Task<void> DbSize(TransactionContext& context) {
  auto size = [&context](Keyspace& keys) { return keys.Size(context.db); };
  std::vector<size_t> sizes = co_await context.AtAll(size);
  context.reply.Integer(
      static_cast<int64_t>(std::accumulate(sizes.begin(), sizes.end(), size_t{0})));
}

Task<void> FlushDb(TransactionContext& context) {
  if (FlushOptionsFit(context)) co_await Flush(context, context.db, context.db + 1);
}

Task<void> FlushAll(TransactionContext& context) {
  if (FlushOptionsFit(context)) co_await Flush(context, 0, kDatabaseCount);
}

Task<void> SwapDb(TransactionContext& context) {
  constexpr std::string_view kBadFirst = "ERR invalid first DB index";
  constexpr std::string_view kBadSecond = "ERR invalid second DB index";
  ReplyWriter& reply = context.reply;
  std::optional<int64_t> first =
      ParseRange(context.args[1], INT32_MIN, INT32_MAX, reply, kBadFirst);
  if (!first) co_return;
  std::optional<uint32_t> second = ParseDatabase(context.args[2], reply, kBadSecond);
  if (!second) co_return;
  if (*first < 0 || *first >= int64_t{kDatabaseCount}) {
    reply.Error(kDatabaseOutOfRange);
    co_return;
  }
  uint32_t a = static_cast<uint32_t>(*first);
  uint32_t b = *second;
  if (a != b) {
    auto swap = [=](Keyspace& keys) {
      keys.Swap(a, b);
      return true;
    };
    co_await context.AtAll(swap);
  }
  reply.Ok();
}

}  // namespace flashdb::generic
