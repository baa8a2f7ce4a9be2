// Topics while the server is killed with SIGKILL over and over: what producers, transactions and a
// group's worker were told holds afterwards, and what they repeat counts once.
#include <gmock/gmock.h>

#include <atomic>
#include <map>

#include "e2e/fixture.h"

namespace flashdb::e2e {
namespace {

using Command = std::vector<std::string>;

// The values that one TOPIC READ found.
std::vector<std::string> ValuesOf(const Reply& read) {
  std::vector<std::string> values;
  for (const Reply& part : read.elements) {
    for (const Reply& record : At(part, "records").elements) {
      values.push_back(record.elements.at(3).str);
    }
  }
  return values;
}

class TopicsKillTest : public ServerTest {
 protected:
  // Files are written and rolled while the server is killed.
  TopicsKillTest()
      : ServerTest(
            SmallServer(2, {"--topic-flush-interval-ms", "5", "--topic-segment-bytes", "65536"})) {}

  // In each round `work(Client&)` runs until its connection is lost or it returns; the last round
  // ends without a kill, when `stop_` is set. `check` looks after each.
  template <typename Work, typename Check>
  void KillRounds(int rounds, Work work, Check check) {
    for (int round = 0; round < rounds && !HasFailure(); ++round) {
      SCOPED_TRACE(round);
      const bool last = round + 1 == rounds;
      stop_ = false;
      std::thread worker([&] {
        Client own = Connect();
        work(own);
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(60 + 37 * (round % 7)));
      stop_ = last;
      if (!last) server.Kill9();
      worker.join();
      if (!last) Start();
      check();
    }
  }

  std::vector<std::string> All(const std::string& topic) {
    std::vector<std::string> values;
    for (;;) {
      const Reply read = client->Command(Command{"TOPIC", "READ", topic, "OFFSET",
                                                 std::to_string(values.size()), "COUNT", "5000"});
      std::vector<std::string> more = ValuesOf(read);
      if (more.empty()) return values;
      values.insert(values.end(), more.begin(), more.end());
    }
  }

  std::atomic<bool> stop_ = false;
};

TEST_F(TopicsKillTest, KeyAndRecordAreBothThereOrNeither) {
  auto work = [this](Client& own) {
    while (!stop_ && own.connected()) {
      own.Pipeline({{"MULTI"},
                    {"INCR", "{a}count"},
                    {"TOPIC", "APPEND", "log", "VALUE", "x"},
                    {"INCR", "{b}count"},
                    {"EXEC"}});
    }
  };
  auto check = [this] {
    const Reply a = client->Command({"GET", "{a}count"});
    EXPECT_EQ(a, client->Command({"GET", "{b}count"}));
    EXPECT_EQ(a.str, std::to_string(All("log").size()));
  };
  KillRounds(Rounds(6), work, check);
}

// A producer that never gave up: it repeats each batch, with its sequence, until it is told where
// it went.
struct Producer {
  std::string id;
  std::string topic;
  uint64_t sequence = 1;                                // of the next batch
  std::vector<std::pair<int64_t, std::string>> sent{};  // offset and value
};

TEST_F(TopicsKillTest, BatchesThatAreRepeatedUntilTheyAreAnsweredAreThereOnceAndInOrder) {
  constexpr int kBatch = 3;
  std::vector<Producer> producers = {{"p", "t"}, {"q", "t"}, {"p", "u"}};
  auto command = [](const Producer& producer) {
    Command batch = {"TOPIC",    "APPEND",    producer.topic,
                     "PRODUCER", producer.id, std::to_string(producer.sequence)};
    for (int i = 0; i < kBatch; ++i) {
      batch.push_back("VALUE");
      batch.push_back(fmt::format("{}:{}:{}", producer.id, producer.sequence, i));
    }
    return batch;
  };
  auto work = [&](Client& own) {
    while (!stop_ && own.connected()) {
      for (Producer& producer : producers) {
        const Command batch = command(producer);
        const Reply reply = own.Command(batch);
        if (reply.lost()) return;
        ASSERT_EQ(reply.elements.size(), 1u) << ToString(reply);
        const int64_t first = reply.elements[0].elements.at(1).integer;
        ASSERT_EQ(reply.elements[0].elements.at(2).integer, first + kBatch - 1);
        for (int i = 0; i < kBatch; ++i) {
          producer.sent.emplace_back(first + i, batch[static_cast<size_t>(7 + 2 * i)]);
        }
        ++producer.sequence;
      }
    }
  };
  auto check = [&] {
    std::map<std::string, std::vector<std::string>> there = {{"t", All("t")}, {"u", All("u")}};
    std::map<std::string, size_t> acknowledged;
    for (const Producer& producer : producers) {
      const std::vector<std::string>& values = there[producer.topic];
      for (const auto& [offset, value] : producer.sent) {
        ASSERT_LT(static_cast<size_t>(offset), values.size());
        ASSERT_EQ(values[static_cast<size_t>(offset)], value);
      }
      acknowledged[producer.topic] += producer.sent.size();
    }
    // Beyond what was answered there may be the batch under way, which is repeated: one at most.
    EXPECT_LE(there["t"].size() + there["u"].size(),
              acknowledged["t"] + acknowledged["u"] + kBatch);
  };
  KillRounds(Rounds(6), work, check);
  EXPECT_EQ(All("t").size(), producers[0].sent.size() + producers[1].sent.size());
  EXPECT_EQ(All("u").size(), producers[2].sent.size());
  EXPECT_GT(producers[0].sequence, 10u) << "too little load to prove anything";
}

// Reads from the group's offset, and in one MULTI counts, writes what it made of the records and
// commits how far it is.
TEST_F(TopicsKillTest, AWorkerThatCommitsWithItsResultsHandlesEachRecordOnce) {
  int64_t appended = 0;
  auto feed = [&](Client& own) {
    Command batch = {"TOPIC", "APPEND", "in"};
    for (int i = 0; i < 5; ++i) {
      batch.push_back("VALUE");
      batch.push_back(std::to_string(appended + i));
    }
    // Repeated batches count once; so the values are those of the offsets.
    batch.insert(batch.begin() + 3, {"PRODUCER", "feeder", std::to_string(appended / 5 + 1)});
    if (!own.Command(batch).lost()) appended += 5;
  };
  auto work = [&](Client& own) {
    while (!stop_ && own.connected()) {
      feed(own);
      const Reply read = own.Command({"TOPIC", "READ", "in", "GROUP", "g", "COUNT", "7"});
      const std::vector<std::string> values = ValuesOf(read);
      if (read.lost() || values.empty()) continue;
      std::vector<Command> step = {{"MULTI"}};
      for (const std::string& value : values) {
        step.push_back({"TOPIC", "APPEND", "out", "VALUE", value});
      }
      step.push_back({"INCRBY", "handled", std::to_string(values.size())});
      step.push_back({"TOPIC", "COMMIT", "g", "in", "0",
                      std::to_string(At(read.elements[0], "next_offset").integer)});
      step.push_back({"EXEC"});
      own.Pipeline(step);
    }
  };
  int64_t committed_before = 0;
  auto check = [&] {
    const std::vector<std::string> out = All("out");
    for (size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], std::to_string(i));
    const Reply handled = client->Command({"GET", "handled"});
    EXPECT_EQ(handled.is_null() ? "0" : handled.str, std::to_string(out.size()));
    const Reply offsets = client->Command({"TOPIC", "OFFSETS", "g"});
    if (out.empty()) return;
    ASSERT_EQ(offsets.elements.size(), 1u) << ToString(offsets);
    const int64_t committed = At(offsets.elements[0], "offset").integer;
    EXPECT_EQ(committed, static_cast<int64_t>(out.size()));
    EXPECT_GE(committed, committed_before);
    committed_before = committed;
  };
  client->Command({"TOPIC", "GROUP", "CREATE", "g"});
  client->Command({"TOPIC", "CREATE", "in"});
  KillRounds(Rounds(6), work, check);
  EXPECT_GT(committed_before, 50) << "too little load to prove anything";
}

}  // namespace
}  // namespace flashdb::e2e
