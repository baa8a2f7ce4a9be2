// What must be true of every keyspace, whatever was done to it.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "shards/keyspace.h"

namespace flashdb::fuzz {

/// Type, expiry, and the value: a string's bytes, or a hash's fields in the order of their names.
using Image = std::tuple<int, UnixMillis, std::string>;
/// By database and key; with what has expired and nobody has removed.
using Contents = std::map<std::pair<uint32_t, std::string>, Image>;

/// Adds all of `keys` to `contents`. Aborts if the counts of keys and of expiries are wrong. Leaves
/// the clock of `keys` at the beginning of time.
void AddContents(Keyspace& keys, Contents& contents);
/// Empties `keys`; aborts if it then accounts for more than its databases' empty slots.
void CheckMemoryComesBack(Keyspace& keys);
/// Aborts, with the first difference, unless both are equal.
void CheckEqual(const Contents& expected, const Contents& actual, std::string_view what);

}  // namespace flashdb::fuzz
