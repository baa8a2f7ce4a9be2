// CONFIG GET and CONFIG SET: the parameters by name, under the names Redis has for them where there
// is one. Includes some that are fixed here but which clients ask for (`save`, `databases`, ...).
// Not thread-safe: call on the thread that owns the Config.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "server/config.h"

namespace flashdb {

/// Names and values.
using Settings = std::vector<std::pair<std::string, std::string>>;

/// Those whose name matches `glob` (*, ?, [a-z], \; in any case), sorted by name. Sizes are in
/// bytes, switches yes or no. As in Redis, `requirepass` is given as it is: the caller has been
/// authenticated.
Settings ConfigGet(const Config& config, std::string_view glob);

/// Changes all of `changes` and validates the result; `config` is unchanged on error. NotFound for
/// an unknown name, FailedPrecondition for one that needs a restart, InvalidArgument for a bad
/// value or a name that is there twice; the message is CONFIG SET's, without its code. What the
/// change means for the running server (e.g. new limits in every shard) is for the caller to carry
/// out.
Status ConfigSet(Config& config, const Settings& changes);

}  // namespace flashdb
