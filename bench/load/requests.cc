#include "bench/load/requests.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>

namespace flashdb::bench {
namespace {

constexpr size_t kDigits = 12;

constexpr auto kPairs = [] {
  std::array<char, 200> pairs{};
  for (size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

void PutDigits(char* to, uint64_t number) {
  for (size_t at = kDigits; at > 0; at -= 2, number /= 100) {
    std::memcpy(to + at - 2, &kPairs[2 * (number % 100)], 2);
  }
}

// Letters that do not repeat soon, so that no layer can fold them.
std::string ValueOf(size_t size) {
  std::string value(size, 'x');
  for (size_t i = 0; i < size; ++i) value[i] = static_cast<char>('a' + (i * 7 + i / 26) % 26);
  return value;
}

}  // namespace

RequestMaker::RequestMaker(size_t value_size)
    : get_(std::string(kHead) + std::string(kDigits, '0') + "\r\n"),
      set_(get_ + fmt::format("${}\r\n{}\r\n", value_size, ValueOf(value_size))) {
  set_[1] = '3';
  set_.replace(set_.find("GET"), 3, "SET");
}

char* RequestMaker::Put(const std::string& request, char* to, uint64_t key) {
  std::memcpy(to, request.data(), request.size());
  PutDigits(to + kHead.size(), key);
  return to + request.size();
}

FixedRequest::FixedRequest(std::string bytes) : bytes_(std::move(bytes)) {
  const std::string run(kDigits, '@');
  for (size_t at = bytes_.find(run); at != bytes_.npos; at = bytes_.find(run, at + kDigits)) {
    numbers_.push_back(at);
  }
}

StatusOr<FixedRequest> FixedRequest::Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad() || bytes.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("--request {}: the file is empty or cannot be read", path));
  }
  return FixedRequest(std::move(bytes));
}

char* FixedRequest::Put(char* to, uint64_t number) const {
  std::memcpy(to, bytes_.data(), bytes_.size());
  for (size_t at : numbers_) PutDigits(to + at, number);
  return to + bytes_.size();
}

}  // namespace flashdb::bench
