// One shard with its engine, its log on the faked disk and two clients, no sockets: runs any
// command of the table and checks what must be true after it.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "commands/engine.h"
#include "shards/shard.h"
#include "tests/commands/fake_services.h"
#include "tests/fuzz/keyspace_check.h"
#include "tests/sim/fake_disk.h"
#include "topics/topic_store.h"

namespace flashdb::fuzz {

class CommandWorld {
 public:
  CommandWorld();
  ~CommandWorld();

  /// What came of the rows of the table, by Command::number.
  struct Reach {
    std::vector<bool> called;     // the handler ran
    std::vector<bool> succeeded;  // and its reply was no error
  };

  /// Runs commands, one in a line in redis-cli's quoting. What is no command:
  ///   @advance MS   lets time pass
  ///   @client N     the next commands are client N's (0 or 1)
  /// A word @dump:KEY stands for what DUMP KEY would reply. Aborts if a reply is not one
  /// well-formed value, if a command does not end, or if a handler breaks an invariant.
  void Run(std::string_view script, Reach* reach = nullptr);
  /// Call once, at the end: closes the clients and replays the log into keyspaces of two other
  /// shards. Aborts unless these hold exactly the same.
  void CheckLog();

 private:
  struct Client {
    Session session;
    test::FakeLink link;
  };
  // The loop's client: the disk does its work in each turn.
  struct DiskTurn final : TurnHook {
    explicit DiskTurn(FakeDisk& at) : disk(at) {}
    bool Work() override {
      TopicStore::Here().Pump();
      return true;
    }
    void FlushOutput() override { disk.RunAll(); }
    FakeDisk& disk;
  };

  void Connect(std::unique_ptr<Client>& client);
  void Forget(Client& client);
  /// False if the words are no command but directions for this class.
  bool Direct(const std::vector<std::string_view>& words);
  std::vector<std::string> Resolve(const std::vector<std::string_view>& words);
  void RunWords(const std::vector<std::string_view>& words, Reach* reach);
  void Execute(const Command& command, const std::vector<std::string_view>& words,
               std::string& out);
  void ExecuteOnKeys(const Command& command, const std::vector<std::string_view>& words,
                     std::string& out);
  void ExecuteTask(Task<void> task);
  void CheckReply(const Command& command, std::string_view out) const;
  /// Turns the loop until no work is left.
  void Settle();
  /// What a replay of the log gives: keys, and a line for each partition of a topic.
  Contents Replayed(std::string* topics);

  ManualClock clock_;
  FakeDisk disk_{512};
  ShardGroup group_{1};
  Shard shard_{0, group_, clock_, 1};
  TopicStore topics_{shard_, disk_, {.directory = "/topics", .segment_bytes = 64 << 10}};
  test::FakeServices services_;
  Engine engine_{shard_, shard_.keys(), services_, clock_, shard_.random()};
  DiskTurn turn_{disk_};
  std::array<std::unique_ptr<Client>, 2> clients_;
  size_t current_ = 0;
  uint64_t next_id_ = 1;
};

}  // namespace flashdb::fuzz
