// Topics: every partition is a list of records that never changes but at its end. What was
// acknowledged or read at an offset stays there, nothing is there that nobody appended, no batch is
// there twice, however often its producer sent it. The outbox is appended to and counted in one
// transaction over two shards: the count and the offset always agree.
#include <fmt/format.h>

#include "sim/workload.h"

namespace flashdb {
namespace {

class TopicFamily final : public Family {
 public:
  explicit TopicFamily(SimContext& sim) : Family(sim), logs_(kTopics) {}

  Op Make(size_t) override {
    const size_t key = sim_.random.Below(kTopics);
    const uint64_t what = sim_.random.Below(10);
    if (what < 3) return Read(key);
    if (what == 3 && logs_[key].seen > 0) return Commit(key);
    Log& log = logs_[key];
    const uint64_t id = sim_.Unique();
    log.issued.insert(id);
    const std::string value = std::to_string(id);
    Op op;
    if (key == kOutbox) {
      op = MakeOp(kOutboxAppend, key,
                  {{"MULTI"},
                   {"INCR", "outbox-count"},
                   {"TOPIC", "APPEND", Name(key), "VALUE", value},
                   {"EXEC"}});
    } else if (what < 6) {
      const std::vector<std::string> batch = {
          "TOPIC", "APPEND", Name(key), "PRODUCER", fmt::format("p{}", id), "1", "VALUE", value};
      op = MakeOp(kStamped, key, {batch, batch});
    } else {
      op = MakeOp(kAppend, key, {{"TOPIC", "APPEND", Name(key), "VALUE", value}});
    }
    op.value = id;
    op.floor = log.seen;
    return op;
  }

  std::vector<Op> Audit(size_t client) override {
    std::vector<Op> ops;
    for (size_t key = 0; client == 0 && key < kTopics; ++key) ops.push_back(Read(key));
    return ops;
  }

  void Done(const Op& op, const SimReply& last, const std::vector<SimReply>& all) override {
    if (op.kind == kCommit) return;
    if (op.kind == kRead) return Seen(op, last);
    if (op.kind == kOutboxAppend) return Counted(op, last);
    Appended(op, last);
    if (op.kind == kStamped) Appended(op, all[0]);
  }

  // The first of two equal batches may have been appended although the second was refused.
  void Refused(const Op& op) override {
    if (op.kind != kRead && op.kind != kCommit && op.kind != kStamped) {
      logs_[op.key].issued.erase(op.value);
    }
  }
  void Lost(const Op&) override {}

 private:
  enum : int { kRead, kAppend, kStamped, kOutboxAppend, kCommit };
  static constexpr size_t kTopics = 3;
  static constexpr size_t kOutbox = 0;
  struct Log {
    std::set<uint64_t> issued;           // that may be there, each once
    std::map<uint64_t, uint64_t> at;     // offset -> id, as acknowledged or read
    std::map<uint64_t, uint64_t> where;  // the other way round
    uint64_t seen = 0;                   // records that are known to have been there
  };

  static std::string Name(size_t key) { return fmt::format("topic-{}", key); }

  Op Read(size_t key) {
    Op op = MakeOp(kRead, key, {{"TOPIC", "READ", Name(key), "COUNT", "10000"}});
    op.floor = logs_[key].seen;
    return op;
  }

  Op Commit(size_t key) {
    const uint64_t offset = sim_.random.Below(logs_[key].seen + 1);
    return MakeOp(kCommit, key,
                  {{"TOPIC", "COMMIT", "group", Name(key), "0", std::to_string(offset)}});
  }

  void Appended(const Op& op, const SimReply& reply) {
    if (reply.items.size() != 1 || reply.items[0].items.size() != 3) {
      return sim_.Fail(fmt::format("an append to {} gave: {}", Name(op.key), reply.text));
    }
    const auto offset = static_cast<uint64_t>(reply.items[0].items[1].number());
    if (offset < op.floor) {
      sim_.Fail(fmt::format("{} had {} records, a later append got offset {}", Name(op.key),
                            op.floor, offset));
    }
    Know(op.key, offset, op.value);
  }

  void Counted(const Op& op, const SimReply& reply) {
    if (reply.items.size() != 2 || reply.items[1].items.size() != 1) {
      return sim_.Fail(fmt::format("EXEC of INCR and an append gave: {}", reply.text));
    }
    Appended(op, reply.items[1]);
    const int64_t offset = reply.items[1].items[0].items[1].number();
    if (reply.items[0].number() == offset + 1) return;
    sim_.Fail(fmt::format("the outbox's record {} was counted as number {}", offset,
                          reply.items[0].number()));
  }

  // At `offset` there is `id`, as it always was.
  void Know(size_t key, uint64_t offset, uint64_t id) {
    Log& log = logs_[key];
    if (!log.issued.contains(id)) {
      sim_.Fail(fmt::format("{}: nobody appended {}", Name(key), id));
    }
    const auto [place, added] = log.at.emplace(offset, id);
    if (place->second != id) {
      sim_.Fail(
          fmt::format("{}: offset {} was {}, later {}", Name(key), offset, place->second, id));
    }
    const auto [other, first] = log.where.emplace(id, offset);
    if (other->second != offset) {
      sim_.Fail(
          fmt::format("{}: {} is at offset {} and at {}", Name(key), id, other->second, offset));
    }
    log.seen = std::max(log.seen, offset + 1);
  }

  // [map of partition, next_offset, high_watermark, start, records]
  void Seen(const Op& op, const SimReply& reply) {
    if (reply.error() && op.floor == 0) return;  // the first append creates it
    if (reply.items.size() != 1 || reply.items[0].items.size() != 10) {
      return sim_.Fail(fmt::format("reading {} gave: {}", Name(op.key), reply.text));
    }
    const std::vector<SimReply>& fields = reply.items[0].items;
    const std::vector<SimReply>& records = fields[9].items;
    const auto end = static_cast<uint64_t>(fields[5].number());
    if (end < op.floor) {
      sim_.Fail(fmt::format("{} had {} records, later {}", Name(op.key), op.floor, end));
    }
    if (records.size() != static_cast<uint64_t>(fields[3].number()) || records.size() > end) {
      sim_.Fail(fmt::format("{}: {} records up to offset {} of {}", Name(op.key), records.size(),
                            fields[3].number(), end));
    }
    for (size_t i = 0; i < records.size(); ++i) {
      const auto offset = static_cast<uint64_t>(records[i].items[0].number());
      if (offset != i) sim_.Fail(fmt::format("{}: offset {} is at {}", Name(op.key), offset, i));
      Know(op.key, offset, static_cast<uint64_t>(records[i].items[3].number()));
    }
  }

  std::vector<Log> logs_;
};

}  // namespace

std::unique_ptr<Family> MakeTopicFamily(SimContext& sim) {
  return std::make_unique<TopicFamily>(sim);
}

}  // namespace flashdb
