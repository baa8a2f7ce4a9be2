// Who listens to what on one shard. The session keeps the names; this maps names to sessions.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <string>
#include <string_view>

#include "base/hash.h"

namespace flashdb {

struct Session;

/// Belongs to one shard's thread.
struct PubSubRegistry {
  using Listeners = absl::flat_hash_set<Session*>;
  using ByName = absl::flat_hash_map<std::string, Listeners, StringHash, StringEq>;

  ByName channels;
  ByName patterns;
  ByName shard_channels;
};

}  // namespace flashdb
