// Ids and limits of topics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "base/types.h"

namespace flashdb {

/// A record's place in its partition, counted from 0; never used twice.
using Offset = uint64_t;
inline constexpr Offset kNoOffset = std::numeric_limits<Offset>::max();

/// Numbers a topic (or a group) for its whole life: one of the same name that is made after it was
/// deleted has another id. Catalog versions serve as ids.
using TopicId = uint64_t;
using GroupId = uint64_t;

using PartitionNumber = uint32_t;
inline constexpr PartitionNumber kMaxPartitions = 1024;  // of one topic

inline constexpr size_t kMaxRecordKeyBytes = 1024;
inline constexpr size_t kMaxHeaderNameBytes = 255;
inline constexpr size_t kMaxHeaderValueBytes = 1024;
inline constexpr size_t kMaxHeaders = 64;  // of one record
inline constexpr size_t kMaxBatchRecords = 1000;
inline constexpr size_t kMaxNameBytes = 255;

/// Whether `name` may name a topic or a group: 1-255 of [a-zA-Z0-9._-], not starting with '-',
/// neither "." nor ".." (it is a directory's name).
bool IsValidTopicName(std::string_view name);
/// What IsValidTopicName asks for, for error messages.
inline constexpr std::string_view kNameRule =
    "1 to 255 of a-z A-Z 0-9 . _ -, not starting with '-', and neither '.' nor '..'";

}  // namespace flashdb
