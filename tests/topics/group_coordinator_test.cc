#include "topics/group_coordinator.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/random.h"

namespace flashdb {
namespace {

class GroupCoordinatorTest : public ::testing::Test {
 protected:
  GroupCoordinatorTest() {
    AddTopic("t", 4);
    AddTopic("u", 2);
  }

  void AddTopic(const std::string& name, PartitionNumber partitions) {
    Topic topic{.id = catalog_.version() + 1, .name = name};
    topic.config.partitions = partitions;
    catalog_.PutTopic(topic.id, topic);
  }
  Membership Join(const std::string& id, std::vector<std::string> topics = {"t"}) {
    return *groups_.Join(group_, {id, "client", std::move(topics), 10'000}, now_);
  }
  StatusOr<Membership> Beat(const std::string& id) { return groups_.Heartbeat(group_, id, now_); }
  static size_t ShareOf(const Membership& member, std::string_view topic = "t") {
    for (const Assignment& assignment : member.assignments) {
      if (assignment.topic == topic) return assignment.partitions.size();
    }
    return 0;
  }

  Catalog catalog_;
  GroupCoordinator groups_{catalog_};
  const Group group_{.id = 100, .name = "g"};
  UnixMillis now_ = 1'000'000;
};

TEST_F(GroupCoordinatorTest, AMemberAloneGetsEverything) { EXPECT_EQ(ShareOf(Join("a")), 4u); }

TEST_F(GroupCoordinatorTest, APartitionMovesOnlyWhenItsHolderHasBeenTold) {
  Join("a");
  EXPECT_EQ(ShareOf(Join("b")), 0u);
  EXPECT_EQ(ShareOf(*Beat("b")), 0u);
  EXPECT_EQ(ShareOf(*Beat("a")), 2u);
  EXPECT_EQ(ShareOf(*Beat("b")), 2u);
}

TEST_F(GroupCoordinatorTest, ASilentMembersPartitionsGoToTheOthers) {
  Join("a");
  Join("b");
  (void)Beat("a");
  (void)Beat("b");
  now_ += 9'000;
  EXPECT_EQ(ShareOf(*Beat("b")), 2u);
  now_ += 2'000;
  EXPECT_EQ(ShareOf(*Beat("b")), 4u);
  EXPECT_TRUE(absl::IsNotFound(Beat("a").status()));
}

TEST_F(GroupCoordinatorTest, AMemberGetsPartitionsOfItsTopicsOnly) {
  const Membership a = Join("a", {"t"});
  const Membership b = Join("b", {"u"});
  EXPECT_EQ(ShareOf(a, "t"), 4u);
  EXPECT_EQ(ShareOf(a, "u"), 0u);
  EXPECT_EQ(ShareOf(b, "u"), 2u);
}

TEST_F(GroupCoordinatorTest, MoreMembersThanPartitionsLeaveSomeWithout) {
  for (const char* id : {"a", "b", "c"}) Join(id, {"u"});
  size_t total = 0;
  for (int round = 0; round < 2; ++round) {
    total = 0;
    for (const char* id : {"a", "b", "c"}) total += ShareOf(*Beat(id), "u");
  }
  EXPECT_EQ(total, 2u);
}

TEST_F(GroupCoordinatorTest, NewPartitionsAreDealtWithTheNextHeartbeats) {
  Join("a");
  Topic grown = *catalog_.FindTopic("t");
  grown.config.partitions = 6;
  catalog_.PutTopic(catalog_.version() + 1, grown);
  EXPECT_EQ(ShareOf(*Beat("a")), 6u);
}

TEST_F(GroupCoordinatorTest, CommitsAreCheckedAgainstTheHolder) {
  Join("a");
  EXPECT_TRUE(groups_.CheckHolds(group_, "a", "t", 3, now_).ok());
  Join("b");
  (void)Beat("a");
  EXPECT_TRUE(absl::IsFailedPrecondition(groups_.CheckHolds(group_, "a", "t", 3, now_)));
  EXPECT_TRUE(absl::IsNotFound(groups_.CheckHolds(group_, "x", "t", 0, now_)));
}

TEST_F(GroupCoordinatorTest, TheGenerationRisesWhenTheSharesChange) {
  const uint64_t first = Join("a").generation;
  EXPECT_EQ(Beat("a")->generation, first);
  EXPECT_GT(Join("b").generation, first);
}

TEST_F(GroupCoordinatorTest, AGroupHasNoMoreMembersThanItsLimit) {
  for (size_t i = 0; i < GroupCoordinator::kMaxMembers; ++i) Join(std::to_string(i));
  EXPECT_TRUE(
      absl::IsResourceExhausted(groups_.Join(group_, {"more", "", {"t"}, 10'000}, now_).status()));
  EXPECT_TRUE(groups_.Join(group_, {"0", "", {"t"}, 10'000}, now_).ok()) << "renewing is no growth";
}

// Whatever members do and in whatever order: no partition is ever with two of them, and when all
// have heard of the last change, every partition is with one.
TEST_F(GroupCoordinatorTest, NoPartitionIsEverWithTwoMembers) {
  Random random(5);
  std::map<std::string, std::set<PartitionNumber>> told;
  const std::vector<std::string> ids = {"a", "b", "c", "d"};
  auto note = [&](const std::string& id, const Membership& member) {
    const auto& partitions = member.assignments.at(0).partitions;
    told[id] = {partitions.begin(), partitions.end()};
    size_t sum = 0;
    std::set<PartitionNumber> all;
    for (const auto& [other, held] : told) {
      sum += held.size();
      all.insert(held.begin(), held.end());
    }
    ASSERT_EQ(sum, all.size());
  };
  for (int step = 0; step < 5000 && !HasFatalFailure(); ++step) {
    const std::string& id = ids[random.Below(ids.size())];
    switch (random.Below(6)) {
      case 0:
        note(id, Join(id));
        break;
      case 1:
        if (groups_.Leave(group_, id, now_).ok()) told.erase(id);
        break;
      default:
        if (auto member = Beat(id); member.ok()) note(id, *member);
    }
  }
  for (int round = 0; round < 2; ++round) {
    for (const std::string& id : ids) note(id, Join(id));
  }
  size_t held = 0;
  for (const auto& [id, partitions] : told) held += partitions.size();
  EXPECT_EQ(held, 4u);
}

}  // namespace
}  // namespace flashdb
