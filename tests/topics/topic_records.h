// Records and blocks for the tests of topics.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "topics/record_block.h"

namespace flashdb {

struct TestRecord {
  Offset offset = 0;
  UnixMillis timestamp = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;

  bool operator==(const TestRecord&) const = default;
};

/// How a failed comparison shows a record.
inline std::ostream& operator<<(std::ostream& out, const TestRecord& record) {
  return out << record.offset << "@" << record.timestamp << " " << record.key.value_or("-") << "="
             << record.value.value_or("-").substr(0, 20);
}

inline void AddRecord(RecordBlock& block, const TestRecord& record) {
  std::string frame;
  RecordInput input{record.key, record.value, {}};
  AppendFrame(frame, record.offset, record.timestamp, input);
  block.Append(frame, record.offset, record.timestamp);
}

inline BlockRef BlockOf(const std::vector<TestRecord>& records) {
  auto block = std::make_shared<RecordBlock>(records.front().offset);
  for (const TestRecord& record : records) AddRecord(*block, record);
  return block;
}

/// Records [first, end) with values of `bytes` bytes that tell their offsets, a second apart.
inline std::vector<TestRecord> NumberedRecords(Offset first, Offset end, size_t bytes = 20) {
  std::vector<TestRecord> records;
  for (Offset i = first; i < end; ++i) {
    std::string value = std::to_string(i) + ".";
    value.resize(std::max(bytes, value.size()), static_cast<char>('a' + i % 26));
    records.push_back({i, static_cast<UnixMillis>(i * 1000), {}, value});
  }
  return records;
}

inline BlockRef NumberedBlock(Offset first, Offset end, size_t bytes = 20) {
  return BlockOf(NumberedRecords(first, end, bytes));
}

/// The records of a block, each verified.
inline std::vector<TestRecord> RecordsOf(const RecordBlock& block) {
  std::vector<TestRecord> records;
  std::string_view rest = block.bytes();
  while (!rest.empty()) {
    RecordView view;
    size_t size = 0;
    if (ReadFrame(rest, &view, &size) != FrameState::kWhole) return {};
    TestRecord& record = records.emplace_back(TestRecord{view.offset, view.timestamp, {}, {}});
    if (view.key) record.key = std::string(*view.key);
    if (view.value) record.value = std::string(*view.value);
    rest.remove_prefix(size);
  }
  return records;
}

}  // namespace flashdb
