// A socket that sends what it is told to, however wrong, and shows what comes back.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace flashdb::e2e {

class RawSocket {
 public:
  explicit RawSocket(uint16_t port);
  ~RawSocket();
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  /// False if the server has closed the connection.
  bool Send(std::string_view bytes);
  /// No more will be sent; what the server sends can still be read.
  void FinishSending();
  /// What has come, once it holds `end`, the connection is closed or `timeout` is over.
  std::string ReadUntil(std::string_view end,
                        std::chrono::milliseconds timeout = std::chrono::seconds(10));
  /// All that comes until the server closes the connection.
  std::string ReadToEnd(std::chrono::milliseconds timeout = std::chrono::seconds(10));
  bool closed() const { return closed_; }

 private:
  int fd_;
  std::string received_;
  bool closed_ = false;
};

}  // namespace flashdb::e2e
