#include "commands/pubsub.h"

#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <array>
#include <coroutine>
#include <span>
#include <vector>

#include "base/glob.h"
#include "base/slots.h"
#include "commands/command.h"
#include "commands/engine.h"
#include "commands/session.h"
#include "shards/mailbox.h"
#include "shards/remote.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

using ByName = PubSubRegistry::ByName;

// ---- Subscriptions -----------------------------------------------------------------------------

// Channels, patterns and sharded channels differ in where they are kept and what they are called.
struct Kind {
  std::string_view subscribe;
  std::string_view unsubscribe;
  StringSet Session::*names;
  ByName PubSubRegistry::*listeners;
};

constexpr Kind kChannels = {"subscribe", "unsubscribe", &Session::channels,
                            &PubSubRegistry::channels};
constexpr Kind kPatterns = {"psubscribe", "punsubscribe", &Session::patterns,
                            &PubSubRegistry::patterns};
constexpr Kind kShardChannels = {"ssubscribe", "sunsubscribe", &Session::shard_channels,
                                 &PubSubRegistry::shard_channels};

// Sharded channels are counted apart from the others.
size_t CountFor(const Kind& kind, const Session& session) {
  if (kind.names == &Session::shard_channels) return session.shard_channels.size();
  return session.channels.size() + session.patterns.size();
}

void Confirm(SessionContext& context, const Kind& kind, std::string_view verb,
             std::string_view name) {
  context.reply.Push(3);
  context.reply.Bulk(verb);
  context.reply.Bulk(name);
  context.reply.Integer(static_cast<int64_t>(CountFor(kind, context.session)));
}

template <const Kind& kKind>
void Subscribe(SessionContext& context) {
  Session& session = context.session;
  // An EXEC may outlive its connection, and nobody would end what it subscribes to then.
  const bool alive = context.engine.sessions.contains(session.id);
  for (std::string_view name : context.args.subspan(1)) {
    if (alive && (session.*kKind.names).emplace(name).second) {
      (context.engine.pubsub.*kKind.listeners)[name].insert(&session);
    }
    Confirm(context, kKind, kKind.subscribe, name);
  }
}

void RemoveListener(ByName& listeners, std::string_view name, Session& session) {
  auto it = listeners.find(name);
  if (it == listeners.end()) return;
  it->second.erase(&session);
  if (it->second.empty()) listeners.erase(it);
}

void UnsubscribeOne(SessionContext& context, const Kind& kind, std::string_view name) {
  StringSet& names = context.session.*kind.names;
  if (auto it = names.find(name); it != names.end()) {
    RemoveListener(context.engine.pubsub.*kind.listeners, name, context.session);
    names.erase(it);
  }
  Confirm(context, kind, kind.unsubscribe, name);
}

void UnsubscribeAll(SessionContext& context, const Kind& kind) {
  const StringSet& names = context.session.*kind.names;
  if (names.empty()) {
    context.reply.Push(3);
    context.reply.Bulk(kind.unsubscribe);
    context.reply.Null();
    context.reply.Integer(static_cast<int64_t>(CountFor(kind, context.session)));
    return;
  }
  const std::vector<std::string> all(names.begin(), names.end());
  for (const std::string& name : all) UnsubscribeOne(context, kind, name);
}

template <const Kind& kKind>
void Unsubscribe(SessionContext& context) {
  if (context.args.size() == 1) return UnsubscribeAll(context, kKind);
  for (std::string_view name : context.args.subspan(1)) UnsubscribeOne(context, kKind, name);
}

// ---- Delivery on one shard ---------------------------------------------------------------------

// One message in the forms that different subscribers get, each encoded when first needed.
class Message {
 public:
  Message(std::string_view verb, std::string_view pattern, std::string_view channel,
          std::string_view payload)
      : verb_(verb), pattern_(pattern), channel_(channel), payload_(payload) {}

  std::string_view For(int protocol) {
    std::string& bytes = encoded_[protocol == 3 ? 1 : 0];
    if (bytes.empty()) Encode(protocol, bytes);
    return bytes;
  }

 private:
  void Encode(int protocol, std::string& bytes) const {
    ReplyWriter writer(bytes, protocol);
    writer.Push(pattern_.data() == nullptr ? 3 : 4);
    writer.Bulk(verb_);
    if (pattern_.data() != nullptr) writer.Bulk(pattern_);
    writer.Bulk(channel_);
    writer.Bulk(payload_);
  }

  std::string_view verb_;
  std::string_view pattern_;  // data() is null for a message that has none
  std::string_view channel_;
  std::string_view payload_;
  std::array<std::string, 2> encoded_;
};

// Push may close its connection, which ends its subscriptions: iterate over a copy.
using Targets = absl::InlinedVector<Session*, 16>;

// What a message must not be seen before.
using Gates = std::span<const Gate>;

int64_t PushTo(const Targets& targets, Message& message, Gates gates) {
  for (Session* session : targets) session->link->Push(message.For(session->protocol), gates);
  return static_cast<int64_t>(targets.size());
}

int64_t DeliverToChannel(const ByName& channels, std::string_view verb, std::string_view channel,
                         std::string_view payload, Gates gates) {
  auto it = channels.find(channel);
  if (it == channels.end()) return 0;
  const Targets targets(it->second.begin(), it->second.end());
  Message message(verb, {}, channel, payload);
  return PushTo(targets, message, gates);
}

struct PatternTargets {
  std::string pattern;
  Targets targets;
};

int64_t DeliverToPatterns(const ByName& patterns, std::string_view channel,
                          std::string_view payload, Gates gates) {
  std::vector<PatternTargets> matches;
  for (const auto& [pattern, listeners] : patterns) {
    if (!GlobMatch(pattern, channel)) continue;
    matches.push_back({pattern, Targets(listeners.begin(), listeners.end())});
  }
  int64_t receivers = 0;
  for (const PatternTargets& match : matches) {
    Message message("pmessage", match.pattern, channel, payload);
    receivers += PushTo(match.targets, message, gates);
  }
  return receivers;
}

// ---- Publication over all shards ---------------------------------------------------------------

// `co_await Publication(...)` on the publisher's shard gives the number of receivers. The object
// stays in the coroutine's frame; other shards read its constant part until they have answered.
// Mail between two shards keeps its order, so what the owner sends first, everyone delivers first.
// Subscribers get the message when `gates` are settled: what a client did before it published must
// not be seen after the message, and unsettled changes are not seen at all.
class Publication {
 public:
  Publication(std::string_view channel, std::string_view payload, bool sharded, Gates gates)
      : channel_(channel),
        payload_(payload),
        sharded_(sharded),
        gates_(gates),
        home_(CurrentShardId()),
        unanswered_(ShardCount()) {}

  bool await_ready() {
    const ShardId owner = OwnerOf(SlotOf(channel_), ShardCount());
    if (owner == home_) {
      FanOut();
    } else {
      SendMail(owner, {.deliver = &FanOutThere, .object = this});
    }
    return unanswered_ == 0;
  }
  void await_suspend(std::coroutine_handle<> publisher) { publisher_ = publisher; }
  int64_t await_resume() const { return receivers_; }

 private:
  static Publication& Of(const Envelope& mail) { return *static_cast<Publication*>(mail.object); }
  static void FanOutThere(Shard&, const Envelope& mail) { Of(mail).FanOut(); }
  static void DeliverThere(Shard&, const Envelope& mail) { Of(mail).DeliverHere(); }

  void FanOut() {
    const ShardId here = CurrentShardId();
    const uint32_t shards = ShardCount();
    for (ShardId shard = 0; shard < shards; ++shard) {
      if (shard != here) SendMail(shard, {.deliver = &DeliverThere, .object = this});
    }
    DeliverHere();
  }

  void DeliverHere() {
    const PubSubRegistry& registry = Engine::Current().pubsub;
    int64_t receivers;
    if (sharded_) {
      receivers = DeliverToChannel(registry.shard_channels, "smessage", channel_, payload_, gates_);
    } else {
      receivers = DeliverToChannel(registry.channels, "message", channel_, payload_, gates_);
      receivers += DeliverToPatterns(registry.patterns, channel_, payload_, gates_);
    }
    if (receivers > 0) {
      for (const Gate& gate : gates_) Shard::Current().AskForNews(gate);
    }
    if (CurrentShardId() == home_) {
      Answered(receivers);
    } else {
      SendMail(
          home_,
          {.deliver = &AnsweredHome, .object = this, .value = static_cast<uint64_t>(receivers)});
    }
  }

  static void AnsweredHome(Shard&, const Envelope& mail) {
    Of(mail).Answered(static_cast<int64_t>(mail.value));
  }

  // Inside await_ready nobody waits yet: then at most the own shard has answered, or it is the
  // only one.
  void Answered(int64_t receivers) {
    receivers_ += receivers;
    if (--unanswered_ == 0 && publisher_) publisher_.resume();
  }

  const std::string_view channel_;
  const std::string_view payload_;
  const bool sharded_;
  const Gates gates_;
  const ShardId home_;
  // Touched on the publisher's shard only.
  uint32_t unanswered_;
  int64_t receivers_ = 0;
  std::coroutine_handle<> publisher_;
};

template <bool kSharded>
Task<void> Publish(SessionContext& context) {
  std::vector<Gate> gates;
  context.session.link->AddUnsettled(gates);
  if (context.gates != nullptr) {
    gates.insert(gates.end(), context.gates->begin(), context.gates->end());
  }
  Publication publication(context.args[1], context.args[2], kSharded, gates);
  const int64_t receivers = co_await publication;
  context.reply.Integer(receivers);
}

// ---- PUBSUB ------------------------------------------------------------------------------------

std::vector<std::string> NamesHere(ByName PubSubRegistry::*listeners, std::string_view pattern) {
  std::vector<std::string> names;
  for (const auto& entry : Engine::Current().pubsub.*listeners) {
    if (GlobMatch(pattern, entry.first)) names.push_back(entry.first);
  }
  return names;
}

// Names in use on any shard, each once, in the order of their bytes.
Task<std::vector<std::string>> NamesOnAll(ByName PubSubRegistry::*listeners,
                                          std::string_view pattern) {
  auto list = [listeners, pattern](ShardId) { return NamesHere(listeners, pattern); };
  std::vector<std::vector<std::string>> parts = co_await OnAll(list);
  std::vector<std::string> names;
  for (auto& part : parts) {
    names.insert(names.end(), std::move_iterator(part.begin()), std::move_iterator(part.end()));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  co_return names;
}

template <const Kind& kKind>
Task<void> PubSubChannels(SessionContext& context) {
  if (context.args.size() > 3) {
    context.reply.Error(fmt::format(
        "ERR unknown subcommand or wrong number of arguments for '{}'. Try PUBSUB HELP.",
        context.args[1]));
    co_return;
  }
  const std::string_view pattern = context.args.size() == 3 ? context.args[2] : "*";
  const std::vector<std::string> names = co_await NamesOnAll(kKind.listeners, pattern);
  context.reply.Array(names.size());
  for (const std::string& name : names) context.reply.Bulk(name);
}

Task<void> PubSubNumPat(SessionContext& context) {
  const std::vector<std::string> patterns = co_await NamesOnAll(&PubSubRegistry::patterns, "*");
  context.reply.Integer(static_cast<int64_t>(patterns.size()));
}

template <const Kind& kKind>
Task<void> PubSubNumSub(SessionContext& context) {
  const ArgView names = context.args.subspan(2);
  auto count = [names](ShardId) {
    const ByName& listeners = Engine::Current().pubsub.*kKind.listeners;
    std::vector<int64_t> counts;
    for (std::string_view name : names) {
      auto it = listeners.find(name);
      counts.push_back(it == listeners.end() ? 0 : static_cast<int64_t>(it->second.size()));
    }
    return counts;
  };
  const std::vector<std::vector<int64_t>> parts = co_await OnAll(count);
  context.reply.Array(names.size() * 2);
  for (size_t i = 0; i < names.size(); ++i) {
    int64_t sum = 0;
    for (const auto& part : parts) sum += part[i];
    context.reply.Bulk(names[i]);
    context.reply.Integer(sum);
  }
}

void PubSubHelp(SessionContext& context) {
  constexpr std::string_view kLines[] = {
      "PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "CHANNELS [<pattern>]",
      "    List the channels that have subscribers and match <pattern> (default: '*').",
      "NUMPAT",
      "    Count the different patterns that clients are subscribed to.",
      "NUMSUB [<channel> ...]",
      "    Count the subscribers of each channel, those by pattern not included.",
      "SHARDCHANNELS [<pattern>]",
      "    List the sharded channels that have subscribers and match <pattern> (default: '*').",
      "SHARDNUMSUB [<shardchannel> ...]",
      "    Count the subscribers of each sharded channel.",
      "HELP",
      "    Print this help.",
  };
  context.reply.Array(std::size(kLines));
  for (std::string_view line : kLines) context.reply.Simple(line);
}

// ---- The table ---------------------------------------------------------------------------------

constexpr uint32_t kSubscribeFlags = kPubSub | kNoScript | kLoading | kStale | kInSubscribe;
constexpr uint32_t kPublishFlags = kPubSub | kLoading | kStale | kFast | kMayReplicate;
constexpr uint32_t kInspectFlags = kPubSub | kLoading | kStale;

constexpr Command kCommands[] = {
    OnSession("subscribe", -2, kSubscribeFlags, &Subscribe<kChannels>,
              {"Listens for messages published to channels.", "2.0.0", "pubsub",
               "O(N), N being the channels"}),
    OnSession("unsubscribe", -1, kSubscribeFlags, &Unsubscribe<kChannels>,
              {"Stops listening to channels, or to all.", "2.0.0", "pubsub",
               "O(N), N being the channels"}),
    OnSession("psubscribe", -2, kSubscribeFlags, &Subscribe<kPatterns>,
              {"Listens for messages published to channels that match patterns.", "2.0.0", "pubsub",
               "O(N), N being the patterns"}),
    OnSession("punsubscribe", -1, kSubscribeFlags, &Unsubscribe<kPatterns>,
              {"Stops listening by patterns, or by all.", "2.0.0", "pubsub",
               "O(N), N being the patterns"}),
    OnSession("ssubscribe", -2, kSubscribeFlags, &Subscribe<kShardChannels>,
              {"Listens for messages published to sharded channels.", "7.0.0", "pubsub",
               "O(N), N being the channels"}),
    OnSession("sunsubscribe", -1, kSubscribeFlags, &Unsubscribe<kShardChannels>,
              {"Stops listening to sharded channels, or to all.", "7.0.0", "pubsub",
               "O(N), N being the channels"}),
    OnSessionTask("publish", 3, kPublishFlags, &Publish<false>,
                  {"Sends a message to a channel's subscribers.", "2.0.0", "pubsub",
                   "O(N+M), N being the channel's subscribers and M all patterns"}),
    OnSessionTask("spublish", 3, kPublishFlags, &Publish<true>,
                  {"Sends a message to a sharded channel's subscribers.", "7.0.0", "pubsub",
                   "O(N), N being the channel's subscribers"}),
    {.name = "pubsub",
     .arity = -2,
     .flags = 0,
     .keys = {},
     .kind = CommandKind::kSession,
     .doc = {"A container for commands that inspect subscriptions.", "2.8.0", "pubsub",
             "Depends on the subcommand"}},
    OnSessionTask("pubsub|channels", -2, kInspectFlags, &PubSubChannels<kChannels>,
                  {"Lists the channels in use.", "2.8.0", "pubsub", "O(N), N being the channels"}),
    OnSessionTask(
        "pubsub|numpat", 2, kInspectFlags, &PubSubNumPat,
        {"Counts the different patterns in use.", "2.8.0", "pubsub", "O(N), N being the patterns"}),
    OnSessionTask("pubsub|numsub", -2, kInspectFlags, &PubSubNumSub<kChannels>,
                  {"Counts the subscribers of channels.", "2.8.0", "pubsub",
                   "O(N), N being the channels asked for"}),
    OnSessionTask(
        "pubsub|shardchannels", -2, kInspectFlags, &PubSubChannels<kShardChannels>,
        {"Lists the sharded channels in use.", "7.0.0", "pubsub", "O(N), N being the channels"}),
    OnSessionTask("pubsub|shardnumsub", -2, kInspectFlags, &PubSubNumSub<kShardChannels>,
                  {"Counts the subscribers of sharded channels.", "7.0.0", "pubsub",
                   "O(N), N being the channels asked for"}),
    OnSession("pubsub|help", 2, kLoading | kStale, &PubSubHelp,
              {"Shows what PUBSUB can do.", "6.2.0", "pubsub", "O(1)"}),
};

void DropKind(Engine& engine, Session& session, const Kind& kind) {
  for (const std::string& name : session.*kind.names) {
    RemoveListener(engine.pubsub.*kind.listeners, name, session);
  }
  (session.*kind.names).clear();
}

}  // namespace

void DropSubscriptions(Engine& engine, Session& session) {
  DropKind(engine, session, kChannels);
  DropKind(engine, session, kPatterns);
  DropKind(engine, session, kShardChannels);
}

std::span<const Command> PubSubCommands() { return kCommands; }

}  // namespace flashdb
