#include "commands/engine.h"

#include "base/check.h"

namespace flashdb {
namespace {

thread_local Engine* current_engine = nullptr;

}  // namespace

Engine& Engine::Current() {
  FLASHDB_CHECK(current_engine != nullptr, "called from a thread that runs no shard");
  return *current_engine;
}

void Engine::SetCurrent(Engine* engine) { current_engine = engine; }

}  // namespace flashdb
