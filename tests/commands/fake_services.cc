#include "tests/commands/fake_services.h"

#include "base/glob.h"

namespace flashdb::test {

FakeServices::Settings FakeServices::ConfigGet(const Engine&, std::string_view pattern) {
  Settings found;
  for (const auto& setting : settings) {
    if (GlobMatch(pattern, setting.first, /*nocase=*/true)) found.push_back(setting);
  }
  return found;
}

Task<Status> FakeServices::ConfigSet(Settings changes) {
  if (set_result.ok()) settings = std::move(changes);
  co_return set_result;
}

Task<void> FakeServices::Sleep(uint64_t micros) {
  slept_micros += micros;
  co_return;
}

}  // namespace flashdb::test
