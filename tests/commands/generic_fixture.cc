#include "tests/commands/generic_fixture.h"

#include <absl/strings/str_split.h>

#include "base/check.h"
#include "base/numbers.h"

namespace flashdb {

std::vector<std::pair<std::string, std::string>> FakeServices::ConfigGet(const Engine&,
                                                                         std::string_view pattern) {
  if (pattern != "sync") return {};
  return {{"sync", sync}};
}

Task<Status> FakeServices::ConfigSet(std::vector<std::pair<std::string, std::string>>) {
  co_return absl::UnimplementedError("no settings here");
}

const Command* FindGenericRow(ArgView args) {
  std::string name = ToLower(args[0]);
  const Command* container = nullptr;
  for (const Command& row : GenericCommands()) {
    if (row.name == name) container = &row;
  }
  if (args.size() > 1) name += "|" + ToLower(args[1]);
  for (const Command& row : GenericCommands()) {
    if (row.name == name) return &row;
  }
  return container;
}

GenericFixture::GenericFixture()
    : engine_{*reinterpret_cast<Shard*>(shard_), low_, services_, clock_, random_} {
  Engine::SetCurrent(&engine_);
  Advance(kNow);
}

void GenericFixture::Advance(UnixMillis millis) {
  low_.SetNow(low_.now() + millis);
  high_.SetNow(high_.now() + millis);
}

std::string GenericFixture::Run(const std::vector<std::string_view>& args) {
  const Command* row = FindGenericRow(args);
  FLASHDB_CHECK(row != nullptr, "no such row: {}", args[0]);
  std::string out;
  ReplyWriter reply(out, protocol_);
  if (row->kind == CommandKind::kSpread) {
    // The parts of a spread command, one for each key; the sums are added up.
    int64_t sum = 0;
    for (size_t i = 1; i < args.size(); ++i) {
      std::string part;
      ReplyWriter part_reply(part, protocol_);
      std::string_view part_args[] = {args[0], args[i]};
      RunHere(*row, part_args, part_reply);
      sum += ParseInt64(std::string_view(part).substr(1, part.size() - 3)).value();
    }
    reply.Integer(sum);
  } else {
    RunHere(*row, args, reply);
  }
  return out;
}

void GenericFixture::RunHere(const Command& row, ArgView args, ReplyWriter& reply) {
  if (row.local != nullptr) {
    KeyRef key = MakeKey(args[static_cast<size_t>(row.keys.first)]);
    CommandContext context{args,    db_,   key,       transaction_.OwnerOf(key.slot),
                           random_, reply, 512 << 20, no_touch_};
    context.keys.set_no_touch(no_touch_);
    row.local(context);
    return context.keys.set_no_touch(false);
  }
  if (row.transaction != nullptr) {
    TransactionContext context{args, db_, random_, reply, 512 << 20, transaction_, no_touch_};
    bool finished = false;
    auto run = [&]() -> Task<void> {
      co_await row.transaction(context);
      finished = true;
    };
    Detach(run());
    transaction_.RunPending();
    FLASHDB_CHECK(finished, "{} hangs", row.name);
    return;
  }
  FLASHDB_CHECK(row.session != nullptr, "{} has no handler", row.name);
  SessionContext context{args, session_, engine_, reply};
  row.session(context);
}

std::string GenericFixture::Say(std::string_view words) {
  std::vector<std::string> parts = absl::StrSplit(std::string(words), ' ');
  return Run({parts.begin(), parts.end()});
}

void GenericFixture::Set(std::string_view key, std::string_view value, UnixMillis expire_at) {
  KeysOf(key).SetString(db_, MakeKey(key), value, expire_at);
}

void GenericFixture::SetHash(std::string_view key, std::string_view field, std::string_view value) {
  Keyspace::FieldValue pair{field, value};
  KeysOf(key).HashSet(db_, MakeKey(key), {&pair, 1});
}

std::string GenericFixture::Get(std::string_view key, uint32_t db) {
  const Entry* entry = KeysOf(key).Find(db, MakeKey(key), Keyspace::Touch::kQuiet);
  return entry == nullptr ? "(none)" : std::string(entry->string());
}

UnixMillis GenericFixture::ExpiryOf(std::string_view key, uint32_t db) {
  const Entry* entry = KeysOf(key).Find(db, MakeKey(key), Keyspace::Touch::kQuiet);
  FLASHDB_CHECK(entry != nullptr, "there is no key {}", key);
  return entry->expire_at();
}

bool GenericFixture::NothingLogged() {
  bool nothing = low_.sink().empty() && high_.sink().empty();
  low_.sink().Clear();
  high_.sink().Clear();
  return nothing;
}

}  // namespace flashdb
