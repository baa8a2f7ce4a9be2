// Topics and consumer groups over HTTP.
#include <absl/strings/match.h>
#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "e2e/http_fixture.h"
#include "e2e/raw_socket.h"

namespace flashdb::e2e {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class HttpTopicsTest : public HttpServerTest {
 protected:
  using HttpServerTest::HttpServerTest;

  json Append(const std::string& topic, const json& body) {
    HttpReply reply = http->PostJson("/topics/" + topic + "/records", body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json();
  }
  json Fetch(const std::string& target) {
    HttpReply reply = http->Get(target);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json();
  }
  // Bytes.
  size_t MemoryOfLargestClient() {
    const std::string clients = client->Command({"CLIENT", "LIST"}).str;
    size_t largest = 0;
    for (size_t at = 0; (at = clients.find(" tot-mem=", at)) != std::string::npos; ++at) {
      largest = std::max<size_t>(largest, std::stoul(clients.substr(at + 9)));
    }
    return largest;
  }
  int StatusOfAppend(const json& body) { return http->PostJson("/topics/t/records", body).status; }
};

std::vector<std::string> ValuesOf(const json& fetched) {
  std::vector<std::string> values;
  for (const json& record : fetched["records"]) values.push_back(record["value"]);
  return values;
}

// ---- Append and fetch --------------------------------------------------------------------------

TEST_F(HttpTopicsTest, ARecordIsAppendedAndReadAgain) {
  const json appended = Append("t", {{"key", "k"}, {"value", "hello"}, {"headers", {{"h", "v"}}}});
  EXPECT_EQ(appended["topic"], "t");
  EXPECT_EQ(appended["partition"], 0);
  EXPECT_EQ(appended["offset"], 0);
  EXPECT_EQ(appended["last_offset"], 0);
  EXPECT_EQ(appended["count"], 1);
  const json fetched = Fetch("/topics/t/records");
  EXPECT_EQ(fetched["records"], (json{{{"partition", 0},
                                       {"offset", 0},
                                       {"timestamp", appended["timestamp"]},
                                       {"key", "k"},
                                       {"value", "hello"},
                                       {"headers", {{"h", "v"}}}}}));
  EXPECT_EQ(fetched["next_offset"], 1);
  EXPECT_EQ(fetched["high_watermark"], 1);
  EXPECT_FALSE(Fetch("/topics/t/records?include_headers=false")["records"][0].contains("headers"));
}

TEST_F(HttpTopicsTest, ABatchGetsConsecutiveOffsets) {
  json records = json::array();
  for (int i = 0; i < 1000; ++i) records.push_back({{"value", std::to_string(i)}});
  EXPECT_EQ(Append("t", {{"records", records}})["last_offset"], 999);
  EXPECT_EQ(Append("t", {{"records", records}})["offset"], 1000);
  const json fetched = Fetch("/topics/t/records?offset=1500&max_records=3");
  EXPECT_THAT(ValuesOf(fetched), ElementsAre("500", "501", "502"));
  EXPECT_EQ(fetched["next_offset"], 1503);
  EXPECT_EQ(fetched["high_watermark"], 2000);
  EXPECT_EQ(Fetch("/topics/t/records?max_bytes=1")["records"].size(), 1u);
  EXPECT_EQ(Fetch("/topics/t/records?max_records=10000")["records"].size(), 2000u);
}

TEST_F(HttpTopicsTest, AnyBytesTravelAsBase64) {
  Append("t",
         {{"key_base64", "/w=="}, {"value_base64", "AP8="}, {"headers_base64", {{"h", "/w=="}}}});
  const json record = Fetch("/topics/t/records")["records"][0];
  EXPECT_EQ(record["key_base64"], "/w==");
  EXPECT_EQ(record["value_base64"], "AP8=");
  EXPECT_EQ(record["headers_base64"], (json{{"h", "/w=="}}));
}

TEST_F(HttpTopicsTest, ValuesThatAreNoStringAreStoredAsTheirText) {
  Append("t", {{"records", {{{"value", {{"a", {1, 2}}}}}, {{"value", 1.5}}, {{"value", true}}}}});
  EXPECT_THAT(ValuesOf(Fetch("/topics/t/records")), ElementsAre("{\"a\":[1,2]}", "1.5", "true"));
}

TEST_F(HttpTopicsTest, AKeyAloneMarksItAsDeleted) {
  Append("t", {{"key", "k"}, {"value", nullptr}});
  const json record = Fetch("/topics/t/records")["records"][0];
  EXPECT_EQ(record["value"], nullptr);
  EXPECT_EQ(StatusOfAppend({{"value", nullptr}}), 400);
  EXPECT_EQ(StatusOfAppend(json::object()), 400);
}

TEST_F(HttpTopicsTest, LinesAndBytesAreRecordsToo) {
  const HttpOptions lines{.headers = {"Content-Type: application/x-ndjson"}};
  HttpReply reply = http->Post("/topics/t/records",
                               "{\"value\":\"a\"}\n\r\n{\"value\":\"b\",\"key\":\"k\"}", lines);
  EXPECT_EQ(reply.json()["count"], 2) << reply.body;
  const HttpOptions bytes{.headers = {"Content-Type: application/octet-stream"}};
  const std::string raw("\0\xff{", 3);
  reply = http->Post("/topics/t/records?key=k%20&header=a:1&header=b:x:y&partition=0", raw, bytes);
  EXPECT_EQ(reply.json()["offset"], 2) << reply.body;
  const json record = Fetch("/topics/t/records?offset=2")["records"][0];
  EXPECT_EQ(record["key"], "k ");
  EXPECT_EQ(record["value_base64"], "AP97");
  EXPECT_EQ(record["headers"], (json{{"a", "1"}, {"b", "x:y"}}));
  // curl -d sends this type unless it is told otherwise.
  const HttpOptions form{.headers = {"Content-Type: application/x-www-form-urlencoded"}};
  EXPECT_EQ(http->Post("/topics/t/records", R"({"value":"c"})", form).status, 200);
  const HttpOptions xml{.headers = {"Content-Type: text/xml"}};
  EXPECT_EQ(http->Post("/topics/t/records", "<a/>", xml).status, 415);
}

TEST_F(HttpTopicsTest, WhatIsNoRecordIsRefusedAndAppendsNothing) {
  for (const char* body :
       {"", "[]", "1", "{\"records\":{}}", "{\"records\":[]}", "{\"records\":[1]}",
        "{\"value\":\"a\",\"extra\":1}", "{\"value\":\"a\",\"value_base64\":\"YQ==\"}",
        "{\"value_base64\":\"?\"}", "{\"value\":\"a\",\"partition\":-1}",
        "{\"value\":\"a\",\"partition\":7}", "{\"value\":\"a\",\"headers\":[]}",
        "{\"value\":\"a\",\"headers\":{\"h\":1}}", "{\"value\":\"a\",\"producer_id\":\"p\"}",
        "{\"records\":[{\"value\":\"a\"},{\"values\":\"b\"}]}",
        "{\"records\":[{\"value\":\"a\"}],\"value\":\"b\"}"}) {
    EXPECT_EQ(http->Post("/topics/t/records", body).status, 400) << body;
  }
  json many = json::array();
  for (int i = 0; i < 1001; ++i) many.push_back({{"value", "x"}});
  EXPECT_EQ(StatusOfAppend({{"records", many}}), 400);
  EXPECT_EQ(StatusOfAppend({{"value", std::string((1 << 20) + 1, 'x')}}), 400);
  EXPECT_EQ(StatusOfAppend({{"key", std::string(1025, 'x')}}), 400);
  EXPECT_EQ(http->PostJson("/topics/-t/records", {{"value", "a"}}).status, 400);
  const json listed = Fetch("/topics");
  for (const json& topic : listed["topics"]) {
    EXPECT_EQ(Fetch("/topics/" + topic["topic"].get<std::string>())["records"], 0);
  }
}

TEST_F(HttpTopicsTest, KeysChooseThePartitionAndABatchMayGoToSeveral) {
  ASSERT_EQ(http->Put("/topics/p", R"({"partitions":4})").status, 201);
  json records = json::array();
  for (int i = 0; i < 40; ++i) {
    records.push_back({{"key", std::to_string(i)}, {"value", std::to_string(i)}});
  }
  const json appended = Append("p", {{"records", records}});
  EXPECT_EQ(appended["count"], 40);
  EXPECT_GT(appended["partitions"].size(), 1u);
  const json all = Fetch("/topics/p/records");
  EXPECT_EQ(all["records"].size(), 40u);
  EXPECT_EQ(all["partitions"].size(), 4u);
  size_t sum = 0;
  for (int p = 0; p < 4; ++p) {
    sum += Fetch("/topics/p/records?partition=" + std::to_string(p))["records"].size();
  }
  EXPECT_EQ(sum, 40u);
  EXPECT_EQ(http->Get("/topics/p/records?offset=0").status, 400) << "of which partition?";
  EXPECT_EQ(http->Get("/topics/p/records?partition=4").status, 400);
}

TEST_F(HttpTopicsTest, ATimeIsAPlaceToo) {
  const std::string first = Append("t", {{"value", "a"}})["timestamp"];
  std::this_thread::sleep_for(milliseconds(20));
  const std::string second = Append("t", {{"value", "b"}})["timestamp"];
  EXPECT_THAT(ValuesOf(Fetch("/topics/t/records?from_time=" + second)), ElementsAre("b"));
  EXPECT_THAT(ValuesOf(Fetch("/topics/t/records?from_time=" + first)), ElementsAre("a", "b"));
  EXPECT_EQ(Fetch("/topics/t/records?from_time=2999-01-01T00:00:00Z")["records"].size(), 0u);
  EXPECT_EQ(http->Get("/topics/t/records?from_time=now").status, 400);
  EXPECT_EQ(http->Get("/topics/t/records?from_time=0&offset=0").status, 400);
}

TEST_F(HttpTopicsTest, AnOffsetAboveTheEndIsAnError) {
  Append("t", {{"value", "a"}});
  EXPECT_EQ(Fetch("/topics/t/records?offset=1")["records"].size(), 0u);
  HttpReply reply = http->Get("/topics/t/records?offset=2");
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.json()["error"], "out_of_range");
  EXPECT_EQ(http->Get("/topics/none/records").status, 404);
}

TEST_F(HttpTopicsTest, ABatchThatIsSentAgainIsNotAppendedAgain) {
  const json batch = {
      {"records", {{{"value", "a"}}, {{"value", "b"}}}}, {"producer_id", "p"}, {"sequence", 7}};
  const json first = Append("t", batch);
  const json again = Append("t", batch);
  EXPECT_EQ(again["offset"], first["offset"]);
  EXPECT_EQ(again["duplicate"], true);
  EXPECT_EQ(Fetch("/topics/t/records")["records"].size(), 2u);
  HttpReply older =
      http->PostJson("/topics/t/records", {{"value", "c"}, {"producer_id", "p"}, {"sequence", 6}});
  EXPECT_EQ(older.status, 409) << older.body;
}

// ---- Waiting -----------------------------------------------------------------------------------

TEST_F(HttpTopicsTest, AFetchWaitsForARecord) {
  Append("t", {{"value", "a"}});
  std::thread later([this] {
    std::this_thread::sleep_for(milliseconds(200));
    HttpClient(server.http_port()).PostJson("/topics/t/records", {{"value", "b"}});
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(ValuesOf(Fetch("/topics/t/records?offset=1&wait_ms=10000")), ElementsAre("b"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  later.join();
  EXPECT_EQ(Fetch("/topics/t/records?offset=2&wait_ms=50")["records"].size(), 0u);
}

TEST_F(HttpTopicsTest, AFetchWhoseClientHasGoneStopsWaiting) {
  Append("t", {{"value", "a"}});
  auto waiting = [this] { return client->Command({"INFO", "topics"}).str; };
  auto gone = std::make_unique<RawSocket>(server.http_port());
  gone->Send("GET /topics/t/records?offset=1&wait_ms=60000 HTTP/1.1\r\nHost: h\r\n\r\n");
  RawSocket half(server.http_port());
  half.Send("GET /topics/t/records?offset=1&wait_ms=60000 HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return absl::StrContains(waiting(), "topic_waiting_fetches:2"); }));
  gone.reset();
  ASSERT_TRUE(Eventually([&] { return absl::StrContains(waiting(), "topic_waiting_fetches:1"); }));
  half.FinishSending();
  EXPECT_THAT(half.ReadToEnd(), HasSubstr("\"records\":[]"));
  EXPECT_THAT(waiting(), HasSubstr("topic_waiting_fetches:0"));
}

// Collects the lines of a stream until there are `count` of them.
std::vector<std::string> Follow(uint16_t port, const std::string& target, size_t count,
                                const HttpOptions& base = {}) {
  HttpOptions options = base;
  std::string text;
  std::vector<std::string> lines;
  options.on_data = [&](std::string_view bytes) {
    text += bytes;
    for (size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
      if (end > 0) lines.push_back(text.substr(0, end));
    }
    return lines.size() < count;
  };
  HttpClient(port).Get(target, options);
  return lines;
}

TEST_F(HttpTopicsTest, AStreamBringsOldAndNewRecords) {
  Append("t", {{"value", "a"}});
  std::vector<std::string> lines;
  std::thread follower(
      [&] { lines = Follow(server.http_port(), "/topics/t/records?follow=true&offset=0", 3); });
  std::this_thread::sleep_for(milliseconds(200));
  Append("t", {{"value", "b"}});
  Append("t", {{"value", "c"}});
  follower.join();
  ASSERT_EQ(lines.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(json::parse(lines[i])["offset"], i);
    EXPECT_EQ(json::parse(lines[i])["value"], std::string(1, static_cast<char>('a' + i)));
  }
}

TEST_F(HttpTopicsTest, AStreamOfAllPartitionsBringsWhatIsNew) {
  ASSERT_EQ(http->Put("/topics/p", R"({"partitions":8})").status, 201);
  Append("p", {{"key", "old"}, {"value", "old"}});
  std::vector<std::string> lines;
  std::thread follower(
      [&] { lines = Follow(server.http_port(), "/topics/p/records?follow=true", 20); });
  std::this_thread::sleep_for(milliseconds(300));
  std::set<std::string> sent;
  for (int i = 0; i < 20; ++i) {
    sent.insert(std::to_string(i));
    Append("p", {{"key", std::to_string(i)}, {"value", std::to_string(i)}});
  }
  follower.join();
  std::set<std::string> received;
  for (const std::string& line : lines) received.insert(json::parse(line)["value"]);
  EXPECT_EQ(received, sent);
}

TEST_F(HttpTopicsTest, AStreamMayBeServerSentEvents) {
  Append("t", {{"value", "line\nline"}});
  const std::vector<std::string> lines =
      Follow(server.http_port(), "/topics/t/records?follow=true&offset=0", 3,
             {.headers = {"Accept: text/event-stream"}});
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1], "id: 0:0");
  EXPECT_THAT(lines[2], HasSubstr("data: {\"partition\":0,\"offset\":0,"));
}

TEST_F(HttpTopicsTest, AStreamEndsWhenItsTopicIsDeleted) {
  Append("t", {{"value", "a"}});
  std::vector<std::string> lines;
  std::thread follower(
      [&] { lines = Follow(server.http_port(), "/topics/t/records?follow=true&offset=0", 2); });
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_EQ(http->Delete("/topics/t").status, 204);
  follower.join();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(json::parse(lines[1])["error"], "not_found");
}

// A follower that does not read: what waits for it in the server is bounded.
TEST_F(HttpTopicsTest, AStreamThatNobodyReadsPauses) {
  RawSocket follower(server.http_port());
  follower.Send("GET /topics/t/records?follow=true&offset=0 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(follower.ReadUntil("\r\n\r\n"), HasSubstr("404"));
  Append("t", {{"value", "first"}});
  follower.Send("GET /topics/t/records?follow=true&offset=0 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(follower.ReadUntil("first"), HasSubstr("chunked"));
  const std::string value(500'000, 'x');
  for (int i = 0; i < 60; ++i) Append("t", {{"value", value}});  // 30 MB
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_LT(MemoryOfLargestClient(), size_t{6} << 20);
  size_t received = 0;
  while (received < 30'000'000) {
    const size_t size = follower.ReadUntil("x", milliseconds(5000)).size();
    if (size == 0) break;
    received += size;
  }
  EXPECT_GE(received, 30'000'000u);
}

TEST_F(HttpTopicsTest, AStreamOfManyPartitionsThatNobodyReadsPausesToo) {
  constexpr int kPartitions = 128;
  constexpr size_t kValue = 250'000;
  ASSERT_TRUE(
      client->Command({"TOPIC", "CREATE", "t", "PARTITIONS", std::to_string(kPartitions)}).ok());
  for (int p = 0; p < kPartitions; ++p) {
    client->Command({"TOPIC", "APPEND", "t", "PARTITION", std::to_string(p), "VALUE",
                     std::string(kValue, 'x')});
  }
  RawSocket follower(server.http_port());
  follower.Send("GET /topics/t/records?follow=true&from_time=0 HTTP/1.1\r\nHost: h\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(1000));
  EXPECT_LT(MemoryOfLargestClient(), size_t{6} << 20);
  size_t received = 0;
  while (received < kPartitions * kValue) {
    const size_t size = follower.ReadUntil("x", milliseconds(5000)).size();
    if (size == 0) break;
    received += size;
  }
  EXPECT_GE(received, kPartitions * kValue);
}

TEST_F(HttpTopicsTest, AppendsAreRefusedWhenMemoryIsUsedUp) {
  Append("t", {{"value", "a"}});
  for (uint32_t shard : {0u, 1u}) client->Command({"SET", KeyOn(shard, 2, "key"), "v"});
  ASSERT_TRUE(client->Command({"CONFIG", "SET", "maxmemory", "1"}).ok());
  const HttpReply refused = http->PostJson("/topics/t/records", {{"value", "b"}});
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_EQ(refused.json()["error"], "out_of_memory");
  EXPECT_EQ(http->PostJson("/topics/new/records", {{"value", "b"}}).status, 503);
  ASSERT_TRUE(client->Command({"CONFIG", "SET", "maxmemory", "0"}).ok());
  EXPECT_EQ(Append("t", {{"value", "c"}})["offset"], 1);
  EXPECT_EQ(Fetch("/topics")["topics"].size(), 1u);
}

TEST_F(HttpTopicsTest, AShutdownEndsWaitsAndStreams) {
  Append("t", {{"value", "a"}});
  RawSocket waiting(server.http_port());
  waiting.Send("GET /topics/t/records?offset=1&wait_ms=60000 HTTP/1.1\r\nHost: h\r\n\r\n");
  RawSocket following(server.http_port());
  following.Send("GET /topics/t/records?follow=true HTTP/1.1\r\nHost: h\r\n\r\n");
  following.ReadUntil("\r\n\r\n");
  const auto begin = std::chrono::steady_clock::now();
  const StatusOr<int> code = server.Terminate();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
  EXPECT_THAT(waiting.ReadToEnd(), HasSubstr("\"records\":[]"));
  EXPECT_THAT(following.ReadToEnd(), HasSubstr("0\r\n\r\n"));
}

// ---- Topics ------------------------------------------------------------------------------------

TEST_F(HttpTopicsTest, ATopicIsCreatedChangedAndDeleted) {
  const json settings = {{"partitions", 3},      {"storage", "memory"},  {"cleanup", "compact"},
                         {"retention_ms", 1000}, {"retention_bytes", 0}, {"cache_records", 5}};
  HttpReply reply = http->Put("/topics/t", settings.dump());
  EXPECT_EQ(reply.status, 201);
  const json topic = reply.json();
  EXPECT_EQ(topic["partition_count"], 3);
  EXPECT_EQ(topic["partitions"].size(), 3u);
  for (const char* name :
       {"storage", "cleanup", "retention_ms", "retention_bytes", "cache_records"}) {
    EXPECT_EQ(topic[name], settings[name]) << name;
  }
  EXPECT_EQ(http->Put("/topics/t", settings.dump()).status, 200) << "the same again";
  EXPECT_EQ(http->Put("/topics/t", R"({"partitions":4})").status, 409);
  EXPECT_EQ(Fetch("/topics/t"), topic);
  reply = http->Request("PATCH", "/topics/t", R"({"partitions":5,"cleanup":"both"})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.json()["partition_count"], 5);
  EXPECT_EQ(http->Request("PATCH", "/topics/t", R"({"partitions":4})").status, 409);
  EXPECT_EQ(http->Request("PATCH", "/topics/t", R"({"storage":"file"})").status, 409);
  EXPECT_EQ(http->Delete("/topics/t").status, 204);
  EXPECT_EQ(http->Get("/topics/t").status, 404);
  EXPECT_EQ(http->Delete("/topics/t").status, 404);
}

TEST_F(HttpTopicsTest, SettingsThatMakeNoSenseAreRefused) {
  for (const char* body : {"[]", "{\"partitions\":0}", "{\"partitions\":1025}",
                           "{\"partitions\":\"3\"}", "{\"storage\":\"tape\"}", "{\"cleanup\":1}",
                           "{\"retention\":5}", "{\"retention_ms\":-1}"}) {
    EXPECT_EQ(http->Put("/topics/t", body).status, 400) << body;
  }
  EXPECT_EQ(http->Put("/topics/" + std::string(256, 't'), "").status, 400);
  EXPECT_EQ(http->Put("/topics/a%2Fb", "").status, 400);
  EXPECT_EQ(http->Request("PATCH", "/topics/t", "").status, 400);
  EXPECT_EQ(http->Request("PATCH", "/topics/t", "{}").status, 404);
  EXPECT_TRUE(Fetch("/topics")["topics"].empty());
}

TEST(HttpAutoCreateTest, ATopicIsNotCreatedWhereThatIsOff) {
  ServerProcess server(HttpServer({"--auto-create-topics", "no"}));
  ASSERT_TRUE(server.Start().ok());
  HttpClient http(server.http_port());
  EXPECT_EQ(http.PostJson("/topics/t/records", {{"value", "a"}}).status, 404);
  EXPECT_EQ(http.Put("/topics/t", "").status, 201);
  EXPECT_EQ(http.PostJson("/topics/t/records", {{"value", "a"}}).status, 200);
}

// ---- Groups ------------------------------------------------------------------------------------

TEST_F(HttpTopicsTest, AGroupReadsOnFromWhatItHasCommitted) {
  for (const char* value : {"a", "b", "c"}) Append("t", {{"value", value}});
  json fetched = Fetch("/groups/g/topics/t/records?max_records=2");
  EXPECT_THAT(ValuesOf(fetched), ElementsAre("a", "b"));
  EXPECT_EQ(fetched["lag"], 3);
  EXPECT_THAT(ValuesOf(Fetch("/groups/g/topics/t/records?max_records=2")), ElementsAre("a", "b"))
      << "a fetch commits nothing";
  HttpReply committed = http->PostJson("/groups/g/topics/t/offsets",
                                       {{"offset", fetched["next_offset"]}, {"metadata", "m"}});
  EXPECT_EQ(committed.status, 200);
  const json place = committed.json()["partitions"][0];
  EXPECT_EQ(place["committed_offset"], 2);
  EXPECT_EQ(place["high_watermark"], 3);
  EXPECT_EQ(place["lag"], 1);
  EXPECT_EQ(place["metadata"], "m");
  EXPECT_EQ(Fetch("/groups/g/topics/t/offsets")["partitions"][0], place);
  fetched = Fetch("/groups/g/topics/t/records");
  EXPECT_THAT(ValuesOf(fetched), ElementsAre("c"));
  EXPECT_EQ(fetched["lag"], 1);
  EXPECT_THAT(ValuesOf(Fetch("/groups/g/topics/t/records?offset=1")), ElementsAre("b", "c"));
  EXPECT_EQ(Fetch("/groups/g/lag")["lag"], 1);
  EXPECT_EQ(Fetch("/groups/g/lag")["topics"][0]["topic"], "t");
  EXPECT_THAT(http->Get("/metrics").body,
              HasSubstr("\nflashdb_group_lag{group=\"g\",topic=\"t\"} 1\n"));
}

TEST_F(HttpTopicsTest, CommitsAreAllOrNothingAndNeverAboveTheEnd) {
  ASSERT_EQ(http->Put("/topics/p", R"({"partitions":2})").status, 201);
  Append("p", {{"partition", 0}, {"value", "a"}});
  Append("p", {{"partition", 1}, {"value", "b"}});
  const std::string target = "/groups/g/topics/p/offsets";
  HttpReply reply = http->PostJson(
      target,
      {{"offsets", {{{"partition", 0}, {"offset", 1}}, {{"partition", 1}, {"offset", 2}}}}});
  EXPECT_EQ(reply.status, 422);
  EXPECT_TRUE(Fetch(target)["partitions"].empty());
  reply = http->PostJson(
      target,
      {{"offsets", {{{"partition", 0}, {"offset", 1}}, {{"partition", 1}, {"offset", 0}}}}});
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json()["lag"], 1);
  for (const json& bad : {json{{"partition", 2}, {"offset", 0}}, json{{"partition", 0}},
                          json{{"offset", -1}}, json{{"offsets", json::array()}}, json::array()}) {
    EXPECT_EQ(http->PostJson(target, bad).status, 400) << bad;
  }
  EXPECT_EQ(http->PostJson("/groups/g/topics/none/offsets", {{"offset", 0}}).status, 404);
}

TEST_F(HttpTopicsTest, GroupsAreCreatedListedAndDeleted) {
  EXPECT_EQ(http->Put("/groups/g", "").status, 201);
  EXPECT_EQ(http->Put("/groups/g", "").status, 200);
  EXPECT_EQ(http->Put("/groups/-g", "").status, 400);
  EXPECT_EQ(Fetch("/groups")["groups"][0]["group"], "g");
  EXPECT_EQ(http->Delete("/groups/g").status, 204);
  EXPECT_EQ(http->Get("/groups/g").status, 404);
  EXPECT_EQ(http->Get("/groups/g/lag").status, 404);
}

std::set<int> SharesOf(const json& membership) {
  std::set<int> shares;
  for (const json& assignment : membership["assignments"]) {
    for (const json& partition : assignment["partitions"]) shares.insert(partition.get<int>());
  }
  return shares;
}

TEST_F(HttpTopicsTest, MembersShareThePartitionsAndTheDeadLoseTheirs) {
  ASSERT_EQ(http->Put("/topics/p", R"({"partitions":4})").status, 201);
  for (int p = 0; p < 4; ++p) Append("p", {{"partition", p}, {"value", std::to_string(p)}});
  auto join = [&](const char* name) {
    return http->PostJson("/groups/g/members",
                          {{"member", name}, {"topics", {"p"}}, {"session_timeout_ms", 1000}});
  };
  auto beat = [&](const std::string& name) {
    return http->Post("/groups/g/members/" + name + "/heartbeat", "");
  };
  EXPECT_EQ(SharesOf(join("a").json()), (std::set<int>{0, 1, 2, 3}));
  join("b");
  EXPECT_TRUE(Eventually([&] {
    const std::set<int> a = SharesOf(beat("a").json());
    const std::set<int> b = SharesOf(beat("b").json());
    std::set<int> both = a;
    both.insert(b.begin(), b.end());
    return a.size() == 2 && b.size() == 2 && both.size() == 4;
  }));
  EXPECT_EQ(Fetch("/groups/g")["members"].size(), 2u);
  const json mine = Fetch("/groups/g/topics/p/records?member=a");
  EXPECT_EQ(mine["records"].size(), 2u);
  EXPECT_EQ(http->Get("/groups/g/topics/p/records?member=none").status, 404);
  // Not a's partition: the commit is refused.
  const std::set<int> b = SharesOf(beat("b").json());
  HttpReply refused = http->PostJson("/groups/g/topics/p/offsets",
                                     {{"partition", *b.begin()}, {"offset", 1}, {"member", "a"}});
  EXPECT_EQ(refused.status, 409) << refused.body;
  // b dies.
  EXPECT_TRUE(Eventually([&] { return SharesOf(beat("a").json()).size() == 4; }));
  EXPECT_EQ(beat("b").status, 404);
  EXPECT_EQ(http->Delete("/groups/g/members/a").status, 204);
  EXPECT_EQ(http->Delete("/groups/g/members/a").status, 404);
  for (const json& bad : {json{{"topics", json::array()}}, json{{"member", "x"}},
                          json{{"topics", {"p"}}, {"session_timeout_ms", 10}}}) {
    EXPECT_EQ(http->PostJson("/groups/g/members", bad).status, 400) << bad;
  }
}

// ---- Durability --------------------------------------------------------------------------------

// Records, commits and what producers have sent survive kill -9, each as it was answered.
TEST(HttpTopicsDurabilityTest, WhatWasAnsweredSurvivesKill9) {
  ServerProcess server(HttpServer());
  std::map<uint64_t, std::string> answered;  // offset -> value
  std::atomic<uint64_t> committed = 0;
  std::atomic<int> commits = 0;
  for (int round = 0; round < Rounds(4); ++round) {
    ASSERT_TRUE(server.Start().ok()) << server.stderr_text();
    HttpClient reader(server.http_port());
    if (round > 0) {
      std::map<uint64_t, std::string> found;
      for (uint64_t next = 0;;) {
        const json fetched =
            reader.Get(fmt::format("/topics/t/records?offset={}&max_records=1000", next)).json();
        for (const json& record : fetched["records"]) found[record["offset"]] = record["value"];
        next = fetched["next_offset"];
        if (next == fetched["high_watermark"]) break;
      }
      for (const auto& [offset, value] : answered) ASSERT_EQ(found[offset], value);
      const HttpReply offsets = reader.Get("/groups/g/topics/t/offsets");
      ASSERT_EQ(offsets.status, 200) << offsets.body;
      ASSERT_GE(offsets.json()["partitions"][0]["committed_offset"], committed.load());
    }
    std::mutex mutex;
    std::vector<std::thread> writers;
    for (int writer = 0; writer < 4; ++writer) {
      writers.emplace_back([&, writer] {
        HttpClient http(server.http_port());
        for (int i = 0;; ++i) {
          const std::string value = fmt::format("{}.{}.{}", round, writer, i);
          const json batch = {{"records", {{{"value", value + "a"}}, {{"value", value + "b"}}}}};
          HttpReply reply = http.PostJson("/topics/t/records", batch);
          if (reply.status != 200) return;
          const uint64_t offset = reply.json()["offset"];
          {
            std::lock_guard lock(mutex);
            answered[offset] = value + "a";
            answered[offset + 1] = value + "b";
          }
          if (writer != 0) continue;
          const json commit = {{"offset", offset}};
          if (http.PostJson("/groups/g/topics/t/offsets", commit).status != 200) return;
          committed = offset;
          ++commits;
        }
      });
    }
    const int before = commits;
    EXPECT_TRUE(Eventually([&] { return commits > before + 5; }, std::chrono::seconds(60)));
    server.Kill9();
    for (std::thread& writer : writers) writer.join();
    ASSERT_FALSE(answered.empty());
  }
}

}  // namespace
}  // namespace flashdb::e2e
