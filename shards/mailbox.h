// The only door between cores: for each ordered pair of shards a bounded queue with one producer
// and one consumer. Envelopes gather during a turn of the event loop and are published together by
// Flush(); what does not fit waits on the sender's side and goes with a later flush, so a full
// queue blocks nobody. Envelopes from one shard to another arrive in the order they were sent.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/types.h"

namespace flashdb {

class Shard;

/// Runs `deliver(here, *this)` on the receiving shard's thread. What `object` points to passes to
/// the receiver with the envelope.
struct Envelope {
  void (*deliver)(Shard& here, const Envelope& envelope) = nullptr;
  void* object = nullptr;
  uint64_t value = 0;
};

/// Single-producer, single-consumer queue of one ordered pair.
class MailQueue {
 public:
  static constexpr uint32_t kCapacity = 1024;

  // Producer's side.
  bool TryPush(const Envelope& envelope) {
    uint32_t head = head_cache_;
    if (tail_local_ - head >= kCapacity) {
      head_cache_ = head = head_.load(std::memory_order_acquire);
      if (tail_local_ - head >= kCapacity) return false;
    }
    slots_[tail_local_++ % kCapacity] = envelope;
    return true;
  }
  /// Makes pushed envelopes visible; true if there was anything to publish.
  bool Publish() {
    if (tail_.load(std::memory_order_relaxed) == tail_local_) return false;
    tail_.store(tail_local_, std::memory_order_release);
    return true;
  }

  // Consumer's side.
  bool Pop(Envelope& out) {
    if (head_local_ == tail_cache_) {
      tail_cache_ = tail_.load(std::memory_order_acquire);
      if (head_local_ == tail_cache_) return false;
    }
    out = slots_[head_local_++ % kCapacity];
    return true;
  }
  /// Gives the slots of popped envelopes back.
  void Release() { head_.store(head_local_, std::memory_order_release); }
  bool Empty() const { return head_local_ == tail_.load(std::memory_order_acquire); }

 private:
  alignas(64) std::atomic<uint32_t> tail_{0};
  alignas(64) std::atomic<uint32_t> head_{0};
  alignas(64) uint32_t tail_local_ = 0;
  uint32_t head_cache_ = 0;
  alignas(64) uint32_t head_local_ = 0;
  uint32_t tail_cache_ = 0;
  alignas(64) std::array<Envelope, kCapacity> slots_;
};

/// The queues of all pairs, and who sleeps. Shared by all shards, fixed after construction.
class MailRoom {
 public:
  explicit MailRoom(uint32_t shards);

  uint32_t shards() const { return shards_; }
  MailQueue& queue(ShardId from, ShardId to) { return queues_[from * shards_ + to]; }
  std::atomic<bool>& sleeping(ShardId shard) { return sleepers_[shard].flag; }

 private:
  struct alignas(64) Sleeper {
    std::atomic<bool> flag{false};
  };
  uint32_t shards_;
  std::unique_ptr<MailQueue[]> queues_;
  std::unique_ptr<Sleeper[]> sleepers_;
};

/// One shard's end of all its queues. Used by that shard's thread only.
class Mailbox {
 public:
  Mailbox(MailRoom& room, ShardId self);

  /// Sends to any shard, the own one too (delivered by Deliver as well, never from inside Send).
  void Send(ShardId to, const Envelope& envelope);
  /// Publishes what was sent; calls `wake(shard)` for each receiver that sleeps.
  template <typename Wake>
  void Flush(Wake wake) {
    for (ShardId to = 0; to < room_.shards(); ++to) {
      if (FlushTo(to)) wake(to);
    }
  }
  /// Delivers up to `budget` envelopes from each sender, own mail last; returns how many. Own mail
  /// that own mail sends waits for the next call.
  size_t Deliver(Shard& here, size_t budget);
  /// True when nothing waits to be delivered here.
  bool InboxEmpty() const;
  /// True when everything sent has been handed to its receiver's queue.
  bool OutboxEmpty() const;

  /// Announces that this shard is about to sleep; false (and no announcement) if mail is waiting.
  bool PrepareSleep();
  void Wake() { room_.sleeping(self_).store(false, std::memory_order_relaxed); }

 private:
  bool FlushTo(ShardId to);

  MailRoom& room_;
  const ShardId self_;
  std::deque<Envelope> own_;                   // mail to oneself
  std::vector<std::deque<Envelope>> waiting_;  // per receiver: did not fit yet
};

}  // namespace flashdb
