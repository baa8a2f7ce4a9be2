// flashq subscribe: records as they come, until Ctrl-C.
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/numbers.h"
#include "cli/api_paths.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/interrupt.h"
#include "cli/line_streams.h"
#include "cli/membership.h"
#include "cli/partitions.h"
#include "cli/record.h"

namespace flashdb::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kCommitInterval(1000);
constexpr milliseconds kForever(60'000);  // how long one wait lasts if nothing is due
// Between two tries to reach a server that is gone.
constexpr milliseconds kFirstPause(100);
constexpr milliseconds kLongestPause(3000);

struct SubscribeOptions {
  std::string topic;
  std::optional<int64_t> partition;
  std::optional<std::string> group;
  std::optional<std::string> member;
  std::optional<std::string> from;
  std::optional<int64_t> max;
  double session_timeout_seconds = 10;
  double retry_seconds = 60;
  bool commit = false;
  PrintOptions print;
};

class Subscriber {
 public:
  Subscriber(Context& context, const SubscribeOptions& options)
      : context_(context), options_(options), streams_(context.api_options()) {
    if (!options.member) return;
    membership_.emplace(context.client(), *options.group, options.topic, *options.member,
                        milliseconds(static_cast<int64_t>(options.session_timeout_seconds * 1000)));
  }

  // Until Ctrl-C, --max records, or an error.
  Status Run() {
    Status status = membership_ ? membership_->Join() : OkStatus();
    if (status.ok()) status = Open();
    while (status.ok() && !IsDone()) {
      status = Step();
      if (absl::IsUnavailable(status)) status = Reconnect(status);
    }
    if (absl::IsCancelled(status)) status = OkStatus();
    status.Update(End(status));
    return status;
  }

 private:
  bool IsDone() const { return options_.max && count_ >= *options_.max; }

  // The partitions that are followed from now on, each from its place.
  Status Open() {
    streams_.Clear();
    FLASHDB_ASSIGN_OR_RETURN(auto bounds, FetchBounds(context_.client(), options_.topic));
    std::map<int64_t, int64_t> committed;
    if (options_.group) {
      FLASHDB_ASSIGN_OR_RETURN(committed,
                               FetchCommitted(context_.client(), *options_.group, options_.topic));
    }
    std::map<int64_t, int64_t> places;
    for (const PartitionBounds& each : bounds) {
      if (!IsOurs(each.partition)) continue;
      FLASHDB_ASSIGN_OR_RETURN(places[each.partition], PlaceIn(each, committed));
    }
    next_ = std::move(places);
    for (const auto& [partition, offset] : next_) Follow(partition, offset);
    if (!next_.empty() || membership_) return OkStatus();
    return UsageError(fmt::format("{} has no partition {}; its last is {}", options_.topic,
                                  options_.partition.value_or(0), bounds.back().partition));
  }

  // Goes on where this process is when the server is back. The time is that since it last sent
  // something: one that ends each stream is gone, too.
  Status Reconnect(const Status& lost) {
    const auto patience = milliseconds(static_cast<int64_t>(options_.retry_seconds * 1000));
    if (!gone_since_) {
      gone_since_ = Clock::now();
      pause_ = kFirstPause;
      if (patience > milliseconds(0)) {
        context_.output().Note(
            fmt::format("{}; trying again for {} s", MessageOf(lost), options_.retry_seconds));
      }
    }
    streams_.Clear();
    Status status = lost;
    while (absl::IsUnavailable(status) && Clock::now() < *gone_since_ + patience) {
      Status paused = streams_.Next(pause_).status();
      if (!absl::IsDeadlineExceeded(paused)) return paused;
      pause_ = std::min(2 * pause_, kLongestPause);
      status = Resume();
    }
    return status;
  }

  Status Resume() {
    if (membership_) {
      FLASHDB_RETURN_IF_ERROR(membership_->Join());
      ForgetOthers();
    }
    return Open();
  }

  void ForgetOthers() {
    std::erase_if(next_, [&](const auto& place) { return !IsOurs(place.first); });
  }

  bool IsOurs(int64_t partition) const {
    if (!membership_) return !options_.partition || *options_.partition == partition;
    const auto& share = membership_->partitions();
    return std::find(share.begin(), share.end(), partition) != share.end();
  }

  // Where this process is already, else where --from says, else where the group is.
  StatusOr<int64_t> PlaceIn(const PartitionBounds& bounds,
                            const std::map<int64_t, int64_t>& committed) const {
    if (auto known = next_.find(bounds.partition); known != next_.end()) return known->second;
    if (!options_.from) {
      if (!options_.group) return bounds.end;
      const auto found = committed.find(bounds.partition);
      return found == committed.end() ? bounds.start : found->second;
    }
    if (*options_.from == "beginning") return bounds.start;
    if (*options_.from == "end") return bounds.end;
    auto offset = ParseInt64(*options_.from);
    if (offset && *offset >= 0) return *offset;
    return UsageError(
        fmt::format("--from '{}' is neither beginning, end nor an offset", *options_.from));
  }

  void Follow(int64_t partition, int64_t offset) {
    Query query;
    query.Add("partition", partition).Add("offset", offset);
    query.Add("follow", "true").Add("include_headers", "true");
    streams_.Add(static_cast<int>(partition), RecordsPath(options_.topic) + query.text());
  }

  milliseconds UntilNextDuty() const {
    auto next = Clock::now() + kForever;
    if (membership_) next = std::min(next, membership_->due());
    if (!uncommitted_.empty()) next = std::min(next, commit_due_);
    return std::max(std::chrono::ceil<milliseconds>(next - Clock::now()), milliseconds(0));
  }

  Status Step() {
    FLASHDB_RETURN_IF_ERROR(DoDuties());
    // What is there already is printed before the output is flushed, once.
    auto line = streams_.Next(milliseconds(0));
    if (absl::IsDeadlineExceeded(line.status())) {
      FLASHDB_RETURN_IF_ERROR(context_.output().Flush());
      line = streams_.Next(UntilNextDuty());
    }
    if (absl::IsDeadlineExceeded(line.status())) return OkStatus();
    if (!line.ok()) return line.status();
    return Take(*line);
  }

  Status Take(const LineStreams::Line& line) {
    FLASHDB_ASSIGN_OR_RETURN(Json json, JsonOf(line.text));
    if (std::exchange(gone_since_, std::nullopt)) context_.output().Note("connected again");
    if (!Member(json, "error").is_null()) {
      return absl::FailedPreconditionError("the server ended the stream: " +
                                           StringOf(json, "message"));
    }
    if (!Member(json, "offset").is_number_integer()) return OkStatus();  // a sign of life
    FLASHDB_RETURN_IF_ERROR(PrintRecord(context_.output(), json, options_.print));
    ++count_;
    next_[line.tag] = IntOf(json, "offset") + 1;
    if (!options_.commit) return OkStatus();
    if (uncommitted_.empty()) commit_due_ = Clock::now() + kCommitInterval;
    uncommitted_[line.tag] = next_[line.tag];
    return OkStatus();
  }

  StatusOr<Json> JsonOf(const std::string& text) const {
    auto json = ParseJson(text);
    if (json.ok()) return json;
    return absl::DataLossError("the server sent a line that is no JSON: " +
                               MessageOf(json.status()));
  }

  Status DoDuties() {
    if (!uncommitted_.empty() && Clock::now() >= commit_due_) FLASHDB_RETURN_IF_ERROR(Commit());
    if (!membership_ || Clock::now() < membership_->due()) return OkStatus();
    // First, for the heartbeat's answer may give partitions away.
    FLASHDB_RETURN_IF_ERROR(Commit());
    FLASHDB_ASSIGN_OR_RETURN(bool moved, membership_->Heartbeat());
    return moved ? TakeOver() : OkStatus();
  }

  // Another share: partitions that went elsewhere are read on there.
  Status TakeOver() {
    context_.output().Note(fmt::format("{} now has partitions {} of {}", *options_.member,
                                       fmt::join(membership_->partitions(), ", "), options_.topic));
    ForgetOthers();
    return Open();
  }

  // Commits what has been printed, and only that.
  Status Commit() {
    if (uncommitted_.empty()) return OkStatus();
    FLASHDB_RETURN_IF_ERROR(context_.output().Flush());
    std::vector<OffsetCommit> commits;
    for (const auto& [partition, offset] : uncommitted_) {
      commits.push_back({.partition = partition, .offset = offset});
    }
    std::optional<MemberStamp> stamp;
    if (membership_) stamp = membership_->stamp();
    const Status status =
        CommitOffsets(context_.client(), *options_.group, options_.topic, commits, stamp);
    if (absl::IsUnavailable(status)) return status;  // once more when the server is back
    uncommitted_.clear();
    if (!stamp || !IsNoLongerOurs(status)) return status;
    context_.output().Note(
        fmt::format("not committed, so others read it again: {}", MessageOf(status)));
    return OkStatus();
  }

  // With a server that is gone there is no use in trying.
  Status End(const Status& status) {
    if (absl::IsUnavailable(status)) return OkStatus();
    Status ended = Commit();
    if (membership_) ended.Update(membership_->Leave());
    if (!context_.output().json() && !options_.print.raw) {
      context_.output().Note(fmt::format("{} {}", count_, count_ == 1 ? "record" : "records"));
    }
    return ended;
  }

  Context& context_;
  const SubscribeOptions& options_;
  LineStreams streams_;
  std::optional<Membership> membership_;
  std::map<int64_t, int64_t> next_;  // by partition: the offset to read next
  std::map<int64_t, int64_t> uncommitted_;
  Clock::time_point commit_due_;
  std::optional<Clock::time_point> gone_since_;  // while nothing comes any more
  milliseconds pause_ = kFirstPause;
  int64_t count_ = 0;
};

Status Subscribe(Context& context, const SubscribeOptions& options) {
  if ((options.commit || options.member) && !options.group) {
    return UsageError("--commit and --member need --group");
  }
  if (options.member && options.partition) {
    return UsageError("--member gets its partitions from the group; leave out --partition");
  }
  Interrupt interrupt;
  return Subscriber(context, options).Run();
}

}  // namespace

void AddSubscribeCommand(CLI::App& root, Command* chosen) {
  CLI::App* subscribe = root.add_subcommand("subscribe", "follow a topic until Ctrl-C");
  auto options = std::make_shared<SubscribeOptions>();
  subscribe->add_option("topic", options->topic, "the topic's name")
      ->required()
      ->type_name("TOPIC");
  subscribe->add_option("--partition", options->partition, "only this one; else all");
  subscribe
      ->add_option("--from", options->from,
                   "beginning, end or an offset; else the group's place, or the end")
      ->type_name("WHERE");
  subscribe->add_option("--group", options->group, "start at this group's committed offsets");
  subscribe->add_option("--member", options->member,
                        "join the group under this name and follow a share of the partitions");
  subscribe
      ->add_option("--session-timeout", options->session_timeout_seconds,
                   "a member that is silent for so long loses its partitions")
      ->check(CLI::Range(1.0, 300.0))
      ->capture_default_str()
      ->type_name("SECONDS");
  subscribe
      ->add_option("--retry", options->retry_seconds,
                   "try for so long to reach a server that is gone, then end; 0: end at once")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str()
      ->type_name("SECONDS");
  subscribe->add_flag("--commit", options->commit,
                      "commit what was printed for --group, each second");
  subscribe->add_option("--max", options->max, "end after so many records")
      ->check(CLI::PositiveNumber);
  subscribe->add_flag("--raw", options->print.raw, "print the values' bytes and nothing else");
  subscribe->add_option("--separator", options->print.separator,
                        "after each value of --raw (a line feed)");
  Choose(subscribe, chosen, options, &Subscribe);
}

}  // namespace flashdb::cli
