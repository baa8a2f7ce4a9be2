// CLUSTER describes the shards to clients that know slots; any port serves any key.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/slots.h"
#include "e2e/fixture.h"

namespace flashdb::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr uint32_t kShards = 3;

bool IsFree(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return free;
}

// The first of kShards free ports, below those that the system hands out by itself.
uint16_t FreePorts() {
  for (auto base = static_cast<uint16_t>(20'000 + getpid() % 10'000);; ++base) {
    uint32_t free = 0;
    while (free < kShards && IsFree(static_cast<uint16_t>(base + free))) ++free;
    if (free == kShards) return base;
  }
}

class ClusterTest : public ServerTest {
 protected:
  explicit ClusterTest(uint16_t base = FreePorts())
      : ServerTest(SmallServer(kShards, {"--shard-ports", std::to_string(base)})), base_(base) {}

  uint16_t PortOf(uint32_t shard) const { return static_cast<uint16_t>(base_ + shard); }

  const uint16_t base_;
};

TEST_F(ClusterTest, SlotsNameEachShardsRangeAndPort) {
  const Reply slots = client->Command({"CLUSTER", "SLOTS"});
  ASSERT_EQ(slots.elements.size(), kShards) << ToString(slots);
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    const Reply& row = slots.elements[shard];
    ASSERT_GE(row.elements.size(), 3u) << ToString(row);
    EXPECT_EQ(row.elements[0].integer, FirstSlot(shard, kShards));
    EXPECT_EQ(row.elements[1].integer, FirstSlot(shard + 1, kShards) - 1);
    EXPECT_EQ(row.elements[2].elements[0], Reply::String("127.0.0.1"));
    EXPECT_EQ(row.elements[2].elements[1], Reply::Integer(PortOf(shard)));
    EXPECT_THAT(row.elements[2].elements[2].str, MatchesRegex("[0-9a-f]{40}"));
  }
}

TEST_F(ClusterTest, NodesAndShardsAgreeWithSlots) {
  const std::string nodes = client->Command({"CLUSTER", "NODES"}).str;
  const std::string shards = ToString(client->Command({"CLUSTER", "SHARDS"}));
  const Reply slots = client->Command({"CLUSTER", "SLOTS"});
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    const std::string id = slots.elements[shard].elements[2].elements[2].str;
    EXPECT_THAT(nodes, HasSubstr(id + " 127.0.0.1:" + std::to_string(PortOf(shard)) + "@"));
    EXPECT_THAT(nodes, HasSubstr(fmt::format(" connected {}-{}\n", FirstSlot(shard, kShards),
                                             FirstSlot(shard + 1, kShards) - 1)));
    EXPECT_THAT(shards, HasSubstr(id));
    EXPECT_THAT(shards, HasSubstr(fmt::format("(integer) {}", PortOf(shard))));
  }
  EXPECT_THAT(nodes, HasSubstr(" myself,master "));
}

TEST_F(ClusterTest, EveryPortServesEveryKey) {
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    Client there(PortOf(shard));
    for (uint32_t owner = 0; owner < kShards; ++owner) {
      const std::string key = KeyOn(owner, kShards, fmt::format("from{}to", shard));
      EXPECT_TRUE(there.Command({"SET", key, "v"}).ok());
      EXPECT_EQ(client->Command({"GET", key}), Reply::String("v"));
    }
    EXPECT_EQ(there
                  .Command({"MGET", KeyOn(0, kShards, "from0to"), KeyOn(1, kShards, "from0to"),
                            KeyOn(2, kShards, "from0to")})
                  .elements.size(),
              3u);
    EXPECT_EQ(there.Command({"CLUSTER", "MYID"}),
              client->Command({"CLUSTER", "SLOTS"}).elements[shard].elements[2].elements[2]);
  }
}

TEST_F(ClusterTest, KeysOfASlotAreCountedAndListed) {
  EXPECT_EQ(client->Command({"CLUSTER", "KEYSLOT", "{tag}1"}), Reply::Integer(SlotOf("tag")));
  const std::string slot = std::to_string(SlotOf("tag"));
  EXPECT_EQ(client->Command({"CLUSTER", "COUNTKEYSINSLOT", slot}), Reply::Integer(0));
  client->Command({"MSET", "{tag}1", "x", "{tag}2", "y", "other", "z"});
  EXPECT_EQ(client->Command({"CLUSTER", "COUNTKEYSINSLOT", slot}), Reply::Integer(2));
  EXPECT_EQ(client->Command({"CLUSTER", "GETKEYSINSLOT", slot, "10"}).elements.size(), 2u);
  EXPECT_EQ(client->Command({"CLUSTER", "GETKEYSINSLOT", slot, "1"}).elements.size(), 1u);
  EXPECT_EQ(client->Command({"CLUSTER", "COUNTKEYSINSLOT", "16384"}),
            Reply::Error("ERR Invalid slot"));
}

TEST_F(ClusterTest, InfoSaysThatAllSlotsAreServed) {
  const std::string info = client->Command({"CLUSTER", "INFO"}).str;
  EXPECT_THAT(info, HasSubstr("cluster_state:ok"));
  EXPECT_THAT(info, HasSubstr("cluster_slots_ok:16384"));
}

TEST(ClusterPortTest, ATakenShardPortStopsTheStartWithAMessage) {
  const uint16_t base = FreePorts();
  ServerProcess first(SmallServer(kShards, {"--shard-ports", std::to_string(base)}));
  ASSERT_TRUE(first.Start().ok());
  ServerProcess second(SmallServer(kShards, {"--shard-ports", std::to_string(base)}));
  EXPECT_THAT(MessageOf(second.Start()), HasSubstr("--shard-ports"));
}

}  // namespace
}  // namespace flashdb::e2e
