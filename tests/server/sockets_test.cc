#include "server/sockets.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace flashdb {
namespace {

class SocketsTest : public testing::Test {
 protected:
  ~SocketsTest() override {
    for (int fd : fds_) ::close(fd);
  }
  Listening Listen(const std::string& host, uint16_t port) {
    auto listening = ListenOn(host, port, 16);
    EXPECT_TRUE(listening.ok()) << listening.status();
    fds_.push_back(listening->fd);
    return *listening;
  }
  int ConnectTo(uint16_t port) {
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fds_.push_back(fd);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

  std::vector<int> fds_;
};

TEST_F(SocketsTest, PortZeroTakesAFreeOneThatClientsReach) {
  Listening listening = Listen("127.0.0.1", 0);
  EXPECT_NE(listening.port, 0);
  int client = ConnectTo(listening.port);
  int accepted = ::accept(listening.fd, nullptr, nullptr);
  ASSERT_GE(accepted, 0);
  fds_.push_back(accepted);
  EXPECT_EQ(LocalAddress(accepted), fmt::format("127.0.0.1:{}", listening.port));
  EXPECT_EQ(PeerAddress(client), LocalAddress(accepted));
  EXPECT_EQ(PeerAddress(accepted), LocalAddress(client));
}

TEST_F(SocketsTest, ATakenPortIsNamed) {
  Listening listening = Listen("127.0.0.1", 0);
  auto again = ListenOn("127.0.0.1", listening.port, 16);
  EXPECT_EQ(MessageOf(again.status()),
            fmt::format("bind 127.0.0.1:{}: Address already in use", listening.port));
}

TEST_F(SocketsTest, OnlyNumericAddressesAreTaken) {
  auto named = ListenOn("no such host", 7, 16);
  EXPECT_TRUE(absl::IsInvalidArgument(named.status()));
  EXPECT_TRUE(MessageOf(named.status()).starts_with("address no such host:7: ")) << named.status();
}

TEST_F(SocketsTest, AVersionSixAddressIsInBrackets) {
  auto listening = ListenOn("::1", 0, 16);
  if (!listening.ok()) {
    // A machine without IPv6 says so, and names the address.
    EXPECT_NE(MessageOf(listening.status()).find("::1:0"), std::string::npos);
    return;
  }
  fds_.push_back(listening->fd);
  EXPECT_EQ(LocalAddress(listening->fd), fmt::format("[::1]:{}", listening->port));
}

TEST_F(SocketsTest, ASocketThatIsGoneHasNoAddress) {
  EXPECT_EQ(PeerAddress(-1), "?:0");
  EXPECT_EQ(LocalAddress(-1), "?:0");
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  fds_.insert(fds_.end(), {pair[0], pair[1]});
  EXPECT_EQ(PeerAddress(pair[0]), "?:0");
}

int OptionOf(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  EXPECT_EQ(::getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

TEST_F(SocketsTest, KeepAliveIsSetUnlessItIsZero) {
  int client = ConnectTo(Listen("127.0.0.1", 0).port);
  SetKeepAlive(client, 0);
  EXPECT_EQ(OptionOf(client, SOL_SOCKET, SO_KEEPALIVE), 0);
  SetKeepAlive(client, 300);
  EXPECT_EQ(OptionOf(client, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(OptionOf(client, IPPROTO_TCP, TCP_KEEPIDLE), 300);
  SetKeepAlive(client, 1);
  EXPECT_EQ(OptionOf(client, IPPROTO_TCP, TCP_KEEPINTVL), 1);
}

}  // namespace
}  // namespace flashdb
