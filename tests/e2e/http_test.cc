// Keys, commands and the server's own routes over HTTP.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <map>
#include <mutex>
#include <thread>

#include "e2e/http_fixture.h"
#include "e2e/raw_socket.h"

namespace flashdb::e2e {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class HttpTest : public HttpServerTest {
 protected:
  using HttpServerTest::HttpServerTest;
};

// ---- Keys --------------------------------------------------------------------------------------

TEST_F(HttpTest, AKeyIsPutReadAndDeleted) {
  EXPECT_EQ(http->Put("/keys/a", "hello").status, 204);
  HttpReply reply = http->Get("/keys/a");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "hello");
  EXPECT_EQ(reply.type(), "application/octet-stream");
  EXPECT_EQ(http->Delete("/keys/a").status, 204);
  EXPECT_EQ(http->Delete("/keys/a").status, 404);
  EXPECT_EQ(http->Get("/keys/a").status, 404);
}

TEST_F(HttpTest, KeysAndValuesMayBeAnyBytes) {
  std::string key;
  for (int c = 0; c < 256; ++c) key += static_cast<char>(c);
  std::string value(300'000, '\0');
  for (size_t i = 0; i < value.size(); ++i) value[i] = static_cast<char>(i * 31);
  ASSERT_EQ(http->Put("/keys/" + Escaped(key), value).status, 204);
  EXPECT_EQ(http->Get("/keys/" + Escaped(key)).body, value);
  EXPECT_EQ(client->Command({"GET", key}).str, value);
  ASSERT_EQ(http->Put("/keys/empty", "").status, 204);
  EXPECT_EQ(client->Command({"GET", "empty"}).str, "");
}

TEST_F(HttpTest, AKeyIsShownAsJsonToWhoAsksForIt) {
  const HttpOptions accept{.headers = {"Accept: application/json"}};
  http->Put("/keys/a", "hello");
  EXPECT_EQ(http->Get("/keys/a", accept).json(), (json{{"key", "a"}, {"value", "hello"}}));
  http->Put("/keys/a?ttl_ms=100000", "\xff");
  const json shown = http->Get("/keys/a", accept).json();
  EXPECT_EQ(shown["value_base64"], "/w==");
  EXPECT_GT(shown["ttl_ms"], 90'000);
}

TEST_F(HttpTest, ATimeToLiveEndsAKey) {
  ASSERT_EQ(http->Put("/keys/a?ttl_ms=50", "x").status, 204);
  EXPECT_TRUE(Eventually([&] { return http->Get("/keys/a").status == 404; }));
}

TEST_F(HttpTest, TheDatabaseIsChosenByEachRequest) {
  ASSERT_EQ(http->Put("/keys/a?db=3", "three").status, 204);
  EXPECT_EQ(http->Get("/keys/a").status, 404);
  EXPECT_EQ(http->Get("/keys/a?db=3").body, "three");
  EXPECT_EQ(http->Post("/commands?db=3", R"(["GET","a"])").json(), "three");
}

TEST_F(HttpTest, AHashIsNoString) {
  client->Command({"HSET", "h", "f", "v"});
  HttpReply reply = http->Get("/keys/h");
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.json()["error"], "wrong_type");
  EXPECT_EQ(http->Delete("/keys/h").status, 204);
}

// ---- Commands ----------------------------------------------------------------------------------

TEST_F(HttpTest, ACommandGivesItsReply) {
  EXPECT_EQ(http->PostJson("/commands", {"SET", "n", 1}).json(), "OK");
  EXPECT_EQ(http->PostJson("/commands", {"INCR", "n"}).json(), 2);
  EXPECT_EQ(http->PostJson("/commands", {"GET", "none"}).json(), nullptr);
  EXPECT_EQ(http->PostJson("/commands", {"INCRBYFLOAT", "f", 0.5}).json(), "0.5");
}

TEST_F(HttpTest, CommandsRunInTheirOrderOverAllShards) {
  const std::string a = KeyOn(0, 2, "a");
  const std::string b = KeyOn(1, 2, "b");
  const json commands = {
      {"MSET", a, "1", b, "2"}, {"INCR", a},   {"LPOS"},         {"MGET", a, b, "c"},
      {"HSET", "h", "f", "v"},  {"INCR", "h"}, {"HGETALL", "h"}, {"DBSIZE"}};
  const json replies = http->PostJson("/commands", commands).json();
  ASSERT_EQ(replies.size(), commands.size());
  EXPECT_EQ(replies[0], "OK");
  EXPECT_EQ(replies[1], 2);
  EXPECT_THAT(replies[2]["error"].get<std::string>(), HasSubstr("ERR unknown command"));
  EXPECT_EQ(replies[3], (json{"2", "2", nullptr}));
  EXPECT_THAT(replies[5]["error"].get<std::string>(), HasSubstr("WRONGTYPE"));
  EXPECT_EQ(replies[6], (json{{"f", "v"}}));
  EXPECT_EQ(replies[7], 3);
}

TEST_F(HttpTest, WhatIsAboutAConnectionIsRefusedBeforeAnythingRuns) {
  for (json command : {json{"MULTI"}, json{"SUBSCRIBE", "c"}, json{"SELECT", 1},
                       json{"CLIENT", "REPLY", "OFF"}, json{"client", "setname", "x"},
                       json{"AUTH", "x"}, json{"WATCH", "k"}, json{"QUIT"}, json{"HELLO", 3}}) {
    HttpReply reply = http->PostJson("/commands", {{"SET", "touched", 1}, command});
    EXPECT_EQ(reply.status, 422) << command;
    EXPECT_EQ(reply.json()["error"], "stateful_command");
  }
  EXPECT_EQ(http->Get("/keys/touched").status, 404);
}

TEST_F(HttpTest, WhatIsNoCommandIsRefused) {
  for (std::string body : {"", "{", "[]", "{}", "1", "[[]]", "[[1],2]", "[\"GET\",{}]", "[null]",
                           "[\"a\"] x", "[\"\xff\"]", "[[\"GET\",\"a\"],[]]"}) {
    EXPECT_EQ(http->Post("/commands", body).status, 400) << body;
  }
  std::string deep(5000, '[');
  EXPECT_EQ(http->Post("/commands", deep).status, 400);
}

// ---- The server's own --------------------------------------------------------------------------

TEST_F(HttpTest, HealthSaysThatAllIsWell) {
  EXPECT_EQ(http->Get("/health").json()["status"], "ok");
  EXPECT_EQ(http->Get("/health").json()["shards"], 2);
  EXPECT_EQ(http->Get("/healthz").status, 200);
  EXPECT_EQ(http->Get("/readyz").json()["status"], "ready");
  EXPECT_EQ(http->Request("HEAD", "/health").status, 200);
}

TEST_F(HttpTest, MetricsCountWhatHappened) {
  http->Put("/keys/a", "1");
  client->Command({"INCR", "a"});
  client->Command({"INCR", "a"});
  const HttpReply reply = http->Get("/metrics");
  EXPECT_EQ(reply.type(), "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line : {
           "\nflashdb_commands_total{command=\"incr\"} 2\n",
           "\nflashdb_command_duration_seconds_count{command=\"incr\"} 2\n",
           "\nflashdb_command_duration_seconds_bucket{command=\"incr\",le=\"+Inf\"} 2\n",
           "\nflashdb_http_requests_total{method=\"PUT\",route=\"/keys/{key}\",status=\"204\"} 1\n",
           "\nflashdb_connections 2\n",
           "\nflashdb_log_up{shard=\"1\"} 1\n",
           "\nflashdb_keys{db=\"0\"} 1\n",
           "# TYPE flashdb_log_commit_duration_seconds histogram\n",
       }) {
    EXPECT_THAT(reply.body, HasSubstr(line));
  }
}

TEST_F(HttpTest, TheDocumentAndItsPageAreServed) {
  const json document = http->Get("/openapi.json").json();
  EXPECT_EQ(document["openapi"], "3.1.0");
  EXPECT_TRUE(document["paths"].contains("/keys/{key}"));
  const HttpReply page = http->Get("/docs");
  EXPECT_EQ(page.type(), "text/html; charset=utf-8");
  EXPECT_THAT(page.body, HasSubstr("fetch(\"openapi.json\")"));
  EXPECT_THAT(page.body, ::testing::Not(HasSubstr("https://")));
}

TEST_F(HttpTest, AnHttpClientIsListedWithTheOthers) {
  http->Get("/health");
  EXPECT_THAT(client->Command({"CLIENT", "LIST"}).str, HasSubstr(" cmd=http "));
}

// ---- Errors ------------------------------------------------------------------------------------

TEST_F(HttpTest, ErrorsAreJson) {
  EXPECT_EQ(http->Get("/nothing").status, 404);
  EXPECT_EQ(http->Get("/nothing").json()["error"], "not_found");
  HttpReply reply = http->Post("/keys/a", "x");
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.header("allow"), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(http->Request("OPTIONS", "/health", {}, {.check = false}).status, 405);
  EXPECT_EQ(http->Put("/keys/a?ttl=5", "x").status, 400);
  EXPECT_EQ(http->Put("/keys/a?ttl_ms=0", "x").status, 400);
  EXPECT_EQ(http->Put("/keys/a?ttl_ms=1&ttl_ms=2", "x").status, 400);
  EXPECT_EQ(http->Get("/keys/a?db=16").status, 400);
  EXPECT_EQ(http->Get("/keys/a?x=%zz").status, 400);
  EXPECT_EQ(http->Put("/keys/a", "x", {.headers = {"Content-Encoding: gzip"}}).status, 415);
}

// ---- Connections -------------------------------------------------------------------------------

TEST_F(HttpTest, AConnectionIsUsedAgain) {
  http->Get("/health");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(http->Put("/keys/a", "x", {.chunked = i % 2 == 0}).status, 204);
    EXPECT_EQ(http->connections_opened(), 0);
  }
  EXPECT_EQ(http->Get("/nothing").status, 404);
  EXPECT_EQ(http->connections_opened(), 0) << "an error of a route ends no connection";
}

TEST_F(HttpTest, AChunkedBodyIsPutTogether) {
  const std::string value(200'000, 'c');
  ASSERT_EQ(http->Put("/keys/a", value, {.chunked = true}).status, 204);
  EXPECT_EQ(http->Get("/keys/a").body, value);
}

// curl waits for the 100 before it sends a body of that size.
TEST_F(HttpTest, ABodyIsAskedForWhenTheClientWaitsToBe) {
  const std::string value(2'000'000, 'c');
  const HttpOptions expect{.headers = {"Expect: 100-continue"}};
  EXPECT_EQ(http->Put("/keys/a", value, expect).status, 204);
  EXPECT_EQ(http->Get("/keys/a").body.size(), value.size());
}

// ---- The password ------------------------------------------------------------------------------

class HttpPasswordTest : public HttpTest {
 protected:
  // The document is asked for while no password is needed.
  void SetUp() override {
    HttpTest::SetUp();
    http->Get("/health");
    client->Command({"CONFIG", "SET", "requirepass", "se:cret"});
  }
};

TEST_F(HttpPasswordTest, IsAskedForAndTakenAsBearerOrBasic) {
  HttpReply reply = http->Get("/keys/a");
  EXPECT_EQ(reply.status, 401);
  EXPECT_THAT(reply.header("www-authenticate"), HasSubstr("Bearer"));
  EXPECT_THAT(reply.header("www-authenticate"), HasSubstr("Basic"));
  EXPECT_EQ(http->Put("/keys/a", "x", {.headers = {"Authorization: Bearer se:cret"}}).status, 204);
  EXPECT_EQ(http->Get("/keys/a", {.user = "default:se:cret"}).status, 200);
  EXPECT_EQ(http->Get("/keys/a").status, 401) << "each request is asked";
}

TEST_F(HttpPasswordTest, AWrongOneIsRefused) {
  for (std::string line : {"Bearer secret", "Bearer se:cret ", "Bearer", "Basic !!", "Basic c2U=",
                           "Digest se:cret", "Bearer se:cretX", "Basic ZGVmYXVsdDpzZWNyZXQ="}) {
    const int status = http->Get("/keys/a", {.headers = {"Authorization: " + line}}).status;
    // Blanks around a header's value are not part of it.
    EXPECT_EQ(status, line == "Bearer se:cret " ? 404 : 401) << line;
  }
  EXPECT_EQ(http->Get("/keys/a", {.user = "default:wrong"}).status, 401);
  EXPECT_EQ(http->Get("/metrics").status, 401);
  EXPECT_EQ(http->Get("/nothing").status, 401) << "a stranger learns of no paths";
}

TEST_F(HttpPasswordTest, HealthIsToldToAnybody) {
  for (const char* path : {"/health", "/healthz", "/readyz"}) {
    EXPECT_EQ(http->Get(path).status, 200) << path;
  }
}

// ---- Starts and ends ---------------------------------------------------------------------------

TEST(HttpStartTest, APortInUseEndsTheStartWithARemedy) {
  ServerProcess first(HttpServer());
  ASSERT_TRUE(first.Start().ok());
  ServerProcess second(SmallServer(1, {"--http-port", std::to_string(first.http_port())}));
  const Status status = second.Start();
  EXPECT_THAT(std::string(status.message()), HasSubstr("Address already in use"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("Choose another --http-port, or 0"));
}

TEST(HttpStartTest, PortZeroServesNoHttp) {
  ServerProcess server(SmallServer(1));
  ASSERT_TRUE(server.Start().ok());
  EXPECT_THAT(server.stderr_text(), ::testing::Not(HasSubstr("HTTP")));
}

TEST_F(HttpTest, AShutdownLetsARequestEnd) {
  RawSocket waiting(server.http_port());
  ASSERT_TRUE(waiting.Send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_THAT(waiting.ReadUntil("}"), HasSubstr("200 OK"));
  const StatusOr<int> code = server.Terminate();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 0);
  waiting.ReadToEnd();
  EXPECT_TRUE(waiting.closed());
}

// What was answered is there after kill -9, from several clients at once.
TEST(HttpDurabilityTest, WhatWasAnsweredSurvivesKill9) {
  ServerProcess server(HttpServer());
  std::map<std::string, std::string> answered;
  for (int round = 0; round < Rounds(4); ++round) {
    ASSERT_TRUE(server.Start().ok()) << server.stderr_text();
    {
      HttpClient reader(server.http_port());
      for (const auto& [key, value] : answered) ASSERT_EQ(reader.Get("/keys/" + key).body, value);
    }
    std::mutex mutex;
    std::vector<std::thread> writers;
    for (int writer = 0; writer < 4; ++writer) {
      writers.emplace_back([&, writer] {
        HttpClient http(server.http_port());
        for (int i = 0;; ++i) {
          const std::string key = fmt::format("{}-{}", writer, i % 50);
          const std::string value = fmt::format("{}.{}.{}", round, writer, i);
          if (http.Put("/keys/" + key, value).status != 204) {
            std::lock_guard lock(mutex);
            answered.erase(key);  // it may be there or not
            return;
          }
          std::lock_guard lock(mutex);
          answered[key] = value;
        }
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    server.Kill9();
    for (std::thread& writer : writers) writer.join();
    ASSERT_FALSE(answered.empty());
  }
}

// The log fails behind a response that waits for it: see log_failure_test.cc for how it is made
// to fail.
TEST(HttpLogFailureTest, AWriteThatIsNotOnDiskIsAnsweredWithAnError) {
  ServerProcess::Options options = HttpServer();
  options.shards = 1;
  ServerProcess server(options);
  ASSERT_TRUE(server.Start().ok());
  HttpClient http(server.http_port());
  ASSERT_EQ(http.Put("/keys/settled", "x").status, 204);
  const rlimit limit{.rlim_cur = 4096, .rlim_max = 4096};
  ASSERT_EQ(prlimit(server.pid(), RLIMIT_FSIZE, &limit, nullptr), 0);
  HttpReply reply;
  for (int i = 0; i < 200 && reply.status != 503; ++i) {
    reply = http.Put("/keys/k", std::string(100'000, 'x'));
  }
  ASSERT_EQ(reply.status, 503) << reply.body << reply.error;
  EXPECT_EQ(http.Get("/readyz").status, 503);
  EXPECT_EQ(http.Get("/health").json()["status"], "failed");
  EXPECT_EQ(http.Get("/healthz").status, 200);
  EXPECT_EQ(http.Put("/keys/other", "x").status, 503);
  EXPECT_EQ(http.Get("/keys/settled").body, "x");
}

}  // namespace
}  // namespace flashdb::e2e
