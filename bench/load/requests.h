// The bytes of requests, made from templates without allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace flashdb::bench {

/// Keys are "key:" and twelve digits: 16 bytes.
inline constexpr uint64_t kMostKeys = 1'000'000'000'000;

class RequestMaker {
 public:
  explicit RequestMaker(size_t value_size);

  /// Room for any one request, in bytes.
  size_t most_bytes() const { return set_.size(); }
  /// Write a request to `to` and return its end. `key` is below kMostKeys.
  char* PutGet(char* to, uint64_t key) const { return Put(get_, to, key); }
  char* PutSet(char* to, uint64_t key) const { return Put(set_, to, key); }

 private:
  // Up to the first digit. GET and SET have three letters each, so their digits are at one place.
  static constexpr std::string_view kHead = "*2\r\n$3\r\nGET\r\n$16\r\nkey:";

  static char* Put(const std::string& request, char* to, uint64_t key);

  std::string get_;
  std::string set_;
};

/// A request of any protocol: the same bytes over and over, but for runs of twelve '@', each of
/// which is replaced with a number of twelve digits.
class FixedRequest {
 public:
  explicit FixedRequest(std::string bytes);
  /// The request in the file `path`; an error if it cannot be read or is empty.
  static StatusOr<FixedRequest> Read(const std::string& path);

  size_t size() const { return bytes_.size(); }
  /// Writes size() bytes to `to` and returns their end. `number` is below kMostKeys.
  char* Put(char* to, uint64_t number) const;

 private:
  std::string bytes_;
  std::vector<size_t> numbers_;  // where they begin
};

}  // namespace flashdb::bench
