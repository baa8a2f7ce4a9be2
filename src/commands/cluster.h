// The nodes that cluster-aware clients see.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command.h"

namespace flashdb {

struct ClusterNode {
  std::string id;  // 40 hex digits
  std::string host;
  int port;
  uint32_t first_slot;
  uint32_t last_slot;  // the last of its slots, not the one behind
};

/// Every node, in the order of its slots. The host is the announced one or, without, the one that
/// the client has reached. There is always at least one.
std::vector<ClusterNode> ClusterNodes(const SessionContext& context);

/// The place in ClusterNodes() of the node that the client is connected to.
size_t MyNodeIndex(const SessionContext& context);

/// The host of "host:port", IPv6 brackets taken off.
std::string HostOf(std::string_view address);

}  // namespace flashdb
