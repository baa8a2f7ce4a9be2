#include "sim/service_fixture.h"

namespace flashdb {

void ServiceTest::SetUp() {
  SimServer::Options options;
  options.log.segment_bytes = kMinSegmentBytes;
  server_ = std::make_unique<SimServer>(disk_, clock_, options);
  ASSERT_TRUE(server_->Start().ok());
}

void ServiceTest::TearDown() { EXPECT_TRUE(server_->Drain()); }

void ServiceTest::Turn(size_t held) {
  server_->Turn(0);
  while (disk_.pending() > held) server_->RunDisk(held);
}

}  // namespace flashdb
