#include "shards/arena_refill.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "base/check.h"
#include "shards/arena.h"

namespace flashdb {
namespace {

// Going to sleep and waking up takes about a tenth of it.
constexpr uint64_t kShortestNapNanos = 100'000;
constexpr uint64_t kLongestNapNanos = 2'000'000;
// How long the helper keeps the processor at most when somebody else wants it.
constexpr std::chrono::microseconds kLongestHelp(300);
constexpr uint32_t kEnding = UINT32_MAX;
constexpr uint64_t kMostInVainNanos = 5'000'000;

// The processor's time that the clock's thread has had.
uint64_t ThreadNanos(clockid_t clock) {
  timespec time{};
  FLASHDB_CHECK(clock_gettime(clock, &time) == 0);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace

// The last fifth of the room is for chunks that take longer than the one before. What has been lent
// in vain has gone to others: no use in more of it.
uint64_t NapNanos(const RefillProgress& progress, double shrunk) {
  if (progress.lent >= progress.done + kMostInVainNanos) return 0;
  if (shrunk >= 0.8) return kLongestNapNanos;
  const auto due = static_cast<uint64_t>(static_cast<double>(progress.expected) * shrunk / 0.8);
  if (due < progress.done + kShortestNapNanos) return 0;
  return std::min(due - progress.done, kLongestNapNanos);
}

ArenaRefill::ArenaRefill() : done_(0) {}

ArenaRefill::~ArenaRefill() {
  wanted_.store(kEnding, std::memory_order_release);
  wanted_.notify_all();
  for (std::thread* thread : {&helper_, &waker_}) {
    if (thread->joinable()) thread->join();
  }
  if (made_.load(std::memory_order_acquire) != taken_) Arena::UnmapChunk(chunk_);
}

Status ArenaRefill::Start() {
  try {
    helper_ = std::thread([this] { Help(); });
    waker_ = std::thread([this] { Wake(); });
  } catch (const std::system_error& error) {
    return ErrnoStatus(error.code().value(), "start a shard's helper threads");
  }
  FLASHDB_CHECK(pthread_getcpuclockid(helper_.native_handle(), &helpers_clock_) == 0);
  if (Arena::WantsSpare()) Arena::GiveSpare(Arena::MapChunk());
  return OkStatus();
}

void ArenaRefill::Help() {
  (void)pthread_setname_np(pthread_self(), "memory");
  const sched_param idle{};
  (void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &idle);  // it works without, less well
  uint32_t made = 0;
  for (;;) {
    wanted_.wait(made, std::memory_order_acquire);
    if (wanted_.load(std::memory_order_acquire) == kEnding) return;
    chunk_ = Arena::MapChunk();
    made_.store(++made, std::memory_order_release);
    done_.release();
  }
}

void ArenaRefill::Wake() {
  (void)pthread_setname_np(pthread_self(), "memory-waker");
  for (;;) {
    const uint32_t wanted = wanted_.load(std::memory_order_acquire);
    if (wanted == kEnding) return;
    if (made_.load(std::memory_order_acquire) == wanted) {
      wanted_.wait(wanted, std::memory_order_acquire);
    } else {
      std::this_thread::sleep_for(kLongestHelp);
    }
  }
}

void ArenaRefill::Pump() {
  const uint32_t wanted = wanted_.load(std::memory_order_relaxed);
  if (taken_ == wanted) {
    if (Arena::WantsSpare()) Begin();
  } else if (made_.load(std::memory_order_acquire) == wanted) {
    Finish();
  } else {
    Lend();
  }
}

void ArenaRefill::Begin() {
  Arena::AwaitSpares();
  begun_nanos_ = ThreadNanos(helpers_clock_);
  progress_.lent = 0;
  wanted_.store(taken_ + 1, std::memory_order_release);
  wanted_.notify_all();
}

void ArenaRefill::Finish() {
  progress_.expected = ThreadNanos(helpers_clock_) - begun_nanos_;
  while (done_.try_acquire()) {
  }
  Arena::GiveSpare(chunk_);
  ++taken_;
}

void ArenaRefill::Lend() {
  progress_.done = ThreadNanos(helpers_clock_) - begun_nanos_;
  const uint64_t nap = NapNanos(progress_, Arena::Shrunk());
  if (nap == 0) return;
  progress_.lent += nap;
  (void)done_.try_acquire_for(std::chrono::nanoseconds(nap));
  if (made_.load(std::memory_order_acquire) == taken_ + 1) Finish();
}

}  // namespace flashdb
