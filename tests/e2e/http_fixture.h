// What the tests of HTTP share.
#pragma once

#include <memory>

#include "e2e/fixture.h"
#include "e2e/http_client.h"

namespace flashdb::e2e {

/// A server with an HTTP port; `http` speaks to that.
class HttpServerTest : public ServerTest {
 protected:
  explicit HttpServerTest(ServerProcess::Options options = HttpServer()) : ServerTest(options) {}
  void SetUp() override {
    ServerTest::SetUp();
    http = std::make_unique<HttpClient>(server.http_port());
  }

  std::unique_ptr<HttpClient> http;
};

}  // namespace flashdb::e2e
