// What the load generator is told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace flashdb::bench {

enum class Protocol : uint8_t { kResp, kHttp };

struct LoadOptions {
  std::string host = "127.0.0.1";  // numeric
  uint16_t port = 6379;
  uint32_t connections = 50;
  uint32_t pipeline = 1;          // commands that a connection has under way
  double set_share = 100.0 / 11;  // percent of the commands; the others are GET
  uint32_t readers = 0;  // with either of these: connections that only GET keys of the lower half
  uint32_t writers = 0;  // of all keys, and connections that only SET keys of the upper half
  uint32_t value_size = 32;  // bytes
  uint64_t keys = 1'000'000;
  std::string request;  // file of the one request to send instead of GET and SET; "": none
  Protocol replies = Protocol::kResp;
  double seconds = 5;     // 0: only the fill
  uint64_t requests = 0;  // to measure so many instead of `seconds`; 0: `seconds`
  double warmup_seconds = 1;
  bool fill = false;   // write each key once before the rest
  int cpu = -1;        // core to run on; -1: any
  int server_pid = 0;  // whose CPU time to report; 0: nobody's
  uint64_t seed = 1;
  bool json = false;

  bool mixed() const { return readers == 0 && writers == 0; }
};

/// Reads the command line. Without a value the process shall exit with `*exit_code`; help or the
/// error has been printed.
std::optional<LoadOptions> ParseLoadOptions(int argc, char** argv, int* exit_code);

}  // namespace flashdb::bench
