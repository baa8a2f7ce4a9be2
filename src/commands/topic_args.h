// The arguments of TOPIC APPEND, COMMIT and READ. Views into the request.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command.h"
#include "topics/topic_service.h"

namespace flashdb {

/// TOPIC APPEND topic [PARTITION n] [PRODUCER id sequence] record [record ...]
/// where record is [KEY key] [HEADER name value]... VALUE value | TOMBSTONE
struct TopicAppendArgs {
  std::string_view topic;
  std::vector<NewRecord> records;
  std::optional<ProducerStamp> stamp;

  const ProducerStamp* stamp_or_null() const { return stamp ? &*stamp : nullptr; }
};
/// InvalidArgument with an error line's text.
StatusOr<TopicAppendArgs> ParseTopicAppend(ArgView args);
/// The PARTITION option alone; nullopt if there is none (or it is no number).
std::optional<PartitionNumber> PartitionOption(ArgView args);

/// TOPIC COMMIT group topic partition offset [METADATA text]
struct TopicCommitArgs {
  std::string_view group;
  std::string_view topic;
  OffsetCommit commit;
};
StatusOr<TopicCommitArgs> ParseTopicCommit(ArgView args);

/// TOPIC READ topic [PARTITION n] [OFFSET n | TIME ms | GROUP group] [COUNT n] [BYTES n]
///   [MINBYTES n] [BLOCK ms]
StatusOr<FetchQuery> ParseTopicRead(ArgView args);

/// The options of TOPIC CREATE and ALTER, from args[3] on.
StatusOr<TopicChange> ParseTopicChange(ArgView args);

/// A status as an error line: its code first, so that clients can tell causes apart.
std::string ErrorLineOf(const Status& status);

}  // namespace flashdb
