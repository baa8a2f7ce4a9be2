// CLUSTER, as seen by a cluster-aware client: with ports for shards each shard is a master of its
// own that owns the shard's slots, so that such a client speaks to the right core at once. Without,
// there is one node with all slots. READONLY, READWRITE and ASKING are accepted: all are masters.
#include "commands/cluster.h"

#include <algorithm>
#include <array>

#include "base/numbers.h"
#include "base/slots.h"
#include "commands/engine.h"
#include "commands/server.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

constexpr std::string_view kFixed =
    "FlashDB gives slots to its shards by itself, and their number is set at the start";

void Info(SessionContext& context) {
  size_t nodes = ClusterNodes(context).size();
  context.reply.Verbatim("txt", fmt::format("cluster_state:ok\r\n"
                                            "cluster_slots_assigned:{0}\r\n"
                                            "cluster_slots_ok:{0}\r\n"
                                            "cluster_slots_pfail:0\r\n"
                                            "cluster_slots_fail:0\r\n"
                                            "cluster_known_nodes:{1}\r\n"
                                            "cluster_size:{1}\r\n"
                                            "cluster_current_epoch:{1}\r\n"
                                            "cluster_my_epoch:{2}\r\n"
                                            "cluster_stats_messages_sent:0\r\n"
                                            "cluster_stats_messages_received:0\r\n"
                                            "total_cluster_links_buffer_limit_exceeded:0\r\n",
                                            kSlotCount, nodes, MyNodeIndex(context) + 1));
}

void MyId(SessionContext& context) {
  context.reply.Bulk(ClusterNodes(context)[MyNodeIndex(context)].id);
}

void Nodes(SessionContext& context) {
  std::vector<ClusterNode> nodes = ClusterNodes(context);
  std::string text;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const ClusterNode& node = nodes[i];
    text += fmt::format("{} {}:{}@{} {}master - 0 0 {} connected {}-{}\n", node.id, node.host,
                        node.port, node.port + 10000, i == MyNodeIndex(context) ? "myself," : "",
                        i + 1, node.first_slot, node.last_slot);
  }
  context.reply.Verbatim("txt", text);
}

void Slots(SessionContext& context) {
  std::vector<ClusterNode> nodes = ClusterNodes(context);
  context.reply.Array(nodes.size());
  for (const ClusterNode& node : nodes) {
    context.reply.Array(3);
    context.reply.Integer(node.first_slot);
    context.reply.Integer(node.last_slot);
    context.reply.Array(4);
    context.reply.Bulk(node.host);
    context.reply.Integer(node.port);
    context.reply.Bulk(node.id);
    context.reply.Map(0);
  }
}

void ReplyPair(ReplyWriter& reply, std::string_view name, std::string_view value) {
  reply.Bulk(name);
  reply.Bulk(value);
}

void ReplyShard(ReplyWriter& reply, const ClusterNode& node) {
  reply.Map(2);
  reply.Bulk("slots");
  reply.Array(2);
  reply.Integer(node.first_slot);
  reply.Integer(node.last_slot);
  reply.Bulk("nodes");
  reply.Array(1);
  reply.Map(7);
  ReplyPair(reply, "id", node.id);
  reply.Bulk("port");
  reply.Integer(node.port);
  ReplyPair(reply, "ip", node.host);
  ReplyPair(reply, "endpoint", node.host);
  ReplyPair(reply, "role", "master");
  reply.Bulk("replication-offset");
  reply.Integer(0);
  ReplyPair(reply, "health", "online");
}

void Shards(SessionContext& context) {
  std::vector<ClusterNode> nodes = ClusterNodes(context);
  context.reply.Array(nodes.size());
  for (const ClusterNode& node : nodes) ReplyShard(context.reply, node);
}

void KeySlot(SessionContext& context) { context.reply.Integer(SlotOf(context.args[2])); }

// The keys of one slot on the shard that owns it, and the record that the answer depends on.
struct SlotKeys {
  size_t count = 0;
  std::vector<std::string> keys;
  Lsn gate = 0;
};

SlotKeys ReadSlot(SlotId slot, size_t max_keys, ShardId home) {
  Keyspace& keyspace = Engine::Current().keys;
  SlotKeys found;
  found.count = keyspace.SizeOfSlot(0, slot);
  uint64_t cursor = 0;
  do {
    if (found.keys.size() >= max_keys) break;
    cursor =
        keyspace.ScanSlot(0, slot, cursor, max_keys - found.keys.size(),
                          [&found](const Entry& entry) { found.keys.emplace_back(entry.key()); });
  } while (cursor != 0);
  // A table that grew between two steps may report a key twice.
  std::sort(found.keys.begin(), found.keys.end());
  found.keys.erase(std::unique(found.keys.begin(), found.keys.end()), found.keys.end());
  if (found.keys.size() > max_keys) found.keys.resize(max_keys);
  keyspace.NoteSlot(slot);
  found.gate = Shard::Current().TakeGateFor(home);
  return found;
}

// Reads the slot; the reply will wait until what was seen is settled.
Task<SlotKeys> VisitSlot(SessionContext& context, SlotId slot, size_t max_keys) {
  ShardId owner = OwnerOf(slot, ShardCount());
  auto read = [slot, max_keys, home = CurrentShardId()] { return ReadSlot(slot, max_keys, home); };
  SlotKeys found = co_await On(owner, read);
  if (context.gates != nullptr && found.gate != 0) context.gates->push_back({owner, found.gate});
  co_return found;
}

Task<void> CountKeysInSlot(SessionContext& context) {
  auto slot = ParseInt64(context.args[2]);
  if (!slot) co_return context.reply.Error(kNotInteger);
  if (*slot < 0 || *slot >= kSlotCount) co_return context.reply.Error("ERR Invalid slot");
  SlotKeys found = co_await VisitSlot(context, static_cast<SlotId>(*slot), 0);
  context.reply.Integer(static_cast<int64_t>(found.count));
}

Task<void> GetKeysInSlot(SessionContext& context) {
  auto slot = ParseInt64(context.args[2]);
  auto count = ParseInt64(context.args[3]);
  if (!slot || !count) co_return context.reply.Error(kNotInteger);
  if (*slot < 0 || *slot >= kSlotCount || *count < 0) {
    co_return context.reply.Error("ERR Invalid slot or number of keys");
  }
  SlotKeys found =
      co_await VisitSlot(context, static_cast<SlotId>(*slot), static_cast<size_t>(*count));
  context.reply.Array(found.keys.size());
  for (const std::string& key : found.keys) context.reply.Bulk(key);
}

// What is asked about a node that must exist: replicas and failure reports, of which there are
// none.
bool KnowsNode(SessionContext& context) {
  for (const ClusterNode& node : ClusterNodes(context)) {
    if (node.id == context.args[2]) return true;
  }
  context.reply.Error(fmt::format("ERR Unknown node {}", context.args[2]));
  return false;
}

void Replicas(SessionContext& context) {
  if (KnowsNode(context)) context.reply.EmptyArray();
}

void FailureReports(SessionContext& context) {
  if (KnowsNode(context)) context.reply.Integer(0);
}

void Links(SessionContext& context) { context.reply.EmptyArray(); }
void Refuse(SessionContext& context) { ReplyNotSupported(context, kFixed); }
void Accept(SessionContext& context) { context.reply.Ok(); }

void Help(SessionContext& context) {
  ReplyHelp(context, {"COUNTKEYSINSLOT <slot>",
                      "    Count the keys in <slot>.",
                      "GETKEYSINSLOT <slot> <count>",
                      "    List up to <count> keys in <slot>.",
                      "INFO",
                      "    Tell the state of the cluster.",
                      "KEYSLOT <key>",
                      "    Tell the slot of <key>.",
                      "LINKS",
                      "    Empty: shards talk in memory.",
                      "MYID",
                      "    Tell this node's id.",
                      "MYSHARDID",
                      "    Tell this node's shard id.",
                      "NODES",
                      "    Describe all nodes, one line each:",
                      "    <id> <ip:port@bus-port> <flags> - <ping> <pong> <epoch> <link> <slots>",
                      "REPLICAS <node-id>",
                      "    Empty: there are no replicas.",
                      "SHARDS",
                      "    Tell which node has which slots, in maps.",
                      "SLOTS",
                      "    Tell which node has which slots, in arrays."});
}

constexpr std::string_view kGroup = "cluster";
constexpr uint32_t kChange = kAdmin | kStale;
constexpr CommandDoc kFixedDoc = {"Not supported: slots belong to shards for good.", "3.0.0",
                                  kGroup, "O(1)"};
constexpr std::string_view kPerNode = "O(N) in the number of nodes";

constexpr std::array kRows = {
    Container("cluster", {"Commands on the cluster that the shards appear as.", "3.0.0", kGroup,
                          "Depends on subcommand."}),
    OnSession("cluster|addslots", -3, kChange, &Refuse, kFixedDoc),
    OnSession("cluster|addslotsrange", -4, kChange, &Refuse, kFixedDoc),
    OnSession("cluster|bumpepoch", 2, kChange, &Refuse, kFixedDoc),
    OnSession("cluster|count-failure-reports", 3, kChange, &FailureReports,
              {"Counts the reports that a node has failed.", "3.0.0", kGroup, "O(1)"}),
    OnSessionTask("cluster|countkeysinslot", 3, kStale, &CountKeysInSlot,
                  {"Counts the keys in a slot.", "3.0.0", kGroup, "O(1)"}),
    OnSession("cluster|delslots", -3, kChange, &Refuse, kFixedDoc),
    OnSession("cluster|delslotsrange", -4, kChange, &Refuse, kFixedDoc),
    OnSession("cluster|failover", -2, kChange, &Refuse, kFixedDoc),
    OnSession("cluster|flushslots", 2, kChange, &Refuse, kFixedDoc),
    OnSession("cluster|forget", 3, kChange, &Refuse, kFixedDoc),
    OnSessionTask(
        "cluster|getkeysinslot", 4, kStale, &GetKeysInSlot,
        {"Lists keys in a slot.", "3.0.0", kGroup, "O(N) in the number of keys asked for"}),
    OnSession("cluster|help", 2, kLoading | kStale, &Help,
              {"Explains the subcommands.", "5.0.0", kGroup, "O(1)"}),
    OnSession("cluster|info", 2, kStale, &Info,
              {"Tells the state of the cluster.", "3.0.0", kGroup, "O(1)"}),
    OnSession("cluster|keyslot", 3, kStale, &KeySlot,
              {"Tells the slot of a key.", "3.0.0", kGroup, "O(N) in the length of the key"}),
    OnSession("cluster|links", 2, kStale, &Links,
              {"Lists the links between nodes.", "7.0.0", kGroup, "O(1)"}),
    OnSession("cluster|meet", -4, kChange, &Refuse, kFixedDoc),
    OnSession("cluster|myid", 2, kStale, &MyId, {"Tells this node's id.", "3.0.0", kGroup, "O(1)"}),
    OnSession("cluster|myshardid", 2, kStale, &MyId,
              {"Tells this node's shard id.", "7.2.0", kGroup, "O(1)"}),
    OnSession("cluster|nodes", 2, kStale, &Nodes,
              {"Describes all nodes.", "3.0.0", kGroup, kPerNode}),
    OnSession("cluster|replicas", 3, kChange, &Replicas,
              {"Lists a node's replicas.", "5.0.0", kGroup, "O(1)"}),
    OnSession("cluster|replicate", 3, kChange, &Refuse, kFixedDoc),
    OnSession("cluster|reset", -2, kChange | kNoScript, &Refuse, kFixedDoc),
    OnSession("cluster|saveconfig", 2, kChange, &Refuse, kFixedDoc),
    OnSession("cluster|set-config-epoch", 3, kChange, &Refuse, kFixedDoc),
    OnSession("cluster|setslot", -4, kChange, &Refuse, kFixedDoc),
    OnSession("cluster|shards", 2, kLoading | kStale, &Shards,
              {"Tells which node has which slots, in maps.", "7.0.0", kGroup, kPerNode}),
    OnSession("cluster|slaves", 3, kChange, &Replicas,
              {"Lists a node's replicas.", "3.0.0", kGroup, "O(1)"}),
    OnSession("cluster|slots", 2, kLoading | kStale, &Slots,
              {"Tells which node has which slots, in arrays.", "3.0.0", kGroup, kPerNode}),
    WithAcl(OnSession("readonly", 1, kFast | kLoading | kStale, &Accept,
                      {"Accepted: every node is a master.", "3.0.0", kGroup, "O(1)"}),
            "@connection"),
    WithAcl(OnSession("readwrite", 1, kFast | kLoading | kStale, &Accept,
                      {"Accepted: every node is a master.", "3.0.0", kGroup, "O(1)"}),
            "@connection"),
    WithAcl(OnSession("asking", 1, kFast, &Accept,
                      {"Accepted: no slot ever moves.", "3.0.0", kGroup, "O(1)"}),
            "@connection"),
};

}  // namespace

std::string HostOf(std::string_view address) {
  std::string_view host = address.substr(0, address.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return std::string(host);
}

std::vector<ClusterNode> ClusterNodes(const SessionContext& context) {
  const ServerServices::Facts& facts = context.engine.services.facts();
  bool shard_ports = facts.shard_port_base != 0;
  std::string host =
      facts.announce_host.empty() ? HostOf(context.session.local_address) : facts.announce_host;
  uint32_t count = shard_ports ? ShardCount() : 1;
  std::vector<ClusterNode> nodes;
  for (uint32_t i = 0; i < count; ++i) {
    nodes.push_back({.id = i < facts.node_ids.size() ? facts.node_ids[i] : facts.run_id,
                     .host = host,
                     .port = shard_ports ? facts.shard_port_base + static_cast<int>(i) : facts.port,
                     .first_slot = FirstSlot(i, count),
                     .last_slot = FirstSlot(i + 1, count) - 1});
  }
  return nodes;
}

size_t MyNodeIndex(const SessionContext& context) {
  return context.engine.services.facts().shard_port_base != 0 ? CurrentShardId() : 0;
}

std::span<const Command> ClusterCommands() { return kRows; }

}  // namespace flashdb
