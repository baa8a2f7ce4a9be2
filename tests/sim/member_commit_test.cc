// A commit on behalf of a group's member, when the member loses its partition meanwhile.
#include "shards/transaction.h"
#include "sim/service_fixture.h"

namespace flashdb {
namespace {

class MemberCommitTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    const NewRecord record{.record = {.value = "v"}, .partition = 0};
    ASSERT_TRUE(Wait(AppendRecords("t", {&record, 1}, nullptr, gates_)).ok());
    StatusOr<Membership> joined = Wait(JoinGroup("g", "a", "", {"t"}, 60'000, gates_));
    ASSERT_TRUE(joined.ok()) << joined.status();
    generation_ = joined->generation;
    topic_ = std::make_unique<Topic>(*Wait(FindTopic("t", gates_)));
  }

  using Offsets = StatusOr<GroupOffsets>;
  Task<Offsets> Commit(Offset offset) {
    return CommitOffsets("g", "t", {{.partition = 0, .offset = offset, .metadata = ""}},
                         MemberStamp{.member_id = "a", .generation = generation_}, gates_);
  }

  std::unique_ptr<Topic> topic_;
  uint64_t generation_ = 0;
};

TEST_F(MemberCommitTest, AMemberCommitsWhatItHolds) {
  Offsets committed = Wait(Commit(1));
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(committed->partitions.at(0).offset, 1u);
}

TEST_F(MemberCommitTest, ACommitThatWaitsIsRefusedIfItsMemberHasLeftMeanwhile) {
  Transaction another(true);
  another.AddSlot(topic_->SlotOfPartition(0));
  EXPECT_EQ(Wait(another.Lock(0)), std::nullopt);
  std::optional<Offsets> committed;
  Begin(Commit(1), committed);
  Turn();
  ASSERT_FALSE(committed.has_value()) << "the partition is locked";
  EXPECT_TRUE(Wait(LeaveGroup("g", "a", gates_)).ok());
  Detach(another.Finish());
  for (int turns = 0; !committed.has_value() && turns < 1000; ++turns) Turn();
  ASSERT_TRUE(committed.has_value());
  EXPECT_FALSE(committed->ok());
  StatusOr<std::vector<GroupOffsets>> offsets = Wait(ReadOffsets("g", "t", gates_));
  ASSERT_TRUE(offsets.ok());
  EXPECT_TRUE(offsets->empty()) << "nothing was committed";
}

}  // namespace
}  // namespace flashdb
