#include "shards/shard.h"

#include "base/check.h"

namespace flashdb {
namespace {

thread_local Shard* current_shard = nullptr;

// Bounds of what one turn does, so that no duty starves another.
constexpr size_t kMailPerSender = 256;
constexpr size_t kExpirePerStep = 400;
constexpr size_t kReleasePerTurn = 2000;
constexpr uint64_t kExpireEveryNanos = 10'000'000;
constexpr uint64_t kLongestSleepNanos = 100'000'000;
constexpr int64_t kLongestSleepMillis = kLongestSleepNanos / 1'000'000;

// A shard's id as an envelope's object.
void* AsObject(ShardId shard) { return reinterpret_cast<void*>(uintptr_t{shard}); }
ShardId ShardIn(const void* object) {
  return static_cast<ShardId>(reinterpret_cast<uintptr_t>(object));
}

}  // namespace

Shard::Shard(ShardId id, ShardGroup& group, const Clock& clock, uint64_t random_seed)
    : id_(id),
      group_(group),
      clock_(clock),
      random_(random_seed),
      mailbox_(group.mail, id),
      keys_(FirstSlot(id, group.mail.shards()), FirstSlot(id + 1u, group.mail.shards())),
      commits_(id, group.mail.shards()) {}

Shard::~Shard() = default;

Shard& Shard::Current() {
  FLASHDB_CHECK(current_shard != nullptr, "called from a thread that runs no shard");
  return *current_shard;
}

ShardId CurrentShardId() { return Shard::Current().id(); }
uint32_t ShardCount() { return Shard::Current().count(); }
void SendMail(ShardId to, const Envelope& envelope) { Shard::Current().mail().Send(to, envelope); }

std::vector<ShardId> AllShards() {
  std::vector<ShardId> shards(ShardCount());
  for (size_t i = 0; i < shards.size(); ++i) shards[i] = static_cast<ShardId>(i);
  return shards;
}

Status Shard::Attach(const Ring::Options& options) {
  Enter();
  FLASHDB_ASSIGN_OR_RETURN(ring_, Ring::Create(options));
  group_.ring_fds[id_].store(ring_->fd(), std::memory_order_release);
  keys_.SetNow(clock_.NowMillis());
  return arena_refill_.Start();
}

void Shard::Enter() { current_shard = this; }

void Shard::StartLog(std::unique_ptr<LogWriter> log, TxnId last_txn) {
  log_ = std::move(log);
  commits_.Start(log_->appended(), last_txn);
  sequencer_.Start(last_txn);
  published_txn_ = last_txn;
  keys_.set_next_lsn(log_->appended() + 1);
  log_->set_on_progress([this] { OnLogProgress(); });
}

// ---- The log's door --------------------------------------------------------------------------

std::optional<std::string> Shard::RefusesWrite(uint64_t bytes) {
  if (commits_.HasFailed(id_)) [[unlikely]] {
    return "MISCONF " + commits_.FailureOf(id_);
  }
  if (log_->CanAdmit(bytes)) [[likely]] {
    return std::nullopt;
  }
  if (Status reserved = log_->Reserve(bytes); reserved.ok()) return std::nullopt;
  return "MISCONF " + MessageOf(log_->admission_error());
}

void Shard::CommitEffects() {
  EffectSink& sink = keys_.sink();
  if (sink.empty()) return;
  Lsn lsn = log_->Append(sink.payload());
  sink.Clear();
  keys_.set_next_lsn(lsn + 1);
}

Lsn Shard::TakeGateFor(ShardId home, Lsn held) {
  Lsn gate = keys_.TakeGate();
  if (gate <= commits_.settled()) return 0;
  if (held != 0 && (gate <= held || SettleTogether(held, gate))) return 0;
  if (home != id_) commits_.Want(home, gate);
  return gate;
}

// A frame is on disk as a whole; then only a transaction between the two can keep them apart.
bool Shard::SettleTogether(Lsn earlier, Lsn later) const {
  return log_->InSameFrame(earlier, later) && !commits_.HasGroupBehind(earlier);
}

void Shard::AskForNews(const Gate& gate) {
  if (gate.shard == id_ || commits_.IsSettled(gate.shard, gate.lsn)) return;
  SendMail(gate.shard, {.deliver =
                            [](Shard& here, const Envelope& mail) {
                              here.commits().Want(ShardIn(mail.object), mail.value);
                            },
                        .object = AsObject(id_),
                        .value = gate.lsn});
}

void Shard::OnLogProgress() {
  commits_.SetDurable(log_->durable(), [this](TxnId txn) {
    SendMail(0, {.deliver =
                     [](Shard& here, const Envelope& mail) {
                       here.sequencer().Durable(mail.value, ShardIn(mail.object));
                       here.PublishCommitIndex();
                     },
                 .object = AsObject(id_),
                 .value = txn});
  });
  // After what became durable before: a transaction is lost only if its record is not on disk.
  if (!log_->failure().ok() && !log_failure_told_) {
    log_failure_told_ = true;
    FailHere(true, fmt::format("shard {}: {}", id_, MessageOf(log_->failure())));
  }
}

void Shard::PublishCommitIndex() {
  TxnId settled = sequencer_.settled();
  if (settled == published_txn_) return;
  published_txn_ = settled;
  for (ShardId shard = 0; shard < count(); ++shard) {
    SendMail(shard,
             {.deliver = [](Shard& here, const Envelope& mail) { here.NoteSettledTxn(mail.value); },
              .value = settled});
  }
}

void Shard::NoteSettledTxn(TxnId txn) {
  commits_.SetSettledTxn(txn);
  log_->NoteSettledTxn(txn);
}

void Shard::TellPeers() {
  commits_.TellPeers([this](ShardId peer) {
    SendMail(peer, {.deliver =
                        [](Shard& here, const Envelope& mail) {
                          here.commits().SetSettled(ShardIn(mail.object), mail.value);
                        },
                    .object = AsObject(id_),
                    .value = commits_.settled()});
  });
}

// ---- The loop --------------------------------------------------------------------------------

void Shard::Run() {
  uint64_t began = clock_.MonotonicNanos();
  for (Rest rest = TurnOnce(); rest.running; rest = TurnOnce()) {
    loop_stats_.Count(rest.ended_nanos - began);
    ring_->SubmitAndWait(rest.wait_nanos);
    began = rest.ended_nanos;
    if (rest.wait_nanos != 0) {
      mailbox_.Wake();
      began = clock_.MonotonicNanos();
    }
    ring_->Dispatch();
  }
}

Shard::Rest Shard::TurnOnce() {
  uint64_t started = clock_.MonotonicNanos();
  keys_.SetNow(clock_.NowMillis());
  loop_stats_.mail_delivered += mailbox_.Deliver(*this, kMailPerSender);
  bool more = hook_ != nullptr && hook_->Work();
  RunTimers(started);
  more |= BackgroundWork(started);
  log_->Pump();
  if (ring_ != nullptr) arena_refill_.Pump();
  TellPeers();
  if (hook_ != nullptr) hook_->FlushOutput();
  FlushMail();

  ++loop_stats_.turns;
  const uint64_t ended = clock_.MonotonicNanos();
  if (stopping_ && log_->idle() && mailbox_.InboxEmpty()) return {.running = false};
  bool may_sleep =
      !more && mailbox_.OutboxEmpty() && !PollsForCommit(ended) && mailbox_.PrepareSleep();
  return {.ended_nanos = ended, .wait_nanos = may_sleep ? SleepNanos(ended) : 0};
}

void Shard::FlushMail() {
  mailbox_.Flush([this](ShardId sleeper) {
    if (ring_ == nullptr) return;  // its driver sees that the sleeper's flag was taken down
    ring_->WakeOther(group_.ring_fds[sleeper].load(std::memory_order_acquire));
  });
}

// A processor that has gone to sleep takes a good part of a fast disk's commit to wake up, and
// clients wait for it. A commit that takes longer than usual is not worth the polling.
bool Shard::PollsForCommit(uint64_t now) const {
  if (commit_poll_nanos_ == 0) return false;
  std::optional<LogWriter::CommitUnderWay> commit = log_->commit_under_way();
  if (!commit || commit->usual_nanos > commit_poll_nanos_) return false;
  return now < commit->started_nanos + std::min(2 * commit->usual_nanos, commit_poll_nanos_);
}

uint64_t Shard::SleepNanos(uint64_t now) const {
  uint64_t until = now + kLongestSleepNanos;
  if (!timers_.empty()) until = std::min(until, timers_.begin()->first);
  if (auto deadline = log_->NextDeadlineNanos()) until = std::min(until, *deadline);
  if (hook_ != nullptr) until = std::min(until, hook_->NextDeadlineNanos());
  if (active_expire_) until = std::min(until, NextExpiryNanos(now));
  return until > now ? until - now : 1;
}

// When the loop has to wake for active expiry: when something is due, but not sooner than planned.
uint64_t Shard::NextExpiryNanos(uint64_t now) const {
  if (keys_.next_expiry() == INT64_MAX) return UINT64_MAX;
  const UnixMillis due = std::max(keys_.next_expiry(), expiry_paused_until_);
  const auto millis = std::clamp<int64_t>(due - keys_.now(), 1, kLongestSleepMillis);
  return std::max(next_expiry_nanos_, now + static_cast<uint64_t>(millis) * 1'000'000);
}

void Shard::RunTimers(uint64_t now) {
  while (!timers_.empty() && timers_.begin()->first <= now) {
    std::coroutine_handle<> handle = timers_.begin()->second;
    timers_.erase(timers_.begin());
    handle.resume();
  }
}

bool Shard::BackgroundWork(uint64_t now) {
  bool more = !keys_.ReleaseSome(kReleasePerTurn);
  bool active = active_expire_ && now >= next_expiry_nanos_;
  if ((!active && !keys_.has_met()) || keys_.now() < expiry_paused_until_) return more;
  if (RefusesWrite(0).has_value()) return more;
  auto locked = [this](SlotId slot) { return locks_.Locked(slot); };
  keys_.RemoveMet(kExpirePerStep, locked);
  size_t removed = active ? keys_.ExpireSome(kExpirePerStep, locked) : 0;
  CommitEffects();
  (void)keys_.TakeGate();  // nobody saw these removals
  if (active) next_expiry_nanos_ = removed > 0 ? now : now + kExpireEveryNanos;
  return more || removed > 0;
}

Status Shard::CloseLog() {
  log_->BeginClose();
  while (log_->busy()) ring_->Turn(1'000'000);
  return log_->CloseCleanly();
}

}  // namespace flashdb
