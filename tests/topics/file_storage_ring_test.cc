// File storages on real files and a real ring.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/random.h"
#include "io/posix_file.h"
#include "io/ring.h"
#include "topics/await.h"
#include "topics/file_storage.h"
#include "topics/topic_records.h"

namespace flashdb {
namespace {

class FileStorageRingTest : public testing::Test {
 protected:
  FileStorageRingTest() {
    std::string name = (std::filesystem::temp_directory_path() / "flashdb-topics-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    options_.directory = directory_ + "/topics";
    options_.segment_bytes = 1u << 20;
    StatusOr<std::unique_ptr<Ring>> ring = Ring::Create({.entries = 64, .receive_buffers = 2});
    EXPECT_TRUE(ring.ok()) << ring.status();
    ring_ = *std::move(ring);
    Start();
  }
  ~FileStorageRingTest() override {
    storage_.reset();
    files_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Start() {
    storage_.reset();
    files_ = std::make_unique<SegmentFiles>(disk_, options_);
    ASSERT_TRUE(files_->Prepare().ok());
    storage_ = std::make_unique<FileStorage>(*files_, "orders", 1, 0);
    StatusOr<std::vector<std::string>> notes = storage_->Open();
    ASSERT_TRUE(notes.ok()) << notes.status();
    EXPECT_TRUE(notes->empty());
    files_->Attach(*ring_);
  }
  template <typename Condition>
  void TurnUntil(const Condition& condition) {
    for (int i = 0; i < 100'000 && !condition(); ++i) ring_->Turn(1'000'000);
    ASSERT_TRUE(condition());
  }
  bool Idle() const { return !storage_->busy() && !files_->busy(); }

  std::vector<TestRecord> ReadAll(Offset from) {
    std::vector<TestRecord> all;
    while (from < storage_->readable_end()) {
      Running<StatusOr<BlockRef>> read(storage_->Read(from, 64 * 1024));
      TurnUntil([&] { return read.done(); });
      StatusOr<BlockRef> block = read.Take();
      if (!block.ok()) return all;
      for (TestRecord& record : RecordsOf(**block)) all.push_back(std::move(record));
      from = (*block)->end();
    }
    TurnUntil([&] { return Idle(); });
    return all;
  }

  std::string directory_;
  PosixFileSystem disk_;
  std::unique_ptr<Ring> ring_;
  SegmentFiles::Options options_;
  std::unique_ptr<SegmentFiles> files_;
  std::unique_ptr<FileStorage> storage_;
};

TEST_F(FileStorageRingTest, KeepsTrimsCompactsAndRemovesRealFiles) {
  constexpr Offset kEnd = 10'000;
  for (Offset i = 0; i < kEnd; i += 100) {
    storage_->Append(NumberedBlock(i, i + 100, 1000), i + 100);
  }
  storage_->Sync();
  TurnUntil([&] { return storage_->durable(); });
  EXPECT_EQ(storage_->durable_lsn(), kEnd);
  EXPECT_EQ(ReadAll(0), NumberedRecords(0, kEnd, 1000));
  Start();
  EXPECT_EQ(ReadAll(0), NumberedRecords(0, kEnd, 1000));
  storage_->TrimTo(kEnd / 2);
  TurnUntil([&] { return Idle(); });
  EXPECT_GT(storage_->start(), 0u);
  EXPECT_FALSE(disk_.Exists(options_.directory + "/orders/0/" + TopicSegmentName(0) + ".log"));
  while (storage_->Compact(0)) TurnUntil([&] { return Idle(); });
  const Offset start = storage_->start();
  EXPECT_EQ(ReadAll(start), NumberedRecords(start, kEnd, 1000));
  storage_->Drop();
  TurnUntil([&] { return Idle(); });
  EXPECT_TRUE(storage_->failure().ok()) << storage_->failure();
  EXPECT_FALSE(disk_.Exists(options_.directory + "/orders"));
}

TEST_F(FileStorageRingTest, WritesOfAnySizeLeaveRealFilesWhole) {
  options_.direct_bytes = WriteBuffers::kBlockBytes;
  Start();
  constexpr Offset kEnd = 6000;
  Random random(7);
  while (storage_->end() < kEnd) {
    const Offset next = std::min(storage_->end() + 1 + random.Below(60), kEnd);
    storage_->Append(NumberedBlock(storage_->end(), next, 300), next);
    if (random.Below(3) == 0) ring_->Turn(0);
    if (random.Below(20) == 0) TurnUntil([&] { return Idle(); });
  }
  storage_->Sync();
  TurnUntil([&] { return storage_->durable(); });
  EXPECT_EQ(ReadAll(0), NumberedRecords(0, kEnd, 300));
  Start();
  EXPECT_EQ(ReadAll(0), NumberedRecords(0, kEnd, 300));
}

}  // namespace
}  // namespace flashdb
