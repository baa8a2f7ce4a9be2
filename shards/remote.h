// Calls from a coroutine on one shard to another: `R r = co_await On(shard, fn)` runs `fn()` on the
// other shard's thread and resumes here with its result. The call's data lives in the awaiting
// coroutine's frame: no allocation. `fn` must not block; it may use Shard::Current().
//
// GCC 12 destroys temporaries of a co_await expression too early in some cases: keep what a lambda
// captures in named variables of the coroutine.
#pragma once

#include <coroutine>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "shards/mailbox.h"
#include "shards/task.h"

namespace flashdb {

/// The running shard's id and count (Shard::Current(), without needing its header).
ShardId CurrentShardId();
uint32_t ShardCount();
/// Sends from the running shard.
void SendMail(ShardId to, const Envelope& envelope);

namespace internal {

struct Nothing {};

template <typename F>
class RemoteCall {
 public:
  using Result = std::invoke_result_t<F&>;
  using Stored = std::conditional_t<std::is_void_v<Result>, Nothing, Result>;

  RemoteCall(ShardId target, F function) : target_(target), function_(std::move(function)) {}

  bool await_ready() {
    if (target_ != CurrentShardId()) return false;
    Run();
    return true;
  }
  void await_suspend(std::coroutine_handle<> caller) {
    caller_ = caller;
    home_ = CurrentShardId();
    SendMail(target_, {.deliver = &RunThere, .object = this});
  }
  Result await_resume() {
    if constexpr (!std::is_void_v<Result>) return std::move(*result_);
  }

 private:
  void Run() {
    if constexpr (std::is_void_v<Result>) {
      function_();
    } else {
      result_.emplace(function_());
    }
  }
  static void RunThere(Shard&, const Envelope& envelope) {
    auto* call = static_cast<RemoteCall*>(envelope.object);
    call->Run();
    SendMail(call->home_, {.deliver = &ResumeHome, .object = call});
  }
  static void ResumeHome(Shard&, const Envelope& envelope) {
    static_cast<RemoteCall*>(envelope.object)->caller_.resume();
  }

  ShardId target_;
  ShardId home_ = 0;
  F function_;
  std::optional<Stored> result_;
  std::coroutine_handle<> caller_;
};

}  // namespace internal

template <typename F>
internal::RemoteCall<F> On(ShardId target, F function) {
  return internal::RemoteCall<F>(target, std::move(function));
}

namespace internal {

// A coroutine that runs on another shard while its caller waits at home.
template <typename F>
class RemoteTask {
 public:
  using Result = decltype(std::declval<F&>()().await_resume());

  RemoteTask(ShardId target, F& function) : target_(target), function_(function) {}

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> caller) {
    caller_ = caller;
    home_ = CurrentShardId();
    SendMail(target_, {.deliver = &StartThere, .object = this});
  }
  Result await_resume() { return std::move(*result_); }

 private:
  static void StartThere(Shard&, const Envelope& envelope) {
    Detach(RunThere(static_cast<RemoteTask*>(envelope.object)));
  }
  static Task<void> RunThere(RemoteTask* self) {
    self->result_.emplace(co_await self->function_());
    SendMail(self->home_, {.deliver = &ResumeHome, .object = self});
  }
  static void ResumeHome(Shard&, const Envelope& envelope) {
    static_cast<RemoteTask*>(envelope.object)->caller_.resume();
  }

  ShardId target_;
  ShardId home_ = 0;
  F& function_;
  std::optional<Result> result_;
  std::coroutine_handle<> caller_;
};

}  // namespace internal

/// Runs the coroutine that `function()` makes on another shard, to its end, and resumes here with
/// its result. `function` must stay in place until then.
template <typename F>
internal::RemoteTask<F> TaskOn(ShardId target, F& function) {
  return internal::RemoteTask<F>(target, function);
}

namespace internal {

// Runs one part of OnEach and counts down.
template <typename F, typename R>
Task<void> RunPart(ShardId target, const F& function, R& result, size_t& left, OneShotEvent& done) {
  auto part = [&function, target] { return function(target); };
  result = co_await On(target, part);
  if (--left == 0) done.Set();
}

}  // namespace internal

/// Runs `function(shard)` on each of `shards` at the same time; the results, in their order. The
/// result type must be default-constructible.
template <typename F>
Task<std::vector<std::invoke_result_t<F&, ShardId>>> OnEach(std::vector<ShardId> shards,
                                                            F function) {
  std::vector<std::invoke_result_t<F&, ShardId>> results(shards.size());
  size_t left = shards.size();
  OneShotEvent done;
  if (left == 0) co_return results;
  for (size_t i = 0; i < shards.size(); ++i) {
    Detach(internal::RunPart(shards[i], function, results[i], left, done));
  }
  co_await done;
  co_return results;
}

/// Every shard's id, in order.
std::vector<ShardId> AllShards();

/// OnEach over all shards.
template <typename F>
auto OnAll(F function) {
  return OnEach(AllShards(), std::move(function));
}

}  // namespace flashdb
