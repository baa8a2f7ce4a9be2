// What strangers may send over HTTP: pipelines, pieces, nonsense, too much, too slowly.
#include <gmock/gmock.h>

#include "e2e/fixture.h"
#include "e2e/http_client.h"
#include "e2e/raw_socket.h"

namespace flashdb::e2e {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kHealth = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";

size_t Count(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at += part.size()) {
    ++count;
  }
  return count;
}

class HttpLimitsTest : public ServerTest {
 protected:
  static ServerProcess::Options Options() {
    return HttpServer({"--http-max-body", "64kb", "--http-request-timeout", "1",
                       "--http-idle-timeout", "2", "--maxclients", "20"});
  }
  HttpLimitsTest() : ServerTest(Options()) {}

  void ExpectRefusal(std::string_view request, int status) {
    RawSocket socket(server.http_port());
    socket.Send(request);
    const std::string reply = socket.ReadToEnd();
    EXPECT_THAT(reply, StartsWith(fmt::format("HTTP/1.1 {} ", status))) << request.substr(0, 60);
    EXPECT_THAT(reply, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_THAT(reply, HasSubstr("\"error\":"));
    EXPECT_TRUE(socket.closed());
  }
};

TEST_F(HttpLimitsTest, APipelineIsAnsweredInItsOrder) {
  RawSocket socket(server.http_port());
  std::string requests;
  constexpr int kRequests = 500;
  for (int i = 0; i < kRequests; ++i) {
    const std::string value = std::to_string(i);
    requests += fmt::format(
        "PUT /keys/k{} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}"
        "GET /keys/k{} HTTP/1.1\r\nHost: h\r\n\r\n",
        i % 7, value.size(), value, i % 7);
  }
  requests += "GET /nothing HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  ASSERT_TRUE(socket.Send(requests));
  const std::string replies = socket.ReadToEnd();
  EXPECT_EQ(Count(replies, "HTTP/1.1 204 No Content\r\n"), static_cast<size_t>(kRequests));
  size_t at = 0;
  for (int i = 0; i < kRequests; ++i) {
    at = replies.find(fmt::format("\r\n\r\n{}HTTP/1.1 ", i), at);
    ASSERT_NE(at, std::string::npos) << "no answer " << i;
  }
  EXPECT_NE(replies.find("HTTP/1.1 404 Not Found", at), std::string::npos);
}

TEST_F(HttpLimitsTest, ARequestInPiecesIsARequest) {
  RawSocket socket(server.http_port());
  const std::string request =
      "PUT /keys/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (char c : request) {
    ASSERT_TRUE(socket.Send(std::string_view(&c, 1)));
    std::this_thread::sleep_for(milliseconds(2));
  }
  EXPECT_THAT(socket.ReadUntil("\r\n\r\n"), HasSubstr("204"));
  EXPECT_EQ(HttpClient(server.http_port()).Get("/keys/a").body, "abc");
}

TEST_F(HttpLimitsTest, AClientThatHasFinishedSendingGetsItsAnswers) {
  RawSocket socket(server.http_port());
  socket.Send(kHealth);
  socket.Send(kHealth);
  socket.FinishSending();
  EXPECT_EQ(Count(socket.ReadToEnd(), "200 OK"), 2u);
}

TEST_F(HttpLimitsTest, NonsenseIsRefusedAndEndsTheConnection) {
  ExpectRefusal("\x16\x03\x01\x02", 400);  // TLS begins so; nobody waits for more
  ExpectRefusal("*1\r\n$4\r\nPING\r\n\r\n", 400);
  ExpectRefusal("GET / HTTP/1.1\r\n\r\n", 400);
  ExpectRefusal("GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505);
  ExpectRefusal("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501);
  ExpectRefusal("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400);
}

TEST_F(HttpLimitsTest, HeadsAndBodiesThatAreTooLargeAreRefused) {
  ExpectRefusal("GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 431);
  ExpectRefusal("GET / HTTP/1.1\r\nHost: h\r\n" + std::string(20'000, 'a'), 431);
  // What the client goes on sending does not keep it from reading the answer.
  const std::string body(300'000, 'x');
  ExpectRefusal("PUT /keys/a HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n" + body, 413);
  ExpectRefusal(
      "PUT /keys/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n493e0\r\n" + body, 413);
}

TEST_F(HttpLimitsTest, AHeadThatComesTooSlowlyIsRefused) {
  RawSocket socket(server.http_port());
  for (char c :
       std::string_view("GET /healthz HTTP/1.1\r\nHost: hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh")) {
    if (!socket.Send(std::string_view(&c, 1))) break;
    std::this_thread::sleep_for(milliseconds(60));
  }
  EXPECT_THAT(socket.ReadToEnd(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(HttpLimitsTest, ABodyThatComesTooSlowlyIsRefused) {
  RawSocket socket(server.http_port());
  socket.Send("PUT /keys/a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 30; ++i) {
    if (!socket.Send("x")) break;
    std::this_thread::sleep_for(milliseconds(60));
  }
  EXPECT_THAT(socket.ReadToEnd(), StartsWith("HTTP/1.1 408 "));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(HttpLimitsTest, AnIdleConnectionIsClosedWithoutAWord) {
  RawSocket socket(server.http_port());
  socket.Send(kHealth);
  EXPECT_THAT(socket.ReadUntil("}"), HasSubstr("200 OK"));
  EXPECT_THAT(socket.ReadToEnd(), Not(HasSubstr("HTTP/1.1")));
  EXPECT_TRUE(socket.closed());
}

TEST_F(HttpLimitsTest, OldClientsAreServed) {
  RawSocket socket(server.http_port());
  socket.Send("GET /healthz HTTP/1.0\r\n\r\n");
  const std::string reply = socket.ReadToEnd();
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(reply, HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(HttpLimitsTest, ClientsBeyondMaxclientsAreTold) {
  std::vector<std::unique_ptr<RawSocket>> sockets;
  for (int i = 0; i < 19; ++i) {  // and `client`
    sockets.push_back(std::make_unique<RawSocket>(server.http_port()));
    sockets.back()->Send(kHealth);
    EXPECT_THAT(sockets.back()->ReadUntil("}"), HasSubstr("200 OK"));
  }
  RawSocket last(server.http_port());
  const std::string reply = last.ReadToEnd();
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(reply, HasSubstr("too_many_clients"));
  sockets.pop_back();
  EXPECT_TRUE(
      Eventually([&] { return HttpClient(server.http_port()).Get("/healthz").status == 200; }));
}

// A client that asks for much and reads nothing holds no more than it asked for, and others go on.
TEST_F(HttpLimitsTest, AClientThatDoesNotReadIsClosed) {
  HttpClient http(server.http_port());
  ASSERT_EQ(http.Put("/keys/a", std::string(60'000, 'x')).status, 204);
  RawSocket socket(server.http_port());
  std::string requests;
  for (int i = 0; i < 2000; ++i) requests += "GET /keys/a HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_TRUE(socket.Send(requests));
  EXPECT_TRUE(
      Eventually([&] { return Count(server.stderr_text(), "does not read its response") == 1; }));
  EXPECT_EQ(http.Get("/healthz").status, 200);
}

}  // namespace
}  // namespace flashdb::e2e
