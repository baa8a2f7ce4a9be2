// From a request to its route.
#pragma once

#include <cstdint>
#include <vector>

#include "api/exchange.h"

namespace flashdb {

/// Answers: checks the password, finds the route, checks the query and runs the handler. At the end
/// the exchange has a response, or a stream that is over.
Task<void> ServeHttp(HttpExchange& exchange);

/// One shard's counters of requests, by route and status. Used by its shard's thread only.
struct HttpStats {
  struct Count {
    int status;
    uint64_t requests;
  };
  uint64_t connections_received = 0;
  /// By the route's place in AllRoutes(); the last row is for requests that met none.
  std::vector<std::vector<Count>> by_route;

  void Add(const Route* route, int status);
  /// The running thread's.
  static HttpStats& Here();
};

}  // namespace flashdb
