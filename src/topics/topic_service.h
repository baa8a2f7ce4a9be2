// What clients do with topics: coroutines on the client's shard that visit the partitions' owners.
// RESP's slow commands and the HTTP routes are thin layers over these. Names are checked here;
// limits on values, too.
//
// Errors are statuses whose messages are for the client: InvalidArgument (a limit, a name),
// NotFound (topic, group, partition), AlreadyExists, OutOfRange (an offset), FailedPrecondition
// (conflict: producer sequence, stale member), ResourceExhausted (memory, disk), Unavailable (the
// log or the files are behind; try again), DataLoss.
//
// `gates` receives what the answer depends on: nothing of it may be sent before they are settled.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "shards/commit_queue.h"
#include "shards/task.h"
#include "topics/catalog.h"
#include "topics/fetched_frames.h"
#include "topics/record.h"
#include "topics/types.h"

namespace flashdb {

using Gates = std::vector<Gate>;

// ---- Topics ------------------------------------------------------------------------------------

/// What a PATCH or TOPIC ALTER changes; partitions may only grow.
struct TopicChange {
  std::optional<PartitionNumber> partitions;
  std::optional<StorageKind> storage;  // at creation only
  std::optional<Cleanup> cleanup;
  std::optional<uint64_t> retention_bytes;
  std::optional<uint64_t> retention_ms;
  std::optional<uint32_t> cache_records;
};

struct PartitionInfo {
  PartitionNumber partition = 0;
  ShardId shard = 0;
  Offset start = 0;           // of the oldest record kept
  Offset high_watermark = 0;  // of the next record
  uint64_t records = 0;
  uint64_t bytes = 0;
  UnixMillis last_timestamp = 0;  // 0: no record yet
};
struct TopicInfo {
  Topic topic;
  std::vector<PartitionInfo> partitions;
};

Task<StatusOr<Topic>> CreateTopic(std::string name, TopicChange settings, Gates& gates);
Task<StatusOr<Topic>> AlterTopic(std::string name, TopicChange change, Gates& gates);
Task<Status> DeleteTopic(std::string name, Gates& gates);
/// As the last change of the catalog left it, once that is done. NotFound if there is none.
Task<StatusOr<Topic>> FindTopic(std::string name, Gates& gates);
Status NoSuchTopic(std::string_view name);
/// By name, ascending.
Task<std::vector<Topic>> ListTopics(Gates& gates);
Task<StatusOr<TopicInfo>> DescribeTopic(std::string name, Gates& gates);

// ---- Records -----------------------------------------------------------------------------------

struct NewRecord {
  RecordInput record;
  std::optional<PartitionNumber> partition;
};
/// A producer's name for its batch: a batch whose sequence is not above the last one of that
/// producer in that partition is not appended again. Sequences count batches from 0.
struct ProducerStamp {
  std::string producer_id;  // 1 to 255 bytes
  uint64_t sequence = 0;
};

struct AppendedPart {
  PartitionNumber partition = 0;
  Offset offset = 0;       // of the first record
  Offset last_offset = 0;  // of the last
  uint32_t count = 0;
  UnixMillis timestamp = 0;
  bool duplicate = false;  // it had been appended before; these are its first offsets
};

/// Appends all or nothing. The views in `records` must stay valid until the end. `max_bytes` is the
/// server's limit of a value. Creates the topic if that is switched on. One part per partition,
/// ascending. With a stamp all records must belong to one partition.
Task<StatusOr<std::vector<AppendedPart>>> AppendRecords(std::string topic,
                                                        std::span<const NewRecord> records,
                                                        const ProducerStamp* stamp, Gates& gates);

/// Waits while files that the topic's partitions need are too far behind the log; not for ever.
Task<void> WaitUntilAppendable(const Topic& topic);

/// The topic, created if there is none and that is switched on.
Task<StatusOr<Topic>> FindOrCreateTopic(std::string name, Gates& gates);

/// Lets a waiting fetch end early, because its client has gone. Of the fetch's shard.
struct FetchCancel {
  uint64_t token = 0;  // of the wait under way; 0: none
  bool cancelled = false;
};
/// Ends the wait, if there is one; later ones with the same object do not wait.
void CancelFetch(FetchCancel& cancel);

inline constexpr uint32_t kMaxFetchRecords = 10'000;
inline constexpr uint64_t kMaxFetchBytes = uint64_t{64} << 20;
inline constexpr uint64_t kMaxFetchWaitMillis = 300'000;

struct FetchQuery {
  std::string topic;
  std::optional<PartitionNumber> partition;  // none: all, each from its own offset
  std::optional<Offset> offset;              // needs a partition unless the topic has one only
  std::optional<UnixMillis> from_time;       // else from the beginning; or a group's:
  std::optional<std::string> group;          // from its committed offsets, if neither is given
  uint32_t max_records = 100;                // 1 to kMaxFetchRecords, of all partitions together
  uint64_t max_bytes = 1 << 20;              // 1 to kMaxFetchBytes; but at least one record
  uint64_t min_bytes = 1;                    // with wait_ms: what is worth an answer; above
                                             // max_bytes it is as that
  uint64_t wait_ms = 0;                      // how long to wait for it; kMaxFetchWaitMillis at most
  std::vector<PartitionNumber> only;         // if not empty: of these partitions only
  FetchCancel* cancel = nullptr;             // outlives the fetch
};
struct FetchedPart {
  PartitionNumber partition = 0;
  FetchedFrames frames;  // verified
  uint32_t count = 0;
  Offset start = 0;           // of the oldest record kept
  Offset next_offset = 0;     // where to go on
  Offset high_watermark = 0;  // of the next record that will be appended
};
/// Records in the order of their offsets, by partition, ascending. An offset below the oldest
/// record kept goes on there; one above the high watermark is OutOfRange.
Task<StatusOr<std::vector<FetchedPart>>> FetchRecords(FetchQuery query, Gates& gates);
/// Ends the waiting of every FetchRecords of this shard (at shutdown); later ones do not wait.
void EndClientWaits();
/// The first record at or after `time` of that partition; the high watermark if there is none.
Task<StatusOr<Offset>> FindOffsetOfTime(std::string topic, PartitionNumber partition,
                                        UnixMillis time, Gates& gates);

// ---- Groups ------------------------------------------------------------------------------------

struct CommittedOffset {
  PartitionNumber partition = 0;
  Offset offset = 0;  // of the next record to read
  Offset high_watermark = 0;
  UnixMillis committed_at = 0;
  std::string metadata;
  uint64_t lag() const { return high_watermark - offset; }
};
struct GroupOffsets {
  std::string topic;
  std::vector<CommittedOffset> partitions;  // those with a commit
};
struct OffsetCommit {
  static constexpr size_t kMaxMetadataBytes = 4096;

  PartitionNumber partition = 0;
  Offset offset = 0;
  std::string metadata;
};
/// InvalidArgument if the metadata is too long.
Status CheckMetadata(std::string_view metadata);
/// The member on whose behalf a commit is done; it is refused if the partition is no longer its.
struct MemberStamp {
  std::string member_id;
  uint64_t generation = 0;
};

/// As FindTopic.
Task<StatusOr<Group>> FindGroup(std::string name, Gates& gates);
Task<StatusOr<Group>> CreateGroup(std::string name, Gates& gates);
Task<Status> DeleteGroup(std::string name, Gates& gates);
Task<std::vector<Group>> ListGroups(Gates& gates);
/// All or nothing. Creates the group. OutOfRange above the high watermark.
Task<StatusOr<GroupOffsets>> CommitOffsets(std::string group, std::string topic,
                                           std::vector<OffsetCommit> commits,
                                           std::optional<MemberStamp> member, Gates& gates);
/// Of one topic, or (empty) of all topics in which the group has committed.
Task<StatusOr<std::vector<GroupOffsets>>> ReadOffsets(std::string group, std::string topic,
                                                      Gates& gates);

struct Assignment {
  std::string topic;
  std::vector<PartitionNumber> partitions;
};
struct Membership {
  std::string member_id;
  uint64_t generation = 0;  // rises whenever the shares change
  uint64_t session_timeout_ms = 0;
  std::vector<Assignment> assignments;
};
struct GroupMember {
  std::string member_id;
  std::string client;  // what it called itself
  UnixMillis last_seen = 0;
  uint64_t session_timeout_ms = 0;
  std::vector<Assignment> assignments;
};
struct GroupInfo {
  Group group;
  uint64_t generation = 0;
  std::vector<GroupMember> members;
};

/// `session_timeout_ms` 1000 to 300000. Creates the group. `member_id` empty: a new one.
Task<StatusOr<Membership>> JoinGroup(std::string group, std::string member_id, std::string client,
                                     std::vector<std::string> topics, uint64_t session_timeout_ms,
                                     Gates& gates);
/// NotFound if the member is not (any more) in the group: it has to join again. What is no longer
/// in the answer's assignments goes to others from now on.
Task<StatusOr<Membership>> Heartbeat(std::string group, std::string member_id, Gates& gates);
Task<Status> LeaveGroup(std::string group, std::string member_id, Gates& gates);
Task<StatusOr<GroupInfo>> DescribeGroup(std::string group, Gates& gates);

// ---- Figures -----------------------------------------------------------------------------------

struct TopicStats {
  uint64_t topics = 0;
  uint64_t groups = 0;
  uint64_t partitions = 0;  // of this shard, as are all below
  uint64_t records_appended = 0;
  uint64_t bytes_appended = 0;
  uint64_t records_fetched = 0;
  uint64_t bytes_fetched = 0;
  uint64_t cache_hits = 0;  // lookups
  uint64_t cache_misses = 0;
  uint64_t cache_bytes = 0;
  uint64_t unflushed_bytes = 0;  // in the log, not yet in the topics' files
  uint64_t stored_bytes = 0;
  uint64_t waiting_fetches = 0;
  std::string files_error;  // why the topics' files take no more; empty: they do
};
TopicStats StatsOfTopics();

}  // namespace flashdb
