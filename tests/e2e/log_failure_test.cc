// One shard's log fails in a server that runs: who goes on, who is refused, and what is there after
// a restart.
//
// The log fails because the process may not write beyond a file size (RLIMIT_FSIZE), which only the
// shard whose segment is filled further than the other's runs into.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>

#include "base/slots.h"
#include "e2e/fixture.h"

namespace flashdb::e2e {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class LogFailureTest : public ServerTest {
 protected:
  static constexpr uint32_t kShards = 2;
  LogFailureTest() : ServerTest(SmallServer(kShards)) {}

  // Keys of each shard, no two in one slot: what was changed last is remembered for each slot.
  static std::vector<std::string> KeysOf(uint32_t shard) {
    std::vector<std::string> keys;
    std::set<SlotId> slots;
    for (int i = 0; keys.size() < 3000; ++i) {
      std::string key = fmt::format("key{}", i);
      const SlotId slot = SlotOf(key);
      if (OwnerOf(slot, kShards) == shard && slots.insert(slot).second) keys.push_back(key);
    }
    return keys;
  }
  const std::string& Key0(int i) const { return keys0_.at(static_cast<size_t>(i)); }
  const std::string& Key1(int i) const { return keys1_.at(static_cast<size_t>(i)); }

  static bool HasHole(const std::string& path) {
    int fd = open(path.c_str(), O_RDONLY);
    EXPECT_GE(fd, 0) << path;
    const off_t hole = lseek(fd, 0, SEEK_HOLE);
    const off_t end = lseek(fd, 0, SEEK_END);
    close(fd);
    return end == 0 || hole < end;
  }

  // Spare segments are filled with zeros ahead, which the limit would forbid.
  bool SparesAreReady() {
    for (const auto& entry : fs::recursive_directory_iterator(server.dir() + "/wal")) {
      if (entry.path().extension() == ".seg" && HasHole(entry.path())) return false;
    }
    return true;
  }

  // Shard 1's next 100 kB or so go well, then its log fails; shard 0's has about 400 kB.
  void LetLogOfShard1Fail() {
    const std::string value(20'000, 'f');
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(client->Command({"SET", Key1(2900 + i), value}).ok());
    }
    ASSERT_TRUE(Eventually([this] { return SparesAreReady(); }));
    const rlimit limit{.rlim_cur = 520 * 1024, .rlim_max = RLIM_INFINITY};
    ASSERT_EQ(prlimit(server.pid(), RLIMIT_FSIZE, &limit, nullptr), 0);
  }

  // Sends `step(i)`'s commands, i = from, from + 1, ..., until one is refused or the connection is
  // closed; takes each reply to `take(i, reply)`.
  template <typename Step, typename Take>
  void RepeatUntilRefused(int from, Step step, Take take) {
    Client own = Connect();
    for (int i = from;; ++i) {
      for (const Reply& reply : own.Pipeline(step(i))) {
        take(i, reply);
        if (reply.is_error()) {
          EXPECT_THAT(reply.str, HasSubstr("MISCONF"));
        }
        if (!reply.is_error() && !reply.lost()) continue;
        EXPECT_TRUE(reply.is_error() || !own.connected()) << "a reply never came";
        return;
      }
    }
  }

  std::string StatusOfShard(int shard) {
    const std::string info = client->Command({"INFO", "flashdb"}).str;
    const size_t line = info.find(fmt::format("\nshard{}:", shard));
    const size_t at = info.find("log_status=", line);
    if (line == std::string::npos || at == std::string::npos) return "no status in: " + info;
    return info.substr(at, info.find('\r', at) - at);
  }

  const std::vector<std::string> keys0_ = KeysOf(0);
  const std::vector<std::string> keys1_ = KeysOf(1);
  std::mutex mutex_;
};

TEST_F(LogFailureTest, TheShardRefusesWritesAndTheOtherGoesOn) {
  const std::string a = Key0(2800);
  const std::string b = Key1(2800);
  ASSERT_TRUE(client->Command({"SET", a, "old"}).ok());
  ASSERT_TRUE(client->Command({"SET", b, "old"}).ok());
  ASSERT_NO_FATAL_FAILURE(LetLogOfShard1Fail());

  const std::string value(3000, 'v');
  std::map<std::string, bool> acknowledged;  // by key
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      auto key = [&](int i) { return Key1(writer * 500 + i); };
      auto step = [&](int i) {
        return std::vector<std::vector<std::string>>{{"SET", key(i), value}};
      };
      RepeatUntilRefused(0, step, [&](int i, const Reply& reply) {
        std::lock_guard lock(mutex_);
        acknowledged[key(i)] = reply.ok();
      });
    });
  }
  for (std::thread& writer : writers) writer.join();

  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client->Command({"SET", a, "new"}).ok()) << "the other shard goes on";
    EXPECT_EQ(client->Command({"GET", a}), Reply::String("new"));
    EXPECT_EQ(client->Command({"GET", b}), Reply::String("old")) << "what is settled is served";
    EXPECT_EQ(client->Command({"MGET", a, b}),
              Reply::Array({Reply::String("new"), Reply::String("old")}));
    const Reply refusal = client->Command({"SET", b, "x"});
    EXPECT_THAT(refusal.str, AllOf(HasSubstr("MISCONF shard 1"), HasSubstr("restart")));
  }
  EXPECT_THAT(client->Command({"MSET", a, "x", b, "x"}).str,
              AllOf(HasSubstr("MISCONF"), HasSubstr("shard 1"), HasSubstr("several")));
  ASSERT_TRUE(client->Command({"MULTI"}).ok());
  client->Command({"INCR", Key0(2801)});
  client->Command({"INCR", Key1(2801)});
  EXPECT_THAT(client->Command({"EXEC"}).str, HasSubstr("MISCONF"));
  EXPECT_EQ(client->Command({"GET", a}), Reply::String("new")) << "nothing is half done";
  EXPECT_EQ(client->Command({"EXISTS", Key0(2801)}), Reply::Integer(0));

  EXPECT_EQ(StatusOfShard(0), "log_status=ok");
  EXPECT_THAT(StatusOfShard(1), AllOf(HasSubstr("shard 1"), HasSubstr("failed")));
  EXPECT_THAT(client->Command({"INFO", "persistence"}).str, HasSubstr("aof_last_write_status:err"));
  EXPECT_THAT(server.stderr_text(), HasSubstr("shard 1: the log has failed"));

  for (const auto& [key, ok] : acknowledged) {
    Client reader = Connect();
    const Reply read = reader.Command({"GET", key});
    EXPECT_EQ(read == Reply::String(value), ok) << key << " " << ToString(read).substr(0, 200);
    EXPECT_TRUE(!read.lost() || !reader.connected()) << "a read hangs";
  }
  server.Kill9();
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(client->Command({"GET", a}), Reply::String("new"));
  for (const auto& [key, ok] : acknowledged) {
    if (ok) {
      EXPECT_EQ(client->Command({"GET", key}), Reply::String(value)) << key;
    }
  }
  EXPECT_TRUE(client->Command({"MSET", a, "1", b, "1"}).ok());
}

TEST_F(LogFailureTest, AShardWithPartOfALostTransactionFailsToo) {
  const std::string a = Key0(2800);
  ASSERT_TRUE(client->Command({"SET", a, "old"}).ok());
  ASSERT_NO_FATAL_FAILURE(LetLogOfShard1Fail());

  const std::string value(3000, 'v');
  std::map<std::pair<std::string, std::string>, bool> acknowledged;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      auto keys = [&](int i) { return std::pair(Key0(writer * 500 + i), Key1(writer * 500 + i)); };
      auto step = [&](int i) {
        const auto [k0, k1] = keys(i);
        return std::vector<std::vector<std::string>>{{"MSET", k0, value, k1, value}};
      };
      RepeatUntilRefused(0, step, [&](int i, const Reply& reply) {
        std::lock_guard lock(mutex_);
        acknowledged[keys(i)] = reply.ok();
      });
    });
  }
  // Writes of the healthy disk's shard only, which must not hang either.
  writers.emplace_back([&] {
    auto step = [&](int) { return std::vector<std::vector<std::string>>{{"INCR", Key0(2801)}}; };
    RepeatUntilRefused(0, step,
                       [](int, const Reply&) { std::this_thread::sleep_for(milliseconds(20)); });
  });
  for (std::thread& writer : writers) writer.join();

  const Reply refusal = client->Command({"SET", a, "x"});
  EXPECT_THAT(refusal.str, AllOf(HasSubstr("MISCONF shard 0"), HasSubstr("transaction"),
                                 HasSubstr("shard 1: the log has failed")));
  EXPECT_EQ(client->Command({"GET", a}), Reply::String("old"));
  EXPECT_THAT(StatusOfShard(0), HasSubstr("shard 1: the log has failed"));
  EXPECT_THAT(StatusOfShard(1), Not(HasSubstr("log_status=ok")));
  for (auto& [keys, kept] : acknowledged) {
    const bool ok = kept;
    for (const std::string& key : {keys.first, keys.second}) {
      Client reader = Connect();
      const Reply read = reader.Command({"GET", key});
      const bool shown = read == Reply::String(value);
      EXPECT_TRUE(shown || !ok) << key << " " << ToString(read).substr(0, 200);
      // The failure may overtake the news that a transaction is on disk. What is shown must stay.
      kept |= shown;
      EXPECT_TRUE(!read.lost() || !reader.connected()) << "a read hangs";
    }
  }

  const StatusOr<int> code = server.Terminate();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 1) << "it says that not all is on disk";
  ASSERT_NO_FATAL_FAILURE(Start());
  for (const auto& [keys, kept] : acknowledged) {
    const Reply both = client->Command({"EXISTS", keys.first, keys.second});
    EXPECT_TRUE(both == Reply::Integer(2) || (!kept && both == Reply::Integer(0))) << keys.first;
  }
  EXPECT_TRUE(client->Command({"SET", a, "new"}).ok());
}

// A message tells of what its publisher did before; if that may be lost, nobody hears of it.
TEST_F(LogFailureTest, AMessageBehindAWriteThatFailsIsNotDelivered) {
  std::vector<std::unique_ptr<Client>> subscribers;  // on both shards
  for (int i = 0; i < 4; ++i) {
    subscribers.push_back(std::make_unique<Client>(server.port()));
    ASSERT_EQ(subscribers.back()->Command({"SUBSCRIBE", "news"}).elements.size(), 3u);
  }
  ASSERT_NO_FATAL_FAILURE(LetLogOfShard1Fail());
  const std::string value(3000, 'v');
  auto key = [&](int i) { return Key1(i); };
  auto step = [&](int i) -> std::vector<std::vector<std::string>> {
    const std::vector<std::string> publish = {"PUBLISH", "news", std::to_string(i)};
    if (i % 2 == 0) return {{"SET", key(i), value}, publish};
    return {{"MULTI"}, {"SET", key(i), value}, publish, {"EXEC"}};
  };
  std::set<int> refused;  // the SET did nothing and said so: the message after it tells of no write
  std::vector<std::thread> publishers;
  for (int from : {0, 500, 1001}) {
    publishers.emplace_back([&, from] {
      RepeatUntilRefused(from, step, [&](int i, const Reply& reply) {
        if (!reply.is_error() || reply.str.find("not safely on disk") != std::string::npos) return;
        std::lock_guard lock(mutex_);
        refused.insert(i);
      });
    });
  }
  for (std::thread& publisher : publishers) publisher.join();
  client->Command({"PUBLISH", "news", "end"});

  std::vector<std::string> told;
  for (auto& subscriber : subscribers) {
    size_t count = 0;
    for (;; ++count) {
      const Reply message = subscriber->GetReply();
      ASSERT_EQ(message.elements.size(), 3u) << "a subscriber keeps its connection";
      if (message.elements[2].str == "end") break;
      told.push_back(message.elements[2].str);
    }
    EXPECT_GT(count, 0u);
  }
  server.Kill9();
  ASSERT_NO_FATAL_FAILURE(Start());
  for (const std::string& number : told) {
    if (refused.contains(std::stoi(number))) continue;
    EXPECT_EQ(client->Command({"EXISTS", key(std::stoi(number))}), Reply::Integer(1)) << number;
  }
}

}  // namespace
}  // namespace flashdb::e2e
