// How a shard shares its turns among its clients.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "sim/sim_server.h"

namespace flashdb {
namespace {

class CountingPeer final : public SimPeer {
 public:
  void OnOutput(std::string_view bytes) override {
    replies += static_cast<size_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  }
  void OnClosed() override {}
  size_t replies = 0;
};

class ServingTest : public testing::Test {
 protected:
  static constexpr int kEager = -1;
  static constexpr int kModest = -2;
  static constexpr size_t kManyCommands = 2000;

  void StartServing(uint64_t serve_nanos) {
    SimServer::Options options;
    options.serve_nanos = serve_nanos;
    options.log.segment_bytes = kMinSegmentBytes;
    server_ = std::make_unique<SimServer>(disk_, clock_, options);
    ASSERT_TRUE(server_->Start().ok());
    server_->Connect(0, kEager, eager_);
    server_->Connect(0, kModest, modest_);
  }
  void TearDown() override { EXPECT_TRUE(server_->Drain()); }

  void Send(int fd, size_t commands) {
    std::string bytes;
    for (size_t i = 0; i < commands; ++i) bytes += "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
    server_->sockets(0).ClientSends(fd, bytes);
    while (server_->sockets(0).HasInput(fd)) server_->DeliverInput(0, fd);
  }
  void Turn() {
    server_->Turn(0);
    while (server_->sockets(0).pending() > 0) server_->RunSockets(0, 0);
  }

  FakeDisk disk_{512};
  ManualClock clock_;
  std::unique_ptr<SimServer> server_;
  CountingPeer eager_;
  CountingPeer modest_;
};

TEST_F(ServingTest, AClientWithALongPipelineDoesNotHoldUpTheOthers) {
  StartServing(0);
  Send(kEager, kManyCommands);
  Send(kModest, 1);
  Turn();
  EXPECT_EQ(modest_.replies, 1u);
  EXPECT_GT(eager_.replies, 0u);
  EXPECT_LT(eager_.replies, kManyCommands / 2);
}

TEST_F(ServingTest, WhatATurnHasNoTimeForIsServedInTheNextOnes) {
  StartServing(0);
  Send(kEager, kManyCommands);
  size_t turns = 0;
  while (eager_.replies < kManyCommands && turns < kManyCommands) {
    ++turns;
    Turn();
  }
  EXPECT_EQ(eager_.replies, kManyCommands);
  EXPECT_GT(turns, 1u);
}

TEST_F(ServingTest, WithTimeLeftATurnServesAll) {
  StartServing(1);
  Send(kEager, kManyCommands);
  Send(kModest, 1);
  Turn();
  EXPECT_EQ(eager_.replies, kManyCommands);
  EXPECT_EQ(modest_.replies, 1u);
}

TEST_F(ServingTest, EvenWithoutTimeATurnServesSomebody) {
  StartServing(0);
  Send(kModest, 1);
  Turn();
  EXPECT_EQ(modest_.replies, 1u);
}

}  // namespace
}  // namespace flashdb
