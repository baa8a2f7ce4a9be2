// Clients come and go: very many, too many, over all shards; passwords; the end of the server.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "e2e/fixture.h"

namespace flashdb::e2e {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

class ConnectionsTest : public ServerTest {
 protected:
  explicit ConnectionsTest(std::vector<std::string> args = {})
      : ServerTest(SmallServer(3, std::move(args))) {}

  std::string Info(std::string_view field) {
    const std::string text = client->Command({"INFO"}).str;
    const size_t start = text.find(fmt::format("\n{}:", field));
    if (start == std::string::npos) return "";
    const size_t value = start + field.size() + 2;
    return text.substr(value, text.find('\r', value) - value);
  }
};

// A bare socket: twenty thousand of them must cost this process little.
int ConnectTo(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) return fd;
  close(fd);
  return -1;
}

bool Ping(int fd) {
  if (send(fd, "PING\r\n", 6, MSG_NOSIGNAL) != 6) return false;
  char reply[7];
  return recv(fd, reply, sizeof(reply), MSG_WAITALL) == 7 &&
         std::string_view(reply, 7) == "+PONG\r\n";
}

// As many descriptors as the system lets this process have, at most `wanted`.
size_t RaiseFileLimit(size_t wanted) {
  rlimit limit = {wanted, wanted};
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return wanted;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, wanted);
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  return limit.rlim_cur;
}

// Runs before the server starts, which inherits the limit.
class CrowdTest : public ConnectionsTest {
 protected:
  CrowdTest() : connections_(RaiseFileLimit(20'500) - 500) {}
  ~CrowdTest() override {
    for (int fd : fds_) close(fd);
  }

  const size_t connections_;
  std::vector<int> fds_;
};

TEST_F(CrowdTest, ThousandsOfIdleConnectionsAreKept) {
  const size_t wanted = std::min<size_t>(connections_, 19'900);
  ASSERT_GT(wanted, 500u) << "raise `ulimit -n`";
  for (size_t i = 0; i < wanted; ++i) {
    fds_.push_back(ConnectTo(server.port()));
    ASSERT_GE(fds_.back(), 0) << "connection " << i << ": errno " << errno;
  }
  for (size_t i = 0; i < wanted; i += 97) ASSERT_TRUE(Ping(fds_[i])) << i;
  ASSERT_TRUE(Ping(fds_.back()));
  EXPECT_EQ(Info("connected_clients"), std::to_string(wanted + 1));
  EXPECT_TRUE(client->Command({"SET", "k", "v"}).ok());
  for (int fd : fds_) close(fd);
  fds_.clear();
  EXPECT_TRUE(Eventually([this] { return Info("connected_clients") == "1"; }))
      << Info("connected_clients");
}

class MaxClientsTest : public ConnectionsTest {
 protected:
  MaxClientsTest() : ConnectionsTest({"--maxclients", "4"}) {}
};

TEST_F(MaxClientsTest, OneTooManyIsToldAndClosedAndAPlaceIsFreedByAnEnd) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Client>(server.port()));
    ASSERT_EQ(clients.back()->Command({"PING"}), Reply::Status("PONG")) << i;
  }
  Client refused = Connect();
  EXPECT_EQ(refused.ReceiveUntil("never sent"), "-ERR max number of clients reached\r\n");
  EXPECT_FALSE(refused.connected());
  clients.pop_back();
  EXPECT_TRUE(Eventually([this] {
    Client next = Connect();
    return next.Command({"PING"}) == Reply::Status("PONG");
  }));
}

TEST_F(ConnectionsTest, ClientListShowsTheClientsOfAllShards) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 7; ++i) {
    clients.push_back(std::make_unique<Client>(server.port()));
    clients.back()->Command({"CLIENT", "SETNAME", fmt::format("worker-{}", i)});
  }
  const std::string list = client->Command({"CLIENT", "LIST"}).str;
  for (int i = 0; i < 7; ++i) EXPECT_THAT(list, HasSubstr(fmt::format("name=worker-{} ", i)));
  EXPECT_EQ(std::count(list.begin(), list.end(), '\n'), 8);
  EXPECT_THAT(list, HasSubstr("addr=127.0.0.1:"));
  EXPECT_THAT(clients[3]->Command({"CLIENT", "INFO"}).str, HasSubstr("name=worker-3 "));
}

TEST_F(ConnectionsTest, ClientKillReachesAllShards) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(std::make_unique<Client>(server.port()));
    const int64_t id = clients.back()->Command({"CLIENT", "ID"}).integer;
    EXPECT_EQ(client->Command({"CLIENT", "KILL", "ID", std::to_string(id)}), Reply::Integer(1));
    EXPECT_TRUE(clients.back()->WaitForClose());
    EXPECT_EQ(client->Command({"CLIENT", "KILL", "ID", std::to_string(id)}), Reply::Integer(0));
  }
  Client others[] = {Connect(), Connect(), Connect()};
  for (Client& other : others) other.Command({"PING"});
  EXPECT_EQ(client->Command({"CLIENT", "KILL", "TYPE", "normal"}), Reply::Integer(3));
  for (Client& other : others) EXPECT_TRUE(other.WaitForClose());
  EXPECT_EQ(client->Command({"CLIENT", "KILL", "127.0.0.1:1"}), Reply::Error("ERR No such client"));
  EXPECT_EQ(client->Command({"PING"}), Reply::Status("PONG")) << "oneself is left out";
}

TEST_F(ConnectionsTest, ClientPauseHoldsWritesOfAllShardsBack) {
  ASSERT_TRUE(client->Command({"CLIENT", "PAUSE", "300", "WRITE"}).ok());
  std::vector<std::unique_ptr<Client>> clients;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<Client>(server.port()));
    EXPECT_TRUE(clients.back()->Command({"GET", "k"}).is_null()) << "reads go on";
    EXPECT_TRUE(clients.back()->Append({"SET", fmt::format("k{}", i), "v"}).ok());
  }
  for (auto& paused : clients) EXPECT_TRUE(paused->GetReply().ok());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(200));
}

TEST_F(ConnectionsTest, ClientPauseAllHoldsEveryCommandBack) {
  Client others[] = {Connect(), Connect(), Connect(), Connect()};
  for (Client& other : others) EXPECT_EQ(other.Command({"PING"}), Reply::Status("PONG"));
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(client->Command({"CLIENT", "PAUSE", "300"}).ok());
  ASSERT_TRUE(others[0].Append({"PING"}).ok());
  ASSERT_TRUE(others[1].Append({"MULTI"}).ok());
  ASSERT_TRUE(others[2].Append({"CLIENT", "UNPAUSE"}).ok());
  EXPECT_EQ(others[3].Command({"GET"}),
            Reply::Error("ERR wrong number of arguments for 'get' command"))
      << "what is refused is refused at once, as in Redis";
  EXPECT_EQ(others[0].GetReply(), Reply::Status("PONG"));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(290));
  EXPECT_TRUE(others[1].GetReply().ok());
  EXPECT_TRUE(others[2].GetReply().ok());
}

TEST_F(ConnectionsTest, APauseOfWritesHoldsPublishAndExecWithWrites) {
  Client other = Connect();
  Client writer = Connect();
  ASSERT_TRUE(writer.Command({"MULTI"}).ok());
  ASSERT_EQ(writer.Command({"SET", "k", "v"}), Reply::Status("QUEUED"));
  ASSERT_TRUE(client->Command({"CLIENT", "PAUSE", "60000", "WRITE"}).ok());
  ASSERT_TRUE(other.Command({"MULTI"}).ok());
  ASSERT_EQ(other.Command({"GET", "k"}), Reply::Status("QUEUED"));
  EXPECT_EQ(other.Command({"EXEC"}), Reply::Array({Reply::Null()})) << "nothing in it writes";
  ASSERT_TRUE(other.Append({"PUBLISH", "c", "m"}).ok());
  ASSERT_TRUE(writer.Append({"EXEC"}).ok());
  EXPECT_TRUE(Eventually([this] { return Info("blocked_clients") == "2"; }));
  EXPECT_THAT(client->Command({"CLIENT", "LIST"}).str, HasSubstr("flags=b "));
  ASSERT_TRUE(client->Command({"CLIENT", "UNPAUSE"}).ok());
  EXPECT_EQ(other.GetReply(), Reply::Integer(0));
  EXPECT_EQ(writer.GetReply().elements.size(), 1u);
  EXPECT_EQ(Info("blocked_clients"), "0");
}

TEST_F(ConnectionsTest, AClientSeesItsOwnCommandInItsBuffers) {
  const std::string line = client->Command({"CLIENT", "INFO"}).str;
  EXPECT_THAT(line, HasSubstr(" qbuf=26 "));
  EXPECT_THAT(line, HasSubstr(" argv-mem=10 multi-mem=0 "));
  EXPECT_THAT(line, HasSubstr(" obl=0 oll=0 omem=0 "));
  EXPECT_THAT(line, HasSubstr(" events=r cmd=client|info user=default redir=-1 resp=2 "));
}

// What `list`, a CLIENT LIST, says of the client's unused input memory, in bytes.
int64_t UnusedInput(const Reply& list, int64_t id) {
  const size_t line = list.str.find(fmt::format("id={} ", id));
  const size_t field = list.str.find(" qbuf-free=", line);
  if (line == std::string::npos || field == std::string::npos) return -1;
  return std::stoll(list.str.substr(field + std::string_view(" qbuf-free=").size()));
}

TEST_F(ConnectionsTest, InputMemoryIsKeptWhileItIsUsedAndGivenBackAfterwards) {
  constexpr int64_t kKept = 64 * 1024;
  Client writer = Connect();
  const int64_t id = writer.Command({"CLIENT", "ID"}).integer;
  const std::string value(400'000, 'x');
  auto unused = [&] { return UnusedInput(client->Command({"CLIENT", "LIST"}), id); };
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(writer.Command({"SET", "k", value}).ok());
    EXPECT_GE(unused(), static_cast<int64_t>(value.size()));
    std::this_thread::sleep_for(milliseconds(100));
  }
  EXPECT_TRUE(Eventually([&] { return unused() <= kKept; })) << unused();
  EXPECT_TRUE(writer.Command({"SET", "k", value}).ok());
}

class TimeoutTest : public ConnectionsTest {
 protected:
  TimeoutTest() : ConnectionsTest({"--timeout", "1"}) {}
};

TEST_F(TimeoutTest, IdleClientsAreClosedButSubscribersStay) {
  Client idle = Connect();
  idle.Command({"PING"});
  Client subscriber = Connect();
  subscriber.Command({"SUBSCRIBE", "c"});
  EXPECT_TRUE(idle.WaitForClose());
  Client publisher = Connect();
  EXPECT_EQ(publisher.Command({"PUBLISH", "c", "x"}), Reply::Integer(1));
}

// ---- Access ------------------------------------------------------------------------------------

TEST(AccessTest, AnOpenAddressWithoutAPasswordIsRefusedAtStart) {
  ServerProcess server(SmallServer(1, {"--bind", "0.0.0.0"}));
  const Status status = server.Start();
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(MessageOf(status), HasSubstr("protected-mode"));
  EXPECT_THAT(MessageOf(status), HasSubstr("requirepass"));
}

TEST(AccessTest, AnOpenAddressWithAPasswordIsServed) {
  ServerProcess server(SmallServer(1, {"--bind", "0.0.0.0", "--requirepass", "secret"}));
  const Status status = server.Start();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(server.stderr_text(), Not(HasSubstr("secret"))) << "a password is never logged";
  Client client(server.port());
  EXPECT_TRUE(client.Command({"AUTH", "default", "secret"}).ok());
  EXPECT_TRUE(client.Command({"CONFIG", "SET", "requirepass", "other"}).ok());
  Client second(server.port());
  EXPECT_TRUE(second.Command({"AUTH", "secret"}).is_error());
  EXPECT_TRUE(second.Command({"AUTH", "other"}).ok());
}

// ---- The end -----------------------------------------------------------------------------------

TEST_F(ConnectionsTest, SigtermAnswersWhatHasBegunAndExitsWithZero) {
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 6; ++i) idle.push_back(std::make_unique<Client>(server.port()));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client->Command({"SET", fmt::format("k{}", i), std::to_string(i)}).ok());
  }
  StatusOr<int> code = server.Terminate();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 0) << server.stderr_text();
  for (auto& other : idle) EXPECT_TRUE(other->WaitForClose());
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(client->Command({"DBSIZE"}), Reply::Integer(100));
  EXPECT_EQ(client->Command({"GET", "k99"}), Reply::String("99"));
}

TEST_F(ConnectionsTest, SigtermEndsAServerWhoseClientsDoNotRead) {
  ASSERT_TRUE(client->Command({"SET", "big", std::string(1 << 20, 'x')}).ok());
  Client lazy = Connect();
  std::string request;
  for (int i = 0; i < 50; ++i) request += "GET big\r\n";
  ASSERT_TRUE(lazy.Send(request).ok());
  StatusOr<int> code = server.Terminate(milliseconds(20000));
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 0) << server.stderr_text();
}

TEST_F(ConnectionsTest, ShutdownEndsTheServerWithZero) {
  client->Command({"SET", "k", "v"});
  EXPECT_TRUE(client->Command({"SHUTDOWN"}).lost());
  StatusOr<int> code = server.WaitForExit(milliseconds(20000));
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 0) << server.stderr_text();
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(client->Command({"GET", "k"}), Reply::String("v"));
}

}  // namespace
}  // namespace flashdb::e2e
