// File storages on the fake disk.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "sim/fake_disk.h"
#include "topics/await.h"
#include "topics/file_storage.h"
#include "topics/topic_records.h"

namespace flashdb {

class StorageTest : public testing::Test {
 protected:
  static constexpr TopicId kTopicId = 7;

  StorageTest() { Start(); }
  ~StorageTest() override { disk_->RunAll(); }

  static std::unique_ptr<FakeDisk> NewDisk() {
    auto disk = std::make_unique<FakeDisk>();
    disk->set_needs_directories();
    return disk;
  }

  /// A new process on the disk. `attached`: operations wait for RunAll.
  void Start(bool attached = true) {
    disk_->RunAll();  // as if all of it had been waited for
    storages_.clear();
    files_.reset();
    files_ = std::make_unique<SegmentFiles>(*disk_, options_);
    ASSERT_TRUE(files_->Prepare().ok());
    if (attached) files_->Attach(*disk_);
  }

  FileStorage& New(PartitionNumber partition = 0, TopicId id = kTopicId) {
    storages_.push_back(std::make_unique<FileStorage>(*files_, "topic", id, partition));
    return *storages_.back();
  }
  /// What the files hold; its notes are in notes_.
  FileStorage& Opened(PartitionNumber partition = 0, TopicId id = kTopicId) {
    FileStorage& storage = New(partition, id);
    StatusOr<std::vector<std::string>> notes = storage.Open();
    EXPECT_TRUE(notes.ok()) << notes.status();
    notes_ = notes.ok() ? *notes : std::vector<std::string>{};
    return storage;
  }

  /// Waits for a task while the disk works.
  template <typename T>
  T Wait(Task<T> task) {
    Running<T> running(std::move(task));
    while (!running.done()) {
      FLASHDB_CHECK(disk_->pending() > 0, "waits for nothing");
      disk_->RunOne();
    }
    return running.Take();
  }

  void AppendNumbered(FileStorage& storage, Offset end, size_t per_block = 10, size_t bytes = 20) {
    while (storage.end() < end && storage.failure().ok()) {
      const Offset next = std::min(storage.end() + per_block, end);
      storage.Append(NumberedBlock(storage.end(), next, bytes), next);
    }
  }
  void Settle(FileStorage& storage) {
    storage.Sync();
    disk_->RunAll();
    ASSERT_TRUE(storage.failure().ok()) << storage.failure();
    ASSERT_TRUE(storage.durable());
  }

  StatusOr<std::vector<TestRecord>> ReadAll(FileStorage& storage, Offset from,
                                            size_t max_bytes = 1000) {
    std::vector<TestRecord> all;
    while (from < storage.readable_end()) {
      StatusOr<BlockRef> block = Wait(storage.Read(from, max_bytes));
      if (!block.ok()) return block.status();
      if ((*block)->end() <= from) return absl::InternalError("a block that covers nothing");
      for (TestRecord& record : RecordsOf(**block)) {
        if (record.offset >= from) all.push_back(std::move(record));
      }
      from = (*block)->end();
    }
    return all;
  }

  std::string Path(Offset base, std::string_view suffix = kLogSuffix,
                   PartitionNumber partition = 0) const {
    return fmt::format("/data/topic/{}/{}{}", partition, TopicSegmentName(base), suffix);
  }

  SegmentFiles::Options options_{.directory = "/data", .segment_bytes = 2000, .sync_bytes = 1000};
  std::unique_ptr<FakeDisk> disk_ = NewDisk();
  std::unique_ptr<SegmentFiles> files_;
  std::vector<std::unique_ptr<FileStorage>> storages_;
  std::vector<std::string> notes_;
};

}  // namespace flashdb
