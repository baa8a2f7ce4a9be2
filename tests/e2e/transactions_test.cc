// Transactions over shards: the money proof, atomic commands of several keys, order, WATCH.
#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <numeric>
#include <random>

#include "e2e/fixture.h"

namespace flashdb::e2e {
namespace {

using std::chrono::milliseconds;

constexpr uint32_t kShards = 3;

// Runs functions in threads of their own until it is destroyed or Stop() is called.
class Crowd {
 public:
  ~Crowd() { Stop(); }
  /// `step` is repeated until it returns false.
  void Add(std::function<bool()> step) {
    threads_.emplace_back([this, step = std::move(step)] {
      while (!stop_ && step()) {
      }
    });
  }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

// Accounts on all shards whose sum never changes. Common accounts are used by all clients; each
// client that moves money by MSET has a pair of its own.
class Bank {
 public:
  static constexpr int kCommon = 12;
  static constexpr int kPairs = 4;
  static constexpr int64_t kEach = 1000;

  Bank() {
    for (int i = 0; i < kCommon; ++i) {
      keys_.push_back(KeyOn(static_cast<uint32_t>(i) % kShards, kShards, fmt::format("a{}:", i)));
    }
    for (int i = 0; i < kPairs; ++i) {
      keys_.push_back(KeyOn(static_cast<uint32_t>(i) % kShards, kShards, fmt::format("p{}:", i)));
      keys_.push_back(
          KeyOn(static_cast<uint32_t>(i + 1) % kShards, kShards, fmt::format("q{}:", i)));
    }
  }

  void Open(Client& client) const {
    std::vector<std::string> mset = {"MSET"};
    for (const std::string& key : keys_) mset.insert(mset.end(), {key, std::to_string(kEach)});
    ASSERT_TRUE(client.Command(mset).ok());
  }
  int64_t Total() const { return static_cast<int64_t>(keys_.size()) * kEach; }
  const std::vector<std::string>& keys() const { return keys_; }
  const std::string& common(uint64_t i) const { return keys_[i % kCommon]; }
  const std::string& pair(int i, int which) const {
    return keys_[static_cast<size_t>(kCommon + 2 * i + which)];
  }

 private:
  std::vector<std::string> keys_;
};

int64_t Sum(const std::vector<Reply>& balances) {
  return std::accumulate(
      balances.begin(), balances.end(), int64_t{0},
      [](int64_t sum, const Reply& balance) { return sum + atoll(balance.str.c_str()); });
}

// One client of the bank; every method returns false when the connection is lost.
class Teller {
 public:
  Teller(uint16_t port, const Bank& bank, uint64_t seed)
      : client_(port), bank_(bank), random_(seed) {}

  bool MoveByExec() {
    Pick();
    const std::vector<Reply> replies = client_.Pipeline(
        {{"MULTI"}, {"DECRBY", *from_, amount_}, {"INCRBY", *to_, amount_}, {"EXEC"}});
    if (replies[3].lost()) return false;
    EXPECT_EQ(replies[3].elements.size(), 2u) << ToString(replies[3]);
    return true;
  }

  bool MoveByWatch() {
    Pick();
    const std::vector<Reply> seen =
        client_.Pipeline({{"WATCH", *from_, *to_}, {"MGET", *from_, *to_}});
    if (seen[1].elements.size() != 2) return LostOnly(seen[1]);
    const int64_t amount = atoll(amount_.c_str());
    const int64_t from = atoll(seen[1].elements[0].str.c_str()) - amount;
    const int64_t to = atoll(seen[1].elements[1].str.c_str()) + amount;
    const std::vector<Reply> replies = client_.Pipeline({{"MULTI"},
                                                         {"SET", *from_, std::to_string(from)},
                                                         {"SET", *to_, std::to_string(to)},
                                                         {"EXEC"}});
    if (replies[3].is_null()) return true;  // somebody was faster
    return replies[3].elements.size() == 2 || LostOnly(replies[3]);
  }

  bool MoveByMset(int pair) {
    const auto shift = static_cast<int64_t>(random_() % Bank::kEach);
    const Reply reply =
        client_.Command({"MSET", bank_.pair(pair, 0), std::to_string(Bank::kEach - shift),
                         bank_.pair(pair, 1), std::to_string(Bank::kEach + shift)});
    return reply.ok() || LostOnly(reply);
  }

  bool CheckByMget() {
    std::vector<std::string> mget = {"MGET"};
    mget.insert(mget.end(), bank_.keys().begin(), bank_.keys().end());
    return CheckTotal(client_.Command(mget));
  }

  bool CheckByExec() {
    std::vector<std::vector<std::string>> commands = {{"MULTI"}};
    for (const std::string& key : bank_.keys()) commands.push_back({"GET", key});
    commands.push_back({"EXEC"});
    return CheckTotal(client_.Pipeline(commands).back());
  }

 private:
  void Pick() {
    const uint64_t first = random_() % Bank::kCommon;
    from_ = &bank_.common(first);
    to_ = &bank_.common(first + 1 + random_() % (Bank::kCommon - 1));
    amount_ = std::to_string(random_() % 100);
  }

  bool CheckTotal(const Reply& balances) {
    if (balances.lost()) return false;
    EXPECT_EQ(Sum(balances.elements), bank_.Total()) << ToString(balances);
    return !::testing::Test::HasFailure();
  }

  // A lost connection is expected when the server is killed; any other reply is a failure.
  static bool LostOnly(const Reply& reply) {
    EXPECT_TRUE(reply.lost()) << ToString(reply);
    return false;
  }

  Client client_;
  const Bank& bank_;
  std::mt19937_64 random_;
  const std::string* from_ = nullptr;
  const std::string* to_ = nullptr;
  std::string amount_;
};

class TransactionsTest : public ServerTest {
 protected:
  TransactionsTest() : ServerTest(SmallServer(kShards)) {}

  void AddTeller(Crowd& crowd, bool (Teller::*step)()) {
    auto teller = std::make_shared<Teller>(server.port(), bank_, ++seed_);
    crowd.Add([teller, step] { return ((*teller).*step)(); });
  }

  void AddAll(Crowd& crowd) {
    for (int i = 0; i < 3; ++i) {
      AddTeller(crowd, &Teller::MoveByExec);
      AddTeller(crowd, &Teller::MoveByWatch);
    }
    for (int pair = 0; pair < Bank::kPairs; ++pair) {
      auto teller = std::make_shared<Teller>(server.port(), bank_, ++seed_);
      crowd.Add([teller, pair] { return teller->MoveByMset(pair); });
    }
    for (int i = 0; i < 2; ++i) {
      AddTeller(crowd, &Teller::CheckByMget);
      AddTeller(crowd, &Teller::CheckByExec);
    }
  }

  const Bank bank_;
  uint64_t seed_ = 0;
};

TEST_F(TransactionsTest, TheTotalIsRightInEveryRead) {
  bank_.Open(*client);
  Crowd crowd;
  AddAll(crowd);
  std::this_thread::sleep_for(std::chrono::seconds(4));
  crowd.Stop();
  EXPECT_TRUE(Teller(server.port(), bank_, 0).CheckByMget());
}

TEST_F(TransactionsTest, TheTotalIsRightAfterEveryKill) {
  bank_.Open(*client);
  std::mt19937_64 random(42);
  for (int round = 0; round < Rounds(15) && !HasFailure(); ++round) {
    Crowd crowd;
    AddAll(crowd);
    std::this_thread::sleep_for(milliseconds(50 + random() % 500));
    server.Kill9();
    crowd.Stop();
    Start();
    EXPECT_TRUE(Teller(server.port(), bank_, 0).CheckByMget()) << "round " << round;
    EXPECT_TRUE(Teller(server.port(), bank_, 0).CheckByExec()) << "round " << round;
  }
}

// ---- Commands of several keys ------------------------------------------------------------------

class AtomicTest : public ServerTest {
 protected:
  AtomicTest() : ServerTest(SmallServer(kShards)) {}

  // Repeats `write` in one client while two others repeat `read`; each gets a client of its own.
  void Race(const std::function<void(Client&)>& write, const std::function<void(Client&)>& read) {
    Crowd crowd;
    auto add = [&](const std::function<void(Client&)>& step) {
      auto own = std::make_shared<Client>(server.port());
      crowd.Add([own, step] {
        step(*own);
        return !HasFailure();
      });
    };
    add(write);
    add(read);
    add(read);
    std::this_thread::sleep_for(milliseconds(700));
  }

  const std::string a = KeyOn(0, kShards, "a");
  const std::string b = KeyOn(1, kShards, "b");
  const std::string c = KeyOn(2, kShards, "c");
};

TEST_F(AtomicTest, ARenamedKeyIsAlwaysInOnePlace) {
  ASSERT_TRUE(client->Command({"SET", a, "token"}).ok());
  Race(
      [this](Client& own) {
        EXPECT_TRUE(own.Command({"RENAME", a, b}).ok());
        EXPECT_TRUE(own.Command({"RENAME", b, a}).ok());
      },
      [this](Client& own) {
        EXPECT_EQ(own.Command({"EXISTS", a, b}), Reply::Integer(1));
        const Reply both = own.Command({"MGET", a, b});
        EXPECT_NE(both.elements[0].is_null(), both.elements[1].is_null());
      });
}

TEST_F(AtomicTest, ACopyIsNeverOlderThanItsOriginalInOneTransaction) {
  auto number = std::make_shared<std::atomic<int>>(0);
  ASSERT_TRUE(client->Command({"MSET", a, "0", b, "0"}).ok());
  Race(
      [this, number](Client& own) {
        own.Pipeline({{"MULTI"},
                      {"SET", a, std::to_string(++*number)},
                      {"COPY", a, b, "REPLACE"},
                      {"EXEC"}});
      },
      [this](Client& own) {
        const Reply both = own.Command({"MGET", a, b});
        EXPECT_EQ(both.elements[0], both.elements[1]);
      });
}

TEST_F(AtomicTest, MsetnxAndDelOfSeveralKeysAreAllOrNothing) {
  Race(
      [this](Client& own) {
        EXPECT_EQ(own.Command({"MSETNX", a, "1", b, "1", c, "1"}), Reply::Integer(1));
        EXPECT_EQ(own.Command({"DEL", c, b, a}), Reply::Integer(3));
      },
      [this](Client& own) {
        const int64_t exist = own.Command({"EXISTS", a, b, c}).integer;
        EXPECT_TRUE(exist == 0 || exist == 3) << exist;
      });
}

TEST_F(AtomicTest, OnlyOneOfTwoOverlappingMsetnxWins) {
  for (int i = 0; i < 200; ++i) {
    Client other = Connect();
    ASSERT_TRUE(client->Append({"MSETNX", a, "1", b, "1"}).ok());
    ASSERT_TRUE(other.Append({"MSETNX", b, "2", c, "2"}).ok());
    EXPECT_EQ(client->GetReply().integer + other.GetReply().integer, 1);
    EXPECT_EQ(client->Command({"DEL", a, b, c}), Reply::Integer(2));
  }
}

TEST_F(AtomicTest, FlushAllIsOneStep) {
  Race(
      [this](Client& own) {
        EXPECT_TRUE(own.Command({"MSET", a, "1", b, "1", c, "1"}).ok());
        EXPECT_TRUE(own.Command({"FLUSHALL"}).ok());
      },
      [this](Client& own) {
        const int64_t exist = own.Command({"EXISTS", a, b, c}).integer;
        EXPECT_TRUE(exist == 0 || exist == 3) << exist;
      });
}

TEST_F(AtomicTest, APipelinesCommandsTakeEffectInItsOrder) {
  auto number = std::make_shared<std::atomic<int>>(0);
  ASSERT_TRUE(client->Command({"MSET", a, "0", b, "0"}).ok());
  Race(
      [this, number](Client& own) {
        std::vector<std::vector<std::string>> batch;
        for (int i = 0; i < 20; ++i) {
          const std::string value = std::to_string(++*number);
          batch.push_back({"SET", a, value});
          batch.push_back({"SET", b, value});
        }
        own.Pipeline(batch);
      },
      [this](Client& own) {
        const std::vector<Reply> seen = own.Pipeline({{"GET", b}, {"GET", a}});
        EXPECT_GE(atoi(seen[1].str.c_str()), atoi(seen[0].str.c_str()));
      });
}

// ---- MULTI and WATCH ---------------------------------------------------------------------------

class WatchTest : public AtomicTest {
 protected:
  // Whether an EXEC of this client is executed after WATCH of `keys` and `meanwhile`.
  bool ExecutesAfter(std::vector<std::string> keys, const std::function<void(Client&)>& meanwhile) {
    keys.insert(keys.begin(), "WATCH");
    EXPECT_TRUE(client->Command(keys).ok());
    Client other = Connect();
    meanwhile(other);
    client->Command({"MULTI"});
    client->Command({"SET", a, "by exec"});
    client->Command({"SET", b, "by exec"});
    const Reply reply = client->Command({"EXEC"});
    EXPECT_TRUE(reply.is_null() || reply.elements.size() == 2) << ToString(reply);
    return !reply.is_null();
  }
};

TEST_F(WatchTest, AChangeOfAWatchedKeyAborts) {
  for (const std::string& watched : {a, b, c}) {
    EXPECT_FALSE(ExecutesAfter({watched}, [&](Client& other) {
      EXPECT_TRUE(other.Command({"SET", watched, "x"}).ok());
    }));
    EXPECT_FALSE(ExecutesAfter({a, b, c}, [&](Client& other) {
      EXPECT_TRUE(other.Command({"SET", watched, "x"}).ok());
    })) << "the same value is a change too";
    EXPECT_FALSE(ExecutesAfter({a, b, c}, [&](Client& other) {
      EXPECT_EQ(other.Command({"DEL", watched}), Reply::Integer(1));
    }));
    EXPECT_TRUE(ExecutesAfter({a, b, c}, [](Client&) {}));
    client->Command({"DEL", c});
  }
}

TEST_F(WatchTest, WhatChangesNothingDoesNotAbort) {
  EXPECT_TRUE(ExecutesAfter({"{t}1"}, [](Client& other) {
    EXPECT_TRUE(other.Command({"SET", "{t}2", "x"}).ok());
  })) << "another key of the same slot";
  client->Command({"SET", c, "1"});
  EXPECT_TRUE(ExecutesAfter({c}, [&](Client& other) {
    EXPECT_EQ(other.Command({"SETNX", c, "2"}), Reply::Integer(0));
    EXPECT_EQ(other.Command({"GET", c}), Reply::String("1"));
    EXPECT_TRUE(other.Command({"HSET", c, "f", "v"}).is_error());
    EXPECT_EQ(other.Command({"DEL", "unknown"}), Reply::Integer(0));
  }));
  EXPECT_TRUE(ExecutesAfter({c}, [&](Client& other) {
    other.Command({"SELECT", "5"});
    EXPECT_TRUE(other.Command({"SET", c, "elsewhere"}).ok());
    EXPECT_TRUE(other.Command({"FLUSHDB"}).ok());
  })) << "the same name in another database";
}

TEST_F(WatchTest, UnwatchDiscardAndExecEndTheWatch) {
  auto change = [&](Client& other) { other.Command({"SET", c, "x"}); };
  ASSERT_TRUE(client->Command({"WATCH", c}).ok());
  ASSERT_TRUE(client->Command({"UNWATCH"}).ok());
  EXPECT_TRUE(ExecutesAfter({a}, change));
  ASSERT_TRUE(client->Command({"WATCH", c}).ok());
  client->Command({"MULTI"});
  ASSERT_TRUE(client->Command({"DISCARD"}).ok());
  EXPECT_TRUE(ExecutesAfter({a}, change));
  EXPECT_TRUE(ExecutesAfter({c}, [](Client&) {}));
  EXPECT_TRUE(ExecutesAfter({a}, change)) << "c is not watched any more";
}

TEST_F(WatchTest, AnOwnChangeBetweenWatchAndMultiAborts) {
  EXPECT_FALSE(ExecutesAfter({a}, [this](Client&) { client->Command({"SET", a, "own"}); }));
}

TEST_F(WatchTest, AnExpiredKeyAborts) {
  for (const char* active : {"yes", "no"}) {
    ASSERT_TRUE(client->Command({"CONFIG", "SET", "active-expire", active}).ok());
    for (const std::string& watched : {a, c}) {
      // Long enough that it lives when WATCH arrives, on a slow disk too.
      client->Command({"SET", watched, "x", "PX", "700"});
      EXPECT_FALSE(
          ExecutesAfter({watched}, [](Client&) { std::this_thread::sleep_for(milliseconds(800)); }))
          << "active-expire " << active;
    }
  }
}

TEST_F(WatchTest, AKeyThatHadExpiredBeforeWatchDoesNotAbort) {
  ASSERT_TRUE(client->Command({"CONFIG", "SET", "active-expire", "no"}).ok());
  client->Command({"SET", c, "x", "PX", "10"});
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_TRUE(ExecutesAfter({c}, [&](Client& other) {
    EXPECT_TRUE(other.Command({"GET", c}).is_null());
  }));
}

TEST_F(WatchTest, FlushAbortsIfTheKeyWasThere) {
  client->Command({"SET", c, "x"});
  auto flush = [](Client& other) { EXPECT_TRUE(other.Command({"FLUSHALL"}).ok()); };
  EXPECT_FALSE(ExecutesAfter({c}, flush));
  EXPECT_TRUE(ExecutesAfter({c}, flush)) << "there was nothing to flush of it";
}

TEST_F(WatchTest, AnErrorWhileQueueingDiscardsAll) {
  client->Command({"MULTI"});
  EXPECT_EQ(client->Command({"SET", a, "1"}), Reply::Status("QUEUED"));
  EXPECT_TRUE(client->Command({"NOPE"}).is_error());
  EXPECT_EQ(client->Command({"EXEC"}),
            Reply::Error("EXECABORT Transaction discarded because of previous errors."));
  EXPECT_TRUE(client->Command({"GET", a}).is_null());
}

TEST_F(WatchTest, AnErrorWhileExecutingStopsNoOtherCommand) {
  client->Command({"MULTI"});
  client->Command({"SET", a, "text"});
  client->Command({"INCR", a});
  client->Command({"SET", b, "done"});
  const Reply reply = client->Command({"EXEC"});
  ASSERT_EQ(reply.elements.size(), 3u);
  EXPECT_TRUE(reply.elements[1].is_error());
  EXPECT_EQ(client->Command({"GET", b}), Reply::String("done"));
}

TEST_F(WatchTest, ARepliesOrderIsTheQueuesOrder) {
  const std::vector<Reply> replies = client->Pipeline({{"MULTI"},
                                                       {"SET", a, "1"},
                                                       {"MSET", b, "2", c, "3"},
                                                       {"MGET", c, b, a},
                                                       {"INCR", a},
                                                       {"RENAME", b, c},
                                                       {"MGET", a, b, c},
                                                       {"EXEC"}});
  EXPECT_EQ(ToString(replies.back()),
            "[OK, OK, [\"3\", \"2\", \"1\"], (integer) 2, OK, [\"2\", (nil), \"2\"]]");
}

}  // namespace
}  // namespace flashdb::e2e
