#include "sim/workload.h"

#include <fmt/format.h>

namespace flashdb {
namespace {

using Commands = std::vector<std::vector<std::string>>;

// ---- Counters: strings and hash fields that are only ever incremented --------------------------

class CounterFamily final : public Family {
 public:
  explicit CounterFamily(SimContext& sim) : Family(sim), counters_(kStrings + kFields) {}

  Op Make(size_t) override {
    size_t key = sim_.random.Below(counters_.size());
    uint64_t what = sim_.random.Below(8);
    if (what < 3) return Read(key);
    Counter& counter = counters_[key];
    ++counter.issued;
    Op op = what < 6 ? MakeOp(kAdd, key, {AddWords(key)}) : Watched(key);
    op.floor = counter.seen;
    return op;
  }

  std::vector<Op> Audit(size_t client) override {
    std::vector<Op> ops;
    if (client != 0) return ops;
    for (size_t key = 0; key < counters_.size(); ++key) ops.push_back(Read(key));
    return ops;
  }

  void Done(const Op& op, const SimReply& last, const std::vector<SimReply>& all) override {
    Counter& counter = counters_[op.key];
    if (op.kind == kRead) return Seen(op, last.number());
    if (op.kind == kAdd) return Added(op, last.number());
    Seen(op, all[1].number());
    if (last.nil) {  // somebody else changed it meanwhile
      --counter.issued;
      return;
    }
    if (last.items.size() != 1 || last.items[0].number() != all[1].number() + 1) {
      sim_.Fail(fmt::format("{}: EXEC made {} of {}, which was watched", Name(op.key),
                            last.items.empty() ? last.text : last.items[0].text, all[1].number()));
      return;
    }
    Added(op, last.items[0].number());
  }

  void Refused(const Op& op) override {
    if (op.kind != kRead) --counters_[op.key].issued;
  }
  void Lost(const Op&) override {}

 private:
  enum : int { kRead, kAdd, kWatched };
  static constexpr size_t kStrings = 4;
  static constexpr size_t kFields = 3;
  struct Counter {
    uint64_t issued = 0;  // increments that may have been done
    uint64_t seen = 0;    // the highest value that anybody was shown
    std::set<int64_t> results;
  };

  static std::string Name(size_t key) {
    return key < kStrings ? fmt::format("counter:{}", key) : fmt::format("field {}", key);
  }
  static std::vector<std::string> AddWords(size_t key) {
    if (key < kStrings) return {"INCR", Name(key)};
    return {"HINCRBY", "fields", fmt::format("f{}", key), "1"};
  }
  static std::vector<std::string> ReadWords(size_t key) {
    if (key < kStrings) return {"GET", Name(key)};
    return {"HGET", "fields", fmt::format("f{}", key)};
  }
  static std::string KeyName(size_t key) { return key < kStrings ? Name(key) : "fields"; }

  Op Read(size_t key) {
    Op op = MakeOp(kRead, key, {ReadWords(key)});
    op.floor = counters_[key].seen;
    return op;
  }
  static Commands WatchedCommands(size_t key) {
    return {{"WATCH", KeyName(key)}, ReadWords(key), {"MULTI"}, AddWords(key), {"EXEC"}};
  }
  Op Watched(size_t key) { return MakeOp(kWatched, key, WatchedCommands(key)); }

  void Seen(const Op& op, int64_t value) {
    Counter& counter = counters_[op.key];
    auto shown = static_cast<uint64_t>(value);
    if (shown < op.floor) {
      sim_.Fail(fmt::format("{} was shown as {}, later as {}", Name(op.key), op.floor, value));
    } else if (shown > counter.issued) {
      sim_.Fail(fmt::format("{} is {} after {} increments", Name(op.key), value, counter.issued));
    }
    counter.seen = std::max(counter.seen, shown);
  }

  void Added(const Op& op, int64_t value) {
    if (static_cast<uint64_t>(value) <= op.floor) {
      sim_.Fail(fmt::format("{} was shown as {}, later incremented to {}", Name(op.key), op.floor,
                            value));
    }
    if (!counters_[op.key].results.insert(value).second) {
      sim_.Fail(fmt::format("two increments of {} gave {}", Name(op.key), value));
    }
    Seen(op, value);
  }

  std::vector<Counter> counters_;
};

// ---- Lists: strings that are only ever appended to, so that each value is its own history ------

class ListFamily final : public Family {
 public:
  explicit ListFamily(SimContext& sim) : Family(sim), lists_(kLists) {}

  Op Make(size_t) override {
    size_t key = sim_.random.Below(kLists);
    uint64_t what = sim_.random.Below(5);
    if (what < 2) return Read(key);
    uint64_t id = sim_.Unique();
    Commands commands = {{"APPEND", Name(key), Token(id)}};
    if (what == 2) commands = {{"MULTI"}, commands[0], {"GET", Name(key)}, {"EXEC"}};
    Op op = MakeOp(what == 2 ? kAppendAndRead : kAppend, key, std::move(commands));
    op.value = id;
    op.floor = lists_[key].seen;
    lists_[key].issued.insert(id);
    return op;
  }

  std::vector<Op> Audit(size_t client) override {
    std::vector<Op> ops;
    for (size_t key = 0; client == 0 && key < kLists; ++key) ops.push_back(Read(key));
    return ops;
  }

  void Done(const Op& op, const SimReply& last, const std::vector<SimReply>&) override {
    if (op.kind == kRead) return Seen(op, last.text);
    if (op.kind == kAppend) return Appended(op, static_cast<uint64_t>(last.number()));
    if (last.items.size() != 2) return sim_.Fail("EXEC of two commands gave: " + last.text);
    Appended(op, static_cast<uint64_t>(last.items[0].number()));
    Seen(op, last.items[1].text);
    if (!last.items[1].text.ends_with(Token(op.value))) {
      sim_.Fail(fmt::format("list:{} does not end with what EXEC appended to it", op.key));
    }
  }

  void Refused(const Op& op) override {
    if (op.kind != kRead) lists_[op.key].issued.erase(op.value);
  }
  void Lost(const Op&) override {}

 private:
  enum : int { kRead, kAppend, kAppendAndRead };
  static constexpr size_t kLists = 4;
  struct List {
    std::set<uint64_t> issued;          // tokens that may stand in it, each once
    std::string longest;                // that anybody was shown
    size_t checked = 0;                 // of it
    uint64_t seen = 0;                  // the length that the list is known to have had
    std::map<uint64_t, uint64_t> ends;  // where acknowledged tokens end
  };

  static std::string Name(size_t key) { return fmt::format("list:{}", key); }
  static std::string Token(uint64_t id) { return fmt::format("{}.", id); }

  Op Read(size_t key) {
    Op op = MakeOp(kRead, key, {{"GET", Name(key)}});
    op.floor = lists_[key].seen;
    return op;
  }

  void Appended(const Op& op, uint64_t length) {
    List& list = lists_[op.key];
    if (length < op.floor + Token(op.value).size()) {
      sim_.Fail(fmt::format("list:{} had {} bytes; appending to it later made it {} long", op.key,
                            op.floor, length));
    }
    if (!list.ends.emplace(length, op.value).second) {
      sim_.Fail(fmt::format("two appends to list:{} ended at {}", op.key, length));
    }
    if (length <= list.longest.size()) CheckEnd(op.key, length, op.value);
    list.seen = std::max(list.seen, length);
  }

  void CheckEnd(size_t key, uint64_t length, uint64_t id) {
    if (std::string_view(lists_[key].longest).substr(0, length).ends_with(Token(id))) return;
    sim_.Fail(fmt::format("list:{}: {} was acknowledged as ending at {}, but is not there: {}", key,
                          id, length, lists_[key].longest));
  }

  void Seen(const Op& op, const std::string& text) {
    List& list = lists_[op.key];
    if (text.size() < op.floor) {
      sim_.Fail(
          fmt::format("list:{} had {} bytes, later {}: {}", op.key, op.floor, text.size(), text));
    }
    const std::string& shorter = text.size() < list.longest.size() ? text : list.longest;
    const std::string& longer = text.size() < list.longest.size() ? list.longest : text;
    if (!longer.starts_with(shorter)) {
      sim_.Fail(fmt::format("list:{} was shown as {} and as {}", op.key, shorter, longer));
    }
    if (text.size() > list.longest.size()) Grow(op.key, text);
    list.seen = std::max<uint64_t>(list.seen, text.size());
  }

  void Grow(size_t key, const std::string& text) {
    List& list = lists_[key];
    auto known = list.ends.upper_bound(list.longest.size());
    list.longest = text;
    for (; known != list.ends.end() && known->first <= text.size(); ++known) {
      CheckEnd(key, known->first, known->second);
    }
    while (list.checked < text.size()) {
      uint64_t id = std::strtoull(text.c_str() + list.checked, nullptr, 10);
      if (list.issued.erase(id) == 0) {
        return sim_.Fail(
            fmt::format("list:{}: nobody appended {} (or not twice): {}", key, id, text));
      }
      list.checked += Token(id).size();
    }
  }

  std::vector<List> lists_;
};

// ---- Money: what one account loses another wins, in one transaction ----------------------------

class MoneyFamily final : public Family {
 public:
  using Family::Family;

  Op Make(size_t) override {
    if (sim_.Chance(3)) return Read(sim_.Chance(2));
    size_t from = sim_.random.Below(kAccounts);
    size_t to = (from + 1 + sim_.random.Below(kAccounts - 1)) % kAccounts;
    std::string amount = std::to_string(1 + sim_.random.Below(100));
    Commands commands = {
        {"MULTI"}, {"DECRBY", Name(from), amount}, {"INCRBY", Name(to), amount}, {"EXEC"}};
    bool read = sim_.Chance(4);
    if (read) commands.insert(commands.end() - 1, AllWords());
    return MakeOp(read ? kMoveAndRead : kMove, 0, std::move(commands));
  }

  std::vector<Op> Audit(size_t client) override {
    return client == 0 ? std::vector<Op>{Read(false)} : std::vector<Op>{};
  }

  void Done(const Op& op, const SimReply& last, const std::vector<SimReply>&) override {
    if (op.kind == kMove) {
      if (last.items.size() != 2) sim_.Fail("a move of money gave: " + last.text);
      return;
    }
    const SimReply& all = op.kind == kMoveAndRead && last.items.size() == 3 ? last.items[2] : last;
    int64_t sum = 0;
    std::string accounts;
    for (const SimReply& item : all.items) {
      sum += item.number();
      accounts += " " + std::to_string(item.number());
    }
    if (sum != 0 || all.items.size() != kAccounts) {
      sim_.Fail(fmt::format("the accounts hold {} together:{}", sum, accounts));
    }
  }
  void Refused(const Op&) override {}
  void Lost(const Op&) override {}

 private:
  enum : int { kRead, kMove, kMoveAndRead };
  static constexpr size_t kAccounts = 5;

  static std::string Name(size_t key) { return fmt::format("account:{}", key); }
  static std::vector<std::string> AllWords() {
    std::vector<std::string> words = {"MGET"};
    for (size_t i = 0; i < kAccounts; ++i) words.push_back(Name(i));
    return words;
  }
  Op Read(bool in_transaction) {
    if (!in_transaction) return MakeOp(kRead, 0, {AllWords()});
    Commands commands = {{"MULTI"}};
    for (size_t i = 0; i < kAccounts; ++i) commands.push_back({"GET", Name(i)});
    commands.push_back({"EXEC"});
    return MakeOp(kRead, 0, std::move(commands));
  }
};

// ---- A token that is renamed from key to key ---------------------------------------------------

class TokenFamily final : public Family {
 public:
  using Family::Family;

  Op Make(size_t) override {
    if (!issued_) {
      issued_ = true;
      return MakeOp(kCreate, 0, {{"SET", Name(0), "token"}});
    }
    if (sim_.Chance(3)) return Read();
    size_t from = sim_.random.Below(kPlaces);
    size_t to = (from + 1 + sim_.random.Below(kPlaces - 1)) % kPlaces;
    return MakeOp(kRename, from, {{"RENAME", Name(from), Name(to)}});
  }

  std::vector<Op> Audit(size_t client) override {
    return client == 0 ? std::vector<Op>{Read()} : std::vector<Op>{};
  }

  void Done(const Op& op, const SimReply& last, const std::vector<SimReply>&) override {
    if (op.kind == kCreate) created_ = true;
    if (op.kind != kRead) return;
    uint64_t found = 0;
    for (const SimReply& item : last.items) found += item.nil ? 0 : 1;
    if (found > 1 || found < op.floor) sim_.Fail(fmt::format("the token is in {} places", found));
    if (found == 1) created_ = true;
  }
  void Refused(const Op& op) override {
    if (op.kind == kCreate) issued_ = false;
  }
  void Lost(const Op&) override {}

 private:
  enum : int { kRead, kCreate, kRename };
  static constexpr size_t kPlaces = 4;

  static std::string Name(size_t key) { return fmt::format("place:{}", key); }
  Op Read() {
    std::vector<std::string> words = {"MGET"};
    for (size_t i = 0; i < kPlaces; ++i) words.push_back(Name(i));
    Op op = MakeOp(kRead, 0, {words});
    op.floor = created_ ? 1 : 0;
    return op;
  }

  bool issued_ = false;
  bool created_ = false;
};

}  // namespace

std::vector<std::unique_ptr<Family>> MakeFamilies(SimContext& sim, size_t clients) {
  std::vector<std::unique_ptr<Family>> families;
  families.push_back(std::make_unique<CounterFamily>(sim));
  families.push_back(std::make_unique<ListFamily>(sim));
  families.push_back(std::make_unique<MoneyFamily>(sim));
  families.push_back(std::make_unique<TokenFamily>(sim));
  families.push_back(MakeGroupFamily(sim));
  families.push_back(MakePrivateFamily(sim, clients));
  families.push_back(MakeStairsFamily(sim));
  families.push_back(MakeTopicFamily(sim));
  return families;
}

}  // namespace flashdb
