// Nanoseconds per message between two threads: to a receiver that looks all the time, to one that
// sleeps in its ring and has to be woken, and in batches of 64 as a pipelined load brings them. A
// message goes there and one comes back; half of that is counted. The threads run on the first two
// cores that the process may use.
#include <benchmark/benchmark.h>
#include <sched.h>

#include <atomic>
#include <thread>

#include "base/check.h"
#include "io/ring.h"
#include "shards/mailbox.h"

namespace flashdb {
namespace {

// Deliveries here never look at the shard they run on.
Shard& NoShard() {
  alignas(64) static char memory[64];
  return reinterpret_cast<Shard&>(memory);
}

cpu_set_t Allowed() {
  cpu_set_t allowed;
  FLASHDB_CHECK(sched_getaffinity(0, sizeof(allowed), &allowed) == 0);
  return allowed;
}

// Before any thread is pinned.
const cpu_set_t kAllowed = Allowed();

void PinToNth(int wanted) {
  wanted %= CPU_COUNT(&kAllowed);
  int core = 0;
  while (!CPU_ISSET(core, &kAllowed) || wanted-- > 0) ++core;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  FLASHDB_CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
}

/// One thread's end: a mailbox, and a ring to sleep in as a shard does.
class Peer {
 public:
  Peer(MailRoom& room, ShardId self, bool sleeps)
      : mailbox_(room, self), to_(static_cast<ShardId>(1 - self)), sleeps_(sleeps) {
    auto ring = Ring::Create({.entries = 64, .receive_buffers = 2, .receive_buffer_bytes = 64});
    FLASHDB_CHECK(ring.ok(), "{}", MessageOf(ring.status()));
    ring_ = std::move(*ring);
  }

  void set_other(Peer& other) {
    other_ = &other;
    other_ring_fd_ = other.ring_->fd();
  }

  void Send(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      mailbox_.Send(to_, {.deliver = &Receive, .object = other_, .value = i});
    }
    Flush();
  }
  /// Makes the other's Await return 0.
  void SendStop() {
    mailbox_.Send(to_, {.deliver = &Stop, .object = other_});
    Flush();
    ring_->Turn(0);
  }
  /// Returns when something has arrived; how many messages.
  uint64_t Await() {
    while (!stopped_) {
      mailbox_.Deliver(NoShard(), 256);
      if (uint64_t received = std::exchange(received_, 0); received > 0) return received;
      if (!sleeps_ || !mailbox_.PrepareSleep()) continue;
      ring_->Turn(100'000'000);
      mailbox_.Wake();
    }
    return 0;
  }

 private:
  static void Receive(Shard&, const Envelope& envelope) {
    ++static_cast<Peer*>(envelope.object)->received_;
  }
  static void Stop(Shard&, const Envelope& envelope) {
    static_cast<Peer*>(envelope.object)->stopped_ = true;
  }
  // A wake-up is submitted when this end goes to sleep itself, as in a shard.
  void Flush() {
    mailbox_.Flush([this](ShardId) { ring_->WakeOther(other_ring_fd_); });
  }

  Mailbox mailbox_;
  ShardId to_;
  bool sleeps_;
  std::unique_ptr<Ring> ring_;
  int other_ring_fd_ = -1;
  Peer* other_ = nullptr;
  uint64_t received_ = 0;
  bool stopped_ = false;
};

/// The other thread: sends back as much as it gets.
void EchoAll(MailRoom& room, Peer& partner, bool sleeps, std::atomic<Peer*>& published) {
  PinToNth(1);
  Peer self(room, 1, sleeps);
  self.set_other(partner);
  published.store(&self, std::memory_order_release);
  while (uint64_t got = self.Await()) self.Send(got);
}

void RoundTrips(benchmark::State& state, bool sleeps, uint64_t batch) {
  PinToNth(0);
  MailRoom room(2);
  Peer self(room, 0, sleeps);
  std::atomic<Peer*> other{nullptr};
  std::thread echo([&] { EchoAll(room, self, sleeps, other); });
  while (other.load(std::memory_order_acquire) == nullptr) std::this_thread::yield();
  self.set_other(*other.load());
  for (auto _ : state) {
    self.Send(batch);
    for (uint64_t back = 0; back < batch;) back += self.Await();
  }
  self.SendStop();
  echo.join();
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * batch * 2));
}

void MessageToBusyPeer(benchmark::State& state) { RoundTrips(state, false, 1); }
void MessageToSleepingPeer(benchmark::State& state) { RoundTrips(state, true, 1); }
void MessagesToBusyPeerBy64(benchmark::State& state) { RoundTrips(state, false, 64); }
void MessagesToSleepingPeerBy64(benchmark::State& state) { RoundTrips(state, true, 64); }

BENCHMARK(MessageToBusyPeer)->UseRealTime();
BENCHMARK(MessageToSleepingPeer)->UseRealTime();
BENCHMARK(MessagesToBusyPeerBy64)->UseRealTime();
BENCHMARK(MessagesToSleepingPeerBy64)->UseRealTime();

}  // namespace
}  // namespace flashdb

BENCHMARK_MAIN();
