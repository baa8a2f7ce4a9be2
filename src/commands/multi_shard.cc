#include "commands/multi_shard.h"

#include <algorithm>

#include "base/cycles.h"
#include "base/numbers.h"
#include "commands/engine.h"
#include "commands/observe.h"
#include "commands/topic_routing.h"
#include "resp/reply_reader.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

// The piece of a spread command that concerns one shard.
struct Part {
  ShardId shard = 0;
  Request request;
  std::vector<size_t> places;  // which of the whole command's keys these are
};

std::vector<Part> SplitByShard(const Request& request) {
  std::vector<Part> parts;
  const KeyRange& range = request.command->keys;
  size_t place = 0;
  ForEachKey(*request.command, request.args.size(), [&](size_t i) {
    ShardId owner = OwnerOf(SlotOf(request.args[i]), ShardCount());
    auto it = std::find_if(parts.begin(), parts.end(),
                           [&](const Part& part) { return part.shard == owner; });
    if (it == parts.end()) {
      parts.push_back({.shard = owner,
                       .request = {.command = request.command,
                                   .args = {request.args[0]},
                                   .db = request.db,
                                   .key = MakeKey(request.args[i]),
                                   .many_keys = true}});
      it = parts.end() - 1;
    }
    for (int k = 0; k < range.step; ++k) {
      it->request.args.push_back(request.args[i + static_cast<size_t>(k)]);
    }
    it->places.push_back(place++);
  });
  return parts;
}

struct PartReply {
  std::string text;
  uint64_t cycles = 0;
  bool failed = false;
};

PartReply RunPart(Keyspace& keys, const Request& request, int protocol, bool no_touch) {
  PartReply part;
  ReplyWriter reply(part.text, protocol);
  LapTimer timer;
  part.failed = CallHandler(request, keys, reply, no_touch);
  part.cycles = timer.Lap();
  return part;
}

// One command, in however many parts it ran.
void ObserveParts(const Request& request, const std::vector<PartReply>& parts) {
  uint64_t cycles = 0;
  bool failed = false;
  for (const PartReply& part : parts) {
    cycles += part.cycles;
    failed |= part.failed;
  }
  ObserveCommand(Engine::Current(), *request.command, request.args, nullptr, cycles, failed);
}

int64_t IntegerOf(std::string_view reply) {
  return ParseInt64(reply.substr(1, reply.size() - 3)).value_or(0);
}

// Splits an array reply into its elements' bytes.
std::vector<std::string_view> ElementsOf(std::string_view reply) {
  reply.remove_prefix(reply.find('\n') + 1);
  std::vector<std::string_view> elements;
  while (!reply.empty()) {
    std::string_view rest = reply;
    FLASHDB_CHECK(SkipReply(rest), "a part's reply is malformed");
    elements.push_back(reply.substr(0, reply.size() - rest.size()));
    reply = rest;
  }
  return elements;
}

void MergeByKey(const std::vector<Part>& parts, const std::vector<PartReply>& replies,
                ReplyWriter& out) {
  size_t keys = 0;
  for (const Part& part : parts) keys += part.places.size();
  std::vector<std::string_view> elements(keys);
  for (size_t p = 0; p < parts.size(); ++p) {
    std::vector<std::string_view> mine = ElementsOf(replies[p].text);
    for (size_t i = 0; i < mine.size(); ++i) elements[parts[p].places[i]] = mine[i];
  }
  out.Array(keys);
  for (std::string_view element : elements) out.out().append(element);
}

void MergeReplies(Merge merge, const std::vector<Part>& parts,
                  const std::vector<PartReply>& replies, ReplyWriter& out) {
  for (const PartReply& reply : replies) {
    if (reply.text.starts_with('-')) {
      out.out().append(reply.text);
      return;
    }
  }
  if (merge == Merge::kSum) {
    int64_t sum = 0;
    for (const PartReply& reply : replies) sum += IntegerOf(reply.text);
    out.Integer(sum);
  } else if (merge == Merge::kByKey) {
    MergeByKey(parts, replies, out);
  } else {
    out.out().append(replies.front().text);
  }
}

Task<void> ExecuteSpread(Transaction& transaction, const Request& request, int protocol,
                         bool no_touch, std::string& out) {
  std::vector<Part> parts = SplitByShard(request);
  std::vector<ShardId> shards;
  for (const Part& part : parts) shards.push_back(part.shard);
  auto run = [&parts, protocol, no_touch](ShardId shard, Keyspace& keys) {
    auto it = std::find_if(parts.begin(), parts.end(),
                           [&](const Part& part) { return part.shard == shard; });
    return RunPart(keys, it->request, protocol, no_touch);
  };
  std::vector<PartReply> replies = co_await transaction.AtEach(shards, run);
  ObserveParts(request, replies);
  ReplyWriter merged(out, protocol);
  MergeReplies(request.command->merge, parts, replies, merged);
}

Task<void> ExecuteLocal(Transaction& transaction, const Request& request, int protocol,
                        bool no_touch, std::string& out) {
  auto run = [&request, protocol, no_touch](Keyspace& keys) {
    std::string text;
    ReplyWriter reply(text, protocol);
    LapTimer timer;
    RunHandler(request, keys, reply, nullptr, no_touch, timer);
    return text;
  };
  out += co_await transaction.AtShard(OwnerOf(request.key.slot, ShardCount()), run);
}

Task<void> ExecuteCoroutine(Transaction& transaction, const Request& request, int protocol,
                            bool no_touch, std::string& out) {
  Engine& engine = Engine::Current();
  uint64_t begin = CycleCount();
  size_t start = out.size();
  ReplyWriter reply(out, protocol);
  TransactionContext context{.args = request.args,
                             .db = request.db,
                             .random = engine.random,
                             .reply = reply,
                             .max_string_bytes = engine.max_string_bytes,
                             .transaction = transaction,
                             .no_touch = no_touch};
  co_await request.command->transaction(context);
  bool failed = out.size() > start && out[start] == '-';
  if (failed) CountError(engine, std::string_view(out).substr(start + 1));
  ObserveCommand(engine, *request.command, request.args, nullptr, CycleCount() - begin, failed);
}

}  // namespace

void AddKeys(Transaction& transaction, const Request& request) {
  if (request.command->has(kAllSlots) || request.command->kind == CommandKind::kWalk) {
    transaction.AddAllSlots();
  }
  if (request.routed) transaction.AddSlot(request.key.slot);
  ForEachKey(*request.command, request.args.size(),
             [&](size_t i) { transaction.AddSlot(SlotOf(request.args[i])); });
}

Task<void> ExecuteInside(Transaction& transaction, const Request& request, int protocol,
                         bool no_touch, std::string& out) {
  switch (request.command->kind) {
    case CommandKind::kSpread:
      co_await ExecuteSpread(transaction, request, protocol, no_touch, out);
      break;
    case CommandKind::kLocal:
      co_await ExecuteLocal(transaction, request, protocol, no_touch, out);
      break;
    default:
      co_await ExecuteCoroutine(transaction, request, protocol, no_touch, out);
  }
}

Task<void> ExecuteAlone(const Request& request, int protocol, bool no_touch, std::string& out,
                        std::vector<Gate>& gates) {
  if (request.command->has(kTopicData)) {
    const uint64_t begin = CycleCount();
    co_await ExecuteTopicCommand(request, protocol, out, gates);
    Engine& engine = Engine::Current();
    const bool failed = out.starts_with('-');
    if (failed) CountError(engine, std::string_view(out).substr(1));
    ObserveCommand(engine, *request.command, request.args, nullptr, CycleCount() - begin, failed);
    co_return;
  }
  bool write = request.command->has(kWrite);
  Transaction transaction(write);
  if (request.command->kind != CommandKind::kWalk) AddKeys(transaction, request);
  std::optional<std::string> refusal = co_await transaction.Lock(LogBytesOf(request));
  if (refusal.has_value()) {
    CountRejection(Engine::Current(), *request.command, *refusal);
    ReplyWriter(out, protocol).Error(*refusal);
  } else {
    co_await ExecuteInside(transaction, request, protocol, no_touch, out);
  }
  co_await transaction.Finish();
  gates.insert(gates.end(), transaction.gates().begin(), transaction.gates().end());
}

}  // namespace flashdb
