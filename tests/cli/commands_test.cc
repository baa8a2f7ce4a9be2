// What commands ask of the server, and what they print of its answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <map>

#include "cli/errors.h"
#include "cli/fake_server.h"
#include "cli/harness.h"

namespace flashdb::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Answers by "METHOD TARGET"; all else is 404.
class CommandsTest : public testing::Test {
 protected:
  RunResult Flashq(std::vector<std::string> words, const RunSettings& settings = {}) {
    return RunAgainst(server_.url(), std::move(words), settings);
  }
  Json BodyOf(size_t request) const { return *ParseJson(server_.requests().at(request).body); }

  std::map<std::string, FakeServer::Response> answers_;
  FakeServer server_{[this](const FakeServer::Request& request) {
    const auto found = answers_.find(request.method + " " + request.target);
    if (found != answers_.end()) return found->second;
    return FakeServer::Response{.status = 404, .body = R"({"error":"x","message":"unknown"})"};
  }};
};

constexpr const char* kTopic =
    R"({"topic":"orders","partition_count":2,"storage":"file","cleanup":"delete",)"
    R"("retention_ms":604800000,"retention_bytes":0,"partitions":[)"
    R"({"partition":0,"start_offset":5,"high_watermark":105,"records":100,"bytes":2048},)"
    R"({"partition":1,"start_offset":0,"high_watermark":7,"records":7,"bytes":70}]})";

TEST_F(CommandsTest, TopicsAreATableOrTheServersJsonOrNames) {
  answers_["GET /topics"] = {.body = fmt::format(R"({{"topics":[{}]}})", kTopic)};
  EXPECT_EQ(Flashq({"topics"}).out,
            "TOPIC   PARTITIONS  STORAGE  CLEANUP  RETENTION\n"
            "orders           2  file     delete   7 d\n");
  EXPECT_EQ(Flashq({"topics", "list", "--names"}).out, "orders\n");
  EXPECT_EQ(Flashq({"topics", "--json"}).out, fmt::format("{{\"topics\":[{}]}}\n", kTopic));
}

TEST_F(CommandsTest, CreateSendsOnlyTheSettingsThatWereGiven) {
  answers_["PUT /topics/orders"] = {.status = 201, .body = kTopic};
  EXPECT_EQ(Flashq({"topics", "create", "orders"}).code, 0);
  const RunResult result =
      Flashq({"topics", "create", "orders", "--partitions", "2", "--storage", "memory",
              "--retention-ms", "1000", "--retention-bytes", "0", "--cleanup", "both"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(ToText(BodyOf(0)), "{}");
  EXPECT_EQ(
      ToText(BodyOf(1)),
      R"({"partitions":2,"storage":"memory","retention_ms":1000,"retention_bytes":0,"cleanup":"both"})");
  EXPECT_THAT(result.out, HasSubstr("PARTITION  FIRST OFFSET  HIGH WATERMARK  RECORDS  BYTES\n"
                                    "        0             5             105      100   2048\n"));
}

TEST_F(CommandsTest, AlterPatchesAndDeleteDeletes) {
  answers_["PATCH /topics/orders"] = {.body = kTopic};
  answers_["DELETE /topics/orders"] = {.status = 204};
  EXPECT_EQ(Flashq({"topics", "alter", "orders", "--cleanup", "compact"}).code, 0);
  EXPECT_EQ(ToText(BodyOf(0)), R"({"cleanup":"compact"})");
  EXPECT_THAT(Flashq({"topics", "delete", "orders"}).out, HasSubstr("deleted topic orders"));
  EXPECT_EQ(Flashq({"topics", "delete", "orders", "--json"}).out,
            "{\"topic\":\"orders\",\"deleted\":true}\n");
}

TEST_F(CommandsTest, ATopicMayHaveACommandsName) {
  answers_["DELETE /topics/health"] = {.status = 204};
  answers_["POST /topics/topics/records"] = {.body = R"({"partition":0,"offset":0,"count":1})"};
  EXPECT_EQ(Flashq({"topics", "delete", "health"}).code, 0);
  EXPECT_EQ(Flashq({"produce", "topics", "create"}).code, 0);
  EXPECT_EQ(ToText(BodyOf(1)), R"({"records":[{"value":"create"}]})");
}

TEST_F(CommandsTest, NamesCanNotLeaveTheirPlaceInThePath) {
  Flashq({"topics", "describe", "../groups?x"});
  Flashq({"topics", "describe", ".."});
  EXPECT_THAT(server_.log(), ElementsAre("GET /topics/..%2Fgroups%3Fx", "GET /topics/.."));
}

class ProduceTest : public CommandsTest {
 protected:
  ProduceTest() {
    answers_["POST /topics/t/records"] = {
        .status = 201,
        .body = R"({"topic":"t","partition":0,"offset":7,"last_offset":8,"count":2})"};
  }
};

TEST_F(ProduceTest, ValuesShareARequestAndTheKeyAndHeaders) {
  const RunResult result = Flashq({"produce", "t", "--key", "k", "--header", "a=1", "--header",
                                   "b=x=y", "--partition", "0", "one", "two"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "2 records appended to t, partition 0, offsets 7 to 8\n");
  EXPECT_EQ(ToText(BodyOf(0)),
            R"({"records":[{"key":"k","value":"one","headers":{"a":"1","b":"x=y"},"partition":0},)"
            R"({"key":"k","value":"two","headers":{"a":"1","b":"x=y"},"partition":0}]})");
}

TEST_F(ProduceTest, LinesAreRecordsInBatches) {
  EXPECT_EQ(Flashq({"produce", "t", "--batch", "2"}, {.input = "a\nb\n\nd"}).code, 0);
  ASSERT_EQ(server_.requests().size(), 2u);
  EXPECT_EQ(ToText(BodyOf(0)), R"({"records":[{"value":"a"},{"value":"b"}]})");
  EXPECT_EQ(ToText(BodyOf(1)), R"({"records":[{"value":""},{"value":"d"}]})");
}

TEST_F(ProduceTest, LargeRecordsMakeSmallBatches) {
  const std::string line(400'000, 'x');
  EXPECT_EQ(Flashq({"produce", "t"}, {.input = line + "\n" + line + "\n" + line}).code, 0);
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(ProduceTest, AKeySeparatorEndsTheKey) {
  EXPECT_EQ(Flashq({"produce", "t", "--key-separator", "::"}, {.input = "k::v::w\n::x\n"}).code, 0);
  EXPECT_EQ(ToText(BodyOf(0)),
            R"({"records":[{"key":"k","value":"v::w"},{"key":"","value":"x"}]})");
}

TEST_F(ProduceTest, NdjsonLinesHaveAllPartsAndBlankLinesNone) {
  const RunResult result = Flashq(
      {"produce", "t", "--ndjson", "--key", "common"},
      {.input = "{\"key\":\"a\",\"value\":{\"n\":1}}\n\n{\"value\":\"x\",\"partition\":3}\n"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(ToText(BodyOf(0)), R"({"records":[{"key":"a","value":"{\"n\":1}"},)"
                               R"({"key":"common","value":"x","partition":3}]})");
}

TEST_F(ProduceTest, ABadLineIsNamedAndTheLinesBeforeItAreAppended) {
  const RunResult result = Flashq({"produce", "t", "--ndjson"},
                                  {.input = "{\"value\":\"x\"}\n{oops\n{\"value\":\"y\"}\n"});
  EXPECT_EQ(result.code, kExitUsage);
  EXPECT_THAT(result.err, HasSubstr("line 2 of the input"));
  ASSERT_EQ(server_.requests().size(), 1u);
  EXPECT_EQ(ToText(BodyOf(0)), R"({"records":[{"value":"x"}]})");
}

TEST_F(ProduceTest, AFileIsOneRecordWhateverItsBytes) {
  const std::string path = testing::TempDir() + "/flashq-record";
  std::ofstream(path, std::ios::binary) << std::string("\xff\n\0", 3);
  EXPECT_EQ(Flashq({"produce", "t", "--file", path, "and a value"}).code, 0);
  EXPECT_EQ(ToText(BodyOf(0)), R"({"records":[{"value":"and a value"},{"value_base64":"/woA"}]})");
  std::ofstream(path, std::ios::trunc).close();
  EXPECT_EQ(Flashq({"produce", "t", "--file", path}).code, 0);
  EXPECT_EQ(ToText(BodyOf(1)), R"({"records":[{"value":""}]})");
  ASSERT_EQ(remove(path.c_str()), 0);
}

TEST_F(ProduceTest, ATombstoneHasAKeyAndNoValue) {
  EXPECT_EQ(Flashq({"produce", "t", "--key", "k", "--tombstone"}).code, 0);
  EXPECT_EQ(ToText(BodyOf(0)), R"({"records":[{"key":"k","value":null}]})");
}

TEST_F(ProduceTest, AfterTwoDashesAValueMayLookLikeAnOption) {
  EXPECT_EQ(Flashq({"produce", "t", "--", "--json"}).code, 0);
  EXPECT_EQ(ToText(BodyOf(0)), R"({"records":[{"value":"--json"}]})");
}

TEST_F(ProduceTest, AnErrorInTheMiddleTellsWhatWasAppended) {
  std::atomic<int> requests{0};
  FakeServer server([&](const auto&) -> FakeServer::Response {
    if (++requests == 2) return {.status = 429, .body = R"({"message":"disk full"})"};
    return {.body = R"({"partition":0,"offset":0,"last_offset":1,"count":2})"};
  });
  const RunResult result =
      RunAgainst(server.url(), {"produce", "t", "--batch", "2", "a", "b", "c", "d"});
  EXPECT_EQ(result.code, kExitRefused);
  EXPECT_THAT(result.err, HasSubstr("disk full (before that, 2 records were appended)"));
  EXPECT_EQ(result.out, "2 records appended to t, partition 0, offsets 0 to 1\n");
}

TEST_F(ProduceTest, ALostAnswerIsAskedForAgainUnderTheSameNumber) {
  std::atomic<int> requests{0};
  FakeServer server([&](const auto&) -> FakeServer::Response {
    if (++requests == 1) return {.hang_up = true};
    return {.body = R"({"partition":0,"offset":0,"last_offset":0,"count":1})"};
  });
  const RunResult result =
      RunAgainst(server.url(), {"produce", "t", "--retry", "20", "--batch", "1", "a", "b"});
  EXPECT_EQ(result.code, 0) << result.err;
  const std::vector<FakeServer::Request> sent = server.requests();
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[0].body, sent[1].body);
  const Json first = ParseJson(sent[0].body).value();
  const Json second = ParseJson(sent[2].body).value();
  EXPECT_THAT(StringOf(first, "producer_id"), HasSubstr("flashq-"));
  EXPECT_EQ(StringOf(first, "producer_id"), StringOf(second, "producer_id"));
  EXPECT_EQ(IntOf(first, "sequence"), 0);
  EXPECT_EQ(IntOf(second, "sequence"), 1);
}

TEST_F(ProduceTest, WithoutRetryALostAnswerIsExitCode3) {
  FakeServer server([](const auto&) -> FakeServer::Response { return {.hang_up = true}; });
  EXPECT_EQ(RunAgainst(server.url(), {"produce", "t", "a"}).code, kExitUnreachable);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(ProduceTest, ANumberedRequestGoesToOnePartition) {
  const RunResult result =
      Flashq({"produce", "t", "--producer-id", "me", "--sequence", "7", "--ndjson"},
             {.input = "{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"a\",\"value\":\"2\"}\n"
                       "{\"key\":\"b\",\"value\":\"3\"}\n{\"value\":\"4\",\"partition\":1}\n"});
  EXPECT_EQ(result.code, 0) << result.err;
  ASSERT_EQ(server_.requests().size(), 3u);
  EXPECT_EQ(BodyOf(0)["records"].size(), 2u);
  EXPECT_EQ(IntOf(BodyOf(2), "sequence"), 9);
  EXPECT_THAT(result.out, HasSubstr("the next --sequence of me is 10"));
}

TEST_F(ProduceTest, ASequenceWithoutAProducerIdIsRefused) {
  EXPECT_EQ(Flashq({"produce", "t", "--sequence", "1", "a"}).code, kExitUsage);
}

constexpr const char* kRecords =
    R"({"topic":"t","records":[{"partition":0,"offset":5,"timestamp":"T","value":"v5"},)"
    R"({"partition":0,"offset":6,"timestamp":"T","value":"v6"},)"
    R"({"partition":2,"offset":0,"timestamp":"T","value":"v0"}],"partitions":[)"
    R"({"partition":0,"start_offset":0,"next_offset":7,"high_watermark":9},)"
    R"({"partition":1,"start_offset":0,"next_offset":4,"high_watermark":4},)"
    R"({"partition":2,"start_offset":0,"next_offset":1,"high_watermark":1}]})";

TEST_F(CommandsTest, FetchPrintsTheRecordsOfAllPartitionsAndWhereToGoOn) {
  answers_["GET /topics/t/records?max_records=3"] = {.body = kRecords};
  const RunResult result = Flashq({"fetch", "t", "--max", "3"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "0:5      T  v5\n0:6      T  v6\n2:0      T  v0\n");
  EXPECT_THAT(result.err, HasSubstr("3 records; partition 0: next is offset 7 of 9; partition 1:"));
}

TEST_F(CommandsTest, OffsetTimeAndWaitOfFetchGoIntoTheQuery) {
  answers_["GET /topics/t/records?partition=2&offset=4&max_records=100&wait_ms=1500"] = {
      .body = kRecords};
  EXPECT_EQ(
      Flashq({"fetch", "t", "--partition", "2", "--offset", "4", "--wait", "1.5", "--raw"}).out,
      "v5\nv6\nv0\n");
  answers_["GET /topics/t/records?from_time=2026-01-31T12%3A00%3A00.000Z&max_records=100"] = {
      .body = kRecords};
  EXPECT_EQ(Flashq({"fetch", "t", "--from-time", "2026-01-31T12:00Z", "--raw"}).code, 0);
}

TEST_F(CommandsTest, WhatFetchPrintedForAGroupIsCommittedAtOnce) {
  answers_["GET /groups/g/topics/t/records?max_records=100"] = {.body = kRecords};
  answers_["POST /groups/g/topics/t/offsets"] = {.body = "{}"};
  const RunResult result = Flashq({"fetch", "t", "--group", "g", "--commit"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(server_.requests().back().body,
            R"({"offsets":[{"partition":0,"offset":7},{"partition":2,"offset":1}]})");
}

TEST_F(CommandsTest, NothingNewIsNoErrorAndCommitsNothing) {
  answers_["GET /groups/g/topics/t/records?max_records=100"] = {
      .body = R"({"records":[],"partitions":[{"partition":0,"next_offset":9}]})"};
  const RunResult result = Flashq({"fetch", "t", "--group", "g", "--commit"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(CommandsTest, GroupsAndTheirMembersAreTables) {
  const std::string group =
      R"({"group":"g","created_at":"T0","generation":3,"members":[{"member":"m1","client":"flashq",)"
      R"("last_seen":"T1","assignments":[{"topic":"t","partitions":[0,2]}]},)"
      R"({"member":"m2","client":"x","last_seen":"T2","assignments":[]}]})";
  answers_["GET /groups"] = {.body = R"({"groups":[)" + group + "]}"};
  answers_["GET /groups/g"] = {.body = group};
  answers_["PUT /groups/g"] = {.body = "{}"};
  answers_["DELETE /groups/g"] = {.status = 204};
  EXPECT_EQ(Flashq({"groups"}).out, "GROUP  MEMBERS  CREATED\ng            2  T0\n");
  EXPECT_EQ(Flashq({"groups", "list", "--names"}).out, "g\n");
  const std::string members =
      "MEMBER  CLIENT  TOPIC  PARTITIONS  LAST SEEN\n"
      "m1      flashq  t      [0,2]       T1\n"
      "m2      x                          T2\n";
  EXPECT_EQ(Flashq({"groups", "members", "g"}).out, members);
  EXPECT_EQ(Flashq({"groups", "describe", "g"}).out, "g  created T0, generation 3\n" + members);
  EXPECT_EQ(Flashq({"groups", "create", "g"}).code, 0);
  EXPECT_EQ(Flashq({"groups", "delete", "g"}).code, 0);
}

TEST_F(CommandsTest, CommitSendsThePlaceAndItsMetadata) {
  answers_["POST /groups/g/topics/t/offsets"] = {.body = "{}"};
  EXPECT_EQ(
      Flashq({"commit", "g", "t", "--partition", "1", "--offset", "5", "--metadata", "why"}).out,
      "g reads t, partition 1, from offset 5\n");
  EXPECT_EQ(ToText(BodyOf(0)), R"({"offsets":[{"partition":1,"offset":5,"metadata":"why"}]})");
}

TEST_F(CommandsTest, LagAndOffsetsAreTables) {
  answers_["GET /groups/g/lag"] = {
      .body = R"({"topics":[{"topic":"t","partitions":[{"partition":0,"committed_offset":5,)"
              R"("high_watermark":9,"lag":4,"committed_at":"T"}]}],"lag":4})"};
  answers_["GET /groups/g/topics/t/offsets"] = {
      .body = R"({"partitions":[{"partition":0,"committed_offset":null,"high_watermark":9}]})"};
  EXPECT_EQ(Flashq({"lag", "g"}).out,
            "TOPIC  PARTITION  COMMITTED  HIGH WATERMARK  LAG  COMMITTED AT  METADATA\n"
            "t              0          5               9    4  T\n"
            "total lag: 4\n");
  EXPECT_THAT(Flashq({"offsets", "g", "t"}).out, HasSubstr("t              0          -"));
}

TEST_F(CommandsTest, AGroupThatHasCommittedNothingIsToldHowTo) {
  answers_["GET /groups/g/lag"] = {.body = "{}"};
  EXPECT_THAT(Flashq({"lag", "g"}).err, HasSubstr("committed nothing"));
}

}  // namespace
}  // namespace flashdb::cli
