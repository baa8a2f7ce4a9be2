// Groups of keys on several shards that are always set together, each time to a value of its own.
// A group is one register, so a complete test for strict serializability is cheap: Gibbons and
// Korach, "Testing Shared Memories" (SIAM J. Comput. 26(4), 1997), section 4. The operations on one
// value form a cluster; from the first end of one of them to the last begin of one of them the
// register must have held the value.
#include <fmt/format.h>

#include <algorithm>

#include "sim/workload.h"

namespace flashdb {
namespace {

using Commands = std::vector<std::vector<std::string>>;

class GroupFamily final : public Family {
 public:
  explicit GroupFamily(SimContext& sim) : Family(sim), groups_(kGroups) {
    for (Group& group : groups_) group[0] = {.written = 0, .first_end = 0, .seen = true};
  }

  Op Make(size_t) override {
    size_t key = sim_.random.Below(kGroups);
    uint64_t what = sim_.random.Below(8);
    if (what < 3) return Read(key, what);
    uint64_t id = sim_.Unique();
    Op op = MakeOp(kWrite, key, WriteCommands(key, id, what));
    if (what == 7) op.kind = kCreate;
    op.value = id;
    groups_[key][id].written = sim_.time;
    return op;
  }

  std::vector<Op> Audit(size_t client) override {
    std::vector<Op> ops;
    for (size_t key = 0; client == 0 && key < kGroups; ++key) ops.push_back(Read(key, 0));
    return ops;
  }

  void Done(const Op& op, const SimReply& last, const std::vector<SimReply>&) override {
    if (op.kind == kCreate && last.integer == 0) return;  // the group was there already
    if (op.kind != kRead) return Note(op, op.value);
    const std::vector<SimReply> one = {last};
    const std::vector<SimReply>& parts = last.type == '*' ? last.items : one;
    for (const SimReply& part : parts) {
      if (part.number() == parts[0].number()) continue;
      return sim_.Fail(fmt::format("half of a transaction was seen in group:{}: {} and {}", op.key,
                                   parts[0].number(), part.number()));
    }
    auto value = static_cast<uint64_t>(parts[0].number());
    if (!groups_[op.key].contains(value)) {
      return sim_.Fail(fmt::format("group:{} is {}, which nobody wrote", op.key, value));
    }
    Note(op, value);
  }

  void Refused(const Op& op) override {
    if (op.kind != kRead) groups_[op.key].erase(op.value);
  }
  /// If anybody will have seen it, it was done before now.
  void Lost(const Op& op) override {
    if (op.kind == kRead) return;
    Value& value = groups_[op.key][op.value];
    value.first_end = std::min(value.first_end, sim_.time);
  }

  void Finish() override {
    for (size_t key = 0; key < kGroups; ++key) Check(key);
  }

 private:
  enum : int { kRead, kWrite, kCreate };
  static constexpr size_t kGroups = 2;
  static constexpr size_t kParts = 3;

  // The operations on one value.
  struct Value {
    uint64_t written = 0;             // when its write began
    uint64_t first_end = UINT64_MAX;  // of any of them
    uint64_t last_begin = 0;          // of any of them
    bool seen = false;                // it was acknowledged or read
  };
  using Group = std::map<uint64_t, Value>;

  static std::string Name(size_t key, size_t part) { return fmt::format("group:{}:{}", key, part); }

  Op Read(size_t key, uint64_t what) {
    std::vector<std::string> words = {"MGET"};
    Commands commands = {{"MULTI"}};
    for (size_t part = 0; part < kParts; ++part) {
      words.push_back(Name(key, part));
      commands.push_back({"GET", Name(key, part)});
    }
    commands.push_back({"EXEC"});
    if (what == 0) commands = {words};
    if (what == 1) commands = {{"GET", Name(key, sim_.random.Below(kParts))}};
    return MakeOp(kRead, key, std::move(commands));
  }

  static Commands WriteCommands(size_t key, uint64_t id, uint64_t what) {
    std::vector<std::string> words = {what == 7 ? "MSETNX" : "MSET"};
    Commands commands = {{"MULTI"}};
    for (size_t part = 0; part < kParts; ++part) {
      words.push_back(Name(key, part));
      words.push_back(std::to_string(id));
      commands.push_back({"SET", Name(key, part), std::to_string(id)});
    }
    commands.push_back({"EXEC"});
    return what < 5 ? commands : Commands{words};
  }

  void Note(const Op& op, uint64_t id) {
    Value& value = groups_[op.key][id];
    value.seen = true;
    value.first_end = std::min(value.first_end, sim_.time);
    value.last_begin = std::max({value.last_begin, value.written, op.began});
  }

  struct Zone {
    uint64_t from;
    uint64_t to;
    uint64_t id;
  };

  // Values that were certainly there at two times must not overlap, and no other value may have
  // come and gone in between.
  void Check(size_t key) {
    std::vector<Zone> held;
    std::vector<Zone> passing;
    for (const auto& [id, value] : groups_[key]) {
      if (!value.seen) continue;
      uint64_t begin = std::max(value.last_begin, value.written);
      if (value.first_end < begin) {
        held.push_back({value.first_end, begin, id});
      } else {
        passing.push_back({begin, value.first_end, id});
      }
    }
    std::sort(held.begin(), held.end(),
              [](const Zone& a, const Zone& b) { return a.from < b.from; });
    for (size_t i = 1; i < held.size(); ++i) {
      if (held[i].from < held[i - 1].to) return Report(key, held[i - 1], held[i]);
    }
    for (const Zone& zone : passing) {
      auto after = std::upper_bound(held.begin(), held.end(), zone.from,
                                    [](uint64_t at, const Zone& z) { return at < z.from; });
      if (after == held.begin()) continue;
      if (zone.to < (after - 1)->to) return Report(key, *(after - 1), zone);
    }
  }

  void Report(size_t key, const Zone& a, const Zone& b) {
    sim_.Fail(fmt::format(
        "group:{}: {} was there from {} to {}, but {} was written or read between {} and {}", key,
        a.id, a.from, a.to, b.id, b.from, b.to));
  }

  std::vector<Group> groups_;
};

}  // namespace

std::unique_ptr<Family> MakeGroupFamily(SimContext& sim) {
  return std::make_unique<GroupFamily>(sim);
}

}  // namespace flashdb
