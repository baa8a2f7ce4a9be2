// The demo's sixth step: two workers share a group, and one of them crashes.
#pragma once

#include <string>

#include "base/status.h"
#include "cli/api_client.h"
#include "cli/demo/screen.h"

namespace flashdb::cli {

/// Produces to the topic while two members of the group read it, for about eight seconds; the first
/// one crashes halfway. Ok when the other has all partitions and no record is left unread.
Status ShowSharing(Screen& screen, const ApiOptions& options, const std::string& group,
                   const std::string& topic);

}  // namespace flashdb::cli
