// kill -9 at random moments: every acknowledged write is there after the restart, and nothing that
// nobody sent.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <random>

#include "e2e/fixture.h"

namespace flashdb::e2e {
namespace {

using std::chrono::milliseconds;
using Words = std::vector<std::string>;

// Something that is written by one client only, in order. Its state after a crash must be one that
// it had from the last acknowledged write on. States are texts; none is a missing key.
struct Cell {
  enum class Kind { kString, kCounter, kField, kLog, kGroup };

  Kind kind;
  Words keys;  // kField: key and field; kGroup: keys on several shards that are always equal
  std::deque<std::string> states = {""};  // acknowledged one first, then those under way

  void Sent(std::string state) { states.push_back(std::move(state)); }
  void Acknowledged() { states.pop_front(); }

  Words Read() const {
    if (kind == Kind::kField) return {"HMGET", keys[0], keys[1]};
    Words words = {"MGET"};
    words.insert(words.end(), keys.begin(), keys.end());
    return words;
  }

  // Checks what Read() gave after a restart, and goes on from there.
  void Recovered(const Reply& reply) {
    ASSERT_EQ(reply.elements.size(), kind == Kind::kField ? 1 : keys.size()) << ToString(reply);
    for (const Reply& element : reply.elements) {
      EXPECT_EQ(element, reply.elements[0]) << "half of a transaction: " << ToString(reply);
    }
    const std::string found = reply.elements[0].str;
    EXPECT_NE(std::find(states.begin(), states.end(), found), states.end())
        << keys[0] << " is '" << found << "'; acknowledged was '" << states.front() << "', and "
        << states.size() - 1 << " later writes were under way";
    states = {found};
  }
};

// A client that writes to cells of its own, in pipelines.
class Writer {
 public:
  Writer(int id, uint64_t seed) : id_(id), random_(seed) {
    for (int i = 0; i < 6; ++i) {
      cells_.push_back({Cell::Kind::kString, {Name("s", i)}});
      cells_.push_back({Cell::Kind::kCounter, {Name("n", i)}});
      cells_.push_back({Cell::Kind::kField, {Name("h", i), "field"}});
      cells_.push_back({Cell::Kind::kLog, {Name("l", i)}});
    }
    for (int i = 0; i < 3; ++i) {
      cells_.push_back(
          {Cell::Kind::kGroup, {Name("x", i), Name("y", i), Name("z", i), Name("w", i)}});
    }
  }

  // Writes until the connection is lost or `stop` is set.
  void Run(uint16_t port, const std::atomic<bool>& stop) {
    Client client(port);
    while (!stop && client.connected()) {
      std::vector<Words> batch;
      std::vector<Cell*> touched;
      std::vector<bool> acknowledges;
      for (uint64_t i = 0, size = 1 + random_() % 32; i < size; ++i) {
        Cell& cell = cells_[random_() % cells_.size()];
        for (Words& words : Write(cell)) {
          batch.push_back(std::move(words));
          touched.push_back(&cell);
          acknowledges.push_back(false);
        }
        acknowledges.back() = true;
      }
      const std::vector<Reply> replies = client.Pipeline(batch);
      for (size_t i = 0; i < replies.size() && !replies[i].lost(); ++i) {
        EXPECT_FALSE(replies[i].is_error()) << ToString(replies[i]);
        if (acknowledges[i]) touched[i]->Acknowledged();
        acknowledged_ += acknowledges[i];
      }
    }
  }

  void Check(Client& client) {
    std::vector<Words> reads;
    for (const Cell& cell : cells_) reads.push_back(cell.Read());
    const std::vector<Reply> replies = client.Pipeline(reads);
    for (size_t i = 0; i < cells_.size(); ++i) cells_[i].Recovered(replies[i]);
  }

  uint64_t acknowledged() const { return acknowledged_; }

 private:
  std::string Name(std::string_view kind, int i) const {
    return fmt::format("{}:{}:{}", kind, id_, i);
  }

  // The commands of one write; the last one's reply acknowledges it.
  std::vector<Words> Write(Cell& cell) {
    const std::string& last = cell.states.back();
    const std::string fresh = fmt::format("{}-{}", id_, ++counter_);
    const bool remove = random_() % 8 == 0 && cell.kind != Cell::Kind::kGroup;
    if (remove) {
      cell.Sent("");
      if (cell.kind == Cell::Kind::kField) return {{"HDEL", cell.keys[0], cell.keys[1]}};
      return {{"DEL", cell.keys[0]}};
    }
    switch (cell.kind) {
      case Cell::Kind::kString:
        cell.Sent(fresh);
        return {{"SET", cell.keys[0], fresh}};
      case Cell::Kind::kCounter:
        cell.Sent(std::to_string(atoll(last.c_str()) + 1));
        return {{"INCR", cell.keys[0]}};
      case Cell::Kind::kField:
        cell.Sent(fresh);
        return {{"HSET", cell.keys[0], cell.keys[1], fresh}};
      case Cell::Kind::kLog:
        cell.Sent(last + fresh + ";");
        return {{"APPEND", cell.keys[0], fresh + ";"}};
      case Cell::Kind::kGroup:
        break;
    }
    return WriteGroup(cell, fresh);
  }

  std::vector<Words> WriteGroup(Cell& cell, const std::string& fresh) {
    cell.Sent(fresh);
    Words mset = {"MSET"};
    std::vector<Words> multi = {{"MULTI"}};
    for (const std::string& key : cell.keys) {
      mset.insert(mset.end(), {key, fresh});
      multi.push_back({"SET", key, fresh});
    }
    multi.push_back({"EXEC"});
    return random_() % 2 == 0 ? std::vector<Words>{mset} : multi;
  }

  const int id_;
  std::mt19937_64 random_;
  uint64_t counter_ = 0;
  uint64_t acknowledged_ = 0;
  std::vector<Cell> cells_;
};

class DurabilityTest : public ::testing::Test {
 protected:
  static constexpr int kWriters = 6;

  DurabilityTest() : server_(SmallServer(2)) {
    for (int id = 0; id < kWriters; ++id) {
      writers_.push_back(std::make_unique<Writer>(id, static_cast<uint64_t>(id) + 7));
    }
  }

  void Start() {
    const Status started = server_.Start();
    ASSERT_TRUE(started.ok()) << started;
    Client client(server_.port(), milliseconds(30000));
    for (auto& writer : writers_) writer->Check(client);
  }

  // Load for a random time, then `end`, then a restart and the check.
  template <typename F>
  void Round(F end) {
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (auto& writer : writers_) {
      threads.emplace_back([&, this] { writer->Run(server_.port(), stop); });
    }
    std::this_thread::sleep_for(milliseconds(20 + random_() % 400));
    end();
    stop = true;
    for (std::thread& thread : threads) thread.join();
    Start();
  }

  void KillRounds(int rounds) {
    ASSERT_NO_FATAL_FAILURE(Start());
    for (int round = 0; round < rounds && !HasFailure(); ++round) {
      SCOPED_TRACE(fmt::format("round {}", round));
      ASSERT_NO_FATAL_FAILURE(Round([this] { server_.Kill9(); }));
    }
    uint64_t acknowledged = 0;
    for (auto& writer : writers_) acknowledged += writer->acknowledged();
    EXPECT_GT(acknowledged, 100u) << "too little load to prove anything";
  }

  ServerProcess server_;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::mt19937_64 random_{1};
};

TEST_F(DurabilityTest, TwoShardsLoseNothingAcknowledged) { KillRounds(Rounds(12)); }

TEST_F(DurabilityTest, ThreeShardsLoseNothingAcknowledged) {
  server_.options().shards = 3;
  KillRounds(Rounds(12));
}

TEST_F(DurabilityTest, BufferedLogLosesNothingAcknowledged) {
  server_.options().args.insert(server_.options().args.end(), {"--log-write", "buffered"});
  KillRounds(Rounds(6));
}

// What the kernel has been given survives the end of the process.
TEST_F(DurabilityTest, SyncPeriodicSurvivesTheProcess) {
  server_.options().sync = "periodic";
  KillRounds(Rounds(6));
}

TEST_F(DurabilityTest, SyncNeverSurvivesTheProcess) {
  server_.options().sync = "never";
  KillRounds(Rounds(6));
}

TEST_F(DurabilityTest, AnotherNumberOfShardsKeepsEverything) {
  ASSERT_NO_FATAL_FAILURE(Start());
  for (uint32_t shards : {3u, 1u, 4u, 2u}) {
    SCOPED_TRACE(fmt::format("to {} shards", shards));
    ASSERT_NO_FATAL_FAILURE(Round([this, shards] {
      server_.Kill9();
      server_.options().shards = shards;
    }));
  }
}

TEST_F(DurabilityTest, AnOrderlyEndKeepsEverythingAndExitsWithZero) {
  for (const char* sync : {"always", "periodic", "never"}) {
    SCOPED_TRACE(sync);
    server_.Kill9();
    server_.options().sync = sync;
    ASSERT_NO_FATAL_FAILURE(Start());
    ASSERT_NO_FATAL_FAILURE(Round([this] {
      StatusOr<int> code = server_.Terminate();
      ASSERT_TRUE(code.ok()) << code.status();
      EXPECT_EQ(*code, 0) << server_.stderr_text();
    }));
  }
}

TEST_F(DurabilityTest, ARestartWithoutWritesChangesNothing) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_NO_FATAL_FAILURE(Round([this] { server_.Kill9(); }));
  for (int i = 0; i < 5; ++i) {
    server_.Kill9();
    ASSERT_NO_FATAL_FAILURE(Start());
  }
}

}  // namespace
}  // namespace flashdb::e2e
