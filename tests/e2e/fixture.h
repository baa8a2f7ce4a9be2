// What the tests of the server share: options that start fast, keys on a wanted shard, rounds.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "e2e/client.h"
#include "e2e/reply.h"
#include "e2e/server_process.h"

namespace flashdb::e2e {

/// A server with small log segments, which is ready soon.
ServerProcess::Options SmallServer(uint32_t shards, std::vector<std::string> args = {});

/// The same with two shards and an HTTP port.
ServerProcess::Options HttpServer(std::vector<std::string> args = {});

/// "`prefix`N" with the smallest N >= `from` that `shard` of `shards` owns.
std::string KeyOn(uint32_t shard, uint32_t shards, std::string_view prefix, int from = 0);

/// How many kill -9 rounds to play: $FLASHDB_ROUNDS, or `usual`.
int Rounds(int usual);

/// Repeats `condition` until it holds or `timeout` is over; whether it held.
template <typename F>
bool Eventually(F condition, std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// Starts the server in SetUp; `client` is connected to it.
class ServerTest : public ::testing::Test {
 protected:
  /// The server's options may be changed by a derived constructor.
  explicit ServerTest(ServerProcess::Options options = SmallServer(2)) : server(options) {}
  void SetUp() override;
  /// Starts the server (again) and connects `client`.
  void Start();
  Client Connect() { return Client(server.port()); }

  ServerProcess server;
  std::unique_ptr<Client> client;
};

}  // namespace flashdb::e2e
