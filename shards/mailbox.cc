#include "shards/mailbox.h"

#include <algorithm>

namespace flashdb {

MailRoom::MailRoom(uint32_t shards)
    : shards_(shards),
      queues_(std::make_unique<MailQueue[]>(size_t{shards} * shards)),
      sleepers_(std::make_unique<Sleeper[]>(shards)) {}

Mailbox::Mailbox(MailRoom& room, ShardId self)
    : room_(room), self_(self), waiting_(room.shards()) {}

void Mailbox::Send(ShardId to, const Envelope& envelope) {
  if (to == self_) {
    own_.push_back(envelope);
  } else if (!waiting_[to].empty() || !room_.queue(self_, to).TryPush(envelope)) {
    waiting_[to].push_back(envelope);
  }
}

bool Mailbox::FlushTo(ShardId to) {
  if (to == self_) return false;
  MailQueue& queue = room_.queue(self_, to);
  auto& waiting = waiting_[to];
  while (!waiting.empty() && queue.TryPush(waiting.front())) waiting.pop_front();
  if (!queue.Publish()) return false;
  // Pairs with the fence in PrepareSleep: either we see the receiver's flag, or it sees our mail.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  auto& sleeping = room_.sleeping(to);
  return sleeping.load(std::memory_order_relaxed) &&
         sleeping.exchange(false, std::memory_order_relaxed);
}

size_t Mailbox::Deliver(Shard& here, size_t budget) {
  size_t delivered = 0;
  Envelope envelope;
  for (ShardId from = 0; from < room_.shards(); ++from) {
    if (from == self_) continue;
    MailQueue& queue = room_.queue(from, self_);
    size_t left = budget;
    while (left > 0 && queue.Pop(envelope)) {
      envelope.deliver(here, envelope);
      --left;
    }
    if (left < budget) queue.Release();
    delivered += budget - left;
  }
  // Only what is there by now: mail that its own delivery sends waits for the next turn.
  for (size_t own = std::min(own_.size(), budget); own > 0; --own, ++delivered) {
    envelope = own_.front();
    own_.pop_front();
    envelope.deliver(here, envelope);
  }
  return delivered;
}

bool Mailbox::InboxEmpty() const {
  if (!own_.empty()) return false;
  for (ShardId from = 0; from < room_.shards(); ++from) {
    if (from != self_ && !room_.queue(from, self_).Empty()) return false;
  }
  return true;
}

bool Mailbox::OutboxEmpty() const {
  return std::all_of(waiting_.begin(), waiting_.end(), [](const auto& w) { return w.empty(); });
}

bool Mailbox::PrepareSleep() {
  auto& sleeping = room_.sleeping(self_);
  sleeping.store(true, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (InboxEmpty()) return true;
  sleeping.store(false, std::memory_order_relaxed);
  return false;
}

}  // namespace flashdb
