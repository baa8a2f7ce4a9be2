#include "e2e/fixture.h"

#include <stdlib.h>

#include "base/slots.h"

namespace flashdb::e2e {

ServerProcess::Options SmallServer(uint32_t shards, std::vector<std::string> args) {
  args.insert(args.begin(), {"--segment-bytes", "1mb"});
  return {.shards = shards, .args = std::move(args)};
}

ServerProcess::Options HttpServer(std::vector<std::string> args) {
  ServerProcess::Options options = SmallServer(2, std::move(args));
  options.http = true;
  return options;
}

std::string KeyOn(uint32_t shard, uint32_t shards, std::string_view prefix, int from) {
  for (int number = from;; ++number) {
    std::string key = std::string(prefix) + std::to_string(number);
    if (OwnerOf(SlotOf(key), shards) == shard) return key;
  }
}

int Rounds(int usual) {
  const char* rounds = getenv("FLASHDB_ROUNDS");
  return rounds == nullptr ? usual : atoi(rounds);
}

void ServerTest::SetUp() { Start(); }

void ServerTest::Start() {
  const Status started = server.Start();
  ASSERT_TRUE(started.ok()) << started;
  client = std::make_unique<Client>(server.port());
}

}  // namespace flashdb::e2e
