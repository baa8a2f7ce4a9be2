// Everything that concurrent clients see, through kill -9 and restart, is strictly serializable;
// and servers that are broken on purpose are found out.
#include <gtest/gtest.h>

#include <algorithm>

#include "e2e/fixture.h"
#include "e2e/history_checker.h"
#include "e2e/history_workload.h"

namespace flashdb::e2e {
namespace {

using std::chrono::milliseconds;

constexpr uint32_t kClients = 10;
constexpr uint32_t kReader = kClients;  // after each restart
constexpr int kRoundsPerHistory = 5;

// A write for each record: the log falls behind the bursts of its clients, so that a kill finds
// records that are not written yet.
std::vector<std::string> SlowLog() { return {"--commit-records", "1"}; }

// A server, its clients and the history of them since Begin().
class Trial {
 public:
  /// An empty `binary` is that of this build.
  Trial(std::string binary, uint64_t seed, std::vector<std::string> args)
      : server_(Options(std::move(binary), std::move(args))), random_(seed) {
    for (uint32_t id = 0; id <= kReader; ++id) {
      clients_.push_back(std::make_unique<HistoryClient>(id, random_(), keys_));
    }
  }

  /// Starts a history of other keys, on a server with so many shards and the data of the last.
  void Begin(uint32_t shards) {
    server_.Kill9();
    server_.options().shards = shards;
    keys_.Begin(shards);
    crashes_.clear();
    for (auto& client : clients_) client->operations().clear();
    Start();
  }

  /// Load for a random time, kill -9, restart, and a look at everything.
  void Round(bool last) {
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (uint32_t id = 0; id < kClients; ++id) {
      threads.emplace_back([&, id] { clients_[id]->Run(server_.port(), stop); });
    }
    std::this_thread::sleep_for(milliseconds(20 + random_() % 600));
    server_.Kill9();
    stop = true;
    for (std::thread& thread : threads) thread.join();
    const int64_t crash = HistoryNow();
    crashes_.push_back(crash);
    for (auto& client : clients_) client->NoteCrash(crash);
    Start();
    clients_[kReader]->Read(server_.port(), keys_.InUse(last));
  }

  std::optional<Violation> Check() {
    History history{.keys = keys_.names(), .operations = {}, .crashes = crashes_};
    for (auto& client : clients_) {
      EXPECT_EQ(client->error(), "");
      history.operations.insert(history.operations.end(), client->operations().begin(),
                                client->operations().end());
    }
    std::stable_sort(history.operations.begin(), history.operations.end(),
                     [](const Operation& a, const Operation& b) { return a.began < b.began; });
    const int64_t began = HistoryNow();
    std::optional<Violation> violation = FindViolation(history);
    checked_ += history.operations.size();
    checking_ += HistoryNow() - began;
    return violation;
  }

  // For the test's output: how much was proved.
  void Report(int rounds) const {
    fmt::print("{} operations in {} rounds; checked in {:.2f} s\n", checked_, rounds,
               static_cast<double>(checking_) / 1e9);
    ::testing::Test::RecordProperty("operations", static_cast<int>(checked_));
    ::testing::Test::RecordProperty("rounds", rounds);
  }
  size_t checked() const { return checked_; }

 private:
  static ServerProcess::Options Options(std::string binary, std::vector<std::string> args) {
    ServerProcess::Options options = SmallServer(2, std::move(args));
    options.binary = std::move(binary);
    return options;
  }

  void Start() {
    const Status started = server_.Start();
    ASSERT_TRUE(started.ok()) << started;
  }

  ServerProcess server_;
  std::mt19937_64 random_;
  HistoryKeys keys_;
  std::vector<std::unique_ptr<HistoryClient>> clients_;
  std::vector<int64_t> crashes_;
  size_t checked_ = 0;
  int64_t checking_ = 0;
};

uint64_t Seed() {
  const char* seed = getenv("FLASHDB_SEED");
  return seed == nullptr ? std::random_device{}() : strtoull(seed, nullptr, 10);
}

void ExpectSerializable(int rounds, std::vector<std::string> args) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(fmt::format("FLASHDB_SEED={}", seed));
  Trial trial("", seed, std::move(args));
  for (int round = 0; round < rounds && !::testing::Test::HasFailure(); ++round) {
    const int number = round % kRoundsPerHistory;
    const bool last = number + 1 == kRoundsPerHistory || round + 1 == rounds;
    if (number == 0) trial.Begin(2 + static_cast<uint32_t>(round / kRoundsPerHistory) % 3);
    trial.Round(last);
    if (::testing::Test::HasFatalFailure() || !last) continue;
    const auto violation = trial.Check();
    EXPECT_FALSE(violation.has_value()) << violation->text;
  }
  trial.Report(rounds);
  EXPECT_GT(trial.checked(), static_cast<size_t>(rounds) * 20) << "too little to prove anything";
}

TEST(HistoryTest, IsStrictlySerializableThroughKills) { ExpectSerializable(Rounds(15), {}); }

TEST(HistoryTest, IsStrictlySerializableThroughKillsWhenTheLogIsSlow) {
  ExpectSerializable(Rounds(5), SlowLog());
}

// How many rounds it takes to find a violation; fails if `limit` are not enough.
void ExpectCaught(const char* binary, uint32_t shards, int limit,
                  std::vector<std::string> args = {}) {
  Trial trial(binary, Seed(), std::move(args));
  for (int round = 1; round <= limit && !::testing::Test::HasFailure(); ++round) {
    if (round % kRoundsPerHistory == 1) trial.Begin(shards);
    trial.Round(/*last=*/true);
    if (::testing::Test::HasFatalFailure()) return;
    const auto violation = trial.Check();
    if (!violation.has_value()) continue;
    trial.Report(round);
    fmt::print("caught in round {}:\n{}", round, violation->text);
    ::testing::Test::RecordProperty("caught_in_round", round);
    return;
  }
  FAIL() << "no violation found in " << limit << " rounds: the check would not notice one";
}

TEST(HistoryTest, TheCheckerCatchesAServerThatReleasesEarly) {
  ExpectCaught(BROKEN_EARLY_RELEASE, 3, 40, SlowLog());
}

TEST(HistoryTest, TheCheckerCatchesAServerThatSkipsTheTransactionOrder) {
  ExpectCaught(BROKEN_TRANSACTION_ORDER, 3, 10);
}

TEST(HistoryTest, TheCheckerCatchesAServerThatDoesNotHoldABatchTogether) {
  ExpectCaught(BROKEN_BATCH_HOLDS, 2, 60);
}

}  // namespace
}  // namespace flashdb::e2e
