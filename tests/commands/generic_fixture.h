// Runs rows of the generic family over two shards of one thread. Slots below 8192 are the first
// shard's: "bar" (5061) and "hello" (866) live there, "foo" (12182) in the second.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "commands/command.h"
#include "commands/engine.h"
#include "shards/transaction.h"

namespace flashdb {

/// Only the setting `sync` exists.
class FakeServices final : public ServerServices {
 public:
  std::vector<std::pair<std::string, std::string>> ConfigGet(const Engine&,
                                                             std::string_view pattern) override;
  Task<Status> ConfigSet(std::vector<std::pair<std::string, std::string>>) override;
  bool CheckPassword(const Engine&, std::string_view) override { return false; }
  bool PasswordRequired(const Engine&) override { return false; }
  void RequestShutdown() override {}
  LogInfo DescribeLog(const Engine&) override { return {}; }
  Task<void> Sleep(uint64_t) override { co_return; }
  const Facts& facts() const override { return facts_; }

  std::string sync = "always";

 private:
  Facts facts_;
};

class GenericFixture : public ::testing::Test {
 protected:
  static constexpr UnixMillis kNow = 1'700'000'000'000;

  GenericFixture();

  /// The RESP2 reply of a command, run as its row says on the shards that hold its keys.
  std::string Run(const std::vector<std::string_view>& args);
  /// The words of Run(), separated by spaces.
  std::string Say(std::string_view words);

  void Advance(UnixMillis millis);
  void Set(std::string_view key, std::string_view value, UnixMillis expire_at = 0);
  void SetHash(std::string_view key, std::string_view field, std::string_view value);
  /// The string at `key` of database `db`; "(none)" if there is no key.
  std::string Get(std::string_view key, uint32_t db = 0);
  UnixMillis ExpiryOf(std::string_view key, uint32_t db = 0);
  Keyspace& KeysOf(std::string_view key) { return transaction_.OwnerOf(SlotOf(key)); }
  /// True if nothing was logged since the last call.
  bool NothingLogged();

  Keyspace low_{0, 8192};
  Keyspace high_{8192, 16384};
  Transaction transaction_{{&low_, &high_}};
  Random random_{1};
  FakeServices services_;
  ManualClock clock_;
  char shard_[64] = {};
  Engine engine_;
  Session session_;
  uint32_t db_ = 0;
  int protocol_ = 2;
  bool no_touch_ = false;

 private:
  void RunHere(const Command& row, ArgView args, ReplyWriter& reply);
};

/// The row of a command or subcommand of the generic family; nullptr if there is none.
const Command* FindGenericRow(ArgView args);

}  // namespace flashdb
