// One shard: a pinned thread with its event loop, ring, mailbox, keyspace, log and locks. The parts
// are classes of their own; this one owns them and turns the loop.
//
// A turn: deliver mail - dispatch completions - client's work (TurnHook) - expiry and freeing, in
// small pieces - hand buffered records to the log - let connections send (TurnHook) - flush mail -
// submit, and sleep if there is nothing to do.
#pragma once

#include <algorithm>
#include <atomic>
#include <coroutine>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "io/ring.h"
#include "shards/arena_refill.h"
#include "shards/commit_queue.h"
#include "shards/keyspace.h"
#include "shards/lock_table.h"
#include "shards/mailbox.h"
#include "shards/remote.h"
#include "shards/sequencer.h"
#include "wal/writer.h"

namespace flashdb {

/// What the layer above does in each turn, on the shard's thread.
class TurnHook {
 public:
  virtual ~TurnHook() = default;
  /// Runs ready work; true if more is left for the next turn.
  virtual bool Work() = 0;
  /// Hands finished output to the ring; called last.
  virtual void FlushOutput() = 0;
  /// When Work() has something to do although nothing happens; MonotonicNanos of the clock.
  virtual uint64_t NextDeadlineNanos() const { return UINT64_MAX; }
};

/// What all shards of a server share.
struct ShardGroup {
  explicit ShardGroup(uint32_t shards) : mail(shards), ring_fds(shards) {}

  MailRoom mail;
  std::vector<std::atomic<int>> ring_fds;  // written by each shard before any loop runs
};

class Shard {
 public:
  Shard(ShardId id, ShardGroup& group, const Clock& clock, uint64_t random_seed);
  ~Shard();

  /// The shard whose thread is running; a check failure on any other thread.
  static Shard& Current();

  // ---- Start, on the shard's own thread, in this order ---------------------------------------

  /// Makes this the thread's shard and creates its ring.
  Status Attach(const Ring::Options& options);
  /// Makes this the thread's shard; all that a shard without a ring needs, whose turns somebody
  /// else drives. Several of them may take turns on one thread.
  void Enter();
  /// Takes over the recovered log's writer; everything up to it counts as settled.
  void StartLog(std::unique_ptr<LogWriter> log, TxnId last_txn);
  void set_hook(TurnHook* hook) { hook_ = hook; }
  /// Turns until Stop() was called and everything appended has been settled.
  void Run();
  /// What a turn leaves to do: wait for events, for at most this time (0: there is work already).
  struct Rest {
    bool running = true;
    uint64_t ended_nanos = 0;  // when the turn came to its end
    uint64_t wait_nanos = 0;
  };
  /// One turn of Run() up to where it would wait. If wait_nanos is not 0, the shard has announced
  /// that it sleeps; call mail().Wake() before the next turn.
  Rest TurnOnce();
  /// Ends Run() soon. This shard's thread only.
  void Stop() { stopping_ = true; }
  /// Blocking: writes and syncs what is left of the log. After Run().
  Status CloseLog();

  // ---- Parts ---------------------------------------------------------------------------------

  ShardId id() const { return id_; }
  uint32_t count() const { return group_.mail.shards(); }
  bool Owns(SlotId slot) const { return OwnerOf(slot, count()) == id_; }
  Keyspace& keys() { return keys_; }
  LogWriter& log() { return *log_; }
  LockTable& locks() { return locks_; }
  CommitQueue& commits() { return commits_; }
  Mailbox& mail() { return mailbox_; }
  Ring& ring() { return *ring_; }
  Random& random() { return random_; }
  const Clock& clock() const { return clock_; }

  // ---- The log's door ------------------------------------------------------------------------

  /// Whether a command that may log about `bytes` may run; the error (a whole error line without
  /// its "-") if the shard has failed or its log has no room.
  std::optional<std::string> RefusesWrite(uint64_t bytes);
  /// Turns the effects that the keyspace has gathered into one log record.
  void CommitEffects();
  /// What the keyspace has shown or changed since the last call; 0 if that is settled, or will be
  /// no later than this shard's `held`, which the reply waits for anyway (0: for nothing). `home`
  /// will be told when it is.
  Lsn TakeGateFor(ShardId home, Lsn held = 0);
  /// Asks the gate's shard to tell this one when the gate is settled (or that it never will be).
  void AskForNews(const Gate& gate);

  // ---- The sequencer's duty (shard 0) and its mail --------------------------------------------

  Sequencer& sequencer() { return sequencer_; }
  /// Tells all shards if the commit index has moved, or will never pass a transaction. On shard 0.
  void PublishCommitIndex();
  void PublishLostTxn();
  void NoteSettledTxn(TxnId txn);
  /// The own log's record `lsn` belongs to transaction `txn`.
  void NoteGroup(Lsn lsn, TxnId txn);

  // ---- Timers --------------------------------------------------------------------------------

  /// `co_await shard.Sleep(ms)`: resumes on this shard after at least `millis`.
  struct SleepAwaiter {
    Shard& shard;
    uint64_t deadline_nanos;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      shard.timers_.emplace(deadline_nanos, handle);
    }
    void await_resume() {}
  };
  SleepAwaiter Sleep(uint64_t millis) {
    return {*this, clock_.MonotonicNanos() + millis * 1'000'000};
  }

  // ---- Measurements --------------------------------------------------------------------------

  struct LoopStats {
    uint64_t turns = 0;
    // From the end of a sleep, or of the turn before, to the next one's beginning.
    uint64_t longest_turn_nanos = 0;  // since the last reset
    uint64_t busy_nanos = 0;
    uint64_t mail_delivered = 0;

    void Count(uint64_t turn_nanos) {
      busy_nanos += turn_nanos;
      longest_turn_nanos = std::max(longest_turn_nanos, turn_nanos);
    }
  };
  LoopStats& loop_stats() { return loop_stats_; }
  /// Active expiry may be switched off for tests (DEBUG SET-ACTIVE-EXPIRE).
  void set_active_expire(bool on) { active_expire_ = on; }
  /// Until then (Unix milliseconds) nothing that has expired is removed; nobody sees it all the
  /// same.
  void set_expiry_paused_until(UnixMillis until) { expiry_paused_until_ = until; }
  /// How long the loop polls at most for the end of a commit that replies wait for; 0: it sleeps.
  void set_commit_poll_nanos(uint64_t nanos) { commit_poll_nanos_ = nanos; }

 private:
  void RunTimers(uint64_t now);
  bool BackgroundWork(uint64_t now);
  void OnLogProgress();
  /// From here on this shard takes no writes, and nobody waits for what is unsettled on it.
  void FailHere(bool log_failed, const std::string& why);
  void NoteFailure(ShardId shard, bool log_failed, const std::string& why);
  void FailIfItHoldsLostTxn();
  void TellPeers();
  bool SettleTogether(Lsn earlier, Lsn later) const;
  void FlushMail();
  bool PollsForCommit(uint64_t now) const;
  uint64_t SleepNanos(uint64_t now) const;
  uint64_t NextExpiryNanos(uint64_t now) const;

  const ShardId id_;
  ShardGroup& group_;
  const Clock& clock_;
  Random random_;
  Mailbox mailbox_;
  Keyspace keys_;
  LockTable locks_;
  CommitQueue commits_;
  Sequencer sequencer_;
  TxnId published_txn_ = 0;
  TxnId published_lost_txn_ = 0;
  std::string lost_because_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<LogWriter> log_;
  TurnHook* hook_ = nullptr;
  std::multimap<uint64_t, std::coroutine_handle<>> timers_;
  uint64_t next_expiry_nanos_ = 0;
  ArenaRefill arena_refill_;
  uint64_t commit_poll_nanos_ = 0;
  bool active_expire_ = true;
  UnixMillis expiry_paused_until_ = 0;
  bool stopping_ = false;
  bool log_failure_told_ = false;
  LoopStats loop_stats_;
};

}  // namespace flashdb
