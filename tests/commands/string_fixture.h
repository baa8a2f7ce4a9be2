// Runs string commands over two bare keyspaces that share the slots, so that the keys of one
// command may live apart. Checks replies, and after each test that the effects, replayed into fresh
// keyspaces, give the same contents.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "tests/commands/command_harness.h"

namespace flashdb {

/// A command in redis-cli's quoting and its reply, CRLF written as a space (but for the last).
/// Commands of the fixture itself:
///   @hash KEY          makes a hash of one field; replies :1
///   @expire KEY MS     as PEXPIRE
///   @ttl KEY           as PTTL
///   @advance MS        lets time pass; no reply
///   @limit BYTES       sets proto-max-bulk-len; replies +OK
///   @resp3             replies are RESP3 from now on; no reply
/// An argument "@ms+N" or "@s+N" (or with -) is a Unix time N milliseconds or seconds away.
struct Step {
  std::string_view command;
  std::string_view reply;
};

class StringFixture : public testing::Test {
 protected:
  void TearDown() override;

  /// The raw reply of one command.
  std::string Run(std::vector<std::string> args);
  void Expect(std::initializer_list<Step> steps);
  /// As Expect, and nothing may be logged by any of them.
  void ExpectRefusals(std::initializer_list<Step> steps);

 private:
  using Shards = std::array<test::CommandHarness, 2>;

  test::CommandHarness& OwnerOfKey(std::string_view key) {
    return shards_[OwnerOf(SlotOf(key), 2)];
  }
  std::string RunDirective(const std::vector<std::string>& args);
  /// Runs a command whose keys may be on both shards; false if `args` name no such command.
  bool RunTransaction(const std::vector<std::string>& args, std::string& out);
  void CheckStep(const Step& step);
  void CollectEffects();

  int protocol_ = 2;
  uint64_t max_string_bytes_ = uint64_t{512} << 20;
  Shards shards_{test::CommandHarness{StringCommands()}, test::CommandHarness{StringCommands()}};
  /// What the commands on each shard have logged, in order.
  std::array<std::vector<std::string>, 2> records_;
};

}  // namespace flashdb
