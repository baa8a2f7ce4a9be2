// Listening sockets and addresses. Blocking calls for start-up; the rest are short.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace flashdb {

struct Listening {
  int fd = -1;
  uint16_t port = 0;
};

/// Binds and listens on a numeric address. `port` 0 takes a free one.
StatusOr<Listening> ListenOn(const std::string& host, uint16_t port, uint32_t backlog);

/// "127.0.0.1:6379", "[::1]:6379"; "?:0" if the socket is gone.
std::string PeerAddress(int fd);
std::string LocalAddress(int fd);

/// Probes an idle peer after `seconds`; 0 leaves keep-alive off.
void SetKeepAlive(int fd, uint32_t seconds);

}  // namespace flashdb
