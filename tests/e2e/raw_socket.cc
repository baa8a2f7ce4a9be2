#include "e2e/raw_socket.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "base/check.h"

namespace flashdb::e2e {

RawSocket::RawSocket(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  FLASHDB_CHECK(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0,
                "cannot connect to port {}: errno {}", port, errno);
}

RawSocket::~RawSocket() { close(fd_); }

bool RawSocket::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void RawSocket::FinishSending() { shutdown(fd_, SHUT_WR); }

std::string RawSocket::ReadUntil(std::string_view end, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!closed_ && (end.empty() || received_.find(end) == std::string::npos)) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd poller{.fd = fd_, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || poll(&poller, 1, static_cast<int>(left.count())) <= 0) break;
    std::array<char, 65536> buffer;
    const ssize_t size = recv(fd_, buffer.data(), buffer.size(), 0);
    closed_ = size <= 0;
    if (size > 0) received_.append(buffer.data(), static_cast<size_t>(size));
  }
  return std::exchange(received_, {});
}

std::string RawSocket::ReadToEnd(std::chrono::milliseconds timeout) {
  return ReadUntil({}, timeout);
}

}  // namespace flashdb::e2e
