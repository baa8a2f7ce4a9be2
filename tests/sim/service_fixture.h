// A server of one shard on the simulated disk, for tests that call the topics' service and decide
// what ends when.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>

#include "sim/sim_server.h"
#include "topics/topic_service.h"

namespace flashdb {

class ServiceTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// A turn, and all that the disk has to do; but of its operations the oldest `held`.
  void Turn(size_t held = 0);
  template <typename T>
  void Begin(Task<T> task, std::optional<T>& result) {
    Detach([](Task<T> owned, std::optional<T>& out) -> Task<void> { out.emplace(co_await owned); }(
                                                        std::move(task), result));
  }
  template <typename T>
  T Wait(Task<T> task, size_t held = 0) {
    std::optional<T> result;
    Begin(std::move(task), result);
    for (int turns = 0; !result.has_value() && turns < 1000; ++turns) Turn(held);
    return std::move(result).value();
  }

  FakeDisk disk_{512};
  ManualClock clock_;
  std::unique_ptr<SimServer> server_;
  Gates gates_;
};

}  // namespace flashdb
