// What the server knows of one client, apart from its socket. Lives on the client's shard.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/types.h"
#include "shards/commit_queue.h"
#include "shards/keyspace.h"
#include "topics/topic_service.h"

namespace flashdb {

struct Command;

/// A command that waits for EXEC: its arguments in one block.
struct QueuedCommand {
  const Command* command;
  std::string bytes;
  std::vector<std::pair<uint32_t, uint32_t>> extents;  // offset and size of each argument

  std::string_view arg(size_t i) const {
    return std::string_view(bytes).substr(extents[i].first, extents[i].second);
  }
};

/// A watched key; `state` lives in the owner shard's memory and is touched there only.
struct WatchedKey {
  uint32_t db;
  std::string key;
  ShardId owner;
  KeyWatch* state;
};

/// The buffers of a connection.
struct LinkBuffers {
  size_t input_bytes = 0;     // received and still kept: what waits, and the command under way
  size_t input_free = 0;      // allocated beyond that
  size_t argument_bytes = 0;  // of the command under way
  size_t output_allocated = 0;
  bool reading = false;  // from the socket
  bool writing = false;  // to the socket; what could not be sent at once
};

/// What a session can ask of the connection it belongs to.
class SessionLink {
 public:
  virtual ~SessionLink() = default;
  /// Sends a message that is no reply (pub/sub) after all that was given before, once `gates` are
  /// settled; drops it if one of them never will be. The shards of the gates must have been asked
  /// for news (Shard::AskForNews). Closes the connection if the client's output limit is passed.
  virtual void Push(std::string_view bytes, std::span<const Gate> gates) = 0;
  /// Adds what the client's commands so far have changed or shown and is not settled yet.
  virtual void AddUnsettled(std::vector<Gate>& gates) const = 0;
  /// Closes the connection; `after_output`: once what is owed has been sent.
  virtual void Close(bool after_output) = 0;
  /// Bytes that wait to be sent / to be parsed.
  virtual size_t OutputBytes() const = 0;
  virtual size_t InputBytes() const = 0;
  /// The memory behind them, for CLIENT LIST.
  virtual LinkBuffers Buffers() const { return {}; }
};

enum class ReplyMode : uint8_t { kOn, kOff, kSkipNext, kSkipThis };

using StringSet = absl::flat_hash_set<std::string, StringHash, StringEq>;

struct Session {
  uint64_t id = 0;
  SessionLink* link = nullptr;
  int fd = -1;
  std::string peer_address;   // "127.0.0.1:50000"
  std::string local_address;  // "127.0.0.1:6379"
  std::string name;
  std::string lib_name;
  std::string lib_version;
  std::string user = "default";
  UnixMillis created_at = 0;
  UnixMillis last_active_at = 0;
  std::string_view last_command = "NULL";  // a row's name
  uint64_t commands = 0;

  uint32_t db = 0;
  int protocol = 2;
  bool authenticated = false;
  bool no_evict = false;
  bool no_touch = false;
  bool killed = false;
  bool postponed = false;  // CLIENT PAUSE holds its next command back
  ReplyMode reply_mode = ReplyMode::kOn;

  bool in_multi = false;
  bool multi_failed = false;  // a command could not be queued: EXEC will refuse
  std::vector<QueuedCommand> queue;
  size_t queue_bytes = 0;
  std::vector<WatchedKey> watches;

  FetchCancel fetch;  // of a TOPIC READ that waits

  StringSet channels;
  StringSet patterns;
  StringSet shard_channels;

  size_t Subscriptions() const { return channels.size() + patterns.size() + shard_channels.size(); }
  bool subscribed() const { return Subscriptions() != 0; }
};

}  // namespace flashdb
