#include <gtest/gtest.h>

#include <atomic>

#include "base/numbers.h"
#include "cli/bench_load.h"
#include "cli/errors.h"
#include "cli/fake_server.h"
#include "cli/harness.h"

namespace flashdb::cli {
namespace {

using Response = FakeServer::Response;

// A topic that counts: enough of a server to be measured.
class CountingServer {
 public:
  Response Answer(const FakeServer::Request& request) {
    if (request.method == "POST") {
      auto body = ParseJson(request.body);
      records_ += static_cast<int64_t>(Member(*body, "records").size());
      return {.body = "{}"};
    }
    const size_t at = request.target.find("offset=");
    if (at == std::string::npos) {
      return {.body = fmt::format(
                  R"({{"partitions":[{{"partition":0,"start_offset":0,"high_watermark":{}}}]}})",
                  records_.load())};
    }
    const size_t max = request.target.find("max_records=");
    const int64_t offset =
        *ParseInt64(request.target.substr(at + 7, request.target.find('&', at) - at - 7));
    const int64_t count = *ParseInt64(request.target.substr(max + 12));
    read_ += count;
    return {.body = fmt::format(R"({{"records":[],"next_offset":{}}})", offset + count)};
  }

  std::atomic<int64_t> records_{0};
  std::atomic<int64_t> read_{0};
  FakeServer server_{[this](const FakeServer::Request& request) { return Answer(request); }};
};

TEST(BenchTest, EveryRecordIsProducedAndFetchedOnceOverAllConnections) {
  CountingServer counting;
  const RunResult result =
      RunAgainst(counting.server_.url(), {"bench", "--records", "1000", "--batch", "30", "--size",
                                          "10", "--connections", "3", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(counting.records_, 1020) << "whole batches";
  EXPECT_EQ(counting.read_, 1020);
  auto json = ParseJson(result.out);
  ASSERT_TRUE(json.ok()) << result.out;
  for (const char* name : {"produce", "fetch"}) {
    EXPECT_EQ(IntOf(Member(*json, name), "records"), 1020) << name;
    EXPECT_EQ(IntOf(Member(*json, name), "bytes"), 10200) << name;
    const Json& latency = Member(Member(*json, name), "latency_us");
    EXPECT_GE(IntOf(latency, "p99"), IntOf(latency, "p50"));
    EXPECT_GE(IntOf(latency, "max"), IntOf(latency, "p99_9"));
  }
}

TEST(BenchTest, ItsOwnTopicIsMadeBeforeAndDeletedAfter) {
  CountingServer counting;
  EXPECT_EQ(RunAgainst(counting.server_.url(), {"bench", "--records", "100"}).code, 0);
  const auto log = counting.server_.log();
  EXPECT_EQ(log.front().substr(0, 25), "PUT /topics/flashq-bench-");
  EXPECT_EQ(log.back().substr(0, 28), "DELETE /topics/flashq-bench-");
}

TEST(BenchTest, ATopicThatWasNamedStays) {
  CountingServer counting;
  EXPECT_EQ(RunAgainst(counting.server_.url(), {"bench", "mine", "--records", "100"}).code, 0);
  for (const std::string& line : counting.server_.log()) {
    EXPECT_NE(line.substr(0, 6), "DELETE");
  }
}

TEST(BenchTest, SecondsEndTheMeasuring) {
  CountingServer counting;
  const RunResult result = RunAgainst(
      counting.server_.url(), {"bench", "--seconds", "0.2", "--batch", "10", "--size", "1"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.out.find("produce"), std::string::npos);
  EXPECT_NE(result.out.find("P99.9 MS"), std::string::npos);
}

TEST(BenchTest, ARefusalEndsItWithTheServersWords) {
  FakeServer server([](const auto& request) {
    return request.method == "POST" ? Response{.status = 429, .body = R"({"message":"disk full"})"}
                                    : Response{.body = "{}"};
  });
  const RunResult result = RunAgainst(server.url(), {"bench", "--records", "100"});
  EXPECT_EQ(result.code, kExitRefused);
  EXPECT_NE(result.err.find("disk full"), std::string::npos);
  EXPECT_EQ(server.log().back().substr(0, 6), "DELETE");
}

TEST(BenchTest, AnEmptyTopicCanNotBeFetched) {
  CountingServer counting;
  EXPECT_EQ(RunAgainst(counting.server_.url(), {"bench", "mine", "--mode", "fetch"}).code,
            kExitUsage);
}

}  // namespace
}  // namespace flashdb::cli
