// Any commands in any order on one shard: see CommandWorld for what is checked.
#include <cstring>

#include "tests/fuzz/command_mutator.h"
#include "tests/fuzz/command_world.h"
#include "tests/fuzz/fuzz.h"

namespace {

std::string AnyBytes(std::string word) {
  const size_t size = word.size();
  word.resize(size + 16);
  word.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(word.data()), size, word.size()));
  return word;
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  flashdb::Random random(seed);
  const std::string_view script(reinterpret_cast<const char*>(data), size);
  std::string mutated = flashdb::fuzz::MutateScript(script, random, &AnyBytes);
  if (mutated.size() > max_size) mutated.resize(max_size);
  std::memcpy(data, mutated.data(), mutated.size());
  return mutated.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  flashdb::fuzz::CommandWorld world;
  world.Run({reinterpret_cast<const char*>(data), size});
  world.CheckLog();
  return 0;
}
