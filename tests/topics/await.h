// Runs a task of the topics from a plain test.
#pragma once

#include <optional>
#include <utility>

#include "shards/task.h"

namespace flashdb {

/// Begins `task`; the result is there when it has ended.
template <typename T>
class Running {
 public:
  explicit Running(Task<T> task) { Detach(Run(std::move(task), result_)); }

  bool done() const { return result_->has_value(); }
  T Take() {
    FLASHDB_CHECK(done());
    return std::move(**result_);
  }

 private:
  using Result = std::shared_ptr<std::optional<T>>;
  static Task<void> Run(Task<T> task, Result result) { result->emplace(co_await task); }

  Result result_ = std::make_shared<std::optional<T>>();
};

/// For a task that does not wait.
template <typename T>
T Await(Task<T> task) {
  return Running<T>(std::move(task)).Take();
}

}  // namespace flashdb
