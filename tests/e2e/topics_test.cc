// Topics over RESP: what TOPIC commands promise, alone and inside MULTI, before and after kill -9.
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stop_token>
#include <thread>

#include "e2e/fixture.h"

namespace flashdb::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class TopicsTest : public ServerTest {
 protected:
  TopicsTest() : ServerTest(SmallServer(2)) {}

  Reply Run(std::initializer_list<std::string_view> argv) { return client->Command(argv); }

  // The first offset of what was appended, or -1.
  int64_t Append(std::string_view topic, std::string_view value) {
    return OffsetOf(Run({"TOPIC", "APPEND", topic, "VALUE", value}));
  }
  static int64_t OffsetOf(const Reply& reply) {
    if (reply.elements.size() != 1 || reply.elements[0].elements.size() != 3) return -1;
    return reply.elements[0].elements[1].integer;
  }

  // The values of a partition from `offset` on.
  std::vector<std::string> Values(std::string_view topic, std::string_view offset = "0",
                                  std::string_view partition = "0") {
    const Reply read = Run({"TOPIC", "READ", topic, "PARTITION", partition, "OFFSET", offset,
                            "COUNT", "10000", "BYTES", "67108864"});
    std::vector<std::string> values;
    if (read.elements.size() != 1) return {ToString(read)};
    for (const Reply& record : At(read.elements[0], "records").elements) {
      values.push_back(record.elements[3].str);
    }
    return values;
  }

  void KillAndStart() {
    server.Kill9();
    Start();
  }
};

TEST_F(TopicsTest, RecordsAreReadInTheOrderOfTheirOffsetsAndSurviveAKill) {
  for (int i = 0; i < 100; ++i) ASSERT_EQ(Append("orders", std::to_string(i)), i);
  auto check = [&] {
    const std::vector<std::string> values = Values("orders");
    ASSERT_EQ(values.size(), 100u);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(values[static_cast<size_t>(i)], std::to_string(i));
  };
  check();
  KillAndStart();
  check();
  EXPECT_EQ(Append("orders", "more"), 100);
}

TEST_F(TopicsTest, ARecordKeepsItsKeyHeadersAndBytes) {
  const std::string bytes("\0\r\n\xff", 4);
  ASSERT_EQ(OffsetOf(Run({"TOPIC", "APPEND", "t", "KEY", "k", "HEADER", "a", "1", "HEADER", "b",
                          bytes, "VALUE", bytes})),
            0);
  KillAndStart();
  const Reply read = Run({"TOPIC", "READ", "t"});
  ASSERT_EQ(read.elements.size(), 1u);
  const Reply& record = At(read.elements[0], "records").elements.at(0);
  EXPECT_EQ(record.elements[2].str, "k");
  EXPECT_EQ(record.elements[3].str, bytes);
  const Reply headers = Reply::Array(
      {Reply::String("a"), Reply::String("1"), Reply::String("b"), Reply::String(bytes)});
  EXPECT_EQ(record.elements[4], headers);
}

TEST_F(TopicsTest, ABatchIsAppendedInOnePiece) {
  const Reply batch = Run({"TOPIC", "APPEND", "t", "VALUE", "a", "VALUE", "b", "VALUE", "c"});
  ASSERT_EQ(batch.elements.size(), 1u) << ToString(batch);
  EXPECT_EQ(batch.elements[0].elements[1].integer, 0);
  EXPECT_EQ(batch.elements[0].elements[2].integer, 2);
  EXPECT_THAT(Values("t"), ::testing::ElementsAre("a", "b", "c"));
}

TEST_F(TopicsTest, OneKeyStaysInOnePartitionAndKeylessRecordsTakeTurns) {
  ASSERT_TRUE(Run({"TOPIC", "CREATE", "t", "PARTITIONS", "4"}).ok());
  std::set<int64_t> of_key;
  std::set<int64_t> of_none;
  for (int i = 0; i < 16; ++i) {
    const Reply keyed = Run({"TOPIC", "APPEND", "t", "KEY", "k", "VALUE", "v"});
    of_key.insert(keyed.elements.at(0).elements.at(0).integer);
    const Reply keyless = Run({"TOPIC", "APPEND", "t", "VALUE", "v"});
    of_none.insert(keyless.elements.at(0).elements.at(0).integer);
  }
  EXPECT_EQ(of_key.size(), 1u);
  EXPECT_EQ(of_none.size(), 4u);
}

TEST_F(TopicsTest, ABatchOverSeveralPartitionsIsThereOrNot) {
  ASSERT_TRUE(Run({"TOPIC", "CREATE", "t", "PARTITIONS", "4"}).ok());
  std::vector<std::string> batch = {"TOPIC", "APPEND", "t"};
  for (int i = 0; i < 40; ++i) {
    for (std::string word :
         {std::string("KEY"), std::to_string(i), std::string("VALUE"), std::string("v")}) {
      batch.push_back(word);
    }
  }
  const Reply appended = client->Command(batch);
  ASSERT_EQ(appended.elements.size(), 4u) << ToString(appended);
  KillAndStart();
  size_t records = 0;
  for (const char* partition : {"0", "1", "2", "3"}) records += Values("t", "0", partition).size();
  EXPECT_EQ(records, 40u);
}

TEST_F(TopicsTest, MultiChangesKeysAndAppendsInOneStep) {
  for (int i = 0; i < 20; ++i) {
    Run({"MULTI"});
    Run({"SET", "key" + std::to_string(i), "v"});
    Run({"TOPIC", "APPEND", "outbox", "VALUE", std::to_string(i)});
    Run({"TOPIC", "COMMIT", "g", "outbox", "0", std::to_string(i)});
    const Reply done = Run({"EXEC"});
    ASSERT_EQ(done.elements.size(), 3u) << ToString(done);
    EXPECT_TRUE(done.elements[0].ok());
    EXPECT_EQ(OffsetOf(done.elements[1]), i) << ToString(done);
    EXPECT_TRUE(done.elements[2].ok()) << ToString(done);
  }
  KillAndStart();
  EXPECT_EQ(Values("outbox").size(), 20u);
  EXPECT_EQ(Run({"GET", "key19"}).str, "v");
  EXPECT_EQ(Run({"TOPIC", "LAG", "g"}).elements.at(1).integer, 1);
}

TEST_F(TopicsTest, ARepeatedBatchOfAProducerIsNotAppendedAgainAlsoAfterARestart) {
  const std::vector<std::string> batch = {"TOPIC", "APPEND", "t",     "PRODUCER", "p",
                                          "7",     "VALUE",  "first", "VALUE",    "second"};
  const Reply once = client->Command(batch);
  EXPECT_EQ(client->Command(batch), once);
  KillAndStart();
  EXPECT_EQ(client->Command(batch), once);
  EXPECT_THAT(Values("t"), ::testing::ElementsAre("first", "second"));
  EXPECT_THAT(Run({"TOPIC", "APPEND", "t", "PRODUCER", "p", "6", "VALUE", "old"}).str,
              StartsWith("CONFLICT sequence 6"));
}

// On one shard and on both, before anything is executed.
TEST_F(TopicsTest, WhatATopicRefusesIsNotExecutedAtAll) {
  Append("t", "first");
  Run({"TOPIC", "CREATE", "many", "PARTITIONS", "16"});
  ASSERT_EQ(OffsetOf(Run({"TOPIC", "APPEND", "t", "PRODUCER", "p", "5", "VALUE", "v"})), 1);
  const std::string large((1 << 20) + 1, 'x');
  const std::vector<std::pair<std::vector<std::string>, std::string>> refused = {
      {{"TOPIC", "APPEND", "t", "PRODUCER", "p", "4", "VALUE", "v"}, "CONFLICT"},
      {{"TOPIC", "APPEND", "t", "PRODUCER", "p", "5", "VALUE", "v", "VALUE", "w"}, "CONFLICT"},
      {{"TOPIC", "APPEND", "t", "VALUE", large}, "ERR"},
      {{"TOPIC", "APPEND", "t", "NONSENSE", "v"}, "ERR"},
      {{"TOPIC", "APPEND", "t", "PARTITION", "1", "VALUE", "v"}, "ERR"},
      {{"TOPIC", "APPEND", "many", "KEY", "a", "VALUE", large, "KEY", "b", "VALUE", "v"}, "ERR"},
      {{"TOPIC", "COMMIT", "g", "t", "0", "4"}, "OUTOFRANGE"},
      {{"TOPIC", "COMMIT", "g", "t", "1", "0"}, "NOTFOUND"}};
  for (const auto& [command, code] : refused) {
    for (const uint32_t shard : {0u, 1u}) {
      client->Pipeline({{"MULTI"},
                        {"SET", KeyOn(shard, 2, "key"), "v"},
                        {"TOPIC", "APPEND", "t", "VALUE", "beside"},
                        {"TOPIC", "COMMIT", "g", "t", "0", "1"},
                        command});
      EXPECT_THAT(Run({"EXEC"}).str, StartsWith(code))
          << ::testing::PrintToString(command).substr(0, 99);
    }
  }
  EXPECT_EQ(Run({"DBSIZE"}), Reply::Integer(0));
  EXPECT_EQ(Values("t").size(), 2u);
  EXPECT_TRUE(Run({"TOPIC", "OFFSETS", "g"}).elements.empty());
}

// Keys go to other partitions then, whose slots the transaction may not have locked.
TEST_F(TopicsTest, ATopicMayGrowWhileTransactionsAppendToIt) {
  std::jthread grower([this](const std::stop_token& over) {
    Client own = Connect();
    while (!over.stop_requested()) {
      own.Command({"TOPIC", "DELETE", "t"});
      own.Command({"TOPIC", "CREATE", "t", "PARTITIONS", "2"});
      for (int n = 3; n < 60 && !over.stop_requested(); ++n) {
        own.Command({"TOPIC", "ALTER", "t", "PARTITIONS", std::to_string(n)});
      }
    }
  });
  std::vector<std::string> append = {"TOPIC", "APPEND", "t"};
  for (const char* key : {"a", "b", "c", "d", "e", "f"}) {
    append.insert(append.end(), {"KEY", key, "VALUE", "v"});
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  int executed = 0;
  while (std::chrono::steady_clock::now() < until) {
    client->Pipeline({{"MULTI"}, append, append});
    const Reply reply = Run({"EXEC"});
    ASSERT_TRUE(client->connected()) << server.stderr_text();
    if (!reply.is_error()) ++executed;
  }
  grower.request_stop();
  grower.join();
  EXPECT_GT(executed, 20);
  EXPECT_EQ(*server.Terminate(), 0) << server.stderr_text();
}

TEST_F(TopicsTest, ATransactionMayBuildOnItsOwnAppends) {
  Run({"TOPIC", "CREATE", "t"});
  for (const char* also : {"t", "elsewhere"}) {
    client->Pipeline({{"MULTI"},
                      {"TOPIC", "APPEND", "t", "PRODUCER", also, "1", "VALUE", "a"},
                      {"TOPIC", "APPEND", "t", "PRODUCER", also, "1", "VALUE", "a"},
                      {"TOPIC", "APPEND", "t", "PRODUCER", also, "2", "VALUE", "b"},
                      {"TOPIC", "APPEND", also, "VALUE", "c"},
                      {"TOPIC", "COMMIT", "g", "t", "0", "2"}});
    const Reply done = Run({"EXEC"});
    ASSERT_EQ(done.elements.size(), 5u) << ToString(done);
    EXPECT_EQ(OffsetOf(done.elements[0]), OffsetOf(done.elements[1]));
    EXPECT_TRUE(done.elements[4].ok()) << ToString(done);
  }
  EXPECT_THAT(Values("t"), ::testing::ElementsAre("a", "b", "c", "a", "b"));
  client->Pipeline({{"MULTI"},
                    {"TOPIC", "APPEND", "t", "PRODUCER", "q", "2", "VALUE", "v"},
                    {"TOPIC", "APPEND", "t", "PRODUCER", "q", "1", "VALUE", "v"}});
  EXPECT_THAT(Run({"EXEC"}).str, StartsWith("CONFLICT"));
  EXPECT_EQ(Values("t").size(), 5u);
}

TEST_F(TopicsTest, ARepeatedBatchWithoutAKeyFindsItsPartition) {
  Run({"TOPIC", "CREATE", "many", "PARTITIONS", "8"});
  for (const char* sequence : {"1", "1", "2", "2", "2"}) {
    Run({"TOPIC", "APPEND", "many", "PRODUCER", "p", sequence, "VALUE", sequence});
  }
  Run({"MULTI"});
  Run({"TOPIC", "APPEND", "many", "PRODUCER", "p", "2", "VALUE", "2"});
  Run({"EXEC"});
  std::vector<std::string> all;
  for (int partition = 0; partition < 8; ++partition) {
    for (const std::string& value : Values("many", "0", std::to_string(partition)))
      all.push_back(value);
  }
  EXPECT_THAT(all, ::testing::ElementsAre("1", "2"));
}

TEST_F(TopicsTest, ABlockingReadWaitsForRecordsAndTimesOut) {
  Append("t", "old");
  const auto began = std::chrono::steady_clock::now();
  const Reply nothing = Run({"TOPIC", "READ", "t", "OFFSET", "1", "BLOCK", "200"});
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(195));
  EXPECT_TRUE(At(nothing.elements.at(0), "records").elements.empty());

  Client reader = Connect();
  ASSERT_TRUE(reader.Append({"TOPIC", "READ", "t", "OFFSET", "1", "BLOCK", "10000"}).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(Append("t", "new"), 1);
  const Reply read = reader.GetReply();
  ASSERT_EQ(read.elements.size(), 1u) << ToString(read);
  EXPECT_EQ(At(read.elements[0], "records").elements.at(0).elements[3].str, "new");
}

TEST_F(TopicsTest, NumbersOutOfRangeAreRefusedAndTheLargestOnesMeanWhatTheySay) {
  const std::string most = "9223372036854775807";
  const std::string more = "9223372036854775808";
  for (const char* option : {"RETENTION-MS", "RETENTION-BYTES"}) {
    EXPECT_THAT(Run({"TOPIC", "CREATE", "t", option, more}).str, HasSubstr(most));
  }
  ASSERT_TRUE(Run({"TOPIC", "CREATE", "t", "RETENTION-MS", most}).ok());
  EXPECT_THAT(Run({"TOPIC", "ALTER", "t", "RETENTION-MS", more}).str, HasSubstr(most));
  EXPECT_EQ(Append("t", "kept"), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // retention has its turn
  EXPECT_THAT(Values("t"), ::testing::ElementsAre("kept"));
  EXPECT_TRUE(Run({"TOPIC", "READ", "t", "TIME", more}).is_error());
  for (const char* bytes : {"0", "67108865"}) {
    EXPECT_THAT(Run({"TOPIC", "READ", "t", "BYTES", bytes}).str, HasSubstr("1 to 67108864"));
  }
}

// A backlog in the files, and `in_memory` records behind it.
class BacklogTest : public TopicsTest {
 protected:
  void Fill(int in_files, int in_memory) {
    for (int i = 0; i < in_files; ++i) Append("t", std::string(kValue, 'f'));
    ASSERT_TRUE(server.Restart().ok());
    client = std::make_unique<Client>(Connect());
    for (int i = 0; i < in_memory; ++i) Append("t", std::string(kValue, 'm'));
  }
  // How many records a read that may wait a long time gives at once.
  size_t ReadAtOnce(const std::string& count, const std::string& bytes,
                    const std::string& min_bytes) {
    const auto began = std::chrono::steady_clock::now();
    const Reply read = Run({"TOPIC", "READ", "t", "OFFSET", "0", "COUNT", count, "BYTES", bytes,
                            "MINBYTES", min_bytes, "BLOCK", "8000"});
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(4));
    return read.elements.size() == 1 ? At(read.elements[0], "records").elements.size() : 0;
  }

  static constexpr size_t kValue = 50'000;
};

TEST_F(BacklogTest, AReadThatCouldWaitIsAnsweredWhenItsMinimumIsInTheFiles) {
  Fill(30, 0);
  EXPECT_GE(ReadAtOnce("1000", "1000000", "900000"), 18u);
  EXPECT_GE(ReadAtOnce("1000", "1000000", "1000000"), 19u) << "no further record fits";
  EXPECT_GE(ReadAtOnce("1000", "1000000", "5000000"), 19u) << "no more than BYTES can come";
  EXPECT_EQ(ReadAtOnce("3", "1000000", "1000000"), 3u);
}

TEST_F(BacklogTest, FilesAndMemoryTogetherMakeUpTheMinimum) {
  Fill(6, 6);
  EXPECT_EQ(ReadAtOnce("1000", "4000000", "580000"), 12u);
}

TEST_F(BacklogTest, ForFewRecordsLittleIsReadWhateverBytesAreAllowed) {
  Fill(200, 0);
  EXPECT_EQ(ReadAtOnce("1", "67108864", "1"), 1u);
  const std::string info = Run({"INFO", "topics"}).str;
  const std::string name = "topic_cache_bytes:";
  ASSERT_NE(info.find(name), std::string::npos) << info;
  EXPECT_LT(std::stoull(info.substr(info.find(name) + name.size())), 1'200'000u)
      << "what was read is in the cache";
}

TEST_F(TopicsTest, AGroupGoesOnWhereItCommitted) {
  for (int i = 0; i < 10; ++i) Append("t", std::to_string(i));
  ASSERT_TRUE(Run({"TOPIC", "COMMIT", "g", "t", "0", "4", "METADATA", "m"}).ok());
  EXPECT_THAT(Run({"TOPIC", "COMMIT", "g", "t", "0", "11"}).str, StartsWith("OUTOFRANGE"));
  KillAndStart();
  const Reply read = Run({"TOPIC", "READ", "t", "GROUP", "g", "COUNT", "1"});
  ASSERT_EQ(read.elements.size(), 1u) << ToString(read);
  EXPECT_EQ(At(read.elements[0], "records").elements.at(0).elements[3].str, "4");
  const Reply offsets = Run({"TOPIC", "OFFSETS", "g"});
  ASSERT_EQ(offsets.elements.size(), 1u) << ToString(offsets);
  EXPECT_EQ(At(offsets.elements[0], "lag").integer, 6);
  EXPECT_EQ(At(offsets.elements[0], "metadata").str, "m");
}

TEST_F(TopicsTest, MetadataOfACommitIsBounded) {
  Append("t", "value");
  const std::string most(4096, 'm');
  EXPECT_TRUE(Run({"TOPIC", "COMMIT", "g", "t", "0", "1", "METADATA", most}).ok());
  for (const char* group : {"g", "new"}) {
    EXPECT_THAT(Run({"TOPIC", "COMMIT", group, "t", "0", "1", "METADATA", most + "m"}).str,
                HasSubstr("4096"));
  }
  EXPECT_EQ(At(Run({"TOPIC", "OFFSETS", "g"}).elements.at(0), "metadata").str, most);
}

TEST_F(TopicsTest, MembersOfAGroupShareThePartitionsAndALeaverGivesItsBack) {
  ASSERT_TRUE(Run({"TOPIC", "CREATE", "t", "PARTITIONS", "4"}).ok());
  auto share = [](const Reply& member) {
    return At(At(member, "assignments"), "t").elements.size();
  };
  const Reply a = Run({"TOPIC", "GROUP", "JOIN", "g", "10000", "t", "MEMBER", "a"});
  EXPECT_EQ(share(a), 4u) << ToString(a);
  const Reply b = Run({"TOPIC", "GROUP", "JOIN", "g", "10000", "t", "MEMBER", "b"});
  EXPECT_EQ(share(b), 0u) << "a does not know yet: " << ToString(b);
  EXPECT_EQ(share(Run({"TOPIC", "GROUP", "HEARTBEAT", "g", "a"})), 2u);
  EXPECT_EQ(share(Run({"TOPIC", "GROUP", "HEARTBEAT", "g", "b"})), 2u);
  ASSERT_TRUE(Run({"TOPIC", "GROUP", "LEAVE", "g", "a"}).ok());
  EXPECT_EQ(share(Run({"TOPIC", "GROUP", "HEARTBEAT", "g", "b"})), 4u);
  EXPECT_THAT(Run({"TOPIC", "GROUP", "HEARTBEAT", "g", "a"}).str, StartsWith("NOTFOUND"));
}

TEST_F(TopicsTest, ADeletedTopicIsGoneAndOneOfItsNameBeginsAtZero) {
  for (int i = 0; i < 1000; ++i) Append("t", std::string(1000, 'x'));
  ASSERT_TRUE(Run({"TOPIC", "DELETE", "t"}).ok());
  EXPECT_THAT(Run({"TOPIC", "READ", "t"}).str, StartsWith("NOTFOUND"));
  EXPECT_EQ(Append("t", "new"), 0);
  KillAndStart();
  EXPECT_THAT(Values("t"), ::testing::ElementsAre("new"));
}

TEST_F(TopicsTest, ATopicOfManyPartitionsGoesWithAllItsFiles) {
  server.Kill9();
  server.options().args.insert(server.options().args.end(), {"--topic-flush-interval-ms", "1"});
  Start();
  ASSERT_TRUE(Run({"TOPIC", "CREATE", "t", "PARTITIONS", "200"}).ok());
  std::vector<std::vector<std::string>> batch;
  for (int p = 0; p < 200; ++p) {
    batch.push_back({"TOPIC", "APPEND", "t", "PARTITION", std::to_string(p), "VALUE", "v"});
  }
  client->Pipeline(batch);
  const std::string directory = server.dir() + "/topics/t";
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(directory + "/199"); }));
  ASSERT_TRUE(Run({"TOPIC", "DELETE", "t"}).ok());
  EXPECT_EQ(Append("t", "new"), 0);
  auto entries = [&] {
    std::error_code ignored;
    return std::distance(std::filesystem::directory_iterator(directory, ignored), {});
  };
  EXPECT_TRUE(Eventually([&] { return entries() == 1; })) << entries();
  EXPECT_THAT(Values("t"), ::testing::ElementsAre("new"));
}

TEST_F(TopicsTest, ATopicMadeAnewKeepsItsFilesAtEveryRestart) {
  const std::string file = server.dir() + "/topics/t/0/00000000000000000000.log";
  Append("t", "old");
  ASSERT_TRUE(server.Restart().ok());
  client = std::make_unique<Client>(Connect());
  ASSERT_TRUE(std::filesystem::exists(file));
  ASSERT_TRUE(Run({"TOPIC", "DELETE", "t"}).ok());
  ASSERT_EQ(Append("t", "new"), 0);
  for (int64_t records = 1; records < 4; ++records) {
    const Status restarted = server.Restart();
    ASSERT_TRUE(restarted.ok()) << restarted;
    client = std::make_unique<Client>(Connect());
    EXPECT_TRUE(std::filesystem::exists(file));
    EXPECT_EQ(Values("t").size(), static_cast<size_t>(records));
    EXPECT_EQ(Append("t", "more"), records);
  }
}

TEST_F(TopicsTest, TheTimeOfTheLastRecordIsKnownAfterARestart) {
  auto last_timestamp = [this] {
    const Reply info = Run({"TOPIC", "INFO", "t"});
    return At(At(info, "partitions").elements.at(0), "last_timestamp").integer;
  };
  Append("t", "value");
  const int64_t time = last_timestamp();
  EXPECT_GT(time, 0);
  for (int i = 0; i < 2; ++i) {  // the second time the files have it
    ASSERT_TRUE(server.Restart().ok());
    client = std::make_unique<Client>(Connect());
    EXPECT_EQ(last_timestamp(), time);
  }
}

TEST_F(TopicsTest, WhatRecoveryMendsInATopicsFilesIsToldInTheLogfile) {
  Append("t", "whole");
  ASSERT_EQ(server.Terminate().value_or(-1), 0);
  std::ofstream(server.dir() + "/topics/t/0/00000000000000000000.log", std::ios::app) << "torn";
  const std::string logfile = server.dir() + "/flashdb.log";
  server.options().args = {"--logfile", logfile};
  Start();
  std::ifstream in(logfile);
  const std::string told{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(told, HasSubstr(" W recovery: "));
  EXPECT_THAT(told, HasSubstr("4 bytes behind it are not whole"));
}

TEST_F(TopicsTest, ReadingByTimeBeginsAtTheFirstRecordThatIsNotOlder) {
  Append("t", "old");
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  const int64_t middle = std::chrono::duration_cast<std::chrono::milliseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  Append("t", "new");
  const Reply read = Run({"TOPIC", "READ", "t", "TIME", std::to_string(middle)});
  ASSERT_EQ(read.elements.size(), 1u) << ToString(read);
  const Reply& records = At(read.elements[0], "records");
  ASSERT_EQ(records.elements.size(), 1u);
  EXPECT_EQ(records.elements[0].elements[3].str, "new");
}

TEST_F(TopicsTest, ATopicLargerThanTheCacheIsReadFromItsFiles) {
  server.Kill9();
  server.options().args = {"--topic-cache", "65536", "--topic-segment-bytes", "1048576"};
  Start();
  const std::string value(10'000, 'x');
  for (int i = 0; i < 40; ++i) {
    std::vector<std::vector<std::string>> batch;
    for (int k = 0; k < 50; ++k) {
      batch.push_back({"TOPIC", "APPEND", "t", "VALUE", std::to_string(i * 50 + k) + value});
    }
    client->Pipeline(batch);
  }
  int64_t offset = 0;
  while (offset < 2000) {
    const Reply read =
        Run({"TOPIC", "READ", "t", "OFFSET", std::to_string(offset), "COUNT", "500"});
    ASSERT_EQ(read.elements.size(), 1u) << ToString(read);
    const Reply& records = At(read.elements[0], "records");
    ASSERT_GE(records.elements.size(), std::min<size_t>(50, 2000 - static_cast<size_t>(offset)))
        << "no scraps, at offset " << offset;
    for (const Reply& record : records.elements) {
      ASSERT_EQ(record.elements[0].integer, offset);
      ASSERT_TRUE(record.elements[3].str == std::to_string(offset) + value) << offset;
      ++offset;
    }
  }
  EXPECT_TRUE(std::filesystem::exists(server.dir() + "/topics/t/0/00000000000000000000.log"));
}

class FlushTest : public TopicsTest {
 protected:
  // Bytes of records that the files do not have.
  uint64_t Unflushed() {
    const std::string info = Run({"INFO", "topics"}).str;
    const std::string name = "topic_unflushed_bytes:";
    return std::stoull(info.substr(info.find(name) + name.size()));
  }
  // How long it takes until that is at most `bytes`; a minute if it never is.
  std::chrono::milliseconds TimeUntilUnflushed(uint64_t bytes) {
    const auto begin = std::chrono::steady_clock::now();
    auto passed = std::chrono::milliseconds(0);
    while (Unflushed() > bytes && passed < std::chrono::minutes(1)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      passed = std::chrono::duration_cast<std::chrono::milliseconds>(
          std::chrono::steady_clock::now() - begin);
    }
    return passed;
  }
  void AppendToEach(int topics) {
    std::vector<std::vector<std::string>> batch;
    for (int i = 0; i < topics; ++i) {
      batch.push_back({"TOPIC", "APPEND", "topic-" + std::to_string(i), "VALUE", "value"});
    }
    for (const Reply& reply : client->Pipeline(batch)) {
      ASSERT_NE(OffsetOf(reply), -1) << ToString(reply);
    }
  }
};

TEST_F(FlushTest, FewRecordsWaitForTheirFilesAsLongAsTheIntervalSays) {
  AppendToEach(1);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_GT(Unflushed(), 0u) << "the interval is ten seconds";
  Run({"CONFIG", "SET", "topic-flush-interval-ms", "1"});
  EXPECT_LT(TimeUntilUnflushed(0), std::chrono::seconds(5));
  EXPECT_TRUE(std::filesystem::exists(server.dir() + "/topics/topic-0/0/00000000000000000000.log"));
}

TEST_F(FlushTest, ManyPartitionsAreFlushedOneAfterTheOtherWithoutPauses) {
  constexpr int kTopics = 2000;
  AppendToEach(kTopics);
  Run({"CONFIG", "SET", "topic-flush-interval-ms", "1"});
  // With a pause of 100 ms after every 32 on a shard it would be more than three seconds.
  EXPECT_LT(TimeUntilUnflushed(0), std::chrono::milliseconds(2500));
}

TEST_F(FlushTest, ManyRecordsDoNotWait) {
  const std::string value(200'000, 'x');
  for (int i = 0; i < 20; ++i) ASSERT_EQ(Append("t", value), i);
  EXPECT_LT(TimeUntilUnflushed(2 * value.size()), std::chrono::seconds(5));
}

TEST_F(FlushTest, TheOldestGoToTheirFilesWhenMemoryIsWanted) {
  Run({"CONFIG", "SET", "topic-unflushed", "1mb"});
  AppendToEach(10);
  const std::string value(10'000, 'x');
  for (int i = 0; i < 300; ++i) ASSERT_EQ(Append("u-" + std::to_string(i), value), 0);
  EXPECT_LT(TimeUntilUnflushed(600'000), std::chrono::seconds(5));
  EXPECT_TRUE(std::filesystem::exists(server.dir() + "/topics/topic-0/0/00000000000000000000.log"));
  KillAndStart();
  EXPECT_EQ(Values("u-299"), std::vector<std::string>{value});
  EXPECT_EQ(Values("topic-9"), std::vector<std::string>{"value"});
}

class SlowFilesTest : public TopicsTest {
 protected:
  SlowFilesTest() { server.options().args = {"--topic-unflushed", "1048576"}; }

  static std::vector<std::string> AppendCommand(const std::string& topic) {
    return {"TOPIC", "APPEND", topic, "VALUE", std::string(100'000, 'x')};
  }
};

TEST_F(SlowFilesTest, AProducerThatIsFasterThanTheFilesIsSlowedDownNotRefused) {
  const std::vector<std::vector<std::string>> batch(100, AppendCommand("t"));
  for (int round = 0; round < 10; ++round) {
    for (const Reply& reply : client->Pipeline(batch)) {
      ASSERT_NE(OffsetOf(reply), -1) << ToString(reply);
    }
  }
  EXPECT_EQ(Append("t", "last"), 1000);
}

TEST_F(SlowFilesTest, ExecWaitsForTheFilesToo) {
  std::vector<std::vector<std::string>> batch;
  for (int i = 0; i < 50; ++i) {
    batch.insert(batch.end(),
                 {{"MULTI"}, AppendCommand("t"), AppendCommand("u"), {"INCR", "count"}, {"EXEC"}});
  }
  for (int round = 0; round < 5; ++round) {
    const std::vector<Reply> replies = client->Pipeline(batch);
    for (size_t i = 4; i < replies.size(); i += 5) {
      ASSERT_EQ(replies[i].elements.size(), 3u) << ToString(replies[i]);
    }
  }
  EXPECT_EQ(Run({"GET", "count"}).str, "250");
  EXPECT_EQ(Append("t", "last"), 250);
  EXPECT_EQ(Append("u", "last"), 250);
}

TEST_F(SlowFilesTest, AShutdownWhileAppendsWaitEndsAsAnyOther) {
  std::vector<Client> producers;
  for (int i = 0; i < 8; ++i) {
    producers.push_back(Connect());
    for (int k = 0; k < 40; ++k) {
      ASSERT_TRUE(producers.back().Append(AppendCommand("t" + std::to_string(i))).ok());
    }
  }
  const StatusOr<int> code = server.Terminate();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 0);
}

TEST_F(SlowFilesTest, FilesThatCannotBeWrittenRefuseAppendsWithoutAWaitAndARestartHasAll) {
  ASSERT_EQ(Append("t", "first"), 0);
  // In the way of the topic's directory.
  std::filesystem::create_directories(server.dir() + "/topics");
  std::ofstream(server.dir() + "/topics/u") << "not a directory";
  int64_t appended = 0;
  Reply last;
  for (; appended < 10'000; ++appended) {
    last = client->Command(AppendCommand("u"));
    if (OffsetOf(last) == -1) break;
  }
  EXPECT_THAT(last.str, AllOf(StartsWith("TRYAGAIN"), HasSubstr("cannot be written")));
  EXPECT_GT(appended, 0);
  EXPECT_THAT(Run({"INFO", "topics"}).str, HasSubstr("topic_files_status:create "));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(OffsetOf(client->Command(AppendCommand("u"))), -1);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  server.Kill9();
  std::filesystem::remove(server.dir() + "/topics/u");
  Start();
  EXPECT_THAT(Run({"INFO", "topics"}).str, HasSubstr("topic_files_status:ok"));
  EXPECT_EQ(Append("u", "more"), appended);
}

TEST_F(TopicsTest, AnotherNumberOfShardsFindsTheSameTopics) {
  ASSERT_TRUE(Run({"TOPIC", "CREATE", "t", "PARTITIONS", "8"}).ok());
  for (int i = 0; i < 200; ++i) {
    Run({"TOPIC", "APPEND", "t", "KEY", std::to_string(i), "VALUE", std::to_string(i)});
  }
  ASSERT_TRUE(Run({"TOPIC", "COMMIT", "g", "t", "3", "1"}).ok());
  for (uint32_t shards : {3u, 1u, 2u}) {
    server.Kill9();
    server.options().shards = shards;
    Start();
    size_t records = 0;
    for (int p = 0; p < 8; ++p) records += Values("t", "0", std::to_string(p)).size();
    EXPECT_EQ(records, 200u) << shards;
    EXPECT_EQ(Run({"TOPIC", "OFFSETS", "g"}).elements.size(), 1u) << shards;
  }
}

TEST_F(TopicsTest, WrongWordsAreRefusedWithAReason) {
  EXPECT_THAT(Run({"TOPIC", "CREATE", "../x"}).str, HasSubstr("cannot be a topic's name"));
  EXPECT_THAT(Run({"TOPIC", "APPEND", "-x", "VALUE", "v"}).str, HasSubstr("cannot be"));
  EXPECT_THAT(Run({"TOPIC", "APPEND", "t", "VALEU", "v"}).str, HasSubstr("'VALEU'"));
  EXPECT_THAT(Run({"TOPIC", "CREATE", "t", "PARTITIONS", "0"}).str, HasSubstr("0 partitions"));
  EXPECT_THAT(Run({"TOPIC", "READ", "nosuch"}).str, StartsWith("NOTFOUND"));
  Append("t", "v");
  EXPECT_THAT(Run({"TOPIC", "READ", "t", "OFFSET", "2"}).str, StartsWith("OUTOFRANGE"));
  EXPECT_THAT(Run({"TOPIC", "APPEND", "t", "PARTITION", "1", "VALUE", "v"}).str,
              HasSubstr("no partition 1"));
  EXPECT_THAT(Run({"TOPIC", "APPEND", "t", "KEY", std::string(1025, 'k'), "VALUE", "v"}).str,
              HasSubstr("1024"));
  EXPECT_THAT(Run({"TOPIC", "CREATE", "t"}).str, StartsWith("EXISTS"));
}

}  // namespace
}  // namespace flashdb::e2e
