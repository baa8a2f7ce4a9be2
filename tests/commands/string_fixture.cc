#include "tests/commands/string_fixture.h"

#include <map>
#include <tuple>

#include "base/numbers.h"
#include "base/slots.h"
#include "commands/string_transactions.h"
#include "resp/inline_split.h"

namespace flashdb {
namespace {

// A transaction over keyspaces of one thread: At() runs its function at once.
struct BareContext {
  ArgView args;
  uint32_t db;
  ReplyWriter& reply;
  uint64_t max_string_bytes;
  std::array<test::CommandHarness, 2>& shards;

  template <typename F>
  Task<std::invoke_result_t<F&, Keyspace&>> At(SlotId slot, F function) {
    co_return function(shards[OwnerOf(slot, 2)].keys());
  }
  template <typename F>
  Task<std::vector<std::invoke_result_t<F&, ShardId, Keyspace&>>> AtEach(
      std::vector<ShardId> owners, F function) {
    std::vector<std::invoke_result_t<F&, ShardId, Keyspace&>> results;
    for (ShardId owner : owners) results.push_back(function(owner, shards[owner].keys()));
    co_return results;
  }
  uint32_t shard_count() const { return 2; }
  Keyspace::Touch touch() const { return Keyspace::Touch::kYes; }
};

std::string Printable(std::string_view raw) {
  std::string text;
  for (size_t i = 0; i < raw.size(); ++i) {
    bool line_end = raw.substr(i, 2) == "\r\n";
    if (line_end) ++i;
    text += line_end ? ' ' : raw[i];
  }
  if (!text.empty()) text.pop_back();
  return text;
}

// "@ms+5" and "@s-1" become Unix times; anything else stays.
std::string ResolveTime(const std::string& arg, UnixMillis now) {
  bool millis = arg.starts_with("@ms");
  if (!millis && !arg.starts_with("@s+") && !arg.starts_with("@s-")) return arg;
  int64_t offset = std::stoll(arg.substr(millis ? 3 : 2));
  return std::to_string((millis ? now : now / 1000) + offset);
}

std::vector<std::string> SplitLine(std::string_view line) {
  std::string storage;
  Args args;
  EXPECT_TRUE(SplitInline(line, storage, &args)) << line;
  return {args.begin(), args.end()};
}

using Contents = std::map<std::string, std::tuple<int, std::string, UnixMillis>>;

void AddContents(Keyspace& keys, Contents& contents) {
  keys.ForEach(0, [&](const Entry& entry) {
    std::string image;
    Keyspace::EncodeValue(entry, image);
    contents[std::string(entry.key())] = {static_cast<int>(entry.type), image, entry.expire_at()};
  });
}

Contents ContentsOf(std::array<test::CommandHarness, 2>& shards) {
  Contents contents;
  for (test::CommandHarness& shard : shards) AddContents(shard.keys(), contents);
  return contents;
}

}  // namespace

void StringFixture::TearDown() {
  for (size_t i = 0; i < shards_.size(); ++i) {
    Keyspace replayed(0, kSlotCount);
    replayed.SetNow(shards_[i].now());
    Lsn lsn = 0;
    for (const std::string& record : records_[i]) {
      Status status = replayed.Apply(record, ++lsn);
      ASSERT_TRUE(status.ok()) << MessageOf(status);
    }
    Contents before;
    Contents after;
    AddContents(shards_[i].keys(), before);
    AddContents(replayed, after);
    EXPECT_EQ(before, after);
  }
}

std::string StringFixture::Run(std::vector<std::string> args) {
  if (args[0].starts_with('@')) return RunDirective(args);
  for (std::string& arg : args) arg = ResolveTime(arg, shards_[0].now());
  std::string out;
  if (!RunTransaction(args, out)) out = OwnerOfKey(args[1]).RunArgs(args);
  CollectEffects();
  return out;
}

void StringFixture::Expect(std::initializer_list<Step> steps) {
  for (const Step& step : steps) CheckStep(step);
}

void StringFixture::ExpectRefusals(std::initializer_list<Step> steps) {
  for (const Step& step : steps) {
    const auto records = records_;
    const Contents contents = ContentsOf(shards_);
    CheckStep(step);
    EXPECT_EQ(records_, records) << "logged by " << step.command;
    EXPECT_EQ(ContentsOf(shards_), contents) << "changed by " << step.command;
  }
}

void StringFixture::CheckStep(const Step& step) {
  EXPECT_EQ(Printable(Run(SplitLine(step.command))), step.reply) << step.command;
}

std::string StringFixture::RunDirective(const std::vector<std::string>& args) {
  if (args[0] == "@advance") {
    for (test::CommandHarness& shard : shards_) shard.AdvanceMillis(std::stoll(args[1]));
    return {};
  }
  if (args[0] == "@resp3") {
    protocol_ = 3;
    for (test::CommandHarness& shard : shards_) shard.set_protocol(3);
    return {};
  }
  if (args[0] == "@limit") {
    max_string_bytes_ = std::stoull(args[1]);
    for (test::CommandHarness& shard : shards_) shard.set_max_string_bytes(max_string_bytes_);
    return "+OK\r\n";
  }
  const KeyRef key = MakeKey(args[1]);
  test::CommandHarness& shard = OwnerOfKey(args[1]);
  int64_t result = 1;
  if (args[0] == "@hash") {
    const std::array<Keyspace::FieldValue, 1> fields{{{.field = "f", .value = "v"}}};
    shard.keys().HashSet(0, key, fields);
  } else if (args[0] == "@expire") {
    shard.keys().SetExpiry(0, key, shard.now() + std::stoll(args[2]));
  } else {
    EXPECT_EQ(args[0], "@ttl");
    const Entry* entry = shard.keys().Find(0, key);
    result = entry == nullptr          ? -2
             : entry->expire_at() == 0 ? -1
                                       : entry->expire_at() - shard.now();
  }
  CollectEffects();
  return ":" + std::to_string(result) + "\r\n";
}

bool StringFixture::RunTransaction(const std::vector<std::string>& args, std::string& out) {
  const std::vector<std::string_view> views(args.begin(), args.end());
  ReplyWriter reply(out, protocol_);
  BareContext context{.args = views,
                      .db = 0,
                      .reply = reply,
                      .max_string_bytes = max_string_bytes_,
                      .shards = shards_};
  if (EqualsIgnoreCase(args[0], "msetnx")) {
    Detach(strings::MSetNxIn(context));
  } else if (EqualsIgnoreCase(args[0], "lcs")) {
    Detach(strings::LcsIn(context));
  } else if (EqualsIgnoreCase(args[0], "bitop")) {
    Detach(strings::BitOpIn(context));
  } else {
    return false;
  }
  return true;
}

void StringFixture::CollectEffects() {
  for (size_t i = 0; i < shards_.size(); ++i) {
    std::string effects = shards_[i].TakeEffects();
    if (!effects.empty()) records_[i].push_back(std::move(effects));
  }
}

}  // namespace flashdb
