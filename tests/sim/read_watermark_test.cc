// A read from the files during which the partition grows.
#include "sim/service_fixture.h"

namespace flashdb {
namespace {

class ReadWatermarkTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    TopicChange settings;
    settings.cache_records = 0;
    ASSERT_TRUE(Wait(CreateTopic("t", settings, gates_)).ok());
  }

  void Append(size_t count, size_t held = 0) {
    const std::vector<NewRecord> records(count, {.record = {.value = "v"}, .partition = 0});
    ASSERT_TRUE(Wait(AppendRecords("t", records, nullptr, gates_), held).ok());
  }
  void WaitForFiles(size_t held = 0) {
    for (int turns = 0; StatsOfTopics().unflushed_bytes > 0 && turns < 1000; ++turns) {
      clock_.AdvanceMillis(10);
      Turn(held);
    }
    ASSERT_EQ(StatsOfTopics().unflushed_bytes, 0u);
  }
};

TEST_F(ReadWatermarkTest, RecordsThatCameWhileTheFilesWereReadAreNotShown) {
  for (int i = 0; i < 2; ++i) {  // the cache keeps the last one
    Append(1);
    WaitForFiles();
  }
  using Fetched = StatusOr<std::vector<FetchedPart>>;
  std::optional<Fetched> fetched;
  Begin(FetchRecords({.topic = "t", .partition = 0}, gates_), fetched);
  for (int turns = 0; disk_.pending() == 0 && turns < 100; ++turns) server_->Turn(0);
  ASSERT_EQ(disk_.pending(), 1u) << "the read";
  Append(3, 1);
  WaitForFiles(1);
  for (int turns = 0; !fetched.has_value() && turns < 1000; ++turns) Turn();
  ASSERT_TRUE(fetched.has_value());
  ASSERT_TRUE(fetched->ok()) << fetched->status();
  const FetchedPart& part = fetched->value().at(0);
  EXPECT_EQ(part.high_watermark, 2u);
  EXPECT_EQ(part.next_offset, 2u);
  EXPECT_EQ(part.count, 2u);
}

}  // namespace
}  // namespace flashdb
