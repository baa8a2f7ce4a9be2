// SUBSCRIBE, PUBLISH and their kin. A subscription lives on the subscriber's shard; a message goes
// from the publisher's shard to the channel's owner, which puts all messages of that channel in one
// order, and from there to every shard.
#pragma once

namespace flashdb {

struct Engine;
struct Session;

/// Ends all subscriptions of `session`; for RESET and for a closing connection. `engine` is the
/// session's shard's. Once the session is not in engine.sessions any more, none can begin again.
void DropSubscriptions(Engine& engine, Session& session);

}  // namespace flashdb
