#include "cli/fake_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "base/check.h"
#include "base/numbers.h"

namespace flashdb::cli {
namespace {

// Reads what comes into `buffer`; false at the end of the connection.
bool Receive(int connection, std::string& buffer) {
  char data[16384];
  const ssize_t got = recv(connection, data, sizeof data, 0);
  if (got <= 0) return false;
  buffer.append(data, static_cast<size_t>(got));
  return true;
}

void SendAll(int connection, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = send(connection, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    text.remove_prefix(static_cast<size_t>(sent));
  }
}

FakeServer::Request HeadOf(const std::string& head) {
  FakeServer::Request request;
  const size_t line_end = head.find("\r\n");
  const size_t space = head.find(' ');
  request.method = head.substr(0, space);
  request.target = head.substr(space + 1, head.find(' ', space + 1) - space - 1);
  for (size_t at = line_end + 2; at < head.size();) {
    const size_t end = head.find("\r\n", at);
    const std::string line = head.substr(at, end - at);
    const size_t colon = line.find(':');
    if (colon != std::string::npos && colon + 2 <= line.size()) {
      request.headers[ToLower(line.substr(0, colon))] = line.substr(colon + 2);
    }
    at = end + 2;
  }
  return request;
}

// Takes one request off `buffer`; false at the end of the connection.
bool ReadRequest(int connection, std::string& buffer, FakeServer::Request* request) {
  size_t head_end;
  while ((head_end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!Receive(connection, buffer)) return false;
  }
  *request = HeadOf(buffer.substr(0, head_end + 2));
  buffer.erase(0, head_end + 4);
  const auto length = ParseUint64(request->headers["content-length"]).value_or(0);
  while (buffer.size() < length) {
    if (!Receive(connection, buffer)) return false;
  }
  request->body = buffer.substr(0, length);
  buffer.erase(0, length);
  return true;
}

std::string TextOf(const FakeServer::Response& response) {
  if (response.endless) {
    std::string text =
        fmt::format("HTTP/1.1 {} X\r\nTransfer-Encoding: chunked\r\n\r\n", response.status);
    if (!response.body.empty()) {
      text += fmt::format("{:x}\r\n{}\r\n", response.body.size(), response.body);
    }
    return text;
  }
  return fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n\r\n{}", response.status,
                     response.body.size(), response.body);
}

}  // namespace

FakeServer::FakeServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  FLASHDB_CHECK(bind(listener_, generic, size) == 0);
  FLASHDB_CHECK(listen(listener_, 64) == 0);
  FLASHDB_CHECK(getsockname(listener_, generic, &size) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

FakeServer::~FakeServer() {
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  for (int connection : connections_) shutdown(connection, SHUT_RDWR);
  for (std::thread& thread : threads_) thread.join();
  for (int connection : connections_) close(connection);
}

void FakeServer::Accept() {
  int connection;
  while ((connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0) {
    std::lock_guard lock(mutex_);
    connections_.push_back(connection);
    threads_.emplace_back([this, connection] { Serve(connection); });
  }
}

void FakeServer::Serve(int connection) {
  std::string buffer;
  Request request;
  while (ReadRequest(connection, buffer, &request)) {
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const Response response = handler_(request);
    if (response.hang_up) {
      shutdown(connection, SHUT_RDWR);
      return;
    }
    if (!response.never) SendAll(connection, TextOf(response));
    if (!response.never && !response.endless) continue;
    while (Receive(connection, buffer)) {
    }
  }
}

std::string FakeServer::url() const { return fmt::format("http://127.0.0.1:{}", port_); }

std::vector<FakeServer::Request> FakeServer::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<std::string> FakeServer::log() const {
  std::vector<std::string> lines;
  for (const Request& request : requests()) lines.push_back(request.method + " " + request.target);
  return lines;
}

bool FakeServer::WaitFor(const std::string& text) const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < deadline) {
    for (const std::string& line : log()) {
      if (line.find(text) != std::string::npos) return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

}  // namespace flashdb::cli
