// Streams of records: each partition is followed by a coroutine of its own, and all of them write
// to one response.
#include <algorithm>

#include "api/topic_json.h"
#include "api/topic_records.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

// A client that has gone is noticed when a wait ends.
constexpr uint64_t kWaitMillis = 1000;
constexpr uint64_t kPauseMillis = 20;
// So often something is sent, so that nobody in between takes the connection for dead.
constexpr uint64_t kSignMillis = 15'000;
// What is fetched waits for its turn to be sent.
constexpr uint64_t kBytesOfAll = 8 << 20;
constexpr uint64_t kLeastBytes = 16 << 10;
constexpr uint64_t kMostBytes = 256 << 10;
constexpr uint32_t kRecordsAtOnce = 1000;

class Follower {
 public:
  Follower(HttpExchange& exchange, std::string topic)
      : exchange_(exchange),
        topic_(std::move(topic)),
        as_events_(exchange.request.Prefers(kEventsType)),
        with_headers_(exchange.Flag("include_headers")),
        sent_at_(Now()) {}

  struct Place {
    PartitionNumber partition;
    Offset offset;
  };

  /// Where to begin in each partition that is asked for.
  Task<StatusOr<std::vector<Place>>> FindPlaces() {
    StatusOr<FetchQuery> query = ReadFetchQuery(exchange_, topic_);
    if (!query.ok()) co_return query.status();
    StatusOr<TopicInfo> info = co_await DescribeTopic(topic_, exchange_.gates);
    if (!info.ok()) co_return info.status();
    const PartitionNumber count = info->topic.config.partitions;
    if (query->partition.value_or(0) >= count) {
      co_return absl::InvalidArgumentError(fmt::format("topic '{}' has no partition {}; it has {}",
                                                       topic_, *query->partition, count));
    }
    if (query->offset.has_value() && !query->partition.has_value() && count > 1) {
      co_return absl::InvalidArgumentError(
          fmt::format("an offset needs a partition: topic '{}' has {}", topic_, count));
    }
    std::vector<Place> places;
    for (const PartitionInfo& part : info->partitions) {
      if (query->partition.value_or(part.partition) != part.partition) continue;
      Place place{part.partition, query->offset.value_or(part.high_watermark)};
      if (query->from_time.has_value()) {
        StatusOr<Offset> offset =
            co_await FindOffsetOfTime(topic_, part.partition, *query->from_time, exchange_.gates);
        if (!offset.ok()) co_return offset.status();
        place.offset = *offset;
      }
      if (place.offset > part.high_watermark) {
        co_return absl::OutOfRangeError(
            fmt::format("offset {} is above the high watermark {} of partition {} of topic '{}'",
                        place.offset, part.high_watermark, part.partition, topic_));
      }
      places.push_back(place);
    }
    co_return places;
  }

  Task<void> Run(std::vector<Place> places) {
    exchange_.BeginStream(as_events_ ? kEventsType : kLinesType);
    if (exchange_.request.method == HttpMethod::kHead) co_return;
    exchange_.Send(as_events_ ? ": records follow\n\n" : "");
    following_ = places.size();
    bytes_at_once_ = std::clamp(kBytesOfAll / following_, kLeastBytes, kMostBytes);
    for (const Place& place : places) Detach(Follow(place));
    co_await ended_;
    if (!error_.ok()) SendError();
  }

 private:
  static uint64_t Now() { return Shard::Current().clock().MonotonicNanos() / 1'000'000; }

  Task<void> Follow(Place place) {
    while (error_.ok() && !exchange_.Gone()) {
      Gates gates;
      FetchQuery query{.topic = topic_,
                       .partition = place.partition,
                       .offset = place.offset,
                       .max_records = kRecordsAtOnce,
                       .max_bytes = bytes_at_once_,
                       .wait_ms = kWaitMillis};
      const uint64_t asked_at = Now();
      StatusOr<std::vector<FetchedPart>> parts = co_await FetchRecords(std::move(query), gates);
      if (!parts.ok()) {
        if (error_.ok()) error_ = parts.status();
      } else if (!parts->empty() && error_.ok() && !exchange_.Gone()) {
        place.offset = parts->front().next_offset;
        const bool came_to_nothing = parts->front().count == 0;
        co_await SendPart(parts->front(), gates);
        // At a shutdown waits end at once; the loop must not take the place of them.
        if (came_to_nothing && Now() - asked_at < kWaitMillis) {
          co_await Shard::Current().Sleep(kPauseMillis);
        }
      }
    }
    if (--following_ == 0) ended_.Set();
  }

  Task<void> SendPart(const FetchedPart& part, const Gates& gates) {
    co_await exchange_.AwaitRoom();
    std::string text;
    if (part.count > 0) {
      text.reserve(part.frames.bytes() * 5 / 4 + part.count * size_t{100});
      part.frames.ForEach([&](const RecordView& record) { Append(text, part.partition, record); });
    } else if (Now() - sent_at_ >= kSignMillis) {
      text = as_events_ ? ":\n\n" : "{}\n";
    }
    if (text.empty()) co_return;
    sent_at_ = Now();
    exchange_.gates.insert(exchange_.gates.end(), gates.begin(), gates.end());
    exchange_.Send(text);
  }

  void Append(std::string& text, PartitionNumber partition, const RecordView& record) {
    if (as_events_) {
      fmt::format_to(std::back_inserter(text), "id: {}:{}\ndata: ", partition, record.offset);
    }
    std::string line;
    JsonWriter json(line);
    RecordJson(json, with_headers_).Write(partition, record);
    text += line;
    text += as_events_ ? "\n\n" : "\n";
  }

  // The status has been sent long ago: an object that is no record tells how it ends.
  void SendError() {
    const bool gone = absl::IsNotFound(error_);
    const std::string json = JsonError(gone ? "not_found" : "unavailable", MessageOf(error_));
    const std::string text = as_events_ ? "event: error\ndata: " + json + "\n\n" : json + "\n";
    exchange_.Send(text);
  }

  HttpExchange& exchange_;
  const std::string topic_;
  const bool as_events_;
  const bool with_headers_;
  uint64_t sent_at_;
  size_t following_ = 0;
  uint64_t bytes_at_once_ = kMostBytes;
  OneShotEvent ended_;
  Status error_;
};

}  // namespace

Task<void> FollowRecords(HttpExchange& exchange) {
  Follower follower(exchange, exchange.Path("topic"));
  StatusOr<std::vector<Follower::Place>> places = co_await follower.FindPlaces();
  if (!places.ok()) co_return exchange.Fail(places.status());
  co_await follower.Run(std::move(*places));
}

}  // namespace flashdb
