// Finds where one encoded reply ends and the next begins, in bytes that a ReplyWriter wrote.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace flashdb {

/// Moves `in` behind the reply at its front: one whole value of either protocol with all that is
/// nested in it, however deep (RESP3 attributes belong to the value they precede). False, and `in`
/// as it was, if no whole well-formed reply is there; never reads outside `in`.
bool SkipReply(std::string_view& in);

/// How many replies `in` is made of; nothing if it doesn't end with a whole one.
std::optional<size_t> CountReplies(std::string_view in);

}  // namespace flashdb
