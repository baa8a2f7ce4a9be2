// The driver of a fuzz target where libFuzzer is not: replays files and folders of inputs, then a
// bounded number of mutations of them, always the same ones for a seed. Before the target aborts
// the input is written to a file that the same program replays.
//
//   fuzz_TARGET [--iterations N] [--seconds N] [--seed N] FILE-OR-FOLDER...
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/fuzz/fuzz.h"

extern "C" {
__attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                                     unsigned int seed);
// An error ends the program by SIGABRT, and a huge allocation is one.
const char* __asan_default_options();
const char* __asan_default_options() {
  return "abort_on_error=1:max_allocation_size_mb=1024:allocator_may_return_null=0";
}
const char* __ubsan_default_options();
const char* __ubsan_default_options() {
  return "abort_on_error=1:halt_on_error=1:print_stacktrace=1";
}
}

namespace {

constexpr size_t kMaxBytes = 4096;

flashdb::Random mutation_random(1);
std::string current;
char crash_file[256];

void OnAbort(int signal) {
  const int fd = open(crash_file, O_CREAT | O_TRUNC | O_WRONLY, 0644);
  size_t written = 0;
  while (fd >= 0 && written < current.size()) {
    const ssize_t bytes = write(fd, current.data() + written, current.size() - written);
    if (bytes <= 0) break;
    written += static_cast<size_t>(bytes);
  }
  constexpr char kText[] = "\nthe input is in ";
  (void)!write(2, kText, sizeof(kText) - 1);
  (void)!write(2, crash_file, std::strlen(crash_file));
  (void)!write(2, "\n", 1);
  std::signal(signal, SIG_DFL);
  raise(signal);
}

struct Options {
  uint64_t iterations = 0;
  int64_t seconds = 3600;
  uint64_t seed = 1;
  std::vector<std::string> paths;
};

Options ParseOptions(int count, char** words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const bool more = i + 1 < count;
    if (word == "--iterations" && more) {
      options.iterations = std::strtoull(words[++i], nullptr, 10);
    } else if (word == "--seconds" && more) {
      options.seconds = std::strtoll(words[++i], nullptr, 10);
    } else if (word == "--seed" && more) {
      options.seed = std::strtoull(words[++i], nullptr, 10);
    } else {
      options.paths.push_back(word);
    }
  }
  return options;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> ReadInputs(const std::vector<std::string>& paths) {
  std::vector<std::filesystem::path> files;
  for (const std::string& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      files.emplace_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry);
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> inputs;
  for (const auto& file : files) inputs.push_back(ReadFile(file));
  return inputs;
}

void Execute(const std::string& input) {
  current = input;
  // A copy of its exact size, so that a read past its end is one past an allocation.
  std::vector<uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::string Mutate(const std::vector<std::string>& inputs, flashdb::Random& random) {
  std::string input = inputs[random.Below(inputs.size())].substr(0, kMaxBytes);
  if (random.Below(8) == 0) {
    const std::string& other = inputs[random.Below(inputs.size())];
    input.resize(random.Below(input.size() + 1));
    input += other.substr(random.Below(other.size() + 1));
    input.resize(std::min(input.size(), kMaxBytes));
  }
  size_t size = input.size();
  input.resize(kMaxBytes);
  auto* data = reinterpret_cast<uint8_t*>(input.data());
  for (uint64_t rounds = 1 + random.Below(4); rounds > 0; --rounds) {
    const auto seed = static_cast<unsigned>(random.Next());
    size = LLVMFuzzerCustomMutator != nullptr ? LLVMFuzzerCustomMutator(data, size, kMaxBytes, seed)
                                              : LLVMFuzzerMutate(data, size, kMaxBytes);
  }
  input.resize(size);
  return input;
}

}  // namespace

// A few of the mutations that fuzzers commonly use: bits, bytes, numbers, pieces.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size) {
  constexpr uint8_t kNotable[] = {0, 1, 2, 0x7f, 0x80, 0xff, '\r', '\n', ' ', '"', '0', '-'};
  flashdb::Random& random = mutation_random;
  if (size == 0) {
    data[0] = static_cast<uint8_t>(random.Next());
    return 1;
  }
  const size_t at = random.Below(size);
  const size_t length = 1 + random.Below(std::min<size_t>(size - at, 16));
  switch (random.Below(6)) {
    case 0:
      data[at] ^= static_cast<uint8_t>(1u << random.Below(8));
      return size;
    case 1:
      data[at] = static_cast<uint8_t>(random.Next());
      return size;
    case 2:
      data[at] = kNotable[random.Below(std::size(kNotable))];
      return size;
    case 3:
      std::memmove(data + at, data + at + length, size - at - length);
      return size - length;
    case 4:
      if (size + length > max_size) return size;
      std::memmove(data + at + length, data + at, size - at);
      return size + length;  // the piece is there twice
    default:
      std::memmove(data + at, data + random.Below(size - length + 1), length);
      return size;
  }
}

int main(int count, char** words) {
  const Options options = ParseOptions(count, words);
  std::snprintf(crash_file, sizeof(crash_file), "%s.crash", words[0]);
  std::signal(SIGABRT, &OnAbort);
  const std::vector<std::string> inputs = ReadInputs(options.paths);
  if (inputs.empty()) {
    std::fprintf(stderr, "%s: no inputs; give files or folders to replay\n", words[0]);
    return 2;
  }
  for (const std::string& input : inputs) Execute(input);
  flashdb::Random random(options.seed);
  mutation_random = flashdb::Random(options.seed + 1);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
  uint64_t done = 0;
  for (; done < options.iterations && std::chrono::steady_clock::now() < end; ++done) {
    Execute(Mutate(inputs, random));
  }
  std::printf("%zu inputs and %llu mutations of them passed\n", inputs.size(),
              static_cast<unsigned long long>(done));
  return 0;
}
