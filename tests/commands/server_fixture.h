// One real shard without log or clients, and sessions whose connections are fakes: enough to run
// the connection, client and server families' handlers to their end in one call.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "commands/engine.h"
#include "shards/shard.h"
#include "tests/commands/fake_services.h"

namespace flashdb::test {

class ServerFixture : public ::testing::Test {
 protected:
  ServerFixture();
  ~ServerFixture() override;

  struct Client {
    Session session;
    FakeLink link;
  };

  /// A logged-in client with the next id.
  Client& Connect();
  /// Runs a command of `client` (the first if none is given); the reply's bytes. Words are cut at
  /// blanks.
  std::string Run(std::string_view line) { return Run(*clients_[0], line); }
  std::string Run(Client& client, std::string_view line);
  std::string RunArgs(Client& client, const std::vector<std::string_view>& args);

  Session& session() { return clients_[0]->session; }
  FakeLink& link() { return clients_[0]->link; }

  ManualClock clock_;
  ShardGroup group_{1};
  Shard shard_{0, group_, clock_, 1};
  FakeServices services_;
  Engine engine_{shard_, shard_.keys(), services_, clock_, shard_.random()};
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace flashdb::test
